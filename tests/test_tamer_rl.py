"""TAMER+RL: the equivalence of methods 3, 4 and 9, what is refused, annealing, and the eligibility module."""

from typing import Any

import gymnasium
import numpy as np
import pytest

from hfrl.agents import (
    DQN,
    DeepSarsa,
    DoubleDQN,
    DoubleQLearning,
    DynaQ,
    ExpectedSarsa,
    LinearSarsaLambda,
    NoisyDQN,
    PrioritizedDQN,
    QLearning,
    Sarsa,
    SarsaLambda,
)
from hfrl.blend import (
    Blend,
    Switch,
    action_biasing,
    chain,
    control_sharing,
    dpba,
    look_ahead_advice,
    look_back_advice,
    none,
    pies,
    potential_based,
    q_augmentation,
    q_initialisation,
    refusal,
    reward_shaping,
)
from hfrl.build import make_blend
from hfrl.loop import human_model, play
from hfrl.models import FixedTable, HumanTable
from hfrl.policy import Categorical
from hfrl.seeding import streams
from hfrl.teachers import press
from hfrl.types import Acted, Feedback, Judgement, Learnt, Step, UserError

#: H of three states and two actions.
H = [[1.0, -1.0], [0.5, 0.25], [0.0, 0.0]]
STEP = Step(0, 0, 0, 1, -0.1, 1, terminated=False, truncated=False, next_action=0)


def make(name: str) -> Any:
    return gymnasium.make(name, disable_env_checker=True)


class Values:
    """An agent of fixed values, for the ports alone."""

    def __init__(self, q: list[list[float]], bootstraps: str) -> None:
        self.q, self.bootstraps = q, bootstraps

    def q_values(self, observation: int) -> list[float]:
        return self.q[observation]

    def worth(self, observation: int, bias: Any = None) -> float:
        return max(q + b for q, b in zip(self.q[observation], bias or (0.0, 0.0), strict=True))


def told(blend: Blend, step: Step = STEP, bootstraps: str = "next", gamma: float = 0.5) -> float:
    live = Switch(blend, FixedTable(H), gamma)
    live._agent = Values([[0.0, 0.0], [2.0, 3.0], [0.0, 0.0]], bootstraps)
    return float(live.reward(Judgement(step)))


# --- the equations at the ports --------------------------------------------------------------------------------------


def test_augmentation_by_hand() -> None:
    # beta 2: H(0,1) = -1, H(1,0) = .5, H(1,1) = .25; Q(1,.) = 2, 3
    assert told(q_augmentation(2.0)) == pytest.approx(-0.1 + 2.0 + 0.5 * (2 * 0.5))
    assert told(q_augmentation(2.0), bootstraps="best") == pytest.approx(-0.1 + 2.0 + 0.5 * (3.5 - 3.0))
    assert told(q_augmentation(2.0), STEP._replace(terminated=True)) == pytest.approx(-0.1 + 2.0)
    assert told(q_augmentation(2.0), STEP._replace(truncated=True)) == pytest.approx(-0.1 + 2.0 + 0.5)


def test_look_ahead_by_hand() -> None:
    assert told(look_ahead_advice(2.0)) == pytest.approx(-0.1 + 0.5 * 1.0 + 2.0)
    # The best of Q + phi is action 1 (3 + .5), which is the best of Q too: nothing is missed.
    assert told(look_ahead_advice(2.0), bootstraps="best") == pytest.approx(-0.1 + 0.5 * 0.5 + 2.0)
    # At beta 6 it is action 0 (2 + 3 against 3 + 1.5), which Q's own target would miss by 1.
    assert told(look_ahead_advice(6.0), bootstraps="best") == pytest.approx(-0.1 + 0.5 * 3.0 + 6.0 - 0.5 * 1.0)
    assert told(look_ahead_advice(2.0), STEP._replace(terminated=True)) == pytest.approx(-0.1 + 2.0)


def test_both_prefer_what_h_likes() -> None:
    for blend in (q_augmentation(2.0), look_ahead_advice(2.0)):
        assert Switch(blend, FixedTable(H), 0.9).bias(0) == [2.0, -2.0]


