"""DPBA and PIES: what they learn by hand, the laws of potentials, and the mistakes that break them."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import pytest

from hfrl.advice import LearntPotential, learn_potential, own_action
from hfrl.agents import DQN, LinearSarsaLambda, QLearning, Sarsa
from hfrl.blend import Switch, dpba, none, pies, q_augmentation, q_initialisation, refusal
from hfrl.credit import Immediate, Window
from hfrl.loop import evaluate, human_model, play
from hfrl.models import HumanTable, NoModel
from hfrl.ports import PotentialPlan
from hfrl.types import Acted, Feedback, Judgement, Learnt, Press, Pressed, Step, UserError
from hfrl.undo import Memory

STEP = Step(0, 0, 0, 1, -0.1, 1, terminated=False, truncated=False, next_action=0)
RIGHT_AND_DOWN = (1, 2)


def make(name: str, **settings: Any) -> Any:
    return gymnasium.make(name, disable_env_checker=True, **settings)


def adviser(actions: Sequence[int]) -> Any:
    """+1 for these actions, silence for all others."""
    return lambda step: [Feedback(1.0, step.time)] if step.action in actions else []


# --- learning Phi ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terminated", "after"), [(False, -1.0 + 0.5 * (-1.0 + 0.9 * -4.0 + 1.0)), (True, -1.0 + 0.5 * (-1.0 + 1.0))]
)
def test_a_step_of_td_on_minus_the_advice(terminated: bool, after: float) -> None:
    phi = [[0.0, -1.0], [-4.0, 0.0]]
    before = learn_potential(phi, 0, 1, 1.0, 1, 0, terminated, 0.5, 0.9)
    assert before == -1.0
    assert phi[0][1] == pytest.approx(after)


def test_the_own_policy_of_phi_is_greedy_but_for_epsilon_and_breaks_ties_at_random() -> None:
    rng = np.random.default_rng(0)
    drawn = [own_action([-1.0, 0.0, 0.0], 0.3, rng) for _ in range(6000)]
    shares = np.bincount(drawn, minlength=3) / 6000
    assert shares == pytest.approx([0.1, 0.45, 0.45], abs=0.02)
    assert {own_action([0.0, 5.0], 0.0, rng) for _ in range(100)} == {1}


def test_once_phi_is_learnt_the_difference_of_potentials_is_the_advice() -> None:
    """Harutyunyan et al. 2015, theorem: gamma Phi(s',a') - Phi(s,a) -> A on every pair of a fixed cycle."""
    potential = LearntPotential(PotentialPlan("dpba", 0.1, "press", False, 0.0), 3, 1, int)
    advice = [1.0, 0.0, -0.5]
    for n in range(30_000):
        s = n % 3
        step = Step(n, 0, s, 0, 0.0, (s + 1) % 3, False, False, next_action=0)
        potential.learn(Judgement(step), advice[s], 0.9)
    for s in range(3):
        assert 0.9 * potential.phi[(s + 1) % 3][0] - potential.phi[s][0] == pytest.approx(advice[s], abs=1e-6)


def test_dpba_is_told_the_new_potential_of_what_comes_next_less_the_old_one_of_what_was() -> None:
    env = make("FrozenLake-v1")
    switch = Switch(dpba(2.0, rate=0.5), human_model(env), 0.5)
    agent = Sarsa(env, gamma=0.5)
    stay = STEP._replace(next_observation=0, next_action=1)
    update = switch.learn(agent, Judgement(stay, ((1.0, 1.0),)))
    assert update is not None
    # Phi(0,1): 0 -> -.5; F = .5 * -.5 - 0
    assert update.signal == pytest.approx(-0.1 + 2.0 * 0.5 * -0.5)
    assert switch.bias(0) == [0.0, -1.0, 0.0, 0.0]
    update = switch.learn(agent, Judgement(stay._replace(terminated=True, next_action=None)))
    assert update is not None
    # Silence is no advice: Phi(0,1) -> -.25; Phi(terminal) = 0: F = 0 - -.5
    assert update.signal == pytest.approx(-0.1 + 2.0 * 0.5)
    assert switch.bias(0) == [0.0, -0.5, 0.0, 0.0]


def test_pies_leaves_the_reward_alone_and_acts_on_q_less_xi_phi() -> None:
    env = make("FrozenLake-v1")
    switch = Switch(pies(2.0, episodes=10, rate=0.5, epsilon=0.0), human_model(env), 0.9)
    agent = QLearning(env, gamma=0.9)
    update = switch.learn(agent, Judgement(STEP, ((1.0, 1.0),)))
    assert update is not None
    assert update.signal == -0.1
    assert switch.bias(0) == [0.0, 1.0, 0.0, 0.0]
    switch.episode = 5
    assert switch.bias(0) == [0.0, 0.5, 0.0, 0.0]


def test_when_xi_is_0_phi_stays_and_no_step_waits() -> None:
    env = make("FrozenLake-v1")
    switch = Switch(pies(episodes=3), human_model(env), 0.9)
    agent = QLearning(env, gamma=0.9)
    switch.learn(agent, Judgement(STEP, ((1.0, 1.0),)))
    assert switch.waits()
    learnt = [list(row) for row in switch._potentials["pies"].phi]
    switch.episode = 3
    assert not switch.waits()
    switch.learn(agent, Judgement(STEP, ((1.0, 1.0),)))
    assert switch._potentials["pies"].phi == learnt
    assert switch.bias(0) is None


def test_advice_may_be_what_h_says() -> None:
    env = make("FrozenLake-v1")
    switch = Switch(dpba(1.0, rate=1.0, source="model"), human_model(env), 0.5)
    switch.observe(Judgement(STEP, ((0.5, 1.0),)))
    switch.learn(Sarsa(env, gamma=0.5), Judgement(STEP))  # nobody speaks now
    assert switch._potentials["dpba"].phi[0][1] == -0.5


def test_a_late_word_is_waited_for() -> None:
    """Phi hears the press of a step, not silence, although it comes half a second late."""
    env = make("hfrl/AdviceGrid-v0", size=4)
    late = lambda step: [Feedback(1.0, step.time + 0.5, 0.5)] if step.action in RIGHT_AND_DOWN else []  # noqa: E731
    switch = Switch(dpba(1.0, rate=0.5), human_model(env), 0.9)
    for _ in play(env, Sarsa(env, epsilon=1.0, gamma=0.9), late, switch, Window(), seed=0, steps=400):
        pass
    assert min(map(min, switch._potentials["dpba"].phi)) < -0.5


# --- over tiles, and beside a network ---------------------------------------------------------------------------------


def test_over_tiles_by_hand() -> None:
    env = make("MountainCar-v0")
    switch = Switch(pies(2.0, episodes=10, rate=0.5, epsilon=0.0), human_model(env), 0.5)
    agent = LinearSarsaLambda(env, gamma=0.5)
    here, there = np.array([-0.5, 0.0]), np.array([0.4, 0.05])
    step = Step(0, 0, here, 1, -1.0, there, False, False, next_action=0)
    update = switch.learn(agent, Judgement(step, ((1.0, 1.0),)))
    assert update is not None
    assert update.signal == -1.0
    assert switch.bias(here) == pytest.approx([0.0, 1.0, 0.0])  # Phi(here, 1) = -.5, a sixteenth on each of 8 tiles
    assert switch.bias(there) == [0.0, 0.0, 0.0]
    back = Step(1, 0, there, 2, -1.0, here, False, False, next_action=1)
    switch.learn(agent, Judgement(back, ((1.0, 1.0),)))
    # Phi's own next action in `here` is one of the two that are 0, whatever is executed: Phi(there, 2) = .5 (-1 + 0)
    assert switch.bias(there) == pytest.approx([0.0, 0.0, 1.0])
    phi = switch._potentials["pies"]
    saved = switch.arrays()
    phi.clear()
    assert switch.bias(here) == [0.0, 0.0, 0.0]
    switch.restore(saved)
    assert switch.bias(here) == pytest.approx([0.0, 1.0, 0.0])
    with pytest.raises(ValueError, match="phi_pies has shape"):
        switch.restore(saved | {"phi_pies": np.zeros((2, 3))})


def test_dpba_over_tiles_pays_by_the_executed_action() -> None:
    env = make("MountainCar-v0")
    switch = Switch(dpba(2.0, rate=0.5), human_model(env), 0.5)
    agent = LinearSarsaLambda(env, gamma=0.5)
    here, there = np.array([-0.5, 0.0]), np.array([0.4, 0.05])
    switch.learn(agent, Judgement(Step(0, 0, here, 1, -1.0, there, False, False, next_action=0), ((1.0, 1.0),)))
    update = switch.learn(agent, Judgement(Step(1, 0, there, 0, -1.0, here, False, False, next_action=1)))
    assert update is not None
    assert update.signal == pytest.approx(-1.0 + 2.0 * 0.5 * -0.5)  # gamma Phi(here, 1) - Phi(there, 0), which was 0


def test_pies_beside_a_network_hears_late_words_and_leaves_its_reward_alone() -> None:
    env = make("CartPole-v1")
    agent = DQN(env, net_arch=[8], learning_starts=50, batch_size=8, seed=0)
    late = lambda step: [Feedback(1.0, step.time + 0.5, 0.5)] if step.action else []  # noqa: E731
    switch = Switch(pies(episodes=1_000), human_model(env), agent.gamma)
    signals = set()
    for event in play(env, agent, late, switch, Window(), seed=0, steps=400):
        if isinstance(event, Learnt) and event.update is not None:
            signals.add(event.update.signal)
    assert signals == {1.0}
    preferred = switch.bias(np.zeros(4))
    assert preferred is not None
    assert preferred[1] > 0.2 + preferred[0]
    assert agent.steps < 400  # the last steps still wait for what will be said of them


def test_where_there_is_neither_it_is_refused() -> None:
    env = make("CartPole-v1")
    said = refusal(pies(), DQN(env), NoModel(), 0.9)
    assert said is not None
    assert "as a table or over tiles, and there is neither" in said


# --- what it is good for, and what breaks it -------------------------------------------------------------------------


def episodes_of(blend: Any, actions: Sequence[int], episodes: int, seed: int = 0, size: int = 8) -> list[int]:
    env = gymnasium.wrappers.TimeLimit(make("hfrl/AdviceGrid-v0", size=size).unwrapped, 2_000)
    agent = Sarsa(env, learning_rate=0.1, gamma=0.95, epsilon=0.1)
    switch = Switch(blend, human_model(env), agent.gamma)
    lengths, length = [], 0
    for event in play(env, agent, adviser(actions), switch, seed=seed):
        if isinstance(event, Acted):
            length += 1
            if event.step.ended:
                lengths.append(length)
                length = 0
                if len(lengths) == episodes:
                    break
    return lengths


def test_good_advice_shortens_the_first_episodes_and_bad_advice_is_forgotten() -> None:
    plain = np.mean([episodes_of(none(), (), 60, seed) for seed in range(4)], axis=0)
    good = np.mean([episodes_of(pies(episodes=30), RIGHT_AND_DOWN, 60, seed) for seed in range(4)], axis=0)
    bad = np.mean([episodes_of(pies(episodes=5), (0, 3), 60, seed) for seed in range(4)], axis=0)
    assert good[:10].sum() < 0.5 * plain[:10].sum()
    assert bad[:3].sum() > plain[:3].sum()
    assert bad[-20:].mean() < 1.5 * plain[-20:].mean()


def test_a_potential_is_saved_restored_and_evaluated_without_learning() -> None:
    env = make("hfrl/AdviceGrid-v0", size=4)
    agent = Sarsa(env, gamma=0.9)
    switch = Switch(pies(), human_model(env), 0.9)
    for _ in play(env, agent, adviser(RIGHT_AND_DOWN), switch, seed=0, steps=300):
        pass
    saved = switch.arrays()
    assert saved["phi_pies"].min() < 0
    evaluate(make("hfrl/AdviceGrid-v0", size=4), agent, 3, 0, switch)
    assert all(np.array_equal(array, saved[name]) for name, array in switch.arrays().items())
    fresh = Switch(pies(), human_model(env), 0.9)
    fresh.restore(saved)
    assert all(np.array_equal(array, saved[name]) for name, array in fresh.arrays().items())
    with pytest.raises(ValueError, match="phi_pies has shape"):
        fresh.restore(saved | {"phi_pies": np.zeros((2, 2))})


@pytest.mark.parametrize(
    "blend", [dpba(1.0, rate=0.2), pies(), q_augmentation(1.0), q_initialisation(1.0)], ids=lambda blend: blend.name
)
def test_a_press_taken_back_in_its_episode_never_was(blend: Any) -> None:
    """Exploration is full, so that what was learnt changes nothing that is done."""

    def run(pressing: bool) -> tuple[Any, Any]:
        env = gymnasium.wrappers.TimeLimit(make("hfrl/AdviceGrid-v0").unwrapped, 30)
        agent, model = Sarsa(env, epsilon=1.0), HumanTable(400, 4, int)
        switch, credit = Switch(blend, model, agent.gamma), Immediate()
        memory = Memory(agent, switch, credit)
        made: list[Press] = []

        def teacher(step: Step) -> list[Feedback]:
            if pressing and step.index == 45:
                memory.take_back(made[-1])
            always = step.index % 5 == 0
            return [Feedback(1.0, step.time)] * (always + (pressing and step.index == 41))

        for event in play(env, agent, teacher, switch, credit, seed=1, steps=60):
            memory.note(event)
            if isinstance(event, Pressed) and event.press.step.index == 41:
                made.append(event.press)
        beside = switch.arrays()
        beside.pop("phi_pies_rng", None)
        return agent.q, {name: array.tolist() for name, array in beside.items()}

    assert run(True) == run(False)


@pytest.mark.parametrize(
    ("make_it", "line"),
    [
        (lambda: dpba(rate=0.0), r"rate must be within \(0, 1\]"),
        (lambda: dpba(source="gut"), "source must be one of press, model"),
        (lambda: pies(episodes=0), "episodes must be a whole number"),
        (lambda: pies(epsilon=1.5), r"epsilon must be within \[0, 1\]"),
        (lambda: pies(beta=-1.0), "beta must stay within"),
    ],
)
def test_wrong_settings_are_one_line(make_it: Any, line: str) -> None:
    with pytest.raises(UserError, match=line):
        make_it()


def test_reward_feedback_and_signal_stay_apart() -> None:
    """Advice is learnt once, as a potential: the press is not paid a second time."""
    env = make("hfrl/AdviceGrid-v0", size=4)
    switch = Switch(pies(), human_model(env), 0.9)
    for event in play(env, Sarsa(env), adviser(RIGHT_AND_DOWN), switch, seed=0, steps=200):
        if isinstance(event, Learnt) and event.update is not None:
            assert event.update.signal == event.judgement.step.reward
