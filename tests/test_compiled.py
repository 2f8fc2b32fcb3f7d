"""The compiled engine: the same bits as the loop, what it refuses, and how it is started."""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from hfrl import blend as blends
from hfrl import registry
from hfrl.blend import Blend, Switch
from hfrl.compiled import Batch, compiled
from hfrl.kernel import RefusedError, exponential, linear
from hfrl.linear import LinearAgent
from hfrl.loop import human_model, play
from hfrl.mdp import from_env, q_star
from hfrl.policy import softmax_probabilities, upper_bounds
from hfrl.schedules import Exponential, Linear
from hfrl.seeding import draw, pick, state_of, streams
from hfrl.teachers import Dials, Manner, after, oracle, silent, spoken
from hfrl.types import Acted, Pressed, UserError

WORLDS = ["FrozenLake-v1", "CliffWalking-v1", "Taxi-v4", "hfrl/Pizza-v0", "hfrl/PizzaKitchen-v0"]
#: Agents that hold no table or only read one: nothing to compile.
WITHOUT_A_RULE = {"random", "value_iteration", "policy_iteration", "async_value_iteration"}


def make(name: str, **kwargs: Any) -> Any:
    return gymnasium.make(name, disable_env_checker=True, **kwargs)


def ruled() -> list[str]:
    """The agents of the registry whose rule is a pure function on tables."""
    found = []
    for name in registry.AGENTS:
        part: Any = registry.resolve(name, registry.AGENTS, "agent")
        if hasattr(part, "learn_rule") and not issubclass(part, LinearAgent):
            found.append(name)
    return found


def agent_of(name: str, env: Any, **settings: Any) -> Any:
    return registry.resolve(name, registry.AGENTS, "agent")(env, **settings)


class Run:
    """What the Python loop makes of one seed."""

    def __init__(self, env: Any, agent: Any, seed: int, steps: int, blend: Blend, dials: Dials | None) -> None:
        self.agent = agent
        self.switch = Switch(blend, human_model(env), agent.gamma)
        self.returns: list[float] = []
        self.presses = 0
        total = 0.0
        for event in play(env, agent, teacher_of(env, dials, seed), self.switch, seed=seed, steps=steps):
            if isinstance(event, Acted):
                total += event.step.reward
                if event.step.ended:
                    self.returns.append(total)
                    total = 0.0
            elif isinstance(event, Pressed):
                self.presses += 1


def teacher_of(env: Any, dials: Dials | None, seed: int) -> Any:
    if dials is None:
        return silent
    same = {name: getattr(dials, name) for name in Manner._fields if hasattr(dials, name)}
    manner = Manner(**same, withhold_blame=dials.positivity)
    return after(spoken(oracle(env, dials.gamma, dials.taste_weight), manner, streams(seed).teacher), dials.warmup)


def same_bits(
    world: str, agent: str, steps: int, blend: Blend | None = None, dials: Dials | None = None, **settings: Any
) -> None:
    """Two seeds compiled equal the same two seeds of ``play``, in every table and every return."""
    env, seeds = make(world), (3, 11)
    batch = Batch(env, agent_of(agent, env, **settings), seeds, blend, dials)
    batch.run(steps=steps)
    for i, seed in enumerate(seeds):
        run = Run(env, agent_of(agent, env, **settings), seed, steps, blend or blends.none(), dials)
        mine, theirs = batch.arrays(i), run.agent.arrays()
        for name in theirs:
            np.testing.assert_array_equal(mine[name], theirs[name], err_msg=f"{world} {agent} {name}")
        assert batch.returns[i] == run.returns
        assert batch.count("presses")[i] == run.presses
        assert batch.count("index")[i] == steps
        if dials is not None:
            np.testing.assert_array_equal(batch.h_mean[i], run.switch.model.arrays()["h_mean"])  # type: ignore[attr-defined]
            np.testing.assert_array_equal(batch.h_count[i], run.switch.model.arrays()["h_count"])  # type: ignore[attr-defined]
            beside = run.switch.model.arrays() | run.switch.arrays()  # type: ignore[attr-defined]
            assert {"d_trainers", "d_counts"} <= set(beside) <= set(mine)
            for name, array in beside.items():
                np.testing.assert_array_equal(mine[name], array, err_msg=f"{world} {agent} {name}")
            assert run.presses > 0


