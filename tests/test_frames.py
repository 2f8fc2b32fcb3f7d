"""Pictures: how they are seen, each stored once, and agents that learn from them."""

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box
from gymnasium.wrappers import FrameStackObservation
from hypothesis import given
from hypothesis import strategies as st

from hfrl import build, run
from hfrl.agents import DQN
from hfrl.encoding import encoder_of
from hfrl.frames import Frames, Picture
from hfrl.loop import play
from hfrl.record import read_arrays
from hfrl.types import Learnt, UserError

SMALL: dict[str, Any] = {
    "filters": ((4, 3, 2),), "net_arch": (16,), "learning_starts": 20, "batch_size": 8, "buffer_size": 60,
    "train_freq": 4, "target_update_interval": 20, "exploration_steps": 100,
}  # fmt: skip


class Dot(gymnasium.Env[Any, int]):
    """A bright dot on a line of seven, in a picture of 7 by 9; the right end pays 1 and ends the episode."""

    observation_space = Box(0, 255, (7, 9), np.uint8)
    action_space: Any = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.at, self.steps = int(self.np_random.integers(4)), 0
        return self.picture(), {}

    def picture(self) -> Any:
        picture = np.zeros((7, 9), np.uint8)
        picture[self.at, 2:7] = 200
        return picture

    def step(self, action: int) -> Any:
        self.at, self.steps = max(0, self.at + 2 * int(action) - 1), self.steps + 1
        return self.picture(), float(self.at == 6), self.at == 6, self.steps == 20, {}


@pytest.mark.parametrize(
    ("shape", "image", "frames", "channels"),
    [
        ((7, 9), (1, 7, 9), 1, lambda picture: picture[5, 8].reshape(1)),
        ((7, 9, 3), (3, 7, 9), 1, lambda picture: picture[5, 8]),
        ((4, 7, 9), (4, 7, 9), 4, lambda picture: picture[:, 5, 8]),
        ((4, 7, 9, 3), (12, 7, 9), 4, lambda picture: picture[:, 5, 8].ravel()),
    ],
)
def test_channels_are_found_where_they_are(
    shape: tuple[int, ...], image: tuple[int, ...], frames: int, channels: Any
) -> None:
    encoder = encoder_of(Box(0, 255, shape, np.uint8))
    assert encoder.image == image
    assert encoder.picture is not None
    assert encoder.picture.stacked == frames
    codes = np.random.default_rng(0).integers(0, 256, (2, *shape), np.uint8)
    seen = encoder.see(codes)
    assert seen.shape == (2, *image)
    assert encoder.raw(codes) is codes
    assert seen[1, :, 5, 8].tolist() == channels(codes[1]).tolist()


@given(st.integers(1, 3), st.integers(1, 8), st.lists(st.integers(1, 6), min_size=1, max_size=8))
def test_what_is_kept_is_what_was_seen_and_a_stack_costs_one_frame_a_step(
    stacked: int, capacity: int, lengths: list[int]
) -> None:
    """Episodes of these lengths in which every picture is new, against lists; then the same through a checkpoint."""
    picture = Picture((stacked, 2, 2) if stacked > 1 else (2, 2), "uint8", stacked)
    frames, seen, number = Frames(capacity, picture), [], 0
    for length in lengths:
        history = [np.full((2, 2), number, np.uint8)] * stacked
        number += 1
        for _ in range(length):
            before = np.array(history).reshape(picture.shape)
            history = [*history[1:], np.full((2, 2), number, np.uint8)]
            number += 1
            after = np.array(history).reshape(picture.shape)
            frames.put(len(seen) % capacity, before, after)
            seen.append((before, after))
    last = seen[-capacity:]
    order = np.arange(len(seen) - len(last), len(seen)) % capacity
    copy = Frames(capacity, picture)
    copy.restore(frames.arrays(len(last)), len(last), int(order[-1]))
    for kept in (frames, copy):
        before, after = kept.get(order)
        assert np.array_equal(before, [pair[0] for pair in last])
        assert np.array_equal(after, [pair[1] for pair in last])
        different = {int(n) for pair in last for stack in pair for n in np.unique(stack)}
        assert kept.nbytes == 4 * len(different)
    copy.put(int(order[-1]), last[-1][1], last[-1][1])
    assert copy.nbytes <= frames.nbytes, "the last picture is known after a checkpoint, too"


def test_damaged_frames_are_refused() -> None:
    frames = Frames(2, Picture((2, 2), "uint8"))
    frames.put(0, np.zeros((2, 2)), np.ones((2, 2)))
    good = frames.arrays(1)
    for name, bad in (
        ("frames", np.zeros((2, 5), np.uint8)),
        ("frames", np.zeros((2, 4), np.float32)),
        ("frames_which", np.zeros((1, 2, 3), np.int64)),
        ("frames_which", np.full((1, 2, 1), 7)),
    ):
        with pytest.raises(ValueError, match="frames"):
            Frames(2, Picture((2, 2), "uint8")).restore(good | {name: bad}, 1, 0)


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


