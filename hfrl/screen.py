"""Watching: episodes of a saved agent in a window, as text, or in a file (pygame is imported here and in painters)."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hfrl import build, film
from hfrl.experiment import Session
from hfrl.film import Shot
from hfrl.types import UserError

MODES = ("human", "ansi", "rgb_array")


def watch(session: Session, render: str, episodes: int, fps: float, files: dict[str, str | None]) -> None:
    """Show greedy episodes.

    Args:
        session: whose agent is watched.
        render: one of :data:`MODES`.
        episodes: how many.
        fps: steps a second.
        files: of each kind in :data:`hfrl.film.ENDINGS` the file to write instead; of one at most.

    Raises:
        UserError: an unknown mode or ending, no display, a world or a file that cannot be drawn or written so.
    """
    wanted = {kind: path for kind, path in files.items() if path is not None}
    if render not in MODES:
        raise UserError(f"--render must be one of {', '.join(MODES)}, got {render!r}")
    if len(wanted) > 1:
        raise UserError(f"one file at a time, got {' and '.join(f'--{kind}' for kind in wanted)}")
    for kind, path in wanted.items():
        film.check(kind, path)
    if wanted:
        render = "rgb_array"
    elif render == "rgb_array":
        raise UserError("--render rgb_array makes pictures for a file: name it with --gif FILE, --video or --sheet")
    if render == "human":
        _check_display()
    arm = session.arm
    env = looked_at(session, "ansi" if render == "ansi" else "rgb_array")
    try:
        shots = film.shots(session, env, episodes)
        for kind, path in wanted.items():
            with film.unseen():
                print(film.write(kind, Path(path), shots, episodes, fps))
        if render == "ansi":
            _print(shots)
        elif not wanted:
            _show(shots, f"hfrl: {arm.env}, {arm.label}", fps)
    finally:
        env.close()


def looked_at(session: Session, mode: str) -> Any:
    """A session's world with this render mode. Raises UserError where it has none such."""
    arm = session.arm
    env = build.make_env(arm.env, arm.env_kwargs, mode)
    modes = env.metadata.get("render_modes", [])
    if env.render_mode not in modes:
        env.close()
        raise UserError(f"{arm.env} cannot be drawn as {mode}; it offers {', '.join(modes) or 'nothing'}")
    return env


def _check_display() -> None:
    headless = not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("SDL_VIDEODRIVER"))
    if sys.platform == "linux" and headless:
        raise UserError("there is no display for a window; use --render ansi, or --gif FILE")


def _print(shots: Iterator[Shot]) -> None:
    for shot in shots:
        print(f"{shot.picture}{shot.caption}\n")


def _show(shots: Iterator[Shot], title: str, fps: float) -> None:
    """A window; Esc, q or the close button ends it. The window keeps answering between steps."""
    import pygame

    pygame.display.init()
    clock = pygame.time.Clock()
    window = None
    try:
        for shot in shots:
            picture = np.asarray(shot.picture).swapaxes(0, 1)
            if window is None:
                window = pygame.display.set_mode(picture.shape[:2], pygame.RESIZABLE)
            pygame.display.set_caption(f"{title}   {shot.caption}")
            surface = pygame.surfarray.make_surface(picture)
            shown = 0.0
            while shown < 1 / fps:
                if _wants_to_quit(pygame.event.get()):
                    return
                pygame.transform.smoothscale(surface, window.get_size(), window)
                pygame.display.flip()
                shown += clock.tick(30) / 1000
    except pygame.error as error:
        raise UserError(f"no window can be opened ({error}); use --render ansi, or --gif FILE") from error
    finally:
        pygame.display.quit()


def _wants_to_quit(events: list[Any]) -> bool:
    import pygame

    return any(
        event.type == pygame.QUIT or (event.type == pygame.KEYDOWN and event.key in (pygame.K_ESCAPE, pygame.K_q))
        for event in events
    )