# --- the same bits ----------------------------------------------------------------------------------------------------


SLOW = pytest.mark.slow
#: Each combination compiles a page of its own, a second or two: what the other agent adds is left to the slow tests.
OFF_AND_ON_POLICY = ["q_learning", pytest.param("sarsa", marks=SLOW)]


@pytest.mark.parametrize("agent", ruled())
@pytest.mark.parametrize("world", ["FrozenLake-v1", pytest.param("CliffWalking-v1", marks=SLOW)])
def test_every_agent_learns_the_same_bits(world: str, agent: str) -> None:
    same_bits(world, agent, 2_000)


@pytest.mark.slow
@pytest.mark.parametrize("agent", ruled())
@pytest.mark.parametrize("world", WORLDS)
def test_every_agent_learns_the_same_bits_in_every_world_taught(world: str, agent: str) -> None:
    blend = blends.reward_shaping(0.5) if registry.hears_reward(agent) else blends.none()
    same_bits(world, agent, 4_000, blend, Dials(0.9, 0.3))


@pytest.mark.parametrize("world", WORLDS)
def test_a_plain_run_of_many_steps(world: str) -> None:
    same_bits(world, "q_learning", 30_000)


@pytest.mark.parametrize(
    "blend",
    [
        blends.reward_shaping(0.5),
        blends.reward_shaping("linear:1:0:700"),
        blends.reward_shaping(0.5, source="press"),
        blends.reward_shaping(1.0, decay=0.9),
        blends.potential_based(1.0),
        blends.action_biasing(0.7, decay=0.98),
        blends.control_sharing(0.6),
        blends.extra_action(),
        blends.potential_based("linear:1:0:400"),
        blends.chain(blends.reward_shaping(0.3), blends.potential_based(0.5), blends.action_biasing(0.4)),
        blends.chain(blends.action_biasing(0.4), blends.action_biasing(0.2), blends.control_sharing(0.3)),
    ],
    ids=lambda blend: blend.name,
)
@pytest.mark.parametrize("agent", OFF_AND_ON_POLICY)
def test_every_blend(agent: str, blend: Blend) -> None:
    same_bits("hfrl/Pizza-v0", agent, 3_000, blend, Dials(0.9, 0.3))


@pytest.mark.parametrize(
    "blend",
    [
        blends.chain(blends.q_initialisation(2.0), blends.policy_shaping(consistency=0.8, decay=0.99)),
        blends.chain(blends.q_augmentation(0.7), blends.policy_shaping(form="single"), blends.control_sharing(0.2)),
        blends.chain(blends.look_ahead_advice(0.7), blends.pies(episodes=40)),
    ],
    ids=lambda blend: blend.name,
)
def test_blends_of_several_ports_in_a_row(blend: Blend) -> None:
    same_bits("hfrl/Pizza-v0", "q_learning", 3_000, blend, Dials(0.9, 0.3))


@pytest.mark.parametrize("kind", ["em", "variational"])
@pytest.mark.parametrize(
    ("world", "agent", "consistency", "settings"),
    [
        ("hfrl/Pizza-v0", "q_learning", 0.9, {"exploration": "softmax", "temperature": 0.7}),
        ("hfrl/Pizza-v0", "sarsa", 0.2, {"epsilon": "linear:1:0.1:2000"}),
        ("FrozenLake-v1", "double_q", 0.7, {}),
    ],
)
def test_the_trainer_is_estimated_alike(
    kind: str, world: str, agent: str, consistency: float, settings: dict[str, Any]
) -> None:
    """Tables, labels and the estimate itself: it is compared with the rest of what the switch has learnt."""
    blend = blends.policy_shaping(consistency=kind, form="single" if agent == "sarsa" else "general")
    same_bits(world, agent, 3_000, blend, Dials(consistency, 0.3), **settings)
    batch = Batch(make(world), agent_of(agent, make(world), **settings), (3,), blend, Dials(consistency, 0.3))
    assert "reliability" not in batch.arrays(0)  # nobody has said anything yet
    batch.run(steps=3_000)
    assert 0.0 <= batch.arrays(0)["reliability"][0] <= 1.0


