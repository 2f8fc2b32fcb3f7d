"""How late a person presses: what a press may be about, how likely words are, and known delays, found again."""

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hfrl.again import run_again
from hfrl.credit import Delay, Gamma, Uniform, shares
from hfrl.feedback import Presses, read_presses
from hfrl.lateness import PRIOR, ROUNDS, Heard, credited, fitted, heard, likelihood
from hfrl.run import main
from hfrl.saved import load_arm
from hfrl.types import Step, UserError

QUICK = ("--eval-freq", "0", "--eval-episodes", "1", "--jobs", "1", "--no-progress", "--agent", "q_learning")
PERSON = "oracle:likelihood=0.5,error=0.05"


def presses_of(*rows: tuple[float, int, float]) -> Presses:
    """Presses by their time, the step on the screen and their value."""
    t, step, value = (np.array(column) for column in zip(*rows, strict=True))
    none = np.zeros(len(rows), np.int64)
    return Presses(
        none, t.astype(float), t, step, none, value.astype(float), t, none, ("",), none, ("",), [b"[]"] * len(rows)
    )


def taught(out: Path, delay: str, steps: int, seeds: str = "0", env: str = "FrozenLake-v1") -> Path:
    line = ["--env", env, *QUICK, "--epsilon", "0.3", "--blend", "none", "--teacher", f"{PERSON},delay={delay}"]
    assert main([*line, "-n", str(steps), "--seeds", seeds, "--out", str(out)]) == 0
    (run,) = out.glob("*/*")
    return run


def spoken(folder: Path) -> tuple[Heard, Sequence[float]]:
    """What was heard in a seed, and when the steps began that it was really about."""
    presses = read_presses(folder / "feedback.jsonl")
    steps = run_again(folder.parent, load_arm(folder.parent), folder, 10_000).steps
    found = heard(steps, presses, int)
    assert len(found.times) == len(presses.t)
    return found, (presses.t - presses.latency).tolist()[::-1]


def well_credited(delay: Delay, found: Heard, about: Sequence[float]) -> float:
    """The share of all credit that goes to the steps that were meant."""
    right = 0.0
    for time, shown, began in zip(found.times, found.intervals, about, strict=True):
        parts = zip(shares(delay, time, shown), shown, strict=True)
        right += sum(part for part, (begin, _) in parts if abs(begin - began) < 1e-4)
    return right / len(about)


# --- what a press may be about ---------------------------------------------------------------------------------------


def test_what_a_press_may_be_about_by_hand() -> None:
    """Steps of .5 s: the fourth begins an episode, a person drives the sixth, the seventh comes after a long break."""
    steps = [Step(10 + k, int(k >= 3), k, k % 2, 0.0, 0, False, False, time=0.5 * k) for k in range(6)]
    steps[5] = steps[5]._replace(actor="human")
    steps.append(Step(16, 1, 6, 1, 0.0, 0, False, False, time=9.0))
    said = presses_of((1.2, 12, 1.0), (1.7, 13, -1.0), (2.2, 14, 2.0), (2.3, 14, 0.0), (2.6, 15, -0.5), (9.1, 16, 1.0))
    found = heard(steps, said, lambda observation: 100 + observation)
    assert found.times == [9.1, 2.6, 2.2, 1.7, 1.2]  # the neutral one is left out
    assert found.praise.tolist() == [True, False, True, False, True]
    assert found.intervals == [
        [(9.0, math.inf)],
        [(2.5, math.inf)],
        [(2.0, math.inf), (1.5, 2.0)],
        [(1.5, math.inf)],
        [(1.0, math.inf), (0.5, 1.0), (0.0, 0.5)],
    ]
    assert found.pairs.tolist() == [[0, 0, 0], [1, 0, 0], [2, 3, 0], [3, 0, 0], [4, 5, 6]]
    assert found.kinds == 7


def test_what_left_the_screen_long_before_is_out() -> None:
    steps = [Step(k, 0, k, 0, 0.0, 0, False, False, time=1.0 * k) for k in range(9)]
    (shown,) = heard(steps, presses_of((8.2, 8, 1.0)), int).intervals
    assert [begin for begin, _ in shown] == [8.0, 7.0, 6.0, 5.0]  # the one from 4 on left 3.2 s before


# --- how likely words are --------------------------------------------------------------------------------------------


