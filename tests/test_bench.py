"""The suite ``bench feedback``: its arithmetic by hand, its table, its folders, its page."""

import csv
import json
import math
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hfrl import bench_cells, bench_page, bench_plan, bench_score, bench_table, fanout, plot_bench, registry
from hfrl.bench_plan import NOBODY, PLAIN, Method, Plan
from hfrl.bench_score import Goal, Marks
from hfrl.bench_table import Mean, Row
from hfrl.config import Arm
from hfrl.record import read_arrays, read_json, write_arrays, write_json
from hfrl.run import main
from hfrl.types import UserError

# --- the score, by hand ----------------------------------------------------------------------------------------------

STEPS = np.array([25.0, 50.0, 75.0, 100.0])
PRESSES = np.array([3, 6, 9, 12])
PLAIN_GOAL = Goal(zero=0.0, best=10.0, best_return=10.0)


def test_a_run_marked_by_hand() -> None:
    """Returns 1, 5, 9, 10 of 10: at 90 % in the third of four evaluations."""
    marks = bench_score.marks(STEPS, np.array([1.0, 5.0, 9.0, 10.0]), None, PRESSES, PLAIN_GOAL)
    assert (marks.steps, marks.reached, marks.presses_to) == (75.0, True, 9.0)
    assert marks.speed == pytest.approx(math.log(100 / 75) / math.log(4))
    assert marks.area == pytest.approx((0.1 + 0.5 + 0.9 + 1.0) / 4)
    assert marks.final == marks.final_return / 10 == 1.0
    assert marks.score == pytest.approx(100 * (marks.speed + 0.625 + 1.0) / 3)


def test_a_run_that_never_arrives_is_censored_at_its_budget() -> None:
    marks = bench_score.marks(STEPS, np.array([1.0, 2.0, 8.9, 8.0]), None, PRESSES, PLAIN_GOAL)
    assert (marks.steps, marks.reached, marks.speed, marks.presses_to) == (100.0, False, 0.0, 12.0)
    assert marks.score == pytest.approx(100 * (0.0 + (0.1 + 0.2 + 0.89 + 0.8) / 4 + 0.8) / 3)


def test_arriving_at_the_last_evaluation_is_told_apart_from_never() -> None:
    late = bench_score.marks(STEPS, np.array([0.0, 0.0, 0.0, 9.0]), None, PRESSES, PLAIN_GOAL)
    assert (late.steps, late.reached, late.speed) == (100.0, True, 0.0)


def test_where_there_is_a_taste_the_threshold_is_its_own_and_the_utility_has_both() -> None:
    """Best taste .9, so the threshold is .81; utility return + 10 taste, of 17 at best."""
    goal = Goal(zero=0.0, best=17.0, best_return=9.0, best_taste=0.9, taste_weight=10.0)
    returns, tastes = np.array([9.0, 9.0, 8.0, 8.0]), np.array([0.3, 0.80, 0.81, 0.9])
    marks = bench_score.marks(STEPS, returns, tastes, PRESSES, goal)
    assert (marks.steps, marks.final_taste, marks.final_return) == (75.0, 0.9, 8.0)
    assert marks.area == pytest.approx((12 + 17 + 16.1 + 17) / 4 / 17)


def test_the_end_of_a_run_is_the_mean_of_its_last_tenth() -> None:
    steps = np.arange(1, 41) * 10.0
    returns = np.zeros(40)
    returns[-4:] = [2.0, 4.0, 6.0, 8.0]
    returns[-5] = 10.0
    marks = bench_score.marks(steps, returns, None, np.zeros(40), PLAIN_GOAL)
    assert (marks.final_return, marks.final) == (5.0, 0.5)
    assert marks.area == pytest.approx(3.0 / 40)


@pytest.mark.parametrize(
    ("best", "wanted"), [(500.0, 450.0), (-13.0, -14.3), (0.0, 0.0), (-100.0, -110.0)]
)  # fmt: skip
def test_thresholds(best: float, wanted: float) -> None:
    assert bench_score.threshold(best) == pytest.approx(wanted)


