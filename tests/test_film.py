"""Episodes in files (GIF, video, sheet) and the strip of a run's checkpoints: what is shown is what the agent does."""

import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hfrl import film, filmstrip, maps, plot_film
from hfrl.film import Shot
from hfrl.run import main
from hfrl.saved import load_arm, load_session
from hfrl.screen import looked_at
from hfrl.types import Step

SHORT = ("--seeds", "0-1", "--eval-episodes", "1", "--no-progress", "--jobs", "1")
KEPT = ("--save-freq", "200", "--keep-checkpoints", "9")
LINES = {
    "pizza": ("--env", "hfrl/Pizza-v0", "--teacher", "oracle", "--blend", "action_biasing", "-n", "1000", *KEPT),
    "cliff": ("--env", "CliffWalking-v1", "-n", "600", *KEPT),
    "half": ("--env", "CliffWalking-v1", "-n", "400"),
    "cart": ("--env", "CartPole-v1", "--agent", "random", "-n", "300"),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("runs")
    for name, line in LINES.items():
        assert main([*line, *SHORT, "--out", str(out / name)]) == 0
    return {name: next((out / name).glob("*/*")) for name in LINES}


def shot(number: int, episode: int = 0) -> Shot:
    step = None if number == 0 else Step(number, episode, 0, 0, 0.0, 0, False, False)
    return Shot(np.zeros((2, 2, 3), np.uint8), episode, step, number, "go", float(number))


# --- the shots -------------------------------------------------------------------------------------------------------


def test_what_is_shown_is_what_is_evaluated(runs: dict[str, Path]) -> None:
    session = load_session(load_arm(runs["pizza"]), runs["pizza"] / "seed_0")
    env = looked_at(session, "rgb_array")
    taken = list(film.shots(session, env, 3))
    starts = [place for place, one in enumerate(taken) if one.step is None]
    ends = [one for one in taken if one.step is not None and one.step.ended]
    assert [taken[place].episode for place in starts] == [one.episode for one in ends] == [0, 1, 2]
    evaluated = session.evaluate(3, with_h=True)
    np.testing.assert_allclose([one.total for one in ends], evaluated.returns, rtol=1e-12)
    assert [one.number for one in ends] == list(evaluated.lengths)
    assert starts[0] == 0
    assert starts[1:] == [place + 1 for place, one in enumerate(taken[:-1]) if one.step is not None and one.step.ended]
    assert not np.array_equal(taken[0].picture, taken[1].picture)
    assert taken[0].caption == "episode 1: start"
    assert re.fullmatch(r"episode 1: .*, reward [+-]\d+\.\d, return -?\d+\.\d", taken[1].caption)
    assert ends[0].caption.endswith("(terminated)")
    session.close()
    env.close()


@given(st.lists(st.integers(1, 400), min_size=1, max_size=3), st.integers(1, 9))
def test_a_long_episode_is_thinned_evenly(lengths: list[int], few: int) -> None:
    whole = [shot(number, episode) for episode, length in enumerate(lengths) for number in range(length + 1)]
    kept = list(film.thinned(whole, few))
    for episode, length in enumerate(lengths):
        numbers = [one.number for one in kept if one.episode == episode]
        assert (numbers[0], numbers[-1]) == (0, length)
        assert len(numbers) <= 4 * few + 1
        assert len(numbers) >= min(few, length + 1)
        assert len({b - a for a, b in pairwise(numbers[:-1])}) <= 1
        some = film.spread(numbers, few)
        assert len(some) == min(few, length + 1)
        assert some[-1] == length
        assert some == sorted(set(some))


def test_an_outcome_in_words() -> None:
    assert shot(1).outcome == "return 1 in 1 step"
    assert shot(12)._replace(total=-9.1251).outcome == "return -9.125 in 12 steps"


# --- files -----------------------------------------------------------------------------------------------------------


def test_a_gif_begins_at_the_start_and_says_how_it_was_made(
    runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, line = tmp_path / "a.gif", ["watch", str(runs["pizza"]), "--gif", str(tmp_path / "a.gif"), "--episodes", "1"]
    monkeypatch.setattr(sys, "argv", ["hfrl", *line])
    assert main(line) == 0
    with Image.open(path) as gif:
        assert gif.info["comment"].decode() == f"hfrl {' '.join(line)}"
        assert gif.n_frames > 2
    assert list(tmp_path.iterdir()) == [path]


def test_a_video_holds_every_shot_and_the_command(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    path = tmp_path / "a.mp4"
    line = ["watch", str(runs["cart"]), "--video", str(path), "--episodes", "1", "--fps", "10"]
    monkeypatch.setattr(sys, "argv", ["hfrl", *line])
    assert main(line) == 0
    count = int(re.search(r"Wrote (\d+) frames", capsys.readouterr().out)[1])  # type: ignore[index]
    session = load_session(load_arm(runs["cart"]), runs["cart"] / "seed_0")
    env = looked_at(session, "rgb_array")
    taken = [one.picture for one in film.shots(session, env, 1)]
    assert count == len(taken)
    frames = ffmpeg.read_frames(str(path))
    facts = next(frames)
    assert (facts["source_size"], facts["codec"], facts["fps"]) == ((600, 400), "h264", 30.0)
    shown = [np.frombuffer(frame, np.uint8).reshape(400, 600, 3) for frame in frames]
    assert len(shown) == pytest.approx(3 * count, abs=3)  # ten a second, played at thirty
    for frame, picture in ((shown[0], taken[0]), (shown[-1], taken[-1])):
        assert np.abs(frame.astype(int) - picture).mean() < 3  # the codec loses a little
    assert f"hfrl {' '.join(line)}".encode() in path.read_bytes()
    assert list(tmp_path.iterdir()) == [path]


def test_an_odd_picture_is_made_even_for_the_codec() -> None:
    picture = np.arange(45, dtype=np.uint8).reshape(3, 5, 3)
    even = film._even(picture)
    assert even.shape == (4, 6, 3)
    np.testing.assert_array_equal(even[:3, :5], picture)
    np.testing.assert_array_equal(even[3, :5], picture[2])


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_sheet_carries_its_command(
    suffix: str, runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"sheet.{suffix}"
    line = ["watch", str(runs["cart"]), "--sheet", str(path), "--episodes", "2"]
    monkeypatch.setattr(sys, "argv", ["hfrl", *line])
    assert main(line) == 0
    if suffix == "png":
        with Image.open(path) as image:
            assert image.info["Description"] == f"hfrl {' '.join(line)}"
    else:
        assert f"hfrl {' '.join(line)}".encode() in path.read_bytes().replace(b"\\", b"")


def test_a_sheet_shows_the_pictures_in_order() -> None:
    greys = [(np.full((20, 30, 3), 40 * place, np.uint8), f"{place}") for place in range(5)]
    fig = plot_film.figure([plot_film.Strip("one", greys), plot_film.Strip("two", greys[:2])], 3, "hfrl watch")
    assert len(fig.axes) == 7
    assert [axes.get_xlabel() for axes in fig.axes] == ["0", "1", "2", "3", "4", "0", "1"]
    fig.canvas.draw()
    pixels = np.asarray(fig.canvas.buffer_rgba())  # type: ignore[attr-defined]
    for axes, (picture, _) in zip(fig.axes, [*greys, *greys[:2]], strict=True):
        box = axes.get_window_extent()
        middle = pixels[int(pixels.shape[0] - (box.y0 + box.y1) / 2), int((box.x0 + box.x1) / 2)]
        assert middle[0] == picture[0, 0, 0]
    lefts = [axes.get_position().x0 for axes in fig.axes]
    assert lefts[0] < lefts[1] < lefts[2]
    assert lefts[3] == lefts[0] == lefts[5]
    assert fig.axes[3].get_position().y1 < fig.axes[0].get_position().y0


def test_pictures_for_a_file_ask_for_no_display(runs: dict[str, Path], tmp_path: Path) -> None:
    """Worlds that SDL draws complain on the standard error where there is none."""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER", "XDG_RUNTIME_DIR")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    line = ["watch", str(runs["cart"]), "--sheet", str(tmp_path / "a.png"), "--episodes", "1"]
    environment["PYTHONPATH"] = str(Path(__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-m", "hfrl.run", *line], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert "push left" in "".join(shown_actions(runs["cart"]))


def shown_actions(run: Path) -> list[str]:
    session = load_session(load_arm(run), run / "seed_0")
    env = looked_at(session, "rgb_array")
    return [one.action for one in film.shots(session, env, 1)]


def test_without_the_extra_a_video_is_one_line(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    assert main(["watch", str(runs["cliff"]), "--video", str(tmp_path / "a.mp4")]) == 2
    assert "pip install 'hfrl[video]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


# --- the strip of a run ----------------------------------------------------------------------------------------------


def test_a_strip_shows_the_agent_as_it_was(runs: dict[str, Path]) -> None:
    """After 400 of 600 steps it is, to the bit, the agent of a run of 400 steps."""
    session = load_session(load_arm(runs["cliff"]), runs["cliff"] / "seed_1")
    path = runs["cliff"] / "seed_1" / "checkpoints" / "step_400.npz"
    ((_, when),) = filmstrip.agents(session, [path])
    half = load_session(load_arm(runs["half"]), runs["half"] / "seed_1")
    assert when == "after 400 steps"
    np.testing.assert_array_equal(session.arrays()["q"], half.arrays()["q"])
    assert maps.learnt_by([session], "").q.any()


@pytest.mark.parametrize(("name", "kind"), [("pizza", "pictures"), ("cliff", "maps")])
def test_the_strip_of_a_run(
    name: str, kind: str, runs: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("hfrl.plot.save", lambda draw, path, command: drawn.append((draw(), path, command)))
    assert main(["plot", str(runs[name]), "--kind", "filmstrip", "--seed", "1"]) == 0
    ((fig, path, _),) = drawn
    assert path == runs[name] / "figures" / "filmstrip.png"
    assert "Only" not in capsys.readouterr().out
    if kind == "maps":
        said = [axes.get_title(loc="left") for axes in fig.axes]
        steps = [0, 200, 400, 600]
    else:
        said = [text.get_text() for text in fig.texts]
        steps = [0, 200, 400, 600, 800, 1000]
    told = [text for text in said if text.startswith(("after", "before"))]
    assert [int(re.sub(r"\D", "", one.split(":")[0]) or 0) for one in told] == steps


def test_a_run_that_was_killed_has_a_strip(runs: dict[str, Path], tmp_path: Path) -> None:
    run = Path(shutil.copytree(runs["cliff"], tmp_path / "run"))
    for name in ("final.npz", "summary.json"):
        (run / "seed_0" / name).unlink()
    assert main(["plot", str(run), "--kind", "filmstrip", "--out", str(tmp_path / "strip.png")]) == 0


def test_few_checkpoints_are_shown_and_how_to_keep_more_is_said(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "strip.pdf"
    assert main(["plot", str(runs["half"]), "--kind", "filmstrip", "--out", str(path)]) == 0
    assert path.stat().st_size > 1000
    assert "train with --save-freq 80 --keep-checkpoints 6" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("watch {cliff} --video a.avi", "--video writes a .mp4, got 'a.avi'"),
        ("watch {cliff} --sheet a.gif", "--sheet writes a .png or .svg or .pdf, got 'a.gif'"),
        ("watch {cliff} --gif a.gif --video a.mp4", "one file at a time, got --gif and --video"),
        ("watch {cliff} --video nowhere/a.mp4", "cannot be written"),
        ("plot {cliff} {pizza} --kind filmstrip", "--kind filmstrip takes one run, got 2"),
        ("plot {cliff} --kind filmstrip --seed 5", "has no seed 5 (there are 0, 1)"),
        ("plot {cliff} --kind filmstrip --state 99", "--state must be within 0 to 47"),
        ("plot {pizza} --kind filmstrip --state 1", "hfrl/Pizza-v0 has none for q_learning"),
        ("plot {cliff} --kind filmstrip --out a.txt", "must end in .png, .svg or .pdf"),
        ("plot {cliff} --kind filmstip", "did you mean 'filmstrip'"),
    ],
)
def test_a_mistake_is_one_line(
    line: str, said: str, runs: dict[str, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main([word.format(**runs) for word in line.split()]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_run_without_checkpoints_is_one_line(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    for name in ("config.json", "seed_0/config.json"):
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_bytes((runs["cliff"] / name).read_bytes())
    assert main(["plot", str(run), "--kind", "filmstrip"]) == 2
    assert "has no checkpoints to show; train with --save-freq" in capsys.readouterr().err
