"""Files from a stranger: mutated inputs for every reader, and what came of them.

    python benchmarks/fuzz_readers.py [--inputs 1000000] [--targets config log ...] [--seed 0] [--atheris SECONDS]

Each input is a good file that was mutated: bytes flipped, cut out, put in, repeated, cut off, words of a dictionary
spliced in, and for arrays also the contents of a member or its declared shape and type, packed again with a right
checksum. A reader may answer, or raise UserError with one line; anything else is a crash, and over five seconds
is a hang. An audit hook counts code that was executed and files that were opened to be written. With --atheris the
inputs come from libFuzzer, guided by what the readers' code covers.
"""

import argparse
import functools
import importlib.util
import io
import math
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import numpy as np

SECONDS = 5
#: Of the inputs, for each target; 1 where nothing is said: a network takes a hundred times as long as a line of text.
WEIGHTS = {"network": 0.2, "agent": 0.6, "kernel": 0.5, "going_on": 0.5}
WORDS = [
    b"NaN", b"-Infinity", b"1e999", b"-1", b"0", b"9" * 400, b"1" + b"0" * 30, b"null", b"true", b"{}", b"[]", b'""',
    b"[" * 2000, b'{"a":' * 2000, b"../" * 9 + b"etc/passwd", b"/etc/passwd", b"evil.py:Evil", b"os:World-v0", b"\0",
    b"\xff", b"\n", b",", b'"', b"=", b"a." * 300, b"0-99999999", b"(-1,)", b"(9223372036854775807,)", b"'|O'",
    b"'<f8'", b"'<U0'", b"PK\x05\x06", b"PK\x06\x07", b"__import__('os').system('touch /tmp/fuzzed')",
]  # fmt: skip
SHAPES = ["(-1,)", "(0,)", "(10**9,)", "(1000000000000,)", "(2, -3)", "(True,)", "()", "(1.5,)", "(99999999, 0)", "x"]
FLOATS = [np.nan, np.inf, -np.inf, -1.0, 1e308]
WHOLE = [-1, 1, 7, 64, 10**6, 10**12, -(2**63), 2**62]
TYPES = ["'|O'", "'<f8'", "'<U9'", "'<U0'", "'|V8'", "[('a', '<f8')]", "'<c16'", "'<M8[s]'", "'|b1'", "'>i2'", "None"]


class Target(NamedTuple):
    """A reader: the name that the file must have, good contents, and what reads it."""

    file: str
    contents: tuple[bytes, ...]
    read: Callable[[Path], Any]