def test_look_back_by_hand_and_nothing_before_the_first_step_of_an_episode() -> None:
    live = Switch(look_back_advice(2.0), FixedTable(H), 0.5)
    agent = Sarsa(make("FrozenLake-v1"), gamma=0.5)
    signals = []
    for step in (
        STEP._replace(truncated=False),
        STEP._replace(observation=1, action=0, next_observation=2, truncated=True),
        STEP._replace(observation=1, action=0),
    ):
        update = live.learn(agent, Judgement(step))
        assert update is not None
        signals.append(update.signal)
    # phi(0,1) = -2; phi(1,0) - phi(0,1)/gamma = 1 + 4; and after the cut phi(1,0) - 0
    assert signals == pytest.approx([-0.1 - 2.0, -0.1 + 1.0 + 4.0, -0.1 + 1.0])


# --- 3, 4 and 9 are one algorithm ------------------------------------------------------------------------------------


def walked(agent: Any, world: str, blend: Blend, h: list[list[float]], beta: float, steps: int) -> tuple[Any, Any]:
    """The trajectory of a run, and Q of the equivalent agent that began with beta H."""
    switch = Switch(blend, FixedTable(h), agent.gamma)
    seen = [
        (event.step.observation, event.step.action)
        for event in play(make(world), agent, blend=switch, seed=4, steps=steps)
        if isinstance(event, Acted)
    ]
    q = np.array(agent.q) + (0.0 if blend.name == "q_initialisation" else beta * np.array(h))
    return seen, q


@pytest.mark.parametrize("world", ["CliffWalking-v1", "FrozenLake-v1"])
@pytest.mark.parametrize("agent_class", [QLearning, Sarsa, ExpectedSarsa, SarsaLambda])
@pytest.mark.parametrize("beta", [0.3, 5.0])
def test_initialisation_augmentation_and_look_ahead_are_one_algorithm(
    agent_class: Any, world: str, beta: float
) -> None:
    states = int(make(world).observation_space.n)
    h = np.random.default_rng(1).choice([-1.0, -0.25, 0.5, 1.0], size=(states, 4)).tolist()
    blends = [q_initialisation(beta), q_augmentation(beta)]
    if agent_class is not ExpectedSarsa:  # averages over what it may do next: there is no one a'
        blends.append(look_ahead_advice(beta))
    runs = []
    for blend in blends:
        agent = agent_class(make(world), gamma=0.9, epsilon=0.2, learning_rate=0.3)
        runs.append(walked(agent, world, blend, h, beta, 4_000))
    plain = walked(agent_class(make(world), gamma=0.9, epsilon=0.2, learning_rate=0.3), world, none(), h, 0.0, 4_000)
    assert plain[0] != runs[0][0]
    for seen, q in runs[1:]:
        assert seen == runs[0][0]
        assert np.abs(q - runs[0][1]).max() < 1e-9


def test_the_law_breaks_where_the_target_ignores_what_is_preferred() -> None:
    """The look-ahead reward without the bonus for a' that Q's own maximum misses is another algorithm."""
    h = np.random.default_rng(1).choice([-1.0, 1.0], size=(48, 4)).tolist()

    class Careless(QLearning):
        bootstraps = "next"

        def update(self, judgement: Judgement, reward: Any) -> Any:
            best = self.q[judgement.step.next_observation]
            return super().update(
                judgement._replace(step=judgement.step._replace(next_action=best.index(max(best)))), reward
            )

    runs = []
    for agent_class, blend in ((QLearning, q_initialisation(5.0)), (Careless, look_ahead_advice(5.0))):
        agent = agent_class(make("CliffWalking-v1"), gamma=0.9, epsilon=0.2, learning_rate=0.3)
        runs.append(walked(agent, "CliffWalking-v1", blend, h, 5.0, 4_000))
    assert runs[0][0] != runs[1][0]


@pytest.mark.parametrize("world", ["FrozenLake-v1"])
def test_a_learnt_h_moves_the_value_of_a_pair_once_at_its_first_label(world: str) -> None:
    env = make(world)
    agent = QLearning(env, learning_rate=0.0)
    model = human_model(env)
    labels: dict[tuple[int, int], list[float]] = {}

    def teacher(step: Step) -> list[Feedback]:
        value = [1.0, -0.5, 0.0, 2.0][step.index % 4]
        labels.setdefault((step.observation, step.action), []).append(value)
        return [press(step, value)]

    for _ in play(env, agent, teacher, Switch(q_initialisation(3.0), model, 0.9), seed=2, steps=400):
        pass
    expected = np.zeros((16, 4))
    for pair, said in labels.items():
        expected[pair] = 3.0 * said[0]
    assert np.array_equal(np.array(agent.q), expected)
    assert max(map(len, labels.values())) > 3


