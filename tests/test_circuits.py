"""Praise that pays for running in circles is said before it happens: by hand in the corridor and at the cliff."""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from hfrl.agents import QLearning, QOnFeedback, Tamer
from hfrl.blend import Blend, Switch, action_biasing, none, reward_shaping
from hfrl.circuits import Lookout, arriving, circuit, mean_word, warning
from hfrl.config import Arm
from hfrl.insight import Insight
from hfrl.mdp import from_env
from hfrl.models import HumanTable
from hfrl.run import main
from hfrl.teachers import Manner
from hfrl.types import Feedback, Judgement, Press, Step


def arm(env: str, agent: str, teacher: str, blend: str, kwargs: dict[str, Any] | None = None, **settings: float) -> Arm:
    return Arm(env, agent, teacher, blend, "immediate", 100, (0,), set=dict(settings), env_kwargs=kwargs or {})


def corridor(penalty: float) -> Any:
    return gymnasium.make("hfrl/Corridor-v0", penalty=penalty, disable_env_checker=True)


@pytest.mark.parametrize(("p", "threshold"), [(0.0, 0.6180), (0.25, 0.7247), (0.5, 0.8229)])
def test_looping_beats_arriving_from_the_closed_form_on(p: float, threshold: float) -> None:
    """g^2 + g > 1 + p, on either side of the threshold."""
    mdp = from_env(corridor(p))
    assert arriving(mdp, threshold - 0.001) == 1.0
    assert arriving(mdp, threshold + 0.001) == 0.0
    below = arm(
        "hfrl/Corridor-v0", "q_on_feedback", "oracle:kind=reward", "none", {"penalty": p}, gamma=threshold - 0.001
    )
    above = arm(
        "hfrl/Corridor-v0", "q_on_feedback", "oracle:kind=reward", "none", {"penalty": p}, gamma=threshold + 0.001
    )
    assert warning(below) is None
    assert str(warning(above)).startswith("praise will pay for running in circles: q_on_feedback")


def test_with_a_whole_penalty_nobody_loops() -> None:
    assert arriving(from_env(corridor(1.0)), 0.999) == 1.0


def test_praise_beside_a_reward_has_a_weight_from_which_on_it_pays() -> None:
    """A corridor that pays nothing but -1 a step: praise of every step pays for ever once beta is more than 1."""
    mdp = from_env(corridor(0.5))
    mdp = mdp._replace(reward=np.full_like(mdp.reward, -1.0))
    word = np.ones_like(mdp.reward)
    assert circuit(mdp, word, 0.9, 0.9) is None
    found = circuit(mdp, word, 2.0, 0.9)
    assert found is not None
    assert (found.without, found.with_praise, found.beta) == (1.0, 0.0, 2.0)
    assert found.safe == pytest.approx(1.0, abs=2.0 / 2**8)


@pytest.mark.parametrize(
    ("value", "manner", "silence", "mean"),
    [
        (1.0, Manner(), False, 1.0),
        (-0.5, Manner(inverted=True), False, 0.5),
        (1.0, Manner(consistency=0.9, likelihood=0.3), False, 0.8),
        (1.0, Manner(consistency=0.9, likelihood=0.3), True, 0.24),
        (-1.0, Manner(consistency=0.9, withhold_praise=0.1, withhold_blame=0.9), False, 0.0),  # .09 against .09
        (-1.0, Manner(blame=0.0), False, 0.0),
        (1.0, Manner(withhold_praise=1.0), False, 0.0),  # never says anything
    ],
)
def test_what_somebody_says_on_average(value: float, manner: Manner, silence: bool, mean: float) -> None:
    assert mean_word(value, manner, silence) == pytest.approx(mean)


def test_which_arms_are_warned_of() -> None:
    cliff = "CliffWalking-v1"
    assert warning(arm(cliff, "sarsa", "always_positive", "reward_shaping:beta=0.9")) is None
    line = warning(arm(cliff, "sarsa", "always_positive", "reward_shaping:beta=2"))
    assert line is not None
    assert "sarsa can do ends 0% of the episodes, without praise 100%; keep beta below 1" in line
    assert "\n" not in line
    assert warning(arm(cliff, "sarsa", "always_positive", "potential_based:beta=2")) is None
    assert warning(arm(cliff, "sarsa", "always_positive", "action_biasing:beta=2")) is None
    assert warning(arm(cliff, "sarsa", "oracle:consistency=0.9", "reward_shaping:beta=2")) is None
    assert warning(arm(cliff, "tamer", "always_positive", "none")) is None
    assert warning(arm("CartPole-v1", "dqn", "heuristic", "reward_shaping:beta=2")) is None  # nobody can know