@pytest.mark.parametrize(
    "blend",
    [
        blends.reward_shaping(1.0, eligibility=0.9),
        blends.action_biasing(2.0, decay=0.98, eligibility=0.99),
        blends.control_sharing(1.5, eligibility=0.8),
        blends.chain(
            blends.reward_shaping(0.5, eligibility=0.5),
            blends.action_biasing(1.0),
            blends.control_sharing(1, eligibility=1),
        ),
    ],
    ids=lambda blend: blend.name,
)
@pytest.mark.parametrize("agent", OFF_AND_ON_POLICY)
def test_how_fresh_labels_are(agent: str, blend: Blend) -> None:
    """More labels of a pair than are kept with their times, too: the person judges every step."""
    same_bits("FrozenLake-v1", agent, 3_000, blend, Dials(0.9, 1.0))


def test_look_back_advice_remembers_the_step_before() -> None:
    same_bits("hfrl/Pizza-v0", "sarsa", 3_000, blends.look_back_advice("linear:1:0:2000"), Dials(0.9, 0.3))


@pytest.mark.slow
@pytest.mark.parametrize(
    "blend",
    [
        blends.q_initialisation(2.0),
        blends.q_augmentation(0.7),
        blends.look_ahead_advice(0.7),
        blends.policy_shaping(consistency=0.8),
        blends.policy_shaping(consistency="teacher/0.9", form="single"),
        blends.pies(beta="linear:2:0:2000", source="model", epsilon=0.5),
    ],
    ids=lambda blend: blend.name,
)
@pytest.mark.parametrize("agent", ["q_learning", "sarsa"])
def test_each_of_them_alone(agent: str, blend: Blend) -> None:
    same_bits("hfrl/Pizza-v0", agent, 3_000, blend, Dials(0.9, 0.3))


@pytest.mark.slow
@pytest.mark.parametrize(
    "blend",
    [
        blends.dpba(1.5, rate=0.1),
        blends.dpba(source="model", corrected=False),
        blends.q_augmentation(0.5),
        blends.chain(blends.look_back_advice(0.7), blends.potential_based(0.7)),
    ],
    ids=lambda blend: blend.name,
)
@pytest.mark.parametrize("agent", ["sarsa", "sarsa_lambda"])
def test_blends_of_agents_that_wait_for_their_next_action(agent: str, blend: Blend) -> None:
    same_bits("hfrl/Pizza-v0", agent, 3_000, blend, Dials(0.9, 0.3))


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [{}, {"exploration": "softmax", "temperature": 0.7}, {"exploration": "ucb"}],
    ids=lambda settings: settings.get("exploration", "epsilon_greedy"),
)
def test_augmentation_of_an_agent_that_averages(settings: dict[str, Any]) -> None:
    same_bits("hfrl/Pizza-v0", "expected_sarsa", 2_000, blends.q_augmentation(0.7), Dials(0.9, 0.3), **settings)


@pytest.mark.parametrize(
    ("blend", "agent", "reason"),
    [
        (blends.model_feature(), "sarsa", "H among the features"),
        (blends.chain(blends.potential_based(), blends.potential_based()), "sarsa", "two potentials"),
    ],
)
def test_blends_that_only_the_python_loop_runs(blend: Blend, agent: str, reason: str) -> None:
    env = make("FrozenLake-v1")
    with pytest.raises(RefusedError, match=reason):
        Batch(env, agent_of(agent, env), (0,), blend, Dials())


