"""Advise: labels as evidence of which action is right, multiplied into the policy.

Griffith, Subramanian, Scholz, Isbell & Thomaz, "Policy shaping: integrating human feedback with reinforcement learning"
(NIPS 2013); Cederborg, Grover, Isbell & Thomaz, "Policy shaping with human teachers" (IJCAI 2015). A trainer is right
with probability C, their consistency; D(s, a) is how often they praised an action minus how often they blamed it.

    general form           Pr_c(a) = C^D / (C^D + (1 - C)^D)                       several actions may be right
    single-optimal form    Pr_c(a) ~ C^D(s,a) (1 - C)^(sum of D(s,j), j not a)     one is

In log odds x(a) = sum over trainers of D_n(s, a) log(C_n / (1 - C_n)) the first is a sigmoid and the second a softmax,
up to factors that all actions share. The agent acts on Pr(a) ~ Pr_RL(a) Pr_c(a).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hfrl.policy import Categorical
from hfrl.ports import Blend, Context, Port, weight
from hfrl.schedules import Schedule
from hfrl.types import UserError

#: C is kept this far from 0 and 1: one label of somebody who never errs would otherwise be the last word for ever.
LEAST = 1e-3
#: What is believed of a trainer whose C is estimated and who has said nothing yet.
FIRST_GUESS = 0.7
#: Rounds of expectation and maximisation; far fewer are needed.
ROUNDS = 50
#: While an agent learns: its labels grow slowly, and what is believed of the trainers follows.
ROUNDS_AN_EPISODE = 2
#: a and b of the Beta distribution that is believed of a trainer before they said anything.
PRIOR = (2.0, 1.0)
SETTLED = 1e-6
ESTIMATES = ("em", "variational")
FORMS = ("general", "single")

#: One trainer's labels by item: praise and blame of each action.
Items = Sequence[Sequence[tuple[float, float]]]


# --- the equations ---------------------------------------------------------------------------------------------------


def log_odds(consistency: float) -> float:
    """log(C / (1 - C)), C kept within [LEAST, 1 - LEAST].

    >>> round(log_odds(0.8), 4), round(log_odds(1.0), 4)
    (1.3863, 6.9068)
    """
    c = min(1.0 - LEAST, max(LEAST, consistency))
    return math.log(c / (1.0 - c))


def evidence(differences: Mapping[str, Sequence[float]], consistencies: Mapping[str, float], n: int) -> list[float]:
    """x(a) = sum over trainers of D_n(a) log(C_n / (1 - C_n)), for n actions.

    >>> [round(x, 4) for x in evidence({"ann": [1, 0], "bob": [-1, 0]}, {"ann": 0.9, "bob": 0.6}, 2)]
    [1.7918, 0.0]
    """
    x = [0.0] * n
    for trainer, difference in differences.items():
        odds = log_odds(consistencies[trainer])
        for a in range(n):
            x[a] += difference[a] * odds
    return x


def log_right(x: float) -> float:
    """log of C^D / (C^D + (1 - C)^D) = log sigmoid(x), without overflow.

    >>> [round(math.exp(log_right(d * log_odds(c))), 5) for c, d in ((0.8, 1), (0.8, -1), (0.95, 3), (0.55, 5))]
    [0.8, 0.2, 0.99985, 0.73169]
    """
    if x >= 0:
        return -math.log(1.0 + math.exp(-x))
    return x - math.log(1.0 + math.exp(x))


def advise(probabilities: list[float], x: list[float], beta: float, single: bool) -> None:
    """Pr(a) ~ Pr_RL(a) Pr_c(a)^beta, in place; Pr_RL as it is where the product vanishes. ``x`` is used up."""
    n = len(probabilities)
    best = -math.inf
    for a in range(n):
        x[a] = x[a] if single else log_right(x[a])
        best = x[a] if x[a] > best else best
    total = 0.0
    for a in range(n):
        x[a] = probabilities[a] * math.exp(beta * (x[a] - best))
        total += x[a]
    if total > 0:
        for a in range(n):
            probabilities[a] = x[a] / total


def advised(probabilities: Sequence[float], x: Sequence[float], beta: float, single: bool) -> list[float]:
    """Pr(a) ~ Pr_RL(a) Pr_c(a)^beta; Pr_RL as it is where the product vanishes.

    >>> [round(p, 4) for p in advised([0.5, 0.5], [log_odds(0.8), 0.0], 1.0, True)]
    [0.8, 0.2]
    >>> [round(p, 4) for p in advised([0.5, 0.5], [log_odds(0.8), 0.0], 1.0, False)]
    [0.6154, 0.3846]
    """
    result = list(probabilities)
    advise(result, list(x), beta, single)
    return result


def digamma(x: float) -> float:
    """psi(x), the derivative of log Gamma, for x > 0: recurrence to 6, then the asymptotic series (Abramowitz & Stegun
    6.3.5, 6.3.18).

    >>> round(digamma(1.0), 10), round(digamma(0.5), 10)
    (-0.5772156649, -1.9635100260)
    """
    value = 0.0
    while x < 6.0:
        value -= 1.0 / x
        x += 1.0
    y = 1.0 / (x * x)
    series = y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y * (1 / 132 - y * 691 / 32760)))))
    return value + math.log(x) - 0.5 / x - series


def agreeing(praise: float, blame: float, right: float) -> float:
    """How many labels of an action agree with what is right, where it is right with a probability: praise of a right
    action or blame of a wrong one agrees. Turned round, ``agreeing(blame, praise, right)`` is how many do not.

    >>> agreeing(2.0, 1.0, 0.75), agreeing(1.0, 2.0, 0.75)
    (1.75, 1.25)
    """
    return praise * right + blame * (1 - right)


def maximised(agree: float, disagree: float, a: float, b: float) -> tuple[float, float]:
    """The M step: a trainer's consistency, and the log odds that the next E step goes by.

    With a = b = 0 the share of agreeing labels (Dawid & Skene 1979); else the mean of the posterior
    Beta(a + agree, b + disagree) and its expected log odds psi(a + agree) - psi(b + disagree).

    >>> maximised(3.0, 1.0, 0.0, 0.0) == (0.75, log_odds(0.75)), maximised(0.0, 0.0, 0.0, 0.0)[0]
    (True, 0.7)
    >>> [round(x, 4) for x in maximised(3.0, 1.0, 2.0, 1.0)]
    [0.7143, 1.0833]
    """
    if a > 0:
        agree, disagree = agree + a, disagree + b
        return agree / (agree + disagree), digamma(agree) - digamma(disagree)
    total = agree + disagree
    consistency = agree / total if total > 0 else FIRST_GUESS
    return consistency, log_odds(consistency)


# --- how consistent is each trainer? ---------------------------------------------------------------------------------


class Question(NamedTuple):
    """Actions of which one is right, what is believed of them without the trainers, and what each trainer said:
    ``said[trainer]`` has (praise, blame) per action."""

    prior: Sequence[float]
    said: Mapping[str, Sequence[tuple[float, float]]]


def responsibilities(question: Question, odds: Mapping[str, float]) -> list[float]:
    """The E step: P(a is right) ~ prior(a) prod_n (C_n / (1 - C_n))^D_n(a), ``odds`` the logarithms of the quotients.

    >>> said = {"ann": [(1, 0), (0, 0)], "bob": [(0, 1), (0, 0)]}
    >>> odds = {"ann": log_odds(0.9), "bob": log_odds(0.6)}
    >>> [round(p, 4) for p in responsibilities(Question([0.5, 0.5], said), odds)]
    [0.8571, 0.1429]
    """
    x = [0.0] * len(question.prior)
    for trainer, labels in question.said.items():
        for a, (praise, blame) in enumerate(labels):
            x[a] += (praise - blame) * odds[trainer]
    return advised(question.prior, x, 1.0, True)


def agreement(questions: Sequence[Question], rights: Sequence[Sequence[float]], trainer: str) -> tuple[float, float]:
    """How many of a trainer's labels agree with what is right, and how many do not.

    >>> agreement([Question([0.5, 0.5], {"ann": [(2, 0), (1, 1)]})], [[0.75, 0.25]], "ann")
    (2.5, 1.5)
    """
    agree = disagree = 0.0
    for question, right in zip(questions, rights, strict=True):
        for (praise, blame), p in zip(question.said.get(trainer, ()), right, strict=False):
            agree += agreeing(praise, blame, p)
            disagree += agreeing(blame, praise, p)
    return agree, disagree


def estimated(
    questions: Sequence[Question],
    kind: str = "em",
    start: Mapping[str, float] | None = None,
    rounds: int = ROUNDS,
    prior: tuple[float, float] = PRIOR,
) -> dict[str, float]:
    """Each trainer's consistency from what all of them said, without knowing what is right.

    ``"em"``: C_n is the share of agreeing labels (Dawid & Skene 1979). ``"variational"``: C_n has the posterior
    Beta(a + agree, b + disagree), its mean is returned, and the E step uses the expected log odds psi(a') - psi(b'), so
    that a trainer who said little counts for little.

    Trainers without a ``start`` are believed to be right more often than not: all labels turned round would explain
    what was said just as well.
    """
    trainers = sorted({trainer for question in questions for trainer in question.said})
    consistency = {trainer: (start or {}).get(trainer, FIRST_GUESS) for trainer in trainers}
    a, b = prior if kind == "variational" else (0.0, 0.0)
    odds = {trainer: log_odds(consistency[trainer]) for trainer in trainers}
    for _ in range(rounds):
        rights = [responsibilities(question, odds) for question in questions]
        before, consistency = consistency, {}
        for trainer in trainers:
            consistency[trainer], odds[trainer] = maximised(*agreement(questions, rights, trainer), a, b)
        if all(abs(consistency[trainer] - before[trainer]) < SETTLED for trainer in trainers):
            break
    return consistency


class Estimate(NamedTuple):
    """How :func:`policy_shaping` estimates consistencies: a round or two at the start of an episode (which ones, says
    :func:`hfrl.blend.due`), from all labels so far, going on from the estimate there is. Tiles of H are
    nobody's rows: where it has no table, every action is as likely right beforehand."""

    kind: str

    def __call__(self, context: Context) -> dict[str, float]:
        """The consistency of each trainer; what the agent would do by itself is the prior of what is right."""
        questions = []
        asked = hasattr(context.agent, "prior") and getattr(context.model, "rows", None) is not None
        for row, said in context.model.labelled():
            n = len(next(iter(said.values())))
            prior = context.agent.prior(row) if asked else [1.0 / n] * n
            questions.append(Question(prior, said))
        return estimated(questions, self.kind, context.reliability, ROUNDS_AN_EPISODE)


