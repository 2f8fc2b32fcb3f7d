"""Watching: episodes of a saved agent in a window, as text, or as a GIF (pygame is imported here and in painters)."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.wrappers import TimeLimit
from numpy.typing import NDArray

from hfrl import build
from hfrl.experiment import Session
from hfrl.loop import DEFAULT_CAP, Greedy, play
from hfrl.types import Acted, UserError

MODES = ("human", "ansi", "rgb_array")
GIF_SIDE = 480


def watch(session: Session, render: str, episodes: int, fps: float, gif: str | None) -> None:
    """Show greedy episodes. Raises UserError for an unknown mode, a world that cannot be drawn so, or no display."""
    if render not in MODES:
        raise UserError(f"--render must be one of {', '.join(MODES)}, got {render!r}")
    if gif is not None and Path(gif).suffix.lower() != ".gif":
        raise UserError(f"--gif writes a .gif, got {gif!r}")
    if gif is not None:
        render = "rgb_array"
    elif render == "rgb_array":
        raise UserError("--render rgb_array makes pictures for a file: name it with --gif FILE")
    if render == "human":
        _check_display()
    arm = session.arm
    env = build.make_env(arm.env, arm.env_kwargs, "ansi" if render == "ansi" else "rgb_array")
    modes = env.metadata.get("render_modes", [])
    if env.render_mode not in modes:
        raise UserError(f"{arm.env} cannot be drawn as {env.render_mode}; it offers {', '.join(modes) or 'nothing'}")
    try:
        frames = _episodes(session, env, episodes)
        if gif is not None:
            _write_gif(frames, Path(gif), fps)
        elif render == "ansi":
            _print(frames)
        else:
            _show(frames, f"hfrl: {arm.env}, {arm.label}", fps)
    finally:
        env.close()


def _check_display() -> None:
    headless = not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("SDL_VIDEODRIVER"))
    if sys.platform == "linux" and headless:
        raise UserError("there is no display for a window; use --render ansi, or --gif FILE")


def _episodes(session: Session, env: Any, episodes: int) -> Iterator[tuple[Any, str]]:
    """Pairs (frame, caption): one per step. The greedy agent in the same loop that taught it."""
    switch = session.switch.frozen()
    names = getattr(env.unwrapped, "action_meanings", None)
    total, ended = 0.0, 0
    for event in play(TimeLimit(env, DEFAULT_CAP), Greedy(session.agent), blend=switch, seed=session.evaluation_seed):
        if not isinstance(event, Acted):
            continue
        step = event.step
        total += step.reward
        action = names[step.action] if names else f"action {step.action}"
        caption = f"episode {step.episode + 1}: {action}, reward {step.reward:+.1f}, return {total:.1f}"
        if step.ended:
            caption += " (terminated)" if step.terminated else " (truncated)"
            total, ended = 0.0, ended + 1
        yield env.render(), caption
        if ended == episodes:
            return


def _print(frames: Iterator[tuple[Any, str]]) -> None:
    for frame, caption in frames:
        print(f"{frame}{caption}\n")


def _write_gif(frames: Iterator[tuple[NDArray[np.uint8], str]], path: Path, fps: float) -> None:
    from PIL import Image

    pictures = [Image.fromarray(np.asarray(frame)) for frame, _ in frames]
    for picture in pictures:
        picture.thumbnail((GIF_SIDE, GIF_SIDE))
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        pictures[0].save(
            temporary, format="GIF", save_all=True, append_images=pictures[1:], duration=int(1000 / fps), loop=0
        )
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"the GIF cannot be written to {str(path)!r}: {error.strerror or error}") from error
    print(f"Wrote {len(pictures)} frames to {path}")


def _show(frames: Iterator[tuple[NDArray[np.uint8], str]], title: str, fps: float) -> None:
    """A window; Esc, q or the close button ends it. The window keeps answering between steps."""
    import pygame

    pygame.display.init()
    clock = pygame.time.Clock()
    window = None
    try:
        for frame, caption in frames:
            picture = np.asarray(frame).swapaxes(0, 1)
            if window is None:
                window = pygame.display.set_mode(picture.shape[:2], pygame.RESIZABLE)
            pygame.display.set_caption(f"{title}   {caption}")
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
