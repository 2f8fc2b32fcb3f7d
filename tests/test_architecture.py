"""The floors hold: who may import whom, what no source may do, and what a tabular run never loads."""

import ast
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import hfrl
import hfrl.agents
import hfrl.envs

ROOT = Path(__file__).parent.parent
#: Folder of the checkout -> import name.
ROOMS = {"hfrl": "hfrl", "agents": "hfrl.agents", "envs": "hfrl.envs"}
OUTSIDE = ("tests", "demos", "benchmarks", "docs")

FLOOR = {
    0: "types plain policy schedules returns models mdp seeding tabular grids traces prediction features linear "
    "planning "
    "network shapes fused blas nets torch_nets backends outputs frames human_net "
    "encoding replay deep priorities distributional noisy reading labels ports listening gradients strategies "
    "words deep_listening",
    1: "blend tamer_rl policy_shaping advice credit teachers judges people heuristics preferences",
    2: "loop abreast taught footprints remembered undo page kernel_blends kernel compiled",
    3: "checkpoint recorder cells clusters config_file "
    "record stats plot screen build experiment summary fanout registry config session live view window panels "
    "panel_parts panel_heat heat reaction reproduce plot_book book book_bandits book_control book_gradient "
    "book_planning book_prediction papers_feedback papers_policy_shaping papers_shaping papers_tamer_rl "
    "papers_preferences circuits engine saved "
    "maps plot_grid "
    "presets flags feedback scan follow board groups compare plot_compare stats_worlds film filmstrip plot_film "
    "bench_plan bench_score bench_cells bench_table bench_page plot_bench experts portrait insight",
    4: "run commands resume doctor teach bench sweep search exchange again recorded lateness",
}
#: Simulated people are one family of modules on floor 1; they know of one another, and of credit's delays.
TEACHING = {f"hfrl.{name}" for name in ("teachers", "judges", "people", "heuristics", "preferences")}
FLOORS = {f"hfrl.{name}": floor for floor, names in FLOOR.items() for name in names.split()}
#: The modules of blends: :mod:`hfrl.blend` gathers them.
FAMILIES = {"hfrl.tamer_rl", "hfrl.policy_shaping", "hfrl.advice"}
#: What may be imported from outside, beside the standard library.
LIBRARIES = {
    "hfrl": set(),
    "hfrl.types": {"numpy"},
    "hfrl.reading": {"numpy"},
    "hfrl.policy": set(),
    "hfrl.schedules": set(),
    "hfrl.returns": set(),
    "hfrl.models": {"numpy"},
    "hfrl.mdp": {"numpy"},
    "hfrl.grids": set(),
    "hfrl.traces": set(),
    "hfrl.features": {"numpy"},
    "hfrl.planning": {"numpy"},
    "hfrl.config_file": {"cattrs"},
    "hfrl.clusters": {"joblib", "ray", "distributed"},
    "hfrl.sweep": {"rich"},
    "hfrl.search": {"optuna"},
    "hfrl.portrait": {"numpy"},
    "hfrl.insight": set(),
    "hfrl.blas": {"numpy"},
    "hfrl.nets": {"numpy"},
    "hfrl.replay": {"numpy"},
    "hfrl.priorities": {"numpy"},
    "hfrl.distributional": {"numpy"},
    "hfrl.noisy": {"numpy"},
    "hfrl.network": {"numpy"},
    "hfrl.fused": {"numpy", "numba"},
    "hfrl.outputs": {"numpy"},
    "hfrl.encoding": {"numpy", "gymnasium"},
    "hfrl.shapes": {"numpy"},
    "hfrl.frames": {"numpy"},
    "hfrl.human_net": {"numpy"},
    "hfrl.torch_nets": {"numpy", "torch"},
    "hfrl.backends": {"numpy"},
    "hfrl.deep": {"numpy"},
    "hfrl.listening": set(),
    "hfrl.words": {"numpy"},
    "hfrl.deep_listening": {"numpy"},
    "hfrl.gradients": set(),
    "hfrl.strategies": set(),
    "hfrl.linear": {"numpy", "gymnasium"},
    "hfrl.prediction": set(),
    "hfrl.seeding": {"numpy"},
    "hfrl.tabular": {"numpy", "gymnasium"},
    "hfrl.blend": {"numpy"},
    "hfrl.ports": set(),
    "hfrl.labels": {"numpy"},
    "hfrl.tamer_rl": {"numpy"},
    "hfrl.policy_shaping": set(),
    "hfrl.advice": {"numpy"},
    "hfrl.credit": {"numpy"},
    "hfrl.teachers": {"numpy"},
    "hfrl.judges": {"numpy"},
    "hfrl.people": {"numpy"},
    "hfrl.heuristics": {"numpy"},
    "hfrl.preferences": {"numpy"},
    "hfrl.papers_preferences": {"numpy"},
    "hfrl.circuits": {"numpy"},
    "hfrl.experts": {"numpy"},
    "hfrl.again": set(),
    "hfrl.lateness": {"numpy"},
    "hfrl.recorded": {"numpy"},
    "hfrl.loop": {"numpy", "gymnasium"},
    "hfrl.abreast": {"numpy", "gymnasium"},
    "hfrl.taught": {"gymnasium"},
    "hfrl.undo": {"numpy"},
    "hfrl.kernel": {"numpy", "gymnasium"},
    "hfrl.kernel_blends": set(),
    "hfrl.page": set(),
    "hfrl.compiled": {"numpy", "gymnasium", "numba", "llvmlite"},
    "hfrl.record": {"numpy"},
    "hfrl.stats": {"numpy"},
    "hfrl.stats_worlds": {"numpy"},
    "hfrl.flags": set(),
    "hfrl.groups": set(),
    "hfrl.compare": {"numpy"},
    "hfrl.plot_compare": {"numpy", "matplotlib"},
    "hfrl.board": {"tensorboardX"},
    "hfrl.feedback": {"numpy"},
    "hfrl.scan": {"numpy", "numba"},
    "hfrl.follow": {"rich"},
    "hfrl.exchange": {"numpy", "pyarrow", "minari"},
    "hfrl.film": {"numpy", "gymnasium", "PIL", "imageio_ffmpeg"},
    "hfrl.filmstrip": set(),
    "hfrl.plot_film": {"numpy", "matplotlib"},
    "hfrl.plot": {"numpy", "matplotlib"},
    "hfrl.plot_book": {"matplotlib"},
    "hfrl.reproduce": {"numpy"},
    "hfrl.book": {"numpy", "gymnasium"},
    "hfrl.book_bandits": {"numpy"},
    "hfrl.book_control": {"numpy"},
    "hfrl.papers_feedback": {"numpy", "joblib", "gymnasium"},
    "hfrl.book_gradient": {"numpy", "joblib", "gymnasium"},
    "hfrl.book_planning": {"numpy"},
    "hfrl.papers_policy_shaping": {"numpy"},
    "hfrl.papers_shaping": {"numpy", "joblib", "gymnasium"},
    "hfrl.papers_tamer_rl": {"numpy", "joblib", "gymnasium"},
    "hfrl.book_prediction": {"numpy"},
    "hfrl.session": {"gymnasium"},
    "hfrl.live": set(),
    "hfrl.view": set(),
    "hfrl.window": {"numpy", "pygame", "PIL"},
    "hfrl.panels": {"numpy", "pygame"},
    "hfrl.panel_parts": {"numpy", "pygame"},
    "hfrl.panel_heat": {"pygame"},
    "hfrl.heat": set(),
    "hfrl.reaction": {"numpy"},
    "hfrl.teach": {"numpy"},
    "hfrl.screen": {"numpy", "pygame"},
    "hfrl.build": {"numpy", "gymnasium"},
    "hfrl.engine": set(),
    "hfrl.saved": set(),
    "hfrl.presets": set(),
    "hfrl.bench": {"numpy", "rich"},
    "hfrl.bench_plan": set(),
    "hfrl.bench_score": {"numpy"},
    "hfrl.bench_cells": {"numpy"},
    "hfrl.bench_table": {"numpy"},
    "hfrl.bench_page": set(),
    "hfrl.plot_bench": {"numpy", "matplotlib"},
    "hfrl.maps": {"numpy"},
    "hfrl.plot_grid": {"numpy", "matplotlib"},
    "hfrl.experiment": {"numpy"},
    "hfrl.recorder": {"numpy"},
    "hfrl.checkpoint": {"numpy"},
    "hfrl.cells": set(),
    "hfrl.plain": {"numpy"},
    "hfrl.remembered": {"numpy"},
    "hfrl.footprints": {"numpy"},
    "hfrl.resume": set(),
    "hfrl.summary": {"numpy"},
    "hfrl.fanout": {"numpy", "joblib"},
    "hfrl.registry": set(),
    "hfrl.config": {"cattrs"},
    "hfrl.run": {"tyro"},
    "hfrl.commands": {"numpy", "gymnasium", "rich"},
    "hfrl.doctor": set(),
}
#: The one exception to "rules import no painter": pictures are made when one of these is called, and only then.
PICTURES = {"render", "close", "observe"}


