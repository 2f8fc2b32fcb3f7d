"""The pictures: golden images, every pizza told apart, every size, and a host's window left alone.

The golden images are written anew by::

    HFRL_WRITE_GOLDEN=1 python -m pytest tests/test_painters.py -k golden

Look at what changed before you keep it.
"""

import functools
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")

import gymnasium
import numpy as np
import pygame
import pytest
from numpy.typing import NDArray
from PIL import Image

import hfrl.envs
from hfrl.envs import recipe
from hfrl.envs.painters import canvas, pizza, pizza_kitchen
from hfrl.envs.pizza_kitchen import MAPS

GOLDEN = Path(__file__).parent / "golden"
WRITE = "HFRL_WRITE_GOLDEN"
UNPAINTED = (255, 0, 255)
SQUARE, GALLEY, ISLANDS = (tuple(MAPS[name].strip("\n").split("\n")) for name in ("square", "galley", "islands"))
OVEN_CELL = (3, 1)

hfrl.envs.register()


def make(contents: str, bake: int) -> int:
    """The pizza with these parts (s, c, m, o, p) at this bake level."""
    return recipe.encode(recipe.PizzaState(True, *(letter in contents for letter in "scmop"), bake))


EVERYTHING = make("scmop", recipe.GOLDEN)


def picture(size: tuple[int, int], draw: Callable[..., None], *state: Any) -> NDArray[np.uint8]:
    """What a painter makes of a surface of a colour that no picture has, as (height, width, 3)."""
    surface = pygame.Surface(size, 0, 32)
    surface.fill(UNPAINTED)
    draw(surface, *state)
    return pygame.surfarray.array3d(surface).transpose(1, 0, 2)