@pytest.mark.parametrize(
    "dials",
    [
        Dials(),
        Dials(0.8, 0.5, budget=50),
        Dials(1.0, 0.4, positivity=0.5),
        Dials(0.9, 0.3, warmup=800),
        Dials(budget=0, warmup=1),
        Dials(0.9, 0.8, positivity=0.9, withhold_praise=0.1),
        Dials(0.9, 0.8, inverted=True),
        Dials(0.9, 0.8, drift=0.4),
        Dials(0.9, 0.8, fatigue=0.4, warmup=300),
        Dials(0.9, 0.8, 500, 0.5, withhold_praise=0.5, inverted=True, drift=0.4, fatigue=0.2, warmup=300),
    ],
    ids=str,
)
def test_every_dial(dials: Dials) -> None:
    env = make("hfrl/Pizza-v0")
    batch = Batch(env, agent_of("q_learning", env), (5,), blends.reward_shaping(0.5), dials)
    batch.run(steps=2_000)
    run = Run(env, agent_of("q_learning", env), 5, 2_000, blends.reward_shaping(0.5), dials)
    np.testing.assert_array_equal(batch.tables["q"][0], run.agent.q)
    assert batch.count("presses")[0] == run.presses


@pytest.mark.parametrize(
    "settings",
    [
        {"exploration": "softmax", "temperature": 0.5},
        {"exploration": "softmax", "temperature": "exponential:1:0.999"},
        {"exploration": "ucb", "confidence": 2.0},
        {"epsilon": "linear:1:0.1:1000", "learning_rate": "exponential:0.9:0.99:episodes"},
        {"initial_value": 5.0, "epsilon": 0.0, "gamma": 0.9},
    ],
    ids=str,
)
@pytest.mark.parametrize("agent", OFF_AND_ON_POLICY)
def test_every_exploration_and_schedule(agent: str, settings: dict[str, Any]) -> None:
    same_bits("FrozenLake-v1", agent, 4_000, **settings)


def test_i_sabl_as_in_the_paper() -> None:
    same_bits("FrozenLake-v1", "i_sabl", 3_000, dials=Dials(0.9, 0.3), hidden="strategy")


def test_a_run_in_pieces_is_the_run() -> None:
    env = make("FrozenLake-v1")
    whole, pieces = (Batch(env, agent_of("q_learning", env), range(5)) for _ in range(2))
    whole.run(steps=5_000)
    returns: list[list[float]] = [[] for _ in range(5)]
    for steps in (1, 999, 3_000, 1_000):
        pieces.run(steps=steps)
        for i, more in enumerate(pieces.returns):
            returns[i] += more
    np.testing.assert_array_equal(whole.tables["q"], pieces.tables["q"])
    assert whole.returns == returns


@pytest.mark.parametrize("agent", ["n_step_sarsa", "prioritized_sweeping"])
def test_a_checked_batch_learns_the_same_bits_and_uses_no_index_unlooked_at(agent: str) -> None:
    env = make("CliffWalking-v1")
    plain, checked = (Batch(env, agent_of(agent, env), (5,), checked=wanted) for wanted in (False, True))
    for batch in (plain, checked):
        batch.run(steps=3_000)
    for name, array in plain.arrays(0).items():
        np.testing.assert_array_equal(checked.arrays(0)[name], array, err_msg=name)
    whole = [name for name, table in checked.tables.items() if table.dtype.kind == "i"]
    for name in whole:
        checked.tables[name][:] = 1 << 40
    with pytest.raises(IndexError):
        checked.run(steps=100)


def test_many_threads_are_one() -> None:
    env = make("CliffWalking-v1")
    one, four = (Batch(env, agent_of("sarsa", env), range(9), threads=n) for n in (1, 4))
    for batch in (one, four):
        batch.run(episodes=50)
    np.testing.assert_array_equal(one.tables["q"], four.tables["q"])
    assert one.returns == four.returns
    assert all(len(row) == 50 for row in one.returns)


# --- its parts --------------------------------------------------------------------------------------------------------


def test_compiled_luck_is_numpys() -> None:
    rng = np.random.default_rng(7)
    state = state_of(rng)
    mine = [compiled(draw)(state) for _ in range(1000)]
    assert mine == rng.random(1000).tolist()
    assert [compiled(pick)(state, 7) for _ in range(100)] == [pick(rng, 7) for _ in range(100)]
    np.testing.assert_array_equal(state, state_of(rng))


