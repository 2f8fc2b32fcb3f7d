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
from hfrl.envs import pac_man as pac_man_rules
from hfrl.envs import recipe
from hfrl.envs.painters import bandit, canvas, chain, grid, pac_man, pizza, pizza_kitchen
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


def textbook(name: str, **kwargs: Any) -> Any:
    """A world of the textbook, reset."""
    env = gymnasium.make(f"hfrl/{name}-v0", **kwargs).unwrapped
    env.reset(seed=0)
    return env


#: The textbook's painters on worlds that show all that they can draw: (name, size, draw, state).
TEXTBOOK: list[tuple[str, tuple[int, int], Callable[..., None], tuple[Any, ...]]] = [
    ("windy", (480, 352), grid.draw, (textbook("WindyGridworld", stochastic=True).scene(), (3, 4))),
    ("dyna_maze", (480, 339), grid.draw, (textbook("DynaMaze").scene(), (2, 1))),
    ("grid_example", (360, 360), grid.draw, (textbook("GridExample").scene(), (2, 2))),
    ("small_gridworld", (300, 300), grid.draw, (textbook("SmallGridworld").scene(), (0, 2))),
    ("puddle", (360, 360), grid.draw, (textbook("Puddle").scene(), (3, 1))),
    ("random_walk", (550, 136), chain.draw, (textbook("RandomWalk").chain, 3)),
    ("maximization_bias", (400, 168), chain.draw, (textbook("MaximizationBias").chain, 2)),
    ("short_corridor", (420, 202), chain.draw, (textbook("ShortCorridor").chain, 1)),
    ("corridor", (500, 170), chain.draw, (textbook("Corridor").chain, 0)),
    ("bandit", (430, 249), bandit.draw, (10, 3, 1.79)),
    ("pac_man", (360, 360), pac_man.draw, (pac_man_rules.START,)),
]


# -- golden images


@pytest.mark.parametrize(
    ("name", "size", "draw", "state"),
    [
        ("counter_no_dough", (400, 300), pizza.draw, (recipe.NO_DOUGH,)),
        ("counter_everything_golden", (400, 300), pizza.draw, (EVERYTHING,)),
        ("counter_burnt", (400, 300), pizza.draw, (make("scm", recipe.BURNT),)),
        ("kitchen_start", (420, 420), pizza_kitchen.draw, (SQUARE, (3, 3), recipe.NO_DOUGH)),
        ("kitchen_oven", (420, 420), pizza_kitchen.draw, (SQUARE, OVEN_CELL, make("scm", recipe.GOLDEN))),
        *TEXTBOOK,
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


# -- the textbook's worlds


@pytest.mark.parametrize("size", [(84, 84), (400, 300)])
@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("WindyGridworld", {}),
        ("DynaMaze", {}),
        ("GridExample", {}),
        ("SmallGridworld", {}),
        ("Puddle", {}),
        ("RandomWalk", {}),
        ("RandomWalk", {"states": 19}),
        ("MaximizationBias", {}),
        ("ShortCorridor", {}),
        ("Corridor", {}),
    ],
)
def test_every_state_of_a_small_world_has_a_picture_of_its_own(
    name: str, kwargs: dict[str, Any], size: tuple[int, int]
) -> None:
    env = textbook(name, **kwargs)
    draw = chain.draw if hasattr(env, "chain") else grid.draw
    what = env.chain if hasattr(env, "chain") else env.scene()
    where = range(len(env.P)) if hasattr(env, "chain") else map(env.cell_of, range(len(env.P)))
    assert len({picture(size, draw, what, place).tobytes() for place in where}) == len(env.P)


@pytest.mark.parametrize("size", [(84, 84), (360, 360)])
def test_pac_mans_pictures_tell_all_there_is_to_a_state(size: tuple[int, int]) -> None:
    start = pac_man_rules.START
    states = {start._replace(pellets=pellets) for pellets in range(4)}
    states |= {start._replace(facing=facing) for facing in range(4)}
    for cell in pac_man_rules.FLOOR.cells:
        states |= {start._replace(pac_man=cell), start._replace(ghost=cell)}
    assert len({picture(size, pac_man.draw, state).tobytes() for state in states}) == len(states)


def test_the_wind_is_seen_to_be_stronger_in_the_middle() -> None:
    scene = textbook("WindyGridworld").scene()
    size = grid.size(scene)
    tile, left, top = grid._frame(size, scene)
    image = picture(size, grid.draw, scene, (0, 0)).astype(int)
    blue = [
        (
            image[top + tile : top + 3 * tile, x : x + tile, 2] > image[top + tile : top + 3 * tile, x : x + tile, 0]
        ).mean()
        for x in range(left, left + 10 * tile, tile)
    ]
    assert blue[0] == blue[9] == 0
    assert 0 < blue[3] == pytest.approx(blue[8], rel=0.1)
    assert blue[6] > 1.5 * blue[3]


