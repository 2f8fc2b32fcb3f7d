"""Policy shaping: the published forms and numbers, labels by trainer, and consistencies that are estimated."""

import math
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from hfrl.agents import DQN, LinearSarsaLambda, QLearning, Sarsa
from hfrl.blend import Switch, policy_shaping
from hfrl.build import make_blend
from hfrl.credit import Immediate, Window
from hfrl.heuristics import heuristic
from hfrl.labels import Labels
from hfrl.loop import human_model, play
from hfrl.models import HumanTable
from hfrl.policy import Categorical, epsilon_greedy
from hfrl.policy_shaping import (
    Question,
    advised,
    digamma,
    estimated,
    evidence,
    log_odds,
    log_right,
    responsibilities,
)
from hfrl.teachers import simulated
from hfrl.types import Acted, Feedback, Judgement, Learnt, Press, Pressed, Step, UserError
from hfrl.undo import Memory

STEP = Step(0, 0, 0, 1, -0.1, 1, terminated=False, truncated=False)


def make(name: str) -> Any:
    return gymnasium.make(name, disable_env_checker=True)


def judged(action: int, value: float, trainer: str = "teacher", share: float = 1.0, observation: int = 0) -> Judgement:
    return Judgement(STEP._replace(action=action, observation=observation), ((value, share),), (trainer,))


def shaped(switch: Switch, own: Any, observation: int = 0) -> list[float]:
    return list(switch.mix(observation, own).probabilities)  # type: ignore[attr-defined]


# --- the forms, against the published numbers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("consistency", "difference", "expected"),
    [(0.8, 1, 0.8000), (0.8, 2, 0.9412), (0.8, -1, 0.2000), (0.95, 3, 0.99985), (0.55, 5, 0.7317), (0.8, 0, 0.5)],
)
def test_the_general_form(consistency: float, difference: float, expected: float) -> None:
    c = consistency
    assert c**difference / (c**difference + (1 - c) ** difference) == pytest.approx(expected, abs=5e-5)
    assert math.exp(log_right(difference * log_odds(c))) == pytest.approx(expected, abs=5e-5)


def test_two_trainers_multiply() -> None:
    x = evidence({"ann": [1.0], "bob": [-1.0]}, {"ann": 0.9, "bob": 0.6}, 1)
    assert math.exp(log_right(x[0])) == pytest.approx(0.8571, abs=5e-5)


@given(st.lists(st.integers(-4, 4), min_size=2, max_size=5), st.floats(0.05, 0.95))
def test_the_single_optimal_form_is_the_paper_s_product(differences: list[int], c: float) -> None:
    products = []
    for a, own in enumerate(differences):
        others = sum(other for j, other in enumerate(differences) if j != a)
        products.append(c**own * (1 - c) ** others)
    expected = [product / sum(products) for product in products]
    n = len(differences)
    got = advised([1 / n] * n, [d * log_odds(c) for d in differences], 1.0, True)
    assert got == pytest.approx(expected, rel=1e-9)


@given(
    st.lists(st.floats(0.01, 1), min_size=3, max_size=3),
    st.lists(st.integers(-2000, 2000), min_size=3, max_size=3),
    st.floats(0, 1),
    st.booleans(),
)
def test_whatever_was_said_it_stays_a_distribution(
    weights: list[float], differences: list[int], c: float, single: bool
) -> None:
    own = [w / sum(weights) for w in weights]
    got = advised(own, [d * log_odds(c) for d in differences], 1.0, single)
    assert all(math.isfinite(p) and 0 <= p <= 1 for p in got)
    assert sum(got) == pytest.approx(1.0)


def test_certainty_is_clipped_so_that_no_label_is_the_last_word() -> None:
    assert log_odds(1.0) == log_odds(0.999) == pytest.approx(math.log(999))
    assert log_odds(0.0) == pytest.approx(-math.log(999))
    assert math.isfinite(log_right(-1e6))


def test_a_policy_without_a_chance_for_the_advised_action_keeps_its_own() -> None:
    assert advised([1.0, 0.0], [-1e6, 1e6], 1.0, True) == [1.0, 0.0]


# --- at the mix port -------------------------------------------------------------------------------------------------


def test_the_policy_is_multiplied_by_what_the_labels_say() -> None:
    switch = Switch(policy_shaping(consistency=0.8, form="single"), HumanTable(2, 3, int), 0.9)
    own = Categorical([0.5, 0.25, 0.25])
    assert switch.mix(0, own) is own
    switch.observe(judged(1, 1.0))
    # .5 : .25 * 4 : .25
    assert shaped(switch, own) == pytest.approx([0.5 / 1.75, 1.0 / 1.75, 0.25 / 1.75])
    switch.blend = policy_shaping(consistency=0.8, form="general")
    # .5 * .5 : .25 * .8 : .25 * .5
    assert shaped(switch, own) == pytest.approx([0.25 / 0.575, 0.2 / 0.575, 0.125 / 0.575])
    assert shaped(switch, own, observation=1) == list(own.probabilities)


