"""The shell that deep agents share who learn from a person alone: a network, a buffer of what was said, saving.

There is no reward, no target network and no gamma. An agent file says what it hears in a judgement, and the derivative
of its loss by the outputs of the network, which is all that a network asks for (:mod:`hfrl.network`).

Names and meanings of the settings are those of :mod:`hfrl.deep`.
"""

from collections.abc import Sequence
from dataclasses import KW_ONLY, InitVar, dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hfrl.backends import network_of
from hfrl.deep import preferred, shape_of, whole
from hfrl.encoding import encoder_of
from hfrl.network import Network
from hfrl.policy import EXPLORATIONS, Discrete, greedy
from hfrl.schedules import Schedule, checked
from hfrl.seeding import restored, state_of
from hfrl.shapes import NATURE, Convolution
from hfrl.tabular import action_count
from hfrl.types import Judgement, RewardPort, Update, UserError
from hfrl.words import Pair, Word, Words, form_of, packed, unpacked

Array = NDArray[np.float32]


@dataclass(eq=False)
class DeepListener:
    """A network of one output per action, learnt from what a person says.

    A variant is a subclass that declares ``@dataclass(kw_only=True, eq=False)``, adds its own settings as fields, and
    gives the methods that raise ``NotImplementedError`` here. Nothing else is overridden.

    Args:
        env: only its ``observation_space`` and ``action_space`` are read.
        takeover: the label of a step that a person drove and nobody judged, in [-1, 1]; 0 for none.
        learning_rate: in [0, 1]; a number or a schedule.
        optimiser: ``"adam"``, or ``"sgd"``: plain gradient descent.
        buffer_size: words remembered.
        batch_size: words per update from the buffer, fewer where there are not so many yet.
        train_freq: steps between two updates from the buffer.
        max_grad_norm: longer gradients are scaled down to it.
        net_arch: widths of the hidden dense layers; None is (64, 64), and (512,) behind convolutions.
        filters: for pictures: (number, width, stride) of each convolution.
        embedding: for discrete observations: learnt numbers for each part of one; 0 gives one input per value.
        backend: ``"numpy"`` for dense layers on the CPU, ``"torch"``, or ``"auto"``.
        device: ``"cpu"``, ``"cuda"``, or ``"auto"``: the GPU, where torch runs the network and finds one.
        seed: of the first weights; None takes them from the run's own generator.

    Raises:
        UserError: a space that does not fit, or a number out of its range.
    """

    env: InitVar[Any]
    _: KW_ONLY
    takeover: float = 0.0
    learning_rate: float | str | Schedule = 1e-3
    optimiser: str = "adam"
    buffer_size: int = 10_000
    batch_size: int = 16
    train_freq: int = 1
    max_grad_norm: float = 10.0
    net_arch: Sequence[int] | None = None
    filters: Sequence[Convolution] = NATURE
    embedding: int = 0
    backend: str = "auto"
    device: str = "auto"
    seed: int | None = None

    on_policy: ClassVar[bool] = False
    learns_from_feedback: ClassVar[bool] = True
    learns_from_reward: ClassVar[bool] = False
    discounts: ClassVar[bool] = False
    gamma: ClassVar[float] = 0.0
    bootstraps: ClassVar[str] = ""
    #: What the outputs are, for the card of an update.
    letters: ClassVar[str]
    #: How values become a policy (:data:`hfrl.policy.EXPLORATIONS`).
    exploration: ClassVar[str]
    #: Whether a word is learnt alone when it is heard, beside the updates from the buffer.
    at_once: ClassVar[bool]

    # --- what a variant gives ----------------------------------------------------------------------------------------

    def plans(self) -> dict[str, Schedule]:
        """The rate of its exploration, by its name, where it has one. Raises UserError out of its range."""
        raise NotImplementedError

    def said(self, judgement: Judgement) -> Sequence[Pair]:
        """What a judgement says of its step, and how much each of it counts."""
        raise NotImplementedError

    def hear(self, judgement: Judgement, code: NDArray[Any]) -> Sequence[Word]:
        """The words to be remembered of a judgement; ``code`` is its observation as it is stored."""
        raise NotImplementedError

    def learn(self, words: Sequence[Word], code: NDArray[Any]) -> None:
        """One update of the network from some words, while the observation stored as ``code`` is learnt."""
        raise NotImplementedError

    def told(self, judgement: Judgement, old: float, new: float) -> Update | None:
        """The numbers of an update that moved the output of the judged action from ``old`` to ``new``."""
        raise NotImplementedError

    # --- making it ---------------------------------------------------------------------------------------------------

    def __post_init__(self, env: Any) -> None:
        if not -1 <= self.takeover <= 1:
            raise UserError(f"takeover must be within [-1, 1], got {self.takeover}")
        if not self.max_grad_norm > 0:
            raise UserError(f"max_grad_norm must be positive, got {self.max_grad_norm}")
        for name in ("buffer_size", "batch_size", "train_freq"):
            whole(name, getattr(self, name), 1)
        self._plans = {"alpha": checked("learning_rate", self.learning_rate, 0, 1), **self.plans()}
        self.actions = action_count(env.action_space)
        self.encoder = encoder_of(env.observation_space, whole("embedding", self.embedding, 0))
        self.shape = shape_of(self.encoder, self.net_arch, self.filters, self.actions)
        self.words = Words(self.buffer_size, form_of(self.encoder, self.actions))
        self.steps = self.episodes = 0
        self._predicting, self.rng = np.random.default_rng(self.seed).spawn(2)
        self._observation_ndim = len(env.observation_space.shape or ())
        #: Steps of this episode that no word has ended yet, where a variant keeps them.
        self.open: list[Word] = []
        self.network: Network = self._network(np.random.default_rng(self.seed))

    def _network(self, rng: np.random.Generator) -> Network:
        return network_of(self.shape, rng, self.max_grad_norm, 0.0, self.backend, self.device, self.optimiser)

    def begin(self, rng: np.random.Generator) -> None:
        """The loop hands the agent its generator: of the batches, and of the first weights unless a seed gave them."""
        self.rng = rng
        self.words.begin()
        self.open = []
        if self.steps == 0 and self.seed is None:
            self.network = self._network(np.random.default_rng(rng.random(4).view(np.uint64)))

    # --- what it does ------------------------------------------------------------------------------------------------

    def q_values(self, observation: Any) -> list[float]:
        """The outputs for an observation, one number per action."""
        return self._values(self.encoder.code(observation)[None])

    def _values(self, codes: NDArray[Any]) -> list[float]:
        values: list[float] = self.network.quiet(self.encoder.see(codes))[0].tolist()
        return values

    def policy(self, observation: Any, bias: Sequence[float] | None = None) -> Discrete:
        """The behaviour: its exploration on the outputs, or on the outputs + bias."""
        rates = [plan(self.steps, self.episodes) for name, plan in self._plans.items() if name != "alpha"]
        return EXPLORATIONS[self.exploration](preferred(self.q_values(observation), bias), *(rates or (1.0,)))

    def greedy_policy(self, observation: Any, bias: Sequence[float] | None = None) -> Discrete:
        """The policy without exploration."""
        return greedy(preferred(self.q_values(observation), bias))

    def predict(
        self,
        observation: Any,
        state: Any = None,  # noqa: ARG002 - Stable-Baselines3's signature
        episode_start: Any = None,  # noqa: ARG002
        deterministic: bool = True,
    ) -> tuple[Any, None]:
        """Stable-Baselines3's verb: (action, None), or an array of actions for a batch of observations."""
        if isinstance(observation, np.ndarray) and observation.ndim > self._observation_ndim:
            return np.array([self.predict(one, deterministic=deterministic)[0] for one in observation]), None
        if not deterministic:
            return self.policy(observation).sample(self._predicting.random()), None
        values = self.q_values(observation)
        return values.index(max(values)), None

    # --- learning ----------------------------------------------------------------------------------------------------

    def update(self, judgement: Judgement, reward: RewardPort) -> Update | None:  # noqa: ARG002 - it hears none
        """Hear a judgement, and learn when it is time. Returns what that did to the output of this very step."""
        step = judgement.step
        form = self.words.form
        code = np.array(self.encoder.code(step.observation), form.dtype)
        words = self.hear(judgement, code)
        self.words.add(words)
        self.steps += 1
        self.episodes += step.terminated or step.truncated
        due = len(self.words) > 0 and self.steps % self.train_freq == 0
        alone = bool(words) and self.at_once
        if not (due or alone):
            return None
        old = self._values(code[None])[step.action]
        if alone:
            self.learn(words, code)
        if due:
            self.learn(self.words.sample(self.batch_size, self.rng), code)
        return self.told(judgement, old, self._values(code[None])[step.action])

    def alpha_now(self) -> float:
        """The learning rate at this step."""
        return self._plans["alpha"](self.steps, self.episodes)

    def correct(self, old: Judgement, new: Judgement) -> None:
        """What was said of a step that is remembered is replaced in the buffer; what was learnt of it stays."""
        self.words.correct(old.step.index, self.said(old), self.said(new))

    # --- dials and checkpoints ---------------------------------------------------------------------------------------

    def rates(self) -> dict[str, float]:
        """The numbers a person may change while the agent learns, as they are now."""
        return {name: plan(self.steps, self.episodes) for name, plan in self._plans.items()}

    def dials(self) -> tuple[Any, ...]:
        """Everything a person may change, as it stands."""
        return tuple(self._plans.values())

    def set_dials(self, dials: tuple[Any, ...]) -> None:
        """The inverse of :meth:`dials`."""
        self._plans = dict(zip(self._plans, dials, strict=True))

    def set_rate(self, name: str, value: float) -> None:
        """Set one of :meth:`rates` to a constant. Raises UserError out of its range."""
        if name not in self._plans:
            raise UserError(f"there is no {name!r} to set; expected {' or '.join(self._plans)}")
        self._plans[name] = checked(name, value, 0, 1)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that goes on from here, as plain arrays: network, optimiser, words, clock and generator."""
        return self._learner() | self.words.arrays() | packed("open", self.open, self.words.form)

    def _learner(self) -> dict[str, NDArray[Any]]:
        clock = np.array([self.steps, self.episodes])
        return {"clock": clock, "rng": state_of(self.rng), **self.network.arrays()}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`arrays`. Raises ValueError on another architecture."""
        self._restore_learner(arrays)
        self.words.restore(arrays)
        self.open = unpacked("open", arrays, self.words.form)

    def _restore_learner(self, arrays: dict[str, NDArray[Any]]) -> None:
        self.network.restore(arrays)
        self.steps, self.episodes = (int(number) for number in arrays["clock"])
        self.rng = restored(arrays["rng"])

    def snapshot(self) -> Any:
        """Where the agent stands, for :meth:`rewind`: as :meth:`arrays`, but no word is copied."""
        return self._learner(), self.words.snapshot(), tuple(self.open)

    def rewind(self, snapshot: Any) -> None:
        """The inverse of :meth:`snapshot`."""
        learner, words, begun = snapshot
        self._restore_learner(learner)
        self.words.rewind(words)
        self.open = list(begun)


class Samples(NamedTuple):
    """Words of one step each, side by side: what was done, what was said of it, and how much that counts."""

    actions: NDArray[np.int64]
    labels: Array
    weights: Array


def samples_of(words: Sequence[Word]) -> Samples:
    """Words of one step each as arrays, shape (batch,)."""
    labels, weights = (np.array([getattr(word, name) for word in words], np.float32) for name in ("value", "weight"))
    return Samples(np.array([word.actions[0] for word in words]), labels, weights)


def words_of(judgement: Judgement, code: NDArray[Any], pairs: Sequence[Pair]) -> list[Word]:
    """A word for each thing said of one step."""
    return [word_of(judgement, code, pair) for pair in pairs]


def word_of(judgement: Judgement, code: NDArray[Any], pair: Pair) -> Word:
    """One thing said of one step."""
    step = judgement.step
    return Word(step.index, *pair, code[None], np.array([step.action]), np.array([step.probability]))


def joined_codes(words: Sequence[Word]) -> NDArray[Any]:
    """The observations of all steps of some words, one after the other, as they are stored."""
    return np.concatenate([word.codes for word in words])
