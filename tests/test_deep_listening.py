"""Networks that learn from a person's word: updates by hand, what a late press reaches, taking back, checkpoints."""

import itertools
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as some

from hfrl import build, registry
from hfrl.agents.deep_dagger import slopes as dagger_slopes
from hfrl.blend import Switch, none
from hfrl.config import Arm
from hfrl.credit import Immediate, Window, uniform_window
from hfrl.loop import evaluate, human_model, play
from hfrl.types import Acted, Corrigible, Feedback, Judgement, Pressed, Step, UserError
from hfrl.undo import Memory

PLANE = SimpleNamespace(observation_space=spaces.Box(-9, 9, (2,), np.float32), action_space=spaces.Discrete(2))
ROOMS = SimpleNamespace(observation_space=spaces.Discrete(3, start=2), action_space=spaces.Discrete(2))
HERE = np.array([0.5, -1.0], np.float32)
STEP = Step(0, 0, HERE, 0, -7.0, HERE, terminated=False, truncated=False)
#: H(s,a) = x W + b: weights (observation, action), then biases. All numbers here are sums of powers of two.
FLAT = [1.0, 0.0, 0.5, 0.25, 0.25, -0.5]


def make(name: str) -> Any:
    return gymnasium.make(name, disable_env_checker=True)


def agent_of(name: str, env: Any = PLANE, **settings: Any) -> Any:
    return registry.resolve(name, registry.AGENTS, "agent")(env, **settings)


def linear(name: str, **settings: Any) -> Any:
    """An agent without hidden layers that descends as the papers have it."""
    agent = agent_of(name, **{"net_arch": [], "optimiser": "sgd", "learning_rate": 0.25, "seed": 0} | settings)
    agent.network.theta[:] = FLAT
    return agent


def deaf(judgement: Judgement) -> float:
    raise AssertionError(f"{judgement} was asked for its reward")


def hear(agent: Any, *judgements: Judgement) -> Any:
    for judgement in judgements:
        agent.update(judgement, deaf)
    return agent


def said(value: float, step: Step = STEP) -> Judgement:
    return Judgement(step, ((value, 1.0),))


def weights(agent: Any) -> Any:
    return agent.network.theta.astype(np.float64)


# --- Deep TAMER by hand ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_deep_tamer_by_hand(backend: str) -> None:
    """Two presses about one step, +1 with weight 1/2 and -1 with weight 1/4: H(s,0) = .5 * 1 - 1 * .5 + .25 = .25, the
    mean of the derivatives is (2 * .5 * (.25 - 1) + 2 * .25 * (.25 + 1)) / 2 = -1/16, and a quarter of it the step."""
    if backend == "torch":
        pytest.importorskip("torch")
    agent = linear("deep_tamer", train_freq=100, backend=backend)
    update = agent.update(Judgement(STEP, ((1.0, 0.5), (-1.0, 0.25))), deaf)
    moved = [1.0 + 0.5 / 64, 0.0, 0.5 - 1.0 / 64, 0.25, 0.25 + 1 / 64, -0.5]
    np.testing.assert_allclose(weights(agent), moved, rtol=0, atol=1e-12)
    assert update == pytest.approx((0.25, 0.25, 0.0, 0.25 + (0.25 + 1 + 1) / 64, 0.25, 0.0), abs=1e-12)


def test_one_hot_observations_move_their_own_row() -> None:
    agent = agent_of("deep_tamer", ROOMS, net_arch=[], optimiser="sgd", learning_rate=0.25, train_freq=100)
    agent.network.theta[:] = 0
    hear(agent, said(1.0, STEP._replace(observation=3, action=1)))  # the derivative is 2 * (0 - 1) = -2
    assert weights(agent).tolist() == [0, 0, 0, 0.5, 0, 0, 0, 0.5]  # a row of each room, and the biases
    assert [agent.q_values(room) for room in (2, 3, 4)] == [[0, 0.5], [0, 1.0], [0, 0.5]]