def test_every_halving_of_the_steps_is_worth_the_same() -> None:
    worth = [bench_score.speed(800 / 2**k, 800, evaluations=16) for k in range(5)]
    assert np.allclose(np.diff(worth), 0.25)


def test_a_utility_outside_its_scale_is_cut_off() -> None:
    assert bench_score.attainments(np.array([-5.0, 20.0]), None, PLAIN_GOAL).tolist() == [0.0, 1.0]


def marked(steps: float, reached: bool = True, final: float = 0.0, score: float = 0.0) -> Marks:
    return Marks(steps, reached, 0.0, 0.0, 0.0, final, score, 0.0, None)


@pytest.mark.parametrize(
    ("plain", "taught", "times", "bound"),
    [
        ([(400, True), (100, True)], [(100, True), (100, True)], 2.0, ""),
        ([(800, False), (800, False)], [(200, True), (50, True)], 8.0, ">="),
        ([(200, True)], [(800, False)], 0.25, "<="),
        ([(800, False)], [(800, False)], 1.0, "?"),
        ([(800, False), (200, True)], [(200, True), (800, False)], 1.0, "?"),
    ],
)
def test_speedups_and_which_way_they_err(plain: Any, taught: Any, times: float, bound: str) -> None:
    found = bench_score.speedup([marked(*one) for one in plain], [marked(*one) for one in taught])
    assert found.times == pytest.approx(times)
    assert found.bound == bound


# --- the table of methods --------------------------------------------------------------------------------------------


def test_every_world_condition_and_name_in_the_table_is_known() -> None:
    plan = bench_plan.full_plan()
    for world in plan.worlds.values():
        assert set(world.conditions) <= set(plan.conditions)
        assert world.steps % bench_score.EVALUATIONS == 0
    for method in (*plan.methods.values(), *plan.references.values()):
        assert set(method.worlds) <= set(plan.worlds), method.name
        assert {method.agent, method.box_agent} <= {None, *registry.AGENTS}, method.name
    assert set(plan.quick.worlds) <= set(plan.worlds)
    assert set(plan.quick.conditions) <= set(plan.conditions)
    assert plan.methods[PLAIN].blend == "none"


def test_every_method_of_the_table_can_be_made_in_every_world_of_tables() -> None:
    """Where states are numbered a refusal is the table's mistake; a Box is what some methods cannot be used in."""
    plan = bench_plan.full_plan()
    refused = bench_cells.refusals(bench_plan.cells(plan, (0,)))
    assert {world for _, world in refused} <= {world.name for world in plan.worlds.values() if world.box}


def test_no_way_to_learn_from_a_person_is_forgotten() -> None:
    """Each blend, and each agent that learns from feedback, is in the suite or excluded with a reason."""
    table = tomllib.loads(bench_plan.FILE.read_text(encoding="utf-8"))
    methods = bench_plan.full_plan().methods.values()
    blends = {part.partition(":")[0] for method in methods for part in method.blend.split("+")}
    agents = {name for method in methods for name in (method.agent, method.box_agent)}
    hears = {name for name in registry.AGENTS if not registry.hears_reward(name)}
    assert len(hears) > 5
    known = hears | set(registry.BLENDS)
    assert known - blends - agents == set(table["excluded"]), "one line in bench_feedback.toml: a method or [excluded]"
    assert all(len(reason) > 20 for reason in table["excluded"].values())


def test_a_method_with_a_table_for_an_agent_is_not_for_a_box() -> None:
    world = bench_plan.full_plan().worlds["cliff"]
    box = world._replace(name="cart", agent="dqn", box=True)
    for method, here, there in (
        (Method("m", ""), "q_learning", "dqn"),
        (Method("m", "", agent="sarsa"), "sarsa", None),
        (Method("m", "", box_agent="linear_tamer"), None, "linear_tamer"),
        (Method("m", "", agent="tamer", box_agent="linear_tamer"), "tamer", "linear_tamer"),
    ):
        assert (method.agent_in(world) if method.is_for(world) else None) == here
        assert (method.agent_in(box) if method.is_for(box) else None) == there
    assert not Method("m", "", worlds=["pizza"]).is_for(world)
    assert Method("m", "", worlds=["pizza"]).barred(world) == "the table means it for pizza alone"
    assert Method("m", "", agent="sarsa").barred(box) == "sarsa is meant for numbered states, and this world has a Box"


