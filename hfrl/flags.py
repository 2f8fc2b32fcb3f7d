"""The flags of the commands that read run folders and hand them on: what ``--help`` says of each."""

from dataclasses import dataclass

from hfrl.config import Train


@dataclass(frozen=True, kw_only=True)
class Trusting:
    """What every command that reads run folders has."""

    trust: bool = False
    """Run code that the folder's config names (agent = file.py:Name): for folders of your own."""


@dataclass(frozen=True)
class WatchMetrics:
    """Follow runs in the terminal while they train: steps, returns, feedback, and the curve of the evaluations."""

    run: tuple[str, ...]
    """Run folders, or folders that hold some, such as runs; they may be added to."""
    every: float = 1.0
    """Seconds between two looks."""
    once: bool = False
    """Look once and end."""


@dataclass(frozen=True)
class Export(Trusting):
    """Write a run's feedback as CSV or Parquet, or its steps with the feedback of each as a Minari dataset."""

    run: str
    """A run folder, of train, play or merge."""
    format: str = "csv"
    """csv, parquet or minari (pip install 'hfrl[data]' for the last two)."""
    out: str | None = None
    """The file, or the folder of Minari datasets. [feedback.csv or .parquet, or minari/, in the run folder]"""
    name: str | None = None
    """minari: the dataset's id. [hfrl/WORLD/AGENT-v0]"""


@dataclass(frozen=True)
class Import:
    """Read a table of feedback (CSV or Parquet) back into logs, one for each seed."""

    file: str
    """The table, as export writes it."""
    out: str | None = None
    """The folder of the logs. [beside the file, under its name]"""


@dataclass(frozen=True)
class Merge(Trusting):
    """Pool the sessions of a class: one log of all presses, and one model of all who taught."""

    run: tuple[str, ...]
    """Run folders of one world, or folders that hold some."""
    out: str = "runs"
    """The folder that the pooled run folder is made in."""


@dataclass(frozen=True)
class Compare(Trusting):
    """Say in words whether two runs can be told apart, seed by seed, and how many seeds more it would take."""

    run: tuple[str, ...]
    """Two run folders."""
    power: float = 0.8
    """The probability with which the additional seeds should tell the two apart."""
    json: bool = False
    """End the output with one line of JSON."""


@dataclass(frozen=True)
class Sweep(Train):
    """Run a grid of settings, here or on a cluster: finished cells are skipped, failed ones wait for --retry."""

    out: str = "sweeps"
    """The folder of the cells."""
    retry: bool = False
    """Run cells that failed before once more."""
    backend: str = "loky"
    """Where it runs: loky (processes of this machine), ray or dask (pip install 'hfrl[ray]' or 'hfrl[dask]')."""
    space: tuple[str, ...] = ()
    """Settings to search with Optuna (pip install 'hfrl[search]'): key=low:high, key=log:low:high, key=value,value."""
    trials: int = 30
    """How many settings a search tries."""
    objective: str = "return"
    """What a search is for: the final return or the final taste of the agent alone."""
    address: str | None = None
    """The cluster: auto or HOST:PORT for ray, tcp://HOST:PORT for dask. [one is started on this machine]"""
