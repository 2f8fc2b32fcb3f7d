"""Several worlds at once: a tape of scripted lanes, the plain run bit for bit, and what is refused."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from hfrl import experiment, run
from hfrl.abreast import Joint, collect
from hfrl.agents import C51, DQN, DuelingDQN, NoisyDQN, PrioritizedDQN
from hfrl.config import Arm
from hfrl.loop import play
from hfrl.policy import Categorical, greedy
from hfrl.reading import read_arrays
from hfrl.types import Acted, Event, Judgement, Learnt, RewardPort, Step, UserError

QUICK: dict[str, Any] = {
    "learning_starts": 50, "batch_size": 16, "net_arch": (16,), "target_update_interval": 20, "buffer_size": 500,
    "exploration_steps": 300,
}  # fmt: skip


# A tape


class Scripted(gymnasium.Env[Any, Any]):
    """Episodes of given lengths; even ones terminate, odd ones are cut. It sees (lane, episode, step within it)."""

    action_space = gymnasium.spaces.Discrete(2)
    observation_space = gymnasium.spaces.Box(-1, 99, (3,), np.float32)

    def __init__(self, lane: int, lengths: Sequence[int]) -> None:
        self.lane, self.lengths, self.episode = lane, lengths, -1
        self.tape: list[Any] = []

    def seen(self) -> Any:
        return np.array([self.lane, self.episode, self.at], np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.episode += 1
        self.at = 0
        self.tape.append("reset" if seed is None else seed)
        return self.seen(), {"action_mask": np.array([1, self.lane], np.int8)}

    def step(self, action: Any) -> Any:
        self.at += 1
        self.tape.append(int(action))
        over = self.at == self.lengths[self.episode]
        ends, cut = over and self.episode % 2 == 0, over and self.episode % 2 == 1
        return self.seen(), 10.0 * self.lane + self.at, ends, cut, {"action_mask": np.array([0, self.at], np.int8)}


class Lefty:
    """Does what its observation's third number says, and notes what it is asked and what it is told."""

    on_policy = learns_from_feedback = False
    gamma, n_steps = 0.9, 1

    def __init__(self) -> None:
        self.tape: list[Any] = []

    def begin(self, rng: np.random.Generator) -> None:
        self.tape.append("begin")

    def policy(self, observation: Any, bias: Any = None) -> Any:
        raise AssertionError("one forward pass for all lanes")

    def policies(self, observations: Sequence[Any]) -> list[Any]:
        self.tape.append([tuple(int(n) for n in one) for one in observations])
        return [greedy([0.0, one[2] - 0.5]) for one in observations]

    def take_turns(self, lanes: int) -> None:
        self.tape.append(lanes)

    def update(self, judgement: Judgement, reward: RewardPort) -> None:
        step = judgement.step
        before, after = (tuple(int(n) for n in one) for one in (step.observation, step.next_observation))
        self.tape.append((step.index, step.episode, before, step.action, reward(judgement), after, step.terminated))


def test_lanes_by_a_tape() -> None:
    """Lane 0 ends after two steps and is reset while lane 1 takes its third; then both end in one step."""
    lanes = [Scripted(0, (2, 1, 9)), Scripted(1, (4, 9))]
    agent = Lefty()
    flow = collect(SyncVectorEnv([lambda: lanes[0], lambda: lanes[1]]), agent, seed=5)
    events: list[Event] = list(itertools.islice(flow, 18))
    steps = [event.step for event in events[::2] if isinstance(event, Acted)]
    assert [type(event) for event in events] == [Acted, Learnt] * 9
    assert agent.tape == [
        2,
        "begin",
        [(0, 0, 0), (1, 0, 0)],
        (0, 0, (0, 0, 0), 0, 1.0, (0, 0, 1), False),
        (1, 1, (1, 0, 0), 0, 11.0, (1, 0, 1), False),
        [(0, 0, 1), (1, 0, 1)],
        (2, 0, (0, 0, 1), 1, 2.0, (0, 0, 2), True),  # the last observation, not the next episode's first
        (3, 1, (1, 0, 1), 1, 12.0, (1, 0, 2), False),
        [(1, 0, 2)],  # lane 0 is only reset: nothing is asked, nothing is learnt
        (4, 1, (1, 0, 2), 1, 13.0, (1, 0, 3), False),
        [(0, 1, 0), (1, 0, 3)],
        (5, 2, (0, 1, 0), 0, 1.0, (0, 1, 1), False),  # cut: its next observation still has a value
        (6, 1, (1, 0, 3), 1, 14.0, (1, 0, 4), True),
        [(0, 2, 0), (1, 1, 0)],  # both ended: they were reset before anybody was asked
        (7, 2 + 1, (0, 2, 0), 0, 1.0, (0, 2, 1), False),
        (8, 4, (1, 1, 0), 0, 11.0, (1, 1, 1), False),
    ]
    assert [(step.terminated, step.truncated) for step in steps if step.ended] == [
        (True, False), (False, True), (True, False),
    ]  # fmt: skip
    assert all(np.array_equal(s.observation[:2], s.next_observation[:2]) for s in steps)
    # The mask of a step is that of what was observed before it; each lane is seeded once, and differently.
    assert [step.mask.tolist() for step in steps[:4] if step.mask is not None] == [[1, 0], [1, 1], [0, 1], [0, 1]]
    assert [step.next_mask.tolist() for step in steps[:2] if step.next_mask is not None] == [[0, 1], [0, 1]]
    assert lanes[0].tape[1:] == [0, 1, "reset", 0, "reset", 0]
    assert lanes[1].tape[1:] == [0, 1, 1, 1, "reset", 0]
    assert lanes[1].tape[0] == lanes[0].tape[0] + 1