def test_settings_of_one_world_stand_instead_of_the_others() -> None:
    world = bench_plan.full_plan().worlds["cliff"]
    method = Method("m", "", set={"epsilon": 0.3}, set_in={"cliff": {"epsilon": 0.7}})
    assert method.settings_in(world) == {"epsilon": 0.7}
    assert method.settings_in(world._replace(name="other")) == {"epsilon": 0.3}
    plan = Plan({"cliff": world}, bench_plan.full_plan().conditions, {"m": method}, {}, bench_plan.full_plan().quick)
    assert bench_plan.cells(plan, (0,))[0].arm.set == world.set | {"epsilon": 0.7}


def test_what_is_left_out_of_a_world_is_told_with_the_reason() -> None:
    """Every method in every world is a cell, refused, or left out; never silently gone."""
    plan = bench_plan.full_plan()
    cells = {(cell.method, cell.world) for cell in bench_plan.cells(plan, (0,))}
    left = bench_plan.left_out(plan)
    assert not cells & set(left)
    assert cells - {(name, "kitchen") for name in plan.references} | set(left) == {
        (method, world) for method in plan.methods for world in plan.worlds
    }
    assert len(left) > 10
    assert all(len(reason) > 20 for reason in left.values())


def test_praise_that_will_pay_for_circles_is_told_before_anything_starts() -> None:
    methods, people = ["q_on_feedback", "action_biasing"], ["good", "praises"]
    plan = bench_plan.chosen(bench_plan.full_plan(), methods, ["cliff"], people)
    found = bench_cells.circles(bench_plan.cells(plan, (0,)))
    assert list(found) == [("q_on_feedback", "cliff")]
    assert "running in circles" in found["q_on_feedback", "cliff"]


def test_words_in_a_method_become_numbers() -> None:
    plan = bench_plan.full_plan()
    own = Method("own", "", "action_biasing:beta=2*unit", "expected_sarsa", set={"learning_rate": "claimed"})
    pacman, liar = plan.worlds["pacman"], plan.conditions["adversary"]
    small = Plan({"pacman": pacman}, {"adversary": liar}, {PLAIN: plan.methods[PLAIN], "own": own}, {}, plan.quick)
    plain, taught = bench_plan.cells(small, (0, 1))
    assert (plain.condition, plain.arm.teacher, plain.arm.blend) == (NOBODY, "none", "none")
    assert taught.arm.blend == "action_biasing:beta=200"
    assert taught.arm.teacher == "oracle:gamma=0.9,consistency=0.2,likelihood=0.3"
    assert (taught.arm.agent, taught.arm.set) == ("expected_sarsa", {"learning_rate": 0.8})
    assert taught.arm.env == plain.arm.env
    assert taught.arm.seeds == (0, 1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--methods", "acton_biasing"), "did you mean 'action_biasing'"),
        (("--worlds", "kitchn"), "did you mean 'kitchen'"),
        (("--conditions", "adversry"), "did you mean 'adversary'"),
        (("--seeds", "3-1"), "did you mean '1-3'"),
        (("--jobs", "many"), "--jobs must be"),
        (("--quik",), "did you mean '--quick'"),
    ],
)
def test_wrong_names_are_answered_with_the_nearest(
    words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "feedback", *words]) == 2
    assert told in capsys.readouterr().err


