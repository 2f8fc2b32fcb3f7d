"""The teaching window: pumps events, turns keys into deeds, draws. The person and the loop live in ``hfrl.session``.

Everything runs in the main thread but the learner, so that a slow update delays the next step, never an event, an echo
or a frame.
"""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pygame

from hfrl import panels
from hfrl.live import Live
from hfrl.reaction import Reaction
from hfrl.reading import is_finite, named, parse_json, read_text, read_toml
from hfrl.registry import nearest
from hfrl.session import FrameClock
from hfrl.types import UserError
from hfrl.view import Notice

FRAMES_PER_SECOND = 60
FRAME = 1 / FRAMES_PER_SECOND
HEADLESS = "for a scripted session set SDL_VIDEODRIVER=dummy and give --keys FILE --duration S"

#: What each key does. Several keys may do one thing; one key never does two.
KEYS: Mapping[str, Sequence[str]] = {
    "reward": ("up", "/", "keypad +"),
    "penalty": ("down", "z", "keypad -"),
    "neutral": ("n",),
    "strength_1": ("1",),
    "strength_2": ("2",),
    "strength_3": ("3",),
    "take_back": ("backspace",),
    "teaching": ("space",),
    "pause": ("p",),
    "single_step": (".",),
    "slower": ("-",),
    "faster": ("=",),
    "takeover": ("tab",),
    "blend": ("b",),
    "end_episode": ("r",),
    "wait_for_me": ("w",),
    "unpleasant": ("x",),
    "uncertainty": ("u",),
    "map": ("m",),
    "help": ("h",),
    "reaction": ("t",),
    "start": ("return",),
    "quit": ("escape",),
}
#: A mouse button over the world, and a button of a gamepad.
MOUSE = {1: "reward", 3: "penalty"}
PAD = {0: "reward", 1: "penalty", 2: "take_back", 3: "neutral"}
MAP = "map of values"
LEGEND = (
    ("up /", "reward"),
    ("down z", "penalty"),
    ("1 2 3", "strength"),
    ("n", "neutral"),
    ("backspace", "take back"),
    ("space", "teaching on/off"),
    ("p  .", "pause, one step"),
    ("-  =", "speed"),
    ("tab", "take over"),
    ("b", "next blend"),
    ("w", "wait for me"),
    ("x", "the unpleasant: on, gone"),
    ("m", MAP),
    ("r", "end episode"),
    ("h", "help"),
    ("esc", "quit"),
)
START = (
    "The agent acts by itself and is paid by a formula.",
    "You see what the formula cannot: say so.",
    "up /   you like what it did",
    "down z   you do not",
    "backspace   that press never was",
    "tab   you drive, and hand back",
    "p   pause",
    "h   all keys",
    "t   a test of 20 s first, if you like: credit then goes by how fast you are",
    "esc   quit; everything is saved",
)
REACT = "Press any key but RETURN as soon as the box lights up."
STRENGTHS = {"strength_1": 1.0, "strength_2": 2.0, "strength_3": 3.0}
SPEED_STEP = 1.25
SPEEDS = (0.5, 30.0)


class Script(NamedTuple):
    """A session that is driven by a file: keys at times, how long, and what to keep of it.

    Attributes:
        keys: (seconds from the first frame, key's name), in order.
        duration: seconds after which the session ends; None runs until the person quits.
        screenshot, at: save the window at that second.
        gif: save what the window showed, ten frames a second.
    """

    keys: Sequence[tuple[float, str]] = ()
    duration: float | None = None
    screenshot: Path | None = None
    at: float | None = None
    gif: Path | None = None


def read_keymap(path: str) -> dict[str, Sequence[str]]:
    """A key map from a TOML file: ``reward = ["up", "/"]``; what it leaves out stays. Raises UserError."""
    result = dict(KEYS)
    with named("--keymap"):
        content = read_toml(Path(path))
    for deed, names in content.items():
        if deed not in KEYS:
            raise UserError(f"--keymap {path!r}: unknown deed {deed!r}{nearest(deed, KEYS)}")
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise UserError(f'--keymap {path!r}: {deed} needs a list of keys, such as ["up", "/"]')
        result[deed] = names
    return result


def check_keys(keys: Mapping[str, Sequence[str]], driving: Mapping[str, int]) -> dict[str, str]:
    """From key to deed, by pygame's names. Raises UserError for a key with two meanings, a name that is no key, or a
    world whose own keys leave a driver no way to judge, to hand back or to quit."""
    meaning: dict[str, str] = {}
    taken: dict[int, str] = {}
    own = {key_code(name) for name in driving}
    for deed, names in keys.items():
        for name in names:
            code = key_code(name)
            if code is None:
                raise UserError(f"key map: {name!r} (for {deed}) is no key")
            if code in taken:
                raise UserError(f"key map: {name!r} would mean both {taken[code]} and {deed}")
            meaning[name] = taken[code] = deed
    for deed in ("reward", "penalty", "takeover", "quit"):
        if all(key_code(name) in own for name in keys[deed]):
            raise UserError(
                f"key map: while you drive, the world's own keys hide all of {deed}: {', '.join(keys[deed])}"
            )
    return meaning


