"""The teaching window: nothing overlaps, nothing leaves its place, and golden images of what a person sees.

The golden images are written anew by::

    HFRL_WRITE_GOLDEN=1 python -m pytest tests/test_panels.py -k golden

Look at what changed before you keep it.
"""

import functools
import itertools
import math
import os
from collections import deque
from pathlib import Path
from typing import Any

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")

import numpy as np
import pygame
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from hfrl import panel_heat, panel_parts, panels
from hfrl.envs import recipe
from hfrl.envs.painters import pizza
from hfrl.view import Bar, Card, Counts, Echo, Heat, HeatCell, Notice, Slider, View

GOLDEN = Path(__file__).parent / "golden"
WRITE = "HFRL_WRITE_GOLDEN"
UNPAINTED = (255, 0, 255)
SIZES = ((800, 600), (960, 640), (1600, 1000))
USUAL = (960, 640)
HUGE = -1234.56

KEYS = (
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
    ("r", "end episode"),
    ("h", "help"),
    ("esc", "quit"),
)
SLIDERS = (
    Slider("epsilon", 0.1, 0.0, 1.0),
    Slider("alpha", 0.5, 0.0, 1.0),
    Slider("gamma", 0.95, 0.0, 1.0),
    Slider("blend weight", 0.5, 0.0, 2.0),
    Slider("speed", 3.3, 0.5, 30.0),
)
Q = (4.5, 5.9, -2.65, 4.8, 7.8, 7.4, 3.9, -2.8)
H = (0.0, 0.5, -0.1, 0.0, -0.6, -0.2, 0.0, -0.5)
JUDGED = (0, 8, 3, 0, 7, 1, 0, 4)
BARS = tuple(
    Bar(name, q, h, judged, name == "bake a minute")
    for name, q, h, judged in zip(recipe.DEEDS, Q, H, JUDGED, strict=True)
)
CARD = Card("bake a minute", 0.42, 0.51, -1.0, 0.8, 0.9, 0.3, 1.24, False, False)
ENDED = CARD._replace(terminated=True, target=-0.2)
CUT = CARD._replace(truncated=True)
#: Made by a formula, so that the golden image is the same on every machine.
WORLD_CURVE = tuple(6 - 14 * math.exp(-i / 25) + 1.5 * math.sin(7.3 * i * i) for i in range(80))
HUMAN_CURVE = tuple(2 - 3 * math.exp(-i / 15) + 0.7 * math.sin(3.1 * i * i) for i in range(80))
VIEW = View(
    world="hfrl/Pizza-v0",
    mode="TEACHING",
    action="bake a minute",
    step=7,
    episode=81,
    world_return=-0.9,
    human_return=2.6,
    counts=Counts(41, 17, 3, 2, 14.2),
    blend="reward_shaping",
    weight=0.5,
    epsilon=0.1,
    gamma=0.95,
    alpha=0.5,
    speed_wanted=3.3,
    speed_real=3.2,
    focused=True,
    strength=1.0,
    bars=BARS,
    sliders=SLIDERS,
    world_curve=WORLD_CURVE,
    human_curve=HUMAN_CURVE,
    keys=KEYS,
    card=CARD,
)
ECHO = Echo(1.0, 0.05, "credited to: bake a minute 70 %, sauce 30 %", "H(bake a minute) +0.20")
START = Notice(
    "Teach the agent",
    ("Watch what it does and judge it, right when you see it.", "", "up /   good: more of this", "down z   bad"),
    "press return to begin",
    False,
)
EMPTY = VIEW._replace(bars=(), sliders=(), world_curve=(), human_curve=(), keys=(), card=None)
EXTREME = VIEW._replace(
    mode="YOU DRIVE",
    action="put the pineapple on the pizza with both hands",
    step=1234567,
    episode=999999,
    world_return=HUGE,
    human_return=HUGE,
    counts=Counts(123456, 99999, 12345, 56789, 1234.5),
    blend="reward_shaping+action_biasing+control_sharing",
    weight=0.3333,
    epsilon=0.0123,
    alpha=0.000123,
    gamma=0.9999,
    speed_wanted=1234.5,
    speed_real=1234.4,
    focused=False,
    strength=123.4,
    bars=[Bar("bake a minute for a very long time", HUGE * 10 - i, -HUGE * i, 12345, i == 11) for i in range(12)],
    sliders=[Slider("a slider with a very long name", HUGE, -9999.0, 0.0) for _ in range(5)],
    world_curve=[HUGE * (i % 7) for i in range(5000)],
    human_curve=[-HUGE * 100 * (i % 5) for i in range(5000)],
    echo=Echo(HUGE, 0.0, "credited to: " + "roll dough 10 %, " * 12, "H(bake a minute) −1234.56 " * 9),
    card=Card("bake a minute for a very long time", HUGE, HUGE, HUGE, HUGE, 0.9999, HUGE, HUGE, True, False),
    message="the log could not be written to " + "a/very/long/path/" * 9,
)
BROKEN = VIEW._replace(
    mode="SOMETHING ELSE",
    world_return=math.nan,
    human_return=-math.inf,
    bars=[Bar("left", math.nan, math.inf, 0, True), Bar("right", 0.0, 0.0, 0, False)],
    sliders=[Slider("stuck", math.nan, 1.0, 1.0)],
    world_curve=deque([math.nan, 1.0, math.inf], maxlen=9),
    human_curve=np.array([2.0]),
    card=Card("", math.nan, math.inf, 0.0, 0.0, 0.0, 0.0, 0.0, True, True),
)