# --- the rule and the blend ------------------------------------------------------------------------------------------


class Shape(NamedTuple):
    """The rule of :func:`policy_shaping`.

    ``known`` is the consistency of each trainer by name, ``others`` that of everybody else.
    """

    single: bool
    known: Mapping[str, float]
    others: float

    def __call__(self, context: Context, beta: float, own: Any) -> Any:
        said = context.model.said(context.observation)
        if not any(any(difference) for difference in said.values()):
            return own
        consistencies = {name: self.known.get(name, context.reliability.get(name, self.others)) for name in said}
        probabilities = own.probabilities
        x = evidence(said, consistencies, len(probabilities))
        return Categorical(advised(probabilities, x, beta, self.single))


def policy_shaping(
    beta: float | str | Schedule = 1.0,
    decay: float = 1.0,
    consistency: float | str = 0.8,
    form: str = "general",
) -> Blend:
    """Act on Pr(a) ~ Pr_RL(a) Pr_c(a)^beta.

    Args:
        beta: the exponent: 1 is the paper's, 0 the plain agent; a number or a schedule.
        decay: anneals beta per episode.
        consistency: C of everybody; or of each trainer, ``ann/0.9;bob/0.6``, everybody else 0.8; or ``em`` or
            ``variational``: estimated for each trainer as the episodes go by.
        form: ``general`` (several actions may be right) or ``single`` (one is).

    Raises:
        UserError: a consistency outside [0, 1], or an unknown form.
    """
    if form not in FORMS:
        raise UserError(f"form must be one of {', '.join(FORMS)}, got {form!r}")
    estimate = Estimate(consistency) if consistency in ESTIMATES else None
    known, others = ({}, FIRST_GUESS) if estimate else consistencies_of(consistency)
    rule = Shape(form == "single", known, others)
    return Blend("policy_shaping", mix=(Port(weight(beta, decay), rule),), estimator=estimate)


def consistencies_of(given: float | str) -> tuple[dict[str, float], float]:
    """The consistency of each trainer by name, and of everybody else. Raises UserError."""
    if not isinstance(given, str):
        return {}, _probability(given)
    known = {}
    for part in given.split(";"):
        name, slash, value = part.partition("/")
        try:
            known[name.strip()] = _probability(float(value))
        except ValueError as error:
            shown = f"a number, {', '.join(ESTIMATES)}, or NAME/C;NAME/C"
            raise UserError(f"consistency must be {shown}, got {given!r}") from error
        if not slash or not name.strip():
            raise UserError(f"consistency names a trainer as NAME/C, got {part!r}")
    return known, 0.8


def _probability(value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise UserError(f"consistency is a probability and must be within [0, 1], got {value}")
    return float(value)
