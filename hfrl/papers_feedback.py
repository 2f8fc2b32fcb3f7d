"""Papers about learning from a person's word: what feedback means, praise that pays for ever, credit over time."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import joblib
import numpy as np
from gymnasium.wrappers import TimeLimit

from hfrl.book import agent, world
from hfrl.credit import Delay, Gamma, Uniform, overlap, shares
from hfrl.judges import Advantage, paid
from hfrl.loop import evaluate, play
from hfrl.mdp import from_env, q_star
from hfrl.reproduce import Line, Metric, Panel, Result, measured
from hfrl.teachers import oracle, softened, state_number
from hfrl.types import Acted, Teacher

# --- what feedback means ----------------------------------------------------------------------------------------------

PUDDLE = "hfrl/Puddle-v0"
GAMMA, EPISODES, LATE = 0.95, 600, 100
#: The best return: seven steps at -.04, then the goal.
BEST = 0.72
#: Columns: the metric's name -> agent and settings.
LEARNERS: dict[str, tuple[str, dict[str, Any]]] = {
    "coach_0": ("coach", {"lam": 0.0, "learning_rate": 0.5}),
    "coach_09": ("coach", {"lam": 0.9, "learning_rate": 0.2}),
    "e_coach": ("e_coach", {"learning_rate": 0.2, "gamma": GAMMA}),
    "tamer": ("tamer", {"learning_rate": 0.2, "epsilon": 0.1}),
    "q_on_feedback": ("q_on_feedback", {"learning_rate": 0.2, "epsilon": 0.1, "gamma": GAMMA}),
}
#: Rows: what the person's word is.
WORDS = ("world_reward", "one_zero", "plus_minus_one", "advantage")
#: The cells that are to learn the way to the goal, and those that are not (Shah et al. 2021, section 6).
LEARNT = tuple((word, learner) for word in ("plus_minus_one", "advantage") for learner in LEARNERS)
BROKEN = (
    ("world_reward", "coach_0"), ("world_reward", "tamer"),
    ("one_zero", "coach_09"), ("one_zero", "e_coach"), ("one_zero", "q_on_feedback"),
)  # fmt: skip
PATTERN = "exact optimum, nearly reached"


def _teacher(word: str, env: Any, learner: Any) -> Teacher:
    """Who says this kind of word of every step."""
    if word == "world_reward":
        return paid
    if word == "advantage":
        return Advantage(from_env(env), GAMMA, learner.policy, state_number)
    good = oracle(env, GAMMA)
    return good if word == "plus_minus_one" else softened(good, 0.0)


def matrix_cell(word: str, learner: str, seed: int) -> tuple[float, float]:
    """One run of 600 episodes: the return of the greedy policy afterwards, and the mean of the last 100 episodes."""
    env = world(PUDDLE)
    name, settings = LEARNERS[learner]
    made = agent(name, env, settings)
    returns, total = [], 0.0
    for event in play(env, made, _teacher(word, env, made), seed=seed):
        if isinstance(event, Acted):
            total += event.step.reward
            if event.step.ended:
                returns.append(total)
                total = 0.0
        if len(returns) == EPISODES:
            break
    return float(evaluate(world(PUDDLE), made, 20, seed).returns.mean()), float(np.mean(returns[-LATE:]))


def coach_matrix(runs: int) -> Result:
    """Four kinds of words and five agents that learn from them, in the grid with puddles (Shah et al. 2021, section 6;
    MacGlashan et al. 2017): the return of the greedy policy after 600 episodes, and of the behaviour in the last 100.
    Advantages are of the policy that the agent had within the last 100 steps, the teacher's own setting.
    """
    cells = [(word, learner) for word in WORDS for learner in LEARNERS]
    calls = [(*cell, seed) for cell in cells for seed in range(runs)]
    found = np.array(joblib.Parallel(n_jobs=-1)(joblib.delayed(matrix_cell)(*call) for call in calls))
    found = found.reshape(len(cells), runs, 2)
    metrics = []
    for cell, (greedy, behaviour) in zip(cells, found.transpose(0, 2, 1), strict=True):
        name = "__".join(cell)
        reference = BEST if cell in LEARNT else None
        metrics.append(measured(name, greedy, reference, 0.05, PATTERN))
        metrics.append(measured(f"{name}__behaviour", behaviour))
    lost = [BEST - float(found[cells.index(cell), :, 1].mean()) for cell in BROKEN]
    metrics.append(Metric("broken_cells", sum(loss > 0.25 for loss in lost), None, len(BROKEN), 0, "the pattern"))
    tables = [
        Panel(title, "", "", cells=found[:, :, k].mean(axis=1).reshape(len(WORDS), -1).tolist(),
              rows=WORDS, columns=tuple(LEARNERS))
        for k, title in enumerate(("Return of the greedy policy after 600 episodes", "Return of episodes 501-600"))
    ]  # fmt: skip
    return Result(metrics, tables)


# --- praise that pays for ever ----------------------------------------------------------------------------------------


class Circuit(NamedTuple):
    """A penalty p for a step back, as metrics name it, and the discount from which looping beats arriving."""

    penalty: float
    name: str
    threshold: float


CIRCUITS = (
    Circuit(0.0, "p0", 0.6180), Circuit(0.25, "p025", 0.7247), Circuit(0.5, "p05", 0.8229), Circuit(1.0, "p1", 1.0),
)  # fmt: skip
CLOSED = "closed form, to four digits"
#: The praise for the last step to the goal, after which nothing is said any more.
ARRIVING = 1.0
HALVINGS = 14


def looping_is_worth(gamma: float, p: float) -> float:
    """A step back (-p), a step forward (+1), for ever: (g - p) / (1 - g^2).

    >>> looping_is_worth(0.5, 0.0), looping_is_worth(0.5, 0.5)
    (0.6666666666666666, 0.0)
    """
    return (gamma - p) / (1 - gamma * gamma)


def looping_beats_from(p: float) -> float:
    """The discount from which looping is worth more than arriving: the root of g^2 + g = 1 + p (1: never).

    >>> [round(looping_beats_from(p), 4) for p in (0.0, 0.25, 0.5, 1.0)]
    [0.618, 0.7247, 0.8229, 1.0]
    """
    return float((np.sqrt(1 + 4 * (1 + p)) - 1) / 2)


def _turns_back(q: Sequence[Sequence[float]]) -> bool:
    """Whether the place before the goal prefers the step back (left) to the goal."""
    return bool(q[-2][0] > q[-2][1])


def _planned(gamma: float, env: Any) -> bool:
    return _turns_back(q_star(from_env(env), gamma).tolist())


def _learnt(gamma: float, env: Any) -> bool:
    """Q-learning on the praise as its reward: in a world without chance and with alpha 1 it finds the exact values."""
    learner = agent("q_on_feedback", env, {"gamma": gamma, "learning_rate": 1.0, "epsilon": 1.0})
    for _ in play(TimeLimit(env, 50), learner, paid, seed=0, steps=6_000):
        pass
    return _turns_back(learner.q)


def _threshold(turns_back: Callable[[float, Any], bool], p: float) -> float:
    """The discount at which an agent begins to turn back before the goal, by halving; 1 where none does."""
    env = world("hfrl/Corridor-v0", {"penalty": p})
    low, high = 0.3, 0.999
    if not turns_back(high, env):
        return 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if turns_back(middle, env) else (middle, high)
    return (low + high) / 2


def positive_circuits(runs: int) -> Result:  # noqa: ARG001 - there is no chance in it
    """From which discount on does an agent that adds praise up rather loop for ever than arrive (Knox & Stone 2012;
    Ho et al. 2015)? By the closed form, by value iteration, and by Q-learning on the feedback."""
    metrics = []
    for p, name, threshold in CIRCUITS:
        metrics += [
            Metric(f"closed_form_{name}", looping_beats_from(p), None, threshold, 5e-5, CLOSED),
            Metric(f"value_iteration_{name}", _threshold(_planned, p), None, threshold, 2e-4, CLOSED),
            Metric(f"q_learning_{name}", _threshold(_learnt, p), None, threshold, 2e-3, CLOSED),
        ]
    gammas = np.linspace(0.3, 0.95, 66)
    lines = [
        Line(f"looping, p = {p:g}", gammas.tolist(), [looping_is_worth(g, p) for g in gammas]) for p, _, _ in CIRCUITS
    ]
    lines.append(Line("arriving", (0.3, 0.95), (ARRIVING, ARRIVING)))
    return Result(metrics, [Panel("Praise along a corridor", "gamma", "Sum of praise", lines, y_limits=(-1.0, 4.0))])


# --- credit over time -------------------------------------------------------------------------------------------------

#: A press at 1.2 s, of steps that were shown for .3 s each.
PRESSED = 1.2
SHOWN = ((0.0, 0.3), (0.3, 0.6), (0.6, 0.9), (0.9, 1.2))
#: For delays that reach further back, so many steps before the press.
MANY = 40


def deep_tamer_weights(delay: Delay, steps: int = MANY, seconds: float = 0.3) -> list[float]:
    """The weights of one press in Deep TAMER: the probability mass of its delay over each step (Warnell et al. 2018,
    eq. 3; not the density, which would forget how long a step was shown)."""
    time = steps * seconds
    return [overlap(delay, time, k * seconds, (k + 1) * seconds) for k in range(steps)]


def tamer_credit(runs: int) -> Result:  # noqa: ARG001 - there is no chance in it
    """One press at 1.2 s, delays uniform on [.2, .8] s, steps of .3 s (Knox & Stone 2009): whom it was about."""
    parts = shares(Uniform(0.2, 0.8), PRESSED, SHOWN)
    exact = (0.0, 1 / 3, 1 / 2, 1 / 6)
    metrics = [
        Metric(f"share_{k}", part, None, reference, 1e-12, "by hand")
        for k, (part, reference) in enumerate(zip(parts, exact, strict=True))
    ]
    metrics.append(Metric("shares_sum", sum(parts), None, 1.0, 1e-12, "by hand"))
    delays: dict[str, Delay] = {"uniform": Uniform(0.2, 0.8), "gamma": Gamma(), "warnell": Uniform(0.2, 4.0)}
    for name, delay in delays.items():
        total = sum(deep_tamer_weights(delay))
        metrics.append(Metric(f"deep_tamer_sum_{name}", total, None, 1.0, 1e-9, "a distribution"))
    middles = [begin - PRESSED for begin, _ in SHOWN]
    lines = [
        Line("uniform on [.2, .8] s", middles, parts),
        Line("Gamma(2, .28)", middles, shares(Gamma(), PRESSED, SHOWN)),
    ]
    return Result(metrics, [Panel("Shares of one press", "Step began, seconds before the press", "Share", lines)])