def heat_map(rows: int, columns: int) -> Heat:
    """A map made by a formula, with a wall, an end, ties, an action that stays, and judgements."""
    ways = ((0, 1), (1, 0), (0, -1), (-1, 0))
    cells = [
        HeatCell(math.sin(index * 0.7) * 3, (ways[index % 4],), judged=index % 5) for index in range(rows * columns)
    ]
    odd = (HeatCell(1.0, ways, undecided=True), HeatCell(2.0, (ways[0], ways[3])), HeatCell(1.5, ((0, 0),)))
    cells[:6] = [HeatCell(None), HeatCell(0.0, (), ends=True), *odd, HeatCell(0.5, ((0, 0), ways[2]))]
    return Heat(rows, columns, tuple(cells), rows * columns - 2, True)


SQUARE, WIDE = heat_map(4, 4), heat_map(3, 10)
MAPPED = VIEW._replace(heat=SQUARE)


@functools.cache
def world() -> pygame.Surface:
    surface = pygame.Surface(pizza.SIZE, 0, 32)
    pizza.draw(surface, recipe.encode(recipe.PizzaState(True, True, True, False, False, False, recipe.RAW)))
    return surface


def drawn(view: View, size: tuple[int, int] = USUAL, picture: pygame.Surface | None = None) -> NDArray[np.int64]:
    """The window as (height, width, 3)."""
    surface = pygame.Surface(size, 0, 32)
    surface.fill(UNPAINTED)
    panels.draw(surface, picture or world(), view)
    return pygame.surfarray.array3d(surface).transpose(1, 0, 2).astype(int)


