"""Deep TAMER: what the person would say as a network, and greedy actions on it (Warnell, Waytowich, Lawhern & Stone,
"Deep TAMER: interactive agent shaping in high-dimensional state spaces", AAAI 2018, algorithm 1).

    loss = w [H(S,A) - h]^2                          (eq. 3)
    w = P(begin <= press - delay <= end)             (eq. 4)
    theta <- theta - eta grad loss                   (eq. 5)

Each press (worth h) gives one sample for each step that it can have been about; w is the step's share of the press, the
probability of its delay, which is the credit's business here. A sample is learnt when it is heard, alone, and again and
again from the buffer, every b steps. Silence is no sample.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hfrl.deep_listening import Array, DeepListener, joined_codes, samples_of, words_of
from hfrl.listening import heard, silence_number
from hfrl.schedules import Schedule, checked
from hfrl.types import Judgement, Update, record
from hfrl.words import Pair, Word


def slopes(h: Array, actions: NDArray[np.int64], labels: Array, weights: Array) -> Array:
    """The derivative of the mean of w [H(S,A) - h]^2 (eq. 3) by H(s, .), shape (batch, actions).

    >>> h, actions = np.array([[0.5, 9.0], [9.0, 0.0]]), np.array([0, 1])
    >>> slopes(h, actions, labels=np.array([1.0, -1.0]), weights=np.array([0.5, 1.0])).tolist()
    [[-0.25, 0.0], [0.0, 1.0]]
    """
    rows = np.arange(len(actions))
    by_h = np.zeros_like(h)
    by_h[rows, actions] = 2 * weights * (h[rows, actions] - labels) / len(rows)
    return by_h


@dataclass(kw_only=True, eq=False)
class DeepTamer(DeepListener):
    """Learns what the person would say of each action, and does what they would praise most.

    Args:
        silence: ``"missing"``: a step passed in silence is no sample; ``"zero"``: its label is 0 while taught.
        epsilon: exploration in [0, 1]; a number or a schedule.
        train_freq: b of the paper, the steps between two updates from the buffer.
    """

    silence: str = "missing"
    epsilon: float | str | Schedule = 0.0

    letters: ClassVar[str] = "H(s,a)"
    exploration: ClassVar[str] = "epsilon_greedy"
    at_once: ClassVar[bool] = True

    def plans(self) -> dict[str, Schedule]:
        """Epsilon."""
        self._silence = silence_number(self.silence)
        return {"epsilon": checked("epsilon", self.epsilon, 0, 1)}

    def said(self, judgement: Judgement) -> Sequence[Pair]:
        """Each press with its share, or the label of what nobody judged."""
        label, judged = heard(judgement, self._silence, self.takeover)
        return judgement.credits or ([(label, 1.0)] if judged else [])

    def hear(self, judgement: Judgement, code: NDArray[Any]) -> Sequence[Word]:
        """One sample for each press."""
        return words_of(judgement, code, self.said(judgement))

    def learn(self, words: Sequence[Word], code: NDArray[Any]) -> None:  # noqa: ARG002 - of the step at hand
        """One update from a batch of samples (eq. 5)."""
        inputs, samples = self.encoder.see(joined_codes(words)), samples_of(words)
        self.network.descend(inputs, lambda h: (slopes(h, *samples), None), self.alpha_now())

    def told(self, judgement: Judgement, old: float, new: float) -> Update | None:
        """H(s,a), and how far it was from the label; None where the step has none."""
        label, judged = heard(judgement, self._silence, self.takeover)
        return record(Update, (old, label, label - old, new, label, 0.0)) if judged else None
