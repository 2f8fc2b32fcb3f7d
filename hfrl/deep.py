"""The shell that deep agents share: network, target network, replay buffer, exploration, saving.

An agent file holds its equation and little more: a pure function ``bootstrap``, what the next state of each transition
of a batch is worth, and the class that hands it to this shell: ``diff agents/dqn.py agents/double_dqn.py`` is the
paper. What else a variant changes is one more part (:class:`Parts`), each a value or a function passed in:

=====================  ============================================================================
a dueling network      ``head`` (:mod:`hfrl.outputs`)
C51, QR-DQN            ``objective``: what a prediction is, its target, its loss
noisy layers           ``sigma0`` (:mod:`hfrl.noisy`)
=====================  ============================================================================

Prioritized replay (:mod:`hfrl.priorities`) and n-step returns (:mod:`hfrl.replay`) are settings of every agent.

Names and meanings of the settings are Stable-Baselines3's. Settings are fields of a dataclass: a variant adds its own
and may give another default.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hfrl.backends import network_of
from hfrl.encoding import Encoder, beside, encoder_of
from hfrl.models import all_values
from hfrl.network import Network
from hfrl.outputs import PLAIN, Fit, Head, Objective
from hfrl.policy import EpsilonGreedy, epsilon_greedy, greedy
from hfrl.priorities import Sampler, sampler_of
from hfrl.replay import Batch, Replay, judgement_of
from hfrl.schedules import Linear, Schedule, checked
from hfrl.seeding import restored, state_of
from hfrl.shapes import NATURE, Convolution, Shape, flattened
from hfrl.tabular import action_count
from hfrl.types import Judgement, RewardPort, Update, UserError, record

Array = NDArray[np.float32]
#: Observations as they are stored, with a leading axis -> outputs, shape (batch, actions, *prediction).
Outputs = Callable[[Array], Array]
#: (online network, target network, batch) -> the output for what comes next, shape (batch, *prediction).
Bootstrap = Callable[[Outputs, Outputs, Batch], Array]
Beside = Callable[[Array, NDArray[np.int64], NDArray[np.bool_]], tuple[Array, Array]]


class Parts(NamedTuple):
    """What makes a variant.

    Attributes:
        bootstrap: what comes next is worth.
        objective: what a prediction is, what it should have been, how far off it is.
        head: how the last layer becomes outputs.
        sigma0: how noisy the noisy layers are at first; 0: there are none.
        beside: (outputs, actions, driven) -> another loss of each transition, and its derivative by all outputs:
            shapes (batch,) and (batch, actions). ``driven`` says what a person did. None: there is none.
    """

    bootstrap: Bootstrap
    objective: Objective
    head: Head = PLAIN
    sigma0: float = 0.0
    beside: Beside | None = None


@dataclass(eq=False)
class DeepAgent:
    """Action values as a network, learnt from a replay buffer with a target network (Mnih et al. 2015).

    A variant is a subclass that says its :meth:`parts`, declares ``@dataclass(kw_only=True, eq=False)`` and adds its
    own settings as fields. Nothing else is overridden.

    Args:
        env: only its ``observation_space`` and ``action_space`` are read.
        learning_rate: of Adam, in [0, 1]; a number or a schedule.
        gamma: discount in [0, 1].
        buffer_size: transitions remembered.
        learning_starts: steps before the first update.
        batch_size: transitions per update.
        replay: ``uniform``, or ``prioritized:ALPHA:BETA``; BETA may be a schedule. From Python also a function,
            capacity of the buffer -> who is drawn.
        n_steps: rewards in a target before its bootstrap, fewer where an episode ends; at least 1.
        tau: share of the online network in each target update, in (0, 1]; 1 copies it.
        train_freq: steps between two times of learning.
        gradient_steps: updates each time.
        target_update_interval: steps between two target updates.
        exploration_initial_eps, exploration_final_eps, exploration_steps: epsilon goes linearly from the first to the
            second in so many steps. (An absolute number: a session with a person knows no total.)
        epsilon: a number or a schedule that replaces those three.
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
    learning_rate: float | str | Schedule = 1e-3
    gamma: float = 0.99
    buffer_size: int = 50_000
    learning_starts: int = 1_000
    batch_size: int = 64
    replay: str | Callable[[int], Sampler] = "uniform"
    n_steps: int = 1
    tau: float = 1.0
    train_freq: int = 1
    gradient_steps: int = 1
    target_update_interval: int = 100
    exploration_initial_eps: float = 1.0
    exploration_final_eps: float = 0.05
    exploration_steps: int = 10_000
    epsilon: float | str | Schedule | None = None
    max_grad_norm: float = 10.0
    net_arch: Sequence[int] | None = None
    filters: Sequence[Convolution] = NATURE
    embedding: int = 0
    backend: str = "auto"
    device: str = "auto"
    seed: int | None = None

    on_policy: ClassVar[bool] = False
    learns_from_feedback: ClassVar[bool] = False
    #: As for :class:`hfrl.tabular.TabularAgent`; empty where :meth:`worth` is not what the target says.
    bootstraps: ClassVar[str] = ""
    #: Steps are learnt again, in any order.
    replays: ClassVar[bool] = True
    takes_action: ClassVar[bool] = True
    #: What a blend gave it beyond what it was made with (``Blend.extends``).
    extended: str = field(default="", init=False)

    def parts(self) -> Parts:
        """What makes this variant, from its settings. Raises UserError for a setting out of its range."""
        raise NotImplementedError

    def __post_init__(self, env: Any) -> None:
        self.actions = action_count(env.action_space)
        self.encoder = encoder_of(env.observation_space, whole("embedding", self.embedding, 0))
        self._parts = self.parts()
        self._check()
        self.steps = self.episodes = 0
        self._predicting, self.rng = np.random.default_rng(self.seed).spawn(2)
        self._observation_ndim = len(env.observation_space.shape or ())
        self.lay_out()

    def lay_out(self) -> None:
        """Network and buffer as they are before anything is learnt."""
        head, prediction = self._parts.head, self._parts.objective.prediction
        self._last_layer = (-1, self.actions + head.extra, *prediction)
        outputs = (self.actions + head.extra) * int(np.prod(prediction))
        self.shape = shape_of(self.encoder, self.net_arch, self.filters, outputs)
        try:
            sampler = (
                self.replay(self.buffer_size) if callable(self.replay) else sampler_of(self.replay, self.buffer_size)
            )
            self.memory = Replay(self.buffer_size, self.encoder.width, sampler, self.encoder.picture)
        except (MemoryError, ValueError) as error:
            raise UserError(f"a buffer of {self.buffer_size} transitions does not fit into memory: {error}") from error
        self.network: Network = self._network(np.random.default_rng(self.seed))

    @property
    def takes_features(self) -> bool:
        """Whether numbers can be put beside what its network sees: not where that is rows of a table."""
        return not self.encoder.table

    def append_model(self, model: Any) -> None:
        """H(s, .) is seen beside every observation, as it is whenever the network looks; only to be called before
        anything is learnt."""
        self.extended = "features"
        self.encoder = beside(self.encoder, functools.partial(all_values, model), self.actions)
        self.lay_out()

    def add_action(self) -> None:
        """One more action than the world has, the last one: only to be called before anything is learnt."""
        self.extended = "action"
        self.actions += 1
        self.lay_out()

    @property
    def _own(self) -> int:
        """How many actions the world has."""
        return self.actions - (self.extended == "action")

    def _check(self) -> None:
        """Every number is within its range, and what may change with time is a schedule. Raises UserError."""
        self.alpha: Schedule = checked("learning_rate", self.learning_rate, 0, 1)
        if not 0 <= self.gamma <= 1:
            raise UserError(f"gamma must be within [0, 1], got {self.gamma}")
        if not 0 < self.tau <= 1:
            raise UserError(f"tau must be within (0, 1], got {self.tau}")
        if not self.max_grad_norm > 0:
            raise UserError(f"max_grad_norm must be positive, got {self.max_grad_norm}")
        whole("learning_starts", self.learning_starts, 0)
        for name in ("buffer_size", "batch_size", "n_steps", "train_freq", "gradient_steps", "target_update_interval"):
            whole(name, getattr(self, name), 1)
        if self.batch_size > self.buffer_size:
            raise UserError(f"batch_size {self.batch_size} is larger than buffer_size {self.buffer_size}")
        if not 0 <= self._parts.sigma0 < float("inf"):
            raise UserError(f"sigma0 must be 0 or more, got {self._parts.sigma0}")
        exploring: float | str | Schedule
        if self.epsilon is None:
            steps = whole("exploration_steps", self.exploration_steps, 1)
            exploring = Linear(self.exploration_initial_eps, self.exploration_final_eps, steps)
        else:
            exploring = self.epsilon
        self._epsilon: Schedule = checked("epsilon", exploring, 0, 1)

    def _network(self, rng: np.random.Generator) -> Network:
        noise = self._parts.sigma0
        return network_of(self.shape, rng, self.max_grad_norm, noise, self.backend, self.device)

    def begin(self, rng: np.random.Generator) -> None:
        """The loop hands the agent its generator: of the batches, and of the first weights unless a seed gave them."""
        self.rng = rng
        self.memory.begin()  # a new episode begins, wherever the last one was left
        if self.steps == 0 and self.seed is None:
            self.network = self._network(np.random.default_rng(rng.random(4).view(np.uint64)))

    # --- what it does ------------------------------------------------------------------------------------------------

    def online(self, codes: Array) -> Array:
        """Outputs of the network that learns, shape (batch, actions, *prediction)."""
        return self._outputs(self.network.online(self.encoder.see(codes)))

    def lagging(self, codes: Array) -> Array:
        """Outputs of the target network, shape (batch, actions, *prediction)."""
        return self._outputs(self.network.lagging(self.encoder.see(codes)))

    def _outputs(self, last_layer: Array) -> Array:
        return self._parts.head.forward(last_layer.reshape(self._last_layer))

    def q_values(self, observation: Any) -> list[float]:
        """Q(s, .), one number per action of the world, without the noise of noisy layers."""
        return self._values(self.network.quiet(self._inputs(observation)))[: self._own]

    def _values(self, last_layer: Array) -> list[float]:
        values: list[float] = self._parts.objective.values(self._outputs(last_layer))[0].tolist()
        return values

    def _inputs(self, observation: Any) -> Array:
        return self.encoder.see(self.encoder.code(observation)[None])

    def policy(self, observation: Any, bias: Sequence[float] | None = None) -> EpsilonGreedy:
        """Epsilon-greedy on Q(s, .), or on Q(s, .) + bias."""
        values = self._values(self.network.online(self._inputs(observation)))
        return epsilon_greedy(preferred(values, bias), self._epsilon(self.steps, self.episodes))

    def policies(self, observations: Sequence[Any]) -> list[EpsilonGreedy]:
        """The :meth:`policy` of each of several observations, by one forward pass."""
        epsilon = self._epsilon(self.steps, self.episodes)
        outputs = self._outputs(self.network.online(self.encoder.see(self._codes(observations))))
        return [epsilon_greedy(values, epsilon) for values in self._parts.objective.values(outputs).tolist()]

    def take_turns(self, lanes: int) -> None:
        """The steps of so many worlds will be learnt in turns."""
        if self.memory.frames is not None:
            self.memory.frames.lanes = lanes

    def _codes(self, observations: Any) -> NDArray[Any]:
        return np.stack([self.encoder.code(one) for one in observations])

    def greedy_policy(self, observation: Any, bias: Sequence[float] | None = None) -> EpsilonGreedy:
        """The policy without exploration or noise. Alone: without an action that is somebody else's to fill."""
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
            return self._predict_all(observation, deterministic), None
        if not deterministic:
            epsilon = self._epsilon(self.steps, self.episodes)
            values = self._values(self.network.online(self._inputs(observation)))[: self._own]
            return epsilon_greedy(values, epsilon).sample(self._predicting.random()), None
        values = self.q_values(observation)
        return values.index(max(values)), None

    def _predict_all(self, observations: Any, deterministic: bool) -> NDArray[np.int64]:
        """An action for each of a batch of observations, by one forward pass where nothing is drawn."""
        if not deterministic:
            return np.array([self.predict(one, deterministic=False)[0] for one in observations])
        outputs = self._outputs(self.network.quiet(self.encoder.see(self._codes(observations))))
        best: NDArray[np.int64] = self._parts.objective.values(outputs)[:, : self._own].argmax(axis=1)
        return best

    def worth(self, observation: Any, bias: Sequence[float] | None = None) -> float:
        """What the target takes an observation to be worth, were the values of both networks Q(s, .) + bias."""
        return float(self.worths([observation], bias)[0])

    def worths(self, observations: Sequence[Any], biases: Any = None) -> Array:
        """The same of several observations at once, shape (batch,); ``biases`` has the shape (batch, actions), or is
        one for all."""
        codes, count = self._codes(observations), len(observations)
        more = np.float32(0.0) if biases is None else np.asarray(biases, np.float32)
        nobody, nothing = np.zeros(count, np.int64), np.zeros(count, np.float32)
        batch = Batch(nobody, codes, nobody, nothing, codes, nobody, nothing, ((),) * count)
        return self._parts.bootstrap(lambda c: self.online(c) + more, lambda c: self.lagging(c) + more, batch)

    # --- learning ----------------------------------------------------------------------------------------------------

    def update(self, judgement: Judgement, reward: RewardPort) -> Update | None:
        """Remember a step; when it is time, learn from the buffer. Returns what that did to the value of this very
        step, or None where nothing was learnt."""
        step = judgement.step
        code = self.encoder.code
        self.memory.add(code(step.observation), step, code(step.next_observation), judgement.credits)
        self.steps += 1
        self.episodes += step.terminated or step.truncated
        result = None
        if self.steps > self.learning_starts and self.steps % self.train_freq == 0:
            result = self._learn_and_tell(judgement, reward)
        if self.steps % self.target_update_interval == 0:
            self.network.follow(self.tau)
        self.network.resample(self.rng)
        return result

    def _learn_and_tell(self, judgement: Judgement, reward: RewardPort) -> Update:
        step, latest = judgement.step, self.memory.latest()
        inputs = self.encoder.see(latest.observations)
        old = self._values(self.network.quiet(inputs))[step.action]
        signal = float(reward(judgement))
        after = self._parts.bootstrap(self.online, self.lagging, latest)
        worth = float(self._parts.objective.values(after[:, None])[0, 0])
        for _ in range(self.gradient_steps):
            self.learn(self.memory.sample(self.batch_size, self.rng, self.steps, self.episodes), reward)
        new = self._values(self.network.quiet(inputs))[step.action]
        target = signal + self.gamma * (1 - step.terminated) * worth
        return record(Update, (old, target, target - old, new, signal, worth))

    def learn(self, batch: Batch, reward: RewardPort) -> float:
        """One update of the network from a batch; returns the mean loss, weighted as the batch says."""
        head, objective, beside = self._parts.head, self._parts.objective, self._parts.beside
        ahead = self.memory.ahead(batch, self.n_steps, self.gamma, lambda part: self._told(part, reward))
        worth = self._parts.bootstrap(self.online, self.lagging, ahead.after)
        targets = objective.target(ahead.signals, ahead.discounts, worth)
        rows = np.arange(len(batch.actions))

        def slope(last_layer: Array) -> tuple[Array, Fit]:
            outputs = self._outputs(last_layer)
            fit = objective.fit(outputs[rows, batch.actions], targets)
            by_outputs = np.zeros_like(outputs)
            by_outputs[rows, batch.actions] = weighted(fit.slopes, batch.weights) / np.float32(len(rows))
            if beside is not None and batch.driven is not None:
                losses, slopes = beside(outputs, batch.actions, batch.driven)
                by_outputs += weighted(slopes, batch.weights) / np.float32(len(rows))
                fit = fit._replace(losses=fit.losses + losses)
            return head.backward(by_outputs).reshape(last_layer.shape), fit

        self.network.resample(self.rng)
        fit = self.network.descend(self.encoder.see(batch.observations), slope, self.alpha(self.steps, self.episodes))
        self.memory.sampler.learnt(batch.slots, fit.surprises)
        return float(weighted(fit.losses, batch.weights).sum() / len(rows))  # np.mean takes four times as long

    def _told(self, batch: Batch, reward: RewardPort) -> Array:
        """What the agent is told of these transitions by the blend as it is now, shape (batch,)."""
        raw = self.encoder.raw
        judgement = judgement_of(batch, raw(batch.observations), raw(batch.next_observations))
        return np.asarray(reward(judgement), dtype=np.float32)

    def correct(self, old: Judgement, new: Judgement) -> None:
        """What was said of a step that lies in the buffer is replaced, and blended from the next batch on."""
        self.memory.correct(new.step.index, old.credits, new.credits)

    # --- dials and checkpoints ---------------------------------------------------------------------------------------

    def rates(self) -> dict[str, float]:
        """The numbers a person may change while the agent learns, as they are now."""
        now = self.steps, self.episodes
        return {"alpha": self.alpha(*now), "epsilon": self._epsilon(*now)}

    def dials(self) -> tuple[Any, ...]:
        """Everything a person may change, as it stands."""
        return self.alpha, self.gamma, self._epsilon

    def set_dials(self, dials: tuple[Any, ...]) -> None:
        """The inverse of :meth:`dials`."""
        self.alpha, self.gamma, self._epsilon = dials

    def set_rate(self, name: str, value: float) -> None:
        """Set alpha or epsilon to a constant. Raises UserError out of its range."""
        if name not in ("alpha", "epsilon"):
            raise UserError(f"there is no {name!r} to set; expected alpha or epsilon")
        plan = checked(name, value, 0, 1)
        if name == "alpha":
            self.alpha = plan
        else:
            self._epsilon = plan

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that goes on from here, as plain arrays: networks, optimiser, buffer, clock and generator."""
        return self._learner() | self.memory.arrays()

    def _learner(self) -> dict[str, NDArray[Any]]:
        """All but the buffer."""
        clock = np.array([self.steps, self.episodes])
        return {"clock": clock, "rng": state_of(self.rng), **self.network.arrays()}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`arrays`. Raises ValueError on another architecture."""
        self._restore_learner(arrays)
        self.memory.restore(arrays)

    def _restore_learner(self, arrays: dict[str, NDArray[Any]]) -> None:
        self.network.restore(arrays)
        self.steps, self.episodes = (int(number) for number in arrays["clock"])
        self.rng = restored(arrays["rng"])

    def snapshot(self) -> Any:
        """Where the agent stands, for :meth:`rewind`: as :meth:`arrays`, but no picture is copied."""
        return self._learner(), self.memory.snapshot()

    def rewind(self, snapshot: Any) -> None:
        """The inverse of :meth:`snapshot`."""
        learner, memory = snapshot
        self._restore_learner(learner)
        self.memory.rewind(memory)


