"""How late a person presses, found in their session: ``replay RUN --fit-delay gamma``.

Nobody writes down what a press was about. But of the right delay the presses agree: those about one action in one state
are mostly praise or mostly blame. The person says of a pair (s, a) the word w with a probability theta(w | s, a), and a
press is about step i with its share of credit (:func:`hfrl.credit.shares`), so that

    ln P(words | delay) = sum over presses of ln sum_i share_i(delay) theta(w | s_i, a_i)

theta is fitted by EM for each delay that is tried, a press never testifying for itself, and the delay that leaves the
words likeliest is the person's. It is a delay as the credit takes it: from any moment at which the step was to be seen.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hfrl import build
from hfrl.again import run_again
from hfrl.credit import Delay, Gamma, Uniform, shares
from hfrl.feedback import Presses, read_presses
from hfrl.record import find_runs, seed_folders
from hfrl.registry import nearest
from hfrl.saved import load_arm
from hfrl.tabular import discrete_parts, rows_of
from hfrl.types import Step, UserError

#: The most steps of a session; nothing that left the screen so many seconds before a press is what it was about.
MOST_STEPS, REACH = 200_000, 2.5
#: Presses that are needed before they say anything, of either kind. Of more steps that they may be about than so many,
#: those of the last presses are taken.
FEWEST, FEWEST_OF_A_KIND, MOST = 30, 5, 10_000
#: theta begins at the person's overall rate, worth so many words; EM is done so often.
PRIOR, ROUNDS = 2.0, 10
#: A delay whose words are less likely by this factor's logarithm is out (95 %, two parameters: chi-squared / 2).
CLOSE = 3.0
#: So often are the words dealt anew among the presses: no delay is found where one of these makes as much sense (5 %).
DEALS = 19
#: From the best of the grid on, the first number is moved by so many seconds and the second by such a factor.
STRIDES = ((0.05, 1.4), (0.025, 1.2), (0.0125, 1.1))
Pair = tuple[int, int]
Two = tuple[float, float]


class Heard(NamedTuple):
    """The presses of a session and what each may have been about, a row each.

    Attributes:
        times: seconds.
        praise: (n,) bool, whether it was praise; else it was blame.
        intervals: of each press when the steps it may be about were on the screen, (begin, end) in seconds.
        pairs: (n, k) int64, the number of each such step's (s, a); rows are filled up with 0.
        kinds: how many pairs there are.
    """

    times: Sequence[float]
    praise: NDArray[np.bool_]
    intervals: Sequence[Sequence[tuple[float, float]]]
    pairs: NDArray[np.int64]
    kinds: int


class Family(NamedTuple):
    """A kind of delay with two numbers.

    Attributes:
        made: the two numbers -> the delay.
        grid: what is tried first of each.
        bounds: the least and the greatest that is tried of each.
        mean: the two numbers -> seconds.
        flag: how it is typed.
    """

    made: Callable[[float, float], Delay]
    grid: tuple[Sequence[float], Sequence[float]]
    bounds: tuple[tuple[float, float], tuple[float, float]]
    mean: Callable[[float, float], float]
    flag: Callable[[float, float], str]


FAMILIES: Mapping[str, Family] = {
    "uniform": Family(  # the soonest delay, and how much later the latest is
        lambda low, width: Uniform(low, low + width),
        ((0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8), (0.1, 0.2, 0.4, 0.6, 0.8, 1.2)),
        ((0.0, REACH), (0.1, REACH)),
        lambda low, width: low + width / 2,
        lambda low, width: f"uniform:low={low:.2f},high={low + width:.2f}",
    ),
    "gamma": Family(  # the mean delay, and the shape
        lambda mean, shape: Gamma(shape, mean / shape),
        ((0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.4), (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)),
        ((0.05, REACH), (0.5, 32.0)),
        lambda mean, shape: mean,  # noqa: ARG005
        lambda mean, shape: f"gamma:shape={shape:.2f},scale={mean / shape:.4f}",
    ),
}


class Fit(NamedTuple):
    """The delay that was found.

    Attributes:
        flag: for ``--credit``.
        delay: the delay.
        mean: seconds.
        between: the means of all delays tried that are nearly as likely, (least, greatest), seconds.
        likelihood: ln P(words | delay) per press.
        presses: how many spoke.
    """

    flag: str
    delay: Delay
    mean: float
    between: tuple[float, float]
    likelihood: float
    presses: int


# --- the likelihood --------------------------------------------------------------------------------------------------


def heard(steps: Sequence[Step], presses: Presses, row: Callable[[Any], int]) -> Heard:
    """What each press may have been about: the step on the screen, and those before it of the same episode and actor.

    The last press comes first; neutral ones are left out.
    """
    spoke = np.flatnonzero((presses.value != 0) & np.isin(presses.step, [step.index for step in steps]))
    numbers: dict[Pair, int] = {}
    chosen: list[int] = []
    intervals: list[list[tuple[float, float]]] = []
    rows: list[list[int]] = []
    count = 0
    for press in reversed(spoke.tolist()):
        shown = _shown(steps, int(presses.step[press]) - steps[0].index, float(presses.t[press]))
        count += len(shown)
        if count > MOST:
            break
        chosen.append(press)
        intervals.append([(begin, end) for _, begin, end in shown])
        rows.append(
            [numbers.setdefault((row(step.observation), int(step.action)), len(numbers)) for step, _, _ in shown]
        )
    pairs = np.zeros((len(rows), max(map(len, rows), default=0)), np.int64)
    for filled, about in zip(pairs, rows, strict=True):
        filled[: len(about)] = about
    return Heard(presses.t[chosen].tolist(), presses.value[chosen] > 0, intervals, pairs, len(numbers))


def _shown(steps: Sequence[Step], at: int, time: float) -> list[tuple[Step, float, float]]:
    """The steps that a press may be about while ``steps[at]`` is on the screen, and when they came and left."""
    now, shown, end = steps[at], [], math.inf
    while at >= 0 and end > time - REACH and (steps[at].episode, steps[at].actor) == (now.episode, now.actor):
        shown.append((steps[at], steps[at].time, end))
        end = steps[at].time
        at -= 1
    return shown


def credited(delay: Delay, heard: Heard) -> NDArray[np.float64]:
    """The shares of credit of each press among the steps that it may be about, a row each."""
    weights = np.zeros(heard.pairs.shape)
    for row, time, shown in zip(weights, heard.times, heard.intervals, strict=True):
        row[: len(shown)] = shares(delay, time, shown)
    return weights


def likelihood(weights: NDArray[np.float64], heard: Heard) -> float:
    """ln P(words | delay) per press, for the delay that has shared the credit out so.

    Two presses .5 s after the second of two steps began: praise both times, about one pair if the delay is .5 s.

    >>> shown = [(0.5, math.inf), (0.0, 0.5)]
    >>> twice = Heard([1.0, 1.0], np.array([True, True]), [shown, shown], np.array([[0, 1], [0, 1]]), 2)
    >>> likelihood(credited(Uniform(0.4, 0.5), twice), twice)  # always praise
    0.0
    """
    praise = heard.praise[:, None]
    alike = heard.pairs[:, :, None] == heard.pairs[:, None, :]  # a press may be about one pair twice
    rate = float(heard.praise.mean())
    about = weights
    for _ in range(ROUNDS):
        own = np.einsum("nij,nj->ni", alike, about)
        praised, blamed = (
            np.bincount(heard.pairs.ravel(), (about * said).ravel(), heard.kinds)[heard.pairs] - own * said
            for said in (praise, ~praise)
        )
        praised, blamed = praised + PRIOR * rate, blamed + PRIOR * (1 - rate)
        joint = weights * np.where(praise, praised, blamed) / (praised + blamed)
        told = joint.sum(axis=1, keepdims=True)
        about = joint / told
    return float(np.log(told).mean())


def fitted(kind: str, heard: Heard) -> Fit:
    """The likeliest delay of a kind of :data:`FAMILIES`: the best of a grid, and of ever smaller steps from there.

    Raises UserError where there are too few words to say anything, or they go with what was shown by no delay.
    """
    praises, presses = int(heard.praise.sum()), len(heard.times)
    if presses < FEWEST or min(praises, presses - praises) < FEWEST_OF_A_KIND:
        raise UserError(
            f"{praises} praises and {presses - praises} penalties are too few to find a delay in (of {FEWEST}, "
            f"at least {FEWEST_OF_A_KIND} of either); take the test on the start card of play: --credit empirical"
        )
    family = FAMILIES[kind]
    weights = {numbers: credited(family.made(*numbers), heard) for numbers in itertools.product(*family.grid)}
    tried = {numbers: likelihood(shared, heard) for numbers, shared in weights.items()}
    best = max(tried, key=lambda numbers: tried[numbers])
    if tried[best] <= by_chance(list(weights.values()), heard):
        raise UserError(
            f"no delay makes sense of these {presses} presses: what was said does not go with what was shown"
        )
    for seconds, factor in STRIDES:
        best = _climb(family, heard, tried, best, (seconds, factor))
    near = [family.mean(*numbers) for numbers, score in tried.items() if (tried[best] - score) * presses <= CLOSE]
    flag = family.flag(*best)
    return Fit(flag, family.made(*best), family.mean(*best), (min(near), max(near)), tried[best], presses)


def by_chance(weights: Sequence[NDArray[np.float64]], heard: Heard) -> float:
    """The greatest likelihood that any of these delays has, of words that were dealt anew among the presses."""
    rng = np.random.default_rng(0)
    dealt = [heard._replace(praise=rng.permutation(heard.praise)) for _ in range(DEALS)]
    return max(likelihood(shared, one) for one in dealt for shared in weights)


def _climb(family: Family, heard: Heard, tried: dict[Two, float], best: Two, stride: tuple[float, float]) -> Two:
    """The best that steps of one size lead to."""
    (seconds, factor), ((soonest, latest), (least, most)) = stride, family.bounds
    while True:
        first, second = best
        for numbers in (
            (max(first - seconds, soonest), second), (min(first + seconds, latest), second),
            (first, max(second / factor, least)), (first, min(second * factor, most)),
        ):  # fmt: skip
            if numbers not in tried:
                tried[numbers] = likelihood(credited(family.made(*numbers), heard), heard)
        better = max(tried, key=lambda numbers: tried[numbers])
        if better == best:
            return best
        best = better


# --- from a folder ---------------------------------------------------------------------------------------------------


def run_fit(path: str, kind: str, trust: bool) -> int:
    """Find the delay in a session of ``play``, or in a headless run, and print the flag that goes by it."""
    run = find_runs(path)[-1]
    arm = load_arm(run, trust)
    env = build.make_env(arm.env, arm.env_kwargs)
    space = env.observation_space
    env.close()
    if discrete_parts(space) is None:
        raise UserError(f"--fit-delay needs observations that can be numbered, got {' '.join(str(space).split())}")
    if kind not in FAMILIES:
        raise UserError(f"--fit-delay must be {' or '.join(FAMILIES)}, got {kind!r}{nearest(kind, FAMILIES)}")
    folder = seed_folders(run)[0]
    presses = read_presses(folder / "feedback.jsonl")
    steps = run_again(run, arm, folder, MOST_STEPS).steps
    fit = fitted(kind, heard(steps, presses, rows_of(space).row))
    low, high = fit.between
    print(
        f"{fit.presses} presses of {folder} agree best on a mean delay of {fit.mean:.2f} s "
        f"(those of {low:.2f} to {high:.2f} s tell nearly as well)\n  --credit {fit.flag}"
    )
    return 0
