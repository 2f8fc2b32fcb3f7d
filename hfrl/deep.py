"""The shell that deep agents share: network, target network, replay buffer, exploration, saving.

An agent file holds its equation and little more: a pure function ``bootstrap``, what the next state of each transition
of a batch is worth, and the class that hands it to this shell: ``diff agents/dqn.py agents/double_dqn.py`` is the
paper.

Names and meanings of the settings are Stable-Baselines3's.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hfrl.nets import PLAIN, Adam, Head, backward, clip, count, forward, initial, layers_of, sizes_of
from hfrl.policy import EpsilonGreedy, epsilon_greedy, greedy
from hfrl.replay import Batch, Replay, judgement_of
from hfrl.schedules import Linear, Schedule, checked
from hfrl.seeding import restored, state_of
from hfrl.tabular import action_count, discrete_parts
from hfrl.types import Judgement, RewardPort, Update, UserError, record

Array = NDArray[np.float32]
#: Observations of a batch -> action values, shape (batch, actions).
Values = Callable[[Array], Array]
LOSSES = ("squared", "huber")


class Encoder(NamedTuple):
    """How observations are stored and seen by a network.

    Attributes:
        width: numbers stored per observation.
        inputs: inputs of the network.
        code: observation -> what is stored.
        see: what is stored, with a leading axis -> the network's inputs.
        raw: what is stored, with a leading axis -> observations as the world gave them.
    """

    width: int
    inputs: int
    code: Callable[[Any], Any]
    see: Callable[[Array], Array]
    raw: Callable[[Array], Any]


def encoder_of(space: gymnasium.Space[Any]) -> Encoder:
    """Numbers as they are for a Box of one axis; one input per value for ``Discrete``, ``MultiDiscrete`` and a
    ``Tuple`` of ``Discrete``.

    Raises:
        UserError: any other space, with what can be done.
    """
    if isinstance(space, gymnasium.spaces.Box) and len(space.shape) == 1:
        width = int(space.shape[0])
        return Encoder(width, width, same, same, same)
    sizes = discrete_parts(space)
    if sizes is not None:
        return _one_hot(sizes, alone=isinstance(space, gymnasium.spaces.Discrete))
    raise UserError(
        "a network of dense layers needs a Box of one axis or discrete observations, got "
        f"{' '.join(str(space).split())}; wrap the world in gymnasium.wrappers.FlattenObservation"
    )


def _one_hot(parts: Sequence[tuple[int, int]], alone: bool) -> Encoder:
    """One input per value of each part; ``alone``: an observation is a number, not a sequence of them."""
    starts = np.array([start for _, start in parts])
    counts = np.array([size for size, _ in parts])
    inputs = int(counts.sum())
    first = np.cumsum(counts) - counts  # the first input of each part

    def code(observation: Any) -> Any:
        return np.asarray(observation).reshape(-1) - starts

    def see(codes: Array) -> Array:
        seen = np.zeros((len(codes), inputs), np.float32)
        seen[np.arange(len(codes))[:, None], codes.astype(np.int64) + first] = 1.0
        return seen

    def raw(codes: Array) -> Any:
        whole_numbers = codes.astype(np.int64) + starts
        return whole_numbers[:, 0] if alone else whole_numbers

    return Encoder(len(parts), inputs, code, see, raw)


def same(observation: Any) -> Any:
    """An observation that is a row of numbers already."""
    return observation


class DeepAgent:
    """Action values as a network, learnt from a replay buffer with a target network (Mnih et al. 2015).

    Args:
        env: only its ``observation_space`` and ``action_space`` are read.
        learning_rate: of Adam, in [0, 1]; a number or a schedule.
        gamma: discount in [0, 1].
        buffer_size: transitions remembered.
        learning_starts: steps before the first update.
        batch_size: transitions per update.
        tau: share of the online network in each target update, in (0, 1]; 1 copies it.
        train_freq: steps between two times of learning.
        gradient_steps: updates each time.
        target_update_interval: steps between two target updates.
        exploration_initial_eps, exploration_final_eps, exploration_steps: epsilon goes linearly from the first to the
            second in so many steps. (An absolute number: a session with a person knows no total.)
        epsilon: a number or a schedule that replaces those three.
        max_grad_norm: longer gradients are scaled down to it.
        net_arch: widths of the hidden layers.
        loss: ``"squared"`` or ``"huber"`` (delta 1). Huber keeps CartPole from being learnt at some published settings.
        seed: of the first weights; None takes them from the run's own generator.

    Raises:
        UserError: a space that does not fit, or a number out of its range.
    """

    on_policy = False
    learns_from_feedback = False
    #: (online network, target network, batch) -> what each next state is worth, shape (batch,).
    bootstrap: ClassVar[Callable[..., Array]]
    head: ClassVar[Head] = PLAIN

    def __init__(
        self,
        env: Any,
        *,
        learning_rate: float | str | Schedule = 1e-3,
        gamma: float = 0.99,
        buffer_size: int = 50_000,
        learning_starts: int = 1_000,
        batch_size: int = 64,
        tau: float = 1.0,
        train_freq: int = 1,
        gradient_steps: int = 1,
        target_update_interval: int = 100,
        exploration_initial_eps: float = 1.0,
        exploration_final_eps: float = 0.05,
        exploration_steps: int = 10_000,
        epsilon: float | str | Schedule | None = None,
        max_grad_norm: float = 10.0,
        net_arch: Sequence[int] = (64, 64),
        loss: str = "squared",
        seed: int | None = None,
    ) -> None:
        self.actions = action_count(env.action_space)
        self.encoder = encoder_of(env.observation_space)
        self.alpha: Schedule = checked("learning_rate", learning_rate, 0, 1)
        if not 0 <= gamma <= 1:
            raise UserError(f"gamma must be within [0, 1], got {gamma}")
        if not 0 < tau <= 1:
            raise UserError(f"tau must be within (0, 1], got {tau}")
        if loss not in LOSSES:
            raise UserError(f"loss must be one of {', '.join(LOSSES)}, got {loss!r}")
        if not max_grad_norm > 0:
            raise UserError(f"max_grad_norm must be positive, got {max_grad_norm}")
        self.gamma, self.tau, self.max_grad_norm, self.loss = float(gamma), float(tau), float(max_grad_norm), loss
        self.learning_starts = whole("learning_starts", learning_starts, 0)
        self.batch_size = whole("batch_size", batch_size, 1)
        self.train_freq = whole("train_freq", train_freq, 1)
        self.gradient_steps = whole("gradient_steps", gradient_steps, 1)
        self.target_update_interval = whole("target_update_interval", target_update_interval, 1)
        if self.batch_size > whole("buffer_size", buffer_size, 1):
            raise UserError(f"batch_size {batch_size} is larger than buffer_size {buffer_size}")
        if epsilon is None:
            steps = whole("exploration_steps", exploration_steps, 1)
            epsilon = Linear(exploration_initial_eps, exploration_final_eps, steps)
        self._epsilon: Schedule = checked("epsilon", epsilon, 0, 1)
        hidden = widths(net_arch)
        self.sizes = sizes_of(self.encoder.inputs, hidden, self.actions + self.head.extra)
        try:
            self.memory = Replay(buffer_size, self.encoder.width)
        except (MemoryError, ValueError) as error:
            raise UserError(f"a buffer of {buffer_size} transitions does not fit into memory: {error}") from error
        self.steps = self.episodes = 0
        self._given_seed = seed is not None
        self._predicting, self.rng = np.random.default_rng(seed).spawn(2)
        self._observation_ndim = len(env.observation_space.shape or ())
        self._make_networks(np.random.default_rng(seed))

    def _make_networks(self, rng: np.random.Generator) -> None:
        size = count(self.sizes)
        self.theta = initial(self.sizes, rng)
        self.target = self.theta.copy()
        self.optimiser = Adam(size)
        self._gradient = np.zeros(size, np.float32)
        self._layers = layers_of(self.theta, self.sizes)
        self._target_layers = layers_of(self.target, self.sizes)
        self._gradient_layers = layers_of(self._gradient, self.sizes)

    def begin(self, rng: np.random.Generator) -> None:
        """The loop hands the agent its generator: of the batches, and of the first weights unless a seed gave them."""
        self.rng = rng
        if self.steps == 0 and not self._given_seed:
            self._make_networks(np.random.default_rng(rng.random(4).view(np.uint64)))

    # --- what it does ------------------------------------------------------------------------------------------------

    def online(self, codes: Array) -> Array:
        """Action values of the network that learns, shape (batch, actions)."""
        return self.head.forward(forward(self._layers, self.encoder.see(codes))[-1])

    def lagging(self, codes: Array) -> Array:
        """Action values of the target network, shape (batch, actions)."""
        return self.head.forward(forward(self._target_layers, self.encoder.see(codes))[-1])

    def q_values(self, observation: Any) -> list[float]:
        """Q(s, .), one number per action."""
        values: list[float] = self.online(self._row(observation))[0].tolist()
        return values

    def _row(self, observation: Any) -> Array:
        return np.array(self.encoder.code(observation), np.float32).reshape(1, -1)

    def _preferred(self, observation: Any, bias: Sequence[float] | None) -> list[float]:
        values = self.q_values(observation)
        return values if bias is None else [q + b for q, b in zip(values, bias, strict=True)]

    def policy(self, observation: Any, bias: Sequence[float] | None = None) -> EpsilonGreedy:
        """Epsilon-greedy on Q(s, .), or on Q(s, .) + bias."""
        return epsilon_greedy(self._preferred(observation, bias), self._epsilon(self.steps, self.episodes))

    def greedy_policy(self, observation: Any, bias: Sequence[float] | None = None) -> EpsilonGreedy:
        """The policy without exploration."""
        return greedy(self._preferred(observation, bias))

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
            self._follow()
        return result

    def _learn_and_tell(self, judgement: Judgement, reward: RewardPort) -> Update:
        step = judgement.step
        latest = self.memory.batch(np.array([(self.memory.at - 1) % self.memory.capacity]))
        old = float(self.online(latest.observations)[0, step.action])
        signal = float(reward(judgement))
        worth = float(type(self).bootstrap(self.online, self.lagging, latest)[0])
        for _ in range(self.gradient_steps):
            self.learn(self.memory.sample(self.batch_size, self.rng), reward)
        new = float(self.online(latest.observations)[0, step.action])
        target = signal + self.gamma * (1 - step.terminated) * worth
        return record(Update, (old, target, target - old, new, signal, worth))

    def learn(self, batch: Batch, reward: RewardPort) -> float:
        """One update of the network from a batch; returns the loss."""
        raw = self.encoder.raw
        told = judgement_of(batch, raw(batch.observations), raw(batch.next_observations))
        signals = np.asarray(reward(told), dtype=np.float32)
        worth = type(self).bootstrap(self.online, self.lagging, batch)
        targets = signals + np.float32(self.gamma) * (1 - batch.terminated) * worth
        activations = forward(self._layers, self.encoder.see(batch.observations))
        values = self.head.forward(activations[-1])
        rows = np.arange(len(targets))
        errors = values[rows, batch.actions] - targets
        by_values = np.zeros_like(values)
        by_values[rows, batch.actions] = loss_slope(errors, self.loss) / np.float32(len(targets))
        backward(self._layers, activations, self.head.backward(by_values), self._gradient_layers)
        clip(self._gradient, self.max_grad_norm)
        self.optimiser.step(self.theta, self._gradient, self.alpha(self.steps, self.episodes))
        return loss_of(errors, self.loss)

    def _follow(self) -> None:
        """target <- tau theta + (1 - tau) target."""
        if self.tau == 1.0:
            np.copyto(self.target, self.theta)
        else:
            self.target *= np.float32(1 - self.tau)
            self.target += np.float32(self.tau) * self.theta

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
        adam = self.optimiser
        return {
            "theta": self.theta.copy(),
            "target": self.target.copy(),
            "adam_m": adam.m.copy(),
            "adam_v": adam.v.copy(),
            "clock": np.array([self.steps, self.episodes, adam.t]),
            "rng": state_of(self.rng),
            "sizes": np.array(self.sizes),
            **self.memory.arrays(),
        }

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`arrays`. Raises ValueError on another architecture."""
        sizes = tuple(arrays["sizes"].tolist())
        if sizes != self.sizes:
            raise ValueError(f"its network has the shape {sizes}, and this agent's {self.sizes}")
        for name, present in (
            ("theta", self.theta), ("target", self.target),
            ("adam_m", self.optimiser.m), ("adam_v", self.optimiser.v),
        ):  # fmt: skip
            if arrays[name].shape != present.shape or arrays[name].dtype != present.dtype:
                raise ValueError(f"{name} has shape {arrays[name].shape}, expected {present.shape} of float32")
            np.copyto(present, arrays[name])
        self.memory.restore(arrays)
        self.steps, self.episodes, self.optimiser.t = (int(number) for number in arrays["clock"])
        self.rng = restored(arrays["rng"])


def loss_slope(errors: Array, loss: str) -> Array:
    """The derivative of the loss by each error: 2 e, or e within [-1, 1].

    >>> loss_slope(np.array([0.5, -3.0]), "squared").tolist(), loss_slope(np.array([0.5, -3.0]), "huber").tolist()
    ([1.0, -6.0], [0.5, -1.0])
    """
    return 2 * errors if loss == "squared" else np.clip(errors, -1, 1)


def loss_of(errors: Array, loss: str) -> float:
    """The mean loss: e^2, or Huber's with delta 1 (e^2 / 2 within, |e| - 1/2 beyond).

    >>> loss_of(np.array([0.5, -3.0]), "squared"), loss_of(np.array([0.5, -3.0]), "huber")
    (4.625, 1.3125)
    """
    if loss == "squared":
        return float(np.mean(errors * errors))
    size = np.abs(errors)
    return float(np.mean(np.where(size < 1, 0.5 * size * size, size - 0.5)))


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
