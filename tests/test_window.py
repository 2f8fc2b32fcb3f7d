"""The teaching window: what keys, mouse and gamepad do, what is refused, and that no end of a session loses anything.

A driven window gets real pygame events at simulated times, on SDL's dummy driver; one slow test presses the keys of a
real X server.
"""

import errno
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")

import numpy as np
import pygame
import pytest
from PIL import Image, ImageSequence

from hfrl import build, panels, reaction, teach, window
from hfrl.credit import Uniform
from hfrl.record import read_arrays, read_json
from hfrl.run import main
from hfrl.types import UserError
from hfrl.window import KEYS, check_keys, driving_keys, read_keymap, read_keys

ROOT = Path(__file__).parent.parent
SIZE = (960, 640)
LAKE = ("--env", "FrozenLake-v1")
PARTS = """
import time

import gymnasium
import numpy as np
from hfrl.agents import QLearning


class Breaks(QLearning):
    count = 0

    def update(self, judgement, reward):
        self.count += 1
        if self.count == 5:
            raise ZeroDivisionError("five is enough")
        return super().update(judgement, reward)


class Slow(QLearning):
    def update(self, judgement, reward):
        time.sleep(0.4)
        return super().update(judgement, reward)


class Blind(gymnasium.Env):
    metadata = {"render_modes": ["ansi"]}
    observation_space = gymnasium.spaces.Discrete(2)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return 0, {}

    def step(self, action):
        return 0, 0.0, False, False, {}

    def render(self):
        return "."


class Boxed(Blind):
    metadata = {"render_modes": ["rgb_array"]}
    observation_space = gymnasium.spaces.Box(0, 1, (2,))

    def render(self):
        return np.zeros((8, 8, 3), np.uint8)
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test here is about the disk, but those that break it."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(autouse=True)
def opened() -> None:
    """Names of keys need a display, if only a dummy."""
    pygame.display.init()


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    path = tmp_path / "parts.py"
    path.write_text(PARTS)
    return path


def key_event(name: str, kind: int = pygame.KEYDOWN) -> pygame.event.Event:
    return pygame.event.Event(kind, key=pygame.key.key_code(name), mod=0, unicode="")


def click(position: tuple[int, int], button: int = 1, kind: int = pygame.MOUSEBUTTONDOWN) -> pygame.event.Event:
    return pygame.event.Event(kind, pos=position, button=button)


Due = Any  # an event, or what is called with the window at that time


class Driven:
    """Runs ``play`` with events at simulated seconds; afterwards the window, the run folder and the log."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.tmp_path, self.capsys = tmp_path, capsys
        self.due: list[tuple[float, Due]] = []
        self.window: Any = None
        self.runs = itertools.count()
        driven = self

        class Shadow(window.Window):
            def __init__(self, *args: Any) -> None:
                super().__init__(*args)
                driven.window = self

            def _post_due(self, now: float) -> None:
                super()._post_due(now)
                while driven.due and driven.due[0][0] <= now:
                    _, what = driven.due.pop(0)
                    event = what(self) if callable(what) else what
                    if event is not None:
                        pygame.event.post(event)

        monkeypatch.setattr(window, "Window", Shadow)

    def play(
        self, due: Sequence[tuple[float, Due]], *flags: str, seconds: float = 4, code: int = 0, fast: bool = True
    ) -> "Driven":
        pygame.display.init()  # a session before may have closed it
        self.due = [(moment, key_event(what) if isinstance(what, str) else what) for moment, what in due]
        self.out = self.tmp_path / f"runs{next(self.runs)}"
        line = ["play", "--warmup", "0", "--duration", str(seconds), "--out", str(self.out), *flags]
        self.capsys.readouterr()
        returned = main([*line, "--fast"] if fast else line)
        self.said = self.capsys.readouterr()
        assert returned == code, self.said.out + self.said.err
        return self

    @property
    def live(self) -> Any:
        return self.window.live

    @property
    def run(self) -> Path:
        (found,) = (path.parent for path in self.out.glob("*/*/config.json"))
        return found

    def log(self, *kinds: str) -> list[dict[str, Any]]:
        events = teach.read_log(self.run / "seed_0" / "feedback.jsonl")
        return [event for event in events if not kinds or event["event"] in kinds]

    def values(self, kind: str = "feedback") -> list[Any]:
        return [event["value"] for event in self.log(kind)]

    def is_readable(self) -> None:
        """The run folder is whole: it replays, and the agent in it is the log's."""
        assert {path.name for path in (self.run / "seed_0").iterdir()} >= {
            "config.json", "meta.json", "session.json", "initial.npz", "feedback.jsonl", "final.npz",
        }  # fmt: skip
        assert main(["replay", str(self.run), "--trust"]) == 0  # some of the agents here are written by the tests
        assert main(["evaluate", str(self.run), "--episodes", "2", "--trust"]) == 0
        self.capsys.readouterr()


