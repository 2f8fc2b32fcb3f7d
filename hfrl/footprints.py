"""Where a world stands: its luck at the last reset and the actions since, walked again by a fresh one.

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
        luck: where the world's own generator stood before the last reset, as plain data; None where it has none.
        tables: what the world carries across resets (``world_tables``), as plain data.
        actions: taken since the reset; None between two episodes, where no reset has been made yet.
        seen: what was observed last and the return of the episode so far, as plain data.
    """

    seed: int | None
    luck: Any
    tables: Any
    actions: Any
    seen: Any


NO_TABLES = encoded({})


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
        """Between two episodes."""
        world = self._world
        rng = getattr(world, "_np_random", None)
        # The bare state, a tenth of the work of writing it down: few episodes are asked for theirs.
        self._state = (rng, rng.bit_generator.state) if isinstance(rng, np.random.Generator) else None
        self._tables = encoded(tables_of(world)) if self._has_tables else NO_TABLES
        self.actions.clear()
        self._total = 0.0
        self._last: tuple[Any, Any] | None = None

    def over(self) -> None:
        """The episode has ended."""
        self._seed = None
        self._mark()

    def stands(self, step: Step | None, total: float) -> None:
        """The episode has come as far as this step, and earned so much; None for no step since the last time."""
        if step is not None:
            self._last, self._total = (step.next_observation, step.next_mask), total

    def footprints(self) -> Footprints:
        """The way to where the world stands now. Raises NotPlainError for an observation that is no plain data."""
        seen = None if self._last is None else seen_of(*self._last, self._total)
        actions = encoded(list(self.actions)) if self.actions else None
        return Footprints(self._seed, _luck_of(self._state), self._tables, actions, seen)

    def go_on(self, way: Footprints) -> None:
        """A world that was walked there (:func:`walk`) is watched from here on. Raises ValueError."""
        self._seed, self._tables = way.seed, way.tables
        rng = None if way.luck is None else decoded(way.luck)
        self._state = None if rng is None else (rng, rng.bit_generator.state)
        if way.actions is not None:
            self.actions = decoded(way.actions)
            observation, mask = decoded(way.seen[0])
            self._last, self._total = (observation, mask), float(way.seen[1])


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
    world = env.unwrapped
    if way.seed is None:
        if way.luck is not None:
            put_luck(world.np_random, way.luck)
        for name, value in decoded(way.tables).items():
            if name not in tables_of(world):
                raise ValueError(f"the world has no {name!r}")
            setattr(world, name, value)
    if way.actions is None:
        return True
    observation, info = env.reset(seed=way.seed)
    total = 0.0
    for action in decoded(way.actions):
        observation, reward, terminated, truncated, info = env.step(action)
        total += float(reward)
        if terminated or truncated:
            return False
    return bool(seen_of(observation, info.get("action_mask"), total) == way.seen)
