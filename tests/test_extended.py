"""Blends that an agent must be made for: TAMER+RL's methods 2 (H is a feature) and 5 (H's choice is an action)."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hfrl import build, registry
from hfrl.agents import (
    DQN,
    ActorCritic,
    BanditThompson,
    DoubleQLearning,
    ExpectedSarsa,
    LinearQ,
    LinearSarsaLambda,
    QLearning,
    RandomAgent,
    Sarsa,
    Tamer,
    TDLambda,
    ValueIteration,
)
from hfrl.blend import Deeds, Switch, chain, extra_action, model_feature, none, refusal, reward_shaping
from hfrl.blend import action_biasing as biasing
from hfrl.compiled import Batch
from hfrl.config import Arm
from hfrl.encoding import beside, encoder_of
from hfrl.loop import evaluate, human_model, play
from hfrl.models import FixedTable
from hfrl.policy import Categorical, Commanded, Delegated
from hfrl.registry import literal
from hfrl.session import reweighted
from hfrl.teachers import Dials
from hfrl.types import Acted, Event, Feedback, Judgement, Learnt, Step, UserError


def make(name: str) -> Any:
    return gymnasium.make(name, disable_env_checker=True)


def an_arm(env: str, agent: str, teacher: str = "none", blend: str = "none") -> Arm:
    return Arm(env, agent, teacher, blend, "immediate", 300, (0,))


class Line(gymnasium.Env[int, int]):
    """Two states in turn, three actions, -1 a step; the fourth step ends it. It notes what was done."""

    def __init__(self) -> None:
        self.observation_space = gymnasium.spaces.Discrete(3)
        self.action_space = gymnasium.spaces.Discrete(3)
        self.done: list[int] = []
        self.at = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.at = 0
        return 0, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self.done.append(action)
        self.at += 1
        return self.at % 2, -1.0, self.at == 4, False, {}


#: H of Line: action 2 in state 0, action 1 in state 1.
LIKES = [[0.0, 0.0, 1.0], [-1.0, 0.5, 0.0], [0.0, 0.0, 0.0]]


def walk(agent: Any, blend: Any, steps: int, model: Any = None, teacher: Any = None, seed: int = 0) -> list[Event]:
    env = Line()
    switch = Switch(blend, model or FixedTable(LIKES), agent.gamma)
    more = (teacher,) if teacher else ()
    return list(play(env, agent, *more, blend=switch, seed=seed, steps=steps))


def acted(events: Sequence[Event]) -> list[Step]:
    return [event.step for event in events if isinstance(event, Acted)]


def learnt(events: Sequence[Event]) -> list[Learnt]:
    return [event for event in events if isinstance(event, Learnt)]


# --- 5: what H likes best is an action -------------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 9), min_size=3, max_size=5), st.integers(1, 2), st.floats(0, 1, exclude_max=True))
def test_one_uniform_draws_choice_and_deed(weights: list[int], ties: int, u: float) -> None:
    own = [w / sum(weights) for w in weights]
    liked = [1 / ties] * ties + [0.0] * (len(own) - 1 - ties)
    choice, deed = (both := Delegated(own, liked)).chosen(u)
    assert deed == both.sample(u)
    assert deed == choice if choice < len(liked) else liked[deed] > 0
    assert sum(both.probabilities) == pytest.approx(1.0)
    draws = np.linspace(0, 1, 4_000, endpoint=False)
    shares = np.bincount([both.chosen(v)[0] for v in draws], minlength=len(own)) / len(draws)
    assert shares == pytest.approx(own, abs=2e-3)
    deeds = np.bincount([both.sample(v) for v in draws], minlength=len(liked)) / len(draws)
    assert deeds == pytest.approx(both.probabilities, abs=2e-3)


def extended_q(agent_class: Any = QLearning, **settings: Any) -> Any:
    """An agent of Line that likes its extra action best everywhere."""
    agent = agent_class(Line(), gamma=0.5, learning_rate=0.5, epsilon=0.0, **settings)
    agent.add_action()
    agent.q = [[0.0, 0.0, 0.0, 1.0] for _ in range(3)]
    return agent


def test_the_world_sees_the_deed_and_the_value_that_moves_is_the_extra_action_s() -> None:
    agent = extended_q()
    events = walk(agent, extra_action(), 1)
    (step,) = acted(events)
    assert (step.action, step.choice, step.probability) == (2, 3, 1.0)
    # Q(0, extra) <- 1 + .5 [-1 + .5 * 1 - 1]
    assert agent.q[0] == [0.0, 0.0, 0.0, 0.25]
    assert agent.q[1] == [0.0, 0.0, 0.0, 1.0]
    (event,) = learnt(events)
    assert event.judgement.step.action == 2
    assert event.update is not None
    assert (event.update.old, event.update.target) == (1.0, -0.5)


def test_sarsa_bootstraps_from_the_choice_that_comes_next() -> None:
    agent = extended_q(Sarsa)
    agent.q[1] = [9.0, 0.25, 9.0, 10.0]
    events = walk(agent, extra_action(), 1)
    (event,) = learnt(events)
    assert (event.judgement.step.next_action, event.judgement.step.next_choice) == (1, 3)
    # Q(0, extra) <- 1 + .5 [-1 + .5 * 10 - 1], and not from Q(1, 1), what is done for it
    assert agent.q[0][3] == 2.5


def test_h_and_the_teacher_are_about_what_was_done() -> None:
    model = human_model(Line())
    model.observe(Judgement(Step(0, 0, 0, 2, 0.0, 1, False, False), ((1.0, 1.0),)))
    heard = []

    def teacher(step: Step) -> list[Feedback]:
        heard.append(step.action)
        return [Feedback(-1.0, step.time)]

    agent = extended_q()
    walk(agent, extra_action(), 1, model, teacher)
    assert heard == [2]
    assert (model.values(0), model.counts(0)) == ([0.0, 0.0, 0.0], [0, 0, 2])


def test_what_h_likes_is_asked_for_when_it_is_done_and_ties_are_even() -> None:
    agent = extended_q()
    model = human_model(Line())  # never taught: everything ties
    steps = acted(walk(agent, extra_action(), 3_000, model))
    asked = [step.action for step in steps if step.choice == 3]
    assert len(asked) > 100
    assert np.bincount(asked, minlength=3) / len(asked) == pytest.approx([1 / 3] * 3, abs=0.1)


def test_an_action_of_its_own_is_learnt_as_itself() -> None:
    agent = extended_q()
    agent.q[0] = [0.0, 0.0, 3.0, 1.0]
    events = walk(agent, extra_action(), 1)
    (step,) = acted(events)
    assert (step.action, step.choice) == (2, 2)
    assert agent.q[0] == [0.0, 0.0, 3.0 + 0.5 * (-1 + 0.5 - 3.0), 1.0]


def test_the_behaviour_s_probability_is_that_of_the_choice() -> None:
    agent = extended_q()
    agent.set_rate("epsilon", 0.4)
    agent.set_rate("alpha", 0.0)
    steps = acted(walk(agent, extra_action(), 400))
    seen = {(step.choice, round(step.probability, 9)) for step in steps if step.observation == 0}
    assert seen == {(0, 0.1), (1, 0.1), (2, 0.1), (3, 0.7)}


def test_where_somebody_drives_there_is_no_choice_and_their_action_is_learnt() -> None:
    agent = extended_q()
    switch = Switch(extra_action(), FixedTable(LIKES), 0.5)
    switch.takeover = lambda observation, own: Commanded(1)
    (step,) = acted(list(play(Line(), agent, blend=switch, seed=0, steps=1)))
    assert (step.action, step.choice, step.actor) == (1, None, "human")
    assert agent.q[0] == [0.0, 0.5 * (-1 + 0.5), 0.0, 1.0]


@pytest.mark.parametrize("agent_class", [QLearning, Sarsa, ExpectedSarsa, DoubleQLearning, ActorCritic])
def test_the_agent_alone_knows_the_world_s_actions_only(agent_class: Any) -> None:
    env = make("FrozenLake-v1")
    agent = agent_class(env, seed=1)
    switch = Switch(extra_action(), human_model(env), agent.gamma)
    for _ in play(env, agent, blend=switch, seed=0, steps=200):
        pass
    agent.q = [[0.0] * 4 + [9.0] for _ in agent.q]
    assert len(agent.q_values(0)) == 4
    assert len(agent.greedy_policy(0).probabilities) == 4
    assert {agent.predict(0, deterministic=False)[0] for _ in range(200)} == {0, 1, 2, 3}
    assert agent.predict(np.array([0, 1]))[0].max() < 4
    assert len(evaluate(make("FrozenLake-v1"), agent, 20).returns) == 20


def test_evaluation_with_h_takes_the_extra_action_where_it_is_best() -> None:
    agent = extended_q()
    agent.set_rate("epsilon", 0.9)  # evaluation is greedy all the same
    env = Line()
    evaluate(env, agent, 5, switch=Switch(extra_action(), FixedTable(LIKES), 0.5))
    assert env.done[:8] == [2, 1] * 4
    alone = Line()
    agent.q = [[0.0, 1.0, 0.0, 9.0] for _ in range(3)]
    evaluate(alone, agent, 5)
    assert set(alone.done) == {1}


def test_dqn_has_an_output_more_and_its_buffer_holds_choices() -> None:
    env = make("CartPole-v1")
    agent = DQN(env, learning_starts=20, batch_size=8, net_arch=[8], epsilon=0.5, seed=3)
    switch = Switch(extra_action(), human_model(env), agent.gamma)
    steps = acted(list(play(env, agent, blend=switch, seed=0, steps=60)))
    chosen = [step.choice for step in steps]
    assert set(chosen) == {0, 1, 2}
    assert {step.action for step in steps} == {0, 1}
    batch = agent.memory.sample(40, np.random.default_rng(0), 0, 0)
    by_sight = {step.observation.tobytes(): step.choice for step in steps}
    assert [by_sight[one.tobytes()] for one in batch.observations] == batch.actions.tolist()
    assert 2 in batch.actions
    assert agent.network.quiet(np.zeros((1, 4), np.float32)).shape == (1, 3)
    assert len(agent.q_values(np.zeros(4))) == 2
    assert set(agent.predict(np.zeros((5, 4)))[0]) <= {0, 1}
    assert len(evaluate(make("CartPole-v1"), agent, 3).returns) == 3
    assert len(evaluate(make("CartPole-v1"), agent, 3, switch=switch).returns) == 3


@pytest.mark.parametrize(
    ("agent", "world"),
    [
        (ValueIteration, "FrozenLake-v1"),
        (TDLambda, "FrozenLake-v1"),
        (RandomAgent, "FrozenLake-v1"),
        (QLearning, "hfrl/MaximizationBias-v0"),
    ],
)
def test_who_learns_no_values_of_its_actions_takes_no_extra_action(agent: Any, world: str) -> None:
    env = make(world)
    said = refusal(extra_action(), agent(env), human_model(env), 0.9)
    assert said is not None
    assert "one more action to learn the value of" in said


def test_a_bandit_takes_one() -> None:
    env = make("hfrl/KArmedBandit-v0")
    agent = BanditThompson(env)
    model = FixedTable([[0.0] * 9 + [1.0]])
    steps = acted(list(play(env, agent, blend=Switch(extra_action(), model, 0.0), seed=0, steps=300)))
    assert any(step.choice == 10 for step in steps)
    assert all(step.action == 9 for step in steps if step.choice == 10)
    assert len(agent.q_values(0)) == len(agent.greedy_policy(0).probabilities) == 10


@pytest.mark.parametrize("blend", [extra_action(), model_feature()])
def test_an_agent_made_of_presses_is_not_given_h_again(blend: Any) -> None:
    env = make("FrozenLake-v1")
    assert "would count twice" in str(refusal(blend, Tamer(env), human_model(env), 0.9))


def test_it_stands_alone_in_a_chain() -> None:
    for other in (biasing(), model_feature(), reward_shaping()):
        with pytest.raises(UserError, match="do not go together"):
            chain(extra_action(), other)
    assert chain(none(), extra_action()).extends == "action"
    assert chain(model_feature(), biasing()).extends == "features"


def test_an_agent_is_not_made_anew_on_the_way() -> None:
    env = make("FrozenLake-v1")
    agent = QLearning(env)
    switch = Switch(none(), human_model(env), 0.9)
    for _ in play(env, agent, blend=switch, seed=0, steps=50):
        pass
    with pytest.raises(UserError, match="asks for an agent that begins with one action more than its world, and this"):
        switch.blend = extra_action()
    with pytest.raises(UserError, match="begin a run with it"):
        next(play(env, agent, blend=extra_action(), seed=0))
    other = QLearning(env)
    began = Switch(extra_action(), human_model(env), 0.9)
    for _ in play(env, other, blend=began, seed=0, steps=50):
        pass
    with pytest.raises(UserError, match="this one has one action more than its world"):
        began.blend = biasing()
    began.blend = reweighted(extra_action(), 0.0)  # there is no weight to slide


def test_advantage_feedback_reads_what_would_be_done() -> None:
    agent = extended_q()
    deeds = Deeds(agent, Switch(extra_action(), FixedTable(LIKES), 0.5))
    assert deeds.policy(1).probabilities == [0.0, 1.0, 0.0]
    arm = an_arm("hfrl/Pizza-v0", "q_learning", "oracle:kind=advantage", "extra_action")
    env = build.make_env(arm.env, {})
    made = build.make_agent(arm, env)
    switch = build.make_switch(arm, env, made)
    teacher = build.make_teacher(arm, env, np.random.default_rng(0), made, switch)
    presses = [event for event in play(env, made, teacher, switch, seed=0, steps=300) if not isinstance(event, Acted)]
    assert len(presses) > 300


def test_with_a_person_who_is_right_it_learns_to_ask() -> None:
    """Cliff: the agent that may ask falls less than the plain one; 30 seeds, bands apart."""
    env = make("CliffWalking-v1")
    totals = []
    for blend in (none(), extra_action()):
        batch = Batch(env, QLearning(env, epsilon=0.1), range(30), blend, Dials(1.0, 1.0))
        batch.run(episodes=200)
        returns = batch.episodes()[0][:, 100:].mean(axis=1)
        totals.append((returns.mean(), 1.96 * returns.std(ddof=1) / np.sqrt(len(returns))))
    assert totals[1][0] - totals[1][1] > totals[0][0] + totals[0][1]


# --- 2: H is a feature -----------------------------------------------------------------------------------------------


class Said:
    """H of a Box world, as a function."""

    rows = None

    def __init__(self, values: Any) -> None:
        self.values = values

    def observe(self, judgement: Judgement) -> None:
        pass


BOX = gymnasium.spaces.Box(0.0, 1.0, (1,))
SPACES = type("Spaces", (), {"observation_space": BOX, "action_space": gymnasium.spaces.Discrete(2)})()
HERE, THERE = np.array([0.25]), np.array([0.75])


def one_step(action: int, reward: float, terminated: bool = True, next_action: int = 0) -> Judgement:
    return Judgement(Step(0, 0, HERE, action, reward, THERE, terminated, False, next_action=next_action))


def told(judgement: Judgement) -> float:
    return judgement.step.reward


def test_a_linear_agent_has_a_weight_for_h_by_hand() -> None:
    agent = LinearQ(SPACES, tilings=1, bins=1, learning_rate=0.5, gamma=0.5)
    agent.append_model(Said(lambda o: [0.5, -2.0] if o[0] < 0.5 else [4.0, 1.0]))
    # one tile and H: theta <- .5 * 1 * 1, w <- .5 * 1 * H(s,0) = .25
    agent.update(one_step(0, 1.0), told)
    assert agent.q[-1].tolist() == [0.25, 0.0]
    assert agent.q_values(HERE) == [0.5 + 0.25 * 0.5, 0.0]
    # the best of s' is action 0: .25 * 4 with another tile, which is at 0
    tile_of = agent.features.active(THERE)[0][0]
    there = agent.q[tile_of, 0] + 0.25 * 4.0
    update = agent.update(one_step(1, 1.0, terminated=False), told)
    assert update.bootstrap == there
    assert update.target == 1.0 + 0.5 * there
    assert agent.q[-1].tolist() == [0.25, 0.5 * update.target * -2.0]


def test_the_trace_of_the_feature_is_h_itself_by_hand() -> None:
    agent = LinearSarsaLambda(SPACES, tilings=1, bins=1, learning_rate=0.5, gamma=0.5, lam=0.5)
    agent.append_model(Said(lambda o: [0.5, -2.0] if o[0] < 0.5 else [4.0, 1.0]))
    agent.update(one_step(0, 0.0, terminated=False, next_action=1), told)  # nothing is worth anything: delta 0
    assert agent.e[-1].tolist() == [0.25 * 0.5, 0.0]
    agent.update(Judgement(Step(1, 0, THERE, 1, 2.0, HERE, True, False)), told)
    # delta = 2: w(0) <- .5 * 2 * .125, w(1) <- .5 * 2 * H(s',1)
    assert agent.q[-1].tolist() == [0.125, 1.0]


@pytest.mark.parametrize("features", ["tiles", "rbf"])
@pytest.mark.parametrize("agent_class", [LinearQ, LinearSarsaLambda])
def test_an_h_that_says_nothing_changes_nothing(agent_class: Any, features: str) -> None:
    def values_after(blend: Any) -> Any:
        env = make("MountainCar-v0")
        agent = agent_class(env, features=features, initial_value=-3.0, epsilon=0.2)
        for _ in play(env, agent, blend=blend, seed=3, steps=600):
            pass
        return np.array(
            [agent.q_values(o) for o in np.random.default_rng(0).uniform([-1.2, -0.07], [0.6, 0.07], (50, 2))]
        )

    assert np.abs(values_after(model_feature()) - values_after(none())).max() < 1e-9


class Coins(gymnasium.Env[Any, int]):
    """One step: a random point, and twice what the person thinks of the action there."""

    observation_space = BOX
    action_space = gymnasium.spaces.Discrete(2)

    @staticmethod
    def liked(observation: Any) -> list[float]:
        wave = float(np.sin(40 * observation[0]))
        return [wave, -wave]

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.point = self.np_random.random(1)
        return self.point, {}

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self.point, 2.0 * self.liked(self.point)[action], True, False, {}


def test_the_weight_finds_what_h_is_worth() -> None:
    """The reward is 2 H, and nothing else the agent sees can tell: its weight goes to 2."""
    agent = LinearQ(Coins(), tilings=1, bins=1, learning_rate=0.1, epsilon=1.0)
    switch = Switch(model_feature(), Said(Coins.liked), agent.gamma)
    for _ in play(Coins(), agent, blend=switch, seed=1, steps=3_000):
        pass
    assert agent.q[-1] == pytest.approx([2.0, 2.0], abs=0.02)


def test_a_network_learns_what_h_is_worth() -> None:
    """The same: a network that sees H is right about both actions, and one that does not cannot be."""
    errors = []
    for blend in (model_feature(), none()):
        agent = DQN(Coins(), net_arch=[16], learning_starts=64, learning_rate=0.01, epsilon=1.0, seed=0)
        switch = Switch(blend, Said(Coins.liked), agent.gamma)
        for _ in play(Coins(), agent, blend=switch, seed=1, steps=1_500):
            pass
        points = np.linspace(0, 1, 101)[:, None]
        wanted = np.array([[2 * h for h in Coins.liked(point)] for point in points])
        errors.append(np.abs(np.array([agent.q_values(point) for point in points]) - wanted).mean())
    assert errors[0] < 0.15
    assert errors[1] > 0.8


def test_a_network_sees_h_as_it_is_now_also_of_what_it_remembers() -> None:
    env = make("FrozenLake-v1")
    agent = DQN(env, net_arch=[8], learning_starts=10**6, seed=2)
    model = human_model(env)
    for _ in play(env, agent, blend=Switch(model_feature(), model, 0.9), seed=0, steps=40):
        pass
    assert agent.shape.sizes == (16 + 4, 8, 4)
    batch = agent.memory.sample(8, np.random.default_rng(0), 0, 0)
    before = agent.encoder.see(batch.observations)
    assert not before[:, 16:].any()
    seen = int(agent.encoder.raw(batch.observations)[0])
    model.observe(Judgement(Step(0, 0, seen, 3, 0.0, 0, False, False), ((-0.5, 1.0),)))
    after = agent.encoder.see(batch.observations)
    assert after[0].tolist() == [*before[0, :16].tolist(), 0.0, 0.0, 0.0, -0.5]
    assert agent.q_values(seen) != pytest.approx(agent.q_values((seen + 1) % 16))


def test_beside_a_picture_h_is_a_channel_for_each_action() -> None:
    space = gymnasium.spaces.Box(0, 255, (5, 6, 3), np.uint8)
    seeing = beside(encoder_of(space), lambda seen: np.array([[0.5, -1.0]] * len(seen)), 2)
    assert seeing.image == (5, 5, 6)
    shown = seeing.see(np.full((2, 5, 6, 3), 51, np.uint8))
    assert shown.dtype == np.float32
    assert shown.shape == (2, 5, 5, 6)
    assert shown[1, :, 2, 2].tolist() == pytest.approx([0.2, 0.2, 0.2, 0.5, -1.0])


@pytest.mark.parametrize(
    ("agent", "world"),
    [("q_learning", "FrozenLake-v1"), ("random", "FrozenLake-v1"), ("dqn:embedding=4,backend=torch", "FrozenLake-v1")],
)
def test_a_table_has_no_features(agent: str, world: str) -> None:
    name, _, given = agent.partition(":")
    chosen = {key: literal(value) for key, value in (pair.split("=") for pair in given.split(",") if pair)}
    env = make(world)
    made = build.make_agent(dataclasses.replace(an_arm(world, name), set=chosen), env)
    assert "has none: each of its values stands alone" in str(refusal(model_feature(), made, human_model(env), 0.9))


def test_own_distribution_is_kept() -> None:
    own = Categorical([0.5, 0.25, 0.25])
    done = Switch(extra_action(), FixedTable([[1.0, 1.0]]), 0.9).delegated(0, own)
    assert (done.own, done.liked) == ([0.5, 0.25, 0.25], [0.5, 0.5])


def test_every_blend_is_in_the_guide_and_on_a_page_with_a_figure() -> None:
    docs = Path(__file__).parent.parent / "docs"
    guide = (docs / "guide.md").read_text(encoding="utf-8")
    pages = {page: page.read_text(encoding="utf-8") for page in docs.glob("blends_*.md")}
    assert len(pages) == 3
    for name in registry.BLENDS:
        assert f"| `{name}` |" in guide, name
        told = [page for page, text in pages.items() if name == "none" or name in text]
        assert told, name
    for page, text in pages.items():
        figures = re.findall(r"!\[[^]]*\]\(([^)]*)\)", text)
        assert figures, page
        assert all((docs / figure).is_file() for figure in figures)
        for heading in ("**When to use it.**", "**What breaks it.**", "python -m hfrl.run reproduce"):
            assert heading in text, (page, heading)