class Import(NamedTuple):
    """One import of a module: what, and the function it stands in (None at the top of the module)."""

    target: str
    inside: str | None
    line: int


def files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


SOURCES = files(*ROOMS)


def module_of(path: Path) -> str:
    """The import name of a source file."""
    room, *rest = path.relative_to(ROOT).with_suffix("").parts
    return ".".join([ROOMS[room], *(part for part in rest if part != "__init__")])


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports_of(path: Path) -> Iterator[Import]:
    """Every import of a file, relative ones resolved, ``from a import b`` as ``a.b`` where that is a module."""
    package = module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]

    def walk(node: ast.AST, inside: str | None) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (Import(alias.name, inside, child.lineno) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = child.module or ""
                if child.level:
                    above = package.split(".")[: len(package.split(".")) - child.level + 1]
                    base = ".".join([*above, *([base] if base else [])])
                for alias in child.names:
                    whole = f"{base}.{alias.name}"
                    yield Import(whole if whole in MODULES else base, inside, child.lineno)
            else:
                named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
                yield from walk(child, child.name if named else inside)

    yield from walk(tree_of(path), None)


MODULES = {module_of(path): path for path in SOURCES}
IMPORTS = {name: list(imports_of(path)) for name, path in MODULES.items()}


def ours(name: str) -> list[Import]:
    return [one for one in IMPORTS[name] if one.target.partition(".")[0] == "hfrl"]


def libraries(name: str) -> set[str]:
    heads = {one.target.partition(".")[0] for one in IMPORTS[name]}
    return heads - set(sys.stdlib_module_names) - {"hfrl"}


def is_agent(name: str) -> bool:
    return name.startswith("hfrl.agents")


def is_painter(name: str) -> bool:
    return name.startswith("hfrl.envs.painters")


def is_world(name: str) -> bool:
    return name.startswith("hfrl.envs") and not is_painter(name)


# --- the floors ------------------------------------------------------------------------------------------------------


def test_every_module_has_a_floor() -> None:
    placed = set(FLOORS) | {"hfrl"}
    unplaced = {name for name in MODULES if not (is_agent(name) or name.startswith("hfrl.envs"))}
    assert unplaced == placed, "a new module needs a floor here, and its libraries; a deleted one leaves the list"
    assert set(LIBRARIES) == placed


@pytest.mark.parametrize("name", sorted(FLOORS))
def test_modules_import_downwards(name: str) -> None:
    floor = FLOORS[name]
    for target, _, line in ours(name):
        where = f"{name}:{line} imports {target}"
        if is_agent(target) or is_world(target):
            assert floor >= 2, where
        elif is_painter(target):
            assert floor >= 3, where
        elif target == "hfrl":
            assert floor == 4, where
        elif name in TEACHING:
            assert FLOORS[target] == 0 or target in TEACHING | {"hfrl.credit"}, where
        elif name in ("hfrl.blend", "hfrl.advice"):
            assert FLOORS[target] == 0 or target in FAMILIES, where
        elif floor == 1:
            assert FLOORS[target] == 0, where
        else:
            assert FLOORS[target] <= floor, where


@pytest.mark.parametrize("name", sorted(filter(is_agent, MODULES)))
def test_agents_stand_on_floor_0_and_never_on_one_another(name: str) -> None:
    for target, _, line in ours(name):
        where = f"{name}:{line} imports {target}"
        if name == "hfrl.agents":
            assert is_agent(target), where
        else:
            assert FLOORS.get(target) == 0, where
    assert libraries(name) <= {"numpy"}


@pytest.mark.parametrize("name", sorted(filter(is_world, MODULES)))
def test_worlds_are_rules_only(name: str) -> None:
    for target, inside, line in ours(name):
        where = f"{name}:{line} imports {target}"
        assert is_world(target) or (is_painter(target) and inside in PICTURES), where
    assert libraries(name) <= {"gymnasium", "numpy"}


@pytest.mark.parametrize("name", sorted(filter(is_painter, MODULES)))
def test_painters_know_worlds_and_pygame_only(name: str) -> None:
    for target, _, line in ours(name):
        assert target.startswith("hfrl.envs"), f"{name}:{line} imports {target}"
    assert libraries(name) <= {"gymnasium", "numpy", "pygame"}


@pytest.mark.parametrize("name", sorted(LIBRARIES))
def test_libraries_stay_where_they_belong(name: str) -> None:
    assert libraries(name) <= LIBRARIES[name]


@pytest.mark.parametrize(
    ("library", "homes"),
    [
        (
            "matplotlib",
            {"hfrl.plot", "hfrl.plot_book", "hfrl.plot_grid", "hfrl.plot_bench", "hfrl.plot_compare", "hfrl.plot_film"},
        ),
        (
            "pygame",
            {"hfrl.screen", "hfrl.window", "hfrl.panels", "hfrl.panel_parts", "hfrl.panel_heat", "hfrl.envs.painters"},
        ),
        ("numba", {"hfrl.compiled", "hfrl.fused", "hfrl.scan"}),
        ("torch", {"hfrl.torch_nets"}),
        ("tyro", {"hfrl.run"}),
        (
            "joblib",
            {
                "hfrl.clusters",
                "hfrl.fanout",
                "hfrl.book_gradient",
                "hfrl.papers_feedback",
                "hfrl.papers_shaping",
                "hfrl.papers_tamer_rl",
            },
        ),
    ],
)
def test_one_home_for_each_heavy_library(library: str, homes: set[str]) -> None:
    users = {name for name in MODULES if library in libraries(name)}
    assert all(any(user == home or user.startswith(f"{home}.") for home in homes) for user in users), users


def test_no_module_needs_itself_to_be_imported() -> None:
    """The imports at the top of modules have no circle."""
    above = {name: {one.target for one in ours(name) if one.inside is None} & set(MODULES) for name in MODULES}
    done: set[str] = set()
    while ready := {name for name in above if name not in done and above[name] <= done | {name}}:
        done |= ready
    assert done == set(MODULES), f"a circle among {sorted(set(MODULES) - done)}"


def test_the_checkers_own_eyes() -> None:
    """The reader of imports sees what it must: late ones, and modules taken from packages."""
    assert Import("hfrl.envs.painters.canvas", "render", 0)._replace(line=0) in {
        one._replace(line=0) for one in IMPORTS["hfrl.envs.pizza"]
    }
    assert "tyro" in libraries("hfrl.run")
    assert {one.target for one in ours("hfrl.agents.sarsa")} >= {"hfrl.tabular", "hfrl.types"}
    assert len(SOURCES) > 30


# --- what no source does ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", files(*ROOMS, *OUTSIDE), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_second_copy_of_a_class(path: Path) -> None:
    """``import agents.x`` in the checkout would make a class that is not ``hfrl.agents.x``'s."""
    for node in ast.walk(tree_of(path)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        for name in names:
            assert name.partition(".")[0] not in ("agents", "envs"), f"{path}:{node.lineno} imports {name}"


FORBIDDEN_MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "shelve", "marshal", "random", "imp"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
GENERATORS = {"default_rng", "Generator", "SeedSequence", "BitGenerator", "PCG64"}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_no_pickle_no_eval_no_global_luck(name: str) -> None:
    heads = {one.target.partition(".")[0] for one in IMPORTS[name]}
    assert not heads & FORBIDDEN_MODULES
    for node in ast.walk(tree_of(MODULES[name])):
        where = f"{name}:{getattr(node, 'lineno', '?')}"
        if isinstance(node, ast.Name):
            assert node.id not in FORBIDDEN_CALLS, f"{where} {node.id}"
        if isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value)
            assert not (owner in ("np.random", "numpy.random") and node.attr not in GENERATORS), f"{where} {node.attr}"
        if isinstance(node, ast.ImportFrom) and node.module == "numpy.random":
            assert {alias.name for alias in node.names} <= GENERATORS, where
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant), where
            assert node.value.value is False, where


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_array_file_is_opened_without_pickle(name: str) -> None:
    for node in ast.walk(tree_of(MODULES[name])):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.load", "np.savez", "np.savez_compressed"):
            assert "allow_pickle" in {keyword.arg for keyword in node.keywords}, f"{name}:{node.lineno}"