def test_a_wrong_suite_and_no_suite(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "feedbak"]) == 2
    assert "did you mean 'feedback'" in capsys.readouterr().err
    assert main(["bench"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in ("feedback", "kitchen", "adversary", "action_biasing", "designer"))


# --- ranking ---------------------------------------------------------------------------------------------------------


def ran(method: str, world: str, condition: str, seed: int, score: float, final: float = 0.5) -> bench_cells.Run:
    marks = marked(10.0, final=final, score=score)
    return bench_cells.Run(method, world, condition, seed, marks, marks, np.zeros(1), np.zeros(1), 1.0)


def suite_of(*runs: bench_cells.Run, refused: tuple[tuple[str, str], ...] = ()) -> bench_cells.Suite:
    goals = dict.fromkeys(("cliff", "pizza"), PLAIN_GOAL)
    return bench_cells.Suite(list(runs), dict.fromkeys(refused, "because"), goals)


def small_plan(*methods: str) -> Plan:
    plan = bench_plan.full_plan()
    worlds = {name: plan.worlds[name]._replace(conditions=["good"]) for name in ("cliff", "pizza")}
    rows = {name: Method(name, "", worlds=[]) for name in methods}
    return Plan(worlds, {"good": plan.conditions["good"]}, {PLAIN: plan.methods[PLAIN]} | rows, {}, plan.quick)


def test_no_feedback_stands_in_where_a_method_cannot_be_used() -> None:
    runs = [ran(PLAIN, world, NOBODY, seed, 40.0) for world in ("cliff", "pizza") for seed in (0, 1, 2)]
    runs += [ran("other", "cliff", "good", seed, 60.0) for seed in (0, 1, 2)]
    found = bench_table.tables(small_plan("other"), suite_of(*runs, refused=(("other", "pizza"),)))
    first, second = found.ranking
    assert (first.method, first.score.value, first.stand_ins) == ("other", 50.0, 1)
    assert (second.method, second.score.value, second.stand_ins) == (PLAIN, 40.0, 0)
    assert first.improvement.value == pytest.approx((1.0 + 0.5) / 2)
    assert found.against["other"][PLAIN] == pytest.approx(0.75)
    assert found.unfinished == []


def test_a_task_that_is_not_finished_is_left_out_for_everybody() -> None:
    runs = [ran(PLAIN, world, NOBODY, seed, 40.0) for world in ("cliff", "pizza") for seed in (0, 1, 2)]
    runs += [ran("other", "cliff", "good", seed, 60.0) for seed in (0, 1, 2)]
    runs += [ran("other", "pizza", "good", seed, 90.0) for seed in (0, 1)]
    found = bench_table.tables(small_plan("other"), suite_of(*runs))
    assert found.tasks == [("cliff", "good")]
    assert found.unfinished == [("pizza", "good")]
    assert found.ranking[0].score.value == 60.0


def test_gains_are_paired_by_seed() -> None:
    runs = [ran(PLAIN, "cliff", NOBODY, seed, 10.0 * seed) for seed in (0, 1, 2)]
    runs += [ran("other", "cliff", "good", seed, 10.0 * seed + 5) for seed in (0, 1, 2)]
    rows = bench_table.tables(small_plan("other"), suite_of(*runs)).rows
    taught = next(row for row in rows if row.method == "other")
    assert taught.gain == Mean(5.0, 5.0, 5.0)
    assert taught.score.value == 15.0


def row_with(shortfall: Mean, steps: Mean = Mean(1.0)) -> Row:  # noqa: B008 - a record, never changed
    row: Row = Row(*[None] * len(Row._fields))  # type: ignore[arg-type]
    return row._replace(shortfall=shortfall, steps=steps)


@pytest.mark.parametrize(
    ("shortfall", "word"),
    [
        (Mean(0.0, -0.01, 0.04), "recovers"),
        (Mean(-0.2, -0.3, -0.1), "recovers"),
        (Mean(0.3, 0.1, 0.5), "harmed"),
        (Mean(0.05, -0.1, 0.2), "unsure"),
        (Mean(0.2), "harmed"),
    ],
)
def test_what_an_adversary_did_in_a_word(shortfall: Mean, word: str) -> None:
    assert bench_table.harm(row_with(shortfall)) == word


def test_intervals_that_touch_are_not_apart() -> None:
    plain = row_with(Mean(0.0), Mean(100.0, 80.0, 120.0))
    assert bench_table.apart(row_with(Mean(0.0), Mean(50.0, 40.0, 79.0)), plain)
    assert not bench_table.apart(row_with(Mean(0.0), Mean(50.0, 40.0, 80.0)), plain)
    assert not bench_table.apart(row_with(Mean(0.0), Mean(50.0)), plain)


# --- the whole thing, small ------------------------------------------------------------------------------------------

TINY = """
[quick]
worlds = ["counter"]
conditions = ["good"]
seeds = "0-1"

[worlds.counter]
env = "hfrl/Pizza-v0"
agent = "q_learning"
set = { learning_rate = 0.5, epsilon = 0.1 }
steps = 400
episodes = 1
unit = 1.0
zero = 0.0
conditions = ["good", "noisy", "adversary"]
seconds = 0.1

[conditions.good]
says = "right <always> & at once"
dials = { consistency = 1.0, likelihood = 1.0 }
claimed = 0.9

[conditions.noisy]
says = "right 6 times in 10"
dials = { consistency = 0.6, likelihood = 1.0 }
claimed = 0.6

[conditions.adversary]
says = "a liar"
dials = { consistency = 0.2, likelihood = 1.0 }
claimed = 0.8

[references.designer]
says = "paid for taste"
worlds = ["counter"]
env_kwargs = { taste_paid = 10.0 }
steps = 800

[methods]
no_feedback = { says = "the reward alone", teacher = "none" }
biased = { says = "acts on Q + beta H", blend = "action_biasing:beta=2*unit" }
shaped = { says = "told R + beta H", blend = "reward_shaping:beta=0.5*unit" }
"""


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Plan:
    plan = bench_plan.read_plan(TINY)
    monkeypatch.setattr(bench_plan, "full_plan", lambda: plan)
    return plan


def bench(out: Path, *words: str) -> int:
    return main(["bench", "feedback", "--jobs", "1", "--no-progress", "--out", str(out), *words])


class Page(HTMLParser):
    """Every tag is closed, in order; nothing comes from outside the page."""

    void = ("meta", "img", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.void:
            self.open.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href", "data", "action")]

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.void:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open(encoding="utf-8")))