def test_a_wall_that_moves_is_seen() -> None:
    before, after = (textbook("DynaMaze", layout="blocking", change_after=n).scene() for n in (9, 0))
    off = picture((480, 339), grid.draw, before, (5, 3)).astype(int) - picture((480, 339), grid.draw, after, (5, 3))
    assert (np.abs(off).max(axis=2) > 20).mean() > 0.01


def test_the_machine_that_was_pulled_shows_what_it_paid_and_no_other() -> None:
    def pulled(arm: int | None, paid: float = 0.0) -> NDArray[np.int64]:
        return picture(bandit.size(10), bandit.draw, 10, arm, paid).astype(int)

    third = np.zeros(pulled(None).shape[:2], dtype=bool)
    third[: third.shape[0] // 2, 3 * third.shape[1] // 5 : 4 * third.shape[1] // 5] = True
    changed = np.abs(pulled(3, 1.5) - pulled(None)).max(axis=2) > 0
    assert changed[third].mean() > 0.02
    assert not changed[~third].any()
    assert (pulled(3, 1.5) != pulled(3, -0.25)).any()


def test_a_picture_of_the_bandit_knows_nothing_of_its_values() -> None:
    frames = set()
    for seed in range(3):
        env = gymnasium.make("hfrl/KArmedBandit-v0", render_mode="rgb_array")
        env.reset(seed=seed)
        frames.add(np.asarray(env.render()).tobytes())
    assert len(frames) == 1


@pytest.mark.parametrize("size", [(84, 84), (320, 240), (1600, 1000), (240, 500), (5, 3)])
@pytest.mark.parametrize(
    ("draw", "state"), [(draw, state) for _, _, draw, state in TEXTBOOK], ids=[t[0] for t in TEXTBOOK]
)
def test_a_textbooks_picture_fills_any_size(
    draw: Callable[..., None], state: tuple[Any, ...], size: tuple[int, int]
) -> None:
    image = picture(size, draw, *state)
    assert not (image == UNPAINTED).all(axis=2).any()
    if min(size) >= 84:
        assert len(np.unique(image.reshape(-1, 3), axis=0)) > 40


@pytest.mark.parametrize("arms", [1, 2, 3, 10, 11, 36])
def test_any_number_of_machines(arms: int) -> None:
    image = picture(bandit.size(arms), bandit.draw, arms, arms - 1, -0.5)
    assert not (image == UNPAINTED).all(axis=2).any()
    assert max(bandit.size(arms)) < 1000


def test_a_textbooks_picture_is_the_same_bytes_again_and_needs_no_display(no_display: None) -> None:
    first = [picture(size, draw, *state).tobytes() for _, size, draw, state in TEXTBOOK]
    forget_pictures()
    pygame.quit()
    assert [picture(size, draw, *state).tobytes() for _, size, draw, state in TEXTBOOK] == first
    assert not pygame.display.get_init()


TEXTBOOK_NAMES = ("WindyGridworld", "DynaMaze", "GridExample", "RandomWalk", "MaximizationBias", "ShortCorridor",
                  "SmallGridworld", "Puddle", "Corridor", "AdviceGrid", "PacMan", "KArmedBandit")  # fmt: skip


@pytest.mark.parametrize("name", TEXTBOOK_NAMES)
def test_rgb_array_of_a_textbooks_world(name: str, no_display: None) -> None:
    env = gymnasium.make(f"hfrl/{name}-v0", render_mode="rgb_array")
    env.reset(seed=3)
    frame = np.asarray(env.render())
    assert frame.dtype == np.uint8
    assert 100 <= min(frame.shape[:2]) <= max(frame.shape[:2]) <= 1100
    frames = {frame.tobytes()}
    for action in (1, 0, 1):
        env.step(action)
        frames.add(np.asarray(env.render()).tobytes())
    assert len(frames) > 1
    assert not pygame.display.get_init()
    env.close()


@pytest.mark.parametrize("name", TEXTBOOK_NAMES)
def test_a_window_of_a_textbooks_world_shows_each_step_at_once(name: str, no_display: None) -> None:
    """The picture on the screen is the one of the state that the step led to."""
    env, twin = in_window(f"hfrl/{name}-v0"), gymnasium.make(f"hfrl/{name}-v0", render_mode="rgb_array")
    for one in (env, twin):
        one.reset(seed=3)
    for action in (1, 0):
        env.step(action)
        twin.step(action)
        window = pygame.display.get_surface()
        assert window is not None
        shown = pygame.surfarray.array3d(window).transpose(1, 0, 2).astype(int)
        assert np.abs(shown - np.asarray(twin.render())).max() <= 2
    env.close()
    assert not pygame.display.get_init()


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
