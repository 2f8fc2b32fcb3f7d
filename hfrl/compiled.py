"""The compiled engine: the same rules as :func:`hfrl.loop.play`, at tens of millions of steps a second.

For finite worlds (a table ``P``, or a world whose dynamics are pure functions), tabular agents whose rule is a pure
function, blends of our own and simulated teachers. The engine takes the *very functions* that the Python loop runs
(``learn`` of the agent's file, ``shaped_reward`` of :mod:`hfrl.tamer_rl` ...), compiles them with numba and writes a
small module that calls them in the loop's order. Same seed, same bits: the generators are numpy's PCG64, every choice
is the inverse of a cumulative distribution at one uniform number, and sums run from left to right.

numba is imported in this file alone. The generated module lies in the user's cache folder and so does the machine code,
so that a second process starts in a moment.
"""

import functools
import hashlib
import importlib.util
import inspect
import os
import sys
import tempfile
import types as python_types
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numba
import numpy as np
from gymnasium.utils.seeding import np_random
from llvmlite import ir
from numba.core import types as numba_types
from numba.extending import intrinsic, overload, overload_method
from numpy.typing import NDArray

from hfrl import kernel
from hfrl.blend import Blend
from hfrl.kernel import RefusedError, World
from hfrl.labels import RECENT, SOMEBODY, Labels
from hfrl.seeding import draw, pick, state_of, streams
from hfrl.teachers import Dials, dial_generators
from hfrl.types import UserError

Arrays = dict[str, NDArray[Any]]


# --- numpy's generator, in compiled code ------------------------------------------------------------------------------


@intrinsic
def _high_half(typing_context: Any, a: Any, b: Any) -> Any:  # noqa: ARG001 - numba's signature
    """The upper 64 bits of a product of two 64-bit words."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(arguments[0], wide), builder.zext(arguments[1], wide))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return numba_types.uint64(numba_types.uint64, numba_types.uint64), generate


@intrinsic
def _assume(typing_context: Any, fact: Any) -> Any:  # noqa: ARG001 - numba's signature
    """Tell LLVM what is always so."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(1)])
        builder.call(builder.module.declare_intrinsic("llvm.assume", (), kind), [arguments[0]])
        return context.get_dummy_value()

    return numba_types.void(numba_types.boolean), generate


_high_words: Any = _high_half  # numba hands it the typing context itself
_MULTIPLIER_HIGH = np.uint64(0x2360ED051FC65DA4)
_MULTIPLIER_LOW = np.uint64(0x4385DF649FCCF645)
_TO_UNIT = 1.0 / 9007199254740992.0


@numba.njit(inline="always")
def _draw(rng: Any) -> Any:
    """The next ``Generator.random()`` of a PCG64 whose state is four words (O'Neill 2014, XSL-RR 128/64)."""
    high, low = rng[0], rng[1]
    carried = _high_words(low, _MULTIPLIER_LOW) + high * _MULTIPLIER_LOW + low * _MULTIPLIER_HIGH
    product = low * _MULTIPLIER_LOW
    low = product + rng[3]
    high = carried + rng[2] + np.uint64(low < product)
    rng[0], rng[1] = high, low
    mixed = high ^ low
    turn = high >> np.uint64(58)
    word = (mixed >> turn) | (mixed << ((np.uint64(64) - turn) & np.uint64(63)))
    return np.float64(word >> np.uint64(11)) * _TO_UNIT


@numba.njit
def _pick(rng: Any, n: int) -> int:
    return int(_draw(rng) * n)


@overload(max)
def _max_of_a_row(row: Any) -> Any:
    if not isinstance(row, numba_types.Array | numba_types.List):
        return None

    def highest(row: Any) -> Any:
        best = row[0]
        for k in range(1, len(row)):
            best = row[k] if row[k] > best else best
        return best

    return highest


@overload_method(numba_types.Array, "count")
def _count_in_a_row(row: Any, wanted: Any) -> Any:  # noqa: ARG001 - numba reads the signature
    def count(row: Any, wanted: Any) -> int:
        n = 0
        for k in range(len(row)):
            n += row[k] == wanted
        return n

    return count


# --- pure functions become compiled ones ------------------------------------------------------------------------------

_REPLACED: dict[Any, Any] = {draw: _draw, pick: _pick}
_COMPILED: dict[Any, Any] = {}


