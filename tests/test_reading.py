"""Files from a stranger: whatever is in them, a reader answers or says one line, in bounded time and memory."""

import importlib.util
import os
import random
import sys
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hfrl import reading
from hfrl.config import Train, arms, is_code, parse_seeds
from hfrl.config_file import read_config
from hfrl.kernel import CLOCK
from hfrl.record import write_arrays
from hfrl.run import main
from hfrl.types import UserError

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "fuzz_readers.py"
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def script() -> Any:
    spec = importlib.util.spec_from_file_location("fuzz_readers", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz_readers"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def fuzz() -> Any:
    return script()


@pytest.fixture(scope="module")
def readers(fuzz: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    known: dict[str, Any] = fuzz.targets(tmp_path_factory.mktemp("readers"))
    return known


@pytest.fixture(scope="module")
def hook(fuzz: Any) -> Any:
    return fuzz.Hook()


NAMES = [
    *(
        "arrays",
        "agent",
        "network",
        "evaluations",
        "summary",
        "config",
        "record",
        "meta",
        "figure",
        "session",
        "log",
        "monitor",
    ),
    *("checkpoint", "going_on", "kernel", "presses", "compiled", "table", "progress", "delays", "keys", "keymap"),
    *(("parquet",) if importlib.util.find_spec("pyarrow") else ()),
]
LARGE = ("arrays", "parquet", "agent", "network", "checkpoint", "going_on", "kernel")


def refused(path: Path, most: int = reading.MOST_ARRAYS) -> str:
    with pytest.raises(UserError) as caught:
        reading.read_arrays(path, most)
    said = str(caught.value)
    assert said.startswith(f"{path} cannot be read: ")
    assert "\n" not in said
    return said


def member(shape: str, kind: str = "'<f8'", data: bytes = b"") -> bytes:
    """An array's file whose header says this."""
    header = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (63 - (len(header) + 10) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


def archive(path: Path, packing: int = zipfile.ZIP_DEFLATED, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", packing) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return path


# --- every reader ----------------------------------------------------------------------------------------------------


def test_every_reader_is_tried(readers: dict[str, Any]) -> None:
    assert set(readers) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_mutated_files_are_read_or_refused(
    name: str, fuzz: Any, readers: dict[str, Any], hook: Any, tmp_path: Path
) -> None:
    """A small part of what ``benchmarks/fuzz_readers.py`` does with a million."""
    (tmp_path / "seed_0").mkdir()
    luck = random.Random(name)
    target, path, seen = readers[name], tmp_path / "seed_0" / readers[name].file, set()
    for _ in range(60 if name in LARGE else 200):
        content = fuzz.mutated(luck.choice(target.contents), luck)
        what = fuzz.attempt(target, path, content, hook)
        assert what in ("read", "refused"), content
        seen.add(what)
    assert "refused" in seen
    assert not hook.seen


@pytest.mark.parametrize("stride", [13, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", NAMES)
def test_cut_off_at_every_byte(
    name: str, stride: int, fuzz: Any, readers: dict[str, Any], hook: Any, tmp_path: Path
) -> None:
    (tmp_path / "seed_0").mkdir()
    target, path = readers[name], tmp_path / "seed_0" / readers[name].file
    stride *= 7 if name in LARGE and stride > 1 else 1
    for content in target.contents:
        ends = range(0, len(content), stride)
        said = {end: fuzz.attempt(target, path, content[:end], hook) for end in ends}
        assert set(said.values()) <= {"read", "refused"}
        if content.startswith(b"PK"):
            assert set(said.values()) == {"refused"}, "a part of an archive is never taken for the whole"
    assert not hook.seen


def test_the_hook_hears_what_it_must(fuzz: Any, hook: Any, tmp_path: Path) -> None:
    """A reader that did run code or write would be seen."""

    def bad(path: Path) -> None:
        exec(path.read_text())

    target = fuzz.Target("bad", (), bad)
    assert fuzz.attempt(target, tmp_path / "bad", b"1 + 1", hook) == "read"
    assert any(one.startswith("exec") for one in hook.seen)
    hook.seen.clear()
    target = fuzz.Target("bad", (), lambda path: path.with_name("evil").write_text("x"))
    assert fuzz.attempt(target, tmp_path / "bad", b"", hook) == "read"
    assert any(one.startswith("wrote") for one in hook.seen)
    hook.seen.clear()
    assert fuzz.attempt(fuzz.Target("bad", (), lambda path: 1 / 0), tmp_path / "bad", b"", hook) == "crash"


@pytest.mark.parametrize("name", ["s", "a"])
def test_a_checkpoint_cannot_lead_compiled_code_out_of_its_tables(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = ["--seeds", "0", "--jobs", "1", "--no-progress", "--out", str(tmp_path)]
    assert main(["--env", "FrozenLake-v1", "--engine", "compiled", "-n", "150", "--eval-freq", "100", *ends]) == 0
    (run,) = (tmp_path / "FrozenLake-v1__q_learning").iterdir()
    saved = run / "seed_0" / "checkpoints" / "step_150.npz"
    arrays = reading.read_arrays(saved)
    assert arrays["kernel.clock"].shape == (1, len(CLOCK))
    arrays["kernel.clock"][0, CLOCK.index("fresh")] = 0
    arrays["kernel.clock"][0, CLOCK.index(name)] = 10**9
    write_arrays(saved, arrays)
    capsys.readouterr()
    assert main(["resume", str(run), "--total-timesteps", "300", "--jobs", "1", "--no-progress"]) == 1
    assert "the checkpoint is damaged: it leads out of the tables of FrozenLake-v1" in capsys.readouterr().err


# --- arrays ----------------------------------------------------------------------------------------------------------

PLAIN = st.sampled_from(["<f8", "<f4", "<i8", ">i2", "|u1", "|b1", "<u8", "<U3", "|S4", "<f2"])


@FEW
@given(array=PLAIN.flatmap(lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0))))
def test_plain_arrays_come_back(array: np.ndarray[Any, Any], tmp_path: Path) -> None:
    for one in (array, np.asfortranarray(array)):
        write_arrays(tmp_path / "a.npz", {"a": one, "b": np.arange(3)})
        back = reading.read_arrays(tmp_path / "a.npz")
        assert list(back) == ["a", "b"]
        assert back["a"].dtype == one.dtype
        assert back["a"].shape == one.shape
        np.testing.assert_array_equal(back["a"], one)
        back["a"][...] = np.zeros((), one.dtype)  # its own memory


@pytest.mark.parametrize(
    ("shape", "kind", "data", "word"),
    [
        ("(-1,)", "'<f8'", b"", "shape (-1,)"),
        ("(-1, -8)", "'<f8'", b"\0" * 64, "shape (-1, -8)"),
        ("(1000000000000,)", "'<f8'", b"\0" * 8, "too large"),
        ("(100000000,)", "'<f8'", b"\0" * 8, "but 8 bytes"),
        ("(99999999999, 0)", "'<f8'", b"", "too large"),
        ("(3,)", "'<f8'", b"\0" * 16, "but 16 bytes"),
        ("(3,)", "'<f8'", b"\0" * 25, "but 25 bytes"),
        ("(1,)", "'|O'", b"\0" * 8, "expected plain numbers"),
        ("(1,)", "[('a', '<f8')]", b"\0" * 8, "expected plain numbers"),
        ("(1,)", "('<f8', (9999999,))", b"\0" * 8, ""),
        ("(10,)", "'<U0'", b"", "expected plain numbers"),
        ("(1,)", "'<M8[s]'", b"\0" * 8, "expected plain numbers"),
        ("(1,)", "'|V8'", b"\0" * 8, "expected plain numbers"),
        ("(2,)", "'|b1'", b"\x01\x02", "truth values"),
        ("(1,)", "'<U1'", b"\xff\xff\xff\xff", "letters"),
        ("(1.5,)", "'<f8'", b"\0" * 8, ""),
        ("3", "'<f8'", b"\0" * 24, ""),
        ("(1,)" * 5000, "'<f8'", b"", ""),
        ("(" * 200 + ")" * 200, "'<f8'", b"", ""),
        ("__import__('os').system('exit')", "'<f8'", b"", ""),
    ],
)
def test_a_crafted_header_is_refused(shape: str, kind: str, data: bytes, word: str, tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz", a=member(shape, kind, data))
    tracemalloc.start()
    said = refused(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert word in said
    assert peak < 4 << 20


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz", a=member("(4, 1048576)", data=bytes(32 << 20)))
    assert path.stat().st_size < 64 << 10
    tracemalloc.start()
    assert "at most 16,777,216 are read" in refused(path, most=16 << 20)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    assert reading.read_arrays(path)["a"].shape == (4, 1048576)
    assert reading.MOST_ARRAYS == 1 << 30


def test_a_size_that_lies_is_refused(tmp_path: Path) -> None:
    """A member that unpacks to more than the archive says is read no further than that."""
    path = archive(tmp_path / "a.npz", a=member("(100000,)", data=bytes(800_000)))
    raw = path.read_bytes()
    real, lie = (800_000 + 128).to_bytes(4, "little"), (80 + 128).to_bytes(4, "little")
    assert raw.count(real) == 2
    path.write_bytes(raw.replace(real, lie))
    refused(path)
    short = archive(tmp_path / "b.npz", a=member("(10,)", data=bytes(80)))
    raw = short.read_bytes()
    short.write_bytes(raw.replace((80 + 128).to_bytes(4, "little"), (800_000 + 128).to_bytes(4, "little")))
    refused(short)


def test_other_archives_are_refused(tmp_path: Path) -> None:
    good = member("(1,)", data=bytes(8))
    path = tmp_path / "a.npz"
    for packing in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):  # their dictionaries are as large as the file says
        assert "packed" in refused(archive(path, packing, a=good))
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("run.py", "import os")
    assert "no array" in refused(path)
    raw = archive(path, aaa=good, bbb=good).read_bytes()
    path.write_bytes(raw.replace(b"bbb.npy", b"aaa.npy"))
    assert "one name" in refused(path)
    archive(path, **{f"a{index}": good for index in range(reading.MOST_MEMBERS + 1)})
    assert "more than 1000 arrays" in refused(path)
    np.save(tmp_path / "b.npy", np.zeros(2))
    refused((tmp_path / "b.npy").rename(tmp_path / "b.npz"))
    assert "at most 10 are read" in refused(archive(path, a=good), most=10)


def test_a_flipped_bit_does_not_get_through(tmp_path: Path) -> None:
    """The checksum of every array is compared, also of one whose last piece ends with the file."""
    path = archive(tmp_path / "a.npz", zipfile.ZIP_STORED, a=member("(200,)", data=bytes(1600)))
    raw = bytearray(path.read_bytes())
    raw[raw.index(bytes(1600)) + 1599] ^= 1
    path.write_bytes(raw)
    assert "CRC" in refused(path)


# --- text ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_and_a_device_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    places = [
        tmp_path / "pipe",
        tmp_path,
        tmp_path / "nowhere",
        Path("nul\0byte"),
        *map(Path, ("/dev/zero", "/dev/full")),
    ]
    for path in places:
        with pytest.raises(UserError, match="cannot be read"):
            reading.read_text(path)


def test_what_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a terabyte of nothing
    for read in (reading.read_text, reading.read_json, reading.read_toml, reading.read_arrays, reading.read_csv):
        with pytest.raises(UserError, match="at most"):
            read(path)
    with path.open("wb") as file:
        file.truncate(2 * reading.MOST_LINE)
    with pytest.raises(UserError, match=r"line 1 has more than"):
        list(reading.read_lines(path))


@pytest.mark.parametrize(
    "text",
    ["NaN", "-Infinity", "1e999", '{"a": -1e400}', "[" * 100_000, '{"a":' * 100_000, "9" * 5000, "\xff", "", "{'a'"],
)
def test_json_that_is_none_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match="cannot be read"):
        reading.read_json(tmp_path / "a.json")


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 30_000, "a." * 30_000 + "b = 1", "a = " + "{a = " * 5_000, "[a]\n[a]", "a = 2020-99-99", "a = "],
)
def test_toml_that_is_none_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(UserError, match="cannot be read"):
        reading.read_toml(tmp_path / "a.toml")


@FEW
@given(
    content=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_comes_back(content: Any, tmp_path: Path) -> None:
    from hfrl.record import write_json

    write_json(tmp_path / "a.json", content)
    assert reading.read_json(tmp_path / "a.json") == content


def test_a_table_that_grows_is_read_up_to_its_last_whole_row(tmp_path: Path) -> None:
    path = tmp_path / "monitor.csv"
    path.write_text('#{"t_start": 1}\nr,l,t\n1.0,3,0.5\n2.0,4,0.')
    assert reading.read_csv(path, skip=1) == (["r", "l", "t"], [["1.0", "3", "0.5"]])
    path.write_text("#{}\nr,l,t\n1.0,3\n")
    with pytest.raises(UserError, match="line 3 has 2 columns, expected 3"):
        reading.read_csv(path, skip=1)


def test_json_is_in_utf_8_and_no_other_encoding_is_guessed() -> None:
    assert reading.parse_json('{"é": 1}'.encode()) == {"é": 1}
    for encoding in ("utf-16", "utf-16-le", "utf-32-be"):
        with pytest.raises(ValueError, match=r"utf-8|Expecting|JSON"):
            reading.parse_json('{"a": 1}'.encode(encoding))


def test_a_number_of_hundreds_of_digits_in_a_summary_is_one_line(tmp_path: Path) -> None:
    """Found by a million mutated files: a float cannot hold it."""
    from hfrl.record import write_json
    from hfrl.summary import SEED_KEYS, seed_summary

    write_json(tmp_path / "summary.json", dict.fromkeys(SEED_KEYS, 1) | {"feedback": 10**400})
    with pytest.raises(UserError, match="feedback must be a number"):
        seed_summary(tmp_path)


@pytest.mark.parametrize(
    ("value", "finite", "whole"),
    [(1, True, True), (1.5, True, False), (True, False, False), (float("nan"), False, False), ("1", False, False),
     (10**400, False, False), (2**63, True, False), (-(2**63), True, True), (None, False, False), ([], False, False)],
)  # fmt: skip
def test_what_a_number_is(value: Any, finite: bool, whole: bool) -> None:
    assert (reading.is_finite(value), reading.is_whole(value)) == (finite, whole)


# --- what a config may ask for ---------------------------------------------------------------------------------------


def a_config(folder: Path, **content: Any) -> str:
    from hfrl.record import write_json

    write_json(folder / "config.json", content)
    return str(folder / "config.json")


@pytest.mark.parametrize(
    "out", ["/tmp/x", "../x", "a/../../x", "..", "\\\\host\\x", "C:\\x", "C:x", "a\\..\\..\\b", "a\0b"]
)
def test_a_config_cannot_write_elsewhere(out: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="below the working directory"):
        read_config(a_config(tmp_path, env="hfrl/Pizza-v0", out=out))
    assert read_config(a_config(tmp_path, env="hfrl/Pizza-v0", out="runs/today"))["out"] == "runs/today"


@FEW
@given(part=st.text("/.\\a:-~\0é ", max_size=12))
def test_no_name_of_a_part_leads_out_of_the_folder(part: str, tmp_path: Path) -> None:
    from hfrl.record import arm_name

    arm = arms(Train(env=(f"a{part}",), agent=(f"b{part}",), seeds=("0",)))[0]
    name = arm_name(arm)
    assert Path(name).name == name
    assert (tmp_path / name).resolve().parent == tmp_path.resolve()


@pytest.mark.parametrize(
    "content",
    [
        {"agent": "evil.py:Evil"},
        {"env": ["hfrl/Pizza-v0", "evil.py:Evil"]},
        {"env": "evil:World-v0"},
        {"teacher": "evil.py:evil"},
        {"blend": "none+evil.py:evil"},
    ],
)
def test_a_config_from_a_stranger_runs_no_code(
    content: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "evil.py").write_text("from pathlib import Path\nPath('exploded').touch()\n")
    line = ["--config", a_config(tmp_path, **content), "-n", "10", "--no-progress", "--seeds", "0"]
    assert main(line) == 2
    assert "add --trust" in capsys.readouterr().err
    assert not (tmp_path / "exploded").exists()
    assert main([*line, "--trust"]) == 2  # it is taken, and has no such part
    assert "--trust" not in capsys.readouterr().err


def test_trust_is_not_for_a_config_to_give(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown key 'trust'"):
        read_config(a_config(tmp_path, agent="evil.py:Evil", trust=True))


def test_our_own_worlds_are_no_code() -> None:
    assert not is_code("env", "hfrl:hfrl/Pizza-v0")
    assert not is_code("teacher", "oracle:consistency=0.9")


@pytest.mark.parametrize("content", [{"seeds": ["0-99999", "100000-199999"]}, {"seeds": ["0-999999"]}])
def test_too_many_seeds_are_refused(content: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="100000"):
        parse_seeds(content["seeds"])


def test_too_large_a_grid_is_refused(tmp_path: Path) -> None:
    many = [f"e{index}" for index in range(200)]
    with pytest.raises(UserError, match="8,000,000 cells"):
        arms(Train(**read_config(a_config(tmp_path, env=many, agent=many, teacher=many, blend=["none"]))))


@pytest.fixture(autouse=True)
def no_listener_stays(hook: Any) -> Iterator[None]:
    yield
    hook.listening = False


def test_a_complaint_does_not_reach_the_terminal_s_controls(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = "a\x1b[2J\x07b.toml"
    Path(name).write_text("x =")
    assert main(["--config", name]) == 2
    said = capsys.readouterr().err
    assert "a?[2J?b.toml cannot be read" in said
    assert said.count("\n") == 1
