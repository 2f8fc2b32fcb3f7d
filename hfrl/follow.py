"""``watch-metrics``: runs in the terminal while they train, from the files that they are writing."""

import csv
import io
import math
import os
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hfrl.reading import read_json
from hfrl.record import find_runs
from hfrl.types import UserError

#: Episodes that the running mean is taken over, as Stable-Baselines3 does.
RECENT = 100
#: The most bytes that are read of a file at one look.
LOOK = 4 << 20
BARS = "▁▂▃▄▅▆▇█"
CURVE_WIDTH = 10


class Tail:
    """A growing CSV file, read on from where it was left; read anew where another one stands in its place."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._clear(0)

    def _clear(self, inode: int) -> None:
        self._inode = inode
        self._at = 0
        self._cut = b""
        self.columns: list[str] = []
        self.anew = True

    def rows(self) -> list[dict[str, str]]:
        """The whole rows that came since the last call; ``anew`` says whether they are the first ones."""
        try:
            with self._path.open("rb") as file:
                facts = os.fstat(file.fileno())
                if facts.st_ino != self._inode or facts.st_size < self._at:
                    self._clear(facts.st_ino)
                else:
                    self.anew = False
                file.seek(self._at)
                read = file.read(LOOK)
        except OSError:
            return []
        self._at += len(read)
        whole, _, self._cut = (self._cut + read).rpartition(b"\n")
        lines = [line for line in whole.decode("utf-8", "replace").split("\n") if line and not line.startswith("#")]
        rows = list(csv.reader(io.StringIO("\n".join(lines))))
        if rows and not self.columns:
            self.columns = rows.pop(0)
        return [dict(zip(self.columns, row, strict=False)) for row in rows]


def number(text: str | None) -> float | None:
    """A cell as a number; None where it is empty or none.

    >>> number("1.5"), number(""), number("nan"), number(None)
    (1.5, None, None, None)
    """
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def curve(values: Sequence[float], width: int = CURVE_WIDTH) -> str:
    """The last values as small bars, on a scale from the lowest of all to the highest.

    >>> curve([0, 1, 2, 7])
    '▁▂▃█'
    """
    if not values:
        return ""
    low, span = min(values), (max(values) - min(values)) or 1.0
    return "".join(BARS[min(len(BARS) - 1, int((value - low) / span * len(BARS)))] for value in values[-width:])


class Followed:
    """One seed of a run, as far as its files tell."""

    def __init__(self, folder: Path, total: int | None) -> None:
        self.folder = folder
        self.total = total
        self._monitor = Tail(folder / "monitor.csv")
        self._progress = Tail(folder / "progress.csv")
        self.steps, self.episodes = 0.0, 0
        self.recent: deque[float] = deque(maxlen=RECENT)
        self.evaluations: list[float] = []
        self.last: dict[str, str] = {}

    @property
    def done(self) -> bool:
        """Whether it was summed up: at its end, or where it was stopped."""
        return (self.folder / "summary.json").is_file()

    def look(self) -> None:
        """Read what was written since the last look."""
        for row in self._monitor.rows():
            total, length = number(row.get("r")), number(row.get("l"))
            if self._monitor.anew:
                self.steps, self.episodes, self._monitor.anew = 0.0, 0, False
                self.recent.clear()
            if total is not None and length is not None:
                self.recent.append(total)
                self.steps += length
                self.episodes += 1
        for row in self._progress.rows():
            self.last = row
            reward = number(row.get("eval/mean_reward"))
            if reward is not None:
                self.evaluations.append(reward)

    def cells(self) -> list[str]:
        """A row of the table."""
        steps = max(self.steps, number(self.last.get("time/total_timesteps")) or 0)
        share = "done" if self.done else f"{100 * steps / self.total:.0f} %" if self.total else ""
        mean = f"{sum(self.recent) / len(self.recent):.2f}" if self.recent else "-"
        shown = [number(self.last.get(key)) for key in ("eval/mean_reward", "eval/mean_taste", "human/presses")]
        seed = self.folder.name.removeprefix("seed_")
        cells = [f"{value:.2f}" if value is not None else "-" for value in shown[:2]]
        presses = f"{shown[2]:,.0f}" if shown[2] is not None else "-"
        return [seed, f"{steps:,.0f}", share, f"{self.episodes:,}", mean, *cells, presses, curve(self.evaluations)]


HEADERS = ("seed", "steps", "", "episodes", f"last {RECENT}", "greedy", "taste", "presses", "")
RIGHT = 8


def run_watch_metrics(flags: Any) -> int:
    """Follow the runs until all are done, or Ctrl-C."""
    if not 0.05 <= flags.every <= 3600:
        raise UserError(f"--every must be within 0.05 to 3600 seconds, got {flags.every}")
    known: dict[Path, Followed] = {}
    console = Console(highlight=False)
    if flags.once:
        _look(flags.run, known)
        console.print(_tables(known))
        return 0
    try:
        with Live(console=console, auto_refresh=False) as live:
            while True:
                _look(flags.run, known)
                live.update(_tables(known), refresh=True)
                if all(one.done for one in known.values()):
                    return 0
                time.sleep(flags.every)
    except KeyboardInterrupt:
        return 0


def _look(paths: Sequence[str], known: dict[Path, Followed]) -> None:
    for run in dict.fromkeys(run for path in paths for run in find_runs(path)):
        for folder in sorted(run.glob("seed_*"), key=lambda folder: (len(folder.name), folder.name)):
            if folder not in known:
                known[folder] = Followed(folder, _total(run))
    for one in known.values():
        one.look()


def _total(run: Path) -> int | None:
    config = read_json(run / "config.json")
    total = config.get("total_timesteps") if isinstance(config, dict) else None
    return total if isinstance(total, int) and total > 0 else None


def _tables(known: dict[Path, Followed]) -> Group:
    shown: list[Any] = []
    for run in dict.fromkeys(folder.parent for folder in known):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for place, header in enumerate(HEADERS):
            table.add_column(header, justify="right" if place < RIGHT else "left", no_wrap=True)
        for folder, one in known.items():
            if folder.parent == run:
                table.add_row(*map(Text, one.cells()))
        shown += [Text(str(run), style="bold", overflow="fold"), table]
    return Group(*shown)
