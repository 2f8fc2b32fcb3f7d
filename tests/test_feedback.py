"""Feedback as columns, as tables and data sets, and pooled: what went out comes back, and nobody's press is lost."""

import csv
import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hfrl import exchange, feedback
from hfrl.feedback import Presses, read_presses
from hfrl.reading import read_arrays
from hfrl.record import FeedbackLog
from hfrl.run import main
from hfrl.types import Feedback, UserError

FEW = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TAUGHT = (
    *("--env", "hfrl/Pizza-v0", "--teacher", "oracle:likelihood=0.3,delay=0.5", "--blend", "reward_shaping"),
    *("-n", "300", "--seeds", "0-1", "--eval-freq", "0", "--eval-episodes", "2", "--jobs", "1", "--no-progress"),
)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds at the counter, taught late, so that credit is shared."""
    out = tmp_path_factory.mktemp("taught")
    assert main([*TAUGHT, "--out", str(out)]) == 0
    return next(out.glob("*/*"))


@pytest.fixture(scope="module")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two people at the counter: each praised, blamed, and took one press back."""
    out = tmp_path_factory.mktemp("lessons")
    keys = [(0.2, "return"), (1.0, "up"), (2.0, "down"), (2.2, "up"), (2.4, "backspace")]
    (out / "keys.jsonl").write_text("".join(json.dumps({"t": t, "key": key}) + "\n" for t, key in keys))
    line = ("play", "--warmup", "0", "--keys", str(out / "keys.jsonl"), "--duration", "5", "--fast")
    for seed, trainer in enumerate(("anna", "ben")):
        assert main([*line, "--seed", str(seed), "--trainer", trainer, "--out", str(out / trainer)]) == 0
    return [next((out / trainer).glob("*/*")) for trainer in ("anna", "ben")]


def same(one: Presses, other: Presses) -> None:
    for name in ("line", "t", "wall", "step", "episode", "value", "latency"):
        mine, theirs = getattr(one, name), getattr(other, name)
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs, err_msg=name)
    for codes, names in (("trainer", "trainers"), ("session", "sessions")):
        mine, theirs = ([getattr(p, names)[code] for code in getattr(p, codes)] for p in (one, other))
        assert mine == theirs
    assert [one.shares(row) for row in range(len(one.t))] == [other.shares(row) for row in range(len(other.t))]


# --- columns ---------------------------------------------------------------------------------------------------------


def test_a_log_by_hand(tmp_path: Path) -> None:
    log = FeedbackLog(tmp_path / "a.jsonl")
    log.press(Feedback(1.0, 0.5, 0.25, "anna"), 3, 0, [(3, 1.0)], wall=10.5)
    log.press(Feedback(-0.5, 1.25, 0.75, "ben"), 4, 1, [(4, 0.25), (3, 0.75)], wall=11.5, session="b")
    log.close()
    presses = read_presses(tmp_path / "a.jsonl")
    assert presses.t.tolist() == [0.5, 1.25]
    assert presses.wall.tolist() == [10.5, 11.5]
    assert presses.step.tolist() == [3, 4]
    assert presses.episode.tolist() == [0, 1]
    assert presses.value.tolist() == [1.0, -0.5]
    assert presses.latency.tolist() == [0.25, 0.75]
    assert [presses.trainers[code] for code in presses.trainer] == ["anna", "ben"]
    assert [presses.sessions[code] for code in presses.session] == ["", "b"]
    assert presses.shares(1) == [(4, 0.25), (3, 0.75)]


def test_what_was_taken_back_is_not_there(lessons: list[Path]) -> None:
    presses = read_presses(lessons[0] / "seed_0" / "feedback.jsonl")
    assert presses.value.tolist() == [1.0, -1.0]
    assert presses.trainers == ("anna",)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_headless_log_is_read_either_way(taught: Path, compiled: bool) -> None:
    path = taught / "seed_1" / "feedback.jsonl"
    presses = read_presses(path, compiled)
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(events) > 50
    for key in ("t", "wall", "step", "episode", "value", "latency"):
        assert getattr(presses, key).tolist() == [event[key] for event in events]
    assert [presses.shares(row) for row in range(len(events))] == [
        [(index, share) for index, share in event["credit"]] for event in events
    ]
    same(presses, read_presses(path, not compiled))


