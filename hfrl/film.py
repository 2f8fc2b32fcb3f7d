"""Episodes of a saved agent, shot by shot, and what becomes of them: a GIF, a video, a contact sheet.

Every file carries the command that made it: a GIF and a video as their comment, a sheet as every figure does.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import gymnasium
import numpy as np
from gymnasium.wrappers import TimeLimit
from numpy.typing import NDArray

from hfrl.experiment import Session
from hfrl.live import action_names
from hfrl.loop import DEFAULT_CAP, Greedy, play
from hfrl.record import command_line
from hfrl.types import Acted, Step, UserError

#: What each flag of ``watch`` writes, by the endings that it takes.
ENDINGS = {"gif": (".gif",), "video": (".mp4",), "sheet": (".png", ".svg", ".pdf")}
#: The longer side of a GIF's picture, and of a sheet's.
GIF_SIDE, SHEET_SIDE = 480, 360
#: Of a video: many players show nothing at all at three pictures a second, so each is shown several times.
PLAYED = 30
#: Pictures of a sheet in all, and in a row of it.
MOST, ROW = 24, 6
INSTALL = "pip install 'hfrl[video]'"
T = TypeVar("T")


class Shot(NamedTuple):
    """What was seen, after a step or at the start of an episode.

    Attributes:
        picture: what the world rendered: pixels (height, width, 3), or text.
        episode: counted from 0.
        step: the step that led here; None at the start.
        number: steps of the episode so far.
        action: the name of the last one.
        total: the return of the episode so far.
    """

    picture: Any
    episode: int
    step: Step | None
    number: int
    action: str
    total: float

    @property
    def caption(self) -> str:
        """All of it in a line."""
        if self.step is None:
            return f"episode {self.episode + 1}: start"
        end = "" if not self.step.ended else " (terminated)" if self.step.terminated else " (truncated)"
        said = f"{self.action}, reward {self.step.reward:+.1f}, return {self.total:.1f}"
        return f"episode {self.episode + 1}: {said}{end}"

    @property
    def outcome(self) -> str:
        """What an episode had come to by now: ``return 9.4 in 12 steps``."""
        return f"return {self.total:.4g} in {self.number} step{'s' * (self.number != 1)}"


class _Opening(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Keeps the picture that each episode begins with: the loop tells of steps alone."""

    first: Any = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        begun = super().reset(seed=seed, options=options)
        self.first = self.env.render()
        return begun


def shots(session: Session, env: Any, episodes: int) -> Iterator[Shot]:
    """Greedy episodes, from their starts: in the same loop that taught the agent, in evaluation's worlds.

    Args:
        session: whose agent acts.
        env: the world that is looked at, made with a render mode.
        episodes: how many.
    """
    opening = _Opening(TimeLimit(env, DEFAULT_CAP))
    switch = session.switch.frozen()
    names = action_names(env)
    total, number, ended = 0.0, 0, 0
    for event in play(opening, Greedy(session.agent), blend=switch, seed=session.evaluation_seed):
        if not isinstance(event, Acted):
            continue
        step = event.step
        if opening.first is not None:
            yield Shot(opening.first, step.episode, None, 0, "", 0.0)
            opening.first, total, number = None, 0.0, 0
        total, number = total + step.reward, number + 1
        yield Shot(env.render(), step.episode, step, number, names[step.action], total)
        ended += step.ended
        if ended == episodes:
            return


@contextmanager
def unseen() -> Iterator[None]:
    """Pictures for a file need no display, so that worlds drawn by SDL look for none, and complain of none."""
    told = os.environ.get("SDL_VIDEODRIVER")
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    try:
        yield
    finally:
        if told is None:
            del os.environ["SDL_VIDEODRIVER"]


# --- files -----------------------------------------------------------------------------------------------------------


def check(kind: str, path: str) -> None:
    """The name of a file fits what is to be written. Raises UserError."""
    if Path(path).suffix.lower() not in ENDINGS[kind]:
        raise UserError(f"--{kind} writes a {' or '.join(ENDINGS[kind])}, got {path!r}")