def test_an_h_that_is_there_is_added_before_the_first_step_of_a_fresh_agent_only() -> None:
    env = make("FrozenLake-v1")
    h = np.zeros((16, 4))
    h[3, 1], h[5, 2] = 1.0, -0.5
    agent = QLearning(env, learning_rate=0.0)
    switch = Switch(q_initialisation(2.0), FixedTable(h.tolist()), 0.9)
    for _ in range(2):  # the second time the agent has learnt already
        for _ in play(env, agent, blend=switch, seed=0, steps=5):
            pass
    assert np.array_equal(np.array(agent.q), 2.0 * h)


# --- what goes together ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("blend", "agent", "world", "reason"),
    [
        (q_initialisation(), LinearSarsaLambda, "MountainCar-v0", "writes into a table"),
        (q_initialisation(), DoubleQLearning, "FrozenLake-v1", "writes into a table"),
        (q_initialisation(), DQN, "CartPole-v1", "writes into a table"),
        (q_augmentation(), DynaQ, "FrozenLake-v1", "does not say what that is"),
        (look_ahead_advice(), ExpectedSarsa, "FrozenLake-v1", "which action the target bootstraps from"),
        (look_back_advice(), QLearning, "FrozenLake-v1", "sarsa does"),
        (dpba(), QLearning, "FrozenLake-v1", "sarsa does"),
        (dpba(), DeepSarsa, "FrozenLake-v1", "in any order"),
        (chain(action_biasing(), q_initialisation()), DQN, "CartPole-v1", "writes into a table"),
    ],
)
def test_what_does_not_go_together_is_refused_with_the_reason(
    blend: Blend, agent: Any, world: str, reason: str
) -> None:
    env = make(world)
    made = agent(env)
    said = refusal(blend, made, human_model(env), 0.9)
    assert said is not None
    assert reason in said
    with pytest.raises(UserError, match="does not go with it"):
        next(play(env, made, blend=blend, seed=0))


@pytest.mark.parametrize("agent_class", [DQN, DoubleDQN, PrioritizedDQN, NoisyDQN])
@pytest.mark.parametrize("beta", [0.5, 20.0])
def test_what_a_network_s_target_misses_is_what_its_own_target_network_misses(agent_class: Any, beta: float) -> None:
    """By Wiewiora 9 pays what 4 does; the networks have learnt apart, so that which one is asked shows."""
    env = make("CartPole-v1")
    agent = agent_class(env, net_arch=[8], learning_starts=10, batch_size=8, target_update_interval=10_000, seed=1)
    for _ in play(env, agent, seed=0, steps=300):
        pass
    step = Step(0, 0, np.array([0.1, 0.2, -0.1, 0.3]), 1, 1.0, np.array([0.2, -0.4, 0.1, 0.5]), False, False)
    model = FixedTable([[1.0, -1.0], [0.25, 0.5]], row=lambda o: int(o[1] < 0))
    paid = []
    for blend in (q_augmentation(beta), look_ahead_advice(beta)):
        live = Switch(blend, model, 0.9)
        live._agent = agent
        paid.append(live.reward(Judgement(step)))
    assert paid[0] == pytest.approx(paid[1], abs=1e-6)
    ahead = agent.worth(step.next_observation, [0.25 * beta, 0.5 * beta]) - agent.worth(step.next_observation)
    assert paid[0] == pytest.approx(1.0 + beta + 0.9 * ahead, abs=1e-6)


def test_look_back_divides_by_gamma() -> None:
    env = make("FrozenLake-v1")
    assert "gamma" in str(refusal(look_back_advice(), Sarsa(env, gamma=0.0), human_model(env), 0.0))


def test_a_target_of_several_rewards_is_not_what_one_step_s_correction_is_for() -> None:
    env = make("CartPole-v1")
    assert refusal(q_augmentation(), DQN(env), human_model(env), 0.9) is None
    assert "does not say" in str(refusal(q_augmentation(), DQN(env, n_steps=3), human_model(env), 0.9))


