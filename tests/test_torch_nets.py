"""Networks in torch: the numbers of those in numpy, torch's own modules as an oracle, checkpoints for both, devices."""

import importlib.util
from typing import Any

import gymnasium
import numpy as np
import pytest

from hfrl import backends
from hfrl.agents import C51, DQN, DoubleDQN, DuelingDQN, NoisyDQN, Rainbow
from hfrl.backends import network_of
from hfrl.loop import play
from hfrl.shapes import NATURE, Shape, flattened
from hfrl.types import Judgement, Learnt, Step, UserError

torch = pytest.importorskip("torch")

SMALL: dict[str, Any] = {"net_arch": (24, 16), "batch_size": 32, "buffer_size": 200, "seed": 3}
IMAGE = Shape((flattened((2, 9, 9), ((4, 3, 2), (5, 2, 1))), 6, 3), (2, 9, 9), ((4, 3, 2), (5, 2, 1)))
TABLE = Shape((8, 6, 3), table=(7, 4))


def told(judgement: Judgement) -> float:
    return judgement.step.reward


def filled(agent: Any, number: int = 100) -> Any:
    """An agent that remembers so many random transitions of CartPole."""
    rng = np.random.default_rng(0)
    for index in range(number):
        s, s2 = rng.normal(size=(2, 4)).astype(np.float32)
        step = Step(index, 0, s, int(rng.integers(2)), float(rng.normal()), s2, index % 5 == 0, False)
        agent.memory.add(s, step, s2, ())
    return agent


@pytest.mark.parametrize(
    ("agent_class", "own"),
    [
        (DQN, {}), (DQN, {"loss": "huber"}), (DoubleDQN, {}), (DuelingDQN, {}), (NoisyDQN, {}), (C51, {}),
        (Rainbow, {"replay": "uniform"}),
    ],
)  # fmt: skip
def test_both_backends_learn_the_same_numbers(agent_class: Any, own: dict[str, Any]) -> None:
    """Fifty updates with a clipped gradient and a target network that follows: losses and weights to 1e-5."""
    settings = SMALL | {"max_grad_norm": 0.5, "tau": 0.1} | own
    env = gymnasium.make("CartPole-v1")
    one, other = (filled(agent_class(env, backend=backend, **settings)) for backend in ("numpy", "torch"))
    assert np.array_equal(one.network.theta, other.network.theta), "the first weights are those of the seed"
    rng = np.random.default_rng(1)
    for _ in range(50):
        slots = rng.integers(0, 100, 32)
        losses = [agent.learn(agent.memory.batch(slots), told) for agent in (one, other)]
        assert losses[0] == pytest.approx(losses[1], abs=1e-5)
        for agent in (one, other):
            agent.network.follow(agent.tau)
    assert np.abs(one.network.theta - other.network.theta).max() < 1e-5
    assert np.abs(one.network.target - other.network.target).max() < 1e-5
    assert np.abs(one.network.theta - one.network.target).max() > 1e-4
    observation = rng.normal(size=4).astype(np.float32)
    assert one.q_values(observation) == pytest.approx(other.q_values(observation), abs=1e-5)


def test_a_checkpoint_is_the_same_for_both_backends() -> None:
    """Saved by one, gone on with by the other, and back."""
    env = gymnasium.make("CartPole-v1")
    one, other = (filled(DQN(env, backend=backend, **SMALL)) for backend in ("numpy", "torch"))
    for giver, taker in ((one, other), (other, one)):
        giver.learn(giver.memory.batch(np.arange(32)), told)
        taker.restore(giver.arrays())
        assert np.array_equal(giver.network.theta, taker.network.theta)
        giver.learn(giver.memory.batch(np.arange(32)), told)
        taker.learn(taker.memory.batch(np.arange(32)), told)
        assert np.abs(giver.network.theta - taker.network.theta).max() < 1e-6
        assert giver.arrays().keys() == taker.arrays().keys()


def module_of(shape: Shape) -> Any:
    """The same network of torch's own modules."""
    from torch import nn

    layers: list[Any] = [nn.Embedding(*shape.table), nn.Flatten()] if shape.table else []
    channels = shape.image[0] if shape.image else 0
    for filters, width, stride in shape.filters:
        layers += [nn.Conv2d(channels, filters, width, stride), nn.ReLU()]
        channels = filters
    layers += [nn.Flatten()]
    for n, m in zip(shape.sizes, shape.sizes[1:], strict=False):
        layers += [nn.Linear(n, m), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def blocks_of(module: Any) -> list[Any]:
    """Its parameters as our blocks have them: (inputs, outputs) for a linear layer."""
    return [
        parameter.data.T if isinstance(layer, torch.nn.Linear) and parameter.ndim == 2 else parameter.data
        for layer in module
        for parameter in layer.parameters()
    ]


@pytest.mark.parametrize("shape", [IMAGE, TABLE], ids=["convolutions", "embedding"])
def test_updates_are_those_of_torchs_own_modules(shape: Shape) -> None:
    """Ten updates against nn.Sequential, clip_grad_norm_ and torch.optim.Adam."""
    rng = np.random.default_rng(0)
    ours: Any = network_of(shape, rng, 0.1, 0.0, "auto", "cpu")
    module = module_of(shape)
    at = 0
    for block in blocks_of(module):
        size = block.numel()
        block.copy_(torch.tensor(ours.theta[at : at + size]).view(block.shape))
        at += size
    assert at == len(ours.theta)
    peer = torch.optim.Adam(module.parameters(), lr=1e-2)
    inputs: Any = rng.integers(0, 7, (5, 2)) if shape.table else rng.normal(size=(5, 2, 9, 9)).astype(np.float32)
    wanted = rng.normal(size=(5, 3)).astype(np.float32)
    for _ in range(10):
        peer.zero_grad()
        outputs = module(torch.tensor(inputs))
        loss = ((outputs - torch.tensor(wanted)) ** 2).sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 0.1)
        peer.step()
        errors = ours.descend(inputs, lambda outputs: (2 * (outputs - wanted), outputs - wanted), 1e-2)
        assert (errors**2).sum() == pytest.approx(loss.item(), rel=1e-5)
    theirs = np.concatenate([block.numpy().ravel() for block in blocks_of(module)])
    assert np.abs(theirs - ours.theta).max() < 1e-6