def changed(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
    return (one != other).any(axis=2)


def cells(room: pygame.Rect) -> tuple[slice, slice]:
    return slice(room.top, room.bottom), slice(room.left, room.right)


def box_of_sliders(places: panels.Layout) -> pygame.Rect:
    """The sliders with their box, which ends where the panel ends."""
    top = places.sliders[0].top
    return pygame.Rect(places.panel.left, top, places.panel.width, places.panel.bottom - top)


# -- the layout


@settings(max_examples=300, deadline=None)
@given(
    st.integers(800, 2560),
    st.integers(600, 1440),
    st.integers(0, 8),
    st.none() | st.tuples(st.integers(1, 40), st.integers(1, 40)),
)
def test_nothing_overlaps_and_all_is_inside_the_window(
    wide: int, high: int, sliders: int, grid: tuple[int, int] | None
) -> None:
    places = panels.layout((wide, high), sliders, grid)
    window = pygame.Rect(0, 0, wide, high)
    sides = (places.world, places.banner, places.strip, places.panel, places.legend)
    if places.heat.width:
        assert grid is not None
        assert window.contains(places.heat)
        assert not any(places.heat.colliderect(room) for room in sides)
        assert places.world.width * places.world.height > places.heat.width * places.heat.height
        places = panels.layout((wide, high), sliders)  # the other rooms are the same ones, and the world's held both
        sides = (places.world, *sides[1:])
    else:
        assert places.world == panels.layout((wide, high), sliders).world
    stack = (places.card, places.bars, places.curve, *places.sliders)
    for family, parent in ((sides, window), (stack, places.panel), ((places.hover,), places.strip)):
        for room in family:
            assert parent.contains(room)
            assert min(room.size) >= 10
        for one, other in itertools.combinations(family, 2):
            assert not one.colliderect(other)
    assert len(places.sliders) == sliders
    others = (*sides[1:], *stack)
    assert all(places.world.width * places.world.height > room.width * room.height for room in others)
    assert places.world.left < 20
    assert places.world.top < 20


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 799), st.integers(1, 599))
def test_a_small_window_shows_at_least_the_world(wide: int, high: int) -> None:
    image = drawn(VIEW, (wide, high))
    assert not (image == UNPAINTED).all(axis=2).any()