@pytest.mark.parametrize("make_blend", [q_initialisation, q_augmentation, look_ahead_advice, dpba])
def test_a_law_that_needs_a_constant_beta_takes_no_schedule(make_blend: Any) -> None:
    for beta in ("linear:1:0:10", "1"):
        with pytest.raises(UserError, match="must be a plain number"):
            make_blend(beta)
    with pytest.raises(UserError, match="beta must stay within"):
        make_blend(-1.0)


def test_two_potentials_or_two_estimates_do_not_chain() -> None:
    with pytest.raises(UserError, match="one learnt potential"):
        chain(dpba(), pies())
    with pytest.raises(UserError, match="take one policy_shaping"):
        make_blend("policy_shaping:consistency=em+policy_shaping:consistency=variational")


# --- the eligibility module ------------------------------------------------------------------------------------------


def taught(decay_at: int) -> Switch:
    """One full label of (0, 1) at step 3 and half a label of (0, 0) at step 5; the present is ``decay_at``."""
    model = HumanTable(3, 2, int)
    switch = Switch(action_biasing(4.0, eligibility=0.5), model, 0.9)
    switch.observe(Judgement(STEP._replace(index=3), ((1.0, 1.0),)))
    switch.observe(Judgement(STEP._replace(index=5, action=0), ((-1.0, 0.5),)))
    switch.index = decay_at
    return switch


def test_beta_fades_with_the_age_of_the_labels() -> None:
    # e(0,1) = .5^2 at step 5, e(0,0) = .5; H(0,1) = 1, H(0,0) = -.5
    assert taught(5).bias(0) == pytest.approx([4.0 * -0.5 * 0.5, 4.0 * 1.0 * 0.25])
    assert taught(6).bias(0) == pytest.approx([4.0 * -0.5 * 0.25, 4.0 * 1.0 * 0.125])
    assert taught(5).bias(1) == [0.0, 0.0]  # never taught


def test_a_trace_is_full_at_1_so_that_beta_stays_within_0_and_b() -> None:
    switch = taught(5)
    for _ in range(20):
        switch.observe(Judgement(STEP._replace(index=5), ((1.0, 1.0),)))
    bias = switch.bias(0)
    assert bias is not None
    assert bias[1] == 4.0


def test_the_module_scales_reward_and_control_too() -> None:
    switch = taught(5)
    switch.blend = reward_shaping(4.0, eligibility=0.5)
    assert switch.reward(Judgement(STEP)) == pytest.approx(-0.1 + 4.0 * 1.0 * 0.25)
    switch.blend = control_sharing(1.0, eligibility=0.5)
    # The freshest action counts: e = .5; H likes action 1.
    mixed = switch.mix(0, Categorical([1.0, 0.0]))
    assert mixed.probabilities == pytest.approx([0.5, 0.5])  # type: ignore[attr-defined]
    own = Categorical([1.0, 0.0])
    assert switch.mix(1, own) is own


def test_the_module_over_tiles_is_the_mean_over_the_active_ones() -> None:
    env = make("MountainCar-v0")
    model = human_model(env)
    switch = Switch(action_biasing(1.0, eligibility=0.9), model, 1.0)
    here, near = np.array([-0.5, 0.0]), np.array([-0.42, 0.004])
    switch.observe(Judgement(STEP._replace(observation=here, action=2, next_observation=here), ((1.0, 1.0),)))
    fresh_here, fresh_near = model.recency(here, 0, 0.9)[2], model.recency(near, 0, 0.9)[2]
    assert fresh_here == 1.0
    assert 0 < fresh_near < 1
    assert fresh_near * 8 == pytest.approx(round(fresh_near * 8))  # so many of 8 tilings
    assert switch.bias(near)[2] == pytest.approx(fresh_near * model.values(near)[2])  # type: ignore[index]


def test_traces_are_kept_only_where_a_blend_asks() -> None:
    model = HumanTable(3, 2, int)
    switch = Switch(action_biasing(4.0), model, 0.9)
    switch.observe(Judgement(STEP, ((1.0, 1.0),)))
    assert model.labels.times is None
    switch.blend = action_biasing(4.0, eligibility=0.5)  # from now on
    assert switch.bias(0) == [0.0, 0.0]
    switch.observe(Judgement(STEP, ((1.0, 1.0),)))
    assert switch.bias(0) == [0.0, 4.0]