def test_the_weight_is_an_exponent() -> None:
    switch = Switch(policy_shaping(beta=2.0, consistency=0.8, form="single"), HumanTable(1, 2, int), 0.9)
    switch.observe(judged(1, 1.0))
    assert shaped(switch, Categorical([0.5, 0.5])) == pytest.approx([1 / 17, 16 / 17])


def test_exploration_stays_possible_and_the_greedy_follow_the_labels_among_their_best() -> None:
    switch = Switch(policy_shaping(consistency=1.0, form="single"), HumanTable(1, 3, int), 0.9)
    switch.observe(judged(2, 1.0))
    assert shaped(switch, epsilon_greedy([0.0, 1.0, 1.0], 0.0)) == pytest.approx([0.0, 1 / 1000, 999 / 1000])


def test_a_strong_press_is_one_label_and_a_neutral_one_none() -> None:
    switch = Switch(policy_shaping(consistency=0.8, form="single"), HumanTable(1, 2, int), 0.9)
    for value in (3.0, 0.0):
        switch.observe(judged(1, value))
    assert shaped(switch, Categorical([0.5, 0.5])) == pytest.approx([0.2, 0.8])


def test_each_trainer_has_a_consistency() -> None:
    blend = make_blend("policy_shaping:consistency=ann/0.9;bob/0.6,form=single")
    switch = Switch(blend, HumanTable(1, 2, int), 0.9)
    switch.observe(judged(0, 1.0, "ann"))
    switch.observe(judged(0, -1.0, "bob"))
    assert shaped(switch, Categorical([0.5, 0.5])) == pytest.approx([6 / 7, 1 / 7])
    switch.observe(judged(1, 1.0, "somebody else"))  # .8
    assert shaped(switch, Categorical([0.5, 0.5])) == pytest.approx([0.6, 0.4])


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ("consistency=1.5", r"within \[0, 1\], got 1.5"),
        ("consistency=maximum", "em, variational, or NAME/C"),
        ("consistency=ann/2", r"within \[0, 1\], got 2"),
        ("consistency=/0.5", "NAME/C"),
        ("form=both", "form must be one of general, single"),
        ("beta=-1", "beta must stay within"),
        ("consistensy=1", "did you mean 'consistency'"),
    ],
)
def test_wrong_settings_are_one_line(settings: str, line: str) -> None:
    with pytest.raises(UserError, match=line):
        make_blend(f"policy_shaping:{settings}")


# --- who said what ---------------------------------------------------------------------------------------------------


def test_labels_by_trainer_and_their_difference() -> None:
    labels = Labels(2, 2)
    for value, trainer in ((1.0, "ann"), (1.0, "ann"), (-1.0, "ann"), (-1.0, "bob")):
        labels.add((1,), judged(0, value, trainer))
    assert labels.differences((1,)) == {"ann": [1.0, 0.0], "bob": [-1.0, 0.0]}
    assert labels.differences((0,)) == {"ann": [0.0, 0.0], "bob": [0.0, 0.0]}
    assert dict(labels.by_row()) == {1: {"ann": [(2.0, 1.0), (0.0, 0.0)], "bob": [(0.0, 1.0), (0.0, 0.0)]}}


def test_shares_of_a_press_count_as_shares() -> None:
    labels = Labels(1, 2)
    labels.add((0,), judged(1, 2.0, share=0.25))
    assert labels.differences((0,)) == {"teacher": [0.0, 0.25]}


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from([-1.0, 0.0, 1.0]), st.sampled_from(["ann", "bob"])),
        min_size=1,
        max_size=12,
    ),
    st.integers(0, 11),
)
def test_a_label_taken_back_never_was(said: list[tuple[int, float, str]], which: int) -> None:
    with_it, without_it = (HumanTable(3, 2, int) for _ in range(2))
    for model in (with_it, without_it):
        model.labels.keep_times()
    for number, (observation, value, trainer) in enumerate(said):
        judgement = judged(1, value, trainer, observation=observation)
        with_it.observe(judgement)
        if number != which % len(said):
            without_it.observe(judgement)
    observation, value, trainer = said[which % len(said)]
    gone = judged(1, value, trainer, observation=observation)
    with_it.correct(gone, Judgement(gone.step))
    assert with_it.labels.said == without_it.labels.said
    assert with_it.labels.times == without_it.labels.times


