"""Positive circuits: where praise, taken for reward, pays for running in circles, found before a run begins.

An agent that adds praise up may rather loop for ever than arrive (Knox & Stone 2012; Ho, Littman, Cushman & Austerweil
2015). In a world with a table it can be known beforehand: the best policy for what the agent will be told at last
arrives, or it does not.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from hfrl import build, people
from hfrl.blend import Blend
from hfrl.config import Arm
from hfrl.mdp import MDP, Array, NoTableError, from_env, optimal_actions, q_star
from hfrl.tamer_rl import add_model, add_press
from hfrl.teachers import Manner
from hfrl.types import Step

#: Of a table, states x actions: beyond it the answer takes longer than a few seconds.
MOST_PAIRS = 25_000
SWEEPS = 2_000
#: A share of episodes that do not arrive any more, from which on it is worth a line.
WORTH_SAYING = 0.1
HALVINGS = 8
#: Whose word about a pair is always the same, but for their dials.
STEADY = ("oracle", "sabl", "adversary", "always_positive", "always_negative")
STEADY_KINDS = ("label", "label01", "continuous", "reward")


def mean_word(value: float, manner: Manner, silence: bool) -> float:
    """What a person says on average of a pair of which a perfect one would say ``value``.

    ``silence``: as the press of a step, where silence adds nothing; else the mean of what is said at all, which is what
    H becomes.

    >>> mean_word(1.0, Manner(consistency=0.75), False), mean_word(-1.0, Manner(likelihood=0.5), True)
    (0.5, -0.5)
    >>> mean_word(-1.0, Manner(consistency=0.75, withhold_blame=1.0), False)
    1.0
    """
    meant = -value if manner.inverted else value
    words = people.words_of(1 - manner.consistency, manner.withhold_praise, manner.withhold_blame)
    praise, blame, _ = words[0] if meant > 0 else words[1]
    total = 1.0 if silence else praise + blame
    if not (meant and total):
        return 0.0
    return abs(meant) * (praise - manner.blame * blame) / total * (manner.likelihood if silence else 1.0)


def arriving(mdp: MDP, gamma: float) -> float:
    """The probability that the best policy ever ends an episode; equally good actions are taken in turn."""
    good = optimal_actions(q_star(mdp, gamma), 1e-7).astype(np.float64)
    policy = good / good.sum(axis=1, keepdims=True)
    ends = (mdp.probability * (1 - mdp.goes_on)).sum(axis=2)
    reached = np.zeros(len(mdp.start))
    for _ in range(SWEEPS):
        ahead = ends + (mdp.probability * mdp.goes_on * reached[mdp.next_state]).sum(axis=2)
        improved = (policy * ahead).sum(axis=1)
        if np.max(np.abs(improved - reached)) < 1e-9:
            break
        reached = improved
    return float(mdp.start @ reached)


class Circuit(NamedTuple):
    """The share of episodes that the best policy ends without the praise and with it, the weight of the praise, and the
    highest weight found at which it still does (0: none)."""

    without: float
    with_praise: float
    beta: float
    safe: float


def circuit(mdp: MDP, word: Array, beta: float, gamma: float) -> Circuit | None:
    """Whether R + beta * word, word of shape (S, A), keeps the best policy from arriving; None where it does not."""
    without = arriving(mdp, gamma)

    def told(weight: float) -> float:
        return arriving(mdp._replace(reward=mdp.reward + weight * word), gamma)

    arrives = told(beta)
    if without - arrives < WORTH_SAYING:
        return None
    low, high = 0.0, beta
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if without - told(middle) >= WORTH_SAYING else (middle, high)
    return Circuit(without, arrives, beta, low)


def words_of_teacher(arm: Arm, env: Any, mdp: MDP, silence: bool) -> Array | None:
    """What the arm's teacher says of each pair on average, shape (S, A); None where that is not known beforehand."""
    specs = build.teacher_specs(arm.teacher)
    if len(specs) != 1 or specs[0].name not in STEADY:
        return None
    if specs[0].settings.get("kind", "label") not in STEADY_KINDS:
        return None
    judge, manner = build.judge_of(specs[0], env, np.random.default_rng(0))
    word = np.zeros(mdp.reward.shape)
    for state, action in np.ndindex(*word.shape):
        step = Step(0, 0, state, action, float(mdp.reward[state, action]), state, False, False)
        word[state, action] = sum(mean_word(said.value, manner, silence) for said in judge(step))
    return word