LETTERS = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\x85\u2028\u2029"), max_size=6)
NUMBER = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-1e6, 1e6).map(lambda value: round(value, 3)),
    st.sampled_from([0, -0.0, 0.1, 1e-05, 1e22, 2**53, 2**53 + 1, 0.1 + 0.2, 123456789.123456]),
)
EVENT = st.fixed_dictionaries(
    {"event": st.just("feedback"), "t": NUMBER, "wall": NUMBER}
    | {"step": st.integers(-9, 2**53), "episode": st.integers(0, 9)}
    | dict.fromkeys(("value", "strength", "latency"), NUMBER)
    | {"credit": st.lists(st.tuples(st.integers(0, 9), st.floats(0, 1))), "trainer": LETTERS}
)  # fmt: skip


@FEW
@given(events=st.lists(EVENT, max_size=12), spoil=st.sampled_from(["", " ", "\n", '{"event": "step"}\n']))
def test_the_compiled_reader_is_the_other_one_s_twin(events: list[dict[str, Any]], spoil: str, tmp_path: Path) -> None:
    """Whatever the numbers look like: what compiled code does not read exactly, it leaves to the reader of JSON."""
    path = tmp_path / "a.jsonl"
    plain = '{"event": "feedback", "t": 0.5, "wall": 1, "step": 0, "episode": 0, "value": 1.0, "strength": 1.0, '
    plain += '"latency": 0.25, "credit": [[0, 1.0]], "trainer": "p"}\n'
    # Under one line in ten may be odd, or all of them are read by the other one.
    path.write_text(spoil + "".join(json.dumps(event) + "\n" + 10 * plain for event in events))
    same(read_presses(path, True), read_presses(path, False))


NO_NUMBERS = ("007", "1.", ".5", "-", "+1", "1e5", "--1", "1.5.5", "0x1", "1_0", "", "1" * 18, "NaN", "-01", "01.5")


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_a_number_that_json_does_not_have_is_refused_either_way(text: str, tmp_path: Path) -> None:
    line = '{"event": "feedback", "t": %s, "wall": 1, "step": 0, "episode": 0, "value": 1.0, "strength": 1.0, '
    line += '"latency": 0, "credit": [[0, 1.0]], "trainer": "p"}\n'
    path = tmp_path / "a.jsonl"
    path.write_text((line % "1") * 20 + line % text)
    results = []
    for compiled in (False, True):
        try:
            results.append(read_presses(path, compiled).t.tolist())
        except UserError as error:
            results.append(str(error))
    assert results[0] == results[1]
    assert (text in ("1e5", "1" * 18)) == isinstance(results[0], list)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("[]", "an event needs"),
        ('{"event": 3}', "an event needs"),
        ('{"event": "feedback", "t": "x"}', "t must be a number"),
        ('{"event": "take_back", "value": 1}', "take_back must name the line"),
        ('{"event": "take_back", "value": "x"}', "take_back must name the line"),
        ("{", "line 2"),
    ],
)
@pytest.mark.parametrize("compiled", [False, True])
def test_a_damaged_line_is_named(line: str, word: str, compiled: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"event": "step"}}\n{line}\n')
    with pytest.raises(UserError, match=word) as caught:
        read_presses(path, compiled)
    assert f"{path}, line 2: " in str(caught.value)


@pytest.mark.parametrize("key", ["step", "value", "trainer", "credit", "session"])
@pytest.mark.parametrize("compiled", [False, True])
def test_a_value_of_another_type_is_refused(key: str, compiled: bool, tmp_path: Path) -> None:
    event = {"event": "feedback", "t": 0, "wall": 1, "step": 0, "episode": 0, "value": 1, "strength": 1, "latency": 0}
    event |= {"credit": [[0, 1.0]], "trainer": "p"}
    path = tmp_path / "a.jsonl"
    for wrong in ({"a": 1}, [[0.5, "x"]], True):
        path.write_text(json.dumps(event | {key: wrong}) + "\n")
        with pytest.raises(UserError, match="line 1: "):
            read_presses(path, compiled)


