"""A feedback log as columns: what was pressed, when, about which step, and by whom; of one run, or of a whole class."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hfrl.reading import MOST_LINE, MOST_LOG, is_finite, is_whole, open_plain, parse_json, unreadable
from hfrl.types import UserError

#: Logs of more bytes go through compiled code first: below, loading the compiler takes longer.
LARGE = 8 << 20
NUMBERS = ("t", "wall", "step", "episode", "value", "strength", "latency")


class Presses(NamedTuple):
    """The presses of a log that were not taken back, a row each.

    Attributes:
        line: (n,) int64, the line of the log, from 1.
        t: (n,) float64, seconds of the session's clock.
        wall: (n,) float64, seconds since 1970.
        step, episode: (n,) int64, what was on the screen; a step in the session's own count.
        value: (n,) float64, +1 a reward, -1 a penalty, other strengths between and beyond.
        latency: (n,) float64, seconds after the step appeared.
        trainer: (n,) int64, an index of ``trainers``.
        trainers: their names.
        session: (n,) int64, an index of ``sessions``: where a press of a pooled log comes from.
        sessions: their names; a log that is not pooled has one, without a name.
        credit: for each press its credit as it stands in the log, JSON of pairs [step, share].
    """

    line: NDArray[np.int64]
    t: NDArray[np.float64]
    wall: NDArray[np.float64]
    step: NDArray[np.int64]
    episode: NDArray[np.int64]
    value: NDArray[np.float64]
    latency: NDArray[np.float64]
    trainer: NDArray[np.int64]
    trainers: tuple[str, ...]
    session: NDArray[np.int64]
    sessions: tuple[str, ...]
    credit: Sequence[bytes]

    def shares(self, row: int) -> list[tuple[int, float]]:
        """The credit of one press: pairs (index of a step, share)."""
        return shares(self.credit[row])


class Spans(Sequence[bytes]):
    """Pieces of a log, cut out when they are asked for."""

    def __init__(self, raw: bytes, spans: NDArray[np.int64]) -> None:
        self._raw = raw
        self._spans = spans

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, row: Any) -> Any:
        begin, end = self._spans[row]
        return self._raw[begin:end]


def shares(text: bytes) -> list[tuple[int, float]]:
    """Pairs (index of a step, share) from the JSON of a credit. Raises UserError.

    >>> shares(b"[[3, 0.25], [2, 0.75]]")
    [(3, 0.25), (2, 0.75)]
    """
    try:
        pairs = parse_json(text)
        if pairs is None:
            return []
        for index, share in pairs:
            if not is_whole(index) or not is_finite(share):
                raise ValueError(f"[{index!r}, {share!r}]")
    except (ValueError, TypeError) as error:
        raise UserError(f"a credit must be pairs of a step and its share, got {error}") from error
    return [(index, share) for index, share in pairs]


def read_presses(path: Path, compiled: bool | None = None) -> Presses:
    """The presses of a ``feedback.jsonl``. A last line that was cut off is left out.

    Args:
        path: of the log, of a headless run or of a session.
        compiled: whether compiled code reads what it can; by default where the log is large.

    Raises:
        UserError: it cannot be read, or a line is no event; the line is named.
    """
    with open_plain(path, MOST_LOG) as file:
        try:
            raw = file.read()
        except OSError as error:
            raise unreadable(path, error) from error
    raw = raw[: raw.rfind(b"\n") + 1]
    if compiled or (compiled is None and len(raw) > LARGE):
        return _by_scan(raw, path)
    return _by_json(raw, path)


# --- one line after the other ----------------------------------------------------------------------------------------


class Line(NamedTuple):
    """What a line of a log says: a press, or None, and the line of a press that it takes back, or None."""

    numbers: tuple[float, ...] | None
    credit: bytes
    trainer: str
    session: str
    takes_back: int | None


def _line(text: bytes) -> Line:
    """One event. Raises ValueError with what is wrong."""
    if len(text) > MOST_LINE:
        raise ValueError(f"it has more than {MOST_LINE:,} bytes")
    event = parse_json(text)
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        raise ValueError("an event needs event, t, step, episode and value")
    if event["event"] == "take_back":
        if not is_whole(event.get("value")):
            raise ValueError(f"take_back must name the line of a press, got {event.get('value')!r}")
        return Line(None, b"", "", "", event["value"])
    if event["event"] != "feedback":
        return Line(None, b"", "", "", None)
    for key in NUMBERS:
        value = event.get(key)
        if not (is_whole(value) if key in ("step", "episode") else is_finite(value)):
            raise ValueError(f"{key} must be a {'whole ' * (key in ('step', 'episode'))}number, got {value!r}")
    trainer, session = event.get("trainer", "teacher"), event.get("session", "")
    if not isinstance(trainer, str) or not isinstance(session, str):
        raise ValueError(f"trainer and session must be names, got {trainer!r} and {session!r}")
    credit = json.dumps(event.get("credit")).encode()
    shares(credit)
    return Line(tuple(event[key] for key in NUMBERS), credit, trainer, session, None)


def _by_json(raw: bytes, path: Path) -> Presses:
    rows: dict[int, Line] = {}
    for number, text in enumerate(raw.splitlines(keepends=True), start=1):
        if text.strip():
            _note(rows, number, text, path)
    kept = [(number, row) for number, row in rows.items() if row.numbers]
    table = np.array([row.numbers for _, row in kept], dtype=np.float64).reshape(len(kept), len(NUMBERS))
    whole = np.array([row.numbers[2:4] for _, row in kept if row.numbers], dtype=np.int64).reshape(len(kept), 2)
    lines = np.array([number for number, _ in kept], dtype=np.int64)
    trainer, trainers = _coded([row.trainer for _, row in kept])
    session, sessions = _coded([row.session for _, row in kept])
    return Presses(
        lines, table[:, 0], table[:, 1], whole[:, 0], whole[:, 1], table[:, 4], table[:, 6], trainer, trainers,
        session, sessions, [row.credit for _, row in kept],
    )  # fmt: skip


def _coded(names: Sequence[str]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    known = {name: code for code, name in enumerate(dict.fromkeys(names))}
    return np.array([known[name] for name in names], dtype=np.int64), tuple(known)


def _note(rows: dict[int, Line], number: int, text: bytes, path: Path) -> None:
    """Read a line into the rows; a press that it takes back leaves them."""
    try:
        row = _line(text)
        if row.takes_back is not None and rows.pop(row.takes_back, None) is None:
            raise ValueError(f"take_back must name the line of a press, got {row.takes_back}")
        if row.numbers is not None:
            rows[number] = row
    except (ValueError, UserError) as error:
        raise UserError(f"{path}, line {number}: {error}") from error


# --- compiled first --------------------------------------------------------------------------------------------------


def _by_scan(raw: bytes, path: Path) -> Presses:
    from hfrl.scan import scan  # late: it loads the compiler

    lines = raw.count(b"\n")
    found = scan(np.frombuffer(raw, np.uint8), lines)
    left = np.flatnonzero(found.trainer < 0).tolist()
    texts = {row: raw[found.ends[row - 1] if row else 0 : found.ends[row]] for row in left[: lines // 10 + 1]}
    if len(left) > lines // 10 or any(b"take_back" in text or b"session" in text for text in texts.values()):
        return _by_json(raw, path)  # presses that are taken back or pooled, or a person's, whose times have all digits
    names = [raw[begin:end].decode("ascii") for begin, end in found.names]
    table, whole, trainer, odd = found.numbers, found.numbers[:, 2:4].astype(np.int64), found.trainer, {}
    for row, text in texts.items():
        rows: dict[int, Line] = {}
        if text.strip():
            _note(rows, row + 1, text, path)
        for one in rows.values():
            if one.numbers is not None:
                table[row], whole[row], odd[row] = one.numbers, one.numbers[2:4], one.credit
                names += [] if one.trainer in names else [one.trainer]
                trainer[row] = names.index(one.trainer)
    kept = np.flatnonzero(trainer >= 0)
    credit: Sequence[bytes] = Spans(raw, found.credit[kept])
    if odd:
        spans = found.credit
        credit = [odd[row] if row in odd else raw[spans[row, 0] : spans[row, 1]] for row in kept.tolist()]
    return Presses(
        kept + 1, table[kept, 0], table[kept, 1], whole[kept, 0], whole[kept, 1], table[kept, 4], table[kept, 6],
        trainer[kept], tuple(names), np.zeros(len(kept), np.int64), ("",), credit,
    )  # fmt: skip
