"""Papers about people who compare: the chance of a preference, in closed form and as it is drawn."""

import math

import numpy as np

from hfrl.preferences import Comparing, checked, compared, flipped, mixed, preference
from hfrl.reproduce import Line, Metric, Panel, Result, measured

#: Questions of a run: of each, whether the first of two segments is better, which is worth so much more.
QUESTIONS = 2_000
DIFFERENCE = 1.0
#: Errors of 10 %, as a turned answer or as a coin in its place.
SLIPS = 0.1
#: Name -> the closed form at a difference of 1 and beta 1.
CLOSED = {"rational": 0.7311, "flip_10": 0.6848, "uniform_10": 0.7080}
#: Whoever answers by a coin in a tenth of the cases turns a twentieth round.
PEOPLE = {
    "rational": Comparing(beta=1.0),
    "flip_10": Comparing(beta=1.0, flip=SLIPS),
    "uniform_10": Comparing(beta=1.0, flip=SLIPS / 2),
}
#: The people of the second panel: one dial each.
DIALS = {
    "never wrong": Comparing(),
    "beta 1": Comparing(beta=1.0),
    "beta 1, turned round in 10 %": Comparing(beta=1.0, flip=SLIPS),
    "equal below 1": Comparing(beta=1.0, equal=1.0),
    "myopic, gamma .5": Comparing(beta=1.0, gamma=0.5),
}


def closed_form(name: str, difference: float = DIFFERENCE) -> float:
    """P(1 > 2) of a person of :data:`CLOSED`."""
    chance = preference(difference)
    return {"rational": chance, "flip_10": flipped(chance, SLIPS), "uniform_10": mixed(chance, SLIPS)}[name]


def said(manner: Comparing, difference: float, questions: int, seed: int) -> float:
    """The share of answers for the first of two segments of two steps; all the difference is in the first step."""
    rng = np.random.default_rng(seed)
    answers = [compared((difference, 0.0), (0.0, 0.0), checked(manner), rng) for _ in range(questions)]
    return float(np.mean([answer for answer in answers if answer is not None]))


def preference_teachers(runs: int) -> Result:
    """How often the better of two segments is preferred (Christiano et al. 2017; Lee et al. 2021): by the closed forms,
    and by people who answer. A flip of e is a coin in 2 e of the cases, so the two are not to be taken for one another.
    """
    metrics = [
        Metric(f"closed_form_{name}", closed_form(name), None, reference, 5e-5, "closed form, to four digits")
        for name, reference in CLOSED.items()
    ]
    grid = [(k / 50, e / 50) for k in range(51) for e in range(26)]
    gap = max(abs(flipped(p, e) - mixed(p, 2 * e)) for p, e in grid)
    metrics.append(Metric("flip_against_twice_the_mixture", gap, None, 0.0, 1e-12, "the same by algebra"))
    band = 4 * math.sqrt(0.25 / (runs * QUESTIONS))  # four standard errors of a share
    for name, manner in PEOPLE.items():
        shares = [said(manner, DIFFERENCE, QUESTIONS, seed) for seed in range(runs)]
        metrics.append(measured(f"drawn_{name}", shares, closed_form(name), band, "the closed form"))
    differences = np.linspace(-4, 4, 33).tolist()
    lines = [Line(name, differences, [closed_form(name, d) for d in differences]) for name in CLOSED]
    drawn = [
        Line(name, differences, [said(manner, d, QUESTIONS, k) for k, d in enumerate(differences)])
        for name, manner in DIALS.items()
    ]
    return Result(
        metrics,
        [
            Panel("Closed forms, beta 1", "R1 - R2", "P(1 > 2)", lines, y_limits=(0.0, 1.0)),
            Panel("As people say it, equal as 1/2", "R1 - R2", "Share for 1", drawn, y_limits=(0.0, 1.0)),
        ],
    )