def test_the_first_live_lane_takes_the_loops_number_and_the_others_their_own() -> None:
    half = Categorical((0.5, 0.5))
    joint = Joint([None, half, half, None, half], iter([0.9, 0.1, 0.7, 0.2]))
    assert joint.sample(0.2) == (0, 0, 1, 0, 0)
    assert joint.sample(0.6) == (0, 1, 1, 0, 0)
    assert joint.probabilities((0, 0, 1, 0, 0)) == [1.0, 0.5, 0.5, 1.0, 0.5]
    assert joint.prob((0, 0, 1, 0, 0)) == 0.125


def test_a_world_that_resets_in_the_same_step_is_refused() -> None:
    envs = SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")], autoreset_mode=AutoresetMode.SAME_STEP)
    with pytest.raises(UserError, match="must reset in the next step"):
        next(collect(envs, DQN(envs.envs[0])))


# Beside the plain run


@pytest.mark.parametrize("agent_class", [DQN, DuelingDQN, PrioritizedDQN, NoisyDQN, C51])
@pytest.mark.parametrize("world", ["CartPole-v1", "Blackjack-v1", "hfrl/Pizza-v0"])
def test_one_lane_is_the_plain_run_bit_for_bit(agent_class: Any, world: str) -> None:
    def make() -> Any:
        return gymnasium.make(world, disable_env_checker=True)

    one, other = agent_class(make(), **QUICK), agent_class(make(), **QUICK)
    plain = itertools.islice(play(make(), one, seed=3), 600)
    lanes = itertools.islice(collect(SyncVectorEnv([make]), other, seed=3), 600)
    ended = 0
    for a, b in zip(plain, lanes, strict=True):
        step, same = _step_of(a), _step_of(b)
        ended += isinstance(a, Acted) and step.ended
        for name in Step._fields:
            assert np.array_equal(getattr(step, name), getattr(same, name)), name
        assert not isinstance(a, Learnt) or (isinstance(b, Learnt) and a.update == b.update)
    assert ended > 2
    assert one.network.updates > 100
    mine, theirs = one.arrays(), other.arrays()
    assert all(np.array_equal(array, theirs[name]) for name, array in mine.items())


def _step_of(event: Any) -> Step:
    step: Step = event.step if isinstance(event, Acted) else event.judgement.step
    return step


def test_the_same_seed_is_the_same_run_and_another_is_not() -> None:
    def arrays(seed: int) -> Any:
        agent = DQN(gymnasium.make("CartPole-v1"), **QUICK)
        envs = SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 3)
        for _ in itertools.islice(collect(envs, agent, seed), 500):
            pass
        return agent.arrays()

    one, same, other = arrays(1), arrays(1), arrays(2)
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(one["theta"], other["theta"])


@pytest.mark.parametrize("agent_class", [DQN, DuelingDQN, C51])
def test_what_is_remembered_is_the_worlds_own_transitions(agent_class: Any) -> None:
    """Three carts: every transition in the buffer is what a cart stood in that state does (Barto et al. 1983)."""
    envs = SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 3)
    agent = agent_class(envs.envs[0], **QUICK)
    for _ in itertools.islice(collect(envs, agent, seed=0), 600):
        pass
    cart = gymnasium.make("CartPole-v1").unwrapped
    batch = agent.memory.batch(np.arange(agent.memory.size))
    assert len(batch.actions) == 300
    cart.reset(seed=0)
    for s, a, s2, over in zip(
        batch.observations, batch.actions, batch.next_observations, batch.terminated, strict=True
    ):
        cart.state, cart.steps_beyond_terminated = tuple(float(x) for x in s), None  # type: ignore[attr-defined]
        after, _, ends, _, _ = cart.step(int(a))
        np.testing.assert_allclose(after, s2, atol=1e-5)
        assert ends == bool(over)


@pytest.mark.parametrize("agent_class", [DQN, DuelingDQN, NoisyDQN, C51])
def test_one_forward_pass_is_that_of_each(agent_class: Any) -> None:
    agent = agent_class(gymnasium.make("CartPole-v1"), seed=1)
    agent.network.resample(np.random.default_rng(0))
    seen = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    for one, observation in zip(agent.policies(seen), seen, strict=True):
        assert one.probabilities == pytest.approx(agent.policy(observation).probabilities)