def test_a_tiny_suite_from_end_to_end(tiny: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(tmp_path, "--seeds", "0-2", "--json") == 0
    said = capsys.readouterr().out
    assert "Estimate:" in said.partition("ranking")[0]
    assert "…" not in said, "a table is cut off"
    ranked = json.loads(said.splitlines()[-1])
    assert ranked["score"] == bench_score.VERSION
    assert {row["method"] for row in ranked["ranking"]} == set(tiny.methods)

    page = Page()
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    page.feed(text)
    assert page.open == []
    assert len(page.sources) == 3
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert "<script" not in text
    assert "@import" not in text
    assert "url(" not in text
    assert any("right <always> & at once" in words for words in page.words)
    told = next(line for line in said.splitlines() if "running in circles" in line).partition(" in ")
    assert any(told[0].strip() in words for words in page.words)
    assert any(words in told[2] for words in page.words if "running in circles" in words)
    assert bench_score.VERSION in text

    runs = rows_of(tmp_path / "runs.csv")
    assert tuple(runs[0]) == bench_page.RUN_COLUMNS
    assert len(runs) == 3 * (1 + 1 + 2 * 3)
    cells = rows_of(tmp_path / "cells.csv")
    assert tuple(cells[0])[:7] == bench_page.ROW_FACTS
    assert {(row["method"], row["condition"]) for row in cells} == {
        (PLAIN, NOBODY), ("designer", NOBODY),
        *((name, condition) for name in ("biased", "shaped") for condition in tiny.conditions),
    }  # fmt: skip
    plain = next(row for row in cells if row["method"] == PLAIN)
    assert (float(plain["gain"]), float(plain["faster"]), float(plain["presses"])) == (0.0, 1.0, 0.0)
    ranking = rows_of(tmp_path / "ranking.csv")
    assert [float(row["score"]) for row in ranking] == sorted((float(row["score"]) for row in ranking), reverse=True)


@pytest.mark.usefixtures("tiny")
def test_a_suite_whose_files_are_damaged_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(tmp_path, "--seeds", "0-1") == 0
    summary = next(tmp_path.rglob("seed_0/summary.json"))
    seen, meta = summary.with_name("evaluations.npz"), summary.parent.parent / "meta.json"
    facts = json.loads(summary.read_text())
    arrays = read_arrays(seen)
    for path, content in (
        (summary, json.dumps(facts | {"wall_s": "long"}).encode()),
        (summary, json.dumps({key: facts[key] for key in facts if key != "wall_s"}).encode()),
        (seen, {name: array for name, array in arrays.items() if name != "results_with_h"}),
        (seen, arrays | {"results_with_h": arrays["results_with_h"][:, :0]}),
        (meta, b"["),
    ):
        whole = path.read_bytes()
        path.write_bytes(content) if isinstance(content, bytes) else write_arrays(path, content)
        capsys.readouterr()
        assert bench(tmp_path, "--seeds", "0-1") == 2
        said = capsys.readouterr().err
        assert str(path) in said
        assert said.count("\n") == 1
        path.write_bytes(whole)
    meta.write_bytes(b"[3]")
    assert bench(tmp_path, "--seeds", "0-1") == 0


def test_rows_agree_with_the_run_folders(tiny: Plan, tmp_path: Path) -> None:
    """A number of the table, worked out from the evaluations of its run; a return never holds the taste it was paid."""
    assert bench(tmp_path, "--seeds", "0-2") == 0
    goal = bench_cells.goal_of(tiny.worlds["counter"])
    assert goal.best_return == pytest.approx(9.41)
    assert goal.best_taste == pytest.approx(0.909)
    for cell in bench_plan.cells(tiny, (0,)):
        with np.load(bench_cells.folder_of(tmp_path, cell) / "seed_0" / "evaluations.npz", allow_pickle=False) as held:
            returns, tastes = held["results_with_h"].mean(axis=1), held["tastes_with_h"].mean(axis=1)
        returns = returns - 10 * tastes if cell.method == "designer" else returns
        row = next(
            row
            for row in rows_of(tmp_path / "runs.csv")
            if (row["method"], row["condition"], row["seed"]) == (cell.method, cell.condition, "0")
        )
        assert float(row["final_return"]) == pytest.approx(returns[-4:].mean(), rel=1e-5)
        area = np.clip((returns + 10 * tastes) / goal.best, 0, 1).mean()
        assert float(row["area"]) == pytest.approx(area, rel=1e-5)
        assert returns.max() <= 9.41 + 1e-9


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The runs that were really run."""
    done: list[tuple[str, int]] = []
    run = fanout.run_seed

    def counting(arm: Arm, seed: int, folder: Path, heartbeat: Any) -> bool:
        done.append((f"{arm.blend} {arm.teacher}", seed))
        return run(arm, seed, folder, heartbeat)

    monkeypatch.setattr(fanout, "run_seed", counting)
    return done


def test_finished_runs_are_not_run_again(
    tiny: Plan, tmp_path: Path, counted: list[tuple[str, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--methods", "biased", "--conditions", "good")
    assert bench(tmp_path, *words, "--seeds", "0-1") == 0
    assert len(counted) == 2 * 2
    first = (tmp_path / "runs.csv").read_bytes()
    assert bench(tmp_path, *words, "--seeds", "0-1") == 0
    assert len(counted) == 4
    assert "4 of them finished before" in capsys.readouterr().out
    assert (tmp_path / "runs.csv").read_bytes() == first

    # More seeds, or more methods: only what is new.
    assert bench(tmp_path, *words, "--seeds", "0-2") == 0
    assert sorted(seed for _, seed in counted[4:]) == [2, 2]
    assert bench(tmp_path, "--conditions", "good", "--seeds", "0-2") == 0
    assert {arm.partition(":")[0] for arm, _ in counted[6:]} == {"reward_shaping", "none none"}

    # A run that was cut off is run again from its start, and comes to the same numbers.
    cell = next(cell for cell in bench_plan.cells(tiny, (0,)) if (cell.method, cell.condition) == ("biased", "good"))
    broken = bench_cells.folder_of(tmp_path, cell) / "seed_0"
    before = (broken / "evaluations.npz").read_bytes()
    write_json(broken / "summary.json", read_json(broken / "summary.json") | {"finished": False})
    (broken / "feedback.jsonl").write_text("half a line")
    ran_before = len(counted)
    assert bench(tmp_path, "--conditions", "good", "--seeds", "0-2") == 0
    assert counted[ran_before:] == [(f"{cell.arm.blend} {cell.arm.teacher}", 0)]
    assert (broken / "evaluations.npz").read_bytes() == before
    assert "half a line" not in (broken / "feedback.jsonl").read_text(encoding="utf-8")


def test_ctrl_c_keeps_the_runs_that_were_finished(
    tiny: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = fanout.run_seed
    done: list[int] = []

    def stopping(arm: Arm, seed: int, folder: Path, heartbeat: Any) -> bool:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(seed)
        return run(arm, seed, folder, heartbeat)

    monkeypatch.setattr(fanout, "run_seed", stopping)
    assert bench(tmp_path, "--conditions", "good", "--seeds", "0-1") == 130
    monkeypatch.setattr(fanout, "run_seed", run)
    assert bench(tmp_path, "--conditions", "good", "--seeds", "0-1") == 0
    assert "8 runs, 3 of them finished before" in capsys.readouterr().out


def test_figures_of_many_methods(tmp_path: Path) -> None:
    """More methods than colours: the best are coloured, the others faint."""
    names = [f"method_{k}" for k in range(12)]
    bars = [plot_bench.Bar(name, 50.0 - k, 49.0 - k, 52.0 - k, 40.0) for k, name in enumerate(names)]
    scores = {name: {"good": 50.0, "noisy": 40.0, "adversary": 10.0 + k} for k, name in enumerate(names)}
    line = np.linspace(0, 1, 5)
    panels = {world: [plot_bench.Gain(name, 100 * line, line) for name in names] for world in ("a", "b")}
    made = [
        plot_bench.ranking(bars, names[3], tmp_path / "ranking.png", "hfrl bench"),
        plot_bench.radars(scores, names[3], ["good", "noisy", "adversary"], tmp_path / "radars.png", "hfrl bench"),
        plot_bench.gains(panels, names, tmp_path / "gains.png", "hfrl bench"),
    ]
    for path in made:
        width, height = Image.open(path).size
        assert width > 400
        assert height > 300


def test_every_coloured_curve_is_in_the_legend_whatever_its_worlds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(plot_bench, "save", lambda draw, *_: drawn.append(draw()))
    presses = np.arange(3.0)
    first, second, faint = "alone_there", "in_both", "faint"
    panels = {"pizza": [plot_bench.Gain(second, presses, presses)]}
    panels["pole"] = [plot_bench.Gain(name, presses, presses) for name in (first, second, faint)]
    plot_bench.gains(panels, [first, second, *"abcdefghi", faint], tmp_path / "gains.png", "hfrl bench")
    (legend,) = drawn[0].legends
    assert [text.get_text() for text in legend.get_texts()] == [first, second]


def test_another_setting_is_another_folder(tiny: Plan, tmp_path: Path) -> None:
    cell = bench_plan.cells(tiny, (0,))[0]
    other = cell._replace(arm=bench_plan.cells(tiny, (0, 1))[0].arm)
    assert bench_cells.folder_of(tmp_path, cell) == bench_cells.folder_of(tmp_path, other), "seeds have their own"
    for change in ({"total_timesteps": 800}, {"blend": "x"}, {"teacher": "y"}, {"eval_episodes": 2}, {"set": {}}):
        changed = cell._replace(arm=Arm(**{**cell.arm.__dict__, **change}))
        assert bench_cells.folder_of(tmp_path, changed) != bench_cells.folder_of(tmp_path, cell), change


def test_a_world_without_a_table_must_say_its_best() -> None:
    world = bench_plan.full_plan().worlds["cliff"]._replace(env="CartPole-v1", env_kwargs={})
    with pytest.raises(UserError, match="best return"):
        bench_cells.goal_of(world)
    assert bench_cells.goal_of(world._replace(best=500.0)).best == 500.0