def targets(folder: Path) -> dict[str, Target]:
    """All readers, with a run and a session recorded for them in ``folder``."""
    from hfrl import checkpoint, exchange, reproduce, teach, window
    from hfrl.config import Train, arms
    from hfrl.config_file import read_file
    from hfrl.credit import empirical_window
    from hfrl.experiment import Session, engine_of
    from hfrl.feedback import read_presses
    from hfrl.reading import read_arrays, read_csv, read_json
    from hfrl.recorder import lines_missing
    from hfrl.run import main
    from hfrl.saved import load_arm
    from hfrl.summary import seed_evaluations, seed_summary
    from hfrl.types import UserError

    out = folder / "runs"
    ends = (
        "--seeds",
        "0",
        "--jobs",
        "1",
        "--eval-freq",
        "0",
        "--eval-episodes",
        "2",
        "--no-progress",
        "--out",
        str(out),
    )
    net = ("--set", "net_arch=[4]", "buffer_size=50", "learning_starts=5", "batch_size=4")
    late = ("--teacher", "oracle:likelihood=0.3,delay=0.4", "--blend", "reward_shaping", "--credit", "uniform")
    lines = {
        "hfrl-Pizza": ("--env", "hfrl/Pizza-v0", *late, "-n", "197"),
        "CartPole": ("--env", "CartPole-v1", "--agent", "dqn", *net, "-n", "60"),
        "FrozenLake": ("--env", "FrozenLake-v1", "--agent", "n_step_sarsa", "--engine", "compiled", "-n", "150"),
    }
    for line in lines.values():
        assert main([*line, *ends]) == 0
    table, network, kernel = (next(out.glob(f"{name}*/*")) for name in lines)
    sessions = {run: Session(load_arm(run), 0) for run in (table, network, kernel)}

    def restore(run: Path, path: Path) -> Any:
        session = sessions[run]
        before = session.arrays()
        try:
            session.restore(read_arrays(path))
            return session.agent.greedy_policy(session.env.observation_space.sample())
        finally:
            session.restore(before)

    def go_on(run: Path, path: Path) -> Any:
        """As ``resume`` does, with the run's logs in their place, and then some steps."""
        saved = checkpoint.read(path)
        try:
            wrong = lines_missing(run / "seed_0", saved)
        except checkpoint.DAMAGE as error:  # such a one is passed over, in words
            raise UserError(str(error)) from error
        if wrong:
            raise UserError(wrong)
        session = sessions[run]
        before = session.arrays()
        try:
            moved = engine_of(session, saved._replace(path=path))
            if run == kernel:  # compiled code, which nothing but its own checks holds back
                moved.run(30, SimpleNamespace(episode=ignore, heard=ignore))
        finally:
            session.restore(before)

    def ignore(*_: Any) -> None:
        """Nobody writes it down."""

    def start(path: Path) -> Any:
        return teach.recorded_start(table, path.parent, False)

    def config(path: Path) -> Any:
        found = read_file(str(path))
        return [arms(Train(**found.of(env))) for env in found.worlds or ("FrozenLake-v1",)]

    seed = table / "seed_0"
    toml = b'env = ["FrozenLake-v1"]\nseeds = "0-3"\nalpha = 0.1\nset = ["n=3"]\nout = "runs/a"\neval_freq = 100\n'
    toml += b'grid = ["gamma=0.9,0.8"]\n[default]\nwarmup = 3\n["FrozenLake-v1"]\ntotal_timesteps = 9\nset = ["n=4"]\n'
    log = (seed / "feedback.jsonl").read_bytes()[:900]
    session_log = b"".join(
        b'{"event": "%s", "t": 0.%d, "wall": 1.5, "step": %d, "episode": 0, "value": %s, "strength": 1, '
        b'"latency": 0.1, "credit": [[0, 1.0]], "trainer": "p"}\n' % line
        for line in ((b"step", 1, 0, b"null"), (b"feedback", 2, 0, b"1.0"), (b"take_back", 3, 0, b"2"),
                     (b"slider", 4, 0, b'["alpha", 0.5]'), (b"drive", 5, 0, b"3"), (b"step", 6, 1, b"null"))
    )  # fmt: skip
    good = {
        "arrays": Target("a.npz", ((seed / "final.npz").read_bytes(),), read_arrays),
        "checkpoint": Target("step_197.npz", saved_by(table), checkpoint.read),
        "going_on": Target("step_197.npz", saved_by(table), functools.partial(go_on, table)),
        "kernel": Target("step_150.npz", saved_by(kernel), functools.partial(go_on, kernel)),
        "agent": Target("final.npz", ((seed / "final.npz").read_bytes(),), functools.partial(restore, table)),
        "network": Target(
            "final.npz", ((network / "seed_0" / "final.npz").read_bytes(),), functools.partial(restore, network)
        ),
        "evaluations": Target(
            "evaluations.npz", ((seed / "evaluations.npz").read_bytes(),), lambda path: seed_evaluations(path.parent)
        ),
        "summary": Target(
            "summary.json", ((seed / "summary.json").read_bytes(),), lambda path: seed_summary(path.parent)
        ),
        "config": Target("config.toml", (toml,), config),
        "record": Target("config.json", ((table / "config.json").read_bytes(),), config),
        "figure": Target("figure.json", (figure_of(folder),), reproduce.read_panels),
        "meta": Target("meta.json", ((table / "meta.json").read_bytes(),), read_json),
        "session": Target("session.json", (b'{"seed": 0, "warmup": 500, "load": null}',), start),
        "log": Target("feedback.jsonl", (log, session_log), teach.read_log),
        "presses": Target("feedback.jsonl", (log, session_log), read_presses),
        "compiled": Target("feedback.jsonl", (log,), functools.partial(read_presses, compiled=True)),
        "table": Target("feedback.csv", (table_of(table, folder / "good.csv"),), exchange.read_table),
        "monitor": Target("monitor.csv", ((seed / "monitor.csv").read_bytes(),), functools.partial(read_csv, skip=1)),
        "progress": Target("progress.csv", ((seed / "progress.csv").read_bytes(),), read_csv),
        "delays": Target("delays.txt", (b"0.31\n0.42\n0.55\n",), lambda path: empirical_window(str(path))),
        "keys": Target(
            "keys.jsonl",
            (b'{"t": 0.5, "key": "up"}\n{"t": 1, "key": "q"}\n',),
            lambda path: window.read_keys(str(path)),
        ),
        "keymap": Target(
            "keys.toml", (b'reward = ["up", "f"]\nquit = ["q"]\n',), lambda path: window.read_keymap(str(path))
        ),
    }
    if importlib.util.find_spec("pyarrow"):
        whole = table_of(table, folder / "good.parquet")
        good["parquet"] = Target("feedback.parquet", (whole,), exchange.read_table)
    # Good files are read; and what is imported and generated late is there before the hook listens.
    place = folder / "seed_1"
    place.mkdir()
    for target in good.values():
        for content in target.contents:
            (place / target.file).write_bytes(content)
            target.read(place / target.file)
    return good