def test_the_gradient_of_deep_tamer_is_that_of_autograd() -> None:
    torch = pytest.importorskip("torch")
    agent = agent_of("deep_tamer", net_arch=[8, 8], optimiser="sgd", learning_rate=1.0, max_grad_norm=1e9, seed=3)
    rng = np.random.default_rng(0)
    steps = [STEP._replace(observation=rng.normal(size=2).astype(np.float32), action=int(a)) for a in (0, 1, 1, 0)]
    words = [
        word
        for step, share in zip(steps, (0.125, 0.5, 1.0, 0.25), strict=True)
        for word in agent.hear(Judgement(step, ((-1.0, share),)), step.observation)
    ]
    before = weights(agent)
    theta = torch.tensor(before, requires_grad=True)
    x, at = torch.tensor(np.stack([word.codes[0] for word in words]).astype(np.float64)), 0
    for n, m in ((2, 8), (8, 8), (8, 2)):
        x = x @ theta[at : at + n * m].view(n, m) + theta[at + n * m : at + (n + 1) * m]
        x = x if m == 2 else x.relu()
        at += (n + 1) * m
    errors = x[torch.arange(4), torch.tensor([word.actions[0] for word in words])] + 1.0
    (torch.tensor([word.weight for word in words]) * errors**2).mean().backward()
    agent.learn(words, HERE)
    np.testing.assert_allclose(before - weights(agent), theta.grad, atol=1e-6)


def test_a_word_is_learnt_when_it_is_heard_and_then_every_b_steps_from_the_buffer() -> None:
    agent = agent_of("deep_tamer", train_freq=3)
    silent = Judgement(STEP)
    told = [agent.update(silent, deaf) for _ in range(3)]
    assert (told, agent.network.updates) == ([None] * 3, 0)  # nothing was said yet
    counts = []
    for judgement in (said(1.0), silent, silent, silent, said(-1.0), said(1.0)):
        agent.update(judgement, deaf)
        counts.append(agent.network.updates)
    assert counts == [1, 1, 2, 2, 3, 5]
    assert [word.value for word in agent.words.kept] == [1.0, -1.0, 1.0]


@pytest.mark.parametrize(("silence", "labels"), [("missing", [1.0]), ("zero", [1.0, 0.0])])
def test_silence_is_no_sample_or_one_of_zero(silence: str, labels: list[float]) -> None:
    agent = hear(agent_of("deep_tamer", silence=silence), said(1.0), Judgement(STEP))
    hear(agent, Judgement(STEP._replace(taught=False)))  # nobody was there
    assert [word.value for word in agent.words.kept] == labels


def test_what_a_person_drove_is_no_sample_unless_it_shall_be() -> None:
    driven = Judgement(STEP._replace(actor="human"))
    assert len(hear(agent_of("deep_tamer", silence="zero"), driven).words) == 0
    kept = hear(agent_of("deep_tamer", takeover=0.5), driven).words.kept
    assert [word[:3] for word in kept] == [(0, 0.5, 1.0)]


# --- Deep COACH by hand ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_deep_coach_by_hand(backend: str) -> None:
    """Both actions are as likely, so no entropy is to be gained. A praise of action 0, done with probability 1/4: the
    weight is 2, the derivative 2 * (1 - 1/2) = 1 for its preference and -1 for the other, and a quarter is the step."""
    if backend == "torch":
        pytest.importorskip("torch")
    agent = linear("deep_coach", backend=backend, entropy=1.0)
    agent.network.restore(agent.network.arrays() | {"theta": np.zeros(6, np.float32)})
    update = agent.update(said(1.0, STEP._replace(probability=0.25)), deaf)
    np.testing.assert_allclose(weights(agent), [0.125, -0.125, -0.25, 0.25, 0.25, -0.25], rtol=0, atol=1e-12)
    assert update == pytest.approx((0.0, 1.0, 0.5625, 0.5625, 0.5625, 0.0), abs=1e-12)


