"""The records that flow down the river. All are frozen; nothing overwrites what an earlier station wrote.

Three numbers are never mixed up: ``Step.reward`` is the world's, ``Judgement.feedback`` is the teacher's (``None`` is
silence, ``0.0`` is a neutral judgement), ``Update.signal`` is the blend that the agent learnt from.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

#: ``record(Class, fields)`` makes a record from the tuple of all its fields at half the cost of the class's own
#: Python-level ``__new__``. For the few records that are made at every step; elsewhere call the class.
record = tuple.__new__


class UserError(Exception):
    """A user's mistake: one clear line that says what was wrong, what was expected and the nearest right value."""


class Step(NamedTuple):
    """One step of the world.

    Attributes:
        index: environment steps before this one, over the whole run.
        episode: episodes before this one.
        observation, action, reward, next_observation: the transition; ``reward`` is the world's own.
        terminated: the task ended here: nothing is worth anything beyond it.
        truncated: the episode was cut here; the next observation still has a value.
        probability: with which the behaviour chose ``action`` (or made its ``choice``), after every blend.
        actor: who chose: ``"agent"`` or ``"human"``.
        mask, next_mask: int8 of shape (actions,), 1 where the action changes anything; None where the world gives none.
        time: when the step came on the screen, in seconds of the session's clock.
        next_action: the action drawn for ``next_observation``, for agents that learn on-policy; None after termination
            and for every other agent. After truncation it is drawn and never executed.
        taught: whether a teacher attended when the step came on the screen: the silence of somebody who is not there,
            who only watches, or whose presses are used up, says nothing.
        choice, next_choice: of an agent that has one action more than the world (the blend ``extra_action``): the
            number of what it chose itself, for which ``action`` and ``next_action`` were done; None for every other
            agent, and where somebody else chose.
    """

    index: int  # type: ignore[assignment]  # the field's own word; nobody asks a record for tuple.index
    episode: int
    observation: Any
    action: Any
    reward: float
    next_observation: Any
    terminated: bool
    truncated: bool
    probability: float = 1.0
    actor: str = "agent"
    mask: NDArray[np.int8] | None = None
    next_mask: NDArray[np.int8] | None = None
    time: float = 0.0
    next_action: Any = None
    taught: bool = True
    choice: Any = None
    next_choice: Any = None

    @property
    def ended(self) -> bool:
        """Whether the episode ends with this step, in either way."""
        return self.terminated or self.truncated


class Feedback(NamedTuple):
    """One press: its value (+1 reward, -1 penalty, 0 neutral, strengths between and beyond) and its session time in
    seconds. ``latency`` is how many seconds after a step appeared it came: for a person the step on the screen, for a
    simulated one the step that was judged. ``trainer`` is who pressed."""

    value: float
    time: float
    latency: float = 0.0
    trainer: str = "teacher"


class Judgement(NamedTuple):
    """A step with what was said of it: ``credits`` are pairs (value of a press, this step's share of it), ``trainers``
    who pressed, in the same order; empty where that is not known."""

    step: Step
    credits: tuple[tuple[float, float], ...] = ()
    trainers: tuple[str, ...] = ()

    @property
    def feedback(self) -> float | None:
        """The sum of the shares; None where nobody said anything."""
        if not self.credits:
            return None
        return sum(value * weight for value, weight in self.credits)


class Update(NamedTuple):
    """The numbers of one update, for cards and curves: ``new = old + alpha * error``, ``error = target - old``.

    ``signal`` is the blended reward the agent learnt from; ``bootstrap`` is the value of what comes next, before gamma.
    """

    old: float
    target: float
    error: float
    new: float
    signal: float
    bootstrap: float


class Press(NamedTuple):
    """A press as it was credited: ``step`` was on the screen; pairs (index of a step, share), which sum to 1."""

    feedback: Feedback
    step: Step
    shares: tuple[tuple[int, float], ...]


class Acted(NamedTuple):
    """The world has moved."""

    step: Step


class Pressed(NamedTuple):
    """The teacher has spoken, and the press is credited."""

    press: Press


class Learnt(NamedTuple):
    """A step has left the credit window and the agent has learnt from it."""

    judgement: Judgement
    update: Update | None


Event = Acted | Pressed | Learnt

RewardPort = Callable[[Judgement], float]
"""What the agent is told: the blended signal of a judgement."""


class Distribution(Protocol):
    """Over actions. ``sample`` inverts the cumulative distribution at one uniform number; ``actor`` is who chooses."""

    @property
    def actor(self) -> str: ...

    def sample(self, u: float) -> Any: ...

    def prob(self, action: Any) -> float: ...

    def log_prob(self, action: Any) -> float: ...


class Agent(Protocol):
    """Two verbs, and three facts that the loop asks about."""

    @property
    def on_policy(self) -> bool:
        """Whether a step is learnt only once the next action is drawn."""
        ...

    @property
    def learns_from_feedback(self) -> bool:
        """Whether the agent reads ``judgement.feedback`` itself, so that every step must wait for its credit."""
        ...

    @property
    def gamma(self) -> float: ...

    def policy(self, observation: Any, bias: Sequence[float] | None = None) -> Distribution: ...

    def update(self, judgement: Judgement, reward: RewardPort) -> Update | None: ...


@runtime_checkable
class Corrigible(Protocol):
    """An agent that learns from what it remembers, again and again: its steps need not wait for their feedback."""

    def correct(self, old: Judgement, new: Judgement) -> None:
        """What was said of a step that is remembered has changed; of any other step nothing happens.

        Args:
            old: what is taken away: silent, where something is only added.
            new: what is said instead, of the same step.
        """
        ...


class Teacher(Protocol):
    """A callable on what happened: the presses that arrived while the step was on the screen."""

    def __call__(self, step: Step) -> Sequence[Feedback]: ...


@runtime_checkable
class Attending(Protocol):
    """A teacher who does not always attend: whether they do while step ``index`` comes on the screen. One without this
    verb always does."""

    def attends(self, index: int) -> bool: ...
