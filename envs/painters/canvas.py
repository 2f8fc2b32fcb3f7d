"""Where pictures go: into an array, into a small observation, or into a window. No painter knows which.

Pictures need no display. The window is opened with ``pygame.display`` alone, and closing it closes nothing that
someone else opened.
"""

import functools
import weakref
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pygame
from numpy.typing import NDArray

Draw = Callable[..., None]
"""``draw(surface, *state)`` fills the whole surface with the picture of a state."""
Pixels = NDArray[np.uint8]

#: How many small pictures are kept: 43 MB of them at 84 x 84.
KEPT = 2048


class Window:
    """The one window of this process, shared by the worlds that are shown in it.

    Attributes:
        ours: this module opened the display, so it may close it; otherwise a host did, and its size is kept.
        users: the worlds that were shown in it and are not closed yet.
        dismissed: the person closed it; nothing is drawn any more.
    """

    def __init__(self, size: tuple[int, int], caption: str) -> None:
        self.users: weakref.WeakSet[gymnasium.Env[Any, Any]] = weakref.WeakSet()
        self.dismissed = False
        self.clock = pygame.time.Clock()
        self.ours = not pygame.display.get_init()
        pygame.display.init()
        if pygame.display.get_surface() is None:
            pygame.display.set_mode(size, pygame.RESIZABLE)
            pygame.display.set_caption(caption)

    def is_open(self) -> bool:
        """False after the person or a stranger's ``pygame.quit()`` closed it."""
        return not self.dismissed and pygame.display.get_init() and pygame.display.get_surface() is not None

    def show(self, draw: Draw, state: tuple[Any, ...], fps: float) -> None:
        """Draw, put it on the screen, and wait until the frame's time is up."""
        if self.ours:
            if pygame.event.get(pygame.QUIT):
                self.dismissed = True
                pygame.display.quit()
                return
            pygame.event.clear(pygame.MOUSEMOTION)  # nobody reads these, and a full queue would lose the quit
        else:
            pygame.event.pump()  # the events stay in the queue: they are the host's
        surface = pygame.display.get_surface()
        if surface is not None:
            draw(surface, *state)
            pygame.display.flip()
            self.clock.tick(fps)

    def close(self) -> None:
        """Close the window if this module opened it."""
        if self.ours and pygame.display.get_init():
            pygame.display.quit()


_window: Window | None = None


def show(env: gymnasium.Env[Any, Any], size: tuple[int, int], draw: Draw, *state: Any) -> Pixels | None:
    """Show a world's state as its ``render_mode`` says.

    Args:
        env: the world; ``render_mode`` is ``"rgb_array"`` or ``"human"``.
        size: width and height in pixels, of the array or of a window that is opened.
        draw: the world's painter.
        state: what the painter wants to know.

    Returns:
        For ``"rgb_array"`` the picture, of shape (height, width, 3); for ``"human"`` None.
    """
    if env.render_mode != "human":
        return _picture(size, draw, state)
    global _window
    if _window is not None and env in _window.users and _window.dismissed:
        return None
    if _window is None or not _window.is_open():
        _window = Window(size, env.spec.id if env.spec is not None else type(env).__name__)
    _window.users.add(env)
    _window.show(draw, state, float(env.metadata["render_fps"]))
    return None


def close(env: gymnasium.Env[Any, Any]) -> None:
    """Let go of the window; it closes with the last world that was shown in it."""
    global _window
    if _window is None or env not in _window.users:
        return
    _window.users.discard(env)
    if not _window.users:
        _window.close()
        _window = None


def pixels(side: int, draw: Draw, *state: Any) -> Pixels:
    """The picture of a state as an observation of shape (side, side, 3); the caller's own copy.

    Args:
        side: width and height in pixels.
        draw: the world's painter.
        state: what the painter wants to know; lists become tuples.
    """
    return _kept(side, draw, tuple(tuple(part) if isinstance(part, list) else part for part in state)).copy()


@functools.lru_cache(maxsize=KEPT)
def _kept(side: int, draw: Draw, state: tuple[Any, ...]) -> Pixels:
    return _picture((side, side), draw, state)


def _picture(size: tuple[int, int], draw: Draw, state: tuple[Any, ...]) -> Pixels:
    surface = pygame.Surface(size, 0, 32)
    draw(surface, *state)
    # Eight times as fast as pygame.surfarray.array3d, whose columns come before its rows.
    flat = np.frombuffer(pygame.image.tobytes(surface, "RGB"), np.uint8)
    return flat.reshape(size[1], size[0], 3).copy()
