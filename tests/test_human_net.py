"""H as a network: it learns labels, whenever it is asked the same, and takes them back."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from hfrl import blend
from hfrl.agents import DQN
from hfrl.blend import Switch
from hfrl.credit import Immediate
from hfrl.human_net import HumanNetwork
from hfrl.loop import play
from hfrl.types import Acted, Feedback, Judgement, Pressed, Step
from hfrl.undo import Memory

WIDE = Box(-1, 1, (12,))


def judged(observation: Any, action: int, label: float | None) -> Judgement:
    step = Step(0, 0, np.asarray(observation, np.float32), action, 0.0, None, False, False)
    return Judgement(step, () if label is None else ((label, 1.0),))


def labels(number: int, seed: int = 0) -> list[Judgement]:
    """Somebody likes action 0 where the first number is positive, action 1 where it is not, and never action 2."""
    rng = np.random.default_rng(seed)
    said = []
    for _ in range(number):
        observation, action = rng.uniform(-1, 1, 12), int(rng.integers(3))
        right = action == (0 if observation[0] > 0 else 1)
        said.append(judged(observation, action, 1.0 if right else -1.0))
    return said


def same(one: HumanNetwork, other: HumanNetwork) -> bool:
    first, second = one.arrays(), other.arrays()
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


def test_it_says_nothing_before_anything_was_said() -> None:
    model = HumanNetwork(WIDE, 3)
    model.observe(judged(np.ones(12), 0, None))
    assert model.values(np.ones(12)) == [0.0, 0.0, 0.0]
    assert model.counts(np.ones(12)) == [0, 0, 0]
    assert same(model, HumanNetwork(WIDE, 3))


def test_it_learns_what_is_liked_where_and_says_it_of_what_was_never_judged() -> None:
    model = HumanNetwork(WIDE, 3)
    for judgement in labels(200):
        model.observe(judgement)
    right = [
        (np.sign(model.values(one.step.observation)[one.step.action]) == one.feedback) for one in labels(300, seed=1)
    ]
    assert np.mean(right) > 0.85
    assert sum(model.counts(np.zeros(12))) == 200


def test_a_mean_of_labels_that_contradict_each_other_is_found() -> None:
    model = HumanNetwork(WIDE, 3)
    for number in range(120):
        model.observe(judged(np.ones(12), 1, 1.0 if number % 4 else -1.0))
    assert model.values(np.ones(12))[1] == pytest.approx(0.5, abs=0.1)


def test_looking_changes_nothing_and_it_is_the_same_whenever_one_looks() -> None:
    looked, not_looked = HumanNetwork(WIDE, 3), HumanNetwork(WIDE, 3)
    for judgement in labels(40):
        looked.observe(judgement)
        not_looked.observe(judgement)
        looked.values(judgement.step.observation)
        looked.values(np.zeros(12))
    assert same(looked, not_looked)


def test_a_checkpoint_goes_on_as_if_nothing_had_happened() -> None:
    whole, again = HumanNetwork(WIDE, 3), HumanNetwork(WIDE, 3)
    for number, judgement in enumerate(labels(40)):
        if number == 25:
            again.restore({name: array.copy() for name, array in whole.arrays().items()})
        whole.observe(judgement)
        if number >= 25:
            again.observe(judgement)
    assert same(whole, again)
    with pytest.raises(ValueError, match="h_seen has shape"):
        HumanNetwork(Box(-1, 1, (13,)), 3).restore(whole.arrays())
    with pytest.raises(ValueError, match="h_which holds 2, expected 0 to 1"):
        HumanNetwork(WIDE, 2).restore(whole.arrays())


def test_a_label_taken_back_is_gone_and_its_value_falls() -> None:
    model = HumanNetwork(WIDE, 3)
    here, there = np.ones(12), -np.ones(12)
    for _ in range(30):
        model.observe(judged(here, 0, 1.0))
        model.observe(judged(there, 0, -1.0))
    before = model.values(here)[0]
    for _ in range(20):
        model.correct(judged(here, 0, 1.0), judged(here, 0, None))
    for _ in range(10):
        model.correct(judged(here, 0, 1.0), judged(here, 0, -1.0))
    assert before > 0.8
    assert model.values(here)[0] < -0.5
    assert (len(model.label), set(model.label)) == (40, {-1.0})
    model.correct(judged(here, 2, 1.0), judged(here, 2, None))
    assert len(model.label) == 40, "what was never said cannot be taken back"
    assert model.said(here)["teacher"][0] == -10.0


class Line:
    """Twelve numbers; three actions; episodes of six steps."""

    observation_space, action_space = WIDE, __import__("gymnasium").spaces.Discrete(3)
    unwrapped = property(lambda self: self)

    def reset(self, seed: int | None = None) -> Any:
        self.rng = np.random.default_rng(seed) if seed is not None else self.rng
        self.left = 6
        return self.rng.uniform(-1, 1, 12).astype(np.float32), {}

    def step(self, action: int) -> Any:
        self.left -= 1
        return self.rng.uniform(-1, 1, 12).astype(np.float32), float(action == 0), self.left == 0, False, {}


def test_a_press_taken_back_in_its_episode_is_as_if_it_had_never_been_made() -> None:
    """A deep agent biased by H, and H: bit for bit those of a session without the press."""

    def session(extra: bool) -> Any:
        env: Any = Line()
        agent = DQN(env, learning_starts=4, batch_size=4, net_arch=(8,), epsilon=1.0, buffer_size=50)
        switch = Switch(blend.reward_shaping(1.0), HumanNetwork(WIDE, 3), agent.gamma)
        credit = Immediate()
        memory = Memory(agent, switch, credit)

        def teacher(step: Step) -> list[Feedback]:
            if extra and step.index == 14:
                return [Feedback(-3.0, step.time)]
            return [Feedback(1.0, step.time)] if step.index % 5 == 0 else []

        wrong = None
        for event in play(env, agent, teacher, switch, credit, seed=1, steps=30):
            memory.note(event)
            if isinstance(event, Pressed) and event.press.feedback.value == -3.0:
                wrong = event.press
            if wrong and isinstance(event, Acted) and event.step.index == 17:
                assert memory.take_back(wrong).startswith("taken back, and the episode")
                wrong = None
        return agent.arrays() | switch.model.arrays()

    with_it, without_it = session(True), session(False)
    assert with_it.keys() == without_it.keys()
    assert [name for name in with_it if not np.array_equal(with_it[name], without_it[name])] == []


def test_a_picture_is_judged_too() -> None:
    pytest.importorskip("torch")
    model = HumanNetwork(Box(0, 255, (40, 40, 3), np.uint8), 2)
    bright, dark = np.full((40, 40, 3), 220, np.uint8), np.zeros((40, 40, 3), np.uint8)
    for _ in range(8):
        for picture, action, label in ((bright, 0, 1.0), (bright, 1, -1.0), (dark, 0, -1.0), (dark, 1, 1.0)):
            step = Step(0, 0, picture, action, 0.0, None, False, False)
            model.observe(Judgement(step, ((label, 1.0),)))
    assert len(model.seen) == 2, "a picture is kept once"
    assert np.round(model.values(bright)).tolist() == [1, -1]
    assert np.round(model.values(dark)).tolist() == [-1, 1]


def test_policy_shaping_hears_of_a_network_what_was_said_of_this_very_observation_or_what_it_guesses() -> None:
    """Two praises of action 1 and one blame of action 0. Of one right action: C^D(a) (1 - C)^(the others' D) each, so
    .8^-1 .2^2 = .05 against .8^2 .2^-1 = 3.2 (Griffith et al. 2013)."""
    agent = DQN(SimpleNamespace(observation_space=WIDE, action_space=Discrete(2)), epsilon=0.5)
    switch = Switch(blend.policy_shaping(consistency=0.8, form="single"), HumanNetwork(WIDE, 2), agent.gamma)
    here, there = np.full(12, 0.5, np.float32), np.full(12, -0.5, np.float32)
    for action, label in ((1, 1.0), (1, 1.0), (0, -1.0)):
        switch.observe(judged(here, action, label))
    own = agent.policy(here)
    mixed = switch.mix(here, own)
    product = [p * c for p, c in zip(own.probabilities, (0.05, 3.2), strict=True)]
    assert mixed.probabilities == pytest.approx([one / sum(product) for one in product])
    guessed = [min(max(h, -1.0), 1.0) for h in switch.model.values(there)]
    right = [0.8**d * 0.2**other for d, other in zip(guessed, reversed(guessed), strict=True)]
    product = [p * c for p, c in zip(own.probabilities, right, strict=True)]
    assert switch.mix(there, own).probabilities == pytest.approx([one / sum(product) for one in product])


def test_of_what_was_never_judged_a_network_guesses_one_label_in_which_all_trainers_have_a_part() -> None:
    model = HumanNetwork(WIDE, 3)
    assert model.said(np.zeros(12)) == {}
    for k, judgement in enumerate(labels(200)):
        model.observe(judgement._replace(trainers=(("ann", "bob")[k % 2],)))
    right = []
    for observation in (one.step.observation for one in labels(100, seed=1)):
        said = model.said(observation)
        assert said["ann"] == said["bob"] == [min(max(h, -1.0), 1.0) / 2 for h in model.values(observation)]
        right.append(np.argmax(said["ann"]) == (0 if observation[0] > 0 else 1))
    assert np.mean(right) > 0.85