def test_a_last_line_that_was_cut_off_is_left_out(taught: Path, tmp_path: Path) -> None:
    raw = (taught / "seed_0" / "feedback.jsonl").read_bytes()
    (tmp_path / "a.jsonl").write_bytes(raw[:-20])
    for compiled in (False, True):
        assert len(read_presses(tmp_path / "a.jsonl", compiled).t) == raw.count(b"\n") - 1


# --- tables ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_feedback_goes_out_and_comes_back_the_same_bytes(
    kind: str, taught: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    table = tmp_path / f"feedback.{kind}"
    assert main(["export", str(taught), "--format", kind, "--out", str(table)]) == 0
    assert main(["import", str(table)]) == 0
    for seed in ("seed_0", "seed_1"):
        back = tmp_path / "feedback" / seed / "feedback.jsonl"
        assert back.read_bytes() == (taught / seed / "feedback.jsonl").read_bytes()
    assert main(["import", str(table)]) == 2
    assert "has a feedback.jsonl already" in capsys.readouterr().err


def test_the_table_is_what_was_pressed(taught: Path, tmp_path: Path) -> None:
    assert main(["export", str(taught), "--out", str(tmp_path / "a.csv")]) == 0
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    events = [
        (seed, json.loads(line))
        for seed in ("0", "1")
        for line in (taught / f"seed_{seed}" / "feedback.jsonl").read_text().splitlines()
    ]
    assert len(rows) == len(events)
    for row, (seed, event) in zip(rows, events, strict=True):
        assert row["seed"] == seed
        assert float(row["value"]) == event["value"]
        assert json.loads(row["credit"]) == event["credit"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda text: text.replace("credit", "kredit", 1), "no column 'credit'"),
        (lambda text: text.replace("-1.0", "nan", 1), "value must be a number"),
        (lambda text: text.replace("-1.0", "bad", 1), "row "),
        (lambda text: text.replace("[[", "[", 1), "row "),
        (lambda text: text.replace("\n0,", "\n-3,", 1), "seed must be 0 or more"),
        (lambda text: text.replace("\n0,", "\n99999999999999999999,", 1), "seed must be a number"),
        (lambda text: "", "no header"),
    ],
)
def test_a_damaged_table_is_one_line(
    change: Any, word: str, taught: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.csv"
    assert main(["export", str(taught), "--out", str(path)]) == 0
    path.write_text(change(path.read_text()))
    capsys.readouterr()
    assert main(["import", str(path)]) == 2
    said = capsys.readouterr().err
    assert word in said
    assert said.count("\n") == 1
    assert not (tmp_path / "a").exists()


def test_a_damaged_parquet_file_is_one_line(taught: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "a.parquet"
    assert main(["export", str(taught), "--format", "parquet", "--out", str(path)]) == 0
    raw = path.read_bytes()
    for content in (b"", b"PAR1", raw[: len(raw) // 2], raw[:-9] + b"\xff" + raw[-8:]):
        path.write_bytes(content)
        capsys.readouterr()
        assert main(["import", str(path)]) == 2
        assert "cannot be read" in capsys.readouterr().err


def test_a_small_parquet_file_that_stands_for_a_giant_table_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value that is repeated costs a file nothing, and the memory of whoever unpacks it everything."""
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")

    def table(count: int, credit: str) -> Path:
        values = {int: [0], float: [0.5], str: ["a"]}
        columns = {name: values[kind] for name, kind in exchange.COLUMNS.items()} | {"credit": [credit]}
        columns = {
            name: arrow.DictionaryArray.from_arrays(np.zeros(count, np.int32), arrow.array(value))
            for name, value in columns.items()
        }
        parquet.write_table(arrow.table(columns), tmp_path / "a.parquet")
        return tmp_path / "a.parquet"

    path = table(30_000, "[[0, 1.0]]")
    assert path.stat().st_size < 50_000
    monkeypatch.setattr(exchange, "MOST_ROWS", 20_000)
    assert main(["import", str(path)]) == 2
    assert "it has 30,000 rows, and at most 20,000 are read" in capsys.readouterr().err
    path = table(2_000, "[" * 1_000_000)
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    assert main(["import", str(path)]) == 2
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    assert "a credit has 1,000,000 letters, and at most 65,536 are read" in capsys.readouterr().err


# --- a data set ------------------------------------------------------------------------------------------------------


def minari_dataset(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    minari = pytest.importorskip("minari")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(folder))
    return minari.load_dataset(name)


def test_a_minari_dataset_has_the_steps_and_what_was_said_of_each(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("minari")
    line = ["export", str(taught), "--format", "minari", "--out", str(tmp_path / "sets")]
    assert main(line) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["sets"]
    data = minari_dataset(tmp_path / "sets", "hfrl/Pizza_v0/q_learning-v0", monkeypatch)
    assert data.total_steps == 600
    episodes = list(data.iterate_episodes())
    said = np.concatenate([episode.infos["feedback"][1:] for episode in episodes])
    presses = np.concatenate([episode.infos["presses"][1:] for episode in episodes])
    # The log is the other witness: the shares of every press, by the step they went to.
    expected, count = np.full(600, np.nan), np.zeros(600, int)
    for seed in (0, 1):
        log = read_presses(taught / f"seed_{seed}" / "feedback.jsonl")
        for row, value in enumerate(log.value.tolist()):
            for index, share in log.shares(row):
                at = 300 * seed + index
                expected[at] = value * share + (0 if np.isnan(expected[at]) else expected[at])
                count[at] += 1
    np.testing.assert_allclose(said, expected, rtol=1e-12)
    np.testing.assert_array_equal(presses, count)
    rewards = np.concatenate([episode.rewards for episode in episodes])
    lengths = [len(episode.rewards) for episode in episodes]
    monitors = [(taught / f"seed_{seed}" / "monitor.csv").read_text().splitlines()[2:] for seed in (0, 1)]
    ended = [episode for episode in episodes if episode.terminations[-1]]
    assert len(ended) >= 20
    assert sum(lengths) == 600
    returns = [f"{round(float(episode.rewards.sum()), 6)}" for episode in episodes]
    for row in monitors[0] + monitors[1]:
        assert row.split(",")[0] in returns
    assert len(rewards) == 600
    for episode in episodes:
        assert len(episode.observations) == len(episode.actions) + 1
        assert not episode.infos["human"].any()
    capsys.readouterr()
    assert main(line) == 2
    assert "already" in capsys.readouterr().err


def test_a_person_s_session_is_a_data_set_too(
    lessons: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("minari")
    line = ["export", str(lessons[0]), "--format", "minari", "--name", "class/anna-v0", "--out", str(tmp_path)]
    assert main(line) == 0
    data = minari_dataset(tmp_path, "class/anna-v0", monkeypatch)
    said = np.concatenate([episode.infos["feedback"][1:] for episode in data.iterate_episodes()])
    assert np.nansum(said) == pytest.approx(0.0)  # one praise, one blame; what was taken back is not there
    assert np.nansum(np.abs(said)) == pytest.approx(2.0)


def test_a_run_that_does_not_come_out_the_same_is_refused(
    taught: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("minari")
    import shutil

    from hfrl.record import write_arrays

    run = tmp_path / "run"
    shutil.copytree(taught, run)
    saved = read_arrays(run / "seed_0" / "final.npz")
    saved["q"][0, 0] += 1e-12
    write_arrays(run / "seed_0" / "final.npz", saved)
    assert main(["export", str(run), "--format", "minari"]) == 2
    assert "does not come out the same" in capsys.readouterr().err
    assert not (run / "minari").exists()


# --- a class ---------------------------------------------------------------------------------------------------------


def test_the_sessions_of_a_class_are_pooled(lessons: list[Path], tmp_path: Path) -> None:
    assert main(["merge", *map(str, lessons), "--out", str(tmp_path)]) == 0
    made = next(tmp_path.glob("*/*"))
    presses = read_presses(made / "seed_0" / "feedback.jsonl")
    alone = [read_presses(run / f"seed_{seed}" / "feedback.jsonl") for seed, run in enumerate(lessons)]
    assert presses.value.tolist() == [value for one in alone for value in one.value.tolist()]
    assert presses.trainers == ("anna", "ben")
    assert presses.sessions == tuple(f"{run.name}/seed_{seed}" for seed, run in enumerate(lessons))
    # One H: every label counts once.
    models = [read_arrays(run / f"seed_{seed}" / "final.npz") for seed, run in enumerate(lessons)]
    pooled = read_arrays(made / "seed_0" / "final.npz")
    counts = [model["h_count"] for model in models]
    np.testing.assert_array_equal(pooled["h_count"], counts[0] + counts[1])
    total = sum(model["h_mean"] * model["h_count"] for model in models)
    np.testing.assert_allclose(pooled["h_mean"] * pooled["h_count"], total)
    assert pooled["h_count"].sum() > 0
    assert (pooled["q"] == 0).all()  # nobody's agent: only what the people said
    assert main(["evaluate", str(made), "--episodes", "2"]) == 0
    assert main(["merge", str(made), str(lessons[0]), "--out", str(tmp_path / "again")]) == 0
    again = read_presses(next((tmp_path / "again").glob("*/*")) / "seed_0" / "feedback.jsonl")
    assert again.sessions == presses.sessions
    assert len(again.t) == len(presses.t) + len(alone[0].t)


def test_only_one_world_is_pooled(lessons: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = [word.replace("hfrl/Pizza-v0", "FrozenLake-v1") for word in TAUGHT]
    assert main([*line, "--out", str(tmp_path / "lake")]) == 0
    capsys.readouterr()
    assert main(["merge", str(lessons[0]), str(tmp_path / "lake")]) == 2
    assert "merge takes runs of one world" in capsys.readouterr().err
    assert main(["merge", str(lessons[0])]) == 2
    assert "at least two" in capsys.readouterr().err


def test_models_that_do_not_fit_are_refused() -> None:
    one = {"h_mean": np.zeros((2, 2)), "h_count": np.ones((2, 2), int)}
    for other in (
        {"h_mean": np.zeros((3, 2)), "h_count": np.ones((3, 2), int)},
        {"h_total": np.zeros((2, 2)), "h_count": np.ones((2, 2), int)},
        {"h_mean": np.zeros((3, 2)), "h_count": np.ones((2, 2), int)},
    ):
        with pytest.raises(UserError, match="do not fit together"):
            exchange.pool([one, other])
    tiles = {"h_total": np.full((2, 2), 0.5), "h_count": np.ones((2, 2), int)}
    assert exchange.pool([tiles, tiles])["h_total"].tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert exchange.pool([{"q": np.zeros(2)}]) == {}


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (["export"], "export needs a run folder"),
        (["export", "RUN", "--format", "xls"], "unknown format 'xls' (known: csv"),
        (["export", "RUN", "--format", "cvs"], "did you mean 'csv'?"),
        (["export", "RUN", "--name", "a"], "--format minari"),
        (["export", "RUN", "--out", "/dev/null/x.csv"], "cannot be written"),
        (["export", "nowhere"], "there is no folder"),
        (["import", "a.txt"], "import reads .csv and .parquet"),
        (["import"], "import needs a file"),
    ],
)
def test_a_mistake_is_one_line(line: list[str], word: str, taught: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(taught) if part == "RUN" else part for part in line]) == 2
    said = capsys.readouterr().err
    assert word in said
    assert said.count("\n") == 1


def test_a_large_log_takes_the_compiled_way(taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback, "LARGE", 1000)
    monkeypatch.setattr(feedback, "_by_json", lambda raw, path: pytest.fail("line by line"))
    assert len(read_presses(taught / "seed_0" / "feedback.jsonl").t) > 50