def test_hover_value_by_hand() -> None:
    places = panels.layout(USUAL, 5)
    left, right, middle = places.hover.left, places.hover.right - 1, places.hover.centery
    assert panels.hover_value(places, (left, middle)) == -1.0
    assert panels.hover_value(places, (right, middle)) == 1.0
    assert panels.hover_value(places, (left + (right - left) // 2, middle)) == pytest.approx(0.0, abs=0.003)
    assert panels.hover_value(places, (left + (right - left) * 3 // 4, middle)) == pytest.approx(0.5, abs=0.005)
    for outside in ((left - 1, middle), (right + 1, middle), (left, places.hover.top - 1), (left, places.hover.bottom)):
        assert panels.hover_value(places, outside) is None


def test_slider_at_by_hand() -> None:
    places = panels.layout(USUAL, len(SLIDERS))
    for room, slider in zip(places.sliders, SLIDERS, strict=True):
        track = panels.slider_track(room)
        assert room.contains(track)
        assert panels.slider_at(places, VIEW, (track.left, room.centery)) == (slider.name, slider.low)
        assert panels.slider_at(places, VIEW, (track.right - 1, room.centery)) == (slider.name, slider.high)
        name, value = panels.slider_at(places, VIEW, (track.left + (track.width - 1) // 2, room.centery)) or ("", 0.0)
        assert name == slider.name
        assert value == pytest.approx((slider.low + slider.high) / 2, rel=0.02)
        # A little beyond the end is the end; the name and the number are not the slider.
        assert panels.slider_at(places, VIEW, (track.left - 2, room.centery)) == (slider.name, slider.low)
        assert panels.slider_at(places, VIEW, (room.left + 2, room.centery)) is None
        assert panels.slider_at(places, VIEW, (room.right - 2, room.centery)) is None
    assert panels.slider_at(places, VIEW, places.world.center) is None


def test_a_knob_is_where_a_click_would_put_it() -> None:
    places = panels.layout(USUAL, len(SLIDERS))
    track = panels.slider_track(places.sliders[0])
    for x in (track.left + 10, track.centerx, track.right - 10):
        _, value = panels.slider_at(places, VIEW, (x, track.centery)) or ("", 0.0)
        moved = drawn(VIEW._replace(sliders=(SLIDERS[0]._replace(value=value), *SLIDERS[1:])))
        gold = np.abs(moved[track.centery, track.left - 12 : track.right + 12] - panel_parts.GOLD[:3]).max(axis=1) < 20
        assert track.left - 12 + np.flatnonzero(gold).mean() == pytest.approx(x, abs=1.0)


# -- golden images


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("window_teaching", VIEW._replace(echo=ECHO, card=ENDED)),
        (
            "window_paused",
            VIEW._replace(
                mode="PAUSED",
                card=CUT,
                bars=[bar._replace(chosen=bar.action == "olive") for bar in BARS[2:6]],
                echo=ECHO._replace(value=-0.5, age=2.0, changed="H(bake a minute) −0.10"),
                focused=False,
                blend="reward_shaping+action_biasing",
                message="paused: press p to go on",
                show_uncertainty=True,
            ),
        ),
        ("window_map", MAPPED._replace(show_uncertainty=True)),
        ("window_wide_map", VIEW._replace(heat=WIDE)),
        ("window_start", EMPTY._replace(mode="WATCHING", keys=KEYS, sliders=SLIDERS, counts=Counts(), notice=START)),
    ],
)
def test_golden_image(name: str, view: View) -> None:
    image = drawn(view)
    path = GOLDEN / f"{name}.png"
    if os.environ.get(WRITE):
        Image.fromarray(image.astype(np.uint8)).save(path, optimize=True)
        pytest.skip(f"wrote {path.name}")
    kept = np.asarray(Image.open(path).convert("RGB"))
    assert image.shape == kept.shape
    off = np.abs(image - kept)
    assert off.mean() < 2, f"run with {WRITE}=1 if the window was meant to change"
    assert (off.max(axis=2) > 40).mean() <= 0.01, f"run with {WRITE}=1 if the window was meant to change"


# -- everything stays in its place


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "view", [VIEW, EMPTY, MAPPED, EXTREME._replace(heat=WIDE), EXTREME, BROKEN, EXTREME._replace(notice=START)]
)
def test_every_view_is_drawn_at_every_size(size: tuple[int, int], view: View) -> None:
    assert not (drawn(view, size) == UNPAINTED).all(axis=2).any()


@pytest.mark.parametrize("size", [*SIZES, (800, 1440), (2560, 600)])
@pytest.mark.parametrize(
    ("fields", "places"),
    [
        (("card",), ("card",)),
        (("bars",), ("bars",)),
        (("world_curve", "human_curve", "world_return", "human_return"), ("curve",)),
        (("action", "step", "episode", "counts", "blend", "weight", "epsilon", "alpha", "gamma", "strength",
          "speed_wanted", "speed_real"), ("strip",)),
        (("echo", "message"), ("strip", "world")),
        (("mode", "focused"), ("banner", "world")),
        (("sliders",), ("sliders",)),
    ],
)  # fmt: skip
def test_what_is_drawn_stays_in_its_place(
    size: tuple[int, int], fields: tuple[str, ...], places: tuple[str, ...]
) -> None:
    """Whatever the numbers and words are, only the pixels of their own rectangle change."""
    odd = VIEW._replace(**{field: getattr(EXTREME, field) for field in fields})
    different = changed(drawn(VIEW, size), drawn(odd, size))
    assert different.any()
    where = panels.layout(size, len(SLIDERS))
    for place in places:
        different[cells(box_of_sliders(where) if place == "sliders" else getattr(where, place))] = False
    assert not different.any()


def test_the_hover_strip_stays_free() -> None:
    strip = cells(panels.layout(USUAL, len(SLIDERS)).hover)
    assert not changed(drawn(VIEW), drawn(EXTREME))[strip].any()


@settings(max_examples=150, deadline=None)
@given(
    st.text(max_size=40),
    st.integers(6, 40),
    st.integers(4, 200),
    st.integers(4, 40),
    st.sampled_from(["left", "middle", "right"]),
)
def test_words_stay_in_their_room(words: str, size: int, wide: int, high: int, align: panel_parts.Align) -> None:
    surface = pygame.Surface((260, 100), 0, 32)
    surface.fill(UNPAINTED)
    room = pygame.Rect(30, 30, wide, high)
    taken = panel_parts.label(surface, room, words, size, panel_parts.INK, align)
    assert room.left <= taken.left <= taken.right <= room.right
    image = pygame.surfarray.array3d(surface).transpose(1, 0, 2)
    over = 3 + size // 6  # a hook such as j's or an accent may reach a little further
    image[30 - over : 30 + high + over, 27 : 33 + wide] = UNPAINTED
    assert (image == UNPAINTED).all()


def test_a_number_is_never_cut() -> None:
    """Half a number is a wrong number."""
    surface = pygame.Surface((100, 40), 0, 32)
    for room in range(30, 90, 10):
        words, size = panel_parts.fit("−1234.56", 20, room, panel_parts.SMALLEST)
        assert words == "−1234.56"
        assert panel_parts.width(words, size) <= room
    taken = panel_parts.figure(surface, pygame.Rect(0, 0, 40, 30), "−1234.56", 20, panel_parts.INK)
    assert 30 < taken.width <= 40


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0.00"), (-0.0, "0.00"), (-0.001, "0.00"), (-1.0, "−1.00"), (HUGE, "−1234.56"), (1e9, "1.0e+09"),
     (math.nan, "nan"), (-math.inf, "−inf")],
)  # fmt: skip
def test_numbers_in_words(value: float, words: str) -> None:
    assert panel_parts.number(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0.00"), (0.5, "0.50"), (0.95, "0.95"), (0.999, "0.999"), (0.01, "0.01"), (0.0003, "0.0003"), (3.3, "3.30")],
)
def test_rates_in_words(value: float, words: str) -> None:
    assert panel_parts.rate(value) == words


# -- what the window tells


def near(image: NDArray[np.int64], colour: Any) -> NDArray[np.bool_]:
    return np.abs(image - colour[:3]).max(axis=2) < 12


def test_what_comes_next_is_struck_out_only_if_terminated() -> None:
    room = panels.layout(USUAL, len(SLIDERS)).card
    tile = pygame.Rect(room.left + room.width * 2 // 3, room.top + room.height * 6 // 11, room.width // 3, 0)
    tile.height = room.bottom - tile.top
    struck = {
        name: near(drawn(VIEW._replace(card=card)), panel_parts.PENALTY)[cells(tile)].any(axis=0).mean()
        for name, card in (("goes on", CARD), ("terminated", ENDED), ("truncated", CUT))
    }
    assert struck["terminated"] > 0.6, "a line from side to side"
    assert struck["goes on"] == struck["truncated"] == 0.0


def test_the_human_term_has_the_human_colour() -> None:
    image = drawn(VIEW)
    room = panels.layout(USUAL, len(SLIDERS)).card
    assert near(image, panel_parts.HUMAN)[cells(room)].sum() > 1000


@pytest.mark.parametrize(("value", "colour"), [(1.0, "#0072B2"), (-1.0, "#D55E00"), (0.0, panel_parts.GREY)])
def test_an_echo_tints_the_world_for_150_ms(value: float, colour: Any) -> None:
    wanted = np.array(pygame.Color(colour)[:3] if isinstance(colour, str) else colour)
    room = panels.layout(USUAL, len(SLIDERS)).world
    quiet, fresh, old = (
        drawn(VIEW._replace(echo=echo))[cells(room)]
        for echo in (None, ECHO._replace(value=value, age=0.149), ECHO._replace(value=value, age=0.15))
    )
    assert not changed(quiet, old).any()
    corner = (slice(-40, -10), slice(20, 60))
    assert np.abs(fresh[corner] - wanted).mean() < np.abs(quiet[corner] - wanted).mean() * 0.8
    assert near(fresh, wanted)[:130].sum() > 5000, "a big badge"


def test_the_words_of_an_echo_stay_for_as_long_as_it_is_given() -> None:
    strip = cells(panels.layout(USUAL, len(SLIDERS)).strip)
    none, fresh, old = (drawn(VIEW._replace(echo=echo))[strip] for echo in (None, ECHO, ECHO._replace(age=60.0)))
    assert changed(none, fresh).any()
    assert not changed(fresh, old).any()


def test_echoes_can_be_told_apart_without_colours() -> None:
    badges = [
        drawn(VIEW._replace(echo=ECHO._replace(value=value)))[cells(panels.layout(USUAL, 5).world)]
        for value in (1.0, -1.0, 0.0)
    ]
    white = [near(badge, panel_parts.WHITE)[:140] for badge in badges]
    for one, other in itertools.combinations(white, 2):
        assert (one != other).sum() > 150


def test_the_modes_have_colours_of_their_own_and_driving_a_border() -> None:
    places = panels.layout(USUAL, len(SLIDERS))
    spot = (places.banner.top + 4, places.banner.centerx)
    images = {mode: drawn(VIEW._replace(mode=mode)) for mode in panels.MODES}
    assert len({tuple(image[spot]) for image in images.values()}) == 4
    for mode, image in images.items():
        border = near(image, panels.MODES["YOU DRIVE"])[cells(places.world)]
        assert (border[:6].all() and border[-6:].all() and border[:, :6].all()) == (mode == "YOU DRIVE")


def test_the_lamp_goes_out_without_focus() -> None:
    banner = cells(panels.layout(USUAL, len(SLIDERS)).banner)
    on, off = (near(drawn(VIEW._replace(mode="WATCHING", focused=f))[banner], panel_parts.GREEN) for f in (True, False))
    assert on.sum() > 80
    assert not off.any()


def test_the_box_of_the_start_card_lights_up() -> None:
    dark, lit = (
        near(drawn(VIEW._replace(mode="WATCHING", notice=START._replace(keys_arrived=it))), panel_parts.GREEN).sum()
        for it in (False, True)
    )
    assert dark == 0
    assert lit > 5000


def test_a_long_card_fits() -> None:
    lines = [f"line {index}   of very many words that go on and on until the card is full" for index in range(40)]
    image = drawn(VIEW._replace(notice=START._replace(lines=lines, keys_arrived=True)), (800, 600))
    for edge in (image[:8], image[-8:]):
        assert not near(edge, panel_parts.PAPER).all(axis=1).any()
        assert not near(edge, panel_parts.GREEN).any()
    assert near(image, panel_parts.GREEN).sum() > 1500, "the box is still there"


def test_the_best_eight_of_many_actions_are_shown_and_the_chosen_one_always() -> None:
    bars = [Bar(str(index), float(index % 10), 0.0, 0, index == 0) for index in range(20)]
    shown = panels.best_bars(bars)
    assert [bar.action for bar in shown] == ["0", "6", "7", "8", "9", "17", "18", "19"]
    assert panels.best_bars(BARS) == list(BARS)


def test_a_bar_is_as_long_as_its_q() -> None:
    places = panels.layout(USUAL, len(SLIDERS))
    bars = [Bar("a", 2.0, 0.0, 0, False), Bar("b", -1.0, 0.0, 0, False)]
    image = near(drawn(VIEW._replace(bars=bars))[cells(places.bars)], panel_parts.WORLD)
    rows = image[30:].sum(axis=1)
    long, short = (np.bincount(part).argmax() for part in (rows[rows > 55], rows[(rows > 20) & (rows <= 55)]))
    assert long == pytest.approx(2 * short, abs=2)


def test_a_long_curve_is_thinned_by_means() -> None:
    values = [float(index % 10) for index in range(10_000)]
    points = panels.thinned(values)
    assert 50 < len(points) <= panels.MOST_POINTS
    assert np.mean(points) == pytest.approx(4.5, abs=0.1)
    assert panels.thinned([1, 2, 3]) == (1.0, 2.0, 3.0)
    assert panels.thinned(deque([1.0] * 1000, maxlen=1000)) == (1.0,) * len(panels.thinned([1.0] * 1000))


def test_the_curves_move_with_every_episode() -> None:
    place = cells(panels.layout(USUAL, len(SLIDERS)).curve)
    before = drawn(VIEW)[place]
    assert changed(before, drawn(VIEW._replace(world_curve=(*WORLD_CURVE[1:], 9.0)))[place]).any()
    assert changed(before, drawn(VIEW._replace(human_curve=HUMAN_CURVE[:-1]))[place]).any()


@pytest.mark.parametrize(
    ("words", "names"),
    [("up /", ("↑", "/")), ("1 2 3", ("1", "2", "3")), ("left shift", ("left shift",)), ("p  .", ("p", ".")),
     ("space or Tab", ("space", "Tab")), ("esc", ("esc",)), ("", ("",))],
)  # fmt: skip
def test_keys_on_caps(words: str, names: tuple[str, ...]) -> None:
    assert panels.key_names(words) == names


def test_more_keys_than_room_leave_the_last_ones_out() -> None:
    many = [(f"key {index}", "does something quite long") for index in range(40)]
    places = panels.layout(USUAL, len(SLIDERS))
    different = changed(drawn(VIEW._replace(keys=())), drawn(VIEW._replace(keys=many)))
    different[cells(places.legend)] = False
    assert not different.any()


@pytest.mark.parametrize("size", [(800, 600), (637, 637), (256, 100), (3, 700)])
def test_the_world_keeps_its_aspect(size: tuple[int, int]) -> None:
    picture = pygame.Surface(size, 0, 32)
    picture.fill((10, 200, 30))
    room = panels.layout(USUAL, len(SLIDERS)).world
    ys, xs = np.nonzero(near(drawn(VIEW, picture=picture)[cells(room)], (10, 200, 30)))
    wide, high = np.ptp(xs) + 1, np.ptp(ys) + 1
    scale = min(room.width / size[0], room.height / size[1])
    assert (wide, high) == (pytest.approx(size[0] * scale, abs=1), pytest.approx(size[1] * scale, abs=1))


@pytest.mark.parametrize("depth", [8, 24, 32])
def test_a_picture_of_any_depth(depth: int) -> None:
    picture = pygame.Surface((64, 64), 0, depth)
    picture.fill((255, 255, 255))
    room = panels.layout(USUAL, len(SLIDERS)).world
    assert (drawn(VIEW, picture=picture)[room.centery, room.centerx] > 250).all()


def test_a_new_picture_is_shown_and_the_same_one_scaled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    panels.draw(pygame.Surface(USUAL, 0, 32), world(), VIEW)
    calls: list[tuple[int, int]] = []
    scale = pygame.transform.smoothscale
    monkeypatch.setattr(
        pygame.transform, "smoothscale", lambda picture, size: calls.append(size) or scale(picture, size)
    )
    first = drawn(VIEW)
    assert not calls
    other = world().copy()
    other.fill((0, 0, 0))
    assert changed(first, drawn(VIEW, picture=other)).any()
    assert len(calls) == 1


# -- the map of values


@pytest.mark.parametrize("size", [*SIZES, (800, 1440), (2560, 600)])
@pytest.mark.parametrize("heat", [SQUARE, WIDE])
def test_the_map_stays_in_its_place(size: tuple[int, int], heat: Heat) -> None:
    odd = [HeatCell(HUGE * 1000, ((-1, -1), (1, 1), (0, 0)), judged=12345), HeatCell(math.nan, ()), HeatCell(math.inf)]
    other = heat._replace(cells=(*odd, *heat.cells[3:]), here=0)
    one = drawn(VIEW._replace(heat=heat), size)
    different = changed(one, drawn(VIEW._replace(heat=other), size))
    different |= changed(one, drawn(VIEW._replace(heat=other, show_uncertainty=True), size))
    where = panels.layout(size, len(SLIDERS), heat.shape)
    assert different.any()
    different[cells(where.heat)] = False
    different[cells(where.bars)] = False  # where the same key shows more, too
    assert not different.any()


def test_a_map_of_too_many_cells_leaves_its_room_to_the_world() -> None:
    places = panels.layout((800, 600), 5, (60, 60))
    assert places.heat.width == 0
    assert places.world == panels.layout((800, 600), 5).world
    assert panels.layout((800, 600), 5, (8, 8)).heat.width > 150
    image = drawn(VIEW._replace(heat=heat_map(60, 60)), (800, 600))
    assert not changed(image, drawn(VIEW, (800, 600))).any()


def test_only_cells_that_changed_are_painted_again() -> None:
    def painted(heat: Heat) -> int:
        before = panel_heat._kept.painted
        drawn(VIEW._replace(heat=heat))
        return panel_heat._kept.painted - before

    drawn(VIEW._replace(heat=WIDE))
    assert painted(SQUARE) == 16
    assert painted(SQUARE) == 0
    assert painted(SQUARE._replace(cells=tuple(SQUARE.cells))) == 0, "equal, though another record"
    changed_one = (*SQUARE.cells[:9], SQUARE.cells[9]._replace(moves=((-1, 0),)), *SQUARE.cells[10:])
    assert painted(SQUARE._replace(cells=changed_one)) == 1


def test_colours_rise_in_brightness_so_that_every_eye_sees_their_order() -> None:
    light = [
        0.2126 * red + 0.7152 * green + 0.0722 * blue
        for red, green, blue in (panel_heat.colour_of(level)[:3] for level in range(panel_heat.LEVELS))
    ]
    assert all(b > a for a, b in itertools.pairwise(light))
    assert light[0] > max(panel_parts.NIGHT) * 0.9, "no value is as dark as a wall"


def test_values_are_scaled_among_the_cells_where_something_is_chosen() -> None:
    cells_ = (HeatCell(-4.0, ((0, 1),)), HeatCell(-2.0, ((0, 1),)), HeatCell(0.0, (), ends=True), HeatCell(None))
    low, high, end, wall = panel_heat.looks(Heat(1, 4, cells_), False, True)
    assert (low.level, high.level) == (0, panel_heat.LEVELS - 1)
    assert (end.level, wall.level) == (None, None)
    assert low.words == "−4.00"


@pytest.mark.parametrize("move", [(0, 1), (1, 0), (0, -1), (-1, 0)])
def test_an_arrow_points_where_its_action_goes(move: tuple[int, int]) -> None:
    """Its head is the heavy end."""
    picture = panel_heat._arrows((move,), 60, (0, 0, 0))
    ink = pygame.surfarray.array_alpha(picture).astype(float)
    right, down = (np.average(np.arange(60) - 29.5, weights=ink.sum(axis=axis)) for axis in (1, 0))
    assert (abs(down) < 1) == (move[0] == 0)
    assert (abs(right) < 1) == (move[1] == 0)
    assert down * move[0] + right * move[1] > 2


def test_the_legend_names_only_what_is_there() -> None:
    plain = Heat(1, 1, (HeatCell(1.0, ((0, 1),)),))
    assert len(panel_heat.legend(plain, False)) == 2
    assert len(panel_heat.legend(SQUARE, True)) == 6


# -- a good guest


def forget() -> None:
    for module in (panels, panel_parts, panel_heat):
        for part in vars(module).values():
            if isinstance(part, functools._lru_cache_wrapper):
                part.cache_clear()


def test_no_display_is_opened_and_a_strangers_quit_does_no_harm() -> None:
    pygame.quit()  # whatever another test in this process left open
    forget()
    before = drawn(VIEW)
    assert not pygame.display.get_init()
    assert not pygame.mixer.get_init()
    pygame.quit()
    assert not changed(before, drawn(VIEW)).any()
    pygame.quit()
    pygame.font.init()  # again: the fonts that were kept are dead, and nothing says so
    forget()
    assert not changed(before, drawn(VIEW)).any()


def test_the_caches_are_bounded() -> None:
    for module in (panels, panel_parts, panel_heat):
        for part in vars(module).values():
            if isinstance(part, functools._lru_cache_wrapper):
                assert part.cache_parameters()["maxsize"] is not None
    for size in range(6, 200):
        panel_parts.width("a word", size)
    assert len(panel_parts._fonts) <= 48
