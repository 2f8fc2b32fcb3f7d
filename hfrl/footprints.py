"""Where a world stands: its luck at one of its last resets and the actions since, walked again by a fresh one.

That takes no copy of the world, so it fits any Gymnasium world whose only luck is ``np_random``. What it leads to is
held against what was seen; a world where they differ cannot be stood in the middle of an episode.
"""

from typing import Any, NamedTuple

import numpy as np

from hfrl.plain import NotPlainError, decoded, encoded, put_luck
from hfrl.types import Step


class Footprints(NamedTuple):
    """The way to where a world stands.

    Attributes:
        seed: of the first reset; None once it is past.
        luck: where the world's own generator stood before the reset that the way begins with, as plain data; None where
            it has none.
        tables: what the world carries across resets (``world_tables``), as plain data.
        actions: taken since that reset, in one episode or some; None where no reset has been made yet.
        seen: what was observed last and the return of the episode so far, as plain data; None between two episodes.
        begun: how many of the actions belong to episodes that are over.
        here: luck and tables as they are now, between two episodes where the way is longer than nothing: then nobody
            need walk it, and worlds that cannot be walked stand there too.
    """

    seed: int | None
    luck: Any
    tables: Any
    actions: Any
    seen: Any
    begun: int = 0
    here: Any = None

    @property
    def now(self) -> tuple[int | None, Any, Any]:
        """Between two episodes: the seed of the next reset, luck and tables before it."""
        return (self.seed, self.luck, self.tables) if self.here is None else (None, *self.here)


NO_TABLES = encoded({})
#: A way is so many actions long before another one begins: reading a generator's state takes as long as half a step of
#: a table, and episodes may be short.
SHORTEST_WAY = 128


class Walker:
    """Notes the way of one world. Whoever steps it appends each action to ``actions``.

    Args:
        env: watched, never stepped.
        seed: of its first reset.
    """

    def __init__(self, env: Any, seed: int | None) -> None:
        self._world = env.unwrapped
        self._seed = seed
        self.actions: list[Any] = []
        self._has_tables = bool(tables_of(self._world))
        self._mark()

    def _mark(self) -> None:
        """Between two episodes: the way begins here."""
        # The bare state, a tenth of the work of writing it down: few ways are asked for theirs.
        self._state, self._tables = self._luck(), self._carried()
        self.actions.clear()
        self._between()

    def _between(self) -> None:
        self._begun = len(self.actions)
        self._total = 0.0
        self._last: tuple[Any, Any] | None = None

    def _luck(self) -> tuple[np.random.Generator, Any] | None:
        rng = getattr(self._world, "_np_random", None)
        return (rng, rng.bit_generator.state) if isinstance(rng, np.random.Generator) else None

    def _carried(self) -> Any:
        return encoded(tables_of(self._world)) if self._has_tables else NO_TABLES

    def over(self) -> int:
        """The episode has ended. Returns its length in steps."""
        length = len(self.actions) - self._begun
        if len(self.actions) < SHORTEST_WAY:
            self._between()
        else:
            self._seed = None
            self._mark()
        return length

    def stands(self, step: Step | None, total: float) -> None:
        """The episode has come as far as this step, and earned so much; None for no step since the last time."""
        if step is not None:
            self._last, self._total = (step.next_observation, step.next_mask), total

    def footprints(self) -> Footprints:
        """The way to where the world stands now. Raises NotPlainError for an observation that is no plain data."""
        actions = encoded(list(self.actions)) if self.actions else None
        way = Footprints(self._seed, _luck_of(self._state), self._tables, actions, None, self._begun)
        if self._last is not None:
            return way._replace(seen=seen_of(*self._last, self._total))
        return way._replace(here=[_luck_of(self._luck()), self._carried()]) if self.actions else way

    def go_on(self, way: Footprints) -> None:
        """A world that was walked there (:func:`walk`) is watched from here on. Raises ValueError."""
        self._seed, self._tables = way.seed, way.tables
        rng = None if way.luck is None else decoded(way.luck)
        self._state = None if rng is None else (rng, rng.bit_generator.state)
        self.actions = [] if way.actions is None else decoded(way.actions)
        if way.seen is None:
            self._between()
        else:
            observation, mask = decoded(way.seen[0])
            self._begun, self._last, self._total = int(way.begun), (observation, mask), float(way.seen[1])


def seen_of(observation: Any, mask: Any, total: float) -> Any:
    """What is compared, as plain data."""
    return [encoded([observation, mask]), total]


def tables_of(world: Any) -> dict[str, Any]:
    """What one of our worlds carries across resets: its tables, and whether they were filled."""
    names = (*getattr(world, "world_tables", ()), "_is_born")
    return {name: getattr(world, name) for name in names if hasattr(world, name)}


def _luck_of(state: tuple[np.random.Generator, Any] | None) -> Any:
    """A generator as it stood, as plain data; None where there is none, or it is of a kind that is not known here."""
    if state is None:
        return None
    rng, stood = state
    bits = type(rng.bit_generator)()
    bits.state = stood
    try:
        return encoded(np.random.Generator(bits))
    except NotPlainError:
        return None


def walk(env: Any, way: Footprints) -> bool:
    """Stand a fresh world where another one stood. Returns whether it sees what was seen there.

    Raises ValueError, TypeError or KeyError where the way was not written by us.
    """
    seed, luck, tables = way.now
    _stand(env.unwrapped, seed, luck, tables)
    if way.seen is None:
        return True
    observation, info = env.reset(seed=seed)
    total, begun, ended = 0.0, 0, False
    for index, action in enumerate(decoded(way.actions)):
        if ended:
            observation, info = env.reset()
            total, begun = 0.0, index
        observation, reward, terminated, truncated, info = env.step(action)
        total += float(reward)
        ended = bool(terminated or truncated)
    return not ended and begun == way.begun and bool(seen_of(observation, info.get("action_mask"), total) == way.seen)


def _stand(world: Any, seed: int | None, luck: Any, tables: Any) -> None:
    """Between two episodes; before the first reset, which is seeded, a world is as it was made."""
    if seed is not None:
        return
    if luck is not None:
        put_luck(world.np_random, luck)
    for name, value in decoded(tables).items():
        if name not in tables_of(world):
            raise ValueError(f"the world has no {name!r}")
        setattr(world, name, value)