@pytest.mark.parametrize("eligibility", [-0.1, 1.5])
def test_a_wrong_decay_of_traces_is_refused(eligibility: float) -> None:
    with pytest.raises(UserError, match="eligibility is the decay of a trace"):
        action_biasing(1.0, eligibility=eligibility)
    with pytest.raises(UserError, match="goes with source=model"):
        reward_shaping(1.0, source="press", eligibility=0.5)


# --- networks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("blend", [q_augmentation(0.5), potential_based(0.5)], ids=lambda blend: blend.name)
def test_a_network_is_told_of_each_transition_of_a_batch_what_a_table_would_be(blend: Blend) -> None:
    """Each is R + gamma (v+(s') - v(s')) - beta H(s,a), v from the target network, alone and in a batch."""
    env = make("FrozenLake-v1")
    agent = DQN(env, learning_starts=10, batch_size=8, net_arch=[8], seed=1, gamma=0.9)
    h = np.random.default_rng(0).uniform(-1, 1, size=(16, 4)).tolist()
    switch = Switch(blend, FixedTable(h), 0.9)
    checked = 0
    for event in play(env, agent, blend=switch, seed=0, steps=60):
        if isinstance(event, Learnt) and event.update is not None and blend.name == "q_augmentation":
            step = event.judgement.step
            own = agent.worth(step.next_observation)
            ahead = agent.worth(step.next_observation, [0.5 * one for one in h[step.next_observation]])
            expected = step.reward - 0.5 * h[step.observation][step.action]
            expected += 0.0 if step.terminated else 0.9 * (ahead - own)
            assert switch.reward(event.judgement) == pytest.approx(expected, abs=1e-9)
            checked += 1
    batch = agent.memory.batch(np.arange(8))
    signals = agent._told(batch, switch.reward)
    for k in range(8):
        one = agent.memory.batch(np.array([k]))
        assert agent._told(one, switch.reward)[0] == pytest.approx(signals[k], abs=1e-6)
    assert checked > 20 or blend.name != "q_augmentation"


def test_the_switch_hands_the_blend_a_generator_of_its_own() -> None:
    """PIES draws; the policy's luck and the world's stay what they are."""
    env = make("FrozenLake-v1")
    switch = Switch(pies(), human_model(env), 0.99)
    for _ in play(env, QLearning(env), blend=switch, seed=3, steps=50):
        pass
    fresh = streams(3)
    assert switch._rng is not None
    assert switch._rng.bit_generator.state["state"]["inc"] == fresh.network.bit_generator.state["state"]["inc"]


@pytest.mark.parametrize("agent_class", [DQN, DoubleDQN, DeepSarsa])
@pytest.mark.parametrize(
    "blend",
    [reward_shaping(2.0), potential_based(2.0), q_augmentation(2.0), look_ahead_advice(2.0),
     chain(reward_shaping("linear:1:0:10"), potential_based())],
    ids=lambda blend: blend.name,
)  # fmt: skip
def test_a_batch_is_told_what_its_transitions_are_told_one_by_one(agent_class: Any, blend: Blend) -> None:
    env = make("MountainCar-v0")
    agent, model = agent_class(env, net_arch=[8], seed=1, gamma=0.9), human_model(env)
    switch = Switch(blend, model, 0.9)
    switch.meet(agent)
    rng = np.random.default_rng(0)
    observations = np.float32([env.observation_space.sample() for _ in range(12)])
    for observation in observations:
        label = float(rng.normal())
        switch.observe(Judgement(STEP._replace(observation=observation, action=int(rng.integers(3))), ((label, 1.0),)))
    switch.begin(agent, rng)
    after = observations[::-1].copy()
    actions, rewards = rng.integers(0, 3, 12), rng.normal(size=12).astype(np.float32)
    next_actions, ended = rng.integers(0, 3, 12), rng.random(12) < 0.3
    batch = Step(-1, -1, observations, actions, rewards, after, ended, False, next_action=next_actions)  # type: ignore[arg-type]
    at_once = switch.reward(Judgement(batch, ((),) * 12))  # type: ignore[arg-type]
    singly = [
        switch.reward(Judgement(Step(-1, -1, o, int(a), float(r), o2, bool(end), False, next_action=int(a2))))
        for o, a, r, o2, end, a2 in zip(observations, actions, rewards, after, ended, next_actions, strict=True)
    ]
    assert at_once == pytest.approx(singly, abs=1e-5)
    assert np.abs(at_once - rewards).max() > 0.1