@pytest.mark.parametrize("blend", ["reward_shaping:beta=0.5", "reward_shaping:beta=0.5,source=press"])
def test_the_counter_with_a_careful_person_is_not_warned_of(blend: str) -> None:
    assert warning(arm("hfrl/Pizza-v0", "q_learning", "oracle:consistency=0.9,likelihood=0.3", blend)) is None


@pytest.mark.parametrize("verb", ["train", "sweep"])
def test_it_is_one_line_before_the_run(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = [verb, "--env", "CliffWalking-v1", "--agent", "sarsa", "--teacher", "always_positive", "-n", "200"]
    line += ["--blend", "reward_shaping:beta=2", "--seeds", "0", "--eval-episodes", "2", "--no-progress"]
    assert main([*line, "--jobs", "1", "--engine", "python", "--out", str(tmp_path)]) == 0
    said = [one for one in capsys.readouterr().err.splitlines() if "circles" in one]
    assert len(said) == 1
    assert said[0].startswith("praise will pay for running in circles: with reward_shaping:beta=2 and gamma 0.99")


# --- while somebody teaches -------------------------------------------------------------------------------------------


START, ABOVE, UP, DOWN = 36, 24, 0, 2


def test_the_lookout_sees_a_circle_that_has_been_praised() -> None:
    """At the cliff, a step up from the start and the step back down pay for ever once both were praised enough."""
    env = gymnasium.make("CliffWalking-v1")
    lookout = Lookout(env)
    h = np.zeros(from_env(env).reward.shape)
    assert not lookout.blind
    assert lookout.look(h.__getitem__, 1.0, 0.9) == ""
    h[START, UP] = h[ABOVE, DOWN] = 5.0
    assert lookout.look(h.__getitem__, 1.0, 0.9).startswith("praise now pays for running in circles: lower the weight")
    assert lookout.look(h.__getitem__, 0.02, 0.9) == lookout.look(h.__getitem__, 0.0, 0.9) == ""
    assert "gamma" in lookout.look(h.__getitem__, None, 0.9)


def told(blend: Blend, agent: type[Any] = QLearning, every: int = 1) -> Insight:
    """Sixty steps up and down at the cliff's start, praised every so many."""
    env = gymnasium.make("CliffWalking-v1")
    learner, model = agent(env), HumanTable(48, 4, int)
    learner.gamma = 0.9
    insight = Insight(env, learner, Switch(blend, model, learner.gamma), inline=True)
    for index in range(60):
        at, action = ((START, UP), (ABOVE, DOWN))[index % 2]
        step = Step(index, 0, at, action, -1.0, ABOVE + START - at, False, False)
        insight.acted(step, True)
        if index % every == 0 or index % every == 1:
            model.observe(Judgement(step, ((1.0, 1.0),)))
            insight.pressed(Press(Feedback(1.0, float(index)), step, ((index, 1.0),)), float(index))
    return insight


def test_while_somebody_teaches_it_is_told_where_the_blend_adds_the_praise_up() -> None:
    assert told(reward_shaping(beta=3.0)).warning.startswith("praise now pays")
    assert told(reward_shaping(beta=0.2)).warning == ""
    assert told(action_biasing(beta=9.0)).warning == ""
    assert told(none(), QOnFeedback).warning.startswith("praise now pays")
    assert told(none(), Tamer).warning == ""


def test_a_press_added_as_it_comes_counts_as_often_as_it_comes() -> None:
    """It pays from .254 a step on: with 1 a press and one at every step, not with one at two steps of ten."""
    assert told(reward_shaping(beta=1.0, source="press")).warning
    assert not told(reward_shaping(beta=1.0, source="press"), every=10).warning


@pytest.mark.parametrize("env", ["CartPole-v1", "Blackjack-v1"])
def test_the_lookout_is_blind_where_there_is_no_table(env: str) -> None:
    lookout = Lookout(gymnasium.make(env))
    assert lookout.blind
    assert lookout.look(lambda state: [0.0, 0.0], 1.0, 0.9) == ""
