"""What an agent thinks of every cell of a world that is a grid: the value of its best action, and which one it is.

Only plain records are made here (:class:`hfrl.view.Heat`); ``hfrl.panel_heat`` draws them. Which way an action goes is
asked of the world's own grid (:mod:`hfrl.grids`) and nowhere else.
"""

from typing import Any

from hfrl.grids import Cell, Grid, grid_of
from hfrl.types import UserError
from hfrl.view import Heat, HeatCell

STAY: Cell = (0, 0)
"""How an action that goes nowhere, such as ``use``, is drawn: as a dot."""
WALL = HeatCell(None)


class Ground:
    """The floor of a world: which cells there are, and which states of them mean anything.

    A state that no run comes to (a cell of CliffWalking's cliff) is dark like a wall, for nobody ever learns its
    value, and a first value of 0 would outshine everything. In a state that ends an episode nothing is chosen.

    Args:
        env: the world, wrapped or not.
        grid: its grid.
    """

    def __init__(self, env: Any, grid: Grid) -> None:
        self._grid = grid
        self._entered, self._ends = reached(env.unwrapped)
        cells = [cell for cell in map(grid.cell, self._entered) if cell is not None]
        self._top, self._left = (min(cell[axis] for cell in cells) for axis in (0, 1))
        bottom, right = (max(cell[axis] for cell in cells) for axis in (0, 1))
        #: Rows and columns without the walls around them.
        self.shape = bottom - self._top + 1, right - self._left + 1
        #: Whether a cell has several states: with this pizza in hand, or with that one.
        self.layered = len({grid.at(0, *cell) for cell in cells}) < len(self._entered)

    def heat(self, agent: Any, model: Any, layer: int, present: int | None) -> Heat:
        """The picture of a moment.

        Args:
            agent: its greedy policy and its action values are read.
            model: of the person; how often each action was judged.
            layer: a state; every cell is shown with the same pizza in hand, the same passenger as in it.
            present: the state the agent is in, whose cell is marked; None marks none.
        """
        rows, columns = self.shape
        places = self._places()
        cells = tuple(self._cell(agent, model, self._grid.at(layer, *place)) for place in places)
        here = None if present is None else self._grid.cell(present)
        return Heat(rows, columns, cells, places.index(here) if here in places else None, self.layered)

    def _places(self) -> list[Cell]:
        rows, columns = self.shape
        return [(self._top + row, self._left + column) for row in range(rows) for column in range(columns)]

    def states(self, layer: int) -> tuple[int | None, ...]:
        """The state of every cell in reading order, all with the same pizza in hand as in ``layer``; None for walls."""
        found = (self._grid.at(layer, *place) for place in self._places())
        return tuple(state if state in self._entered else None for state in found)

    @property
    def ends(self) -> frozenset[int]:
        """The states that a run can only end in."""
        return self._ends

    def move(self, action: int) -> Cell:
        """Which way an action goes; (0, 0) for one that goes nowhere."""
        return self._grid.directions.get(action, STAY)

    def _cell(self, agent: Any, model: Any, state: int | None) -> HeatCell:
        if state is None or state not in self._entered:
            return WALL
        values = agent.q_values(state)
        judged = judgements(model, state)
        if state in self._ends:
            return HeatCell(max(values), (), True, False, judged)
        # Of a state with fewer actions than others the policy names only those.
        shares = agent.greedy_policy(state).probabilities
        best = [action for action, share in enumerate(shares) if share > 0]
        moves = tuple(dict.fromkeys(self._grid.directions.get(action, STAY) for action in best))
        undecided = len(best) == len(shares) > 1
        return HeatCell(max(values[action] for action in best), moves, False, undecided, judged)


def ground_of(env: Any) -> Ground | None:
    """The floor of a world; None where it is no grid."""
    grid = grid_of(env)
    return None if grid is None else Ground(env, grid)


def reached(world: Any) -> tuple[frozenset[int], frozenset[int]]:
    """The states that a run can come to, and those among them in which it can only end."""
    start = getattr(world, "initial_state_distrib", None)
    walked = (
        {state for state, share in enumerate(start) if share > 0} if start is not None else set(range(len(world.P)))
    )
    ends = set()
    waiting = list(walked)
    while waiting:
        state = waiting.pop()
        for action in range(len(world.P[state])):
            for probability, after, _, terminated in world.P[state][action]:
                if probability > 0 and terminated:
                    ends.add(after)
                elif probability > 0 and after not in walked:
                    walked.add(after)
                    waiting.append(after)
    return frozenset(walked | ends), frozenset(ends - walked)


def judgements(model: Any, state: int) -> int:
    """How often the person has judged any action of a state; 0 where no table of the person fits the world."""
    try:
        return int(sum(model.counts(state)))
    except UserError:
        return 0
