"""H as a network: what a person would say, where observations are pictures or too many numbers for tiles.

A network that is fitted to all labels so far, with every label drawn again and again (as in Deep TAMER: Warnell et al.,
"Deep TAMER: interactive agent shaping in high-dimensional state spaces", AAAI 2018). Unlike a table or tiles it depends
on the order of the labels; so taking one back exactly is learning again without it, as everywhere, and a correction
afterwards changes the label and fits anew.
"""

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hfrl.backends import network_of
from hfrl.encoding import encoder_of
from hfrl.frames import joined
from hfrl.labels import Labels
from hfrl.seeding import restored, state_of
from hfrl.shapes import Convolution, Shape, flattened
from hfrl.types import Judgement

#: Of Adam; updates for each new label; labels in each.
ALPHA, UPDATES, BATCH = 1e-3, 8, 16
HIDDEN = (64, 64)
#: For pictures of 28 by 28 and more (Mnih et al. 2013), and for small ones.
WIDE: tuple[Convolution, ...] = ((16, 8, 4), (32, 4, 2))
NARROW: tuple[Convolution, ...] = ((32, 3, 1),)
#: Values of so many observations are remembered until the next label.
KNOWN = 4096


class HumanNetwork:
    """H(s, a) as a network; the label of a step is the sum of its shares of credit, and silence is no label.

    Labels are fitted when H is asked, always by the same updates whenever that is: a run in which nobody asks costs
    nothing, and looking changes nothing. Once it was asked, a label is fitted when it comes. A window may look from
    another thread: it never fits, and waits for one update at the most.

    Args:
        space: of the observations: a Box.
        actions: how many.

    Raises:
        UserError: a space that no network takes, or torch is needed and not installed.
    """

    rows = None  # no table

    def __init__(self, space: Any, actions: int) -> None:
        self.encoder = encoder_of(space)
        self.actions = actions
        self.rng = np.random.default_rng(0)  # H is the same for every seed of a run
        self.network = network_of(self._shape(), self.rng, 10.0, 0.0, "auto", "auto")
        self.seen: dict[bytes, int] = {}  # each observation that was judged, and its number
        self._pictures: list[bytes] = []  # the same by their numbers
        self.which: list[int] = []
        self.action: list[int] = []
        self.label: list[float] = []
        self.labels = Labels(np.iinfo(np.int64).max // actions, actions)
        #: For each update that is due: how many labels there were when it came up.
        self._due: deque[int] = deque()
        self._known: dict[bytes, list[float]] = {}
        self._asked = False
        self._teller: int | None = None  # the thread that labels come from
        self._lock = threading.RLock()

    def _shape(self) -> Shape:
        image = self.encoder.image
        if not image:
            return Shape((self.encoder.inputs, *HIDDEN, self.actions))
        filters = WIDE if min(image[1:]) >= 28 else NARROW if min(image[1:]) >= 3 else ()
        return Shape((flattened(image, filters), *HIDDEN, self.actions), image, filters)

    # --- labels ------------------------------------------------------------------------------------------------------

    def observe(self, judgement: Judgement) -> None:
        """Learn one judgement; silence teaches nothing."""
        label = judgement.feedback
        if label is None:
            return
        with self._lock:
            self._teller = threading.get_ident()
            self._observe(judgement, label)
        if self._asked:
            self._fit()

    def _observe(self, judgement: Judgement, label: float) -> None:
        picture = self._bytes(judgement.step.observation)
        row = self.seen.setdefault(picture, len(self.seen))
        if row == len(self._pictures):
            self._pictures.append(picture)
        self.which.append(row)
        self.action.append(int(judgement.step.action))
        self.label.append(label)
        self.labels.add((row,), judgement)
        self._ask()

    def correct(self, old: Judgement, new: Judgement) -> None:
        """Replace a judgement that was observed by another of the same step; a silent one takes its label away."""
        with self._lock:
            self._fit()
            at = self._place(old)
            if at is not None:
                self._replace(at, old, new)

    def _replace(self, at: int, old: Judgement, new: Judgement) -> None:
        self.labels.add((self.which[at],), old, -1)
        self.labels.add((self.which[at],), new)
        if new.feedback is None:
            for column in (self.which, self.action, self.label):
                del column[at]
        else:
            self.label[at] = new.feedback
        self._ask()

    def _place(self, judgement: Judgement) -> int | None:
        """Where this label lies; of equal ones the last."""
        row = self.seen.get(self._bytes(judgement.step.observation))
        for at in reversed(range(len(self.label))):
            if (self.which[at], self.action[at], self.label[at]) == (row, judgement.step.action, judgement.feedback):
                return at
        return None

    def _bytes(self, observation: Any) -> bytes:
        return self.encoder.code(observation).tobytes()

    # --- the fit -----------------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        if self.label:
            self._due += [len(self.label)] * UPDATES
        self._known.clear()

    def _fit(self) -> None:
        """Catch up with the updates that are due, one at a time."""
        while self._due:
            with self._lock:
                size = self._due.popleft()
                drawn = (self.rng.random(min(BATCH, size)) * size).astype(np.int64)
                drawn[0] = size - 1  # the newest label is always among them
                self._update(drawn.tolist())

    def _update(self, drawn: Sequence[int]) -> None:
        """One update of the network towards these labels: the mean of (H(s,a) - label)^2."""
        codes = self._codes([self._pictures[self.which[at]] for at in drawn])
        actions = np.array([self.action[at] for at in drawn])
        labels = np.array([self.label[at] for at in drawn], np.float32)
        rows = np.arange(len(drawn))

        def slope(outputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], None]:
            by_outputs = np.zeros_like(outputs)
            by_outputs[rows, actions] = 2 * (outputs[rows, actions] - labels) / np.float32(len(drawn))
            return by_outputs, None

        self.network.descend(self.encoder.see(codes), slope, ALPHA)

    def _codes(self, pictures: Sequence[bytes]) -> NDArray[Any]:
        picture = self.encoder.picture
        if picture is None:
            return joined(pictures, "float32", (self.encoder.width,))
        return joined(pictures, picture.dtype, picture.shape)

    # --- what it says ------------------------------------------------------------------------------------------------

    def values(self, observation: Any) -> list[float]:
        """H(s, .), one number per action; 0 before anything was said."""
        self._asked = True
        if self._teller in (None, threading.get_ident()):
            self._fit()
        with self._lock:
            return self._values(observation) if self.label else [0.0] * self.actions

    def _values(self, observation: Any) -> list[float]:
        code = self.encoder.code(observation)
        key = code.tobytes()
        found = self._known.get(key)
        if found is None:
            found = self.network.quiet(self.encoder.see(code[None]))[0].tolist()
            if len(self._known) >= KNOWN:
                self._known.clear()
            if not self._due:  # else it is being fitted
                self._known[key] = found
        return found

    def counts(self, observation: Any) -> list[int]:  # noqa: ARG002 - a model's verb
        """How often each action was judged anywhere: a network speaks of every observation."""
        counts: list[int] = np.bincount(self.action, minlength=self.actions).tolist()
        return counts

    def said(self, observation: Any) -> Mapping[str, Sequence[float]]:
        """D(s, .) of each trainer: praise minus blame of this very observation; and of an action for which that is 0,
        one label as the network guesses it, H(s, a) within [-1, 1], in equal parts."""
        said = self.labels.differences((self._row(observation),))
        for action, guess in enumerate(self.values(observation)) if said else ():
            if not any(differences[action] for differences in said.values()):
                for differences in said.values():
                    differences[action] = min(max(guess, -1.0), 1.0) / len(said)
        return said

    def recency(self, observation: Any, now: int, decay: float) -> list[float]:
        """How fresh the labels of each action are for this very observation, in [0, 1]."""
        return self.labels.recency((self._row(observation),), now, decay)

    def _row(self, observation: Any) -> int:
        return self.seen.get(self._bytes(observation), -1)

    def labelled(self) -> Iterator[tuple[int, dict[str, list[tuple[float, float]]]]]:
        """The judged observations by their number, and (praise, blame) of each action there by trainer."""
        return self.labels.by_row()

    # --- checkpoints -------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The model as plain arrays, for a checkpoint: network, generator, and all labels."""
        with self._lock:
            return self._arrays()

    def _arrays(self) -> dict[str, NDArray[Any]]:
        self._fit()
        return {
            **{f"h_{name}": array for name, array in self.network.arrays().items()},
            "h_rng": state_of(self.rng),
            "h_seen": self._codes(self._pictures),
            "h_which": np.array([self.which, self.action], np.int64),
            "h_label": np.array(self.label),
            **self.labels.arrays(),
        }

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`arrays`. Raises ValueError on what does not fit."""
        with self._lock:
            self._restore(arrays)

    def _restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        seen, which, label = arrays["h_seen"], arrays["h_which"], arrays["h_label"]
        expected = self._codes([])
        if seen.shape[1:] != expected.shape[1:] or seen.dtype != expected.dtype:
            raise ValueError(f"h_seen has shape {seen.shape} of {seen.dtype}, expected (n, {expected.shape[1:]})")
        if label.ndim != 1 or which.shape != (2, len(label)) or which.dtype.kind not in "iu":
            raise ValueError(f"h_which has shape {which.shape} of {which.dtype}, expected (2, {len(label)})")
        for row, limit in zip(which, (len(seen), self.actions), strict=True):
            if len(row) and not 0 <= row.min() <= row.max() < limit:
                raise ValueError(f"h_which holds {row.max()}, expected 0 to {limit - 1}")
        self.network.restore({name.removeprefix("h_"): array for name, array in arrays.items() if name[:2] == "h_"})
        self.labels.restore(arrays)
        self.rng = restored(arrays["h_rng"])
        self._pictures = [one.tobytes() for one in seen]
        self.seen = {picture: number for number, picture in enumerate(self._pictures)}
        self.which, self.action = which.tolist()
        self.label = label.tolist()
        self._due.clear()
        self._known.clear()
