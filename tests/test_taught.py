"""A world with a teacher in it, for agents of other libraries: the signals are those of the loop, to the bit."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import SyncVectorEnv
from gymnasium.wrappers import TimeLimit

import hfrl
from hfrl import blend, teachers
from hfrl.agents import QLearning
from hfrl.credit import uniform_window
from hfrl.judges import judge as judged
from hfrl.models import FixedTable
from hfrl.people import person
from hfrl.taught import TaughtEnv
from hfrl.types import Acted, Feedback, Learnt, Step, Update, UserError

DEMO = Path(__file__).parent.parent / "demos" / "an_agent_of_another_library.py"


def lake(steps: int = 30) -> Any:
    return TimeLimit(gymnasium.make("FrozenLake-v1", disable_env_checker=True).unwrapped, steps)


def somebody(env: Any, likelihood: float = 0.5, delay: float = 0.0) -> Any:
    rng = hfrl.streams(1).teacher
    return teachers.simulated(env, rng, consistency=0.8, likelihood=likelihood, delay=delay)


def once(step: Step) -> list[Feedback]:
    """Praise of the first step alone, and blame of the third."""
    return [Feedback(value, step.time) for at, value in ((0, 1.0), (2, -2.0)) if step.index == at]


class Line(gymnasium.Env[int, int]):
    """States 0, 1, 2, ...; every step pays -1, and the episode ends in state 4."""

    observation_space = gymnasium.spaces.Discrete(5)
    action_space = gymnasium.spaces.Discrete(2)
    state = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.state = 0
        return 0, {"of": "reset"}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        assert type(action) is int
        self.state += 1
        return self.state, -1.0, self.state == 4, False, {"of": "step"}


# --- what is said ----------------------------------------------------------------------------------------------------


def test_the_press_joins_the_reward_and_info_keeps_both_apart() -> None:
    """-1 + .5 x 1, then silence, then -1 + .5 x -2."""
    env = TaughtEnv(Line(), once, blend.reward_shaping(beta=0.5, source="press"))
    assert env.reset() == (0, {"of": "reset"})
    assert env.step(np.int64(1)) == (1, -0.5, False, False, {"of": "step", "world_reward": -1.0, "feedback": 1.0})
    assert env.step(np.int64(1)) == (2, -1.0, False, False, {"of": "step", "world_reward": -1.0})
    assert env.step(np.int64(1)) == (3, -2.0, False, False, {"of": "step", "world_reward": -1.0, "feedback": -2.0})


def test_h_remembers_what_was_said() -> None:
    """H(0, 1) is 1 from the first press on, and pays in every later episode."""
    env = TaughtEnv(Line(), once, blend.reward_shaping(beta=0.5))
    env.reset()
    told = [env.step(1)[1] for _ in range(4)]
    env.reset()
    assert (told, env.step(1)[1]) == ([-0.5, -1.0, -2.0, -1.0], -0.5)
    assert list(env.switch.model.values(0)) == [0.0, 1.0]


def test_a_potential_by_hand_with_the_agents_own_gamma() -> None:
    """phi is .5 at 1 and 2 at 2: -1 + .5 x .5 - 0, -1 + .5 x 2 - .5, -1 + .5 x 0 - 2."""
    h = [[0.0, 0.0], [0.5, 0.0], [0.0, 2.0], [0.0, 0.0], [0.0, 0.0]]
    switch = hfrl.Switch(blend.potential_based(), FixedTable(h), gamma=0.5)
    env = TaughtEnv(Line(), teachers.silent, switch)
    env.reset()
    assert [env.step(0)[1] for _ in range(4)] == [-0.75, -0.5, -3.0, -1.0]


@pytest.mark.parametrize("made", [blend.reward_shaping(beta=0.5), blend.potential_based(2.0)], ids=lambda b: b.name)
def test_the_signals_are_those_of_the_loop(made: blend.Blend) -> None:
    """A tape: Q-learning in the house's loop, and the same actions from outside, with the same luck."""
    env = lake()
    acted, signals = [], []
    for event in hfrl.play(env, QLearning(env, gamma=0.9), somebody(env), made, seed=3, steps=2_000):
        if isinstance(event, Acted):
            acted.append(event.step)
        elif isinstance(event, Learnt):
            assert isinstance(event.update, Update)
            signals.append(event.update.signal)

    outside = TaughtEnv(lake(), somebody(env), made, gamma=0.9)
    observation, _ = outside.reset(seed=hfrl.streams(3).world)
    for step, signal in zip(acted, signals, strict=True):
        assert observation == step.observation
        observation, reward, terminated, truncated, info = outside.step(step.action)
        assert (reward, terminated, truncated) == (signal, step.terminated, step.truncated)
        assert info["world_reward"] == step.reward
        if terminated or truncated:
            observation, _ = outside.reset()