@pytest.fixture
def driven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Driven:
    return Driven(tmp_path, monkeypatch, capsys)


# --- key maps and key files ------------------------------------------------------------------------------------------


def test_every_key_of_the_map_is_what_pygame_calls_it() -> None:
    """A key that is named one way and heard another would do nothing."""
    heard = {"[+]": "keypad +", "[-]": "keypad -"}
    for names in KEYS.values():
        for name in names:
            given = pygame.key.name(pygame.key.key_code(name))
            assert heard.get(given, given) == name


def test_every_key_has_one_meaning() -> None:
    meaning = check_keys(KEYS, {})
    assert len(meaning) == sum(map(len, KEYS.values()))
    assert meaning["up"] == "reward"


@pytest.mark.parametrize(
    "world", ["hfrl/Pizza-v0", "hfrl/PizzaKitchen-v0", "FrozenLake-v1", "CliffWalking-v1", "Taxi-v4"]
)
def test_a_driver_can_always_judge_hand_back_and_quit(world: str) -> None:
    env = build.make_env(world, {}, "rgb_array")
    driving = driving_keys(env)
    check_keys(KEYS, driving)
    assert len(set(driving.values())) == len(driving) > 1
    assert all(env.action_space.contains(np.int64(action)) for action in driving.values())
    for name in driving:
        assert pygame.key.name(pygame.key.key_code(name)) == name
    env.close()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"reward": ["z"]}, "both"),
        ({"pause": ["up"]}, "both"),
        ({"reward": ["up", "up"]}, "both"),
        ({"reward": ["nokey"]}, "no key"),
        ({"reward": [""]}, "no key"),
        ({"reward": ["up"], "penalty": ["Up"]}, "both"),
    ],
)
def test_a_conflict_of_keys_is_refused(change: dict[str, list[str]], word: str) -> None:
    with pytest.raises(UserError, match=word):
        check_keys({**KEYS, **change}, {})


@pytest.mark.parametrize("deed", ["reward", "penalty", "takeover", "quit"])
def test_keys_that_a_driver_could_not_reach_are_refused(deed: str) -> None:
    with pytest.raises(UserError, match="while you drive"):
        check_keys({**KEYS, deed: ["left"]}, {"left": 0})


@pytest.mark.parametrize("name", ["a", "F5", "f5", "keypad 5", "Page Up", "left shift", "page up", ";", "keypad enter"])
def test_every_key_that_a_map_takes_is_heard(name: str, driven: Driven, tmp_path: Path) -> None:
    """Whatever pygame takes as a name: refused, or heard, but never silently nothing."""
    file = tmp_path / "keys.toml"
    file.write_text(f"reward = [{json.dumps(name)}]\n")
    driven.play([(0, "return"), (1, name)], "--keymap", str(file), *LAKE, seconds=2)
    assert driven.values() == [1.0]


