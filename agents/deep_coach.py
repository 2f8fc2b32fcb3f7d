"""Deep COACH: COACH with a network, and a buffer of what led to each word (Arumugam, Lee, Saskin & Littman, "Deep
reinforcement learning from policy-dependent human feedback", 2019, algorithm 1).

    e <- lambda e + pi(A|S) / p(A|S) grad ln pi(A|S)        along the steps of a window
    theta <- theta + alpha [mean over windows of F e  +  beta grad H(pi(.|s))]

A window is the last L steps before a word F, since the word before it. It is learnt again and again, every b steps, by
when the policy is no longer the one that acted: hence the weight, the probability now over the one then. H is the
entropy at the observation at hand. The authors' delay d is the credit's business here, as in COACH. Silence ends no
window; a reset does, and what a person drove or nobody was there to judge.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hfrl.deep_listening import Array, DeepListener, joined_codes, word_of
from hfrl.listening import heard
from hfrl.schedules import Schedule
from hfrl.types import Judgement, Update, UserError, record
from hfrl.words import Pair, Word

ATTENDING = 1


def traced(length: int, lam: float) -> NDArray[np.float64]:
    """How much each of the steps of a window, oldest first, is left in the trace at its end.

    >>> traced(3, 0.5).tolist()
    [0.25, 0.5, 1.0]
    """
    return np.asarray(lam ** np.arange(length - 1, -1, -1.0))


def log_softmax(theta: NDArray[Any]) -> NDArray[np.float64]:
    """ln pi of each row of preferences.

    >>> np.exp(log_softmax(np.array([[0.0, 0.0], [1000.0, 0.0]]))).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    shifted = theta.astype(np.float64) - theta.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def slopes(
    theta: NDArray[Any], actions: NDArray[np.int64], then: NDArray[np.float64], worth: NDArray[np.float64], beta: float
) -> Array:
    """Minus the derivative of algorithm 1's sum by the preferences, shape (steps + 1, actions).

    The last row is the observation at hand, whose entropy counts; the others are the steps of all windows.

    Args:
        theta: preferences, shape (steps + 1, actions).
        actions, then: what was done at each step, and with which probability.
        worth: of each step: F times what is left of it in the trace, over the number of windows.
        beta: the weight of the entropy.

    A step that was done with probability 1/2 and would be done with 1/2 now, praised; an entropy at its greatest:

    >>> slopes(np.zeros((2, 2)), np.array([0]), np.array([0.5]), np.array([1.0]), beta=1.0).tolist()
    [[-0.5, 0.5], [0.0, 0.0]]
    """
    log_pi = log_softmax(theta)
    pi = np.exp(log_pi)
    rows = np.arange(len(actions))
    taken = pi[rows, actions]
    climbed = -pi[:-1]
    climbed[rows, actions] += 1.0
    climbed *= (worth * taken / then)[:, None]
    entropy = -(pi[-1] * log_pi[-1]).sum()
    spread = -beta * pi[-1] * (log_pi[-1] + entropy)
    return np.asarray(-np.concatenate([climbed, spread[None]]), np.float32)


@dataclass(kw_only=True, eq=False)
class DeepCoach(DeepListener):
    """Climbs where the person says that it acted better than usual; acts by the softmax of its outputs.

    Args:
        window: L, the most steps before a word that it is about.
        lam: lambda in [0, 1], what is left of a step in the trace after another one.
        entropy: beta, not negative: what keeps the policy from settling before it was told enough.
        train_freq: steps between two updates from the buffer.
    """

    window: int = 10
    lam: float = 0.35
    entropy: float = 0.05

    letters: ClassVar[str] = "theta(s,a)"
    exploration: ClassVar[str] = "softmax"
    at_once: ClassVar[bool] = False

    def plans(self) -> dict[str, Schedule]:
        """Nothing: a softmax policy explores by itself."""
        if not 0 <= self.lam <= 1:
            raise UserError(f"lam (lambda) must be within [0, 1], got {self.lam}")
        if not self.entropy >= 0:
            raise UserError(f"entropy must be 0 or more, got {self.entropy}")
        if self.window < 1 or self.window != int(self.window):
            raise UserError(f"window must be a whole number of at least 1 step, got {self.window}")
        return {}

    def said(self, judgement: Judgement) -> Sequence[Pair]:
        """The label of a step, where that is not 0."""
        label, _ = heard(judgement, ATTENDING, self.takeover)
        return [(label, 1.0)] if label else []

    def hear(self, judgement: Judgement, code: NDArray[Any]) -> Sequence[Word]:
        """The window that ends with this step, where something was said of it."""
        step = judgement.step
        _, judged = heard(judgement, ATTENDING, self.takeover)
        if not judged:
            self.open.clear()
            return []
        self.open = [*self.open, word_of(judgement, code, (0.0, 1.0))][-self.window :]
        words = [self._window(step.index, pair) for pair in self.said(judgement)]
        if words or step.terminated or step.truncated:
            self.open = []
        return words

    def _window(self, index: int, pair: Pair) -> Word:
        actions, probabilities = (
            np.concatenate([getattr(one, name) for one in self.open]) for name in ("actions", "probabilities")
        )
        return Word(index, *pair, joined_codes(self.open), actions, probabilities)

    def learn(self, words: Sequence[Word], code: NDArray[Any]) -> None:
        """One update from a batch of windows."""
        actions = np.concatenate([word.actions for word in words])
        then = np.concatenate([word.probabilities for word in words])
        worth = np.concatenate([word.value * traced(len(word.actions), self.lam) for word in words]) / len(words)
        inputs = self.encoder.see(np.concatenate([joined_codes(words), code[None]]))
        self.network.descend(
            inputs, lambda theta: (slopes(theta, actions, then, worth, self.entropy), None), self.alpha_now()
        )

    def told(self, judgement: Judgement, old: float, new: float) -> Update | None:
        """theta(s,a) before and after; None where nothing was said."""
        label, _ = heard(judgement, ATTENDING, self.takeover)
        return record(Update, (old, label, new - old, new, new, 0.0)) if label else None
