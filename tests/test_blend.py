"""The three ports: numbers worked by hand, the identity at weight 0, and the laws of shaping solved exactly."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hfrl.agents import Sarsa
from hfrl.blend import (
    Blend,
    Context,
    Port,
    Switch,
    action_biasing,
    chain,
    control_sharing,
    none,
    potential_based,
    reward_shaping,
    weight,
)
from hfrl.mdp import MDP, Array, q_star
from hfrl.models import FixedTable, HumanTable
from hfrl.policy import Categorical, epsilon_greedy
from hfrl.schedules import Constant, Exponential, Linear
from hfrl.tamer_rl import added, potential, potential_difference, shaped_reward, shared_control
from hfrl.types import Judgement, Step, UserError

#: H of three states and two actions.
H = [[1.0, -1.0], [0.5, 0.25], [0.0, 0.0]]
SOME_STEP = Step(0, 0, 0, 1, -0.1, 1, terminated=False, truncated=False)

BLENDS = {
    "reward_shaping": reward_shaping,
    "reward_shaping by press": lambda beta: reward_shaping(beta, source="press"),
    "potential_based": potential_based,
    "action_biasing": action_biasing,
    "control_sharing": control_sharing,
}


def switch(blend: Blend, table: Sequence[Sequence[float]] = H, gamma: float = 0.9) -> Switch:
    return Switch(blend, FixedTable(table), gamma)


def told(blend: Blend, step: Step = SOME_STEP, credits: tuple[tuple[float, float], ...] = ()) -> float:
    return switch(blend).reward(Judgement(step, credits))


# The equations


def test_shaped_reward_by_hand() -> None:
    assert shaped_reward(-0.1, 0.5, 1.0) == 0.4
    assert shaped_reward(2.0, 3.0, -1.0) == -1.0


def test_potential_is_beta_times_the_best_h() -> None:
    assert potential(2.0, [-1.0, 0.5, 0.25]) == 1.0
    assert potential(2.0, [-1.0, -0.5]) == -1.0


@pytest.mark.parametrize(
    ("gamma", "phi", "phi_next", "terminated", "expected"),
    [(0.5, 2.0, 3.0, False, -0.5), (0.5, 2.0, 3.0, True, -2.0), (1.0, 2.0, 3.0, False, 1.0), (0.5, 0.0, 3.0, True, 0)],
)
def test_potential_difference_by_hand(
    gamma: float, phi: float, phi_next: float, terminated: bool, expected: float
) -> None:
    assert potential_difference(gamma, phi, phi_next, terminated) == expected


def test_added_preference_by_hand() -> None:
    assert added(None, 2.0, [1.0, -0.5]) == [2.0, -1.0]
    assert added([1.0, 1.0], 2.0, [1.0, -0.5]) == [3.0, 0.0]


def test_shared_control_by_hand() -> None:
    own = Categorical([0.5, 0.25, 0.25])
    assert shared_control(own, 0.5, [0.0, 1.0, 0.0]).probabilities == [0.25, 0.625, 0.125]
    assert shared_control(own, 0.5, [1.0, 1.0, 0.0]).probabilities == [0.5, 0.375, 0.125]  # H's ties share
    assert shared_control(own, 7.0, [0.0, 0.0, 1.0]).probabilities == [0.0, 0.0, 1.0]  # never more than certain


# The ports by hand


def test_reward_shaping_adds_beta_h_of_what_was_done() -> None:
    assert told(reward_shaping(0.5)) == pytest.approx(-0.1 - 0.5)
    assert told(reward_shaping(0.5), SOME_STEP._replace(action=0)) == pytest.approx(-0.1 + 0.5)
    assert told(reward_shaping(2.0), SOME_STEP._replace(observation=1, action=1)) == pytest.approx(-0.1 + 0.5)


def test_reward_shaping_reads_the_model_and_not_the_press() -> None:
    assert told(reward_shaping(0.5), credits=((1.0, 1.0),)) == pytest.approx(-0.6)


def test_reward_shaping_by_press_adds_the_sum_of_the_shares_and_nothing_for_silence() -> None:
    by_press = reward_shaping(2.0, source="press")
    assert told(by_press, credits=((1.0, 0.5), (-1.0, 0.25))) == pytest.approx(-0.1 + 2.0 * 0.25)
    assert told(by_press, credits=((0.0, 1.0),)) == -0.1
    assert told(by_press) == -0.1


def test_potential_based_by_hand() -> None:
    # phi(0) = 2 * 1, phi(1) = 2 * .5
    assert told(potential_based(2.0)) == pytest.approx(-0.1 + 0.9 * 1.0 - 2.0)


def test_the_potential_of_a_terminal_state_is_0_and_of_a_truncated_one_is_kept() -> None:
    terminated = SOME_STEP._replace(terminated=True)
    truncated = SOME_STEP._replace(truncated=True)
    assert told(potential_based(2.0), terminated) == pytest.approx(-0.1 - 2.0)
    assert told(potential_based(2.0), truncated) == pytest.approx(-0.1 + 0.9 - 2.0)
    assert told(potential_based(2.0), terminated._replace(truncated=True)) == pytest.approx(-0.1 - 2.0)


def test_potential_based_discounts_with_the_gamma_of_the_switch() -> None:
    half = Switch(potential_based(2.0), FixedTable(H), gamma=0.5)
    assert half.reward(Judgement(SOME_STEP)) == pytest.approx(-0.1 + 0.5 * 1.0 - 2.0)


def test_action_biasing_prefers_beta_h_of_the_state_it_acts_in() -> None:
    assert switch(action_biasing(2.0)).bias(0) == [2.0, -2.0]
    assert switch(action_biasing(2.0)).bias(1) == [1.0, 0.5]


def test_control_sharing_by_hand() -> None:
    mixed = switch(control_sharing(0.25)).mix(0, Categorical([0.0, 1.0]))
    assert mixed.probabilities == [0.25, 0.75]
    mixed = switch(control_sharing(3.0)).mix(0, epsilon_greedy([0.0, 5.0], 0.1))
    assert mixed.probabilities == pytest.approx([1.0, 0.0])


def test_control_is_not_shared_where_h_is_silent() -> None:
    own = Categorical([0.1, 0.9])
    assert switch(control_sharing(1.0)).mix(2, own) == own
    heard = HumanTable(3, 2, int)
    ready = Switch(control_sharing(1.0), heard, 0.9)
    assert ready.mix(2, own) == own
    heard.observe(Judgement(SOME_STEP._replace(observation=2, action=0), ((1.0, 1.0),)))
    assert ready.mix(2, own).probabilities == [1.0, 0.0]
    assert ready.mix(1, own) == own  # one state taught, the others still silent


def test_a_neutral_word_counts_as_taught_for_control_sharing() -> None:
    heard = HumanTable(3, 2, int)
    heard.observe(Judgement(SOME_STEP._replace(observation=2, action=0), ((0.0, 1.0),)))
    mixed = Switch(control_sharing(1.0), heard, 0.9).mix(2, Categorical([0.1, 0.9]))
    assert mixed.probabilities == [0.5, 0.5]


def test_each_blend_uses_its_own_port_alone() -> None:
    own = Categorical([0.5, 0.5])
    for name, make in BLENDS.items():
        live = switch(make(1.0))
        judgement = Judgement(SOME_STEP, ((1.0, 1.0),))
        touched = [live.reward(judgement) != -0.1, live.bias(0) is not None, live.mix(0, own) != own]
        assert touched == [
            name.startswith(("reward", "potential")),
            name == "action_biasing",
            name == "control_sharing",
        ], name


def test_reward_feedback_and_signal_stay_apart() -> None:
    judgement = Judgement(SOME_STEP, ((1.0, 0.5),))
    signal = switch(chain(reward_shaping(0.5), potential_based(2.0))).reward(judgement)
    assert signal == pytest.approx(-0.1 - 0.5 + 0.9 - 2.0)
    assert judgement.step.reward == -0.1
    assert judgement.feedback == 0.5


# Weight


@pytest.mark.parametrize("make", BLENDS.values(), ids=BLENDS)
@pytest.mark.parametrize("beta", [0, 0.0, "0", "linear:1:0:10", "exponential:0:0.9"])
def test_weight_0_is_the_identity_whatever_the_rule(make: Any, beta: float | str) -> None:
    live = switch(make(beta))
    live.index = 10  # where the linear schedule has reached 0
    own = Categorical([0.3, 0.7])
    assert live.reward(Judgement(SOME_STEP, ((1.0, 1.0),))) == -0.1
    assert live.bias(0) is None
    assert live.mix(0, own) is own
    assert not live.waits()


def test_none_is_the_identity_at_every_port() -> None:
    live = switch(none())
    own = Categorical([0.3, 0.7])
    assert live.reward(Judgement(SOME_STEP, ((1.0, 1.0),))) == -0.1
    assert live.bias(0) is None
    assert live.mix(0, own) is own


@pytest.mark.parametrize(("name", "waits"), [(name, name.startswith(("reward", "potential"))) for name in BLENDS])
def test_steps_wait_only_for_a_live_reward_port(name: str, waits: bool) -> None:
    assert switch(BLENDS[name](0.5)).waits() is waits


def test_beta_anneals_by_episode_and_not_by_step() -> None:
    live = switch(reward_shaping(2.0, decay=0.5))
    judgement = Judgement(SOME_STEP._replace(action=0))
    signals = []
    for episode in range(4):
        live.index, live.episode = 1000 * episode, episode
        signals.append(live.reward(judgement))
    assert signals == pytest.approx([-0.1 + 2.0, -0.1 + 1.0, -0.1 + 0.5, -0.1 + 0.25])


@pytest.mark.parametrize(("beta", "decay", "episode"), [(1.0, 0.98, 50), (100.0, 0.999, 7), (0.5, 0.0, 1)])
def test_annealing_is_beta_times_decay_to_the_episode(beta: float, decay: float, episode: int) -> None:
    for port in (action_biasing(beta, decay).bias[0], control_sharing(beta, decay).mix[0]):
        assert port.weight(12345, episode) == pytest.approx(beta * decay**episode)
        assert port.weight(12345, 0) == beta


def test_a_weight_may_be_any_schedule() -> None:
    assert weight("linear:1:0:100") == Linear(1.0, 0.0, 100)
    assert weight(0.5) == Constant(0.5)
    assert weight(0.5, 0.9) == Exponential(0.5, 0.9, by_episode=True)


@pytest.mark.parametrize("make", [reward_shaping, potential_based, action_biasing, control_sharing])
@pytest.mark.parametrize("beta", [-0.1, "linear:1:-1:10", math.nan])
def test_a_negative_weight_is_refused(make: Any, beta: float | str) -> None:
    with pytest.raises(UserError, match="beta must stay within"):
        make(beta)


@pytest.mark.parametrize("make", [reward_shaping, action_biasing, control_sharing])
def test_wrong_annealing_is_refused(make: Any) -> None:
    for decay in (-0.1, 1.1):
        with pytest.raises(UserError, match=r"decay must be within \[0, 1\]"):
            make(1.0, decay=decay)
    with pytest.raises(UserError, match="anneals a plain beta"):
        make("linear:1:0:10", decay=0.9)


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(UserError, match="source must be one of model, press, got 'person'"):
        reward_shaping(source="person")


# Chains


def doubling(context: Context, beta: float, value: Any) -> Any:
    return value * 2


def plus(context: Context, beta: float, value: Any) -> Any:
    return value + beta


def test_a_chain_works_from_left_to_right() -> None:
    double = Blend("double", reward=(Port(Constant(1.0), doubling),))
    add = Blend("add", reward=(Port(Constant(3.0), plus),))
    assert told(chain(double, add), SOME_STEP._replace(reward=10.0)) == 23.0
    assert told(chain(add, double), SOME_STEP._replace(reward=10.0)) == 26.0
    assert told(chain(chain(add, double), add), SOME_STEP._replace(reward=10.0)) == 29.0


def test_a_chain_keeps_every_port_and_names_its_parts() -> None:
    both = chain(action_biasing(1.0), control_sharing(0.5), action_biasing(2.0), potential_based(2.0))
    live = switch(both)
    assert both.name == "action_biasing+control_sharing+action_biasing+potential_based"
    assert live.bias(0) == [3.0, -3.0]
    assert live.mix(0, Categorical([0.0, 1.0])).probabilities == [0.5, 0.5]
    assert live.reward(Judgement(SOME_STEP)) == pytest.approx(-0.1 + 0.9 - 2.0)


def test_an_empty_chain_is_none() -> None:
    assert chain() == none()


# The switch


def test_the_blend_can_be_changed_live() -> None:
    live = switch(none())
    assert live.reward(Judgement(SOME_STEP)) == -0.1
    live.blend = reward_shaping(0.5)
    assert live.waits()
    assert live.reward(Judgement(SOME_STEP)) == pytest.approx(-0.6)


def test_a_frozen_switch_keeps_todays_preferences_and_tells_nothing() -> None:
    live = switch(chain(reward_shaping(0.5), action_biasing(2.0, decay=0.5), control_sharing("linear:1:0:100")))
    live.index, live.episode = 75, 2
    frozen = live.frozen()
    frozen.index, frozen.episode = 0, 0  # evaluation counts its own steps and episodes
    assert frozen.bias(0) == [0.5, -0.5]
    assert frozen.mix(0, Categorical([0.0, 1.0])).probabilities == pytest.approx([0.25, 0.75])
    assert frozen.reward(Judgement(SOME_STEP)) == -0.1
    assert not frozen.waits()
    assert frozen.model is live.model


# Exact laws of shaping


def chain_world(reward: Array) -> MDP:
    """Eight states in a row, left and right; the rightmost is terminal. ``reward[s, a]`` for leaving s by a."""
    states = 8
    after = np.array([[max(s - 1, 0), min(s + 1, 7)] for s in range(states)])
    goes_on = (after != 7).astype(float)
    goes_on[7] = 0.0
    after[7] = 7
    start = np.eye(states)[0]
    return MDP(np.ones((states, 2, 1)), after[:, :, None], reward, goes_on[:, :, None], start)


def chain_reward() -> Array:
    reward = np.full((8, 2), -0.04)
    reward[6, 1] = 1.0
    reward[7] = 0.0
    return reward


def shaped(mdp: MDP, gamma: float, phi: Array, keep_terminal: bool = False) -> MDP:
    """The same world with F added to its reward; ``keep_terminal`` makes the mistake of keeping Phi(terminal)."""
    reward = mdp.reward.copy()
    for s in range(7):
        for a in range(2):
            terminated = bool(mdp.goes_on[s, a, 0] == 0) and not keep_terminal
            reward[s, a] += potential_difference(gamma, phi[s], phi[mdp.next_state[s, a, 0]], terminated)
    return mdp._replace(reward=reward)


PHI = np.array([0.3, -1.0, 2.0, 0.7, 1.5, -0.2, 3.0, 5.0])


@pytest.mark.parametrize("gamma", [0.5, 0.9, 0.99])
def test_potential_based_shaping_moves_every_value_by_its_potential_and_nothing_else(gamma: float) -> None:
    mdp = chain_world(chain_reward())
    plain = q_star(mdp, gamma, 1e-13)
    moved = q_star(shaped(mdp, gamma, PHI), gamma, 1e-13)
    assert np.abs(moved[:7] - (plain - PHI[:, None])[:7]).max() < 1e-9
    assert (moved[:7].argmax(axis=1) == plain[:7].argmax(axis=1)).all()


def test_keeping_the_potential_of_a_terminal_state_breaks_that_law() -> None:
    mdp = chain_world(chain_reward())
    plain = q_star(mdp, 0.9, 1e-13)
    wrong = q_star(shaped(mdp, 0.9, PHI, keep_terminal=True), 0.9, 1e-13)
    # Phi(terminal) = 5 and gamma = .9: the last step is paid 4.5 too much.
    assert np.abs(wrong[:7] - (plain - PHI[:, None])[:7]).max() == pytest.approx(4.5, abs=1e-9)


def test_the_blend_pays_what_the_law_asks_for() -> None:
    """The port itself, fed with every step of the chain, gives the world that was solved above."""
    mdp = chain_world(chain_reward())
    expected = shaped(mdp, 0.9, PHI).reward
    live = Switch(potential_based(2.0), FixedTable((np.c_[PHI, PHI - 1.0] / 2.0).tolist()), 0.9)
    for s in range(7):
        for a in range(2):
            step = Step(0, 0, s, a, mdp.reward[s, a], int(mdp.next_state[s, a, 0]), s == 6 and a == 1, False)
            assert live.reward(Judgement(step)) == pytest.approx(expected[s, a], abs=1e-12)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0]), min_size=6, max_size=6),
    st.floats(0.1, 1.0),
    st.lists(st.integers(0, 5), min_size=2, max_size=9),
)
def test_potentials_telescope_along_any_path(h: list[float], gamma: float, path: list[int]) -> None:
    live = Switch(potential_based(3.0), FixedTable([[value] for value in h]), gamma)
    total = 0.0
    for t, (state, after) in enumerate(pairwise(path)):
        last = t == len(path) - 2
        total += gamma**t * live.reward(Judgement(Step(t, 0, state, 0, 0.0, after, last, False)))
    assert total == pytest.approx(-3.0 * h[path[0]], abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0]), min_size=9, max_size=9),
    st.floats(0.1, 1.0),
    st.lists(st.integers(0, 5), min_size=3, max_size=9),
    st.sampled_from([3.0, "linear:3:1:6"]),
)
def test_they_telescope_while_h_and_beta_change(words: list[float], gamma: float, path: list[int], beta: Any) -> None:
    """Every step is judged just before it is learnt, so phi is another one each time: what is paid in all is still
    -phi(s0) of the first step, and nothing that the agent does changes it."""
    live = Switch(potential_based(beta), HumanTable(6, 1, int), gamma)
    listener = Sarsa(gymnasium.make("FrozenLake-v1"))
    total, first = 0.0, 0.0
    for t, (state, after) in enumerate(pairwise(path)):
        live.index = t
        step = Step(t, 0, state, 0, 0.0, after, t == len(path) - 2, False, next_action=0)
        live.observe(Judgement(step, ((words[t], 1.0),)))
        if t == 0:
            first = 3.0 * live.model.values(state)[0]
        update = live.learn(listener, Judgement(step))
        assert update is not None
        total += gamma**t * update.signal
    assert total == pytest.approx(-first, abs=1e-9)


def test_a_step_that_does_not_follow_is_paid_by_the_potential_of_now() -> None:
    live = switch(potential_based(2.0))
    agent = Sarsa(gymnasium.make("FrozenLake-v1"))
    live.learn(agent, Judgement(SOME_STEP._replace(next_action=0)))
    assert live.entered == (SOME_STEP.index + 1, (1.0,))
    live.entered = (SOME_STEP.index + 1, (7.0,))
    assert told_by(live, SOME_STEP._replace(index=SOME_STEP.index + 1)) == pytest.approx(-0.1 + 0.9 * 1.0 - 7.0)
    assert told_by(live, SOME_STEP._replace(index=SOME_STEP.index + 2)) == pytest.approx(-0.1 + 0.9 * 1.0 - 2.0)
    live.learn(agent, Judgement(SOME_STEP._replace(next_action=0, truncated=True)))
    assert live.entered is None
    live.learn(agent, Judgement(SOME_STEP._replace(next_action=0)))
    live.blend = action_biasing()
    assert live.entered is None


def told_by(live: Switch, step: Step) -> float:
    return float(live.reward(Judgement(step)))


def corridor(length: int, penalty: float) -> MDP:
    """Feedback as the reward: +1 for a step towards the goal, ``-penalty`` for a step back, the goal is terminal."""
    cells = np.arange(length)
    after = np.c_[np.maximum(cells - 1, 0), np.minimum(cells + 1, length - 1)]
    goes_on = (after < length - 1).astype(float)
    reward = np.c_[np.full(length, -penalty), np.ones(length)]
    reward[-1], goes_on[-1] = 0.0, 0.0
    return MDP(np.ones((length, 2, 1)), after[:, :, None], reward, goes_on[:, :, None], np.eye(length)[0])


def looping_beats_finishing(gamma: float, penalty: float) -> bool:
    back, ahead = q_star(corridor(6, penalty), gamma, 1e-12)[4]  # one step before the goal
    return bool(back > ahead + 1e-9)


@pytest.mark.parametrize(("penalty", "threshold"), [(0.0, 0.6180), (0.25, 0.7247), (0.5, 0.8229)])
def test_praise_for_progress_makes_circling_pay_above_the_exact_threshold(penalty: float, threshold: float) -> None:
    low, high = 0.3, 0.999
    assert not looping_beats_finishing(low, penalty)
    assert looping_beats_finishing(high, penalty)
    while high - low > 1e-5:
        middle = (low + high) / 2
        low, high = (low, middle) if looping_beats_finishing(middle, penalty) else (middle, high)
    assert high == pytest.approx(threshold, abs=1e-4)
    assert high * high + high == pytest.approx(1 + penalty, abs=1e-4)


def test_a_penalty_as_large_as_the_praise_never_lets_circling_pay() -> None:
    assert not any(looping_beats_finishing(gamma, 1.0) for gamma in (0.5, 0.9, 0.99, 0.999))