def test_labels_survive_a_checkpoint() -> None:
    model, other = (HumanTable(3, 2, int) for _ in range(2))
    model.labels.keep_times()
    model.observe(judged(1, 1.0, "ann"))
    model.observe(judged(0, -1.0, "böb", observation=2, share=0.5))
    other.observe(judged(0, 1.0, "nobody", observation=1))
    other.restore(model.arrays())
    assert other.labels.said == model.labels.said
    assert other.labels.times == model.labels.times
    other.restore(HumanTable(3, 2, int).arrays())
    assert other.labels.said == {}


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("d_counts", np.zeros((1, 3))),
        ("d_counts", np.array([[0.0, 6.0, 1.0, 0.0]])),
        ("d_counts", np.array([[1.0, 0.0, 1.0, 0.0]])),
        ("d_counts", np.array([[0.0, np.nan, 1.0, 0.0]])),
        ("d_times", np.array([[-1.0, 0.0, 1.0]])),
    ],
)
def test_damaged_labels_are_refused(name: str, array: Any) -> None:
    model = HumanTable(3, 2, int)
    model.observe(judged(1, 1.0, "ann"))
    with pytest.raises(ValueError, match=name):
        model.restore(model.arrays() | {name: array})


def trained(step: Step, value: float, name: str) -> Feedback:
    return Feedback(value, step.time, trainer=name)


@pytest.mark.parametrize("credit", [Immediate, Window])
def test_the_loop_keeps_who_pressed(credit: Any) -> None:
    env = make("FrozenLake-v1")
    model = human_model(env)

    def two(step: Step) -> list[Feedback]:
        return [trained(step, 1.0, "ann"), trained(step, -1.0, "bob")] if step.index % 3 == 0 else []

    totals = {"ann": 0.0, "bob": 0.0}
    for event in play(env, QLearning(env), two, Switch(policy_shaping(), model, 0.9), credit(), seed=1, steps=300):
        if isinstance(event, Pressed):
            totals[event.press.feedback.trainer] += 1
        elif isinstance(event, Learnt):
            assert len(event.judgement.trainers) == len(event.judgement.credits)
    said = model.labels.said  # type: ignore[attr-defined]
    praise = sum(counts[0] for counts in said["ann"].values())
    blame = sum(counts[1] for counts in said["bob"].values())
    assert 90 < totals["ann"] <= 100
    assert praise == pytest.approx(blame)
    assert totals["ann"] - 5 <= praise <= totals["ann"] + 1e-9  # some still wait in a window
    assert all(counts[1] == 0 for counts in said["ann"].values())


def test_undo_takes_back_the_press_of_the_trainer_who_made_it() -> None:
    """Ann and Bob praise the same step; Bob's press is taken back in the same episode, exactly."""

    def run(take_back: bool, bob_too: bool) -> dict[str, Any]:
        env = make("CliffWalking-v1")
        agent, model = QLearning(env, epsilon=1.0), HumanTable(48, 4, int)
        switch, credit = Switch(policy_shaping(beta=0), model, 0.9), Immediate()
        memory = Memory(agent, switch, credit)
        bobs: list[Press] = []

        def teacher(step: Step) -> list[Feedback]:
            if take_back and step.index == 3:
                memory.take_back(bobs[0])
            if step.index != 1:
                return []
            return [trained(step, 1.0, "ann"), *([trained(step, 1.0, "bob")] if bob_too else [])]

        for event in play(env, agent, teacher, switch, credit, seed=3, steps=6):
            memory.note(event)
            if isinstance(event, Pressed) and event.press.feedback.trainer == "bob":
                bobs.append(event.press)
            if isinstance(event, Acted):
                assert event.step.episode == 0
        return model.labels.said

    assert run(True, True) == run(False, False)
    assert set(run(False, True)) == {"ann", "bob"}
    assert set(run(True, True)) == {"ann"}


# --- consistencies that are estimated --------------------------------------------------------------------------------


@given(st.floats(1e-3, 200.0))
def test_digamma_is_scipys(x: float) -> None:
    assert digamma(x) == pytest.approx(float(special.digamma(x)), rel=1e-11, abs=1e-11)


def crowd(seed: int, items: int, consistencies: dict[str, float]) -> tuple[list[Question], Any]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, items)
    questions = []
    for right in truth:
        said = {}
        for name, c in consistencies.items():
            label = right if rng.random() < c else 1 - right
            said[name] = [(float(label == a), 0.0) for a in range(2)]
        questions.append(Question([0.5, 0.5], said))
    return questions, truth


