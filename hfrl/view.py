"""What a teaching window shows at one moment: plain records, filled by the session and drawn by the panels.

No pygame here: a test, a notebook or a web page reads the same records.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Echo(NamedTuple):
    """The answer to a press: its value, how old the echo is (seconds), and in words whom it was credited to and what it
    changed, such as ``"credited to: left 70 %, none 30 %"`` and ``"H(left) +0.20"``."""

    value: float
    age: float
    credited: str = ""
    changed: str = ""


class Card(NamedTuple):
    """The numbers of the last update, as the update card prints them.

    ``human`` is the part of the signal that the person added; ``bootstrap`` the value of what comes next, before gamma:
    struck out if the step terminated, kept if it was truncated. ``hears_reward``: False for an agent that learns from
    the person's word alone; ``human`` is then its label, and there is no ``reward`` in it. ``ahead`` is empty where
    nothing is bootstrapped.
    """

    action: str
    old: float
    new: float
    reward: float
    human: float
    gamma: float
    bootstrap: float
    target: float
    terminated: bool
    truncated: bool
    ahead: str = "max Q(s')"  # what the agent bootstraps from, in the book's letters
    letters: str = "Q(s,a)"  # what was moved
    hears_reward: bool = True

    def text(self) -> str:
        """The card in one line, for the terminal and the log."""
        ahead = f"{self.gamma:g} * {self.ahead} {self.bootstrap:.2f}"
        if self.terminated:
            ahead = "nothing ahead (terminated)"
        elif self.truncated:
            ahead += " (truncated: kept)"
        if not self.hears_reward:
            beyond = f" + {ahead}" if self.ahead else ""
            return f"{self.action}: {self.letters} {self.old:.2f} -> {self.new:.2f}; label {self.human:+.2f}{beyond}"
        human = f" {'+' if self.human >= 0 else '-'} human {abs(self.human):.2f}" if self.human else ""
        return (
            f"{self.action}: {self.letters} {self.old:.2f} -> {self.new:.2f}; "
            f"target {self.target:.2f} = r {self.reward:.2f}{human} + {ahead}"
        )


class Bar(NamedTuple):
    """One action of the present state: Q, what the person thinks of it (H), how often they said so, and whether it is
    the one on the screen."""

    action: str
    q: float
    h: float
    judged: int
    chosen: bool


class Slider(NamedTuple):
    """A number a person may change while the agent learns; ``value`` within [low, high]."""

    name: str
    value: float
    low: float
    high: float


class Counts(NamedTuple):
    """What the person did so far."""

    rewards: int = 0
    penalties: int = 0
    neutral: int = 0
    taken_back: int = 0
    per_minute: float = 0.0


class Notice(NamedTuple):
    """A card over the whole window: the start card, the help, the reaction test, the end card. ``keys_arrived`` lights
    the box that proves that the keyboard reaches this window, ``flash`` the box of the reaction test (None: no such
    box)."""

    title: str
    lines: Sequence[str]
    footer: str
    keys_arrived: bool | None = None
    flash: bool | None = None


class HeatCell(NamedTuple):
    """One cell of a world: ``value`` is max_a Q (None: it cannot be entered); ``moves`` are the ways of the best
    actions, as (rows down, columns right), and (0, 0) for one that goes nowhere; ``ends``: an episode ends here;
    ``undecided``: all actions are equally good; ``judged``: how often the person judged an action taken here."""

    value: float | None
    moves: tuple[tuple[int, int], ...] = ()
    ends: bool = False
    undecided: bool = False
    judged: int = 0


class Heat(NamedTuple):
    """What the agent thinks of every cell, in reading order; ``here`` is the number of the present one.

    ``layered``: a cell has several states (with this pizza in hand or with that one), and these are the present ones.
    """

    rows: int
    columns: int
    cells: tuple[HeatCell, ...]
    here: int | None = None
    layered: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.columns


class View(NamedTuple):
    """Everything the window shows, but the picture of the world."""

    world: str
    mode: str  # TEACHING, WATCHING, PAUSED or YOU DRIVE
    action: str
    step: int
    episode: int
    world_return: float
    human_return: float
    counts: Counts
    blend: str
    weight: float
    epsilon: float
    gamma: float
    alpha: float
    speed_wanted: float  # steps per second
    speed_real: float
    focused: bool
    strength: float
    bars: Sequence[Bar]
    sliders: Sequence[Slider]
    world_curve: Sequence[float]  # return of each past episode, oldest first
    human_curve: Sequence[float]
    keys: Sequence[tuple[str, str]]  # (key, what it does), for the legend
    echo: Echo | None = None
    card: Card | None = None
    notice: Notice | None = None
    message: str = ""
    traits: str = ""  # what is known of the person by now
    warning: str = ""  # where their praise leads, if it leads in circles
    show_uncertainty: bool = False
    heat: Heat | None = None  # worlds that are a grid
