"""Networks and the replay buffer: derivatives by finite differences and by torch, Adam by hand, the ring by a list."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hfrl.nets import (
    Adam,
    backward,
    clip,
    count,
    forward,
    initial,
    layers_of,
    sizes_of,
)
from hfrl.outputs import DUELING, PLAIN, Head
from hfrl.replay import Replay, judgement_of, returns
from hfrl.types import Step

SIZES = sizes_of(3, (5, 4), 3)


def network(head: Head, seed: int = 0) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    theta = initial(SIZES, rng)
    inputs = rng.normal(size=(7, 3)).astype(np.float32)
    weights = rng.normal(size=(7, 3 - head.extra)).astype(np.float32)
    return theta, inputs, weights


@pytest.mark.parametrize("head", [PLAIN, DUELING], ids=["plain", "dueling"])
def test_the_derivative_is_that_of_finite_differences(head: Head) -> None:
    theta, inputs, weights = network(head)

    def loss(at: Any) -> float:
        values = head.forward(forward(layers_of(at, SIZES), inputs)[-1])
        return float((values.astype(np.float64) * weights).sum())

    gradient = np.zeros_like(theta)
    layers = layers_of(theta, SIZES)
    backward(layers, forward(layers, inputs), head.backward(weights), layers_of(gradient, SIZES))
    exact = theta.astype(np.float64)
    for k in range(count(SIZES)):
        up, down = exact.copy(), exact.copy()
        up[k] += 1e-6
        down[k] -= 1e-6
        assert gradient[k] == pytest.approx((loss(up) - loss(down)) / 2e-6, abs=2e-4)


@pytest.mark.parametrize("head", [PLAIN, DUELING], ids=["plain", "dueling"])
def test_one_update_is_torchs(head: Head) -> None:
    """Forward, backward, clipping and Adam against autograd and torch.optim.Adam, for 20 updates."""
    torch = pytest.importorskip("torch")
    theta, inputs, wanted = network(head)
    module = torch.nn.Sequential(
        torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 4), torch.nn.ReLU(), torch.nn.Linear(4, 3)
    )
    linear = [layer for layer in module if isinstance(layer, torch.nn.Linear)]
    for layer, (weights, biases) in zip(linear, layers_of(theta, SIZES), strict=True):
        layer.weight.data = torch.tensor(weights.T.copy())
        layer.bias.data = torch.tensor(biases.copy())
    peer, adam = torch.optim.Adam(module.parameters(), lr=1e-2), Adam(len(theta))
    layers, gradient = layers_of(theta, SIZES), np.zeros_like(theta)
    for _ in range(20):
        peer.zero_grad()
        values = module(torch.tensor(inputs))
        if head is DUELING:
            values = values[:, :1] + values[:, 1:] - values[:, 1:].mean(dim=1, keepdim=True)
        ((values - torch.tensor(wanted)) ** 2).mean().backward()
        norm = torch.nn.utils.clip_grad_norm_(module.parameters(), 0.1)
        peer.step()
        activations = forward(layers, inputs)
        errors = head.forward(activations[-1]) - wanted
        backward(layers, activations, head.backward(2 * errors / errors.size), layers_of(gradient, SIZES))
        assert clip(gradient, 0.1) == pytest.approx(float(norm), rel=1e-5)
        adam.step(theta, gradient, 1e-2)
    for layer, (weights, biases) in zip(linear, layers, strict=True):
        assert np.allclose(layer.weight.data.numpy().T, weights, atol=1e-6)
        assert np.allclose(layer.bias.data.numpy(), biases, atol=1e-6)


def test_adams_first_step_is_alpha_long_in_every_direction() -> None:
    theta = np.array([1.0, -2.0, 0.5], np.float32)
    Adam(3).step(theta, np.array([10.0, -0.001, 3.0], np.float32), 0.1)
    assert theta == pytest.approx([0.9, -1.9, 0.4], abs=1e-4)


def test_first_weights_stay_within_one_over_the_root_of_the_inputs() -> None:
    theta = initial((100, 50, 2), np.random.default_rng(0))
    (first, _), (last, _) = layers_of(theta, (100, 50, 2))
    assert 0.09 < np.abs(first).max() <= 0.1
    assert 0.12 < np.abs(last).max() <= 1 / np.sqrt(50) + 1e-6
    assert abs(float(first.mean())) < 0.003


# The buffer


def transition(number: int) -> tuple[Any, Step, Any]:
    step = Step(number, 0, None, number % 3, float(number), None, number % 4 == 0, False, next_action=number % 2)
    return np.array([number, -number]), step, np.array([number + 1, -number - 1])


@settings(deadline=None)
@given(st.integers(1, 9), st.lists(st.booleans(), min_size=1, max_size=30))
def test_the_ring_remembers_the_last_transitions_and_what_was_said_of_them(capacity: int, said: list[bool]) -> None:
    memory = Replay(capacity, 2)
    for number, spoke in enumerate(said):
        observation, step, after = transition(number)
        memory.add(observation, step, after, ((1.0, 0.5),) if spoke else ())
    kept = list(range(len(said)))[-capacity:]
    assert memory.size == len(kept)
    batch = memory.batch(np.arange(memory.size))
    found = sorted(
        zip(batch.rewards.tolist(), batch.actions.tolist(), batch.next_actions.tolist(), batch.credits, strict=True)
    )
    assert found == [(float(n), n % 3, n % 2, ((1.0, 0.5),) if said[n] else ()) for n in kept]
    assert np.array_equal(batch.next_observations[:, 0], batch.rewards + 1)
    assert np.array_equal(batch.terminated, batch.rewards % 4 == 0)
    copy = Replay(capacity, 2)
    copy.restore(memory.arrays())
    assert copy.said == memory.said
    one, other = (m.sample(5, np.random.default_rng(0)) for m in (memory, copy))
    assert np.array_equal(one.rewards, other.rewards)
    assert one.credits == other.credits


def remembered(ends: str, capacity: int = 20) -> Replay:
    """A step a letter, worth 1, 2, 4, ...: t terminates, c is cut off by a time limit, | is a step learnt elsewhere."""
    memory = Replay(capacity, 1)
    number = gaps = 0
    for end in ends:
        if end == "|":
            gaps += 1
            continue
        step = Step(number + gaps, 0, None, 0, 2.0**number, None, end == "t", end == "c", next_action=number % 2)
        memory.add(np.array([number]), step, np.array([number + 0.5]), ())
        number += 1
    return memory


@pytest.mark.parametrize(
    ("ends", "slot", "returned", "discount", "after", "terminated"),
    [
        ("......", 0, 1 + 2 / 2 + 4 / 4, 1 / 8, 2.5, 0.0),  # three steps that go on
        (".t....", 0, 1 + 2 / 2, 1 / 4, 1.5, 1.0),  # the task ends after two
        ("t.....", 0, 1, 1 / 2, 0.5, 1.0),
        (".c....", 0, 1 + 2 / 2, 1 / 4, 1.5, 0.0),  # a time limit after two: the state there still has a value
        ("..t...", 0, 1 + 2 / 2 + 4 / 4, 1 / 8, 2.5, 1.0),  # the end is just within reach
        (".t....", 2, 4 + 8 / 2 + 16 / 4, 1 / 8, 4.5, 0.0),  # an earlier end does not matter
        ("......", 4, 16 + 32 / 2, 1 / 4, 5.5, 0.0),  # nothing newer is remembered
        (".|....", 0, 1, 1 / 2, 0.5, 0.0),  # the next step is not here
    ],
)
def test_n_step_returns_by_hand(
    ends: str, slot: int, returned: float, discount: float, after: float, terminated: float
) -> None:
    """Three steps, gamma 1/2."""
    memory = remembered(ends)
    windows = memory.windows(np.array([slot]), 3)
    sums, discounts = returns(memory.batch(windows.slots[windows.inside]).rewards, windows.inside, 0.5)
    last = memory.batch(windows.last())
    assert (sums.tolist(), discounts.tolist()) == ([returned], [discount])
    assert (last.next_observations.tolist(), last.terminated.tolist()) == ([[after]], [terminated])
    assert last.next_actions.tolist() == [int(after) % 2]


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 6), st.text(".tc|", min_size=1, max_size=40))
def test_windows_are_those_of_a_walk_through_the_episode(capacity: int, n: int, ends: str) -> None:
    memory = remembered(ends, capacity)
    walks: list[list[float]] = []  # the numbers of the steps of each episode
    for number, end in enumerate(ends.replace("|", "")):
        follows = walks and walks[-1] and goes_on(ends, number)
        if not follows:
            walks.append([])
        walks[-1].append(float(number))
        assert end in ".tc"
    kept = {number: walk[at : at + n] for walk in walks for at, number in enumerate(walk)}
    windows = memory.windows(np.arange(memory.size), n)
    numbers = memory.rows[:, 0]
    for row in range(memory.size):
        assert numbers[windows.slots[row][windows.inside[row]]].tolist() == kept[float(numbers[row])]
        assert numbers[windows.last()[row]] == kept[float(numbers[row])][-1]


def goes_on(ends: str, number: int) -> bool:
    """Whether step ``number`` follows the one before it."""
    at = [place for place, end in enumerate(ends) if end != "|"]
    return ends[at[number - 1]] == "." and at[number] == at[number - 1] + 1


@given(st.integers(1, 9), st.lists(st.sampled_from([1, 1, 1, 4, -3]), min_size=1, max_size=25))
def test_a_step_is_found_by_its_index_as_long_as_it_is_remembered(capacity: int, strides: list[int]) -> None:
    """Steps that mostly follow one another, with gaps and steps learnt out of turn, against a dictionary."""
    memory, index, places = Replay(capacity, 1), 10, {}
    for number, stride in enumerate(strides):
        while index in places:
            index += 1
        step = Step(index, 0, None, 0, float(number), None, False, False)
        memory.add(np.zeros(1), step, np.zeros(1), ())
        places[index] = number
        index = max(0, index + stride)
    copy = Replay(capacity, 1)
    copy.restore(memory.arrays())
    for asked in range(100):
        kept = asked in places and places[asked] >= len(strides) - capacity
        found = places[asked] % capacity if kept else None
        assert memory.slot_of(asked) == copy.slot_of(asked) == found


def test_what_was_said_of_a_step_is_added_replaced_and_taken_away() -> None:
    memory = Replay(4, 2)
    for number in range(3):
        memory.add(*transition(number), ())
    praise, blame = (1.0, 0.5), (-1.0, 0.25)
    assert memory.correct(1, (), (praise, praise))
    assert memory.said == {1: (praise, praise)}
    assert memory.correct(1, (praise,), (blame,))
    assert memory.said == {1: (praise, blame)}
    assert memory.correct(1, (praise, blame, blame), ())
    assert memory.said == {}
    assert not memory.correct(7, (), (praise,))
    assert memory.said == {}


def test_every_transition_is_drawn_equally_often() -> None:
    memory = Replay(10, 2)
    for number in range(10):
        memory.add(*transition(number), ())
    drawn = np.bincount(memory.sample(100_000, np.random.default_rng(0)).rewards.astype(int), minlength=10)
    assert ((drawn - 10_000) ** 2 / 10_000).sum() < 27.9  # chi-squared of 9 degrees of freedom, p = .001


def test_a_million_transitions_of_cartpole_take_less_than_fifty_megabytes() -> None:
    assert Replay(1_000_000, 4).rows.nbytes < 50e6


def test_a_damaged_buffer_is_refused() -> None:
    memory = Replay(4, 2)
    memory.add(*transition(1), ())
    good = memory.arrays()
    for name, bad in (
        ("replay_rows", np.zeros((1, 3), np.float32)),
        ("replay_rows", np.zeros((9, 8), np.float32)),
        ("replay_said", np.zeros((2, 2))),
        ("replay_at", np.array([7, 8])),
        ("replay_runs", np.zeros((2, 3), np.int64)),
    ):
        with pytest.raises(ValueError, match=r"replay_|transitions were kept"):
            Replay(4, 2).restore(good | {name: bad})


def test_a_batch_is_a_judgement_with_a_leading_axis() -> None:
    memory = Replay(4, 2)
    memory.add(*transition(1), ((1.0, 1.0),))
    batch = memory.batch(np.array([0, 0]))
    judgement = judgement_of(batch, batch.observations, batch.next_observations)
    assert judgement.step.reward.tolist() == [1.0, 1.0]  # type: ignore[attr-defined]
    assert judgement.credits == [((1.0, 1.0),)] * 2
