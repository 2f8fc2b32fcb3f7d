"""Simulated people. A teacher is a callable on what happened: ``teacher(step)`` returns the presses that arrived.

Simulated teachers wrap one another, from the judge outwards: ``budgeted(delayed(consistent(oracle)))``. Each draws from
a generator of its own, never from the agent's.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from hfrl.credit import Delay, Gamma, Uniform
from hfrl.mdp import MDP, Array, NoTableError, from_env, once, optimal_actions, q_star, tasting
from hfrl.types import Attending, Feedback, Step, Teacher, UserError

NOTHING: tuple[Feedback, ...] = ()
#: All actions whose value is so near the best are equally good.
TOLERANCE = 1e-6
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

    constants = ("good",)

    def __init__(self, good: Sequence[Sequence[bool]], row: Callable[[Step], int]) -> None:
        self.good = good
        self._row = row

    def __call__(self, step: Step) -> Sequence[Feedback]:
        return (press(step, 1.0 if self.good[self._row(step)][step.action] else -1.0),)


def oracle(env: Any, gamma: float = 0.99, taste_weight: float = TASTE_WEIGHT, tolerance: float = TOLERANCE) -> Oracle:
    """An oracle from the exact optimal values of the automated reward plus the hidden taste, where the world has one.

    Args:
        env: a world with ``P`` whose observation is its state's number.
        gamma: the discount of those values; below 1 so that delay is never free.
        taste_weight: what full taste is worth in units of the reward (R + 10 * taste).
        tolerance: actions whose value is so near the best are equally good.

    Raises:
        UserError: the world has no table, or its observation is not the number of its state.
    """
    return Oracle(good_actions(best_values(env, gamma, taste_weight), tolerance), state_number)


def state_number(step: Step) -> int:
    """The state a step was taken in, where the observation is its number."""
    return int(step.observation)


def best_values(env: Any, gamma: float, taste_weight: float) -> Array:
    """Q* of the automated reward plus the hidden taste, shape (S, A). Raises UserError as :func:`oracle`."""
    world = env.unwrapped
    tastes = [world.taste(state) for state in range(len(world.P))] if hasattr(world, "taste") else []
    start = getattr(world, "initial_state_distrib", ())
    seen = getattr(env.observation_space, "n", None)  # the same world may be seen otherwise: then it is refused
    key = "best", gamma, taste_weight, np.array(tastes).tobytes(), np.asarray(start).tobytes(), seen
    return once(getattr(world, "P", None), key, lambda: _best_values(env, gamma, taste_weight))


def _best_values(env: Any, gamma: float, taste_weight: float) -> Array:
    q = q_star(known_world(env, gamma, taste_weight), gamma)
    q.setflags(write=False)
    return q


def known_world(env: Any, gamma: float, taste_weight: float) -> MDP:
    """The world as somebody sees it who also tastes. Raises UserError as :func:`oracle`."""
    if not 0 <= gamma <= 1:
        raise UserError(f"the oracle's gamma must be within [0, 1], got {gamma}")
    reward = tasting(env, taste_weight) if hasattr(env.unwrapped, "taste") else None
    try:
        mdp = from_env(env, reward)
    except NoTableError as error:
        raise UserError(
            f"teacher oracle needs a world with a transition table P, and {error}; teachers that need none: "
            "none, heuristic and expert (CartPole), expert:run=FOLDER, random, always_positive, always_negative"
        ) from error
    if getattr(env.observation_space, "n", None) != len(mdp.start):
        raise UserError("teacher oracle needs observations that number the states of P (observation=index)")
    return mdp


def good_actions(q: Array, tolerance: float = TOLERANCE) -> list[list[bool]]:
    """``good[s][a]``: the set of optimal actions of every state, ties within a tolerance. Raises UserError below 0."""
    if not tolerance >= 0:
        raise UserError(f"tolerance must be 0 or more, got {tolerance}")
    table: list[list[bool]] = optimal_actions(q, tolerance).tolist()
    return table


Chance = float | Callable[[Step], float]
"""A probability, or one that changes while the person watches."""


def drifted(consistency: float, drift: float, steps: int) -> float:
    """C_t = 1/2 + (C - 1/2) (1 - drift)^(t / 1000): after t steps a careful person labels a little more at random.

    >>> drifted(0.9, 0.5, 0), drifted(0.9, 0.5, 1000), drifted(0.9, 1.0, 1)
    (0.9, 0.7, 0.5)
    """
    return 0.5 + (consistency - 0.5) * math.pow(1 - drift, steps / 1000)


def tired(likelihood: float, fatigue: float, steps: int) -> float:
    """L_t = L (1 - fatigue)^(t / 1000): after t steps a person speaks less often.

    >>> tired(0.8, 0.5, 0), tired(0.8, 0.5, 2000), tired(0.8, 0.0, 10**6)
    (0.8, 0.2, 0.8)
    """
    return likelihood * math.pow(1 - fatigue, steps / 1000)


def consistent(teacher: Teacher, consistency: Chance, rng: np.random.Generator) -> Teacher:
    """Each label is right with probability C, and turned round otherwise (Griffith et al. 2013, section 3)."""
    chance = _chance("consistency", consistency)

    def teach(step: Step) -> Sequence[Feedback]:
        return [p if rng.random() < chance(step) else p._replace(value=-p.value) for p in teacher(step)]

    return teach


def likely(teacher: Teacher, likelihood: Chance, rng: np.random.Generator) -> Teacher:
    """Each step is labelled with probability L; the others pass in silence (Griffith et al. 2013, section 3)."""
    chance = _chance("likelihood", likelihood)

    def teach(step: Step) -> Sequence[Feedback]:
        return teacher(step) if rng.random() < chance(step) else NOTHING

    return teach


def _chance(name: str, chance: Chance) -> Callable[[Step], float]:
    if callable(chance):
        return chance
    check_probability(name, chance)
    return lambda step: chance  # noqa: ARG005


def modest(teacher: Teacher, withhold_praise: float, rng: np.random.Generator) -> Teacher:
    """Each reward is withheld with probability mu+: this person thinks that doing well goes without saying (Loftin et
    al. 2014)."""
    check_probability("withhold_praise", withhold_praise)

    def teach(step: Step) -> Sequence[Feedback]:
        return [p for p in teacher(step) if p.value <= 0 or rng.random() >= withhold_praise]

    return teach


def softened(teacher: Teacher, blame: float) -> Teacher:
    """A penalty is worth ``blame`` times a reward of the same strength; 0 makes the labels 1 and 0."""
    if not 0 <= blame < math.inf:
        raise UserError(f"blame must be 0 or more, got {blame}")

    def teach(step: Step) -> Sequence[Feedback]:
        # Adding 0.0 turns -0.0 into 0.0.
        return [p._replace(value=p.value * blame + 0.0) if p.value < 0 else p for p in teacher(step)]

    return teach


def inverted(teacher: Teacher) -> Teacher:
    """Who means the opposite of what they say."""
    return lambda step: [p._replace(value=-p.value) for p in teacher(step)]


def positive(teacher: Teacher, positivity: float, rng: np.random.Generator) -> Teacher:
    """People praise more than they scold: each penalty is withheld with probability ``positivity`` (the mu- of Loftin
    et al. 2014)."""
    check_probability("positivity", positivity)

    def teach(step: Step) -> Sequence[Feedback]:
        return [p for p in teacher(step) if p.value >= 0 or rng.random() >= positivity]

    return teach


class Budgeted:
    """Only the first ``budget`` presses; then the teacher has left, and their silence says nothing any more.

    Raises:
        UserError: a budget that is no whole number of at least 0.
    """

    def __init__(self, teacher: Teacher, budget: int) -> None:
        if budget < 0 or budget != int(budget):
            raise UserError(f"budget must be 0 or more presses, a whole number, got {budget}")
        self._teacher = teacher
        self._left = int(budget)

    def attends(self, index: int) -> bool:
        """Whether a press is left."""
        return self._left > 0 and attending(self._teacher, index)

    def __call__(self, step: Step) -> Sequence[Feedback]:
        if self._left == 0:
            return NOTHING
        presses = self._teacher(step)[: self._left]
        self._left -= len(presses)
        return presses


def budgeted(teacher: Teacher, budget: int) -> Teacher:
    """Only the first ``budget`` presses, then silence."""
    return Budgeted(teacher, budget)


def attending(teacher: Teacher, index: int) -> bool:
    """Whether a teacher attends when step ``index`` comes on the screen: always, where they do not say."""
    return not isinstance(teacher, Attending) or teacher.attends(index)


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


def check_probability(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise UserError(f"{name} is a probability and must be within [0, 1], got {value}")


class Later:
    """Not there for the first ``warmup`` steps.

    Raises:
        UserError: a negative warm-up.
    """

    def __init__(self, teacher: Teacher, warmup: int) -> None:
        if warmup < 0:
            raise UserError(f"warmup must be 0 or more steps, got {warmup}")
        self._teacher = teacher
        self._warmup = warmup

    def attends(self, index: int) -> bool:
        """Whether the warm-up is over."""
        return index >= self._warmup and attending(self._teacher, index)

    def __call__(self, step: Step) -> Sequence[Feedback]:
        return self._teacher(step) if step.index >= self._warmup else NOTHING


def after(teacher: Teacher, warmup: int) -> Teacher:
    """Silent for the first ``warmup`` steps: the person meets an agent that knows the automated reward already."""
    return Later(teacher, warmup)


class Dials(NamedTuple):
    """The dials of a :class:`Manner` whose presses come at once and are all of one strength, those of the oracle
    behind it and the warm-up, as plain numbers: what the compiled engine needs. Who drives instead has a ``hold`` of at
    least 1, and ``slip``, ``first`` and ``mix`` (:class:`hfrl.judges.Hands`)."""

    consistency: float = 1.0
    likelihood: float = 1.0
    budget: int | None = None
    positivity: float = 0.0
    gamma: float = 0.99
    taste_weight: float = TASTE_WEIGHT
    warmup: int = 0
    withhold_praise: float = 0.0
    inverted: bool = False
    drift: float = 0.0
    fatigue: float = 0.0
    hold: int = 0
    slip: float = 0.0
    first: int = 0
    mix: float = 0.0


def nobody(env: Any, rng: np.random.Generator) -> Teacher:  # noqa: ARG001 - the signature of a teacher's maker
    """The teacher ``none``."""
    return silent


class Manner(NamedTuple):
    """How a person puts what they think, from the inside outwards: the dials of every simulated person.

    Attributes:
        inverted: means the opposite of what they say.
        consistency: C, the probability that a label is right.
        drift: the share of C's distance from a coin that is lost every 1000 steps (:func:`drifted`).
        likelihood: L, the probability that a step is labelled.
        fatigue: the share of L that is lost every 1000 steps (:func:`tired`).
        withhold_blame: mu-, the probability that a penalty is withheld.
        withhold_praise: mu+, the probability that a reward is withheld.
        blame: what a penalty is worth, in units of a reward; 0 makes the labels 1 and 0.
        delay: seconds from the step to the press, or ``"uniform"`` or ``"gamma"`` for drawn delays.
        budget: presses in all; None for no limit.
    """

    inverted: bool = False
    consistency: float = 1.0
    drift: float = 0.0
    likelihood: float = 1.0
    fatigue: float = 0.0
    withhold_blame: float = 0.0
    withhold_praise: float = 0.0
    blame: float = 1.0
    delay: float | str = 0.0
    budget: int | None = None


def spoken(judge: Teacher, manner: Manner, rng: np.random.Generator) -> Teacher:
    """Somebody who thinks like this judge and speaks in this manner.

    Args:
        judge: says of every step what a perfect teacher would.
        manner: the dials.
        rng: the person's own generator; each dial draws from one of its own.

    Raises:
        UserError: a dial out of its range.
    """
    draws = dial_generators(rng)
    watched = _steps_watched()
    consistency, likelihood = manner.consistency, manner.likelihood
    for name in ("consistency", "likelihood", "drift", "fatigue"):
        check_probability(name, getattr(manner, name))
    teacher = inverted(judge) if manner.inverted else judge
    fading: Chance = lambda step: drifted(consistency, manner.drift, watched(step))  # noqa: E731
    teacher = consistent(teacher, fading if manner.drift else consistency, draws[0])
    tiring: Chance = lambda step: tired(likelihood, manner.fatigue, watched(step))  # noqa: E731
    teacher = likely(teacher, tiring if manner.fatigue else likelihood, draws[1])
    if manner.withhold_blame:
        teacher = positive(teacher, manner.withhold_blame, draws[2])
    if manner.withhold_praise:
        teacher = modest(teacher, manner.withhold_praise, draws[4])
    if manner.blame != 1:
        teacher = softened(teacher, manner.blame)
    if manner.delay:
        teacher = Delayed(teacher, _delay(manner.delay, draws[3]))
    return teacher if manner.budget is None else budgeted(teacher, manner.budget)


def _steps_watched() -> Callable[[Step], int]:
    """How many steps lie between a step and the first one that was asked about."""
    first: int | None = None

    def watched(step: Step) -> int:
        nonlocal first
        first = step.index if first is None else first
        return step.index - first

    return watched


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
    """The oracle with the dials that are turned most often, for scripts; ``--teacher oracle:...`` has them all.

    Args:
        env: the world it watches; see :func:`oracle` for ``gamma`` and ``taste_weight``.
        rng: the teacher's own generator.
        consistency, likelihood, delay, budget: see :class:`Manner`.
        positivity: the probability that a penalty is withheld.
    """
    manner = Manner(
        consistency=consistency, likelihood=likelihood, withhold_blame=positivity, delay=delay, budget=budget
    )
    return spoken(oracle(env, gamma, taste_weight), manner, rng)


def dial_generators(rng: np.random.Generator) -> list[np.random.Generator]:
    """For consistency, likelihood, withheld blame, delay and withheld praise, one each: turning one dial leaves the
    luck of the others."""
    return rng.spawn(5)


def _delay(delay: float | str, rng: np.random.Generator) -> Callable[[], float]:
    if isinstance(delay, str):
        if delay not in DELAYS:
            raise UserError(f"delay must be seconds or one of {', '.join(DELAYS)}, got {delay!r}")
        return drawn_delay(DELAYS[delay], rng)
    return fixed_delay(delay)