def write(kind: str, path: Path, taken: Iterator[Shot], episodes: int, fps: float) -> str:
    """Write the shots as ``kind``, a key of :data:`ENDINGS`: whole or not at all. Returns what was done, in words.

    Raises UserError where the file cannot be written, or a library is missing.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}{path.suffix}")
    try:
        if kind == "sheet":
            return f"Wrote {_sheet(path, taken, episodes)} pictures to {path}"
        count = {"gif": _gif, "video": _video}[kind](unfinished, taken, fps)
        os.replace(unfinished, path)
    except OSError as error:
        raise UserError(f"--{kind} {str(path)!r} cannot be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return f"Wrote {count} frames to {path}"


def _gif(path: Path, taken: Iterator[Shot], fps: float) -> int:
    pictures = [_small(shot.picture, GIF_SIDE) for shot in taken]
    facts = {"duration": round(1000 / fps), "loop": 0, "comment": command_line().encode()}
    pictures[0].save(path, format="GIF", save_all=True, append_images=pictures[1:], **facts)
    return len(pictures)


def _small(picture: NDArray[np.uint8], side: int) -> Any:
    from PIL import Image

    small = Image.fromarray(np.asarray(picture))
    small.thumbnail((side, side))
    return small


def _video(path: Path, taken: Iterator[Shot], fps: float) -> int:
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise UserError(f"a video needs imageio-ffmpeg: {INSTALL}; or --gif FILE") from error
    count, film = 0, None
    try:
        for shot in taken:
            picture = _even(np.asarray(shot.picture, dtype=np.uint8))
            if film is None:
                facts = ["-r", str(max(PLAYED, fps)), "-metadata", f"comment={command_line()}"]
                film = imageio_ffmpeg.write_frames(
                    str(path), picture.shape[1::-1], fps=fps, macro_block_size=2, output_params=facts
                )
                film.send(None)
            film.send(picture.tobytes())
            count += 1
    finally:
        if film is not None:
            film.close()
    return count


def _even(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """With an even number of rows and columns, as the codec wants them: the last one twice where it is odd."""
    rows, columns = picture.shape[0] % 2, picture.shape[1] % 2
    return np.ascontiguousarray(np.pad(picture, ((0, rows), (0, columns), (0, 0)), mode="edge"))


# --- sheets ----------------------------------------------------------------------------------------------------------


def _sheet(path: Path, taken: Iterator[Shot], episodes: int) -> int:
    from hfrl import plot, plot_film  # late: matplotlib is loaded where it draws

    each = max(ROW, MOST // episodes)
    chosen = [spread(list(shots), each) for _, shots in groupby(thinned(taken, each), lambda shot: shot.episode)]
    strips = [plot_film.Strip(f"episode {n}: {some[-1].outcome}", pictures(some)) for n, some in enumerate(chosen, 1)]
    command = command_line()
    plot.save(lambda: plot_film.figure(strips, ROW, command), path, command)
    return sum(len(some) for some in chosen)


def thinned(taken: Iterable[Shot], few: int) -> Iterator[Shot]:
    """Of each episode its start, its end and between them evenly spaced shots, so many or up to four times as many:
    the pictures of a long episode are never in memory all together."""
    for _, shots in groupby(taken, lambda shot: shot.episode):
        kept: list[Shot] = []
        every, last = 1, None
        for last in shots:
            if last.number % every == 0:
                kept.append(last)
            if len(kept) > 4 * few:
                kept, every = kept[::2], 2 * every
        yield from kept
        if last is not None and last is not kept[-1]:
            yield last


def spread(all_of: Sequence[T], few: int) -> list[T]:
    """So many of them at most: the first, the last, and evenly between them.

    >>> spread(range(10), 4), spread(range(2), 4), spread(range(3), 1)
    ([0, 3, 6, 9], [0, 1], [2])
    """
    few = min(few, len(all_of))
    if few == 1:
        return [all_of[-1]]
    return [all_of[round(place * (len(all_of) - 1) / (few - 1))] for place in range(few)]


def pictures(shots: Sequence[Shot]) -> list[tuple[NDArray[np.uint8], str]]:
    """Each shot small, with a word on what led to it."""
    return [
        (
            np.asarray(_small(shot.picture, SHEET_SIDE)),
            "start" if shot.step is None else f"{shot.number}: {shot.action}",
        )
        for shot in shots
    ]