CROWD = {"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.6, "e": 0.2}


@pytest.mark.parametrize("kind", ["em", "variational"])
def test_consistencies_are_found_without_knowing_what_is_right(kind: str) -> None:
    means = dict.fromkeys(CROWD, 0.0)
    for seed in range(5):
        questions, _ = crowd(seed, 400, CROWD)
        for name, c in estimated(questions, kind).items():
            means[name] += c / 5
    for name, c in CROWD.items():
        assert means[name] == pytest.approx(c, abs=0.04), name


def test_who_said_little_counts_for_little() -> None:
    """Two labels that agree: the share of agreement would be all but certain, the posterior mean is not."""
    questions = [Question([0.5, 0.5], {"ann": [(1.0, 0.0), (0.0, 0.0)], "bob": [(1.0, 0.0), (0.0, 0.0)]})]
    em, variational = estimated(questions, "em"), estimated(questions, "variational")
    assert em["ann"] > 0.99
    assert 0.6 < variational["ann"] < 0.8
    assert responsibilities(questions[0], {name: log_odds(c) for name, c in variational.items()})[0] < 0.95


def test_nobody_and_nothing_can_be_estimated() -> None:
    assert estimated([]) == {}
    assert estimated([Question([0.5, 0.5], {"ann": [(0.0, 0.0), (0.0, 0.0)]})]) == {"ann": 0.7}


def two_trainers(env: Any, seed: int) -> Any:
    good = simulated(env, np.random.default_rng(seed), consistency=0.9, likelihood=0.5)
    bad = simulated(env, np.random.default_rng(seed + 1), consistency=0.2, likelihood=0.5)

    def teach(step: Step) -> list[Feedback]:
        said = [(press, "good") for press in good(step)] + [(press, "bad") for press in bad(step)]
        return [press._replace(trainer=name) for press, name in said]

    return teach


@pytest.mark.parametrize("kind", ["em", "variational"])
def test_an_adversary_is_found_out_while_the_agent_learns(kind: str) -> None:
    env = make("CliffWalking-v1")
    agent = QLearning(env, exploration="softmax", temperature=1.0, learning_rate=0.2, gamma=0.95)
    switch = Switch(policy_shaping(consistency=kind), human_model(env), agent.gamma)
    for _ in play(env, agent, two_trainers(env, 3), switch, seed=0, steps=4_000):
        pass
    assert switch.reliability["good"] > 0.75
    assert switch.reliability["bad"] < 0.4


def test_evaluation_does_not_touch_the_estimate_and_a_checkpoint_keeps_it() -> None:
    env = make("CliffWalking-v1")
    agent = Sarsa(env)
    switch = Switch(policy_shaping(consistency="em"), human_model(env), agent.gamma)
    for _ in play(env, agent, two_trainers(env, 3), switch, seed=0, steps=1_500):
        pass
    before = dict(switch.reliability)
    assert before
    for _ in play(env, agent, blend=switch.frozen(), seed=1, steps=300):
        pass
    assert switch.reliability == before
    fresh = Switch(policy_shaping(consistency="em"), human_model(env), agent.gamma)
    fresh.restore(switch.arrays())
    assert fresh.reliability == before


# --- with networks ---------------------------------------------------------------------------------------------------


def test_a_network_in_a_box_is_shaped_through_tiles() -> None:
    env = make("CartPole-v1")
    agent = DQN(env, learning_starts=50, batch_size=8, net_arch=[8])
    switch = Switch(policy_shaping(consistency=0.9, form="single"), human_model(env), agent.gamma)
    left = 0
    steps = 0
    for event in play(
        env, agent, lambda step: [trained(step, 1.0 if step.action == 0 else -1.0, "ann")], switch, seed=0, steps=400
    ):
        if isinstance(event, Acted) and event.step.index >= 100:
            left += event.step.action == 0
            steps += 1
    assert left / steps > 0.8


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000))
def test_the_same_labels_in_any_order_are_the_same_counts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    judgements = [
        judged(int(rng.integers(2)), float(rng.choice([-1, 1])), str(rng.choice(["a", "b"]))) for _ in range(9)
    ]
    one, other = HumanTable(1, 2, int), HumanTable(1, 2, int)
    for judgement in judgements:
        one.observe(judgement)
    for k in rng.permutation(9):
        other.observe(judgements[k])
    for name, array in one.labels.arrays().items():
        assert np.array_equal(array, other.labels.arrays()[name])


@pytest.mark.parametrize("kind", ["em", "variational"])
def test_a_consistency_is_estimated_over_tiles_too(kind: str) -> None:
    """The tiles of H are no rows of the agent: nothing is known of them beforehand."""
    env = gymnasium.make("MountainCar-v0", max_episode_steps=50, disable_env_checker=True)
    agent = LinearSarsaLambda(env, epsilon=0.1)
    switch = Switch(policy_shaping(consistency=kind), human_model(env), agent.gamma)
    people = heuristic(env, np.random.default_rng(0))
    for _ in play(env, agent, people, switch, seed=0, steps=400):
        pass
    assert all(value > 0.9 for value in switch.reliability.values())  # they are always right
    assert switch.reliability