def key_code(name: str) -> int | None:
    """The code of a key by pygame's name, upper and lower case alike; None where there is no such key."""
    try:
        return pygame.key.key_code(name)
    except ValueError:
        return None


def read_keys(path: str) -> list[tuple[float, str]]:
    """A key file: lines of ``{"t": seconds, "key": "up"}``. Raises UserError with the line."""
    keys = []
    with named("--keys"):
        lines = read_text(Path(path)).splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = parse_json(line)
            moment, name = entry["t"], entry["key"]
            if not is_finite(moment) or moment < 0:
                raise ValueError(f"t must be 0 or more seconds, got {moment!r}")
            if not isinstance(name, str) or key_code(name) is None:
                raise ValueError(f"{name!r} is no key")
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f'--keys {path!r}, line {number}: expected {{"t": seconds, "key": "up"}}: {error}'
            ) from error
        keys.append((moment, name))
    return sorted(keys, key=lambda key: key[0])


def check_display() -> None:
    """Start the display. Raises UserError where no window can be opened."""
    wanted = os.environ.get("SDL_VIDEODRIVER")
    if sys.platform == "linux" and not (wanted or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise UserError(f"there is no display for the window; {HEADLESS}")
    try:
        pygame.display.init()
    except pygame.error as error:
        raise UserError(f"no window can be opened ({error}); {HEADLESS}") from error


class Window:
    """One window on one live session."""

    def __init__(self, live: Live, script: Script, size: tuple[int, int], keys: Mapping[str, Sequence[str]]) -> None:
        self.live = live
        self.script = script
        self.blends = [blend.name for blend in live.desk.blends]
        driving = driving_keys(live.wiring.env)
        self._meaning = {key_code(name): deed for name, deed in check_keys(keys, driving).items()}
        self._driving_keys = {key_code(name): action for name, action in driving.items()}
        self._size = size
        self._strength = 1.0
        self._help = False
        self._arrived = False
        self._ending: Notice | None = None
        self._quit = False
        self._picture: pygame.Surface | None = None
        self._frame: Any = None
        self._grabbed: int | None = None
        self._uncertainty = False
        self._map = True
        self._started = time.monotonic()
        self._frame_time = 0.0
        self._test: Reaction | None = None
        self._tested = ""
        self._frames: list[pygame.Surface] = []
        self._pending = list(script.keys)
        self._shot = False

    # --- the main loop -----------------------------------------------------------------------------------------------

    def run(self, end_notice: Any) -> None:
        """Show the session until it ends. ``end_notice()`` saves everything and returns the end card."""
        try:
            screen = pygame.display.set_mode(self._size, pygame.RESIZABLE)
        except pygame.error as error:
            raise UserError(f"no window can be opened ({error}); {HEADLESS}") from error
        pygame.display.set_caption(f"hfrl: {self.live.actions and self.live.wiring.env}"[:80])
        pygame.key.set_repeat(0)
        pads = open_pads()
        self._started = time.monotonic()
        clock = pygame.time.Clock()
        now = 0.0
        try:
            while not self._quit:
                self._post_due(now)
                for event in pygame.event.get():
                    self._handle(event)
                if self._test is not None and not self._test.left(self._now()):
                    self._end_test()
                self._draw(screen)
                self._keep(screen, now)
                if self.script.duration is not None and now >= self.script.duration:
                    break
                if self.live.started and not self.live.running and self.live.failed is None:
                    break  # a recorded session is over
                if isinstance(self.live.clock, FrameClock):
                    now = self._frame_time = now + FRAME
                    self._advance()
                else:
                    clock.tick(FRAMES_PER_SECOND)
                    now = self._now()
            self.live.stop()
            self._ending = end_notice()
            if self.script.duration is None and not self._quit_for_good:
                self._show_ending(screen, clock)
        finally:
            self.live.stop()
            for pad in pads:
                pad.quit()
            pygame.display.quit()
        self._write_gif()

    _quit_for_good = False

    def _now(self) -> float:
        """Seconds since the first frame: of the simulated clock's frames, or of this very moment."""
        return self._frame_time if isinstance(self.live.clock, FrameClock) else time.monotonic() - self._started

    def _advance(self) -> None:
        clock, person = self.live.clock, self.live.person
        assert isinstance(clock, FrameClock)
        if self.live.started:
            clock.advance(person.condition, FRAME)
            clock.settle(person.condition)

    def _show_ending(self, screen: pygame.Surface, clock: pygame.time.Clock) -> None:
        """The end card, until a key is pressed or the window is closed. Everything is saved already."""
        while True:
            for event in pygame.event.get():
                if event.type in (pygame.QUIT, pygame.KEYDOWN):
                    return
            self._draw(screen)
            clock.tick(30)

    def _post_due(self, now: float) -> None:
        """Scripted keys become real events in the queue, and take the same way as a person's."""
        while self._pending and self._pending[0][0] <= now:
            _, name = self._pending.pop(0)
            for kind in (pygame.KEYDOWN, pygame.KEYUP):
                pygame.event.post(pygame.event.Event(kind, key=pygame.key.key_code(name), mod=0, unicode=""))

    # --- events ------------------------------------------------------------------------------------------------------

    def _handle(self, event: pygame.event.Event) -> None:
        if event.type == pygame.QUIT:
            self._quit = self._quit_for_good = True
        elif event.type == pygame.KEYDOWN:
            self._key(event.key)
        elif event.type == pygame.MOUSEBUTTONDOWN:
            self._mouse_down(event.pos, event.button)
        elif event.type == pygame.JOYBUTTONDOWN and event.button in PAD:
            if self.live.started:
                self._deed(PAD[event.button])
            elif self._test is not None:
                self._test.press(self._now())
        elif event.type == pygame.MOUSEBUTTONUP and event.button == 1:
            self._grabbed = None
        elif event.type == pygame.MOUSEMOTION and self._grabbed is not None:
            self._slide(event.pos)

    def _key(self, code: int) -> None:
        self._arrived = True
        deed = self._meaning.get(code)
        if not self.live.started:
            self._before_start(deed)
            return
        if self.live.desk.driving and code in self._driving_keys:
            self.live.person.do("drive", self._driving_keys[code])
        elif deed is not None:
            self._deed(deed)

    def _before_start(self, deed: str | None) -> None:
        """Keys while the start card or the reaction test is on the screen."""
        if deed == "quit":
            self._quit = True
        elif self._test is not None and deed == "start":
            self._end_test()
        elif self._test is not None:
            self._test.press(self._now())
        elif deed == "start":
            self.live.start()
        elif deed == "reaction":
            self._test = Reaction(self.live.wiring.seed, self._now())

    def _end_test(self) -> None:
        assert self._test is not None
        self._tested = self.live.measured(self._test.delays)
        self._test = None

    def _deed(self, deed: str) -> None:
        live, person = self.live, self.live.person
        if deed == "reward":
            live.press(self._strength)
        elif deed == "penalty":
            live.press(-self._strength)
        elif deed == "neutral":
            live.press(0.0)
        elif deed in STRENGTHS:
            self._strength = STRENGTHS[deed]
        elif deed == "take_back":
            live.take_back()
        elif deed == "teaching":
            person.do("teaching", not person.wanted("teaching", live.desk.teaching))
        elif deed == "pause":
            person.do("pause", not person.wanted("pause", person.paused))
        elif deed == "takeover":
            person.do("takeover", not person.wanted("takeover", live.desk.driving))
        elif deed == "unpleasant":
            person.do("unpleasant", not person.wanted("unpleasant", live.desk.unpleasant))
        elif deed in ("single_step", "end_episode"):
            person.do(deed)
        elif deed in ("slower", "faster"):
            factor = SPEED_STEP if deed == "faster" else 1 / SPEED_STEP
            person.do("speed", min(SPEEDS[1], max(SPEEDS[0], person.wanted("speed", person.speed) * factor)))
        elif deed == "blend":
            at = self.blends.index(person.wanted("blend", live.desk.switch.blend.name))
            person.do("blend", self.blends[(at + 1) % len(self.blends)])
        else:
            self._own(deed)

    def _own(self, deed: str) -> None:
        """What concerns the window alone."""
        if deed == "help":
            self._help = not self._help
        elif deed == "uncertainty":
            self._uncertainty = not self._uncertainty
        elif deed == "map":
            self._map = not self._map
        elif deed == "wait_for_me":
            self.live.person.wait_for_me = not self.live.person.wait_for_me
        elif deed == "quit":
            self._quit = True

    def _mouse_down(self, position: tuple[int, int], button: int) -> None:
        layout = self._layout()
        if not self.live.started:
            if self._test is not None:
                self._test.press(self._now())
            return
        if layout.world.collidepoint(position) and button in MOUSE:
            self._deed(MOUSE[button])
        if button != 1:
            return
        value = panels.hover_value(layout, position)
        if value is not None:
            self.live.press(round(value, 2))
            return
        for index, rect in enumerate(layout.sliders):
            if rect.collidepoint(position):
                self._grabbed = index
                self._slide(position)

    def _slide(self, position: tuple[int, int]) -> None:
        layout = self._layout()
        if self._grabbed is None or self._grabbed >= len(layout.sliders):
            return  # it went with its blend
        rect = layout.sliders[self._grabbed]
        track = panels.slider_track(rect)
        inside = (min(max(position[0], track.left), track.right - 1), rect.centery)
        moved = panels.slider_at(layout, self._view(), inside)
        if moved is None:
            return
        name, value = moved
        if name == "speed":
            self.live.person.do("speed", round(value, 3))
        else:
            self.live.person.do("slider", [name, round(value, 3)])

    # --- drawing -----------------------------------------------------------------------------------------------------

    def _layout(self) -> panels.Layout:
        ground = self.live.ground if self._map and self.live.stage.seen is not None else None
        shape = None if ground is None else ground.shape
        return panels.layout(pygame.display.get_window_size(), len(self.live.sliders()), shape)

    def _notice(self) -> Notice | None:
        if self._ending is not None:
            return self._ending
        if not self.live.started:
            return self._start_notice()
        if self._help:
            return Notice("Keys", [f"{key}   {deed}" for key, deed in self._legend()], "press H to go on")
        return None

    def _start_notice(self) -> Notice:
        """The start card, or the reaction test."""
        if self._test is not None:
            now = self._now()
            lit = self._test.look(now)
            lines = (REACT, f"{self._test.left(now):.0f} s to go, {len(self._test.delays)} presses measured")
            return Notice("How fast are you?", lines, "RETURN ends the test", flash=lit)
        words = (*START, "", self._tested) if self._tested else START
        return Notice("Teach the agent", words, "press RETURN to begin", self._arrived)

    def _view(self) -> Any:
        focused = bool(pygame.key.get_focused()) or os.environ.get("SDL_VIDEODRIVER") == "dummy"
        view = self.live.view(self._legend(), focused, self._strength, self._notice())
        return view._replace(show_uncertainty=self._uncertainty, heat=view.heat if self._map else None)

    def _legend(self) -> list[tuple[str, str]]:
        return [(key, deed) for key, deed in LEGEND if deed != MAP or self.live.ground is not None]

    def _draw(self, screen: pygame.Surface) -> None:
        frame = self.live.picture
        if frame is not self._frame or self._picture is None:
            self._frame = frame
            array = np.zeros((64, 64, 3), np.uint8) if frame is None else np.asarray(frame)
            self._picture = pygame.image.frombuffer(array.tobytes(), (array.shape[1], array.shape[0]), "RGB")
        panels.draw(screen, self._picture, self._view())
        pygame.display.flip()

    # --- what is kept ------------------------------------------------------------------------------------------------

    def _keep(self, screen: pygame.Surface, now: float) -> None:
        script = self.script
        if script.screenshot is not None and not self._shot and now >= (script.at or 0.0):
            self._shot = True
            try:
                pygame.image.save(screen, str(script.screenshot))
            except pygame.error as error:
                raise UserError(f"--screenshot {str(script.screenshot)!r} cannot be written: {error}") from error
        if script.gif is not None and int(now * 10) >= len(self._frames):
            self._frames.append(
                pygame.transform.smoothscale(screen, (screen.get_width() // 2, screen.get_height() // 2))
            )

    def _write_gif(self) -> None:
        if self.script.gif is None or not self._frames:
            return
        from PIL import Image

        images = [
            Image.frombytes("RGB", frame.get_size(), pygame.image.tobytes(frame, "RGB")) for frame in self._frames
        ]
        try:
            images[0].save(self.script.gif, save_all=True, append_images=images[1:], duration=100, loop=0)
        except (OSError, ValueError) as error:
            raise UserError(f"--gif {str(self.script.gif)!r} cannot be written: {error}") from error


def open_pads() -> list[Any]:
    """The gamepads that are plugged in; they must be held to be heard."""
    pygame.joystick.init()
    return [pygame.joystick.Joystick(number) for number in range(pygame.joystick.get_count())]


def driving_keys(env: Any) -> dict[str, int]:
    """The world's own keys, by pygame's names; arrows where it has none and its actions have directions."""
    own = getattr(env.unwrapped, "get_keys_to_action", None)
    if own is not None:
        return {_name(key): int(action) for key, action in own().items() if len(key) == 1}
    from hfrl.live import action_names

    words = {"left": "left", "right": "right", "up": "up", "down": "down", "push left": "left", "push right": "right"}
    words |= {
        "north": "up",
        "south": "down",
        "east": "right",
        "west": "left",
        "coast": "down",
        "hit": "up",
        "stick": "down",
    }
    words |= {"pick up": "u", "drop off": "d"}
    return {words[name]: action for action, name in enumerate(action_names(env)) if name in words}


def _name(chord: Any) -> str:
    """pygame's name of a chord of one key, which Gymnasium writes as a letter or a code."""
    (key,) = chord
    return key if isinstance(key, str) else pygame.key.name(key)