def test_a_world_of_pictures_is_learnt(torch: Any) -> None:
    """The dot is walked to the right end from every start."""
    agent = DQN(Dot(), **SMALL | {"buffer_size": 1_000, "learning_rate": 3e-3, "exploration_steps": 600}, seed=0)
    for _ in play(Dot(), agent, seed=1, steps=1_000):
        pass
    world = Dot()
    world.reset(seed=0)
    for world.at in range(6):
        assert agent.predict(world.picture()) == (1, None)


@pytest.mark.parametrize("stack", [1, 3])
def test_pictures_go_on_after_a_checkpoint_as_if_nothing_had_happened(stack: int, torch: Any) -> None:
    def world() -> Any:
        return FrameStackObservation(Dot(), stack) if stack > 1 else Dot()

    whole = DQN(world(), **SMALL)
    judgements = []
    for event in play(world(), whole, seed=3, steps=150):
        if isinstance(event, Learnt):
            judgements.append(event.judgement)
            if len(judgements) == 90:
                saved = whole.arrays()
    again = DQN(world(), **SMALL, seed=9)
    again.restore({name: array.copy() for name, array in saved.items()})
    for judgement in judgements[90:]:
        again.update(judgement, lambda told: told.step.reward)
    arrays = whole.arrays()
    assert all(np.array_equal(array, again.arrays()[name]) for name, array in arrays.items())
    frames = whole.memory.frames
    assert frames is not None
    assert frames.nbytes < 90 * 63, "60 transitions of a stack hold little more than 60 frames"


def test_a_snapshot_copies_no_picture_and_leads_back(torch: Any) -> None:
    agent = DQN(Dot(), **SMALL)
    events = play(Dot(), agent, seed=3, steps=120)
    for _ in range(160):
        next(events)
    before, taken = agent.arrays(), agent.snapshot()
    kept = agent.memory.frames
    assert kept is not None
    assert all(one is other for one, other in zip(taken[1][1][0], kept.kept, strict=True))
    for _ in events:
        pass
    assert agent.steps == 120
    assert not np.array_equal(agent.arrays()["theta"], before["theta"])
    agent.rewind(taken)
    after = agent.arrays()
    assert before.keys() == after.keys()
    assert all(np.array_equal(array, after[name]) for name, array in before.items())


@pytest.mark.parametrize(
    ("env_id", "asked", "shape"),
    [
        ("hfrl/PizzaKitchen-v0", {"observation": "pixels", "grayscale": True}, (84, 84)),
        ("hfrl/PizzaKitchen-v0", {"observation": "pixels", "grayscale": True, "frame_stack": 4}, (4, 84, 84)),
        ("hfrl/PizzaKitchen-v0", {"observation": "pixels", "frame_stack": 2}, (2, 84, 84, 3)),
        ("CartPole-v1", {"grayscale": False, "frame_stack": 1}, (4,)),
    ],
)
def test_pictures_are_wrapped_by_settings_of_the_world(env_id: str, asked: dict[str, Any], shape: Any) -> None:
    env = build.make_env(env_id, asked)
    assert env.observation_space.shape == shape
    assert env.reset(seed=0)[0].shape == shape


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"grayscale": True}, "grayscale=True does not go with env 'CartPole-v1': "),
        ({"grayscale": 3}, "it is true or false"),
        ({"frame_stack": "four"}, "frame_stack='four' does not go with env 'CartPole-v1': it is how many observations"),
        ({"resize": 0}, "it is the height and width in pixels"),
    ],
)
def test_wrappers_that_do_not_fit_are_refused_in_one_line(asked: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=line):
        build.make_env("CartPole-v1", asked)


KITCHEN = [
    "--env", "hfrl/PizzaKitchen-v0", "--env-kwargs", "observation=pixels", "--agent", "dqn",
    "--set", "learning_starts=40", "train_freq=16", "batch_size=8", "filters=[[8,8,8],[8,3,2]]", "net_arch=[32]",
]  # fmt: skip


@pytest.mark.slow
def test_the_kitchen_is_trained_and_taught_from_its_pictures(
    torch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Train, evaluate, teach in the window with two presses and one taken back, replay to the same bits."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    train = [*KITCHEN, "-n", "200", "--seeds", "0", "--jobs", "1", "--eval-freq", "0", "--eval-episodes", "2"]
    assert run.main([*train, "--no-progress", "--out", str(tmp_path / "train")]) == 0
    (trained,) = (tmp_path / "train").glob("*/*")
    assert run.main(["evaluate", str(trained), "--episodes", "2"]) == 0
    keys = tmp_path / "keys.jsonl"
    script = [(0.2, "return"), (2.0, "up"), (3.0, "down"), (3.5, "backspace"), (4.0, "m"), (5.0, "b")]
    keys.write_text("".join(json.dumps({"t": t, "key": key}) + "\n" for t, key in script))
    play_ = ["play", *KITCHEN, "--fast", "--duration", "7", "--warmup", "60", "--keys", str(keys)]
    assert run.main([*play_, "--out", str(tmp_path / "play")]) == 0
    (session,) = (tmp_path / "play").glob("*/*")
    capsys.readouterr()
    assert run.main(["replay", str(session)]) == 0
    assert "bit for bit" in capsys.readouterr().out
    assert read_arrays(session / "seed_0" / "final.npz")["h_label"].tolist() != []
