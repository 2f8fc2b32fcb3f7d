"""Which steps a press was about: credit over time.

A person needs some tenths of a second to see, judge and press. A press at time t praises or blames a step that was on
the screen during [b, e] as far as its delay, between t - e and t - b, is likely (TAMER, Knox & Stone 2009, section
"credit assignment"). Shares of one press sum to 1, and nothing is credited across a reset: the end of an episode
releases every step that waits.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from hfrl.reading import named, read_text
from hfrl.types import Feedback, Judgement, Press, Step, UserError, record


class Delay(Protocol):
    """How late people press: a distribution of delays in seconds.

    ``reach`` is the delay beyond which nothing is credited any more: so long a step waits.
    """

    @property
    def reach(self) -> float: ...

    def cdf(self, delay: float) -> float: ...


class Uniform(NamedTuple):
    """Every delay from ``low`` to ``high`` seconds is equally likely (TAMER's default, .2 to .8 s)."""

    low: float = 0.2
    high: float = 0.8

    @property
    def reach(self) -> float:
        return self.high

    def cdf(self, delay: float) -> float:
        """P(delay <= x)."""
        return min(1.0, max(0.0, (delay - self.low) / (self.high - self.low)))


class Gamma(NamedTuple):
    """Gamma(shape, scale) delays; the mean is shape * scale seconds. The slowest thousandth is cut off."""

    shape: float = 2.0
    scale: float = 0.28

    @property
    def reach(self) -> float:
        delay = self.shape * self.scale
        while self.cdf(delay) < 0.999:
            delay *= 1.1
        return delay

    def cdf(self, delay: float) -> float:
        """P(delay <= x)."""
        x = delay / self.scale  # 0 also where the quotient is too small for a float
        return 0.0 if x <= 0 else lower_incomplete_gamma(self.shape, x)


class Empirical:
    """The delays of one person as they were measured: each sample is equally likely.

    Args:
        delays: seconds, at least one, none negative.

    Raises:
        UserError: no delay, or a negative one.
    """

    def __init__(self, delays: Sequence[float]) -> None:
        if not delays or not all(0 <= delay < math.inf for delay in delays):
            raise UserError("an empirical delay needs at least one delay, in seconds, none below 0 or infinite")
        self.delays = sorted(delays)
        self.reach = self.delays[-1]

    def __repr__(self) -> str:
        return f"Empirical({self.delays})"

    def cdf(self, delay: float) -> float:
        """P(delay <= x): the share of samples up to x."""
        return sum(sample <= delay for sample in self.delays) / len(self.delays)


def lower_incomplete_gamma(shape: float, x: float) -> float:
    """P(a, x), the cumulative distribution of Gamma(a, 1), for x > 0 (Abramowitz & Stegun 6.5.29).

    The series x^a e^-x sum_n x^n / (a (a+1) ... (a+n)), divided by the complete gamma function; all terms are positive.
    """
    term = 1.0 / shape
    total = term
    n = 0
    while term > total * 1e-16:
        n += 1
        term *= x / (shape + n)
        total += term
    return min(1.0, total * math.exp(shape * math.log(x) - x - math.lgamma(shape)))


def overlap(delay: Delay, time: float, begin: float, end: float) -> float:
    """The probability that a press at ``time`` is about what was on the screen during [begin, end]."""
    return max(0.0, delay.cdf(time - begin) - delay.cdf(time - end))  # rounding alone could make it negative


def shares(delay: Delay, time: float, intervals: Sequence[tuple[float, float]]) -> list[float]:
    """How a press at ``time`` is shared among steps shown during these intervals; sums to 1.

    Where no interval is likely, all of it goes to the step that was on the screen: no press is lost.

    >>> [round(s, 4) for s in shares(Uniform(0.2, 0.8), 1.2, [(0, 0.3), (0.3, 0.6), (0.6, 0.9), (0.9, 1.2)])]
    [0.0, 0.3333, 0.5, 0.1667]
    """
    masses = [overlap(delay, time, begin, end) for begin, end in intervals]
    total = sum(masses)
    if total <= 0:
        shown = [index for index, (begin, _) in enumerate(intervals) if begin <= time]
        on_screen = shown[-1] if shown else 0
        return [float(index == on_screen) for index in range(len(intervals))]
    return [mass / total for mass in masses]


#: A step that no later press can reach, and whether it is owed: the agent has not learnt it yet.
Released = tuple[Judgement, bool]
Taken = tuple[Sequence[Press], Sequence[Released]]


def without(judgement: Judgement, press: Press) -> Judgement:
    """The judgement less this press's share of credit, if it has one; of equal presses the last one goes."""
    wanted = (press.feedback.value, dict(press.shares).get(judgement.step.index))
    credits, trainers = judgement.credits, judgement.trainers
    for at in reversed(range(len(credits))):
        if credits[at] == wanted and (not trainers or trainers[at] == press.feedback.trainer):
            return Judgement(judgement.step, (*credits[:at], *credits[at + 1 :]), (*trainers[:at], *trainers[at + 1 :]))
    return judgement


class Credit(Protocol):
    """Where steps wait for what is said of them.

    ``take`` receives the step on the screen and the presses that arrived during it. It returns those presses with their
    shares, and the steps that no later press can reach, oldest first. ``share`` tells the same shares beforehand, while
    the step is still on the screen. ``forget`` takes a press back from the steps that wait. ``barrier`` closes all
    earlier steps to later presses (after a pause, say). ``instant``: no step ever waits. ``state`` is what waits, as
    plain data (:mod:`hfrl.plain`), and ``restore`` its inverse.
    """

    @property
    def instant(self) -> bool: ...

    def state(self) -> Any: ...

    def restore(self, state: Any) -> None: ...

    def share(self, step: Step, press: Feedback) -> Press: ...

    def forget(self, press: Press) -> None: ...

    def barrier(self) -> None: ...

    def take(self, step: Step, presses: Sequence[Feedback], owed: bool) -> Taken: ...


def afterwards(late: Sequence[Press]) -> tuple[Released, ...]:
    """What was said of a step while the agent learnt from it already: H hears of it, the agent does not learn again."""
    if not late:
        return ()
    said = tuple((press.feedback.value, 1.0) for press in late)
    return ((Judgement(late[0].step, said, tuple(press.feedback.trainer for press in late)), False),)


class Immediate:
    """Every press is about the step that was on the screen when it was made, and no step waits."""

    instant = True
    _before: Step | None = None

    def state(self) -> Step | None:
        """The step that was on the screen before."""
        return self._before

    def restore(self, state: Step | None) -> None:
        """The inverse of :meth:`state`."""
        self._before = state

    def share(self, step: Step, press: Feedback) -> Press:
        """All of it to the step on the screen, or to the one before if it was made while that was still there."""
        about = self._before if self._before is not None and press.latency < 0 else step
        return Press(press, about, ((about.index, 1.0),))

    def forget(self, press: Press) -> None:
        """Nothing waits that it could be taken back from."""

    def barrier(self) -> None:
        """A press after a pause is about what is to be seen then."""
        self._before = None

    def take(self, step: Step, presses: Sequence[Feedback], owed: bool) -> Taken:
        """The step leaves at once with all that was said while it was there."""
        credited = tuple([self.share(step, press) for press in presses]) if presses else ()
        self._before = step
        if not presses:
            return (), ((record(Judgement, (step, (), ())), owed),)
        now = [one.feedback for one in credited if one.step is step]
        said = Judgement(step, tuple((one.value, 1.0) for one in now), tuple(one.trainer for one in now))
        return credited, (*afterwards([one for one in credited if one.step is not step]), (said, owed))


class _Waiting:
    """A step in the window: when it was on the screen, and the credit it has got so far."""

    __slots__ = ("begin", "closed", "end", "judgement", "owed")

    def __init__(self, step: Step, owed: bool) -> None:
        self.judgement = Judgement(step)
        self.owed = owed
        self.begin = step.time
        self.end = math.inf
        self.closed = False

    @property
    def step(self) -> Step:
        """The step that waits."""
        return self.judgement.step

    def credit(self, press: Feedback, share: float) -> None:
        """So much of this press is about the step."""
        step, credits, trainers = self.judgement
        self.judgement = Judgement(step, (*credits, (press.value, share)), (*trainers, press.trainer))


class Window:
    """Steps wait until no press can be about them any more, at the longest ``delay.reach`` seconds after they left the
    screen, or until their episode ends."""

    instant = False

    def __init__(self, delay: Delay | None = None) -> None:
        self.delay: Delay = delay or Uniform()
        self._reach = self.delay.reach
        self._waiting: deque[_Waiting] = deque()
        self._told: list[Press] = []  # presses whose shares were told while their step is still on the screen
        self._before: Step | None = None  # the last step that left the screen, waiting or not

    def state(self) -> dict[str, Any]:
        """The steps that wait, each with when it left the screen, whether it is closed and owed, and its credit."""
        waiting = [(one.judgement, one.owed, one.begin, one.end, one.closed) for one in self._waiting]
        return {"waiting": waiting, "told": self._told, "before": self._before}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`state`."""
        self._waiting.clear()
        for judgement, owed, begin, end, closed in state["waiting"]:
            waiting = _Waiting(judgement.step, owed)
            waiting.judgement, waiting.begin, waiting.end, waiting.closed = judgement, begin, end, closed
            self._waiting.append(waiting)
        self._told, self._before = list(state["told"]), state["before"]

    def fit(self, delays: Sequence[float]) -> None:
        """Share presses by the measured delays of this person, in seconds; to be said before the first step."""
        self.delay = Empirical(delays)
        self._reach = self.delay.reach

    def share(self, step: Step, press: Feedback) -> Press:
        """How a press is shared among the steps that wait and the one on the screen; no later barrier changes it."""
        self._told.append(self._shared(step, press))
        return self._told[-1]

    def _shared(self, step: Step, press: Feedback) -> Press:
        intervals = [(waiting.step.index, waiting.begin, waiting.end) for waiting in self._open(step)]
        if not intervals and press.latency < 0 and self._before is not None:
            return Press(press, self._before, ((self._before.index, 1.0),))  # made while that was still to be seen
        intervals.append((step.index, step.time, math.inf))
        parts = shares(self.delay, press.time, [(begin, end) for _, begin, end in intervals])
        return Press(
            press, step, tuple((i, part) for (i, _, _), part in zip(intervals, parts, strict=True) if part > 0)
        )

    def forget(self, press: Press) -> None:
        """The steps that still wait lose their shares of this press."""
        for waiting in self._waiting:
            waiting.judgement = without(waiting.judgement, press)

    def barrier(self) -> None:
        """No later press is about a step that left the screen before now."""
        self._before = None
        self._close()

    def _close(self) -> None:
        for waiting in self._waiting:
            waiting.closed = True

    def take(self, step: Step, presses: Sequence[Feedback], owed: bool) -> Taken:
        """A new step comes on the screen, and the one before leaves it."""
        told = {id(press.feedback): press for press in self._told}
        credited = [told.get(id(press)) or self._shared(step, press) for press in presses]
        self._told.clear()
        self._open(step)
        self._waiting.append(_Waiting(step, owed))
        waiting = {one.step.index: one for one in self._waiting}
        late = [press for press in credited if press.shares[0][0] not in waiting]
        for press in credited:
            for index, part in press.shares if press not in late else ():
                waiting[index].credit(press.feedback, part)
        self._before = step
        return credited, [*afterwards(late), *self._release(step)]

    def _open(self, step: Step) -> list[_Waiting]:
        """The waiting steps that a press during ``step`` may be about; whoever acts, answers for themselves alone."""
        if self._waiting and self._waiting[-1].end == math.inf:
            self._waiting[-1].end = step.time
        if self._waiting and self._waiting[-1].step.actor != step.actor:
            self._close()
        return [waiting for waiting in self._waiting if not waiting.closed]

    def _release(self, newest: Step) -> list[Released]:
        """The steps that no press after ``newest`` can reach; all of them where the episode has ended."""
        horizon = math.inf if newest.terminated or newest.truncated else newest.time
        released = []
        while self._waiting and self._waiting[0].end + self._reach <= horizon:
            waiting = self._waiting.popleft()
            released.append((waiting.judgement, waiting.owed))
        return released


def uniform_window(low: float = 0.2, high: float = 0.8) -> Window:
    """A window for uniform delays in seconds. Raises UserError unless 0 <= low < high."""
    if not 0 <= low < high:
        raise UserError(f"uniform credit needs 0 <= low < high, got low={low}, high={high}")
    return Window(Uniform(low, high))


def gamma_window(shape: float = 2.0, scale: float = 0.28) -> Window:
    """A window for Gamma delays. Raises UserError unless both parameters are positive."""
    if shape <= 0 or scale <= 0:
        raise UserError(f"gamma credit needs a positive shape and scale, got shape={shape}, scale={scale}")
    return Window(Gamma(shape, scale))


def empirical_window(file: str) -> Window:
    """A window for the measured delays of one person: a text file, one delay in seconds a line."""
    with named("empirical credit:"):
        words = read_text(Path(file)).split()
    try:
        return Window(Empirical([float(word) for word in words]))
    except ValueError as error:
        raise UserError(f"empirical credit cannot read delays from {file!r}: {error}") from error