def shape_of(encoder: Encoder, net_arch: Sequence[int] | None, filters: Sequence[Convolution], outputs: int) -> Shape:
    """The network that the observations ask for: dense layers, behind convolutions where they are pictures. Raises
    UserError for settings that make none."""
    image = encoder.image
    hidden = widths(net_arch if net_arch is not None else (512,) if image else (64, 64))
    if not image:
        return Shape((encoder.inputs, *hidden, outputs), table=encoder.table)
    convolving = convolutions(filters)
    return Shape((flattened(image, convolving), *hidden, outputs), image, convolving)


def preferred(values: list[float], bias: Sequence[float] | None) -> list[float]:
    """Q(s, .) + bias."""
    return values if bias is None else [q + b for q, b in zip(values, bias, strict=True)]


def weighted(losses: Array, weights: Array | None) -> Array:
    """Each transition's loss (or its slope, of any shape) times its weight.

    >>> weighted(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 0.5])).tolist()
    [[1.0, 2.0], [1.5, 2.0]]
    """
    if weights is None:
        return losses
    return losses * weights.reshape(-1, *[1] * (losses.ndim - 1))


def whole(name: str, value: Any, least: int) -> int:
    """A whole number of at least ``least``. Raises UserError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UserError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return value


def widths(net_arch: Any) -> tuple[int, ...]:
    """The widths of the hidden layers. Raises UserError."""
    if not isinstance(net_arch, list | tuple) or not all(isinstance(n, int) and n >= 1 for n in net_arch):
        raise UserError(f"net_arch must be the widths of the hidden layers, such as [64,64], got {net_arch!r}")
    return tuple(net_arch)


def convolutions(filters: Any) -> tuple[Convolution, ...]:
    """Number, width and stride of each convolution. Raises UserError."""
    fine = isinstance(filters, list | tuple) and all(isinstance(one, list | tuple) and len(one) == 3 for one in filters)
    if not fine or not all(isinstance(n, int) and n >= 1 for one in filters for n in one):
        raise UserError(
            f"filters must be (number, width, stride) of each convolution, such as [[32,8,4],[64,4,2]], got {filters!r}"
        )
    return tuple((int(number), int(width), int(stride)) for number, width, stride in filters)
