"""Policy shaping: Advise in a small Pac-Man, and trainers whose consistency is estimated.

Griffith et al. 2013; the world and its settings are those of Yamagata, McConville & Santos-Rodriguez 2021.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hfrl.blend import Blend, none, policy_shaping
from hfrl.book import agent, smoothed, world
from hfrl.compiled import Batch
from hfrl.policy_shaping import Question, estimated, log_odds, responsibilities
from hfrl.reproduce import Line, Metric, Panel, Result, measured
from hfrl.teachers import Dials

Array = NDArray[np.float64]
EPISODES = 1000
EARLY, LATE = 300, 100
LEARNER = {"learning_rate": 0.05, "gamma": 0.9, "exploration": "softmax", "temperature": 1.5}
#: Name: how likely a label is, how often it is right, and how often it is taken to be.
TAUGHT = {
    "advise_1_1": (1.0, 1.0, 1.0),
    "advise_1_055": (1.0, 0.55, 0.55),
    "advise_01_1": (0.1, 1.0, 1.0),
    "advise_05_08": (0.5, 0.8, 0.8),
    "adversary_known": (0.2, 0.2, 0.2),
    "adversary_claimed_08": (0.2, 0.2, 0.8),
}


def griffith_pacman(runs: int) -> Result:
    """The mean return of episodes 1 - 300, and of the last 100 of 1000, of Q-learning alone and shaped in the
    single-optimal form; the teacher knows Q* and praises every optimal action."""
    env = world("hfrl/PacMan-v0")
    returns = {"baseline_1_300": _returns(env, none(), None, runs)}
    for name, (likelihood, consistency, taken) in TAUGHT.items():
        blend = policy_shaping(consistency=taken, form="single")
        returns[name] = _returns(env, blend, Dials(consistency, likelihood, gamma=0.9), runs)
    metrics = [measured(name, one[:, :EARLY].mean(axis=1)) for name, one in returns.items()]
    metrics += [
        measured(f"{name.removesuffix('_1_300')}_last_100", one[:, -LATE:].mean(axis=1))
        for name, one in returns.items()
    ]
    lines = [
        Line(name.removesuffix("_1_300"), range(1, EPISODES + 1), smoothed(one.mean(axis=0), 25).tolist())
        for name, one in returns.items()
    ]
    return Result(metrics, [Panel("Pac-Man", "Episode", "Return", lines)])


def _returns(env: Any, blend: Blend, dials: Dials | None, runs: int) -> Array:
    """The return of each episode: shape (runs, episodes)."""
    batch = Batch(env, agent("q_learning", env, LEARNER), range(runs), blend, dials)
    batch.run(episodes=EPISODES)
    return batch.episodes()[0]


# --- estimating who can be trusted -----------------------------------------------------------------------------------

CONSISTENCIES = (0.9, 0.8, 0.7, 0.6, 0.2)
ITEMS = 200
#: P(three or more of the five are right), summed over their 32 answers: .78568.
MAJORITY = 0.7857


def em_trainers(runs: int) -> Result:
    """Five trainers say of 200 things whether they are so: how often the estimate is right, and how often the majority.

    Nothing is known of the trainers beforehand; one of them is wrong four times in five.
    """
    found: dict[str, list[float]] = {"em": [], "variational": [], "majority": []}
    consistencies = np.zeros((runs, len(CONSISTENCIES)))
    for run in range(runs):
        questions, votes, truth = _answers(np.random.default_rng(run))
        for kind in ("em", "variational"):
            estimate = estimated(questions, kind)
            odds = {name: log_odds(c) for name, c in estimate.items()}
            guesses = [responsibilities(question, odds)[1] > 0.5 for question in questions]
            found[kind].append(float(np.mean(np.array(guesses) == truth)))
            if kind == "em":
                consistencies[run] = [estimate[name] for name in sorted(estimate)]
        found["majority"].append(float(np.mean((votes.mean(axis=1) > 0.5) == truth)))
    metrics = [
        measured("em_accuracy_200", found["em"]),
        measured("majority_200", found["majority"], MAJORITY, 0.01, "exact"),
        measured("variational_accuracy_200", found["variational"]),
        Metric("majority_exact", majority_right(CONSISTENCIES), None, MAJORITY, 5e-5, "exact"),
        measured("em_above_majority", np.array(found["em"]) - np.array(found["majority"])),
    ]
    metrics += [
        measured(f"em_c{k + 1}", consistencies[:, k], c, 0.05, "the trainer's own") for k, c in enumerate(CONSISTENCIES)
    ]
    x = range(1, len(CONSISTENCIES) + 1)
    lines = [
        Line("what they are", x, CONSISTENCIES),
        Line("what EM makes of them", x, consistencies.mean(axis=0).tolist()),
    ]
    panel = Panel("Five trainers", "Trainer", "Consistency", lines, y_limits=(0, 1))
    return Result(metrics, [panel])


def _answers(rng: np.random.Generator) -> tuple[list[Question], NDArray[np.bool_], NDArray[np.bool_]]:
    """What each trainer says of each thing, as questions and as votes, and what is so."""
    truth = rng.random(ITEMS) < 0.5
    right = rng.random((ITEMS, len(CONSISTENCIES))) < np.array(CONSISTENCIES)
    votes = np.where(right, truth[:, None], ~truth[:, None])
    questions = [
        Question(
            [0.5, 0.5], {f"trainer {k + 1}": [(float(not vote), 0.0), (float(vote), 0.0)] for k, vote in enumerate(row)}
        )
        for row in votes.tolist()
    ]
    return questions, votes, truth


def majority_right(consistencies: tuple[float, ...]) -> float:
    """The probability that more than half of independent voters are right.

    >>> round(majority_right((0.8, 0.8, 0.8)), 6)
    0.896
    """
    right = np.array([1.0])
    for c in consistencies:
        right = np.convolve(right, [1 - c, c])
    return float(right[len(consistencies) // 2 + 1 :].sum())