def test_bytes_of_a_picture_are_seen_between_0_and_1() -> None:
    ours: Any = network_of(IMAGE, np.random.default_rng(0), 1.0, 0.0, "auto", "cpu")
    picture = np.random.default_rng(1).integers(0, 256, (1, 2, 9, 9), np.uint8)
    assert np.allclose(ours.online(picture), ours.online((picture / 255).astype(np.float32)), atol=1e-6)


def test_first_weights_of_a_kernel_stay_within_one_over_the_root_of_what_it_sees() -> None:
    shape = Shape((flattened((4, 84, 84), NATURE), 512, 6), (4, 84, 84), NATURE)
    theta = shape.first(np.random.default_rng(0))
    assert len(theta) == sum(int(np.prod(block)) for block in shape.blocks()) == 1_687_206  # Mnih et al.'s, 6 actions
    first = np.abs(theta[: 32 * 4 * 8 * 8])
    assert 0.99 / 16 < first.max() <= 1 / 16


@pytest.mark.parametrize(("other", "line"), [
    ({"net_arch": (8,)}, r"shape \(100, 8, 2\) behind convolutions .* and this agent's the shape \(100, 16, 2\)"),
    ({"net_arch": (16,), "filters": ((4, 4, 1),)}, r"convolutions \(\(4, 4, 1\),\)"),
])  # fmt: skip
def test_a_checkpoint_of_another_network_is_refused(other: dict[str, Any], line: str) -> None:
    def agent(**settings: Any) -> Any:
        env = gymnasium.make("CartPole-v1")
        env.observation_space = gymnasium.spaces.Box(0, 255, (7, 7, 3), np.uint8)
        return DQN(env, **{"filters": ((4, 3, 1),), "net_arch": (16,)} | settings)

    with pytest.raises(ValueError, match=line):
        agent().restore(agent(**other).arrays())


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"backend": "jax"}, "backend must be one of auto, numpy, torch"),
        (
            {"backend": "numpy", "device": "cuda"},
            "numpy runs dense layers on the CPU; device=cuda needs? backend=torch",
        ),
        ({"backend": "torch", "device": "gpu"}, "device must be auto, cpu, cuda or cuda:N, got 'gpu'"),
        ({"device": "mps"}, "device must be auto, cpu, cuda or cuda:N, got 'mps'"),
        ({"device": "cuda:9"}, "device cuda:9 is not here: torch .* sees"),
        ({"embedding": 4}, "embedding=4 is for discrete observations"),
        ({"embedding": -1}, "embedding must be a whole number of at least 0"),
    ],
)
def test_what_cannot_run_is_said_in_one_line(settings: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=line):
        DQN(gymnasium.make("CartPole-v1"), **settings)


def test_a_picture_that_is_too_small_or_filters_that_are_none_are_refused() -> None:
    env = gymnasium.make("CartPole-v1")
    env.observation_space = gymnasium.spaces.Box(0, 255, (8, 8, 3), np.uint8)
    with pytest.raises(UserError, match="do not fit an image of 8 by 8; give narrower ones"):
        DQN(env)
    with pytest.raises(UserError, match="filters must be"):
        DQN(env, filters=(3, 3))
    with pytest.raises(UserError, match="convolutions and embeddings need backend=torch"):
        DQN(env, filters=((4, 3, 1),), backend="numpy")


def test_without_torch_one_line_names_the_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'hfrl\[deep\]'"):
        DQN(gymnasium.make("CartPole-v1"), backend="torch")
    assert isinstance(DQN(gymnasium.make("CartPole-v1")).network, backends.DenseNetwork)


def test_an_embedding_learns_a_table_world_as_one_input_per_value_does() -> None:
    """FrozenLake without slipping: both find the shortest way, 6 steps."""
    for embedding in (0, 8):
        env = gymnasium.make("FrozenLake-v1", is_slippery=False)
        agent = DQN(
            env, embedding=embedding, learning_starts=100, exploration_steps=2_000, net_arch=(32,), seed=1,
            exploration_final_eps=0.2, train_freq=2,
        )  # fmt: skip
        for _ in play(env, agent, seed=0, steps=4_000):
            pass
        observation, steps, terminated = env.reset(seed=0)[0], 0, False
        while not terminated and steps < 20:
            observation, reward, terminated, _, _ = env.step(agent.predict(observation)[0])
            steps += 1
        assert (steps, reward) == (6, 1.0)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_the_same_seed_is_the_same_run(backend: str) -> None:
    def run() -> tuple[Any, list[float]]:
        env = gymnasium.make("CartPole-v1")
        agent: Any = DQN(env, backend=backend, learning_starts=50, batch_size=16, net_arch=(16,))
        events = [event for event in play(env, agent, seed=3, steps=200) if isinstance(event, Learnt)]
        return agent.network.theta.copy(), [event.update.new for event in events if event.update]

    (one, first), (other, second) = run(), run()
    assert np.array_equal(one, other)
    assert first == second