@pytest.mark.parametrize("path", files(*ROOMS, "demos"), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_function_takes_whatever_comes(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            assert node.args.kwarg is None, f"{path}:{node.lineno} takes **{node.args.kwarg and node.args.kwarg.arg}"


#: Whatever an agent, a model, a blend or an engine is made of; ``mdp`` alone tells a table with the taste in it.
LEARNERS = {name for name in MODULES if is_agent(name) or FLOORS.get(name) == 0} - {"hfrl.mdp"}
LEARNERS |= {
    "hfrl.blend",
    "hfrl.credit",
    "hfrl.taught",
    "hfrl.undo",
    "hfrl.kernel_blends",
    "hfrl.page",
    "hfrl.compiled",
}
LEARNERS |= FAMILIES


@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_no_learner_knows_the_taste(name: str) -> None:
    for node in ast.walk(tree_of(MODULES[name])):
        words = [
            getattr(node, attribute)
            for attribute in ("id", "attr", "arg", "name", "asname")
            if isinstance(getattr(node, attribute, None), str)
        ]
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
            words.append(node.value)
        for word in words:
            assert "tast" not in word.lower(), f"{name}:{getattr(node, 'lineno', '?')} mentions {word}"


def test_no_method_imports_whoever_knows_the_taste() -> None:
    """Neither at once nor by way of others; ``mdp`` is read by planners, which the test above keeps from its taste."""
    knowing = {"hfrl.teachers", "hfrl.judges", "hfrl.people", "hfrl.loop"} | set(filter(is_world, MODULES))
    for name in sorted(name for name in LEARNERS if is_agent(name) or FLOORS[name] <= 1):
        reached, ahead = set(), {name}
        while ahead:
            reached |= ahead
            ahead = {one.target for at in ahead for one in ours(at)} & set(MODULES) - reached
        assert not reached & knowing, f"{name} reaches {sorted(reached & knowing)}"


@pytest.mark.parametrize("name", sorted(filter(is_agent, MODULES)))
def test_agent_files_hold_an_equation_and_no_machinery(name: str) -> None:
    heads = {one.target for one in IMPORTS[name]}
    assert not heads & {"os", "sys", "json", "pathlib", "logging", "time", "gymnasium"}
    assert "human" not in {node.id for node in ast.walk(tree_of(MODULES[name])) if isinstance(node, ast.Name)}


@pytest.mark.parametrize("path", files("demos"), ids=lambda path: path.name)
def test_demos_fit_on_a_page(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 40


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", [hfrl, hfrl.agents, hfrl.envs], ids=lambda package: package.__name__)
def test_exported_names_resolve(package: object) -> None:
    names = package.__all__  # type: ignore[attr-defined]
    assert len(set(names)) == len(names) > 0
    for name in names:
        assert getattr(package, name) is not None
    assert set(names) <= set(dir(package))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'ply'"):
        hfrl.ply  # noqa: B018


@pytest.mark.parametrize("name", hfrl.agents.__all__)
def test_one_copy_of_each_agent(name: str) -> None:
    agent = getattr(hfrl.agents, name)
    assert agent.__module__.startswith("hfrl.agents.")
    assert getattr(importlib.import_module(agent.__module__), name) is agent
    assert {"agents", "envs"}.isdisjoint(module.partition(".")[0] for module in sys.modules)


# --- what is loaded when ---------------------------------------------------------------------------------------------

PLAY = """
import gymnasium, hfrl
from hfrl import blend, teachers
from hfrl.agents import QLearning
env = gymnasium.make("hfrl/Pizza-v0")
person = teachers.simulated(env, hfrl.streams(0).teacher)
for event in hfrl.play(env, QLearning(env), person, blend.reward_shaping(), seed=0, steps=200):
    pass
hfrl.evaluate(env, QLearning(env), 2)
"""
TRAIN = """
from hfrl.run import main
assert main(["train", "--env", "hfrl/Pizza-v0", "-n", "200", "--seeds", "0", "--eval-freq", "0", "--eval-episodes", "2",
             "--jobs", "1", "--no-progress", "--out", "runs"]) == 0
"""
HELP = """
from hfrl.run import main
try:
    main(["--help"])
except SystemExit as stop:
    assert stop.code in (0, None)
"""
MISTAKE = """
from hfrl.run import main
assert main(["--epsilom", "0.1"]) == 2
"""


def loaded(program: str, folder: Path) -> set[str]:
    """The top-level modules that a program has loaded at its end, torch and the like within its reach."""
    stubs = folder / "stubs"
    stubs.mkdir()
    for library in ("torch", "numba", "tensorboard", "pandas"):
        (stubs / f"{library}.py").write_text("'A stub: whoever imports it is seen.'\n")
    told = program + "\nimport sys; print(); print('LOADED', *{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", told],
        cwd=folder,
        # This checkout, not the one that an editable install points at.
        env=os.environ | {"PYTHONPATH": f"{stubs}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_a_tabular_loop_loads_no_heavy_library(tmp_path: Path) -> None:
    names = loaded(PLAY, tmp_path)
    assert "hfrl" in names
    assert not names & {"torch", "numba", "matplotlib", "pygame", "tyro", "rich", "joblib", "cattrs", "PIL", "pandas"}


def test_a_training_run_loads_neither_torch_nor_pygame(tmp_path: Path) -> None:
    names = loaded(TRAIN, tmp_path)
    assert "matplotlib" in names  # it draws its figure
    assert not names & {"torch", "numba", "pygame", "tensorboard", "pandas", "agents", "envs"}


@pytest.mark.parametrize("program", [HELP, MISTAKE], ids=["help", "mistake"])
def test_help_and_mistakes_load_little(program: str, tmp_path: Path) -> None:
    names = loaded(program, tmp_path)
    assert not names & {"torch", "numba", "matplotlib", "pygame", "joblib", "pandas", "PIL"}
