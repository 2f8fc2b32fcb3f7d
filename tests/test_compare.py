"""Arms side by side: groups by what differs, numbers against scipy and by hand, a verdict in words, and the figure."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hfrl import groups, plot, record, stats, stats_worlds
from hfrl.config import Arm
from hfrl.plot import COLOURS, Curve, look
from hfrl.plot_compare import MEANING, figure
from hfrl.run import main

STEPS = np.array([100, 200, 300])
PLAIN = Arm("FrozenLake-v1", "q_learning", "none", "none", "immediate", 300, (0, 1, 2))


def a_run(out: Path, arm: Arm, ends: dict[int, float]) -> Path:
    """A run folder by hand: seeds and the return that each ends with."""
    arm = replace(arm, seeds=tuple(ends))
    run = record.create_run(out, arm, "by hand")
    for seed, end in ends.items():
        folder = run / f"seed_{seed}"
        results = np.array([0.0, end / 2, end])[:, None]
        arrays = {"timesteps": STEPS, "results": results, "ep_lengths": np.ones_like(results), "presses": 0 * STEPS}
        record.write_arrays(folder / "evaluations.npz", arrays | {"results_with_h": results})
        record.write_arrays(folder / "final.npz", {"clock": np.array([1, 1])})
        facts = {"finished": True, "total_timesteps": 300, "return": end, "taste": None, "return_with_h": end}
        facts |= {"taste_with_h": None, "feedback": 0, "wall_s": 1.0, "steps_per_second": 1.0}
        record.write_json(folder / "summary.json", facts)
    return run


def said(capsys: pytest.CaptureFixture[str], *line: str) -> tuple[int, str, str]:
    code = main(list(line))
    out, err = capsys.readouterr()
    return code, out, err


# --- groups ----------------------------------------------------------------------------------------------------------


def test_runs_of_the_same_settings_are_one_group(tmp_path: Path) -> None:
    runs = [
        a_run(tmp_path, PLAIN, {0: 0.1, 1: 0.2}),
        a_run(tmp_path, replace(PLAIN, engine="compiled", tensorboard=True), {2: 0.3, 1: 0.25}),
        a_run(tmp_path, replace(PLAIN, set={"learning_rate": 0.5}), {0: 0.4}),
    ]
    first, second = groups.read_groups(list(map(str, runs)), trust=False)
    assert first.summary["seeds"] == [0, 1, 2]
    assert first.returns[:, -1].tolist() == [0.1, 0.25, 0.3]  # of a seed that is there twice, the last
    assert (first.label, second.label) == ("q_learning learning_rate=default", "q_learning learning_rate=0.5")


@pytest.mark.parametrize(
    ("changes", "labels"),
    [
        ([{}, {"agent": "sarsa"}], ["q_learning", "sarsa"]),
        ([{}, {"env": "Taxi-v4"}], ["q_learning", "q_learning"]),
        ([{}, {"blend": "beta", "teacher": "oracle"}], ["q_learning", "q_learning + beta (oracle)"]),
        (
            [{"blend": "reward_shaping:beta=1"}, {"blend": "reward_shaping:beta=2"}],
            [
                "q_learning + reward_shaping blend=reward_shaping:beta=1",
                "q_learning + reward_shaping blend=reward_shaping:beta=2",
            ],
        ),
        ([{"warmup": 0}, {"warmup": 9}], ["q_learning warmup=0", "q_learning warmup=9"]),
        (
            [{"set": {"n": 1, "gamma": 0.9}}, {"set": {"n": 2, "gamma": 0.9}, "agent": "sarsa"}],
            ["q_learning n=1", "sarsa n=2"],
        ),
        ([{"env_kwargs": {"size": 4}}, {}], ["q_learning size=4", "q_learning size=default"]),
        ([{"seeds": (3,)}, {"engine": "compiled"}], ["q_learning", "q_learning"]),
    ],
)
def test_a_label_says_what_differs_and_nothing_else(changes: list[dict[str, Any]], labels: list[str]) -> None:
    assert groups.labels([replace(PLAIN, **change) for change in changes]) == labels


# --- numbers ---------------------------------------------------------------------------------------------------------


def test_a_profile_is_a_survival_function() -> None:
    scores = np.random.default_rng(0).normal(size=40)
    points = np.linspace(-3, 3, 13)
    profile = stats.performance_profile(scores, points)
    expected = [sum(score >= point for score in scores) / 40 for point in points]
    assert profile.tolist() == expected
    assert (np.diff(profile) <= 0).all()
    low, high = stats.profile_band(scores, points) or (None, None)
    assert low is not None
    assert (low <= profile).all()
    assert (profile <= high).all()
    assert stats.profile_band(scores[:2], points) is None
    with pytest.raises(ValueError, match="no scores"):
        stats.performance_profile([], points)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), min_size=1, max_size=17))
def test_the_iqm_of_a_curve_is_scipy_s_trimmed_mean(curves: list[list[float]]) -> None:
    scipy = pytest.importorskip("scipy.stats")
    np.testing.assert_allclose(stats.iqm_curve(curves), scipy.trim_mean(curves, 0.25, axis=0), rtol=1e-9, atol=1e-6)
    for point in range(3):
        assert stats.iqm_curve(curves)[point] == pytest.approx(stats.iqm(np.array(curves)[:, point]), abs=1e-6)


def test_the_band_of_an_iqm_curve_is_the_interval_at_each_point() -> None:
    curves = np.random.default_rng(1).normal(size=(12, 4)) + np.arange(4)
    low, high = stats.iqm_band(curves, resamples=4000) or (None, None)
    for point in range(4):
        interval = stats.bootstrap_interval(curves[:, point], stats.iqm, resamples=4000)
        assert interval is not None
        assert (low[point], high[point]) == pytest.approx(interval, abs=0.08)
    assert stats.iqm_band(curves[:2]) is None
    with pytest.raises(ValueError, match="shape"):
        stats.iqm_band(curves[0])


def test_the_probability_of_improvement_is_scipy_s_u_and_its_interval_covers() -> None:
    scipy = pytest.importorskip("scipy.stats")
    rng, covered = np.random.default_rng(2), 0
    truth = scipy.norm.cdf(1 / np.sqrt(2))  # P(B > A) of N(1, 1) against N(0, 1)
    for _ in range(100):
        a, b = rng.normal(0, 1, 15), rng.normal(1, 1, 15)
        assert stats.probability_of_improvement(a, b) == scipy.mannwhitneyu(b, a).statistic / 225
        low, high = stats.improvement_interval(a, b, resamples=300) or (0, 0)
        covered += low <= truth <= high
    assert 85 <= covered <= 100  # the bootstrap is a little narrow for 15 runs
    assert stats.improvement_interval(a[:2], b) is None


def of_effect(effect: float) -> list[float]:
    """Two differences whose mean is so many of their standard deviations."""
    return [effect - np.sqrt(0.5), effect + np.sqrt(0.5)]


@pytest.mark.parametrize("effect", [0.2, 0.4, 0.6, 0.8, 1.0])
@pytest.mark.parametrize("power", [0.5, 0.8, 0.9])
def test_the_number_of_seeds_has_the_t_test_s_power(effect: float, power: float) -> None:
    """Against the exact power of the paired t-test (the noncentral t distribution)."""
    scipy = pytest.importorskip("scipy.stats")

    def exact(pairs: int) -> float:
        limit, shift = scipy.t.ppf(0.975, pairs - 1), effect * np.sqrt(pairs)
        return float(scipy.nct.sf(limit, pairs - 1, shift) + scipy.nct.cdf(-limit, pairs - 1, shift))

    pairs = stats.seeds_to_tell_apart(of_effect(effect), power)
    assert pairs is not None
    exactly = next(n for n in range(3, 500) if exact(n) >= power)
    assert exactly - 1 <= pairs <= max(exactly + 1, 6), exactly


@pytest.mark.parametrize(("effect", "power"), [(0.5, 0.8), (1.0, 0.8), (1.3, 0.8), (1.6, 0.8), (2.0, 0.9), (0.7, 0.5)])
def test_so_many_seeds_do_find_it_with_our_own_test(effect: float, power: float) -> None:
    """Simulated: the sign-flip test that the verdict goes by, 300 experiments; the band is three standard errors."""
    pairs = stats.seeds_to_tell_apart(of_effect(effect), power)
    assert pairs is not None
    rng = np.random.default_rng(3)
    found = np.mean([stats.sign_flip_p_value(rng.normal(effect, 1, pairs), rng) < 0.05 for _ in range(300)])
    assert found >= power - 3 * np.sqrt(power * (1 - power) / 300)


def test_no_number_of_seeds_finds_no_difference() -> None:
    assert stats.seeds_to_tell_apart([0.0, 0.0, 0.0]) is None
    assert stats.seeds_to_tell_apart([-1.0, 1.0]) is None
    assert stats.seeds_to_tell_apart([0.1, 0.2, -0.3]) is None  # 0 but for rounding
    assert stats.seeds_to_tell_apart([1.0, 1.0, 1.0]) == 6  # without any scatter, as many as the test needs
    for wrong in ([1.0], [[1.0, 2.0]], [1.0, np.nan]):
        with pytest.raises(ValueError, match=r"differences|scores"):
            stats.seeds_to_tell_apart(wrong)
    with pytest.raises(ValueError, match="power"):
        stats.seeds_to_tell_apart([1.0, 2.0], power=1.0)


# --- in words --------------------------------------------------------------------------------------------------------


def test_arms_that_differ_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = a_run(tmp_path, PLAIN, {seed: 0.1 + 0.01 * seed for seed in range(8)})
    b = a_run(tmp_path, replace(PLAIN, agent="sarsa"), {seed: 0.6 + 0.02 * seed for seed in range(8)})
    code, out, err = said(capsys, "compare", str(a), str(b), "--json")
    assert (code, err) == (0, "")
    assert "A is q_learning, B is sarsa" in out
    assert "B is higher by 0.5" in out
    assert "8 seeds tell them apart: no more are needed" in out
    numbers = json.loads(out.splitlines()[-1])
    (verdict,) = numbers["verdicts"]
    assert verdict["paired"]["difference"] == pytest.approx(0.5 + 0.01 * 3.5)
    assert verdict["paired"]["told_apart"]
    assert verdict["iqms"] == pytest.approx([0.1 + 0.01 * 3.5, 0.6 + 0.02 * 3.5])
    assert verdict["improvement"] == 1.0
    _, reversed_, _ = said(capsys, "compare", str(b), str(a))
    assert "A is higher by 0.5" in reversed_


def test_how_many_more_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ends = [0.0, 0.4, 0.1, 0.5, -0.1]
    a = a_run(tmp_path, PLAIN, dict.fromkeys(range(5), 0.5))
    b = a_run(tmp_path, replace(PLAIN, agent="sarsa"), {seed: 0.5 + end for seed, end in enumerate(ends)})
    _, out, _ = said(capsys, "compare", str(a), str(b))
    in_all = stats.seeds_to_tell_apart(ends)
    assert in_all is not None
    assert f"with about {in_all - 5} seeds more, {in_all} in all" in out
    assert "a rough guess" in out
    _, often, _ = said(capsys, "compare", str(a), str(b), "--power", "0.95")
    larger = stats.seeds_to_tell_apart(ends, 0.95)
    assert larger is not None
    assert larger > in_all
    assert f"{larger} in all" in often
    assert "95 times in 100" in often


@pytest.mark.parametrize(
    ("a", "b", "word"),
    [
        ({0: 0.5}, {0: 0.9}, "one seed says nothing"),
        ({0: 0.5, 1: 0.5, 2: 0.5}, {0: 0.5, 1: 0.5, 2: 0.5}, "would not tell them apart"),
        ({0: 0.5, 1: 0.2, 2: 0.3, 3: 0.1}, {0: 0.1, 1: 0.5, 2: 0.2, 3: 0.303}, "next to nothing"),
        ({0: 0.5, 1: 0.5, 2: 0.5}, {0: 0.5, 1: 0.5, 2: 0.7}, "seeds more"),
    ],
)
def test_what_few_seeds_say(
    a: dict[int, float], b: dict[int, float], word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = a_run(tmp_path, PLAIN, a), a_run(tmp_path, replace(PLAIN, agent="sarsa"), b)
    code, out, _ = said(capsys, "compare", str(one), str(other))
    assert code == 0
    assert word in out


def test_only_shared_seeds_are_paired(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = a_run(tmp_path, PLAIN, {0: 0.0, 1: 0.1, 2: 0.2, 9: 5.0})
    b = a_run(tmp_path, replace(PLAIN, agent="sarsa"), {2: 0.3, 1: 0.2, 0: 0.1})
    _, out, _ = said(capsys, "compare", str(a), str(b), "--json")
    (verdict,) = json.loads(out.splitlines()[-1])["verdicts"]
    assert verdict["paired"]["n"] == 3
    assert verdict["paired"]["difference"] == pytest.approx(0.1)
    c = a_run(tmp_path, replace(PLAIN, agent="dyna_q"), {7: 0.3})
    code, _, err = said(capsys, "compare", str(a), str(c))
    assert code == 2
    assert "no seed in common (0, 1, 2, 9 and 7)" in err


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (["compare"], "compare needs a run folder"),
        (["compare", "A"], "compare takes two runs, got 1 group"),
        (["compare", "A", "A"], "compare takes two runs, got 1 group"),
        (["compare", "A", "B", "C"], "got 3 group(s)"),
        (["compare", "A", "T"], "runs of one world"),
        (["compare", "A", "B", "--power", "1"], "--power must lie between 0 and 1"),
        (["compare", "A", "nowhere"], "there is no folder"),
        (["plot", "A", "--kind", "comparisn"], "did you mean 'comparison'?"),
        (["plot", "A", "--kind", "comparison", "--out", "a.jpg"], "must end in .png, .svg or .pdf"),
        (["plot", "A", "--kind", "comparison", "--seed", "3"], "--state and --seed choose what a map shows"),
    ],
)
def test_a_mistake_is_one_line(line: list[str], word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arms = {
        "A": PLAIN, "B": replace(PLAIN, agent="sarsa"), "C": replace(PLAIN, agent="dyna_q"),
        "T": replace(PLAIN, env="Taxi-v4"),
    }  # fmt: skip
    runs = {name: str(a_run(tmp_path, arm, {0: 0.1, 1: 0.2})) for name, arm in arms.items() if name in line}
    code, _, err = said(capsys, *(runs.get(part, part) for part in line))
    assert code == 2
    assert word in err
    assert err.count("\n") == 1


# --- the figure ------------------------------------------------------------------------------------------------------


def a_curve(label: str, title: str = "FrozenLake-v1", seeds: int = 8, taste: bool = False, lift: float = 0.0) -> Curve:
    rng = np.random.default_rng(len(label) + seeds)
    returns = lift + np.cumsum(rng.uniform(0, 0.1, (seeds, 5)), axis=1)
    tastes = rng.uniform(0, 1, (seeds, 5)) if taste else None
    return Curve(label, np.arange(1, 6) * 1000, returns, tastes, 0 * returns, None, None, title)


def test_the_figure_shows_the_numbers() -> None:
    curves = [a_curve("plain"), a_curve("taught", lift=0.3)]
    fig = figure(curves, "the command")
    efficiency, ends, profiles, improvements = fig.axes
    for arm, one in enumerate(curves):
        colour, style = look(arm)
        thick = [line for line in efficiency.get_lines() if line.get_color() == colour and line.get_linewidth() > 2]
        assert [line.get_linestyle() for line in thick] == ["-" if style == "solid" else "--"]
        np.testing.assert_array_equal(thick[0].get_ydata(), stats.iqm_curve(one.returns))
        thin = [line for line in efficiency.get_lines() if line.get_color() == colour and line.get_linewidth() < 2]
        assert len(thin) == 8
        np.testing.assert_array_equal(np.array([line.get_ydata() for line in thin]), one.returns)
        mark = next(line for line in ends.get_lines() if line.get_color() == colour)
        assert mark.get_xdata()[0] == stats.iqm(one.returns[:, -1])  # type: ignore[index]
        step = next(line for line in profiles.get_lines() if line.get_color() == colour)
        points = np.asarray(step.get_xdata(), dtype=float)
        np.testing.assert_array_equal(step.get_ydata(), stats.performance_profile(one.returns[:, -1], points))
    (chance,) = [line for line in improvements.get_lines() if line.get_color() == COLOURS[1]]
    expected = stats.probability_of_improvement(curves[0].returns[:, -1], curves[1].returns[:, -1])
    assert chance.get_xdata()[0] == expected  # type: ignore[index]


def test_a_world_with_taste_has_a_row_for_it() -> None:
    fig = figure([a_curve("a", "Pizza", taste=True), a_curve("b", "Pizza", taste=True), a_curve("a", "Lake")], "c")
    titles = ["Pizza", "Lake", "Pizza, hidden taste", "all 2 worlds"]
    assert [axes.get_title(loc="left") for axes in fig.axes[::4]] == titles
    assert len(fig.axes) == 16


def test_all_worlds_together_by_hand() -> None:
    """Two worlds on different scales, four runs each, of which the ends are normalised: worst 0, best known 1."""
    lake = [a_curve(label, "Lake")._replace(
        returns=np.array(ends)[:, None] / 10 * [0.5, 1.0], timesteps=np.array([50, 100]), presses=np.zeros((4, 2)),
        optimal_return=1.0,
    ) for label, ends in (("a", (0, 2, 4, 6)), ("b", (2, 4, 6, 8)))]  # fmt: skip
    cliff = [curve._replace(title="Cliff", returns=100 * curve.returns - 100, optimal_return=None) for curve in lake]
    fig = figure([*lake, *cliff], "c")
    efficiency, ends, _, improvements = fig.axes[8:]
    assert efficiency.get_title(loc="left") == "all 2 worlds"
    # Lake: 0 .. 1, so ends as they are; Cliff: -100 .. -20 is 0 .. 1, so 0, 0.25, 0.5, 0.75 and 0.25, 0.5, 0.75, 1.
    a, b = [0, 0.2, 0.4, 0.6, 0, 0.25, 0.5, 0.75], [0.2, 0.4, 0.6, 0.8, 0.25, 0.5, 0.75, 1]
    for colour, scores in zip(COLOURS, (a, b), strict=False):
        thick = next(line for line in efficiency.get_lines() if line.get_color() == colour and line.get_linewidth() > 2)
        np.testing.assert_allclose(thick.get_xdata(), [0.5, 1])
        np.testing.assert_allclose(np.asarray(thick.get_ydata())[-1], np.mean(sorted(scores)[2:-2]))
        mark = next(line for line in ends.get_lines() if line.get_color() == colour)
        np.testing.assert_allclose(np.asarray(mark.get_xdata())[0], np.mean(sorted(scores)[2:-2]))
    (chance,) = [line for line in improvements.get_lines() if line.get_color() == COLOURS[1]]
    # In each world of 16 pairs 10 are won and 3 are ties.
    np.testing.assert_allclose(np.asarray(chance.get_xdata())[0], 11.5 / 16)


def test_only_arms_of_every_world_are_put_together() -> None:
    fig = figure([a_curve("a", "Lake"), a_curve("b", "Lake"), a_curve("b", "Taxi", seeds=3)], "c")
    _, ends, _, _ = fig.axes[8:]
    assert [line.get_color() for line in ends.get_lines()] == [COLOURS[1]]
    assert len(figure([a_curve("a", "Lake"), a_curve("b", "Taxi")], "c").axes) == 8


def test_worlds_of_other_lengths_have_their_ends_in_common() -> None:
    short = a_curve("a", "Taxi")
    short = short._replace(timesteps=short.timesteps[:3], returns=short.returns[:, :3], presses=short.presses[:, :3])
    efficiency, *_ = figure([a_curve("a", "Lake"), short], "c").axes[8:]
    assert {len(line.get_xdata()) for line in efficiency.get_lines()} == {1}  # type: ignore[arg-type]


def test_worlds_are_resampled_each_by_itself() -> None:
    """Worlds that lie far apart widen no band, and its width is that of the mean of their means."""
    rng = np.random.default_rng(3)
    scores = rng.normal(0, [1.0, 2.0, 0.5], (40, 3))
    low, high = stats_worlds.stratified_band(scores, np.mean) or (0, 0)  # type: ignore[arg-type]
    far_low, far_high = stats_worlds.stratified_band(scores + np.array([0, 1000, -500]), np.mean) or (0, 0)  # type: ignore[arg-type]
    np.testing.assert_allclose([far_low - low, far_high - high], 500 / 3, rtol=1e-9)
    error = np.sqrt((scores.var(axis=0) / 40).sum()) / 3
    assert (high - low) / (2 * 1.96 * error) == pytest.approx(1, abs=0.08)
    assert stats_worlds.stratified_band(scores[:2], np.mean) is None  # type: ignore[arg-type]


def test_one_world_together_is_that_world() -> None:
    curves = np.random.default_rng(5).normal(size=(9, 1, 4))
    np.testing.assert_array_equal(stats_worlds.iqm_over_worlds(curves), stats.iqm_curve(curves[:, 0]))
    a, b = curves[:, :, 0], curves[:, :, 1]
    assert stats_worlds.improvement_over_worlds(a, b) == stats.probability_of_improvement(a[:, 0], b[:, 0])
    mine, theirs = (stats_worlds.improvement_interval_over_worlds(a, b), stats.improvement_interval(a[:, 0], b[:, 0]))
    np.testing.assert_allclose(mine, theirs, atol=0.04)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "curves",
    [
        [a_curve("one", seeds=1)],
        [a_curve("a"), a_curve("b", seeds=2), a_curve("c", lift=1e6)],
        [a_curve(f"arm {'x' * number}") for number in range(9)],
        [a_curve(label, title) for title in ("Lake", "Taxi") for label in ("a", "$b$")],
        [a_curve("same")._replace(returns=np.zeros((4, 5)), presses=np.zeros((4, 5)))],
    ],
    ids=["one seed", "far apart", "nine arms", "two worlds", "all the same"],
)
def test_nothing_overlaps(curves: list[Curve]) -> None:
    fig = figure(curves, "a command" * 30)
    fig.draw_without_rendering()
    legend, small_print = fig.legends[0].get_window_extent(), fig.texts[0].get_window_extent()
    panels = [axes.get_tightbbox() for axes in fig.axes]
    assert small_print.y0 >= 0
    assert small_print.y1 <= legend.y0
    for box in panels:
        assert box is not None
        assert legend.y1 <= box.y0
        assert box.x0 >= 0
        assert box.x1 <= fig.bbox.width
    for left, right in itertools.pairwise(panels):
        assert left is not None
        assert right is not None
        assert left.x1 <= right.x0 or right.x1 <= left.x0 or left.y0 >= right.y1
    assert MEANING[:20] in fig.texts[0].get_text()


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_it_carries_its_command(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["hfrl", "plot", "these", "runs"])
    a = a_run(tmp_path, PLAIN, {0: 0.1, 1: 0.2, 2: 0.3})
    b = a_run(tmp_path, replace(PLAIN, agent="sarsa"), {0: 0.1, 1: 0.4, 2: 0.3})
    path = tmp_path / f"figure.{suffix}"
    assert main(["plot", str(a), str(b), "--kind", "comparison", "--out", str(path)]) == 0
    if suffix == "png":
        with Image.open(path) as picture:
            assert picture.info["Description"] == "hfrl plot these runs"
    else:
        assert b"hfrl plot these runs" in path.read_bytes()


def test_the_figure_of_a_run_is_drawn_again_from_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``plot`` of the run folders draws what ``train`` drew, of several arms and seeds."""
    drawn: list[list[Curve]] = []
    real = plot.learning_curves

    def noted(curves: Sequence[Curve], path: Path, command: str) -> Path:
        drawn.append(list(curves))
        return real(curves, path, command)

    monkeypatch.setattr(plot, "learning_curves", noted)
    line = ["--env", "hfrl/Pizza-v0", "--teacher", "oracle", "--blend", "none", "reward_shaping", "-n", "300"]
    ends = ["--seeds", "0-2", "--eval-freq", "100", "--eval-episodes", "2", "--jobs", "1", "--no-progress"]
    assert main([*line, *ends, "--out", str(tmp_path)]) == 0
    runs = sorted(tmp_path.glob("*/*"), key=lambda run: "shaping" in str(run))
    assert main(["plot", *map(str, runs)]) == 0
    first, again = drawn
    assert len(first) == len(again) == 2
    for mine, other in zip(first, again, strict=True):
        for field, value in mine._asdict().items():
            np.testing.assert_array_equal(getattr(other, field), value, err_msg=field)
