"""The map of values: what each cell of a world says, checked by hand and on every world that is a grid."""

from typing import Any

import gymnasium
import pytest

import hfrl.envs  # noqa: F401 - registers the worlds
from hfrl.agents import QLearning
from hfrl.grids import grid_of
from hfrl.heat import WALL, ground_of, reached
from hfrl.loop import human_model, play
from hfrl.types import Acted, Judgement, Step
from hfrl.view import HeatCell

GRIDS = (
    "FrozenLake-v1", "CliffWalking-v1", "Taxi-v4", "hfrl/PizzaKitchen-v0", "hfrl/SmallGridworld-v0",
    "hfrl/WindyGridworld-v0", "hfrl/DynaMaze-v0", "hfrl/RandomWalk-v0",
)  # fmt: skip


def parts(name: str, **settings: Any) -> tuple[Any, Any, Any]:
    env = gymnasium.make(name, **settings)
    ground = ground_of(env)
    assert ground is not None
    return env, ground, QLearning(env)


def test_a_cell_by_hand() -> None:
    """FrozenLake counts left, down, right, up; CliffWalking counts up, right, down, left."""
    for name, ways in (
        ("FrozenLake-v1", [(0, -1), (1, 0), (0, 1), (-1, 0)]),
        ("CliffWalking-v1", [(-1, 0), (0, 1), (1, 0), (0, -1)]),
    ):
        env, ground, agent = parts(name)
        for action, way in enumerate(ways):
            agent.q[0] = [float(action == other) for other in range(4)]
            heat = ground.heat(agent, human_model(env), 0, 0)
            assert heat.cells[0] == HeatCell(1.0, (way,))
        agent.q[0] = [2.0, 1.0, 2.0, 1.0]
        cell = ground.heat(agent, human_model(env), 0, 0).cells[0]
        assert cell.value == 2.0
        assert set(cell.moves) == {ways[0], ways[2]}
        assert not cell.undecided


def test_where_nothing_was_learnt_all_actions_are_alike() -> None:
    env, ground, agent = parts("FrozenLake-v1")
    heat = ground.heat(agent, human_model(env), 0, 0)
    assert [index for index, cell in enumerate(heat.cells) if cell.ends] == [5, 7, 11, 12, 15]
    assert all(cell.undecided and len(cell.moves) == 4 for cell in heat.cells if not cell.ends)
    assert all(not cell.moves for cell in heat.cells if cell.ends)


def test_what_nobody_can_come_to_is_dark() -> None:
    """The first value of the cliff's cells, 0, would be the brightest of the map."""
    env, ground, agent = parts("CliffWalking-v1")
    heat = ground.heat(agent, human_model(env), 36, 36)
    assert [index for index, cell in enumerate(heat.cells) if cell == WALL] == list(range(37, 47))
    assert heat.cells[47].ends
    assert heat.here == 36
    assert not heat.layered


def test_the_kitchen_shows_the_pizza_in_hand() -> None:
    env, ground, agent = parts("hfrl/PizzaKitchen-v0")
    grid = grid_of(env)
    assert grid is not None
    assert ground.shape == (5, 5)
    state = int(env.reset(seed=0)[0])
    there = grid.at(state, *(place + 1 for place in (2, 3)))
    assert there is not None
    agent.q[there] = [0.0, 0.0, 0.0, 0.0, 7.0]
    cell = ground.heat(agent, human_model(env), state, state).cells[2 * 5 + 3]
    assert cell == HeatCell(7.0, ((0, 0),))
    other = next(one for one in range(len(agent.q)) if grid.cell(one) == grid.cell(there) and one != there)
    assert ground.heat(agent, human_model(env), other, other).cells[2 * 5 + 3].value == 0.0
    assert ground.heat(agent, human_model(env), state, state).layered


def test_judgements_are_counted_by_cell() -> None:
    env, ground, agent = parts("FrozenLake-v1")
    model = human_model(env)
    for action in (0, 0, 3):
        step = Step(0, 0, 6, action, 0.0, 6, False, False, 1.0)
        model.observe(Judgement(step, ((1.0, 1.0),)))
    assert [cell.judged for cell in ground.heat(agent, model, 0, None).cells] == [0] * 6 + [3] + [0] * 9


@pytest.mark.parametrize("name", GRIDS)
def test_every_state_of_a_run_is_a_cell_and_no_arrow_lies(name: str) -> None:
    """Where the agent has been there is a cell; and a lone arrow is the way of the best action by the grid itself."""
    env, ground, agent = parts(name)
    grid, model = grid_of(env), human_model(env)
    assert grid is not None
    entered, ends = reached(env.unwrapped)
    for event in play(env, agent, seed=0, steps=600):
        if isinstance(event, Acted):
            step = event.step
            assert {int(step.observation), int(step.next_observation)} <= entered
            assert int(step.observation) not in ends
            assert step.terminated or int(step.next_observation) not in ends
    heat = ground.heat(agent, model, int(step.observation), int(step.observation))
    assert heat.here is not None
    cell = heat.cells[heat.here]
    values = agent.q_values(int(step.observation))
    assert cell.value == max(values)
    for action, value in enumerate(values):
        assert (grid.directions.get(action, (0, 0)) in cell.moves) or value < max(values)


def test_worlds_without_a_grid_have_no_map() -> None:
    assert ground_of(gymnasium.make("hfrl/Pizza-v0")) is None
    assert ground_of(gymnasium.make("CartPole-v1")) is None
    assert ground_of(gymnasium.make("hfrl/PizzaKitchen-v0", observation="partial")) is None
