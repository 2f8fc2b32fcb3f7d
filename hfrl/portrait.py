"""What a person's presses say about the person, while they go on: how consistent, how busy, how kind, and what changes.

Nobody knows here which actions are right, so consistency is read from what is judged more than once: two words about
the same action in the same state agree if both are right or both are wrong,

    P(agree) = C^2 + (1 - C)^2,     C = (1 + sqrt(2 P(agree) - 1)) / 2

for somebody who says with probability C what they think (the C of Griffith et al. 2013). Loftin et al. (2016) measured
that people differ mostly in how often they praise and how often they blame: rate and positivity.
"""

import math
from collections import Counter, deque
from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np

from hfrl.types import Feedback, Press, Step

#: Presses that "lately" means.
LATELY = 30
#: Words about something that was judged before, from which on consistency is told.
ENOUGH = 10
#: Steps that a press may still be about.
STEPS = 200
#: A change of a share is told from so many standard errors on.
SURE = 2.0


def consistency(agreeing: int, pairs: int) -> float:
    """C from how many pairs of words about the same thing agree; .5, a coin, where fewer than half do.

    >>> consistency(82, 100), consistency(1, 1), consistency(3, 10)
    (0.9, 1.0, 0.5)
    """
    return (1 + math.sqrt(max(0.0, 2 * agreeing / pairs - 1))) / 2


def differs(some: int, of: int, others: int, among: int) -> bool:
    """Whether two shares, ``some / of`` and ``others / among``, are apart by two standard errors of their pooled share.

    >>> differs(3, 30, 27, 30), differs(15, 30, 17, 30), differs(30, 30, 30, 30)
    (True, False, False)
    """
    pooled = (some + others) / (of + among)
    error = math.sqrt(pooled * (1 - pooled) * (1 / of + 1 / among))
    return abs(some / of - others / among) > SURE * error


class Traits(NamedTuple):
    """A person so far. Shares are within [0, 1]; None where there is too little to tell.

    Attributes:
        rate: presses per step while they taught.
        positivity: the share of praise among praise and blame.
        consistency: C.
        lately: positivity of the last :data:`LATELY` presses, where it differs from that of all before them (drift).
    """

    rate: float | None = None
    positivity: float | None = None
    consistency: float | None = None
    lately: float | None = None

    def words(self) -> str:
        """In a line; empty where there is nothing to tell."""
        parts = []
        if self.positivity is not None:
            lately = "" if self.lately is None else f", lately {self.lately:.0%}"
            parts.append(f"{self.positivity:.0%} praise{lately}")
        if self.rate is not None:
            parts.append(f"{self.rate:.2g} presses a step")
        if self.consistency is not None:
            parts.append(f"{self.consistency:.0%} consistent")
        return "; ".join(parts)


class _Word(NamedTuple):
    key: Hashable
    good: bool


class Portrait:
    """Collects presses. A press is about the step that got most of its credit; neutral ones, and all but the first
    about one step, count for the rate alone: whoever presses twice has not thought twice.
    """

    def __init__(self) -> None:
        self._seen: dict[int, Hashable] = {}
        self._first: dict[int, Feedback] = {}
        self._praise: Counter[Hashable] = Counter()
        self._blame: Counter[Hashable] = Counter()
        self._praised = self._blamed = 0
        self._agreeing = self._pairs = self._again = 0
        self._lately: deque[_Word] = deque(maxlen=LATELY)
        self._steps = self._presses = 0

    def saw(self, step: Step, taught: bool) -> None:
        """A step came on the screen."""
        self._steps += taught
        self._seen[step.index] = (_key(step.observation), step.action)
        self._seen.pop(step.index - STEPS, None)
        self._first.pop(step.index - STEPS, None)

    def said(self, press: Press) -> None:
        """A press."""
        self._presses += 1
        index = _about(press)
        if press.feedback.value and index in self._seen and index not in self._first:
            self._first[index] = press.feedback
            self._add(_Word(self._seen[index], press.feedback.value > 0))

    def withdrawn(self, press: Press) -> None:
        """A press that was told before was taken back."""
        self._presses -= 1
        index = _about(press)
        if self._first.get(index) == press.feedback:
            del self._first[index]
            self._remove(_Word(self._seen[index], press.feedback.value > 0))

    def _add(self, word: _Word) -> None:
        same, other = self._counts(word)
        before = same[word.key] + other[word.key]
        self._agreeing += same[word.key]
        self._pairs += before
        self._again += before > 0
        same[word.key] += 1
        self._praised += word.good
        self._blamed += not word.good
        self._lately.append(word)

    def _remove(self, word: _Word) -> None:
        same, other = self._counts(word)
        same[word.key] -= 1
        before = same[word.key] + other[word.key]
        self._agreeing -= same[word.key]
        self._pairs -= before
        self._again -= before > 0
        self._praised -= word.good
        self._blamed -= not word.good
        if word in self._lately:  # the last of its kind: presses are taken back from the newest on
            self._lately.reverse()
            self._lately.remove(word)
            self._lately.reverse()

    def _counts(self, word: _Word) -> tuple[Counter[Hashable], Counter[Hashable]]:
        return (self._praise, self._blame) if word.good else (self._blame, self._praise)

    def traits(self) -> Traits:
        """What is known by now."""
        words = self._praised + self._blamed
        recent, kind = len(self._lately), sum(word.good for word in self._lately)
        lately = None
        if words >= 2 * LATELY and differs(kind, recent, self._praised - kind, words - recent):
            lately = kind / recent
        return Traits(
            rate=self._presses / self._steps if self._steps and self._presses else None,
            positivity=self._praised / words if words else None,
            consistency=consistency(self._agreeing, self._pairs) if self._again >= ENOUGH else None,
            lately=lately,
        )


def _about(press: Press) -> int:
    return max(press.shares, key=lambda share: share[1])[0] if press.shares else press.step.index


def _key(observation: Any) -> Hashable:
    return observation.tobytes() if isinstance(observation, np.ndarray) else observation
