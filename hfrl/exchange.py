"""``export``, ``import`` and ``merge``: feedback as tables and data sets, and the presses of a class."""

import csv
import dataclasses
import io
import math
import os
import re
import shutil
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hfrl.again import run_again
from hfrl.config import Arm, is_code
from hfrl.experiment import Session
from hfrl.feedback import read_presses, shares
from hfrl.reading import Arrays, is_finite, is_whole, read_arrays, read_csv
from hfrl.record import (
    FeedbackLog,
    command_line,
    create_run,
    find_runs,
    seed_folders,
    write_arrays,
    write_json,
    write_text,
)
from hfrl.registry import nearest
from hfrl.saved import load_arm
from hfrl.types import Feedback, Step, UserError

FORMATS = ("csv", "parquet", "minari")
#: A table of feedback: its columns, and whether each is text, a whole number or a float.
COLUMNS = {
    "seed": int, "session": str, "trainer": str, "t": float, "wall": float, "step": int, "episode": int,
    "value": float, "latency": float, "credit": str,
}  # fmt: skip
#: The most steps that a data set is made of: they are held in memory.
MOST_STEPS = 5_000_000
#: Of a Parquet table: the most rows, how many are unpacked at once, and the most letters of a text.
MOST_ROWS, PIECE, MOST_LETTERS = 2_000_000, 1024, 1 << 16
MEANING = "infos[i + 1] is about action i: feedback (NaN: nobody said anything), presses, human (who acted)."
INSTALL = "pip install 'hfrl[data]'"


# --- export ----------------------------------------------------------------------------------------------------------


def run_export(flags: Any) -> int:
    """A run's feedback as a table, or its steps as a Minari dataset."""
    if flags.format not in FORMATS:
        known = ", ".join(FORMATS)
        raise UserError(f"unknown format {flags.format!r}{nearest(flags.format, FORMATS)} (known: {known})")
    if flags.name is not None and flags.format != "minari":
        raise UserError("--name is the id of a Minari dataset: add --format minari")
    run = find_runs(flags.run)[-1]
    try:
        if flags.format == "minari":
            said = export_minari(run, Path(flags.out or run / "minari"), flags.name, flags.trust)
        else:
            said = export_table(run, Path(flags.out or run / f"feedback.{flags.format}"), flags.format)
    except OSError as error:
        raise UserError(f"the export cannot be written: {error}") from error
    print(said)
    return 0


def export_table(run: Path, path: Path, kind: str) -> str:
    """All presses of a run as CSV or Parquet, a row each. Returns what was done, in words."""
    rows = [row for folder in logs_of(run) for row in _rows(folder)]
    columns = {column: [row[place] for row in rows] for place, column in enumerate(COLUMNS)}
    if kind == "csv":
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
        write_text(path, table.getvalue())
    else:
        arrow, parquet = _pyarrow()
        types = {int: arrow.int64(), float: arrow.float64(), str: arrow.string()}
        schema = arrow.schema([(column, types[kind]) for column, kind in COLUMNS.items()])
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        parquet.write_table(arrow.table(columns, schema=schema), unfinished)
        os.replace(unfinished, path)
    return f"Wrote {len(rows)} presses to {path}"


def _rows(folder: Path) -> Iterator[tuple[Any, ...]]:
    """The presses of a seed, in the order of :data:`COLUMNS`."""
    seed, presses = int(folder.name.removeprefix("seed_")), read_presses(folder / "feedback.jsonl")
    numbers = (presses.t, presses.wall, presses.step, presses.episode, presses.value, presses.latency)
    sessions, trainers = ([names[code] for code in codes.tolist()] for codes, names in (
        (presses.session, presses.sessions), (presses.trainer, presses.trainers)
    ))  # fmt: skip
    for row, (session, trainer, *values) in enumerate(
        zip(sessions, trainers, *(column.tolist() for column in numbers), strict=True)
    ):
        yield (seed, session, trainer, *values, presses.credit[row].decode())