@pytest.mark.parametrize("made", [blend.none(), blend.reward_shaping(0.0), blend.potential_based(0.0)])
def test_at_weight_0_it_is_the_world(made: blend.Blend) -> None:
    plain, taught = lake(), TaughtEnv(lake(), somebody(lake(), likelihood=1.0), made)
    plain.reset(seed=0)
    taught.reset(seed=0)
    for action in np.random.default_rng(0).integers(4, size=300):
        expected, got = plain.step(int(action)), taught.step(action)
        assert got[:4] == expected[:4]
        if expected[2] or expected[3]:
            assert taught.reset()[0] == plain.reset()[0]


def test_late_credit_reaches_the_agent_through_h() -> None:
    """A press .5 s late is about the step before: the agent has been told of that one already, H has it right."""
    heard = TaughtEnv(Line(), lambda s: [Feedback(1.0, s.time + 0.2)] if s.index == 1 else [], blend.reward_shaping(),
                      credit=uniform_window(0.2, 0.5))  # fmt: skip
    heard.reset()
    assert [heard.step(1)[1] for _ in range(4)] == [-1.0, -1.0, -1.0, -1.0]
    assert heard.switch.model.values(0)[1] == pytest.approx(1.0)
    heard.reset()
    assert heard.step(1)[1] == pytest.approx(-0.5)


def test_an_episode_that_is_left_leaves_nothing_behind() -> None:
    """The potential of the state that was left is not taken off in the new episode; no late press is about it."""
    h = [[0.0, 0.0], [0.5, 0.0], [0.0, 2.0], [0.0, 0.0], [0.0, 0.0]]
    env = TaughtEnv(Line(), teachers.silent, hfrl.Switch(blend.potential_based(), FixedTable(h), gamma=0.5))
    env.reset()
    first = [env.step(0)[1] for _ in range(2)]
    env.reset()
    assert [env.step(0)[1] for _ in range(2)] == first == [-0.75, -0.5]
    late = TaughtEnv(Line(), lambda s: [Feedback(1.0, s.time)] if s.index == 2 else [], blend.reward_shaping(),
                     credit=uniform_window(0.2, 2.0))  # fmt: skip
    late.reset()
    late.step(0), late.step(0)  # the third step of all is the first of the next episode
    late.reset()
    for _ in range(4):
        late.step(1)
    assert [tuple(late.switch.model.counts(s)) for s in range(3)] == [(0, 1), (0, 0), (0, 0)]


# --- what others expect of a world -----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version")
def test_gymnasiums_own_checker_passes() -> None:
    """It asks for the same reward of the same step: of somebody who is always right, by the press."""
    world = lake()
    world.unwrapped.spec = None  # it would make the world again, by its id alone
    made = blend.reward_shaping(source="press")
    check_env(TaughtEnv(world, teachers.oracle(lake()), made), skip_render_check=True)


def test_no_step_without_a_reset() -> None:
    env = TaughtEnv(Line(), once, blend.none())
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(0)
    env.reset()
    while not env.step(0)[2]:
        pass
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(0)


def test_several_worlds_in_one_vector() -> None:
    """As CleanRL makes them: what was not said is masked in the vector's info."""
    worlds = SyncVectorEnv([lambda: TaughtEnv(Line(), once, blend.reward_shaping(source="press"))] * 2)
    worlds.reset(seed=0)
    rewards, infos = worlds.step(np.array([0, 1]))[1::3]
    assert rewards.tolist() == [-0.5, -0.5]
    assert infos["world_reward"].tolist() == [-1.0, -1.0]
    assert infos["feedback"].tolist() == [1.0, 1.0]
    assert "feedback" not in worlds.step(np.array([0, 1]))[-1]


