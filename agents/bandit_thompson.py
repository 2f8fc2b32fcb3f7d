"""Thompson sampling: act on a draw from what is believed of each lever (Thompson 1933; Russo et al. 2018, a tutorial).

    theta(a) ~ the posterior of lever a;   A <- argmax_a theta(a)

With w the pulls that the prior counts for, and N(a) the pulls so far, both posteriors have the mean

    Q(A) <- Q(A) + 1/(w + N(A)) [R - Q(A)]        (Sutton & Barto, 2nd ed., eq. 2.3, with a prior)

    Beta:      theta(a) ~ Beta((w + N) Q, (w + N) (1 - Q))        rewards are 0 or 1
    Gaussian:  theta(a) ~ N(Q, noise^2 / (w + N))        rewards vary by a known standard deviation, ``noise``

An agent is asked for its policy before its luck is drawn, so the draw for the next decision in a state is made when the
state has learnt, and kept in ``sampled``; the policy is greedy on it. A state that has learnt nothing yet has no draw:
its levers tie, and a random tie is exactly how independent draws from one prior would decide.
"""

import math
from collections.abc import Sequence
from typing import Any

from hfrl.policy import Discrete, greedy
from hfrl.seeding import draw
from hfrl.tabular import Numbers, Table, TabularAgent, improve
from hfrl.types import UserError

#: Posterior -> mean and weight of its prior: Beta(1, 1) is uniform, N(0, 1) is the ten-armed testbed's.
PRIORS = {"beta": (0.5, 2.0), "gaussian": (0.0, 1.0)}
POSTERIORS = tuple(PRIORS)


def normal(rng: Any) -> float:
    """One standard normal number by the polar method (Marsaglia & Bray 1964)."""
    x, size = 0.0, 1.0
    while size >= 1.0 or size == 0.0:
        x = 2.0 * draw(rng) - 1.0
        y = 2.0 * draw(rng) - 1.0
        size = x * x + y * y
    return x * math.sqrt(-2.0 * math.log(size) / size)


def gamma_number(shape: float, rng: Any) -> float:
    """One number of the Gamma distribution with scale 1 (Marsaglia & Tsang 2000); ``shape`` is above 0."""
    boost = 1.0 if shape >= 1.0 else math.exp(math.log(1.0 - draw(rng)) / shape)
    d = (shape if shape >= 1.0 else shape + 1.0) - 1.0 / 3.0
    while True:
        x = normal(rng)
        v = 1.0 + x / math.sqrt(9.0 * d)
        if v > 0.0:
            v = v * v * v
            if math.log(1.0 - draw(rng)) < 0.5 * x * x + d - d * v + d * math.log(v):
                return boost * d * v


def believed(mean: float, weight: float, gaussian: int, noise: float, rng: Any) -> float:
    """One draw from the posterior of a lever; ``weight`` is w + N."""
    if gaussian:
        return mean + noise / math.sqrt(weight) * normal(rng)
    won = gamma_number(weight * mean, rng)
    return won / (won + gamma_number(weight * (1.0 - mean), rng))


def learn(
    q: Table,
    pulls: list[list[int]],
    sampled: Table,
    s: int,
    a: int,
    r: float,
    prior_weight: float,
    gaussian: int,
    noise: float,
    rng: Any,
) -> Numbers:
    """One pull, and the draw for the next one. The Beta posterior takes a reward beyond 0 or 1 for the nearer of them.

    >>> from numpy.random import default_rng
    >>> q, pulls, sampled = [[0.5, 0.5]], [[0, 0]], [[0.0, 0.0]]
    >>> learn(q, pulls, sampled, 0, 0, 1.0, 2.0, 0, 1.0, default_rng(0))[:3]
    (0.5, 1.0, 0.6666666666666666)
    >>> 0.0 < sampled[0][1] < 1.0
    True
    """
    target = r
    if gaussian == 0:
        target = 1.0 if r > 1.0 else 0.0 if r < 0.0 else r
    pulls[s][a] += 1
    numbers = improve(q, s, a, target, 1.0 / (prior_weight + pulls[s][a]), 0.0)
    for k in range(len(sampled[s])):
        sampled[s][k] = believed(q[s][k], prior_weight + pulls[s][k], gaussian, noise, rng)
    return numbers


def values_of(sampled: Table, s: int) -> Sequence[float]:
    """What the agent acts on: the draws.

    >>> values_of([[1.0, 2.0]], 0)
    [1.0, 2.0]
    """
    return sampled[s]


class BanditThompson(TabularAgent):
    """Acts on a draw from what it believes; in a world of several states, of each state for itself.

    Args:
        env: only its spaces are read.
        posterior: ``"gaussian"`` or ``"beta"``.
        noise: the known standard deviation of a reward, for the Gaussian posterior.
        prior_weight: how many pulls the prior counts for, above 0; None is 2 for Beta(1, 1), and 1 for N(0, noise^2).
        initial_value: the prior's mean; None is 1/2 for Beta and 0 for Gaussian.
        seed: of ``predict(deterministic=False)`` alone.

    Raises:
        UserError: an unknown posterior, a number out of its range, or a Beta prior with a parameter below 1/2.
    """

    tables = ("q", "pulls", "sampled")
    learn_rule = staticmethod(learn)
    values_rule = staticmethod(values_of)
    draws = True

    def __init__(
        self,
        env: Any,
        *,
        posterior: str = "gaussian",
        noise: float = 1.0,
        prior_weight: float | None = None,
        initial_value: float | None = None,
        seed: int | None = None,
    ) -> None:
        if posterior not in POSTERIORS:
            raise UserError(f"posterior must be one of {', '.join(POSTERIORS)}, got {posterior!r}")
        mean, weight = PRIORS[posterior]
        mean = mean if initial_value is None else float(initial_value)
        weight = weight if prior_weight is None else float(prior_weight)
        if not (0 < noise < math.inf and 0 < weight < math.inf):
            raise UserError(f"noise and prior_weight must be above 0, got {noise} and {weight}")
        if posterior == "beta" and not min(mean, 1 - mean) * weight >= 0.5:
            raise UserError(
                f"Beta(prior_weight * initial_value, prior_weight * (1 - initial_value)) needs parameters of 1/2 or "
                f"more, got Beta({weight * mean:g}, {weight * (1 - mean):g})"
            )
        self.prior_weight, self.noise, self.gaussian = weight, float(noise), POSTERIORS.index(posterior)
        super().__init__(env, gamma=0.0, epsilon=0.0, initial_value=mean, seed=seed)

    def make_tables(self, states: int, actions: int) -> None:
        """N(a), and the draw for the next decision."""
        self.pulls = [[0] * actions for _ in range(states)]
        self.sampled = [[0.0] * actions for _ in range(states)]

    def values(self, s: int) -> Sequence[float]:
        """The draw for the next decision."""
        return values_of(self.sampled, s)

    def q_values(self, observation: Any) -> list[float]:
        """The posterior means."""
        return list(self.alone(self.q[self.row(observation)]))

    def greedy_policy(self, observation: Any, bias: Sequence[float] | None = None) -> Discrete:
        """Greedy on the posterior means, ties at random."""
        s = self.row(observation)
        values = self.q[s] if bias is None else [q + b for q, b in zip(self.q[s], bias, strict=True)]
        return greedy(self.alone(values[: self.available[s]] if self.available else values))
