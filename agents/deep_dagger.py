"""DAgger with a network: the data of all rounds together, and a classifier that agrees with them (Ross, Gordon &
Bagnell, "A reduction of imitation learning and structured prediction to no-regret online learning", AISTATS 2011,
algorithm 3.1); with a driver who intervenes it is HG-DAgger (Kelly et al. 2019).

    pi(a|s) = softmax of the outputs
    loss = -w ln pi(A|S)            for what a person did (f = 1), or praised
    loss = -w |f| ln(1 - pi(A|S))   for what they blamed: they would have done anything else

w is a press's share of the step. Each sample is learnt when it comes, alone, and again and again from the buffer. Where
nobody drove and nobody spoke, nothing is learnt.
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

MISSING = silence_number("missing")


def slopes(outputs: Array, actions: NDArray[np.int64], labels: Array, weights: Array) -> Array:
    """The derivative of the mean loss by the outputs, shape (batch, actions).

    By the output of A it is f (pi(A) - 1) where A was shown, |f| pi(A) where it was blamed; what that takes or gives is
    shared by the other actions, as likely as they are among themselves.

    >>> outputs, once = np.zeros((2, 2), np.float32), np.ones(2, np.float32)
    >>> slopes(outputs, np.array([0, 0]), np.array([1, -1], np.float32), once).tolist()  # half of .5, each
    [[-0.25, 0.25], [0.25, -0.25]]
    """
    rows = np.arange(len(actions))
    odds = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    chosen = odds[rows, actions]
    odds[rows, actions] = 0
    others = odds.sum(axis=1)
    odds /= np.maximum(others, np.float32(1e-30))[:, None]
    shown = labels > 0
    moved = np.where(shown, -others, chosen) / (chosen + others) * np.abs(labels) * weights / np.float32(len(rows))
    by_outputs: Array = -moved[:, None] * odds
    by_outputs[rows, actions] = moved
    return by_outputs


@dataclass(kw_only=True, eq=False)
class DeepDagger(DeepListener):
    """Does what the person would most likely have done.

    Args:
        epsilon: exploration in [0, 1]; a number or a schedule.
        train_freq: steps between two updates from the buffer.
    """

    takeover: float = 1.0
    epsilon: float | str | Schedule = 0.0

    letters: ClassVar[str] = "theta(s,a)"
    exploration: ClassVar[str] = "epsilon_greedy"
    at_once: ClassVar[bool] = True

    def plans(self) -> dict[str, Schedule]:
        """Epsilon."""
        return {"epsilon": checked("epsilon", self.epsilon, 0, 1)}

    def said(self, judgement: Judgement) -> Sequence[Pair]:
        """Each press with its share, or the label of what a person drove."""
        label, judged = heard(judgement, MISSING, self.takeover)
        return judgement.credits or ([(label, 1.0)] if judged else [])

    def hear(self, judgement: Judgement, code: NDArray[Any]) -> Sequence[Word]:
        """One sample for each of them."""
        return words_of(judgement, code, self.said(judgement))

    def learn(self, words: Sequence[Word], code: NDArray[Any]) -> None:  # noqa: ARG002 - of the step at hand
        """One update from a batch of samples."""
        inputs, samples = self.encoder.see(joined_codes(words)), samples_of(words)
        self.network.descend(inputs, lambda outputs: (slopes(outputs, *samples), None), self.alpha_now())

    def told(self, judgement: Judgement, old: float, new: float) -> Update | None:
        """The output of the action before and after; None where nothing was shown or said."""
        label, judged = heard(judgement, MISSING, self.takeover)
        return record(Update, (old, label, new - old, new, label, 0.0)) if judged else None