def test_compiled_mathematics_is_pythons() -> None:
    rng = np.random.default_rng(0)
    for _ in range(2000):
        values = rng.normal(size=4) * 10
        temperature = float(rng.uniform(0.01, 3))
        assert list(compiled(softmax_probabilities)(values, temperature)) == softmax_probabilities(
            values.tolist(), temperature
        )
        counts = rng.integers(0, 9, size=4)
        assert list(compiled(upper_bounds)(values, counts, 2.0)) == upper_bounds(values.tolist(), counts.tolist(), 2.0)
        n = int(rng.integers(0, 5000))
        plan = Exponential(float(rng.uniform(0.1, 2)), float(rng.uniform(0.9, 1)))
        assert compiled(exponential)(plan.start, plan.rate, n) == plan(n, 0)
        line = Linear(1.0, 0.1, 3000)
        assert compiled(linear)(line.start, line.end, line.duration, n) == line(n, 0)


# --- what it refuses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("world", "kwargs", "reason"),
    [
        ("Blackjack-v1", {}, "not numbered"),
        ("CartPole-v1", {}, "not numbered"),
        ("Taxi-v4", {"fickle_passenger": True}, "fickle"),
        ("hfrl/PizzaKitchen-v0", {"observation": "partial"}, "not the state's number"),
    ],
)
def test_worlds_that_are_no_table_are_refused(world: str, kwargs: dict[str, Any], reason: str) -> None:
    env = make(world, **kwargs)
    with pytest.raises(RefusedError, match=reason):
        Batch(env, agent_of("random", env), (0,))


def test_a_wrapper_that_changes_the_step_is_refused() -> None:
    env = gymnasium.wrappers.TransformReward(make("FrozenLake-v1"), lambda r: 2 * r)
    with pytest.raises(RefusedError, match="TransformReward"):
        Batch(env, agent_of("q_learning", env), (0,))


def test_an_agent_without_a_rule_is_refused() -> None:
    env = make("FrozenLake-v1")
    with pytest.raises(RefusedError, match="RandomAgent has no pure learn_rule"):
        Batch(env, agent_of("random", env), (0,))


def test_a_teacher_without_a_table_is_the_users_mistake() -> None:
    env = make("FrozenLake-v1")
    with pytest.raises(UserError, match="gamma"):
        Batch(env, agent_of("q_learning", env), (0,), blends.reward_shaping(), Dials(gamma=2.0))


# --- it learns --------------------------------------------------------------------------------------------------------


def test_q_learning_is_near_the_optimum_in_a_moment() -> None:
    env = make("FrozenLake-v1")
    agent = agent_of("q_learning", env, learning_rate="linear:0.5:0.0005:2000000", gamma=0.99, epsilon=0.5)
    batch = Batch(env, agent, range(8))
    batch.run(steps=4_000_000)
    # Over eight seeds the greatest error was .015 on average, of values up to .54.
    assert np.abs(batch.tables["q"] - q_star(from_env(env), 0.99)).max(axis=(1, 2)).mean() < 0.03


def hopeless(q: list[list[float]], s: int) -> tuple[float, float, float, float]:
    """A rule that numba cannot compile."""
    table = {s: q[s]}
    return (float(len(str(table))),) * 4


def test_a_rule_that_cannot_be_compiled_is_refused_with_the_reason() -> None:
    from hfrl.agents import QLearning

    class Hopeless(QLearning):
        learn_rule = staticmethod(hopeless)

    env = make("FrozenLake-v1")
    with pytest.raises(RefusedError, match="numba cannot compile the rule of Hopeless: "):
        Batch(env, Hopeless(env), (0,))


def test_the_agent_of_the_documentation_runs_on_both_engines(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "compiled.md").read_text(encoding="utf-8")
    code = page.split("```python file=my_agent.py\n")[1].split("```")[0]
    (tmp_path / "my_agent.py").write_text(code, encoding="utf-8")
    part = registry.resolve(f"{tmp_path}/my_agent.py:Doubtful", registry.AGENTS, "agent")
    env = make("FrozenLake-v1")
    batch = Batch(env, part(env), (4,))
    batch.run(steps=3_000)
    agent = part(env)
    for _ in play(env, agent, seed=4, steps=3_000):
        pass
    np.testing.assert_array_equal(batch.tables["q"][0], agent.q)
    assert np.any(batch.tables["q"])