def _with_chance() -> dict[Any, Any]:
    """``draw`` of the worlds too: worlds know nothing of hfrl, so they have one of their own."""
    chance = sys.modules.get("hfrl.envs.chance")
    return _REPLACED if chance is None else _REPLACED | {chance.draw: _draw}


def compiled(function: Callable[..., Any], checked: bool = False) -> Any:
    """A pure function as numba compiles it: its Python helpers are compiled along, whatever module they live in.

    With ``checked`` an index outside of an array is an IndexError, as in Python.
    """
    replaced = _with_chance()
    if function in replaced:
        return replaced[function]
    if (function, checked) not in _COMPILED:
        names = _names_of(function.__code__)
        scope = {name: value for name, value in function.__globals__.items() if name in names}
        for name, value in scope.items():
            if inspect.isfunction(value):
                scope[name] = compiled(value, checked)
        scope["__builtins__"] = function.__globals__.get("__builtins__")
        scope["__name__"] = __name__
        copy = python_types.FunctionType(function.__code__, scope, function.__name__, function.__defaults__)
        # Names of machine code must differ where the code differs, also between processes that share a cache.
        copy.__module__ = __name__
        stamp = hashlib.sha256(f"{checked} {_stamp_of(function)}".encode()).hexdigest()[:12]
        copy.__qualname__ = f"{function.__name__}_{stamp}"
        _COMPILED[function, checked] = numba.njit(error_model="numpy", boundscheck=checked)(copy)
    return _COMPILED[function, checked]


def _names_of(code: python_types.CodeType) -> set[str]:
    inner = [constant for constant in code.co_consts if isinstance(constant, python_types.CodeType)]
    return set(code.co_names).union(*(_names_of(one) for one in inner))


def _stamp_of(function: Callable[..., Any]) -> str:
    """A function and all that it calls, as text: what a cached kernel is valid for.

    From the code that runs, not from its file, which may have been edited since it was imported.
    """
    names = _names_of(function.__code__)
    scope = sorted((name, value) for name, value in function.__globals__.items() if name in names)
    helpers = [_stamp_of(value) for _, value in scope if inspect.isfunction(value)]
    constants = [f"{name}={value!r}" for name, value in scope if isinstance(value, int | float | tuple)]
    return "\n".join([_stamp_of_code(function.__code__), *constants, *helpers])


def _stamp_of_code(code: python_types.CodeType) -> str:
    constants = [
        _stamp_of_code(one) if isinstance(one, python_types.CodeType) else repr(one) for one in code.co_consts[1:]
    ]
    return f"{code.co_name} {code.co_code.hex()} {code.co_names} {code.co_varnames} {constants}"


# --- the generated module ---------------------------------------------------------------------------------------------

_PARTS: dict[str, Mapping[str, Any]] = {}


def parts(key: str) -> Mapping[str, Any]:
    """The compiled functions that a generated module calls; it asks for them when it is imported."""
    return _PARTS[key]