class Numbered(gymnasium.Env[Any, Any]):
    """A stack of two pictures, each another one; an episode is seven steps long."""

    observation_space = gymnasium.spaces.Box(0, 255, (2, 12, 12), np.uint8)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, seed: int) -> None:
        self.rng, self.drawn = np.random.default_rng(seed), 0

    def seen(self) -> Any:
        self.drawn += 1
        self.stack = np.stack([self.stack[1], self.rng.integers(0, 256, (12, 12), np.uint8)])
        return self.stack

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.at, self.stack = 0, np.zeros((2, 12, 12), np.uint8)
        return self.seen(), {}

    def step(self, action: Any) -> Any:
        self.at += 1
        return self.seen(), 0.0, self.at == 7, False, {}


def test_pictures_of_lanes_that_take_turns_are_kept_once() -> None:
    """Each picture that was drawn, and the black one that an episode begins with."""
    pytest.importorskip("torch")
    worlds = [Numbered(seed) for seed in range(3)]
    agent = DQN(worlds[0], filters=((2, 4, 2),), net_arch=(4,), learning_starts=10**6, buffer_size=90)
    envs = SyncVectorEnv([lambda world=world: world for world in worlds])  # type: ignore[misc]
    for _ in itertools.islice(collect(envs, agent, seed=0), 2 * 90):
        pass
    frames = agent.memory.frames
    assert frames is not None
    black = 3 * 90 // (3 * 7) + 3
    assert frames.nbytes <= (sum(world.drawn for world in worlds) + black) * 144
    batch = agent.memory.batch(np.arange(90))
    inside = batch.terminated == 0
    assert inside.sum() > 70
    assert all(np.array_equal(s[1], s2[0]) for s, s2 in zip(batch.observations, batch.next_observations, strict=True))


# A run


def an_arm(**changes: Any) -> Arm:
    return replace(
        Arm(
            env="CartPole-v1", agent="dqn", teacher="none", blend="none", credit="auto", total_timesteps=600,
            seeds=(3,), eval_freq=250, eval_episodes=2, num_envs=4,
            set={name: list(value) if isinstance(value, tuple) else value for name, value in QUICK.items()},
        ),
        **changes,
    )  # fmt: skip


def test_a_run_counts_each_lanes_episodes_and_stops_where_it_was_told(tmp_path: Path) -> None:
    """601 steps are not a whole number of times four lanes."""
    assert experiment.run_seed(an_arm(total_timesteps=601), 3, tmp_path, lambda steps: True, pytest.fail)
    final = read_arrays(tmp_path / "final.npz")
    assert final["clock"][0] == 601
    lines = (tmp_path / "monitor.csv").read_text().splitlines()[2:]
    rows = [(float(r), int(n)) for r, n, _ in (line.split(",") for line in lines)]
    assert len(rows) == final["clock"][1] > 4
    assert all(r == n for r, n in rows)  # a cart earns 1 a step
    assert 601 - 4 * 500 < sum(n for _, n in rows) <= 601
    assert read_arrays(tmp_path / "evaluations.npz")["timesteps"].tolist() == [250, 500, 601]


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("--agent deep_sarsa", "it learns on-policy"),
        ("--agent rainbow", "n_steps=3 follow one another in one world"),
        ("--agent dqn --set n_steps=2", "n_steps=2 follow one another in one world"),
        ("--agent q_learning --env FrozenLake-v1", "it acts in one world at a time"),
        ("--agent dqn --teacher random", "goes with --teacher none and --blend none"),
        ("--agent dqn --save-freq 100", "is not gone on from"),
        ("--agent dqn --engine compiled", "does not go with --engine compiled"),
        ("--agent dqn --num-envs 0", "must be 1 to 1024 copies of the world, got 0"),
    ],
)
def test_what_does_not_go_with_several_worlds_is_said_in_one_line(
    typed: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*typed.split(), "-n", "100", "--out", str(tmp_path / "runs")]
    for flag, value in (("--env", "CartPole-v1"), ("--num-envs", "2")):
        words += [] if flag in words else [flag, value]
    assert run.main(words) == 2
    said = capsys.readouterr().err.strip()
    assert line in said
    assert "\n" not in said
    assert not (tmp_path / "runs").exists()


def test_a_run_of_several_worlds_is_not_gone_on_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = "--env CartPole-v1 --agent dqn --num-envs 2 -n 200 --seeds 0 --eval-episodes 1 --no-progress --jobs 1"
    assert run.main([*words.split(), "--out", str(tmp_path)]) == 0
    (folder,) = (path for path in tmp_path.glob("*/*") if path.is_dir())
    assert "resume" not in capsys.readouterr().out
    before = (folder / "config.json").read_bytes()
    assert run.main(["resume", str(folder), "--total-timesteps", "400"]) == 2
    assert "a run of --num-envs 2 is not gone on from" in capsys.readouterr().err
    assert (folder / "config.json").read_bytes() == before