def praise_in_reward(blend: Blend, index: int = 0, episode: int = 0) -> tuple[float, bool]:
    """The weight at that step (at first: the start) with which a blend adds a person's word to the reward, and whether
    it is the press."""
    ports = [port for port in blend.reward if port.rule in (add_model, add_press)]
    return sum(port.weight(index, episode) for port in ports), any(port.rule is add_press for port in ports)


def _pairs(env: Any) -> int:
    table = getattr(env.unwrapped, "P", None)
    return len(table) * len(table[0]) if table is not None else 0


def warning(arm: Arm) -> str | None:
    """One line for an arm whose praise will pay for running in circles; None where it will not, or nobody can know."""
    beta, pressed = praise_in_reward(build.make_blend(arm.blend))
    alone = arm.agent == "q_on_feedback"
    if not (beta or alone):
        return None
    env = build.make_env(arm.env, arm.env_kwargs)
    try:
        gamma = build.make_agent(arm, env).gamma
        mdp = _table(env) if 0 < gamma < 1 else None
        if mdp is None:
            return None
        word = words_of_teacher(arm, env, mdp, pressed)
    finally:
        env.close()
    if word is None:
        return None
    if alone:  # it hears no reward: what counts is whether the praise by itself lets it arrive
        share = arriving(mdp._replace(reward=word), gamma)
        return _adding_up(share, gamma) if 1 - share >= WORTH_SAYING else None
    found = circuit(mdp, word, beta, gamma)
    return None if found is None else _shaping(found, arm, gamma)


class Lookout:
    """Looks ahead while a person teaches: whether what they have said by now would pay for running in circles, before
    the agent has found out.

    Args:
        env: the world. One without a table, with a hidden state, or too large for it is never looked at (``blind``).
    """

    def __init__(self, env: Any) -> None:
        self._mdp = _table(env)
        self._without: dict[float, float] = {}

    @property
    def blind(self) -> bool:
        """Whether nothing can be known of this world beforehand."""
        return self._mdp is None

    def look(self, h: Callable[[int], Sequence[float]], beta: float | None, gamma: float) -> str:
        """A line where praise pays for circles now, else nothing.

        Args:
            h: what the person thinks of each action, by the number of the state.
            beta: the weight with which H is added to the reward; None where H is all that is learnt from.
            gamma: the agent's.
        """
        if self._mdp is None or beta == 0 or not 0 < gamma < 1:
            return ""
        word = np.array([list(h(state)) for state in range(len(self._mdp.start))])
        if word.shape != self._mdp.reward.shape:
            return ""
        told = word if beta is None else self._mdp.reward + beta * word
        if gamma not in self._without:
            self._without = {gamma: arriving(self._mdp, gamma)}
        before = 1.0 if beta is None else self._without[gamma]
        arrives = arriving(self._mdp._replace(reward=told), gamma)
        if before - arrives < WORTH_SAYING:
            return ""
        cure = "the weight (slider), or press b for another blend" if beta is not None else "gamma (slider)"
        return f"praise now pays for running in circles: lower {cure}"


def _table(env: Any) -> MDP | None:
    if _pairs(env) > MOST_PAIRS:
        return None
    try:
        mdp = from_env(env)
    except NoTableError:
        return None
    return mdp if getattr(env.observation_space, "n", None) == len(mdp.start) else None


def _adding_up(share: float, gamma: float) -> str:
    return (
        f"praise will pay for running in circles: q_on_feedback adds it up with gamma {gamma:g}, and the best "
        f"it can do ends {share:.0%} of the episodes; lower gamma, or use tamer"
    )


def _shaping(found: Circuit, arm: Arm, gamma: float) -> str:
    lower = f"keep beta below {found.safe:.2g}, or " if found.safe > 0 else ""
    return (
        f"praise will pay for running in circles: with {arm.blend} and gamma {gamma:g} the best that {arm.agent} can "
        f"do ends {found.with_praise:.0%} of the episodes, without praise {found.without:.0%}; "
        f"{lower}use potential_based or action_biasing"
    )
