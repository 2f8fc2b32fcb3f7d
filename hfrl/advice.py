"""Advice as a potential that is learnt: DPBA and PIES.

Advice is a person's word as a number per step, A(s, a): the press, or H. Both learn a potential from it by TD on -A,

    Phi(s, a) <- Phi(s, a) + rate [-A + gamma Phi(s', a') - Phi(s, a)]

so that gamma Phi(s', a') - Phi(s, a) is A once Phi is learnt. DPBA (Harutyunyan, Devlin, Vrancx & Nowe, "Expressing
arbitrary reward functions as potential-based advice", AAAI 2015) adds that difference to the reward. PIES (Behboudian,
Satsangi, Taylor, Harutyunyan & Bowling, "Policy invariant explicit shaping", Neural Computing and Applications 2021;
"Useful policy invariant shaping from arbitrary advice", ALA 2020) leaves the reward alone and acts on Q - xi Phi.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hfrl.features import Tiles
from hfrl.policy import epsilon_greedy_into
from hfrl.ports import Blend, Context, Port, PotentialPlan, constant
from hfrl.returns import td_target
from hfrl.schedules import Linear, Schedule, checked
from hfrl.seeding import draw, restored, state_of
from hfrl.tamer_rl import added, potential_difference
from hfrl.types import Judgement, UserError

SOURCES = ("press", "model")
Table = list[list[float]]

# --- the equations ---------------------------------------------------------------------------------------------------


def learn_potential(
    phi: Table, s: int, a: int, advice: float, s2: int, a2: int, terminated: bool, rate: float, gamma: float
) -> float:
    """One step of TD on -A; returns Phi(s, a) as it was before.

    >>> phi = [[0.0], [-2.0]]
    >>> learn_potential(phi, 0, 0, advice=1.0, s2=1, a2=0, terminated=False, rate=0.5, gamma=0.5), phi
    (0.0, [[-1.0], [-2.0]])
    """
    before = phi[s][a]
    after = 0.0 if terminated else phi[s2][a2]
    phi[s][a] = before + rate * (td_target(-advice, gamma, terminated, after) - before)
    return before


def learn_tiled_potential(
    theta: NDArray[np.float64], here: NDArray[np.int64], a: int, advice: float, after: float, terminated: bool,
    rate: float, gamma: float,
) -> float:  # fmt: skip
    """The same where Phi(s, a) is the sum of the weights of the tiles that are active in s; ``after`` is Phi(s', a').

    >>> theta = np.zeros((3, 1))
    >>> learn_tiled_potential(theta, np.array([0, 2]), 0, 1.0, -2.0, False, 0.5, 0.5), theta.ravel().tolist()
    (0.0, [-0.5, 0.0, -0.5])
    """
    before = float(theta[here, a].sum())
    theta[here, a] += rate * (td_target(-advice, gamma, terminated, after) - before) / len(here)
    return before


def own_action(values: Sequence[float], epsilon: float, rng: Any) -> int:
    """An action drawn epsilon-greedily with respect to Phi itself.

    >>> import numpy as np  # the first draw of this generator is .64
    >>> own_action([0.0, -1.0], 0.5, np.random.default_rng(0)), own_action([0.0, 0.0], 0.5, np.random.default_rng(0))
    (0, 1)
    """
    u = draw(rng)
    probabilities = [0.0] * len(values)
    epsilon_greedy_into(values, epsilon, probabilities)
    cumulative, action = 0.0, 0
    for k in range(len(probabilities)):
        if probabilities[k] > 0:
            action = k  # where rounding leaves the sum below u: the last possible action
        cumulative += probabilities[k]
        if u < cumulative:
            break
    return action


# --- the learner -----------------------------------------------------------------------------------------------------


class LearntPotential:
    """Phi(s, a) as a table that learns along with the agent.

    Args:
        plan: how.
        rows: states of the table.
        actions: how many.
        row: the number of an observation.

    Attributes:
        phi: ``phi[s][a]``.
        before: Phi(s, a) of the pair that was learnt last, as it was before.
    """

    def __init__(self, plan: PotentialPlan, rows: int, actions: int, row: Callable[[Any], int]) -> None:
        self.plan = plan
        self.phi = [[0.0] * actions for _ in range(rows)]
        self.before = 0.0
        self.rng = np.random.default_rng(0)
        self._row = row

    def learn(self, judgement: Judgement, advice: float, gamma: float) -> None:
        """Learn one step."""
        step, plan = judgement.step, self.plan
        s, s2, a2 = self._row(step.observation), self._row(step.next_observation), step.next_action
        if plan.own_policy and not step.terminated:
            a2 = own_action(self.phi[s2], plan.epsilon, self.rng)
        a2 = 0 if step.terminated else a2
        self.before = learn_potential(self.phi, s, step.action, advice, s2, a2, step.terminated, plan.rate, gamma)

    def clear(self) -> None:
        """Forget everything."""
        self.phi = [[0.0] * len(row) for row in self.phi]

    def values(self, observation: Any) -> list[float]:
        """Phi(s, .), one number per action."""
        return self.phi[self._row(observation)]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that was learnt, as plain arrays for a checkpoint."""
        return {f"phi_{self.plan.kind}": np.array(self.phi), f"phi_{self.plan.kind}_rng": state_of(self.rng)}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`arrays`. Raises ValueError on another shape."""
        table = arrays[f"phi_{self.plan.kind}"]
        if table.shape != (len(self.phi), len(self.phi[0])) or table.dtype.kind != "f":
            raise ValueError(f"phi_{self.plan.kind} has shape {table.shape}, expected {len(self.phi)} rows of numbers")
        self.phi = table.tolist()
        self.rng = restored(arrays[f"phi_{self.plan.kind}_rng"])


class TiledPotential:
    """Phi(s, a) over tiles, for observations that are a Box of few numbers; the verbs of :class:`LearntPotential`.

    Args:
        plan: how.
        features: tiles of the observations.
        actions: how many.

    Attributes:
        theta: the weights, tiles x actions.
        before: Phi(s, a) of the pair that was learnt last, as it was before.
    """

    def __init__(self, plan: PotentialPlan, features: Tiles, actions: int) -> None:
        self.plan = plan
        self.features = features
        self.theta = np.zeros((features.size, actions))
        self.before = 0.0
        self.rng = np.random.default_rng(0)

    def learn(self, judgement: Judgement, advice: float, gamma: float) -> None:
        """Learn one step."""
        step, plan = judgement.step, self.plan
        after = 0.0
        if not step.terminated:
            ahead = self.values(step.next_observation)
            after = ahead[own_action(ahead, plan.epsilon, self.rng) if plan.own_policy else step.next_action]
        here, _ = self.features.active(step.observation)
        self.before = learn_tiled_potential(
            self.theta, here, step.action, advice, after, step.terminated, plan.rate, gamma
        )

    def clear(self) -> None:
        """Forget everything."""
        self.theta[:] = 0.0

    def values(self, observation: Any) -> list[float]:
        """Phi(s, .), one number per action."""
        result: list[float] = self.theta[self.features.active(observation)[0]].sum(axis=0).tolist()
        return result

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that was learnt, as plain arrays for a checkpoint."""
        return {f"phi_{self.plan.kind}": self.theta.copy(), f"phi_{self.plan.kind}_rng": state_of(self.rng)}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`arrays`. Raises ValueError on another shape."""
        table = arrays[f"phi_{self.plan.kind}"]
        if table.shape != self.theta.shape or table.dtype.kind != "f":
            raise ValueError(f"phi_{self.plan.kind} has shape {table.shape}, expected {self.theta.shape} of numbers")
        self.theta = table.astype(np.float64)
        self.rng = restored(arrays[f"phi_{self.plan.kind}_rng"])


def can_hold_a_potential(model: Any) -> bool:
    """Whether observations are numbered, or lie in tiles, by a model of the person."""
    return getattr(model, "rows", None) is not None or isinstance(getattr(model, "features", None), Tiles)


def potential_for(plan: PotentialPlan, model: Any) -> LearntPotential | TiledPotential | None:
    """A fresh potential that is as fine as a model of the person: a table beside a table, tiles beside tiles; None
    beside any other."""
    if not can_hold_a_potential(model):
        return None
    if model.rows is not None:
        return LearntPotential(plan, model.rows, model.actions, model.row)
    return TiledPotential(plan, model.features, model.total.shape[1])


# --- the rules at the ports ------------------------------------------------------------------------------------------


def add_learnt_potential(context: Context, beta: float, reward: float) -> float:
    """The rule of :func:`dpba` at the reward port: F = gamma Phi(s', a') - Phi(s, a), Phi(s', a') after its update and
    Phi(s, a) before (Harutyunyan et al. 2015, eq. 11)."""
    step, phi = context.judged.step, context.potential
    phi_next = 0.0 if step.terminated else phi.values(step.next_observation)[step.next_action]
    return reward + beta * potential_difference(context.gamma, phi.before, phi_next, step.terminated)


def correct_policy(context: Context, beta: float, bias: Sequence[float] | None) -> list[float]:
    """The rule of :func:`dpba` at the bias port: act on Q + Phi."""
    return added(bias, beta, context.potential.values(context.observation))


def follow_advice(context: Context, xi: float, bias: Sequence[float] | None) -> list[float]:
    """The rule of :func:`pies`: act on Q - xi Phi."""
    return added(bias, -xi, context.potential.values(context.observation))


# --- the blends ------------------------------------------------------------------------------------------------------


def dpba(beta: float = 1.0, rate: float = 0.01, source: str = "press", corrected: bool = True) -> Blend:
    """R' = R + beta (gamma Phi'(s', a') - Phi(s, a)), Phi learnt with ``rate`` from -A. ``corrected``: act on Q + Phi,
    because the values that are learnt so are Q - Phi; without it the advice changes what is best (Behboudian et al.).

    ``source``: A is the press of the step (0 where there is none), or what H says of it.
    """
    weight = constant("dpba", beta)
    plan = PotentialPlan("dpba", _rate(rate), _source(source), own_policy=False, epsilon=0.0)
    bias = (Port(weight, correct_policy),) if corrected else ()
    needs = ("next", "in order", "rows")
    return Blend("dpba", reward=(Port(weight, add_learnt_potential),), bias=bias, needs=needs, potential=plan)


def pies(
    beta: float | str | Schedule = 1.0,
    episodes: int = 100,
    rate: float = 0.5,
    source: str = "press",
    epsilon: float = 0.1,
) -> Blend:
    """Act on Q - xi Phi; Q learns from the world's own reward. xi goes from ``beta`` to 0 in equal parts over
    ``episodes``, and from then on Phi stays as it is. A ``beta`` that is a schedule is xi itself.

    Phi's target takes its next action by Phi's own policy, epsilon-greedy with ``epsilon``, and not the executed one:
    else advice that may be collected in circles would keep the agent in them.
    """
    if isinstance(episodes, bool) or not isinstance(episodes, int) or episodes < 1:
        raise UserError(f"episodes must be a whole number of at least 1, got {episodes!r}")
    if not 0 <= epsilon <= 1:
        raise UserError(f"epsilon must be within [0, 1], got {epsilon}")
    plan = Linear(float(beta), 0.0, episodes, by_episode=True) if isinstance(beta, int | float) else beta
    xi = checked("beta", plan, 0, float("inf"))
    learnt = PotentialPlan("pies", _rate(rate), _source(source), own_policy=True, epsilon=float(epsilon))
    return Blend("pies", bias=(Port(xi, follow_advice),), needs=("rows",), potential=learnt)


def _rate(rate: float) -> float:
    if not 0 < rate <= 1:
        raise UserError(f"rate must be within (0, 1], got {rate}")
    return float(rate)


def _source(source: str) -> str:
    if source not in SOURCES:
        raise UserError(f"source must be one of {', '.join(SOURCES)}, got {source!r}")
    return source
