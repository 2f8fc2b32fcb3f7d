"""The three ports at which a person's word joins the automated reward, and what a blend is.

A teacher can change what an agent is *told* (``reward``), what it *prefers* (``bias``) or what it *does* (``mix``).
Every port is ``(context, value) -> value`` and the identity at weight 0. A fourth place is not a port of the running
loop: ``start`` says what a value is *before* anything is learnt of it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from hfrl.schedules import Exponential, Schedule, checked
from hfrl.types import Judgement, Step, UserError

UNLIMITED = float("inf")


class HumanModel(Protocol):
    """H: what the person would say. ``values`` is H(s, .), ``counts`` how often each action was judged there, ``said``
    the positive minus the negative labels of each action, by trainer, and ``recency`` how fresh the labels are."""

    def observe(self, judgement: Judgement) -> None: ...

    def values(self, observation: Any) -> Sequence[float]: ...

    def counts(self, observation: Any) -> Sequence[int]: ...

    def said(self, observation: Any) -> Mapping[str, Sequence[float]]: ...

    def recency(self, observation: Any, now: int, decay: float) -> Sequence[float]: ...


class Context(NamedTuple):
    """What a port may look at. ``index`` and ``episode`` are the present; a judgement is there for the reward port.

    ``agent`` is whoever learns, for blends that read its own values; ``potential`` the learnt potential of the blend in
    force, where it has one; ``reliability`` the estimated consistency of each trainer, where a blend estimates it;
    ``previous`` the step of this episode that was learnt before the judged one; ``entered`` the port's own potential of
    the judged step's state as it was when that state was entered, None where nobody knows.
    """

    model: Any
    gamma: float
    index: int  # type: ignore[assignment]  # the field's own word; nobody asks a record for tuple.index
    episode: int
    observation: Any
    judgement: Judgement | None = None
    agent: Any = None
    potential: Any = None
    reliability: Mapping[str, float] = {}
    previous: Step | None = None
    entered: float | None = None

    @property
    def judged(self) -> Judgement:
        """The judgement that the reward port is asked about."""
        assert self.judgement is not None
        return self.judgement


class Rule(Protocol):
    """(context, weight, value) -> value: what a port makes of a value, at a weight that is not 0."""

    def __call__(self, context: Context, beta: float, value: Any, /) -> Any: ...


class Potential(Protocol):
    """(context, weight) -> phi of the observation, at a weight that is not 0."""

    def __call__(self, context: Context, beta: float, /) -> float: ...


class Estimator(Protocol):
    """context at an episode's start -> the consistency of each trainer."""

    def __call__(self, context: Context, /) -> dict[str, float]: ...


class Port(NamedTuple):
    """A rule with its weight beta; at weight 0 the identity, whatever the rule.

    ``phi`` is the potential of a state, where the rule pays differences of one: (context, weight) -> a number.
    ``batched`` is the rule for a judgement with a leading axis, as a buffer has it, and an array of rewards; a port
    without one is asked one by one.
    """

    weight: Schedule
    rule: Rule
    phi: Potential | None = None
    batched: Rule | None = None

    def __call__(self, context: Context, value: Any) -> Any:
        beta = self.weight(context.index, context.episode)
        return value if beta == 0 else self.rule(context, beta, value)

    def potential(self, context: Context) -> float:
        """phi(s) as it is now; 0 at weight 0, or where there is none."""
        beta = self.weight(context.index, context.episode)
        return 0.0 if beta == 0 or self.phi is None else self.phi(context, beta)


class PotentialPlan(NamedTuple):
    """How a blend's own potential Phi(s, a) is learnt, see :class:`hfrl.advice.LearntPotential`.

    ``kind`` names it; ``rate`` is its learning rate; ``source`` is ``"press"`` or ``"model"``; ``own_policy``: its
    target takes an action by its own policy, epsilon-greedily with ``epsilon``, and not the executed one.
    """

    kind: str
    rate: float
    source: str
    own_policy: bool
    epsilon: float


class Blend(NamedTuple):
    """A way to combine a person and a reward: the rules at each port, applied from left to right.

    Attributes:
        name: as on the command line, without settings.
        reward, bias, mix: the three ports.
        start: what a pair's value begins with: (context, value) -> value, once, when H first says something of it.
        needs: what it asks of an agent, in the words of :data:`hfrl.blend.NEEDS`.
        potential: how the blend's own potential is learnt; None for a blend without one.
        estimator: how the trainers' consistencies are estimated at each episode's start; None where they are known.
        fades: whether it asks how fresh labels are, so that H must keep their times.
        extends: what an agent must be given before it learns anything: ``"action"``, one more action, to do what H
            likes best; ``"features"``, H(s, .) among what it sees; empty for a blend that takes agents as they are.
    """

    name: str
    reward: tuple[Port, ...] = ()
    bias: tuple[Port, ...] = ()
    mix: tuple[Port, ...] = ()
    start: tuple[Port, ...] = ()
    needs: tuple[str, ...] = ()
    potential: PotentialPlan | None = None
    estimator: Estimator | None = None
    fades: bool = False
    extends: str = ""


def weight(beta: float | str | Schedule, decay: float = 1.0) -> Schedule:
    """A blend's weight: constant, any schedule, or ``beta * decay ** episode``. Raises UserError."""
    if decay == 1.0:
        return checked("beta", beta, 0, UNLIMITED)
    if not 0 <= decay <= 1:
        raise UserError(f"decay must be within [0, 1], got {decay}")
    if not isinstance(beta, int | float):
        raise UserError(f"decay anneals a plain beta; beta={beta} is a schedule already")
    return checked("beta", Exponential(float(beta), decay, by_episode=True), 0, UNLIMITED)


def constant(name: str, beta: float | str | Schedule) -> Schedule:
    """The weight of a blend that keeps it: a law that holds for a constant beta alone. Raises UserError."""
    if not isinstance(beta, int | float) or isinstance(beta, bool):
        raise UserError(f"{name} keeps its beta: it must be a plain number, got {beta}")
    return checked("beta", beta, 0, UNLIMITED)