def test_continuous_actions_are_taught_by_the_press() -> None:
    env = gymnasium.make("MountainCarContinuous-v0", disable_env_checker=True)
    taught = TaughtEnv(env, once, blend.reward_shaping(beta=3.0, source="press"))
    taught.reset(seed=0)
    _, reward, _, _, info = taught.step(np.array([0.5], dtype=np.float32))
    assert reward == info["world_reward"] + 3.0


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (blend.action_biasing(), "reaches for what an agent prefers"),
        (blend.pies(), "reaches for what an agent prefers"),
        (blend.look_ahead_advice(), "reaches for what an agent prefers"),
        (blend.q_augmentation(), "reaches for what an agent prefers"),
        (blend.control_sharing(), "reaches for what an agent does"),
        (blend.policy_shaping(), "reaches for what an agent does"),
        (blend.q_initialisation(), "reaches for what an agent begins with"),
        (blend.extra_action(), "reaches for what an agent is made of"),
        (blend.model_feature(), "reaches for what an agent is made of"),
        (blend.chain(blend.reward_shaping(), blend.action_biasing()), "reaches for what an agent prefers"),
        (blend.dpba(corrected=False), "needs the action that is taken next"),
        (blend.look_back_advice(), "needs the action that is taken next"),
    ],
    ids=lambda made: getattr(made, "name", ""),
)
def test_what_works_beyond_the_reward_is_refused_with_the_reason(made: blend.Blend, reason: str) -> None:
    with pytest.raises(UserError, match=rf"blend {made.name.replace('+', '.')} .*{reason}.*reward_shaping") as error:
        TaughtEnv(lake(), teachers.silent, made)
    assert "\n" not in str(error.value)


def test_a_driver_a_late_press_and_a_world_without_h_are_refused() -> None:
    driver = judged(lake(), hfrl.streams(0).teacher, kind="takeover")
    with pytest.raises(UserError, match="needs the wheel"):
        TaughtEnv(lake(), person(driver, teachers.Manner(), hfrl.streams(0).teacher), blend.none())
    with pytest.raises(UserError, match="cannot be told any more"):
        TaughtEnv(lake(), once, blend.reward_shaping(source="press"), uniform_window())
    with pytest.raises(UserError, match=r"none fits Box.*source='press'"):
        TaughtEnv(gymnasium.make("MountainCarContinuous-v0"), once, blend.reward_shaping())


# --- Stable-Baselines3 -----------------------------------------------------------------------------------------------


def test_stable_baselines3_is_taught_and_at_weight_0_is_itself() -> None:
    """The same DQN to the bit where nothing is said, another one where something is; its checker has no complaint."""
    sb3 = pytest.importorskip("stable_baselines3", reason="the extra sb3 is not installed")
    from stable_baselines3.common.env_checker import check_env as sb3_check

    def weights(env: Any) -> list[float]:
        model = sb3.DQN("MlpPolicy", env, seed=0, learning_starts=20, device="cpu", policy_kwargs={"net_arch": [8]})
        model.learn(200)
        return [float(p.detach().double().sum()) for p in model.policy.parameters()]

    def taught(beta: float) -> TaughtEnv:
        return TaughtEnv(lake(), somebody(lake()), blend.reward_shaping(beta))

    sb3_check(taught(0.5), skip_render_check=True)
    plain = weights(lake())
    assert weights(taught(0.0)) == plain
    assert weights(taught(5.0)) != plain


def test_the_demo_says_in_one_line_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "stable_baselines3.py").write_text("raise ImportError('not here')\n")
    done = subprocess.run([sys.executable, str(DEMO)], env={"PYTHONPATH": f"{tmp_path}:{DEMO.parent.parent}"},
                          capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["this demo needs Stable-Baselines3: pip install 'hfrl[sb3]'"]