def cache_folder() -> Path:
    """Where generated modules and machine code lie: ``$HFRL_CACHE``, the user's cache folder, or a temporary one."""
    told = os.environ.get("HFRL_CACHE")
    base = Path(told) if told else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hfrl"
    for folder in (base, Path(tempfile.gettempdir()) / f"hfrl-{os.getuid() if hasattr(os, 'getuid') else 0}"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    raise UserError(f"the compiled engine needs a folder for its cache; {base} cannot be written: set HFRL_CACHE")


_MODULES: dict[str, Any] = {}


def _module(plan: kernel.Plan, checked: bool) -> Any:
    """The module for a plan: from memory, from the cache, or written now."""
    stamps = [_stamp_of(function) for function in plan.functions.values()]
    stamp = "\n".join([plan.source, numba.__version__, np.__version__, str(checked), *stamps])
    key = hashlib.sha256(stamp.encode()).hexdigest()[:20]
    if key in _MODULES:
        return _MODULES[key]
    _PARTS[key] = {name: compiled(function, checked) for name, function in plan.functions.items()} | {
        "assume": _assume,
        "draw": _draw,
        "njit": numba.njit(cache=True, nogil=True, error_model="numpy", boundscheck=checked),
        "helper": numba.njit(error_model="numpy", boundscheck=checked),
    }
    path = cache_folder() / f"kernel_{key}.py"
    text = f"import numpy as np\n\nfrom hfrl.compiled import parts\n\n_parts = parts({key!r})\n{plan.source}"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
            file.write(text)
        Path(file.name).replace(path)
    spec = importlib.util.spec_from_file_location(f"hfrl_kernel_{key}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module  # numba looks it up there when it loads machine code
    spec.loader.exec_module(module)
    _MODULES[key] = module
    return module


# --- running it -------------------------------------------------------------------------------------------------------


class Batch:
    """Many seeds of one agent in one world, compiled.

    Args:
        env: a world; read, never stepped.
        agent: a fresh agent whose settings all seeds share, or one that has learnt and goes on in each of them.
        seeds: one run per seed; run ``i`` equals ``play(..., seed=seeds[i])`` bit for bit.
        blend: how feedback joins the reward.
        dials: a simulated teacher, or None for nobody.
        step_log: keep the reward and the action of every step of a call (:attr:`rewards`, :attr:`actions`).
        press_log: keep every press of a call (:meth:`presses`); such a call says how many steps it goes at most.
        monitor: keep sums of |TD error| and of the signal (``summed``).
        threads: how many seeds run at once; by default one per core.
        praised: ``praised[s, a]``, what the teacher praises, instead of what the oracle does; for advice that is not
            about what is best.
        checked: look at each index before it is used; for a batch that goes on from a file (:meth:`restore`), which may
            hold any number. Takes about a sixth more time.

    Raises:
        RefusedError: these parts cannot be compiled; the text says why, and the Python engine runs them all the same.
        UserError: a teacher that needs a table ``P`` where there is none.

    Attributes:
        tables: name -> array of shape (seeds, ...): what was learnt, ``q`` and whatever else the agent keeps.
        h_mean, h_count: the human model, shape (seeds, states, actions).
    """

    def __init__(
        self,
        env: Any,
        agent: Any,
        seeds: Sequence[int],
        blend: Blend | None = None,
        dials: Dials | None = None,
        *,
        step_log: bool = False,
        press_log: bool = False,
        monitor: bool = False,
        threads: int | None = None,
        praised: NDArray[np.bool_] | None = None,
        checked: bool = False,
    ) -> None:
        self.world: World = kernel.world_of(env)
        self._kept = kernel.Kept(step_log, press_log and dials is not None, monitor)
        plan = kernel.plan_of(self.world, agent, blend or Blend("none"), dials, self._kept)
        self.plan = plan
        self.seeds = tuple(seeds)
        self.threads = threads or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
        self._module = _module(plan, checked)
        count, states, actions = len(self.seeds), self.world.states, self.world.actions
        self.tables: Arrays = {name: _repeated(getattr(agent, name), count) for name in plan.tables}
        rows = int(env.observation_space.n) if dials is not None or (blend and blend.name != "none") else 1
        self.h_mean = np.zeros((count, rows, actions))
        self.h_count = np.zeros((count, rows, actions), np.int64)
        self._said = np.zeros((count, rows, actions, 2))
        self._fades = bool(blend and blend.fades)
        self._times = np.full((count, rows, actions, RECENT) if self._fades else (count, 1, 1, 1), -1, np.int64)
        plan_of_phi = blend.potential if blend else None
        self._phi = np.zeros((count, int(env.observation_space.n) if plan_of_phi else 1, actions))
        self._potential = plan_of_phi
        self._good = kernel.praised(env, dials, states, actions) if praised is None else praised
        seen = self.world.observation_of
        self._observation_of = np.zeros(1, np.int64) if seen is None else seen
        self._available = np.array(getattr(agent, "available", ()), dtype=np.int64)
        self._own = {name: _repeated(array, count) for name, array in self.world.own.items()}
        self._draws = np.array([_generators(seed) for seed in self.seeds], dtype=np.uint64)
        self._clock = np.zeros((count, len(kernel.CLOCK)), np.int64)
        self._real = np.zeros((count, len(kernel.REAL)))
        self._real[:, kernel.REAL.index("believed")] = -1.0
        start = {"steps": agent.steps, "episodes": agent.episodes, "fresh": 1, "left": -1, "watched_since": -1}
        if dials is not None and dials.budget is not None:
            start["left"] = int(dials.budget)
        for name, value in start.items():
            self._clock[:, kernel.CLOCK.index(name)] = value
        self._agent = agent
        self._ended = np.zeros(count, np.int64)
        self._returns, self._lengths = np.zeros((count, 1)), np.zeros((count, 1), np.int64)
        self.rewards = np.zeros((count, 1))
        self.actions = np.zeros((count, 1), np.int64)
        self._spoken = np.zeros((count, 0, 3), np.int64)
        self._heard = np.zeros(count, np.int64)
        self._compile()

    def run(self, steps: int | None = None, episodes: int | None = None) -> None:
        """Go on for so many steps of each seed, or so many whole episodes, whichever is reached first.

        Afterwards ``returns`` and ``lengths`` hold the episodes that ended in this call, one list per seed.
        """
        if steps is None and episodes is None:
            raise ValueError("say how many steps or how many episodes")
        room = min(steps or kernel.FOREVER, episodes or kernel.FOREVER, 1 << 16)
        returns = np.full((len(self.seeds), room), np.nan)
        lengths = np.zeros(returns.shape, np.int64)
        if self._kept.steps or self._kept.presses:
            if steps is None:
                raise ValueError("with a log of every step or press, say how many steps at most")
            self._make_logs(steps)
        goals = (steps or kernel.FOREVER, episodes or kernel.FOREVER)
        before, heard = self.count("episode"), self.count("presses")
        self._spread(lambda lo, hi: self._call(lo, hi, goals, returns, lengths))
        ended = np.minimum(self.count("episode") - before, room)
        self._ended, self._returns, self._lengths = ended, returns, lengths
        self._heard = self.count("presses") - heard

    def _make_logs(self, steps: int) -> None:
        count = len(self.seeds)
        if self._kept.steps:
            self.rewards = np.zeros((count, steps))
            self.actions = np.zeros((count, steps), np.int64)
        if self._kept.presses:
            self._spoken = np.zeros((count, steps, 3), np.int64)

    def _call(self, lo: int, hi: int, goals: tuple[int, int], returns: Any, lengths: Any) -> None:
        shared = (*self.world.shared.values(), self._observation_of, self._good, self._available)
        each = (
            *self._own.values(),
            *self.tables.values(),
            self.h_mean,
            self.h_count,
            self._said,
            self._times,
            self._phi,
        )
        state = (self._draws, self._clock, self._real, returns, lengths, self.rewards, self.actions, self._spoken)
        self._module.run(lo, hi, *goals, self.world.limit, self.plan.numbers, *shared, *each, *state)

    def _compile(self) -> None:
        """Compile for the types of these arrays, or load what was compiled before."""
        try:
            self._call(0, 0, (0, 0), np.zeros((1, 1)), np.zeros((1, 1), np.int64))
        except numba.core.errors.NumbaError as error:
            reason = _reason(str(error))
            raise RefusedError(f"numba cannot compile the rule of {type(self._agent).__name__}: {reason}") from error

    def _spread(self, work: Callable[[int, int], None]) -> None:
        """Share the seeds among threads; compiled code holds no lock."""
        count = len(self.seeds)
        threads = min(self.threads, count)
        if threads <= 1:
            work(0, count)
            return
        pieces = min(count, threads * 4)
        edges = [count * k // pieces for k in range(pieces + 1)]
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, edges[:-1], edges[1:]))

    @property
    def returns(self) -> list[list[float]]:
        """The returns of the episodes that ended in the last call, one list per seed."""
        return [row[:n].tolist() for row, n in zip(self._returns, self._ended, strict=True)]

    @property
    def lengths(self) -> list[list[int]]:
        """Their lengths in steps."""
        return [row[:n].tolist() for row, n in zip(self._lengths, self._ended, strict=True)]

    def episodes(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Returns and lengths as arrays of shape (seeds, episodes), where every seed has ended as many."""
        n = int(self._ended.min())
        return self._returns[:, :n], self._lengths[:, :n]

    def world_table(self, name: str) -> NDArray[Any]:
        """A table of the world that each seed has of its own, such as a bandit's true values: shape (seeds, ...)."""
        return self._own[f"w_{name}"]

    def count(self, name: str) -> NDArray[np.int64]:
        """A counter of every seed: ``index`` (steps), ``episode``, ``presses``, ``praise`` (positive presses) ..."""
        return self._clock[:, kernel.CLOCK.index(name)].copy()

    def summed(self, name: str) -> NDArray[np.float64]:
        """A sum of every seed since the start, where ``monitor`` is on: ``errors``, ``signals``, ``updates``."""
        return self._real[:, kernel.REAL.index(name)].copy()

    def presses(self, i: int) -> list[tuple[int, int, int]]:
        """The presses of the last call of run ``i``, where ``press_log`` is on: (step, episode, +1 or -1) each."""
        rows: list[tuple[int, int, int]] = self._spoken[i, : self._heard[i]].tolist()
        return rows

    def clear_sums(self) -> None:
        """Start the sums anew."""
        for name in ("errors", "signals", "updates"):
            self._real[:, kernel.REAL.index(name)] = 0.0

    def arrays(self, i: int) -> Arrays:
        """Run ``i`` as the agent's own ``arrays()`` has it, and H beside it."""
        clock = np.array([self.count("steps")[i], self.count("episodes")[i]])
        result: Arrays = {name: table[i].copy() for name, table in self.tables.items()} | {"clock": clock}
        if getattr(self._agent, "draws", False):
            result["rng"] = self._draws[i, kernel.STREAMS.index("replay")].copy()
        if self.h_mean.shape[1] > 1 or self.world.states == 1:
            result |= {"h_mean": self.h_mean[i].copy(), "h_count": self.h_count[i].copy()}
            result |= self._labels(i).arrays()
        believed = self._real[i, kernel.REAL.index("believed")]
        if believed >= 0:
            result |= {"reliability_of": np.array([SOMEBODY]), "reliability": np.array([believed])}
        if self._potential is not None:
            kind = self._potential.kind
            result[f"phi_{kind}"] = self._phi[i].copy()
            result[f"phi_{kind}_rng"] = self._draws[i, kernel.STREAMS.index("network")].copy()
        return result

    def state(self) -> Arrays:
        """What the kernel keeps beside tables and H: generators, clocks, sums, labels, a blend's own potential, and the
        worlds' own tables."""
        beside = {"said": self._said, "times": self._times, "phi": self._phi}
        return {"draws": self._draws, "clock": self._clock, "real": self._real, **beside, **self._own}

    def restore(self, learnt: Arrays, kept: Arrays) -> None:
        """Go on from the :meth:`state` of a batch of one seed, and the arrays of its agent and H. Raises ValueError."""
        present = self.state()
        for name, array in present.items():
            if name not in kept or kept[name].shape != array.shape or kept[name].dtype != array.dtype:
                raise ValueError(f"the kernel's {name} is missing, or of another shape than {array.shape}")
            np.copyto(array, kept[name])
        for name, table in self.tables.items():
            np.copyto(table[0], learnt[name])
        if "h_mean" in learnt and learnt["h_mean"].shape == self.h_mean.shape[1:]:
            np.copyto(self.h_mean[0], learnt["h_mean"])
            np.copyto(self.h_count[0], learnt["h_count"])

    def _labels(self, i: int) -> Labels:
        """Who said what in run ``i``: the one trainer there is."""
        labels = Labels(*self.h_mean.shape[1:])
        said = self._said[i].reshape(-1, 2)
        judged = np.flatnonzero(said.any(axis=1)).tolist()
        if judged:
            labels.said[SOMEBODY] = dict(zip(judged, said[judged].tolist(), strict=True))
        if self._fades:
            kept = self._times[i].reshape(-1, RECENT)
            labels.times = {pair: [(at, 1.0) for at in kept[pair].tolist() if at >= 0] for pair in judged}
        return labels


def _reason(complaint: str) -> str:
    """The line of numba's page of text that says what was wrong."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    telling = ("Error:", "not supported", "No implementation", "Unknown attribute", "Cannot unify", "Invalid use")
    return next((line for line in lines for word in telling if word in line), lines[-1])


def _repeated(table: Any, count: int) -> NDArray[Any]:
    array = np.array(table)
    array = array.astype(np.int64) if array.dtype.kind in "iub" else array.astype(np.float64)
    return np.repeat(array[None], count, axis=0)


@functools.lru_cache(maxsize=100_000)
def _generators(seed: int) -> list[NDArray[np.uint64]]:
    """Where the generators of a run stand at its start, in the order of ``kernel.STREAMS``."""
    draws = streams(seed)
    dials = dial_generators(draws.teacher)
    world = np_random(draws.world)[0]
    return [
        state_of(rng) for rng in (world, draws.policy, draws.replay, draws.network, *dials[:3], dials[4], draws.teacher)
    ]