def test_a_window_is_the_last_steps_since_the_last_word_of_this_episode() -> None:
    def step(index: int, **changes: Any) -> Step:
        return STEP._replace(index=index, observation=np.full(2, index, np.float32), action=index % 2, **changes)

    agent = agent_of("deep_coach", window=3)
    hear(agent, *(Judgement(step(index)) for index in range(5)), said(1.0, step(5)), said(-0.5, step(6)))
    hear(agent, Judgement(step(7, terminated=True)), said(1.0, step(8)))
    hear(agent, Judgement(step(9)), Judgement(step(10, actor="human")), said(2.0, step(11)))
    hear(agent, Judgement(step(12)), Judgement(step(13, taught=False)), said(3.0, step(14)))
    about = [(word.index, word.value, word.codes[:, 0].tolist()) for word in agent.words.kept]
    assert about == [
        (5, 1.0, [3, 4, 5]), (6, -0.5, [6]), (8, 1.0, [8]), (11, 2.0, [11]), (14, 3.0, [14]),
    ]  # fmt: skip
    assert agent.words.kept[0].actions.tolist() == [1, 0, 1]


def test_the_gradient_of_deep_coach_is_that_of_autograd() -> None:
    """Two windows, of two steps and of three, with traces and weights, and the entropy at another observation."""
    torch = pytest.importorskip("torch")
    agent = agent_of(
        "deep_coach", net_arch=[8], optimiser="sgd", learning_rate=1.0, max_grad_norm=1e9, seed=3, lam=0.5, entropy=0.3
    )
    rng = np.random.default_rng(0)
    words = []
    for length, value in ((2, 1.0), (3, -0.5)):
        for k in range(length):
            step = STEP._replace(
                observation=rng.normal(size=2).astype(np.float32), action=int(rng.integers(2)), probability=0.25 + k / 8
            )
            words += agent.hear(said(value, step) if k == length - 1 else Judgement(step), step.observation)
    assert [len(word.actions) for word in words] == [2, 3]
    before = weights(agent)
    theta = torch.tensor(before, requires_grad=True)

    def log_pi(codes: Any) -> Any:
        x, at = torch.tensor(np.asarray(codes, np.float64)), 0
        for n, m in ((2, 8), (8, 2)):
            x = x @ theta[at : at + n * m].view(n, m) + theta[at + n * m : at + (n + 1) * m]
            x = x if m == 2 else x.relu()
            at += (n + 1) * m
        return torch.log_softmax(x, dim=1)

    here = log_pi(HERE[None])
    objective = -0.3 * (here.exp() * here).sum()
    for word in words:
        taken = log_pi(word.codes)[torch.arange(len(word.actions)), torch.tensor(word.actions)]
        left = torch.tensor([0.5 ** (len(word.actions) - 1 - k) for k in range(len(word.actions))])
        ratio = taken.detach().exp() / torch.tensor(word.probabilities)
        objective = objective + word.value * (left * ratio * taken).sum() / 2
    objective.backward()
    agent.learn(words, HERE)
    np.testing.assert_allclose(weights(agent) - before, theta.grad, atol=1e-6)


def test_deep_coach_learns_cart_pole_from_words_about_its_policy() -> None:
    agent = taught("deep_coach", "CartPole-v1", "heuristic:likelihood=0.3,consistency=0.9", 4_000, seed=0)
    assert evaluate(make("CartPole-v1"), agent, 10).returns.mean() >= 400


# --- late words ------------------------------------------------------------------------------------------------------


# --- DAgger with a network -------------------------------------------------------------------------------------------


def test_deep_dagger_by_hand() -> None:
    """From theta = 0 both actions are as likely: what is driven or praised raises its own output by alpha (1 - 1/2)
    along x = (.5, -1) and the bias, and lowers the other's as much; a blame does the reverse."""
    for judgement, sign in (
        (Judgement(STEP._replace(actor="human")), 1.0),
        (said(1.0), 1.0),
        (said(-1.0), -1.0),
    ):
        agent = linear("deep_dagger", train_freq=100)
        agent.network.theta[:] = 0.0
        update = agent.update(judgement, deaf)
        by = sign * 0.25 * 0.5  # alpha times half
        np.testing.assert_allclose(weights(agent), [0.5 * by, -0.5 * by, -by, by, by, -by], rtol=0, atol=1e-7)
        assert update.new - update.old == pytest.approx(by * (0.25 + 1 + 1), abs=1e-6)
    silent = linear("deep_dagger", train_freq=100)
    assert silent.update(Judgement(STEP), deaf) is None
    assert weights(silent).tolist() == FLAT