def test_a_keymap_changes_what_it_names_and_nothing_else(driven: Driven, tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_text('reward = ["a"]\npenalty = ["s", "d"]\n')
    assert read_keymap(str(file)) == {**KEYS, "reward": ["a"], "penalty": ["s", "d"]}
    due = [(0, "return"), (1, "a"), (1.1, "s"), (1.2, "d"), (1.3, "up"), (1.4, "z"), (1.5, "n")]
    driven.play(due, "--keymap", str(file), *LAKE)
    assert driven.values() == [1, -1, -1, 0]


@pytest.mark.parametrize(
    "content",
    [
        "reward = 3",
        'reward = "up"',
        "reward = []",
        "reward = [1]",
        'praise = ["a"]',
        "reward",
        "[reward]",
        "\x00",
        "é" * 3,
    ],
)
def test_a_bad_keymap_is_one_line(content: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(content)
    with pytest.raises(UserError, match="--keymap"):
        read_keymap(str(file))


def test_a_keymap_that_is_no_file_is_one_line(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(UserError, match="cannot be read"):
            read_keymap(str(path))
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="cannot be read"):
        read_keymap(str(binary))


def test_a_key_file_is_read_in_the_order_of_time(tmp_path: Path) -> None:
    file = tmp_path / "keys.jsonl"
    file.write_text('{"t": 2, "key": "up"}\n\n{"t": 0.5, "key": "return"}\n{"t": 2.0, "key": "z"}\n')
    assert read_keys(str(file)) == [(0.5, "return"), (2.0, "up"), (2.0, "z")]


@pytest.mark.parametrize(
    "line",
    ["up", "{", "[]", "3", "null", '{"t": 1}', '{"key": "up"}', '{"t": "x", "key": "up"}', '{"t": 1, "key": "nokey"}',
     '{"t": null, "key": "up"}', '{"t": 1, "key": null}', '{"t": NaN, "key": "up"}', '{"t": -1, "key": "up"}',
     '{"t": Infinity, "key": "up"}', "[" * 5000],
)  # fmt: skip
def test_a_bad_line_of_a_key_file_is_named(line: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.jsonl"
    file.write_text('{"t": 0, "key": "return"}\n' + line + "\n")
    with pytest.raises(UserError, match="line 2"):
        read_keys(str(file))


# --- keys, mouse, gamepad --------------------------------------------------------------------------------------------


def test_the_same_deeds_by_a_key_file_and_by_a_persons_keys(driven: Driven, tmp_path: Path) -> None:
    names = ["up", "/", "keypad +", "down", "z", "keypad -", "n", "2", "up", "3", "z", "1", "up", "backspace", "space"]
    names += ["p", ".", "p", "-", "=", "b", "tab", "left", "tab", "w", "u", "h", "r"]
    moments = [(0.0, "return"), *((0.5 + 0.1 * number, name) for number, name in enumerate(names))]
    file = tmp_path / "keys.jsonl"
    file.write_text("".join(json.dumps({"t": moment, "key": name}) + "\n" for moment, name in moments))

    def deeds() -> list[tuple[Any, ...]]:
        return [(e["event"], e["value"], e["step"], e["t"]) for e in driven.log() if e["event"] != "card"]

    driven.play([], "--keys", str(file), *LAKE)
    scripted = deeds()
    driven.play(moments, *LAKE)
    assert deeds() == scripted
    assert driven.values() == [1, 1, 1, -1, -1, -1, 0, 2, -3, 1]
    assert driven.live.summary()["rewards"] == 5
    assert {event for event, *_ in scripted} == {
        "step", "feedback", "take_back", "teaching", "pause", "single_step", "speed", "blend", "takeover", "drive",
        "end_episode", "quit",
    }  # fmt: skip


def test_a_tap_shorter_than_a_frame_counts_once_and_a_held_key_too(driven: Driven) -> None:
    up, down = key_event("up", pygame.KEYUP), key_event("up")
    driven.play([(0, "return"), (1, down), (1, up), (2, down), (3, up)], *LAKE)
    assert driven.values() == [1, 1]


def test_several_presses_in_one_poll_all_count(driven: Driven) -> None:
    driven.play([(0, "return"), *[(1, name) for name in ("up", "up", "z", "up", "n", "up")]], *LAKE)
    assert driven.values() == [1, 1, -1, 1, 0, 1]


@pytest.mark.parametrize(
    ("key", "kind", "state"),
    [
        ("space", "teaching", lambda live: live.desk.teaching),
        ("p", "pause", lambda live: live.person.paused),
        ("tab", "takeover", lambda live: live.desk.driving),
    ],
)
def test_a_switch_that_is_pressed_twice_in_one_poll_is_where_it_was(
    key: str, kind: str, state: Callable[[Any], bool], driven: Driven
) -> None:
    """Also while a slow update holds the next step up: every key counts, and none acts on what was true before it."""
    driven.play([(0, "return"), (1, key), (1, key)], *LAKE)
    first, second = driven.values(kind)
    assert first is not second
    assert state(driven.live) is second


def test_faster_pressed_twice_in_one_poll_is_twice_as_much_faster(driven: Driven) -> None:
    driven.play([(0, "return"), (1, "="), (1, "=")], "--speed", "4", *LAKE)
    assert driven.values("speed") == [5.0, 6.25]


def test_next_blend_pressed_twice_in_one_poll_is_the_one_after_the_next(driven: Driven) -> None:
    driven.play([(0, "return"), (1, "b"), (1, "b")], *LAKE)
    first, second = driven.values("blend")
    assert first != second


def test_two_single_steps_in_one_poll_are_two_steps(driven: Driven) -> None:
    driven.play([(0, "return"), (1, "p"), (1.5, "."), (2, "."), (2, ".")], *LAKE)
    paused = driven.log("pause")[0]["step"]
    assert driven.log("step")[-1]["step"] == paused + 3


def test_speed_stays_within_its_bounds(driven: Driven) -> None:
    keys = [(0.5 + 0.02 * number, "=") for number in range(20)] + [(1 + 0.02 * number, "-") for number in range(40)]
    driven.play([(0, "return"), *keys], *LAKE)
    speeds = driven.values("speed")
    assert max(speeds) == window.SPEEDS[1]
    assert min(speeds) == window.SPEEDS[0]


def test_the_start_card_waits_for_return(driven: Driven) -> None:
    driven.play([(0.2, "up"), (0.5, click((200, 200))), (1, "tab"), (1.5, "space")], *LAKE, seconds=2)
    assert not driven.live.started
    assert driven.log() == []
    driven.play([(0.2, "up"), (2, "return"), (3, "up")], *LAKE)
    assert driven.values() == [1]
    assert driven.log("step")[0]["t"] == 0
    assert driven.live.clock.now() == pytest.approx(2, abs=0.1)


def test_the_start_card_proves_that_keys_arrive(driven: Driven) -> None:
    seen = []

    def look(shown: Any) -> None:
        seen.append(shown._notice().keys_arrived)

    driven.play([(0.1, look), (0.2, "x"), (0.5, look), (0.6, "escape")], *LAKE)
    assert seen == [False, True]


def test_the_help_card_opens_and_closes_and_holds_nothing_up(driven: Driven) -> None:
    seen = []

    def look(shown: Any) -> None:
        seen.append(shown._notice() is not None and shown._notice().title == "Keys")

    driven.play([(0, "return"), (1, "h"), (1.2, look), (1.5, "up"), (2, "h"), (2.2, look)], *LAKE)
    assert seen == [True, False]
    assert driven.values() == [1]


def test_the_map_of_values_is_there_goes_and_comes_back(driven: Driven) -> None:
    seen = []

    def look(shown: Any) -> None:
        seen.append((shown._view().heat is not None, shown._layout().heat.width > 0))

    driven.play([(0, look), (0.1, "return"), (1, "m"), (1.2, look), (2, "m"), (2.2, look)], *LAKE)
    assert seen == [(True, True), (False, False), (True, True)]
    driven.play([(0, "return"), (1, look), (1.1, "m")], seconds=2)
    assert seen[-1] == (False, False), "the counter is no grid"
    assert window.MAP not in [deed for _, deed in driven.window._legend()]


def test_the_map_follows_the_agent(driven: Driven) -> None:
    """The cell that is marked is the one in the picture, and a value that was learnt is there in the next frame."""
    seen = []

    def look(shown: Any) -> None:
        heat, live = shown._view().heat, shown.live
        assert heat.here == live._step.next_observation
        for state, cell in enumerate(heat.cells):
            if cell.value is not None and not cell.ends:
                assert cell.value == max(live.wiring.agent.q[state])
        seen.append(heat)

    due = [(0, "return"), *((1 + 0.31 * number, look) for number in range(30)), (2, "up"), (3, "up")]
    driven.play(sorted(due, key=lambda one: one[0]), *LAKE, "--blend", "reward_shaping", seconds=12)
    assert len(set(seen)) > 5


def places(sliders: int = 5) -> panels.Layout:
    """Of FrozenLake's window."""
    return panels.layout(SIZE, sliders, (4, 4))


def test_the_mouse_over_the_world_judges(driven: Driven) -> None:
    world, banner = places().world, places().banner
    due = [(0, "return"), (1, click(world.center)), (1.2, click(world.center, 3)), (1.4, click(world.center, 2))]
    driven.play([*due, (1.6, click(banner.center)), (1.8, click(world.topleft))], *LAKE)
    assert driven.values() == [1, -1, 1]


def test_the_hover_strip_judges_by_its_place(driven: Driven) -> None:
    strip = places().hover
    at = [strip.left, strip.left + (strip.width - 1) // 4, strip.centerx, strip.right - 1]
    clicks = [(1 + 0.2 * number, click((x, strip.centery))) for number, x in enumerate(at)]
    outside = [(2, click((strip.left, strip.bottom + 2))), (2.2, click(strip.center, 3))]
    driven.play([(0, "return"), *clicks, *outside], *LAKE)
    assert driven.values() == pytest.approx([-1, -0.5, 0, 1], abs=0.011)


@pytest.mark.parametrize("index", range(5))
def test_a_slider_follows_the_mouse_until_it_is_let_go(index: int, driven: Driven) -> None:
    track = panels.slider_track(places().sliders[index])

    def at(share: float) -> tuple[int, int]:
        return round(track.left + share * (track.width - 1)), track.centery

    def moved(share: float) -> pygame.event.Event:
        return pygame.event.Event(pygame.MOUSEMOTION, pos=at(share), rel=(0, 0), buttons=(1, 0, 0))

    beyond = pygame.event.Event(pygame.MOUSEMOTION, pos=(SIZE[0], 0), rel=(0, 0), buttons=(1, 0, 0))
    due = [(1, click(at(0.25))), (1.2, moved(0.5)), (1.4, beyond), (1.6, click(at(1), 1, pygame.MOUSEBUTTONUP))]
    driven.play([(0, "return"), *due, (1.8, moved(0.1))], *LAKE)
    slider = driven.live.sliders()[index]
    speed = slider.name == "speed"
    values = driven.values("speed") if speed else [value for _, value in driven.values("slider")]
    wide = slider.high - slider.low
    assert values == pytest.approx([slider.low + share * wide for share in (0.25, 0.5, 1)], abs=0.02 * wide)
    assert speed or {name for name, _ in driven.values("slider")} == {slider.name}
    assert slider.value == slider.high
    assert driven.values() == []
    driven.is_readable()


def test_a_slider_that_disappears_under_the_mouse_does_no_harm(driven: Driven) -> None:
    """The weight slider goes with its blend, and the speed slider moves up."""
    track = panels.slider_track(places().sliders[4])
    motion = pygame.event.Event(pygame.MOUSEMOTION, pos=(track.left + 5, track.centery), rel=(0, 0), buttons=(1, 0, 0))
    due = [(0, "return"), (1, click(track.center)), (1.2, "b"), (1.5, motion)]
    driven.play(due, "--blend", "reward_shaping", *LAKE)
    assert driven.live.desk.switch.blend.name == "none"
    driven.is_readable()


@pytest.mark.parametrize(("button", "value"), [(0, 1), (1, -1), (3, 0), (7, None)])
def test_a_gamepad_judges(button: int, value: float | None, driven: Driven) -> None:
    press = pygame.event.Event(pygame.JOYBUTTONDOWN, button=button, joy=0, instance_id=0)
    driven.play([(0, press), (0.5, "return"), (1, press)], *LAKE)
    assert driven.values() == ([] if value is None else [value])


def test_a_gamepad_takes_back(driven: Driven) -> None:
    press = [pygame.event.Event(pygame.JOYBUTTONDOWN, button=button, joy=0, instance_id=0) for button in (0, 2)]
    driven.play([(0, "return"), (1, press[0]), (1.1, press[1])], *LAKE)
    assert len(driven.values("take_back")) == 1


def test_while_you_drive_the_worlds_keys_win(driven: Driven) -> None:
    due = [(0, "return"), (1, "up"), (1.5, "tab"), (2, "up"), (2.2, "/"), (2.4, "left"), (2.6, "z"), (3, "tab")]
    driven.play([*due, (3.3, "up")], *LAKE)
    assert driven.values() == [1, 1, -1, 1]
    assert driven.values("drive") == [3, 0]
    assert [event["value"] for event in driven.log("takeover")] == [True, False]


def test_wait_for_me_by_key_and_by_flag(driven: Driven) -> None:
    driven.play([(0, "return"), (1, "w")], *LAKE, seconds=6)
    assert len(driven.log("step")) <= 7
    driven.play([(0, "return"), (3, "up"), (4, "w")], "--wait", *LAKE, seconds=6)
    assert [event["step"] for event in driven.log("step") if event["t"] < 3.9] == [0, 1]
    assert len(driven.log("step")) > 4


def test_the_window_may_be_resized_and_lose_the_keys(driven: Driven) -> None:
    def resize(shown: Any) -> None:
        pygame.display.set_mode((1200, 800), pygame.RESIZABLE)

    def tiny(shown: Any) -> None:
        pygame.display.set_mode((90, 50), pygame.RESIZABLE)

    kinds = (pygame.WINDOWFOCUSLOST, pygame.WINDOWMINIMIZED, pygame.WINDOWRESTORED, pygame.WINDOWFOCUSGAINED)
    events = [(1.5 + 0.1 * number, pygame.event.Event(kind)) for number, kind in enumerate(kinds)]
    driven.play([(0, "return"), (1, resize), (1.2, "up"), *events, (2.5, tiny), (3, "up")], *LAKE)
    assert driven.values() == [1, 1]


# --- the reaction test -----------------------------------------------------------------------------------------------


def answers(delay: float, most: int = 99) -> list[tuple[float, str]]:
    """Keys that answer the lights of seed 0 after so many seconds; the test begins at 0.5 s."""
    lights = [0.5 + moment for moment in reaction.flashes(teach.live_seed(0))]
    return [(0.5, "t"), *((light + delay, "up") for light in lights[:most])]


def test_a_reaction_test_fits_the_credit_to_the_person(driven: Driven) -> None:
    taught = [(21, "return"), (22.0, "up"), (23.1, "z"), (24, "up")]
    driven.play([*answers(0.4), *taught], *LAKE, seconds=26)
    (event,) = driven.log("reaction")
    assert (event["step"], event["episode"]) == (None, None)
    assert driven.log()[0] == event
    delays = event["value"]
    assert len(delays) >= 6
    assert delays == pytest.approx([0.4] * len(delays), abs=2.1 / 60)
    assert driven.live.wiring.credit.delay.delays == sorted(delays)
    assert driven.values() == [1, -1, 1], "what was pressed in the test is no feedback"
    kept = driven.run / "seed_0" / teach.DELAYS
    assert [float(line) for line in kept.read_text().splitlines()] == delays
    assert f"empirical:file={kept}" in driven.said.out
    driven.is_readable()  # the replay has the very same credit, or it would not end in the same tables
    driven.play([(0, "return"), (1, "up")], "--credit", f"empirical:file={kept}", *LAKE)
    assert driven.live.wiring.credit.delay.delays == sorted(delays)


def test_the_reaction_test_is_the_same_twice(driven: Driven) -> None:
    measured = []
    for _ in range(2):
        driven.play([*answers(0.3), (21, "return")], *LAKE, seconds=22)
        measured.append(driven.values("reaction"))
    assert measured[0] == measured[1]


@pytest.mark.parametrize(("delay", "most"), [(0.4, 4), (0.02, 99), (99.0, 99)])
def test_too_few_usable_presses_keep_the_default(delay: float, most: int, driven: Driven) -> None:
    seen = []

    def look(shown: Any) -> None:
        seen.append(" ".join(shown._notice().lines))

    due = sorted([*answers(delay, most), (20.6, look), (21, "return"), (22, "up")], key=lambda one: one[0])
    driven.play(due, *LAKE, seconds=23)
    assert "too few" in seen[0]
    assert driven.log("reaction") == []
    assert driven.live.wiring.credit.delay == Uniform()
    assert not (driven.run / "seed_0" / teach.DELAYS).exists()
    assert driven.values() == [1]
    driven.is_readable()


def test_return_ends_the_reaction_test_and_a_second_one_replaces_the_first(driven: Driven) -> None:
    first = answers(0.3, 6)
    again = [(moment + 20, key) for moment, key in answers(0.5, 6)]
    due = [*first, (19, "return"), *again, (39, "return"), (39.5, "return"), (41, "up")]
    driven.play(due, *LAKE, seconds=43)
    one, two = driven.values("reaction")
    assert max(one) < min(two)
    assert driven.live.wiring.credit.delay.delays == sorted(two)
    driven.is_readable()


def test_a_credit_without_a_delay_stays_what_it_was(driven: Driven) -> None:
    driven.play([*answers(0.4), (21, "return"), (22, "up")], "--credit", "immediate", *LAKE, seconds=24)
    assert "knows no delay" in driven.window._tested
    assert len(driven.log("reaction")) == 1
    assert [share for _, share in driven.log("feedback")[0]["credit"]] == [1.0]
    driven.is_readable()


def test_escape_leaves_the_reaction_test_and_the_session(driven: Driven) -> None:
    driven.play([*answers(0.4, 3), (8, "escape")], *LAKE, seconds=60)
    assert driven.log() == []
    assert driven.live.wiring.credit.delay == Uniform()


def test_a_gamepad_and_the_mouse_answer_too(driven: Driven) -> None:
    pad = pygame.event.Event(pygame.JOYBUTTONDOWN, button=0, joy=0, instance_id=0)
    kinds = itertools.cycle([pad, click((300, 200))])
    due = [(moment, what if what == "t" else next(kinds)) for moment, what in answers(0.4)]
    driven.play([*due, (21, "return")], *LAKE, seconds=22)
    assert len(driven.values("reaction")[0]) >= 6


# --- every end -------------------------------------------------------------------------------------------------------


def test_escape_ends_the_session_and_saves_it(driven: Driven) -> None:
    driven.play([(0, "return"), (1, "up"), (1.99, "up"), (2, "escape")], *LAKE, seconds=60)
    assert driven.live.clock.now() < 2.1
    assert driven.values() == [1, 1]
    assert read_json(driven.run / "seed_0" / "summary.json")["rewards"] == 2
    driven.is_readable()


def test_escape_before_the_start_leaves_a_run_that_can_be_read(driven: Driven) -> None:
    driven.play([(0.5, "escape")], *LAKE)
    assert driven.log() == []
    driven.is_readable()


def test_closing_the_window_in_mid_update_saves_everything(driven: Driven, parts: Path) -> None:
    """In real time: the learner takes 0.4 s for every update."""
    closed = pygame.event.Event(pygame.QUIT)
    flags = ("--agent", f"{parts}:Slow", "--credit", "immediate", *LAKE)
    driven.play([(0, "return"), (1.2, "up"), (1.3, closed)], *flags, seconds=60, fast=False)
    assert driven.values() == [1]
    driven.is_readable()
    assert read_json(driven.run / "seed_0" / "summary.json")["finished"] is True


def test_an_agent_that_breaks_ends_with_one_line_and_a_readable_run(driven: Driven, parts: Path) -> None:
    due = [(0, "return"), *((0.5 + 0.3 * number, "up") for number in range(10))]
    flags = ("--agent", f"{parts}:Breaks", "--credit", "immediate", *LAKE)
    driven.play(due, *flags, seconds=5, code=2)
    assert driven.said.err.count("\n") == 1
    assert "ZeroDivisionError: five is enough" in driven.said.err
    assert str(driven.run) in driven.said.err
    assert read_json(driven.run / "seed_0" / "summary.json")["finished"] is False
    assert "ZeroDivisionError" in driven.live.view((), True, 1.0, None).message
    assert len(driven.values()) == 10, "what was pressed and counted is in the log"
    driven.is_readable()


def full(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """A disk that is full after so many syncs."""
    count = itertools.count()

    def sync(_: int) -> None:
        if next(count) >= after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", sync)


def test_a_full_disk_ends_the_session_with_one_line(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    full(monkeypatch, after=3)
    due = [(0, "return"), *((0.5 + 0.3 * number, "up") for number in range(10))]
    driven.play(due, *LAKE, seconds=5, code=2)
    assert driven.said.err.count("\n") == 1
    assert "No space left" in driven.said.err
    assert len(driven.values()) >= 3
    monkeypatch.setattr(os, "fsync", lambda _: None)
    assert main(["replay", str(driven.run), "--trust"]) in (0, 1)  # the agent may be ahead of what could be written


def test_a_disk_that_is_full_when_the_agent_is_saved_ends_with_one_line(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = teach.write_arrays

    def write(path: Path, arrays: Any) -> None:
        if path.name == "final.npz":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        save(path, arrays)

    monkeypatch.setattr(teach, "write_arrays", write)
    driven.play([(0, "return"), (1, "up"), (2, "escape")], *LAKE, code=2)
    assert driven.said.err.count("\n") == 1
    assert "No space left" in driven.said.err
    assert driven.values() == [1]


def test_a_world_that_breaks_is_not_called_the_agent(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Any) -> None:
        raise RuntimeError("no picture today")

    def breaks(shown: Any) -> None:
        monkeypatch.setattr(type(shown.live.wiring.env.unwrapped), "render", broken)

    driven.play([(0, "return"), (1, breaks)], *LAKE, code=2)
    assert driven.said.err.count("\n") == 1
    assert "RuntimeError: no picture today" in driven.said.err
    monkeypatch.undo()


def child(line: Sequence[str], **environment: str | None) -> subprocess.Popen[str]:
    given = {**os.environ, **environment}
    return subprocess.Popen(
        [sys.executable, "-m", "hfrl.run", *line],
        cwd=ROOT,
        env={key: value for key, value in given.items() if value is not None},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Tests that run in the background have it ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def test_control_c_saves_everything(tmp_path: Path) -> None:
    keys = tmp_path / "keys.jsonl"
    keys.write_text("".join(json.dumps({"t": t, "key": key}) + "\n" for t, key in [(0, "return"), (0.5, "up")]))
    flags = ["--keys", str(keys), "--duration", "60", "--warmup", "0", "--out", str(tmp_path / "runs"), *LAKE]
    running = child(["play", *flags])
    begun = time.monotonic()
    while not any('"feedback"' in path.read_text() for path in tmp_path.glob("runs/*/*/seed_0/feedback.jsonl")):
        assert time.monotonic() - begun < 60
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert "Traceback" not in out + err
    (run,) = (path.parent for path in tmp_path.glob("runs/*/*/config.json"))
    assert read_arrays(run / "seed_0" / "final.npz")["h_count"].sum() <= 2
    assert main(["replay", str(run)]) == 0


# --- what is refused -------------------------------------------------------------------------------------------------


def test_without_a_display_the_way_out_is_named(tmp_path: Path) -> None:
    running = child(
        ["play", "--warmup", "0", "--out", str(tmp_path)], SDL_VIDEODRIVER=None, DISPLAY=None, WAYLAND_DISPLAY=None
    )
    out, err = running.communicate(timeout=60)
    assert running.returncode == 2
    assert err.count("\n") == 1
    assert "--keys" in err
    assert "SDL_VIDEODRIVER=dummy" in err
    assert out == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--size", "10x10"], "--size"),
        (["--size", "960"], "--size"),
        (["--size", "960x"], "--size"),
        (["--size", "-960x640"], "--size"),
        (["--size", "960x640x3"], "--size"),
        (["--size", "999999x999999"], "size"),
        (["--speed", "0"], "--speed"),
        (["--speed", "31"], "--speed"),
        (["--speed", "-1"], "--speed"),
        (["--speed", "nan"], "--speed"),
        (["--speed", "fast"], "--speed"),
        (["--fast", "--no-duration"], "duration"),
        (["--duration", "-1"], "--duration"),
        (["--at", "-1"], "--at"),
        (["--screenshot", "x.jpg"], "--screenshot"),
        (["--gif", "x.png"], "--gif"),
        (["--warmup", "x"], "--warmup"),
        (["--warmup", "-5"], "--warmup"),
        (["--warmup", "1.5"], "--warmup"),
        (["--load", "nothing"], "nothing"),
        (["--load", "nothing", "--warmup", "5"], "--load"),
        (["--seed", "-1"], "seed"),
        (["--keys", "nothing.jsonl"], "--keys"),
        (["--keymap", "nothing.toml"], "--keymap"),
        (["--env", "NoWorld-v0"], "NoWorld"),
        (["--env", "{parts}:Blind"], "ansi"),
        (["--env", "{parts}:Boxed"], "Discrete"),
        (["--env", "CartPole-v1"], "Discrete"),
        (["--agent", "nobody"], "nobody"),
        (["--blend", "soup"], "soup"),
        (["--credit", "never"], "never"),
        (["--alpha", "2"], "learning_rate"),
        (["--gamma", "x"], "gamma"),
        (["--set", "hope=1"], "hope"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else "",
)
def test_a_bad_flag_is_one_line_and_leaves_no_run(
    flags: list[str], word: str, tmp_path: Path, parts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [flag.replace("{parts}", str(parts)) for flag in flags]
    line = ["play", "--out", str(tmp_path / "runs"), *given]
    defaults = {"--warmup": "0", "--duration": "0.1"}
    for flag, value in defaults.items():
        if flag not in line and not (flag == "--duration" and "--no-duration" in line) and "--load" not in line:
            line += [flag, value]
    line = [word for word in line if word != "--no-duration"]
    code = main(line)
    said = capsys.readouterr()
    assert code == 2, said.out
    assert said.err.count("\n") == 1, said.err
    assert word in said.err
    assert not list((tmp_path / "runs").glob("*/*/config.json"))


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_a_screenshot_and_a_gif_are_written(driven: Driven, tmp_path: Path) -> None:
    shot, gif = tmp_path / "shot.png", tmp_path / "film.gif"
    kept = ("--screenshot", str(shot), "--at", "1.5", "--gif", str(gif), "--size", "1000x700")
    driven.play([(0, "return"), (1, "up")], *kept, *LAKE, seconds=3)
    with Image.open(shot) as image:
        assert image.size == (1000, 700)
        assert len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) > 20
    shown = 0
    with Image.open(gif) as film:
        assert film.size == (500, 350)
        for frame in ImageSequence.Iterator(film):  # equal frames in a row are one that is shown longer
            shown += frame.info["duration"]
    assert shown == pytest.approx(3000, abs=200)


@pytest.mark.parametrize("flag", ["--screenshot", "--gif"])
def test_a_picture_that_cannot_be_written_is_one_line_and_the_session_is_kept(
    flag: str, driven: Driven, tmp_path: Path
) -> None:
    path = tmp_path / "no" / "such" / f"picture.{'png' if flag == '--screenshot' else 'gif'}"
    driven.play([(0, "return"), (0.5, "up")], flag, str(path), "--at", "1", *LAKE, seconds=2, code=2)
    assert driven.said.err.count("\n") == 1
    assert flag in driven.said.err
    driven.is_readable()


def test_cards_are_printed_when_asked_for(driven: Driven) -> None:
    driven.play([(0, "return"), (1, "up")], *LAKE, seconds=3)
    assert "Q(s,a)" not in driven.said.out
    driven.play([(0, "return"), (1, "up")], "--card", "--credit", "immediate", *LAKE, seconds=3)
    cards = [line for line in driven.said.out.splitlines() if "Q(s,a)" in line]
    assert len(cards) == len(driven.log("card")) > 5
    assert cards == driven.values("card")


def test_the_end_names_the_folder_and_the_replay(driven: Driven) -> None:
    driven.play([(0, "return"), (1, "up"), (1.2, "z"), (1.3, "n")], *LAKE)
    assert "1 rewards, 1 penalties, 1 neutral, 0 taken back" in driven.said.out
    assert f"replay {driven.run}" in driven.said.out


# --- a real window ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("xvfb-run") and shutil.which("xdotool")), reason="needs xvfb and xdotool")
def test_real_keys_arrive_and_each_is_logged_once(tmp_path: Path) -> None:
    """An X server without a window manager: the keys go to the window under the pointer."""
    log = tmp_path / "runs/*/*/seed_0/feedback.jsonl"
    script = tmp_path / "type.sh"
    script.write_text(
        f"""set -e
{sys.executable} -m hfrl.run play --warmup 0 --out {tmp_path}/runs --env FrozenLake-v1 > {tmp_path}/out 2>&1 &
child=$!
xdotool mousemove 300 250
for try in $(seq 100); do
    xdotool key Return
    sleep 0.2
    if cat {log} 2>/dev/null | grep -q step; then break; fi
done
sleep 0.5
for press in $(seq 12); do xdotool key Up; sleep 0.07; done
for press in $(seq 7); do xdotool key Down; sleep 0.05; done
xdotool key slash key slash key z key n key 3 key Up key BackSpace
sleep 0.3
xdotool keydown Up; sleep 1.2; xdotool keyup Up
xdotool mousemove 160 200 click 1 click 3
sleep 0.5
xdotool key Escape
sleep 1.5
xdotool key Escape
wait $child
"""
    )
    environment = {key: value for key, value in os.environ.items() if key != "SDL_VIDEODRIVER"}
    done = subprocess.run(
        ["xvfb-run", "-a", "-s", "-screen 0 1280x800x24", "bash", str(script)],
        cwd=ROOT,
        env=environment | {"SDL_VIDEO_WINDOW_POS": "0,0", "SDL_VIDEODRIVER": "x11"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = (tmp_path / "out").read_text()
    assert done.returncode == 0, done.stderr + said
    (found,) = tmp_path.glob("runs/*/*/config.json")
    events = teach.read_log(found.parent / "seed_0" / "feedback.jsonl")
    values = [event["value"] for event in events if event["event"] == "feedback"]
    assert values == [1] * 12 + [-1] * 7 + [1, 1, -1, 0, 3] + [3] + [3, -3]
    assert sum(event["event"] == "take_back" for event in events) == 1
    assert main(["replay", str(found.parent)]) == 0