def logs_of(run: Path) -> list[Path]:
    """The folders of a run's seeds that have a feedback log. Raises UserError where there is none."""
    folders = [log.parent for log in run.glob("seed_*/feedback.jsonl") if re.fullmatch("seed_[0-9]+", log.parent.name)]
    if not folders:
        raise UserError(f"{run} holds no feedback (no seed_<n>/feedback.jsonl)")
    return sorted(folders, key=lambda folder: int(folder.name.removeprefix("seed_")))


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UserError(f"Parquet needs pyarrow: {INSTALL}; or --format csv") from error
    return pyarrow, pyarrow.parquet


# --- export as a data set --------------------------------------------------------------------------------------------


class Told(NamedTuple):
    """A step, the sum of what was said of it (NaN: nothing), and by how many presses."""

    step: Step
    feedback: float
    presses: int


def export_minari(run: Path, folder: Path, name: str | None, trust: bool) -> str:
    """The steps of a run with the feedback of each, as a Minari dataset. Returns what was done, in words.

    No run records its steps: it is run again, which gives the same bits, and its agent is held against the saved one.
    """
    try:
        from minari.data_collector import EpisodeBuffer
    except ImportError as error:
        raise UserError(f"a Minari dataset needs minari: {INSTALL}; or --format csv") from error
    arm = load_arm(run, trust)
    world, agent = (re.sub(r"[^A-Za-z0-9]+", "_", word).strip("_") for word in (arm.env.split("/")[-1], arm.agent))
    chosen = name or f"hfrl/{world}/{agent}-v0"
    if (folder / chosen).exists():
        raise UserError(f"there is a data set {chosen!r} in {folder} already; choose another --out or --name")
    episodes = (one for seed in seed_folders(run) for one in episodes_of(told(run, arm, seed)))
    buffers = [EpisodeBuffer(id=index, **episode) for index, episode in enumerate(episodes)]
    if not buffers:
        raise UserError(f"{run} has no step to export")
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        unfinished.mkdir(parents=True)
        _write_minari(arm, unfinished, chosen, buffers)
        shutil.copytree(unfinished, folder, dirs_exist_ok=True)
    except (ValueError, ImportError) as error:
        raise UserError(f"the data set {chosen!r} cannot be written to {folder}: {error}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    steps = sum(len(buffer) for buffer in buffers)
    return (
        f"Wrote {steps} steps in {len(buffers)} episodes; load it with\n"
        f'  MINARI_DATASETS_PATH={folder} python -c "import minari; minari.load_dataset({chosen!r})"'
    )


def _write_minari(arm: Arm, folder: Path, name: str, buffers: Sequence[Any]) -> None:
    import minari

    session = Session(arm, arm.seeds[0])
    before = os.environ.get("MINARI_DATASETS_PATH")
    os.environ["MINARI_DATASETS_PATH"] = str(folder.resolve())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its advice on who publishes a data set
            minari.create_dataset_from_buffers(
                name,
                list(buffers),
                env=None if is_code("env", arm.env) else session.env.spec,
                observation_space=session.env.observation_space,
                action_space=session.env.action_space,
                algorithm_name=arm.full_label,
                description=f"{MEANING} Made by: {command_line()}",
                data_format="hdf5",
            )
    finally:
        session.close()
        if before is None:
            del os.environ["MINARI_DATASETS_PATH"]
        else:
            os.environ["MINARI_DATASETS_PATH"] = before


def told(run: Path, arm: Arm, folder: Path) -> list[Told]:
    """The steps of a seed, run or replayed again, with what was said of each. Raises UserError where it comes out
    otherwise than it was saved."""
    steps, credits, _ = run_again(run, arm, folder, MOST_STEPS)
    said = {index: [value * share for value, share in pairs] for index, pairs in credits.items()}
    return [
        Told(step, sum(said[step.index]) if step.index in said else math.nan, len(said.get(step.index, ())))
        for step in steps
    ]


def episodes_of(steps: Iterable[Told]) -> Iterator[dict[str, Any]]:
    """Minari's fields of one episode after the other; the last one is truncated where the run ended."""
    episode: list[Told] = []
    for one in steps:
        episode.append(one)
        if one.step.ended:
            yield _episode(episode, cut=False)
            episode = []
    if episode:
        yield _episode(episode, cut=True)


def _episode(told: Sequence[Told], cut: bool) -> dict[str, Any]:
    steps = [one.step for one in told]
    return {
        "observations": np.array([steps[0].observation, *(step.next_observation for step in steps)]),
        "actions": np.array([step.action for step in steps]),
        "rewards": np.array([step.reward for step in steps]),
        "terminations": np.array([step.terminated for step in steps]),
        "truncations": np.array([*(step.truncated for step in steps[:-1]), steps[-1].truncated or cut]),
        # As Minari has it, the first entry of an info is the reset's: what was said of action i is entry i + 1.
        "infos": {
            "feedback": np.array([math.nan, *(one.feedback for one in told)]),
            "presses": np.array([0, *(one.presses for one in told)]),
            "human": np.array([False, *(step.actor == "human" for step in steps)]),
        },
    }


# --- import ----------------------------------------------------------------------------------------------------------


def run_import(flags: Any) -> int:
    """A table of feedback, back as logs."""
    path = Path(flags.file)
    out = Path(flags.out) if flags.out else path.with_suffix("")
    rows = read_table(path)
    seeds = sorted({row["seed"] for row in rows})
    try:
        for seed in seeds:
            folder = out / f"seed_{seed}"
            folder.mkdir(parents=True, exist_ok=True)
            if (folder / "feedback.jsonl").exists():
                raise UserError(f"{folder} has a feedback.jsonl already; choose another --out")
            write_log(folder / "feedback.jsonl", [row for row in rows if row["seed"] == seed])
    except OSError as error:
        raise UserError(f"the logs cannot be written: {error}") from error
    print(f"Read {len(rows)} presses of {len(seeds)} seed(s) into {out}")
    return 0


def read_table(path: Path) -> list[dict[str, Any]]:
    """The presses of a table that export wrote. Raises UserError with the row that is not one."""
    if path.suffix.lower() == ".parquet":
        names, table = _read_parquet(path)
    elif path.suffix.lower() == ".csv":
        names, table = read_csv(path)
    else:
        raise UserError(f"import reads .csv and .parquet, got {str(path)!r}")
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        raise UserError(f"{path} has no column {missing[0]!r} (expected {', '.join(COLUMNS)})")
    rows = []
    for number, cells in enumerate(table, start=2):
        try:
            rows.append(_checked(dict(zip(names, cells, strict=True))))
        except (ValueError, UserError) as error:
            raise UserError(f"{path}, row {number}: {error}") from error
    return rows


def _checked(cells: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its values in their types. Raises ValueError or UserError."""
    row = {column: kind(cells[column]) for column, kind in COLUMNS.items()}
    for column, kind in COLUMNS.items():
        if (kind is int and not is_whole(row[column])) or (kind is float and not is_finite(row[column])):
            raise ValueError(f"{column} must be a number, got {cells[column]!r}")
    if row["seed"] < 0:
        raise ValueError(f"seed must be 0 or more, got {row['seed']}")
    shares(row["credit"].encode())
    return row


def _read_parquet(path: Path) -> tuple[list[str], list[list[Any]]]:
    """In pieces, and with each text once however often it stands in the table: a few bytes of the file may stand for
    any number of rows, and of letters in each."""
    _, parquet = _pyarrow()
    from hfrl.reading import MOST_ARRAYS, open_plain, unreadable

    texts = [column for column, kind in COLUMNS.items() if kind is str]
    rows: list[list[Any]] = []
    with open_plain(path, MOST_ARRAYS) as file:
        try:
            whole = parquet.ParquetFile(file, read_dictionary=texts)
            names = [name for name in COLUMNS if name in whole.schema_arrow.names]
            count = sum(whole.metadata.row_group(group).num_rows for group in range(whole.num_row_groups))
            if count > MOST_ROWS:
                raise ValueError(f"it has {count:,} rows, and at most {MOST_ROWS:,} are read")
            for piece in whole.iter_batches(PIECE, columns=names):
                for name in set(texts) & set(names):
                    longest = max(map(len, piece.column(name).dictionary.to_pylist()), default=0)
                    if longest > MOST_LETTERS:
                        raise ValueError(f"a {name} has {longest:,} letters, and at most {MOST_LETTERS:,} are read")
                rows += map(list, zip(*(piece.column(name).to_pylist() for name in names), strict=True))
        except Exception as error:  # a damaged file raises whatever its damage leads to
            raise unreadable(path, error) from error
    return names, rows


def write_log(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """A ``feedback.jsonl`` of these presses, as a headless run writes it."""
    log = FeedbackLog(path)
    for row in rows:
        feedback = Feedback(row["value"], row["t"], row["latency"], row["trainer"])
        log.press(feedback, row["step"], row["episode"], shares(row["credit"].encode()), row["wall"], row["session"])
    log.close()


# --- merge -----------------------------------------------------------------------------------------------------------


def run_merge(flags: Any) -> int:
    """One run folder of several: all presses in one log, and one H of all who taught."""
    runs = list(dict.fromkeys(run for path in flags.run for run in find_runs(path)))
    if len(runs) < 2:
        raise UserError("merge takes at least two run folders, or a folder that holds some")
    arms = [load_arm(run, flags.trust) for run in runs]
    for run, arm in zip(runs, arms, strict=True):
        if (arm.env, arm.env_kwargs) != (arms[0].env, arms[0].env_kwargs):
            raise UserError(f"merge takes runs of one world: {runs[0]} is {arms[0].env}, {run} is {arm.env}")
    taught = [folder for run in runs for folder in logs_of(run)]
    saved = [read_arrays(folder / "final.npz") for folder in taught if (folder / "final.npz").is_file()]
    pooled = dataclasses.replace(arms[0], seeds=(0,), total_timesteps=1)
    session = Session(pooled, 0)
    try:
        session.restore(session.arrays() | pool(saved))
        made = create_run(Path(flags.out), pooled, command_line())
        said = _pool_logs(taught, made / "seed_0" / "feedback.jsonl")
        write_arrays(made / "seed_0" / "final.npz", session.arrays())
        write_json(made / "seed_0" / "pooled.json", {"sessions": said})
    finally:
        session.close()
    for one in said:
        print(f"{one['presses']:6d} presses   {', '.join(one['trainers'])}   {one['session']}")
    print(f"{sum(one['presses'] for one in said):6d} presses pooled in {made}")
    print(f"  python -m hfrl.run play --env {pooled.env} --load {made}   goes on with what all of them taught")
    return 0


def pool(saved: Sequence[Arrays]) -> Arrays:
    """One H of several: means are weighed by how often was judged, sums and counts add up. Raises UserError.

    >>> one, two = ({"h_mean": np.array([[m]]), "h_count": np.array([[n]])} for m, n in ((1.0, 3), (-1.0, 1)))
    >>> {name: array.tolist() for name, array in pool([one, two]).items()}
    {'h_count': [[4]], 'h_mean': [[0.5]]}
    """
    saved = [one for one in saved if "h_count" in one]
    if not saved:
        return {}
    if len({(one["h_count"].shape, "h_mean" in one) for one in saved}) > 1:
        raise UserError("the models of the people do not fit together: they have different shapes")
    count = np.sum([one["h_count"] for one in saved], axis=0)
    name = "h_mean" if "h_mean" in saved[0] else "h_total"
    if any(name not in one or one[name].shape != count.shape for one in saved):
        raise UserError(f"the models of the people do not fit together: one has no {name} of shape {count.shape}")
    if name == "h_total":
        return {"h_count": count, "h_total": np.sum([one["h_total"] for one in saved], axis=0)}
    total: NDArray[np.float64] = np.sum([one["h_mean"] * one["h_count"] for one in saved], axis=0)
    return {"h_count": count, "h_mean": total / np.maximum(count, 1)}


def _pool_logs(folders: Sequence[Path], path: Path) -> list[dict[str, Any]]:
    """All presses in one log, each with the session it comes from. Returns who pressed how often where."""
    said = []
    rows: list[dict[str, Any]] = []
    for folder in folders:
        session = f"{folder.parent.name}/{folder.name}"
        here = [dict(zip(COLUMNS, row, strict=True)) for row in _rows(folder)]
        rows += [row | {"session": row["session"] or session} for row in here]
        said.append({"session": session, "presses": len(here), "trainers": sorted({row["trainer"] for row in here})})
    write_log(path, rows)
    return said