def test_the_gradient_of_deep_dagger_is_that_of_autograd() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(6, 4)).astype(np.float32) * np.array([[1], [1], [1], [9], [9], [1]], np.float32)
    actions, labels = np.array([0, 3, 1, 2, 2, 0]), np.array([1, -1, 0.5, 1, -1, -0.25], np.float32)
    shares = np.array([1, 1, 0.5, 0.25, 1, 1], np.float32)
    z = torch.tensor(outputs.astype(np.float64), requires_grad=True)
    pi = z.softmax(dim=1)[torch.arange(6), torch.tensor(actions)]
    shown = torch.tensor(labels) > 0
    losses = -torch.where(shown, pi, 1 - pi).log() * torch.tensor(np.abs(labels) * shares)
    losses.mean().backward()
    np.testing.assert_allclose(dagger_slopes(outputs, actions, labels, shares), z.grad, atol=1e-6)


@pytest.mark.parametrize("size", [1e3, -1e3])
def test_deep_dagger_is_sure_without_an_overflow(size: float) -> None:
    outputs = np.array([[size, 0.0, 0.0]] * 2, np.float32)
    found = dagger_slopes(outputs, np.array([0, 0]), np.array([1, -1], np.float32), np.ones(2, np.float32))
    sure = [[0.0, 0.0, 0.0], [0.5, -0.25, -0.25]]  # nothing to learn where it is shown, all of it where it is blamed
    unlikely = [[-0.5, 0.25, 0.25], [0.0, 0.0, 0.0]]
    assert np.isfinite(found).all()
    if size < 0:
        assert found.tolist() == unlikely
    else:
        assert found[0].tolist() == sure[0]
        assert found[1, 0] == 0.5


def test_a_late_press_is_a_sample_of_each_step_that_it_can_have_been_about() -> None:
    """Steps of .3 s, and a press at 1.3 s, .2 to .8 s late: it is about what was on the screen from .5 to 1.1 s, which
    is .1 s of step 1, .3 s of step 2 and .2 s of step 3 (eq. 4)."""
    env = make("CliffWalking-v1")

    def teacher(step: Step) -> list[Feedback]:
        return [Feedback(-1.0, step.time + 0.1)] if step.index == 4 else []

    agent, steps = agent_of("deep_tamer", env), {}
    for event in play(env.unwrapped, agent, teacher, credit=Window(), seed=5, steps=12):
        if isinstance(event, Acted):
            steps[event.step.index] = event.step
    assert not any(steps[index].ended for index in range(5))
    kept = agent.words.kept
    assert [(word.index, word.value) for word in kept] == [(1, -1.0), (2, -1.0), (3, -1.0)]
    assert [word.weight for word in kept] == pytest.approx([1 / 6, 1 / 2, 1 / 3], abs=1e-12)
    assert [word.actions.tolist() for word in kept] == [[steps[word.index].action] for word in kept]
    assert [word.codes.tolist() for word in kept] == [[[steps[word.index].observation]] for word in kept]