def figure_of(folder: Path) -> bytes:
    """The figure of a published experiment, as numbers."""
    from hfrl import reproduce

    panels = [reproduce.Panel("a", "x", "y", [reproduce.Line("one", (1, 2), (0.5, float("nan")))], y_limits=(0, 1)),
              reproduce.Panel("b", "", "", cells=[[1, 2], [3, 4]])]  # fmt: skip
    return (reproduce.write("taxi", reproduce.Result([], panels), folder) / "figure.json").read_bytes()


def saved_by(run: Path) -> tuple[bytes, ...]:
    """The checkpoint where a run ended."""
    return (next(run.glob("seed_0/checkpoints/*.npz")).read_bytes(),)


def table_of(run: Path, path: Path) -> bytes:
    """Some of the rows of a run's feedback, as export writes them; of Parquet, all."""
    from hfrl import exchange

    exchange.export_table(run, path, path.suffix[1:])
    return path.read_bytes() if path.suffix == ".parquet" else b"".join(path.read_bytes().splitlines(keepends=True)[:8])


# --- mutations -------------------------------------------------------------------------------------------------------


def mutated(content: bytes, luck: random.Random) -> bytes:
    """A good file, spoilt: of archives also the contents behind the packing."""
    if content.startswith(b"PK") and luck.random() < 0.7:
        return repacked(content, luck)
    return spoilt(content, luck)


def spoilt(content: bytes, luck: random.Random) -> bytes:
    """One to six changes of bytes."""
    raw = bytearray(content)
    for _ in range(luck.randint(1, 6)):
        at = luck.randrange(len(raw) + 1)
        until = min(len(raw), at + int(luck.expovariate(0.05)))
        kind = luck.randrange(7)
        if kind == 0 and at < len(raw):
            raw[at] ^= 1 << luck.randrange(8)
        elif kind == 1:
            del raw[at:until]
        elif kind == 2:
            raw[at:at] = raw[at:until] * luck.randint(1, 9)
        elif kind == 3:
            raw[at:until] = luck.choice(WORDS)
        elif kind == 4:
            raw[at:at] = luck.randbytes(luck.randint(1, 8))
        elif kind == 5:
            raw[at:at] = luck.choice(WORDS)
        else:
            del raw[at:]
    return bytes(raw)