def by_loops(delay: Delay, heard: Heard) -> float:
    """The same in loops over presses, as it is written in the head of the module."""
    n, rate = len(heard.times), float(np.mean(heard.praise))
    share = [shares(delay, heard.times[j], heard.intervals[j]) for j in range(n)]
    about = [list(row) for row in share]
    for _ in range(ROUNDS):
        after, told = [], []
        for j in range(n):
            joint = []
            for i, part in enumerate(share[j]):
                same, other = PRIOR * rate, PRIOR * (1 - rate)
                if not heard.praise[j]:
                    same, other = other, same
                for k in range(n):
                    for at in range(len(share[k])):
                        if k != j and heard.pairs[k][at] == heard.pairs[j][i]:
                            same += about[k][at] * (heard.praise[k] == heard.praise[j])
                            other += about[k][at] * (heard.praise[k] != heard.praise[j])
                joint.append(part * same / (same + other))
            told.append(sum(joint))
            after.append([one / told[-1] for one in joint])
        about = after
    return float(np.mean(np.log(told)))


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from([Uniform(0.0, 0.4), Uniform(0.3, 0.9), Gamma(2.0, 0.2)]))
def test_the_likelihood_is_that_of_the_loops(seed: int, delay: Delay) -> None:
    rng = np.random.default_rng(seed)
    steps = [
        Step(k, k // 7, int(rng.integers(3)), int(rng.integers(2)), 0.0, 0, False, False, time=0.3 * k)
        for k in range(20)
    ]
    rows = sorted(
        (0.3 * k + float(rng.random()) * 0.3, k, float(rng.choice([1.0, -1.0]))) for k in rng.integers(0, 20, 9)
    )
    found = heard(steps, presses_of((0.1, 0, 1.0), (0.2, 0, -1.0), *rows), int)
    assert likelihood(credited(delay, found), found) == pytest.approx(by_loops(delay, found), abs=1e-9)


# --- delays that are known -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("delay", "kind", "people"), [("0.7", "uniform", 2), ("uniform", "uniform", 2), ("0.7", "gamma", 1)]
)
def test_a_known_delay_is_found(delay: str, kind: str, people: int, tmp_path: Path) -> None:
    """People of some 140 presses each. A press comes that late after a step of .3 s came; the credit takes any
    moment of the step, so that half a step less is the delay in its terms."""
    run = taught(tmp_path, delay, 300, "0-1")
    expected = {"0.7": 0.7, "uniform": 0.5}[delay] - 0.15
    gained = []
    for seed in range(people):
        found, about = spoken(run / f"seed_{seed}")
        fit = fitted(kind, found)
        assert abs(fit.mean - expected) <= 0.16  # of ten seeds the worst was .138
        assert fit.between[0] <= fit.mean <= fit.between[1]
        usual: Delay = Uniform() if kind == "uniform" else Gamma()
        assert fit.likelihood >= likelihood(credited(usual, found), found)
        gained.append(well_credited(fit.delay, found, about) - well_credited(Uniform(), found, about))
    assert np.mean(gained) > (0.25 if delay == "0.7" else 0.0)  # by default the credit suits the second person


def test_a_person_far_from_the_usual_is_credited_as_they_mean(tmp_path: Path) -> None:
    run = taught(tmp_path, "1.0", 500)
    found, about = spoken(run / "seed_0")
    assert well_credited(Uniform(), found, about) < 0.4
    assert well_credited(fitted("uniform", found).delay, found, about) > 0.9


def test_the_flag_can_be_typed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = taught(tmp_path / "a", "0.7", 200)
    for kind in ("uniform", "gamma"):
        capsys.readouterr()
        assert main(["replay", str(run), "--fit-delay", kind]) == 0
        told = capsys.readouterr().out
        assert re.match(r"[0-9]+ presses of .*seed_0 agree best on a mean delay of 0\.[3-7][0-9] s \(those of", told)
        (flag,) = re.findall(rf"--credit ({kind}:\S+)", told)
        line = ["--env", "FrozenLake-v1", *QUICK, "--teacher", f"{PERSON},delay=0.7", "--credit", flag, "-n", "50"]
        assert main([*line, "--seeds", "0", "--out", str(tmp_path / kind)]) == 0


def refused(capsys: pytest.CaptureFixture[str], *line: str) -> str:
    capsys.readouterr()
    assert main(["replay", *line]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    return told


def test_mistakes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(taught(tmp_path / "a", "0.7", 40))
    assert "--fit-delay must be uniform or gamma, got 'gama'; did you mean 'gamma'?" in refused(
        capsys, run, "--fit-delay", "gama"
    )
    assert "are too few to find a delay in (of 30, at least 5 of either)" in refused(
        capsys, run, "--fit-delay", "gamma"
    )
    assert "leave out --blend and --show" in refused(capsys, run, "--fit-delay", "gamma", "--show")
    assert "there is no folder" in refused(capsys, "nowhere", "--fit-delay", "gamma")
    line = ["--env", "CartPole-v1", *QUICK[:-2], "--agent", "linear_q", "--teacher", "heuristic", "-n", "20"]
    assert main([*line, "--seeds", "0", "--out", str(tmp_path / "b")]) == 0
    assert "needs observations that can be numbered, got Box(" in refused(
        capsys, str(tmp_path / "b"), "--fit-delay", "gamma"
    )


def test_words_by_a_coin_have_no_delay() -> None:
    """Six people who press as it comes; one in twenty is to be believed."""
    rng, believed = np.random.default_rng(5), 0
    for _ in range(6):
        drawn = zip(rng.integers(4, size=60).tolist(), rng.integers(2, size=60).tolist(), strict=True)
        steps = [Step(k, k // 9, s, a, 0.0, 0, False, False, time=0.3 * k) for k, (s, a) in enumerate(drawn)]
        said = presses_of(*((0.3 * k + 0.1, k, float(rng.choice([1.0, -1.0]))) for k in range(60)))
        found = heard(steps, said, int)
        try:
            believed += fitted("uniform", found).presses > 0
        except UserError:
            continue
    assert believed <= 1
    with pytest.raises(UserError, match="no delay makes sense of these 60 presses: what was said does not go with"):
        fitted("uniform", found)


def test_one_kind_of_words_tells_nothing() -> None:
    steps = [Step(k, 0, k % 3, 0, 0.0, 0, False, False, time=0.3 * k) for k in range(60)]
    found = heard(steps, presses_of(*((0.3 * k + 0.1, k, 1.0) for k in range(60))), int)
    with pytest.raises(UserError, match="60 praises and 0 penalties are too few"):
        fitted("gamma", found)