@given(seed=some.integers(0, 2**32 - 1), low=some.floats(0, 1), width=some.floats(0.05, 2))
def test_the_weights_of_every_press_sum_to_one(seed: int, low: float, width: float) -> None:
    """Whatever the delays and whenever the presses: each share of credit is a sample, and none is lost."""
    env, rng = make("FrozenLake-v1"), np.random.default_rng(seed)
    times = itertools.count(1)

    def teacher(step: Step) -> list[Feedback]:
        return [Feedback(float(next(times)), step.time + rng.uniform(0, 0.3)) for _ in range(rng.integers(3))]

    agent, shares = agent_of("deep_tamer", env, net_arch=[2]), set()
    events = play(env, agent, teacher, credit=uniform_window(low, low + width), seed=seed)
    for event in events:
        if isinstance(event, Pressed):
            press = event.press
            shares |= {(index, press.feedback.value, share) for index, share in press.shares}
        if isinstance(event, Acted) and event.step.index >= 20 and event.step.ended:
            break
    for event in events:  # the last episode is over, and so is the wait of its steps
        if isinstance(event, Pressed):
            press = event.press
            shares |= {(index, press.feedback.value, share) for index, share in press.shares}
        if isinstance(event, Acted):
            break
    assert {word[:3] for word in agent.words.kept} == shares
    sums: dict[float, float] = {}
    for _, value, share in shares:
        sums[value] = sums.get(value, 0.0) + share
    assert list(sums.values()) == pytest.approx([1.0] * len(sums))


# --- taking back -----------------------------------------------------------------------------------------------------


class Line(gymnasium.Env[Any, int]):
    """Random numbers, episodes of six steps: what is seen depends on the seed alone."""

    observation_space = PLANE.observation_space
    action_space = PLANE.action_space

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.left = 6
        return self.np_random.normal(size=2).astype(np.float32), {}

    def step(self, action: int) -> Any:
        self.left -= 1
        return self.np_random.normal(size=2).astype(np.float32), 0.0, self.left == 0, False, {}


def session(name: str, wrong_at: int | None, back_at: int, **settings: Any) -> tuple[Any, str]:
    """An agent after thirty steps of Line, a press of -3 among them that is taken back, and what was said of that."""
    env: Any = Line()
    agent = agent_of(name, env, net_arch=[8], batch_size=4, **settings)
    switch, credit = Switch(none(), human_model(env), 0.0), Immediate()
    memory = Memory(agent, switch, credit)

    def teacher(step: Step) -> list[Feedback]:
        if step.index == wrong_at:
            return [Feedback(-3.0, step.time)]
        return [Feedback(1.0, step.time)] if step.index % 5 == 0 else []

    wrong, words = None, ""
    for event in play(env, agent, teacher, switch, credit, seed=1, steps=30):
        memory.note(event)
        if isinstance(event, Pressed) and event.press.feedback.value == -3.0:
            wrong = event.press
        if wrong and isinstance(event, Acted) and event.step.index == back_at:
            words, wrong = memory.take_back(wrong), None
    return agent, words


DEEP = [("deep_tamer", {"epsilon": 1.0}), ("deep_coach", {}), ("deep_dagger", {"epsilon": 1.0})]


@pytest.mark.parametrize(("name", "settings"), DEEP[:1])
def test_a_press_taken_back_in_its_episode_is_as_if_it_had_never_been_made(name: str, settings: dict[str, Any]) -> None:
    """Of an agent that acts at random: any other has done something else by then."""
    (one, words), (other, _) = session(name, 14, 17, **settings), session(name, None, 17, **settings)
    assert words.startswith("taken back, and the episode learnt again")
    a, b = one.arrays(), other.arrays()
    assert a.keys() == b.keys()
    assert [key for key in a if not np.array_equal(a[key], b[key])] == []


@pytest.mark.parametrize(("name", "settings"), DEEP)
def test_a_press_taken_back_later_leaves_the_buffer(name: str, settings: dict[str, Any]) -> None:
    agent, words = session(name, 14, 20, **settings)
    assert isinstance(agent, Corrigible)
    assert "from what the agent remembers" in words
    assert sorted(word.value for word in agent.words.kept) == [1.0] * 6
    assert 14 not in {word.index for word in agent.words.kept}


