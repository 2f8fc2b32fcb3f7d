"""How long this person takes to react: a box lights up at random moments, and the delays of the presses are kept.

The same seed gives the same moments. The delays become the credit's delay (:class:`hfrl.credit.Empirical`), are an
event of the session's log, so that a replay shares every press as the session did, and a file for later sessions.
"""

from collections.abc import Sequence

import numpy as np

from hfrl.credit import Credit, Window

#: How long the test lasts, and between which gaps the box lights up, for how long; all in seconds.
SECONDS, GAPS, LIT = 20.0, (1.2, 2.8), 0.4
#: A press so soon was no answer, one so late was none to this light.
SOONEST, LATEST = 0.1, 1.5
#: So many delays are needed before they say anything.
FEWEST = 5


def flashes(seed: int) -> list[float]:
    """When the box lights up, in seconds from the beginning; the last one leaves time for an answer."""
    rng = np.random.default_rng([seed, 2])
    moments = [float(rng.uniform(*GAPS))]
    while moments[-1] <= SECONDS - LATEST:
        moments.append(moments[-1] + float(rng.uniform(*GAPS)))
    return moments[:-1]


class Reaction:
    """A test that runs: asked in every frame whether the box is lit, and told every press.

    Args:
        seed: of the moments.
        begin: when it began; every time is in seconds of one clock, whichever.

    Attributes:
        delays: the usable ones so far, in seconds, as they came.
    """

    def __init__(self, seed: int, begin: float) -> None:
        self._due = [begin + moment for moment in flashes(seed)]
        self._end = begin + SECONDS
        self._lit_at: float | None = None
        self.delays: list[float] = []

    def look(self, now: float) -> bool:
        """Whether the box is lit in a frame that is shown now. It counts as lit from the frame that shows it first."""
        while self._due and self._due[0] <= now:
            self._due.pop(0)
            self._lit_at = now
        return self._lit_at is not None and now - self._lit_at < LIT

    def press(self, now: float) -> None:
        """The person pressed; the first press after a light is the answer to it, if it is one."""
        if self._lit_at is None:
            return
        delay = now - self._lit_at
        self._lit_at = None
        if SOONEST <= delay <= LATEST:
            self.delays.append(delay)

    def left(self, now: float) -> float:
        """Seconds that it still lasts, 0 at the end."""
        return max(0.0, self._end - now)


def fit(credit: Credit, delays: Sequence[float]) -> bool:
    """From now on a press is shared by these delays, in seconds; False where the credit knows no delay."""
    if isinstance(credit, Window):
        credit.fit(delays)
        return True
    return False


def median(delays: Sequence[float]) -> float:
    """The middle delay in seconds."""
    return float(np.median(delays))
