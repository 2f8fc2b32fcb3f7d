"""One update of our DQN against Stable-Baselines3's, from the same weights, batch and optimiser state."""

from typing import Any

import gymnasium
import numpy as np
import pytest

from hfrl.agents import DQN
from hfrl.nets import layers_of
from hfrl.types import Step

torch = pytest.importorskip("torch")
peer = pytest.importorskip("stable_baselines3", reason="the extra sb3 is not installed")


@pytest.mark.parametrize("updates", [1, 10])
def test_updates_from_the_same_weights_and_batch_are_the_peers(updates: int) -> None:
    env = gymnasium.make("CartPole-v1")
    theirs = peer.DQN(
        "MlpPolicy", env, learning_rate=1e-3, batch_size=32, gamma=0.9, max_grad_norm=10,
        policy_kwargs={"net_arch": [24, 16]}, device="cpu",
    )  # fmt: skip
    ours = DQN(env, learning_rate=1e-3, batch_size=32, gamma=0.9, net_arch=(24, 16), loss="huber")
    for theta, module in ((ours.network.theta, theirs.q_net), (ours.network.target, theirs.q_net_target)):
        linear = [layer for layer in module.modules() if isinstance(layer, torch.nn.Linear)]
        for layer, (weights, biases) in zip(linear, layers_of(theta, ours.shape.sizes), strict=True):
            weights[:] = layer.weight.data.numpy().T
            biases[:] = layer.bias.data.numpy()
    rng = np.random.default_rng(0)
    rows: list[Any] = []
    for number in range(32):
        s, s2 = rng.normal(size=(2, 4)).astype(np.float32)
        step = Step(number, 0, s, int(rng.integers(2)), float(rng.normal()), s2, number % 5 == 0, False)
        ours.memory.add(s, step, s2, ())
        rows.append((s, step.action, s2, float(step.terminated), step.reward))
    s, a, s2, done, r = (np.array(column) for column in zip(*rows, strict=True))
    samples = peer.common.type_aliases.ReplayBufferSamples(
        torch.tensor(s), torch.tensor(a)[:, None], torch.tensor(s2),
        torch.tensor(done, dtype=torch.float32)[:, None], torch.tensor(r, dtype=torch.float32)[:, None],
    )  # fmt: skip
    theirs.replay_buffer.sample = lambda *_, **__: samples
    theirs._logger = peer.common.logger.configure(None, [])
    for _ in range(updates):
        theirs.train(gradient_steps=1, batch_size=32)
        loss = ours.learn(ours.memory.batch(np.arange(32)), lambda judgement: judgement.step.reward)
    assert loss == pytest.approx(theirs.logger.name_to_value["train/loss"], abs=1e-5)
    linear = [layer for layer in theirs.q_net.modules() if isinstance(layer, torch.nn.Linear)]
    optimiser, state = ours.network.optimiser, theirs.policy.optimizer.state  # type: ignore[attr-defined]
    for name, mine in (("exp_avg", optimiser.m), ("exp_avg_sq", optimiser.v)):
        for layer, (weights, biases) in zip(linear, layers_of(mine, ours.shape.sizes), strict=True):
            assert weights.any()
            least = 1e-5 * float(np.abs(mine).max())  # their squares are small: the band is one of their own size
            assert np.allclose(state[layer.weight][name].numpy().T, weights, rtol=1e-3, atol=least)
            assert np.allclose(state[layer.bias][name].numpy(), biases, rtol=1e-3, atol=least)
    assert optimiser.t == updates
    for layer, (weights, biases) in zip(linear, layers_of(ours.network.theta, ours.shape.sizes), strict=True):
        assert np.allclose(layer.weight.data.numpy().T, weights, atol=1e-5)
        assert np.allclose(layer.bias.data.numpy(), biases, atol=1e-5)