def luminance(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    return image @ np.array([0.299, 0.587, 0.114])


def forget_pictures() -> None:
    """Empty every cache of the painters."""
    for name, module in list(sys.modules.items()):
        if name.startswith("hfrl.envs.painters"):
            for part in vars(module).values():
                if isinstance(part, functools._lru_cache_wrapper):
                    part.cache_clear()


@pytest.fixture
def host() -> Iterator[pygame.Surface]:
    """A host program's window of 300 x 200."""
    pygame.display.quit()
    pygame.display.init()
    yield pygame.display.set_mode((300, 200))
    pygame.display.quit()


@pytest.fixture
def no_display() -> Iterator[None]:
    pygame.display.quit()
    yield
    pygame.display.quit()


def in_window(name: str) -> gymnasium.Env[Any, Any]:
    """A world shown to a person, in a hurry."""
    env = gymnasium.make(name, render_mode="human")
    env.unwrapped.metadata = {**env.unwrapped.metadata, "render_fps": 1000}
    return env


# -- golden images


@pytest.mark.parametrize(
    ("name", "size", "draw", "state"),
    [
        ("counter_no_dough", (400, 300), pizza.draw, (recipe.NO_DOUGH,)),
        ("counter_everything_golden", (400, 300), pizza.draw, (EVERYTHING,)),
        ("counter_burnt", (400, 300), pizza.draw, (make("scm", recipe.BURNT),)),
        ("kitchen_start", (420, 420), pizza_kitchen.draw, (SQUARE, (3, 3), recipe.NO_DOUGH)),
        ("kitchen_oven", (420, 420), pizza_kitchen.draw, (SQUARE, OVEN_CELL, make("scm", recipe.GOLDEN))),
    ],
)
def test_golden_image(name: str, size: tuple[int, int], draw: Callable[..., None], state: tuple[Any, ...]) -> None:
    drawn = picture(size, draw, *state)
    path = GOLDEN / f"{name}.png"
    if os.environ.get(WRITE):
        Image.fromarray(drawn).save(path, optimize=True)
        pytest.skip(f"wrote {path.name}")
    kept = np.asarray(Image.open(path).convert("RGB"))
    assert drawn.shape == kept.shape
    off = np.abs(drawn.astype(int) - kept)
    assert off.mean() < 2, f"run with {WRITE}=1 if the picture was meant to change"
    assert (off.max(axis=2) > 40).mean() <= 0.01, f"run with {WRITE}=1 if the picture was meant to change"


# -- what a picture tells


@pytest.mark.parametrize("size", [(84, 84), (400, 300)])
def test_every_pizza_on_the_counter_has_a_picture_of_its_own(size: tuple[int, int]) -> None:
    assert len({picture(size, pizza.draw, number).tobytes() for number in range(recipe.PIZZAS)}) == recipe.PIZZAS


def test_a_different_pizza_differs_in_the_pizza_itself_and_not_only_around_it() -> None:
    (x, y), radius = pizza.BOARD, pizza.PIZZA_RADIUS
    disc_area = (slice(y - radius, y + radius), slice(x - radius, x + radius))
    discs = {number: picture(pizza.SIZE, pizza.draw, number)[disc_area] for number in range(recipe.PIZZAS)}
    for number, disc in discs.items():
        state = recipe.decode(number)
        for part in ("sauce", "cheese", "mushroom", "olive", "pineapple") if state.dough else ():
            other = discs[recipe.encode(state._replace(**{part: not getattr(state, part)}))]
            off = np.abs(disc.astype(int) - other).max(axis=2)
            assert (off > 12).mean() > 0.025, f"{recipe.describe(number)}: {part} is not visible"


def test_every_state_of_the_kitchen_has_an_observation_of_its_own() -> None:
    cells = [(r, c) for r, row in enumerate(SQUARE) for c, mark in enumerate(row) if mark != "#"]
    seen = {
        canvas.pixels(84, pizza_kitchen.draw, SQUARE, cell, number).tobytes()
        for cell in cells
        for number in range(recipe.PIZZAS)
    }
    assert len(seen) == 25 * recipe.PIZZAS


@pytest.mark.parametrize("contents", ["", "s", "c", "sc", "scm", "sco", "scp", "scmop", "mop"])
def test_bake_levels_can_be_told_by_brightness_alone(contents: str) -> None:
    """A picture in grey, as a colour-blind person may see it: each level is darker than the one before."""
    (x, y), radius = pizza.BOARD, pizza.PIZZA_RADIUS
    rows, columns = np.mgrid[: pizza.SIZE[1], : pizza.SIZE[0]]
    # The upper part is left out: steam rises there.
    region = (np.hypot(columns - x, rows - y) < radius) & (rows > y - radius * 0.3)
    levels = [luminance(picture(pizza.SIZE, pizza.draw, make(contents, bake)))[region].mean() for bake in range(5)]
    assert (np.diff(levels) < -8).all(), levels
    assert levels[0] - levels[4] > 60, levels


def test_no_dough_is_an_empty_board() -> None:
    empty, raw = (picture(pizza.SIZE, pizza.draw, number) for number in (recipe.NO_DOUGH, make("", recipe.RAW)))
    spot = (slice(340, 420), slice(360, 440))
    assert luminance(raw[spot]).mean() - luminance(empty[spot]).mean() > 50


def test_a_bowl_is_dim_when_its_deed_is_impossible() -> None:
    """The mushrooms: without dough, ready, and already on the pizza."""
    x, y = pizza.BOWLS[recipe.MUSHROOM]
    bowl = (slice(y - 40, y + 40), slice(x - 40, x + 40))
    without, ready, used = (
        picture(pizza.SIZE, pizza.draw, number)[bowl] for number in (recipe.NO_DOUGH, make("", 0), make("m", 0))
    )
    assert luminance(ready).std() > 1.5 * luminance(without).std()
    assert np.abs(used.astype(int) - ready).mean() > 10
    assert np.abs(used.astype(int) - without).mean() > 10


def test_the_cook_moves_and_carries() -> None:
    size = pizza_kitchen.size(SQUARE)
    here, there, carrying = (
        picture(size, pizza_kitchen.draw, SQUARE, cell, number).astype(int)
        for cell, number in (((3, 3), 0), ((4, 4), 0), ((3, 3), EVERYTHING))
    )
    tile = size[0] // 7
    own = np.zeros(here.shape[:2], dtype=bool)
    own[3 * tile - tile // 2 : 4 * tile, 3 * tile : 4 * tile] = True
    changed = np.abs(here - carrying).max(axis=2) > 0
    changed[6 * tile :] = False  # the words on the lower wall
    assert changed[own].mean() > 0.2
    assert not changed[~own].any()
    assert (np.abs(here - there).max(axis=2) > 0)[own].mean() > 0.4


def test_all_eight_stations_look_different_even_at_84() -> None:
    image = picture((84, 84), pizza_kitchen.draw, SQUARE, (2, 2), recipe.NO_DOUGH).astype(int)
    tiles = {
        mark: image[12 * r : 12 * r + 12, 12 * c : 12 * c + 12]
        for r, row in enumerate(SQUARE)
        for c, mark in enumerate(row)
        if mark in pizza_kitchen.MARKS
    }
    assert len(tiles) == 8
    for first, one in tiles.items():
        for second, other in tiles.items():
            assert first == second or np.abs(one - other).mean() > 12, f"{first} looks like {second}"


def test_a_picture_knows_nothing_of_the_customer() -> None:
    pictures = set()
    for customer in recipe.CUSTOMERS:
        env = gymnasium.make("hfrl/Pizza-v0", customer=customer, render_mode="rgb_array")
        env.reset(seed=0)
        for action in (recipe.ROLL, recipe.SAUCE, recipe.CHEESE, recipe.MUSHROOM):
            env.step(action)
        pictures.add(np.asarray(env.render()).tobytes())
    assert len(pictures) == 1


# -- any surface


@pytest.mark.parametrize("size", [(84, 84), (320, 240), (1600, 1000), (240, 500), (5, 3)])
def test_a_picture_fills_any_size(size: tuple[int, int]) -> None:
    drawn = [picture(size, pizza.draw, EVERYTHING)]
    drawn += [picture(size, pizza_kitchen.draw, rows, (2, 1), EVERYTHING) for rows in (SQUARE, GALLEY, ISLANDS)]
    for image in drawn:
        assert image.shape == (size[1], size[0], 3)
        assert not (image == UNPAINTED).all(axis=2).any()
        if min(size) >= 84:
            step = max(1, min(size) // 200)
            assert len(np.unique(image[::step, ::step].reshape(-1, 3), axis=0)) > 150


@pytest.mark.parametrize("depth", [24, 32])
def test_a_part_of_a_hosts_surface_can_be_painted(depth: int) -> None:
    window = pygame.Surface((500, 400), 0, depth)
    window.fill(UNPAINTED)
    pizza_kitchen.draw(window.subsurface((50, 40, 300, 200)), SQUARE, (3, 3), EVERYTHING)
    image = pygame.surfarray.array3d(window).transpose(1, 0, 2)
    unpainted = (image == UNPAINTED).all(axis=2)
    assert not unpainted[40:240, 50:350].any()
    assert unpainted.sum() == 500 * 400 - 300 * 200
    alone = picture((300, 200), pizza_kitchen.draw, SQUARE, (3, 3), EVERYTHING).astype(int)
    assert np.abs(image[40:240, 50:350] - alone).max() <= 2


def test_the_same_state_gives_the_same_bytes() -> None:
    states = [(pizza.draw, (EVERYTHING,)), (pizza_kitchen.draw, (SQUARE, OVEN_CELL, EVERYTHING))]
    first = [picture((400, 300), draw, *state).tobytes() for draw, state in states]
    assert [picture((400, 300), draw, *state).tobytes() for draw, state in states] == first
    forget_pictures()
    assert [picture((400, 300), draw, *state).tobytes() for draw, state in reversed(states)] == first[::-1]


def test_drawing_opens_no_display_and_survives_a_strangers_quit(no_display: None) -> None:
    forget_pictures()
    before = picture((400, 300), pizza.draw, EVERYTHING).tobytes()
    assert not pygame.display.get_init()
    assert not pygame.mixer.get_init()
    pygame.quit()
    assert picture((400, 300), pizza.draw, EVERYTHING).tobytes() == before
    assert picture((400, 300), pizza.draw, make("s", recipe.RAW)).any()  # words that no cache has: a font is needed
    forget_pictures()
    assert picture((400, 300), pizza.draw, EVERYTHING).tobytes() == before


def test_a_frame_of_the_kitchen_is_cheap() -> None:
    surface = pygame.Surface((640, 640), 0, 32)
    pizza_kitchen.draw(surface, SQUARE, (3, 3), EVERYTHING)
    times = []
    for _ in range(30):
        begin = time.perf_counter()
        pizza_kitchen.draw(surface, SQUARE, (3, 3), EVERYTHING)
        times.append(time.perf_counter() - begin)
    assert min(times) < 2e-3


# -- the worlds' render() and pixels


@pytest.mark.parametrize(("name", "shape"), [("hfrl/Pizza-v0", (600, 800, 3)), ("hfrl/PizzaKitchen-v0", (637, 637, 3))])
def test_rgb_array(name: str, shape: tuple[int, int, int], no_display: None) -> None:
    env = gymnasium.make(name, render_mode="rgb_array")
    env.reset(seed=3)
    frame = np.asarray(env.render())
    assert frame.shape == shape
    assert frame.dtype == np.uint8
    assert frame.flags["C_CONTIGUOUS"]
    assert np.array_equal(frame, np.asarray(env.render()))
    env.step(0)
    assert not np.array_equal(frame, np.asarray(env.render()))
    assert not pygame.display.get_init()
    env.close()


def test_pixels_of_the_kitchen_are_an_observation() -> None:
    env = gymnasium.make("hfrl/PizzaKitchen-v0", observation="pixels")
    first, _ = env.reset(seed=0)
    assert first.shape == (84, 84, 3)
    assert env.observation_space.contains(first)
    second = env.step(1)[0]
    assert env.observation_space.contains(second)
    assert not np.array_equal(first, second)
    first[:] = 0  # the caller's own copy: the kept one stays clean
    again, _ = env.reset(seed=0)
    assert again.any()


# -- windows


@pytest.mark.parametrize("mode", ["rgb_array", "human"])
@pytest.mark.parametrize("name", ["hfrl/Pizza-v0", "hfrl/PizzaKitchen-v0"])
def test_closing_a_world_leaves_a_hosts_window_alone(host: pygame.Surface, name: str, mode: str) -> None:
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_UP))
    env = in_window(name) if mode == "human" else gymnasium.make(name, render_mode=mode)
    env.reset(seed=0)
    env.render()
    env.close()
    assert pygame.display.get_init()
    assert pygame.display.get_surface() is host
    assert host.get_size() == (300, 200)
    kinds = {event.type for event in pygame.event.get()}
    assert {pygame.QUIT, pygame.KEYDOWN} <= kinds, "the host's events were eaten"


def test_a_window_opens_shows_the_picture_and_closes(no_display: None) -> None:
    env = in_window("hfrl/Pizza-v0")
    env.reset(seed=0)
    assert env.render() is None
    window = pygame.display.get_surface()
    assert window is not None
    assert pygame.display.get_caption()[0] == "hfrl/Pizza-v0"
    shown = pygame.surfarray.array3d(window).transpose(1, 0, 2)
    expected = picture(pizza.SIZE, pizza.draw, recipe.NO_DOUGH).astype(int)
    assert np.abs(shown - expected).max() <= 2
    env.step(recipe.ROLL)
    assert np.abs(pygame.surfarray.array3d(window).transpose(1, 0, 2) - expected).max() > 50
    env.close()
    assert not pygame.display.get_init()
    env.close()


def test_a_window_keeps_to_its_frame_rate(no_display: None) -> None:
    env = in_window("hfrl/Pizza-v0")
    env.reset(seed=0)
    env.unwrapped.metadata = {**env.unwrapped.metadata, "render_fps": 20}
    begin = time.perf_counter()
    for _ in range(4):
        env.render()
    assert time.perf_counter() - begin > 3 * 0.045
    env.close()


def test_a_person_may_close_the_window(no_display: None) -> None:
    env = in_window("hfrl/PizzaKitchen-v0")
    env.reset(seed=0)
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    for _ in range(3):
        env.step(0)
        env.render()
        assert not pygame.display.get_init(), "the window came back"
    env.close()
    again = in_window("hfrl/PizzaKitchen-v0")
    again.reset(seed=0)
    assert pygame.display.get_surface() is not None
    again.close()


def test_two_worlds_share_a_window_until_the_last_closes(no_display: None) -> None:
    one, two = in_window("hfrl/Pizza-v0"), in_window("hfrl/PizzaKitchen-v0")
    one.reset(seed=0)
    two.reset(seed=0)
    one.close()
    assert pygame.display.get_init()
    two.render()
    two.close()
    assert not pygame.display.get_init()


def test_a_window_that_a_stranger_closed_opens_again(no_display: None) -> None:
    env = in_window("hfrl/Pizza-v0")
    env.reset(seed=0)
    pygame.quit()
    env.render()
    assert pygame.display.get_surface() is not None
    env.close()