def test_a_corrected_word_keeps_its_steps() -> None:
    agent = hear(agent_of("deep_tamer"), Judgement(STEP, ((1.0, 0.5), (1.0, 0.5), (-1.0, 0.25))))
    agent.correct(Judgement(STEP, ((1.0, 0.5), (-1.0, 0.25))), Judgement(STEP, ((0.0, 0.75),)))
    assert [word[:3] for word in agent.words.kept] == [(0, 1.0, 0.5), (0, 0.0, 0.75)]
    assert [word.codes.tolist() for word in agent.words.kept] == [[HERE.tolist()]] * 2
    agent.correct(said(5.0), said(6.0))  # no such word
    agent.correct(Judgement(STEP), said(6.0))
    assert len(agent.words) == 2
    agent.begin(np.random.default_rng(0))  # another run, whose steps are numbered anew
    agent.correct(said(1.0), Judgement(STEP))
    assert len(agent.words) == 2


# --- buffers and checkpoints -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("env", [PLANE, ROOMS], ids=["box", "discrete"])
@pytest.mark.parametrize(("name", "settings"), DEEP)
def test_what_is_saved_goes_on_the_same(name: str, settings: dict[str, Any], env: Any) -> None:
    rng = np.random.default_rng(2)

    def judgements(first: int) -> list[Judgement]:
        steps = [
            STEP._replace(
                index=first + k, observation=env.observation_space.sample(), action=int(rng.integers(2)),
                probability=float(rng.uniform(0.1, 1)), terminated=k % 7 == 6,
            )
            for k in range(40)
        ]  # fmt: skip
        return [Judgement(step, ((1.0, 0.5), (-1.0, 0.25)) if step.index % 3 else ()) for step in steps]

    one, other = (agent_of(name, env, buffer_size=20, net_arch=[8], seed=seed, **settings) for seed in (1, 2))
    hear(one, *judgements(0))
    assert len(one.words) == (20 if name == "deep_tamer" else len(one.words)) > 0
    other.restore({key: array.copy() for key, array in one.arrays().items()})
    taken = one.snapshot()
    more = judgements(40)
    a = hear(one, *more).arrays()
    assert not np.array_equal(a["theta"], other.arrays()["theta"])
    one.rewind(taken)
    for again in (hear(one, *more), hear(other, *more)):
        b = again.arrays()
        assert a.keys() == b.keys()
        assert [key for key in a if a[key].dtype != b[key].dtype or not np.array_equal(a[key], b[key])] == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("words_actions", np.array([0, 7, 0])),
        ("words_actions", np.array([0])),
        ("words_about", np.array([[0, 9], [1, 1], [2, 1]])),
        ("words_about", np.array([[0, 0], [1, 2], [2, 1]])),
        ("words_about", np.zeros((3, 1), np.int64)),
        ("words_said", np.zeros((2, 2))),
        ("words_codes", np.zeros((3, 4), np.float32)),
        ("words_codes", np.zeros((3, 2))),
        ("words_probabilities", np.array([0.5, 0.0, 0.5])),
        ("theta", np.zeros(3, np.float32)),
        ("adam_m", np.zeros(0, np.float32)),
    ],
)
def test_what_does_not_fit_is_refused(key: str, value: Any) -> None:
    agent = hear(agent_of("deep_tamer"), said(1.0), said(-1.0), said(1.0))
    with pytest.raises(ValueError, match=r"shape|expected"):
        agent_of("deep_tamer").restore(agent.arrays() | {key: value})


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"window": 0}, "window must be a whole number of at least 1 step, got 0"),
        ({"lam": 1.5}, r"lam \(lambda\) must be within \[0, 1\], got 1.5"),
        ({"entropy": -1.0}, "entropy must be 0 or more, got -1.0"),
        ({"entropy": float("nan")}, "entropy must be 0 or more, got nan"),
    ],
)
def test_impossible_settings_of_deep_coach_are_refused(settings: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=line):
        agent_of("deep_coach", **settings)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"takeover": 2.0}, r"takeover must be within \[-1, 1\], got 2.0"),
        ({"silence": "nothing"}, "silence must be one of missing, zero, got 'nothing'"),
        ({"learning_rate": 1.5}, "learning_rate must stay within"),
        ({"epsilon": -0.5}, "epsilon must stay within"),
        ({"optimiser": "adamw"}, "optimiser must be one of adam, sgd, got 'adamw'"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
        ({"train_freq": 1.5}, "train_freq must be a whole number of at least 1, got 1.5"),
        ({"buffer_size": 0}, "buffer_size must be"),
        ({"max_grad_norm": 0}, "max_grad_norm must be positive, got 0"),
        ({"net_arch": [0]}, "net_arch must be the widths"),
        ({"embedding": 4}, "embedding=4 is for discrete observations"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=line):
        agent_of("deep_tamer", **settings)


def test_dials_turn() -> None:
    agent = agent_of("deep_tamer")
    before = agent.dials()
    agent.set_rate("epsilon", 0.5)
    agent.set_rate("alpha", 0.25)
    assert agent.rates() == {"alpha": 0.25, "epsilon": 0.5}
    assert agent.policy(HERE).probabilities[0] in (0.25, 0.75)
    agent.set_dials(before)
    assert agent.rates() == {"alpha": 1e-3, "epsilon": 0.0}
    with pytest.raises(UserError, match="there is no 'gamma' to set; expected alpha or epsilon"):
        agent.set_rate("gamma", 0.5)


def test_sb3s_verb() -> None:
    agent = agent_of("deep_tamer", seed=0)
    values = agent.q_values(HERE)
    assert agent.predict(HERE) == (values.index(max(values)), None)
    assert agent.predict(HERE, deterministic=False)[0] == values.index(max(values))
    assert agent.predict(np.stack([HERE, HERE]))[0].tolist() == [values.index(max(values))] * 2


def test_pictures_are_heard_about_too() -> None:
    pytest.importorskip("torch")
    env = SimpleNamespace(observation_space=spaces.Box(0, 255, (12, 12, 3), np.uint8), action_space=spaces.Discrete(2))
    agent = agent_of("deep_tamer", env, filters=[[4, 3, 2]], net_arch=[16], learning_rate=0.01, seed=0)
    bright, dark = np.full((12, 12, 3), 220, np.uint8), np.zeros((12, 12, 3), np.uint8)
    for _ in range(30):
        for picture, action, label in ((bright, 0, 1.0), (bright, 1, -1.0), (dark, 0, -1.0), (dark, 1, 1.0)):
            hear(agent, said(label, STEP._replace(observation=picture, action=action)))
    assert np.round(agent.q_values(bright)).tolist() == [1, -1]
    assert np.round(agent.q_values(dark)).tolist() == [-1, 1]
    other = agent_of("deep_tamer", env, filters=[[4, 3, 2]], net_arch=[16], seed=1)
    other.restore(agent.arrays())
    assert other.q_values(bright) == agent.q_values(bright)


# --- learning --------------------------------------------------------------------------------------------------------


def taught(name: str, world: str, teacher: str, steps: int, seed: int, **settings: Any) -> Any:
    arm = Arm(
        env=world, agent=name, teacher=teacher, blend="none", credit="auto", total_timesteps=steps, seeds=(seed,),
        set=settings,
    )  # fmt: skip
    env = build.make_env(world, {})
    agent = build.make_agent(arm, env)
    people = build.make_teacher(arm, env, np.random.default_rng(seed), agent)
    for _ in play(env, agent, people, credit=build.make_credit(arm), seed=seed, steps=steps):
        pass
    return agent


@pytest.mark.parametrize(
    ("teacher", "steps"), [("heuristic:likelihood=0.3,consistency=0.9", 1_500), ("heuristic:delay=uniform", 3_000)]
)
def test_deep_tamer_learns_cart_pole_from_few_or_late_words(teacher: str, steps: int) -> None:
    agent = taught("deep_tamer", "CartPole-v1", teacher, steps, seed=0)
    assert evaluate(make("CartPole-v1"), agent, 10).returns.mean() >= 400


def test_deep_tamer_learns_a_grid_from_one_hot_observations() -> None:
    agent = taught("deep_tamer", "hfrl/Puddle-v0", "oracle", 4_000, seed=0, epsilon=0.1)
    assert evaluate(make("hfrl/Puddle-v0"), agent, 20).returns.mean() == pytest.approx(0.72, abs=0.02)
