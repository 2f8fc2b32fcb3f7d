"""Simulated people. A teacher is a callable on what happened: ``teacher(step)`` returns the presses that arrived.

Simulated teachers wrap one another, from the judge outwards: ``budgeted(delayed(consistent(oracle)))``. Each draws from
a generator of its own, never from the agent's.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from hfrl.credit import Delay, Gamma, Uniform
from hfrl.mdp import Array, NoTableError, from_env, optimal_actions, q_star, tasting
from hfrl.types import Feedback, Step, Teacher, UserError

NOTHING: tuple[Feedback, ...] = ()
#: How much a full point of hidden taste is worth to somebody who also tastes: R + 10 taste.
TASTE_WEIGHT = 10.0
DELAYS: dict[str, Delay] = {"uniform": Uniform(), "gamma": Gamma()}


def silent(step: Step) -> Sequence[Feedback]:  # noqa: ARG001 - the signature of a teacher
    """Nobody: never says anything."""
    return NOTHING


def press(step: Step, value: float) -> Feedback:
    """A press at the moment the step came on the screen."""
    return Feedback(value, step.time)


class Oracle:
    """Praises an optimal action (+1) and blames every other (-1). All actions within the tolerance of the best count as
    optimal: an oracle that knows one best action punishes equally good ones.

    Args:
        good: ``good[s][a]``, whether the action is optimal.
        row: the number of the state that a step was taken in.
    """

    def __init__(self, good: Sequence[Sequence[bool]], row: Callable[[Step], int]) -> None:
        self.good = good
        self._row = row

    def __call__(self, step: Step) -> Sequence[Feedback]:
        return (press(step, 1.0 if self.good[self._row(step)][step.action] else -1.0),)


def oracle(env: Any, gamma: float = 0.99, taste_weight: float = TASTE_WEIGHT) -> Oracle:
    """An oracle from the exact optimal values of the automated reward plus the hidden taste, where the world has one.

    Args:
        env: a world with ``P`` whose observation is its state's number.
        gamma: the discount of those values; below 1 so that delay is never free.
        taste_weight: what full taste is worth in units of the reward (R + 10 * taste).

    Raises:
        UserError: the world has no table, or its observation is not the number of its state.
    """
    if not 0 <= gamma <= 1:
        raise UserError(f"the oracle's gamma must be within [0, 1], got {gamma}")
    world = env.unwrapped
    reward = tasting(env, taste_weight) if hasattr(world, "taste") else None
    try:
        q = q_star(from_env(env, reward), gamma)
    except NoTableError as error:
        raise UserError(
            f"teacher oracle needs a world with a transition table P, and {error}; teachers that need none: none"
        ) from error
    if getattr(env.observation_space, "n", None) != len(q):
        raise UserError("teacher oracle needs observations that number the states of P (observation=index)")
    return Oracle(good_actions(q), lambda step: int(step.observation))


def good_actions(q: Array) -> list[list[bool]]:
    """``good[s][a]``: the set of optimal actions of every state."""
    table: list[list[bool]] = optimal_actions(q).tolist()
    return table


def consistent(teacher: Teacher, consistency: float, rng: np.random.Generator) -> Teacher:
    """Each label is right with probability C, and turned round otherwise (Griffith et al. 2013, section 3)."""
    _check_probability("consistency", consistency)

    def teach(step: Step) -> Sequence[Feedback]:
        return [p if rng.random() < consistency else p._replace(value=-p.value) for p in teacher(step)]

    return teach


def likely(teacher: Teacher, likelihood: float, rng: np.random.Generator) -> Teacher:
    """Each step is labelled with probability L; the others pass in silence (Griffith et al. 2013, section 3)."""
    _check_probability("likelihood", likelihood)

    def teach(step: Step) -> Sequence[Feedback]:
        return teacher(step) if rng.random() < likelihood else NOTHING

    return teach


def positive(teacher: Teacher, positivity: float, rng: np.random.Generator) -> Teacher:
    """People praise more than they scold: each penalty is withheld with probability ``positivity`` (the mu- of Loftin
    et al. 2014)."""
    _check_probability("positivity", positivity)

    def teach(step: Step) -> Sequence[Feedback]:
        return [p for p in teacher(step) if p.value >= 0 or rng.random() >= positivity]

    return teach


def budgeted(teacher: Teacher, budget: int) -> Teacher:
    """Only the first ``budget`` presses, then silence."""
    if budget < 0 or budget != int(budget):
        raise UserError(f"budget must be 0 or more presses, a whole number, got {budget}")
    left = int(budget)

    def teach(step: Step) -> Sequence[Feedback]:
        nonlocal left
        if left == 0:
            return NOTHING
        presses = teacher(step)[:left]
        left -= len(presses)
        return presses

    return teach


class Delayed:
    """Each press comes ``delay`` seconds after the step appeared; those still under way when an episode ends arrive in
    the grading time after its last step.

    Args:
        teacher: who judges.
        draw: seconds of delay, drawn anew for each press.
    """

    def __init__(self, teacher: Teacher, draw: Callable[[], float]) -> None:
        self._teacher = teacher
        self._draw = draw
        self._coming: list[Feedback] = []

    def __call__(self, step: Step) -> Sequence[Feedback]:
        for judged in self._teacher(step):
            delay = self._draw()
            self._coming.append(judged._replace(time=judged.time + delay, latency=delay))
        if not self._coming:
            return NOTHING
        if step.terminated or step.truncated:
            arrived, self._coming = self._coming, []
        else:
            arrived = [p for p in self._coming if p.time <= step.time]
            self._coming = [p for p in self._coming if p.time > step.time]
        return sorted(arrived, key=lambda p: p.time)


def fixed_delay(seconds: float) -> Callable[[], float]:
    """Always the same delay. Raises UserError below 0."""
    if seconds < 0:
        raise UserError(f"delay must be 0 or more seconds, got {seconds}")
    return lambda: seconds


def drawn_delay(delay: Delay, rng: np.random.Generator) -> Callable[[], float]:
    """Delays drawn from a distribution, by bisection of its cumulative distribution at one uniform."""

    def draw() -> float:
        u = float(rng.random()) * delay.cdf(delay.reach)
        low, high = 0.0, delay.reach
        while high - low > 1e-6:
            middle = (low + high) / 2
            low, high = (low, middle) if delay.cdf(middle) >= u else (middle, high)
        return high

    return draw


def _check_probability(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise UserError(f"{name} is a probability and must be within [0, 1], got {value}")


def after(teacher: Teacher, warmup: int) -> Teacher:
    """Silent for the first ``warmup`` steps: the person meets an agent that knows the automated reward already."""
    if warmup < 0:
        raise UserError(f"warmup must be 0 or more steps, got {warmup}")
    return lambda step: teacher(step) if step.index >= warmup else NOTHING


class Dials(NamedTuple):
    """The dials of :func:`simulated` whose presses come at once, as plain numbers: what the compiled engine needs."""

    consistency: float = 1.0
    likelihood: float = 1.0
    budget: int | None = None
    positivity: float = 0.0
    gamma: float = 0.99
    taste_weight: float = TASTE_WEIGHT
    warmup: int = 0


def nobody(env: Any, rng: np.random.Generator) -> Teacher:  # noqa: ARG001 - the signature of a teacher's maker
    """The teacher ``none``."""
    return silent


def simulated(
    env: Any,
    rng: np.random.Generator,
    consistency: float = 1.0,
    likelihood: float = 1.0,
    delay: float | str = 0.0,
    budget: int | None = None,
    positivity: float = 0.0,
    gamma: float = 0.99,
    taste_weight: float = TASTE_WEIGHT,
) -> Teacher:
    """The teacher ``oracle`` with all its dials.

    Args:
        env: the world it watches; see :func:`oracle` for ``gamma`` and ``taste_weight``.
        rng: the teacher's own generator.
        consistency: C, the probability that a label is right.
        likelihood: L, the probability that a step is labelled.
        delay: seconds from the step to the press, or ``"uniform"`` or ``"gamma"`` for drawn delays.
        budget: presses in all; None for no limit.
        positivity: the probability that a penalty is withheld.
    """
    draws = dial_generators(rng)
    teacher: Teacher = consistent(oracle(env, gamma, taste_weight), consistency, draws[0])
    teacher = likely(teacher, likelihood, draws[1])
    if positivity:
        teacher = positive(teacher, positivity, draws[2])
    if delay:
        teacher = Delayed(teacher, _delay(delay, draws[3]))
    return teacher if budget is None else budgeted(teacher, budget)


def dial_generators(rng: np.random.Generator) -> list[np.random.Generator]:
    """For consistency, likelihood, positivity and delay, one each: turning one dial leaves the luck of the others."""
    return rng.spawn(4)


def _delay(delay: float | str, rng: np.random.Generator) -> Callable[[], float]:
    if isinstance(delay, str):
        if delay not in DELAYS:
            raise UserError(f"delay must be seconds or one of {', '.join(DELAYS)}, got {delay!r}")
        return drawn_delay(DELAYS[delay], rng)
    return fixed_delay(delay)