def repacked(content: bytes, luck: random.Random) -> bytes:
    """The archive with one member changed, added, doubled or left out, and its checksums right again."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new:
        names = old.namelist()
        chosen = luck.choice(names)
        for name in names:
            raw = old.read(name)
            if name != chosen:
                new.writestr(name, raw)
                continue
            kind = luck.randrange(8)
            at = luck.randrange(128, max(129, len(raw) - 7), 8)  # of a number
            if kind == 0:
                continue
            if kind == 1:
                new.writestr(luck.choice(["../../evil.npy", "/etc/evil.npy", "evil", "q.npy", "a" * 300 + ".npy"]), raw)
            elif kind == 2:
                new.writestr(name, declared(raw, luck))
            elif kind == 3:
                new.writestr(name, spoilt(raw[:10], luck) + raw[10:])
            elif kind == 4:
                new.writestr(name, raw[:at] + luck.randbytes(8) + raw[at + 8 :])
            elif kind == 5:
                new.writestr(name, raw[:at] + np.array([luck.choice(FLOATS)]).tobytes() + raw[at + 8 :])
            elif kind == 6:
                new.writestr(name, raw[:at] + np.array([luck.choice(WHOLE)]).tobytes() + raw[at + 8 :])
            else:  # other contents of another length: of the JSON in a checkpoint, too
                text = spoilt(raw[128:], luck)
                kept = io.BytesIO()
                np.lib.format.write_array(kept, np.frombuffer(text, "|u1"), version=(1, 0))
                new.writestr(name, kept.getvalue())
    return written.getvalue()


def declared(raw: bytes, luck: random.Random) -> bytes:
    """An array's file whose header says something else than its data."""
    shape, kind = luck.choice(SHAPES), luck.choice(TYPES)
    header = f"{{'descr': {kind}, 'fortran_order': {luck.choice(['False', 'True', '3'])}, 'shape': {shape}, }}".encode()
    header += b" " * (64 - (len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + raw[128:]


# --- one input -------------------------------------------------------------------------------------------------------

WATCHED = ("exec", "os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "pickle.find_class", "socket.connect")


class Hook:
    """Counts what no reader may do, while it listens."""

    def __init__(self) -> None:
        self.listening = False
        self.seen: list[str] = []
        sys.addaudithook(self.heard)

    def heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An event of the interpreter."""
        if not self.listening:
            return
        if event == "pickle.find_class" and arguments == ("builtins", "IndexError"):
            return  # compiled code keeps its own exceptions so
        if event in WATCHED or (event == "import" and arguments[0] not in sys.modules):
            self.seen.append(f"{event} {arguments[:1]}")
        elif event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
            self.seen.append(f"wrote {arguments[0]}")


class HangError(Exception):
    """Five seconds are over."""


def attempt(target: Target, path: Path, content: bytes, hook: Hook) -> str:
    """``read``, ``refused``, ``crash`` or ``hang``."""
    from hfrl.types import UserError

    path.write_bytes(content)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    hook.listening = True
    try:
        target.read(path)
        return "read"
    except UserError as error:
        return "refused" if str(error) else "crash"
    except HangError:
        return "hang"
    except Exception:
        hook.listening = False
        traceback.print_exc()
        return "crash"
    finally:
        hook.listening = False
        signal.setitimer(signal.ITIMER_REAL, 0)


def hang(signum: int, frame: object) -> None:  # noqa: ARG001 - the signature of a handler
    """The timer's handler."""
    raise HangError


def with_libfuzzer(chosen: dict[str, Target], path: Path, seconds: int, hook: Hook, seed: int) -> None:
    """Coverage-guided, in this process: libFuzzer ends it, so one target is run per process."""
    import atheris

    (name, target) = next(iter(chosen.items()))
    corpus = path.parent / "corpus"
    corpus.mkdir()
    for index, content in enumerate(target.contents):
        (corpus / str(index)).write_bytes(content)
    seen: dict[str, int] = {}

    def one(data: bytes) -> None:
        what = attempt(target, path, data, hook)
        seen[what] = seen.get(what, 0) + 1
        if sum(seen.values()) % 10_000 == 0:  # libFuzzer ends the process, so that nothing can be said afterwards
            print(f"atheris {name}: {sum(seen.values()):,} inputs {seen}, executed {len(hook.seen)}", flush=True)
        if what in ("crash", "hang"):
            raise RuntimeError(f"{name}: {what} on {data!r}")

    limits = (f"-max_total_time={seconds}", f"-seed={seed + 1}", "-max_len=8192", "-verbosity=0")
    atheris.Setup([sys.argv[0], *limits, str(corpus)], one)
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="over all targets together")
    parser.add_argument("--targets", nargs="*", default=[])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--atheris", type=int, default=0, metavar="SECONDS", help="libFuzzer instead, for one target")
    arguments = parser.parse_args()
    hook = Hook()
    if arguments.atheris:
        import atheris

        with atheris.instrument_imports(include=["hfrl", "json", "zipfile", "tomllib", "csv"]):
            import hfrl.reading  # noqa: F401
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as made:
        folder = Path(made)
        known = targets(folder)
        chosen = {name: known[name] for name in arguments.targets or known}
        signal.signal(signal.SIGALRM, hang)
        (folder / "seed_0").mkdir()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        weight = sum(WEIGHTS.get(name, 1) for name in chosen)
        total = {"read": 0, "refused": 0, "crash": 0, "hang": 0}
        for name, target in chosen.items():
            path = folder / "seed_0" / target.file
            if arguments.atheris:
                with_libfuzzer({name: target}, path, arguments.atheris, hook, arguments.seed)
                return 0
            luck, counts = random.Random(f"{arguments.seed} {name}"), dict.fromkeys(total, 0)
            started, slowest = time.perf_counter(), 0.0
            for _ in range(math.ceil(arguments.inputs * WEIGHTS.get(name, 1) / weight)):
                content = mutated(luck.choice(target.contents), luck)
                begun = time.perf_counter()
                what = attempt(target, path, content, hook)
                slowest = max(slowest, time.perf_counter() - begun)
                counts[what] += 1
                if what in ("crash", "hang"):
                    print(f"{name}: {what} on {content[:300]!r}", flush=True)
            took = time.perf_counter() - started
            print(f"{name:12} {counts}  {took:.0f} s, slowest {1000 * slowest:.0f} ms", flush=True)
            total = {what: total[what] + counts[what] for what in total}
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{sum(total.values()):,} inputs: {total}, executed or written {len(hook.seen)} {hook.seen[:3]}")
    print(f"peak memory grew by {grown:.0f} MiB")
    return 1 if total["crash"] or total["hang"] or hook.seen else 0


if __name__ == "__main__":
    sys.exit(main())
