"""Several copies of a world, stepped together by Gymnasium's vector API, for agents that learn from what they remember.

The loop is :func:`hfrl.play`. Its world is all copies at once (:class:`Together`), its agent acts in all of them by one
forward pass (:class:`Crew`), and :func:`collect` takes each of its steps apart into the steps of the lanes, each learnt
by the agent's own ``update``. With one lane that is the plain run, bit for bit.

An episode's end: a vector world resets a lane in the step after (``AutoresetMode.NEXT_STEP``). That step ignores the
lane's action and pays nothing: nothing is drawn for it, and it is no step of anybody's.
"""

import itertools
from collections.abc import Generator, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import iterate

from hfrl.blend import Switch, none
from hfrl.loop import metronome, play
from hfrl.models import NoModel
from hfrl.seeding import Uniforms
from hfrl.types import Acted, Agent, Distribution, Judgement, Learnt, RewardPort, Step, Update, UserError


class ManyPolicies(Agent, Protocol):
    """An agent that acts in many places at once, and is handed its generator."""

    def policies(self, observations: Sequence[Any]) -> Sequence[Distribution]:
        """The policy of each observation."""
        ...

    def begin(self, rng: np.random.Generator) -> None: ...

    def take_turns(self, lanes: int) -> None:
        """The steps of so many worlds will be learnt in turns."""
        ...


def refusal(agent: Any) -> str | None:
    """Why an agent cannot learn from lanes, in words; None where it can."""
    if not hasattr(agent, "policies"):
        return "it acts in one world at a time; dqn, double_dqn, c51 and the others of docs/dqn.md in several"
    if agent.learns_from_feedback:
        return "it learns from a person, and nobody watches several worlds at once"
    if agent.on_policy:
        return "it learns on-policy, from the next action of one world"
    if agent.n_steps > 1:
        return f"n_steps={agent.n_steps} follow one another in one world, and lanes alternate; use n_steps=1"
    return None


class Moved(NamedTuple):
    """What a step did in one lane; ``observation`` is the one it led to, at an episode's end the last of it. ``mask``
    is of the actions it could take, ``next_mask`` of those after it; None where the world gives none."""

    observation: Any
    reward: float
    terminated: bool
    truncated: bool
    mask: Any
    next_mask: Any


class Together:
    """A vector world as the loop sees a world: one episode without an end, whose reward is the sum over the lanes.

    Args:
        envs: resets a lane in the step after its episode's end. Raises UserError for another mode.

    Attributes:
        live: bool of shape (lanes,): whose next step is a step, and no reset.
        moved: what the last step did in each lane; None where it was a reset.
    """

    def __init__(self, envs: VectorEnv[Any, Any, Any]) -> None:
        mode = envs.metadata.get("autoreset_mode")
        if mode != AutoresetMode.NEXT_STEP:
            raise UserError(f"a vector world must reset in the next step (AutoresetMode.NEXT_STEP), this one: {mode}")
        self.envs = envs
        self.observation_space, self.action_space = envs.single_observation_space, envs.single_action_space
        self.live = np.ones(envs.num_envs, np.bool_)
        self.moved: list[Moved | None] = []
        self._masks: Any = None

    def reset(self, seed: int | None = None) -> tuple[Any, dict[str, Any]]:
        """All lanes begin; lane k is seeded with ``seed + k``."""
        observations, infos = self.envs.reset(seed=seed)
        self.live[:] = True
        self._masks = infos.get("action_mask")
        return self._by_lane(observations), {}

    def _by_lane(self, observations: Any) -> list[Any]:
        return list(iterate(self.envs.observation_space, observations))

    def step(self, actions: Sequence[Any]) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One step of every lane that is live; the others are reset."""
        taken = np.asarray(actions)
        observations, rewards, terminated, truncated, infos = self.envs.step(taken)
        before, self._masks = self._masks, infos.get("action_mask")
        seen = self._by_lane(observations)
        self.moved = [
            Moved(
                seen[k], float(rewards[k]), bool(terminated[k]), bool(truncated[k]),
                _row(before, k), _row(self._masks, k),
            )
            if live
            else None
            for k, live in enumerate(self.live)
        ]  # fmt: skip
        self.live = ~(terminated | truncated)
        if not self.live.any():  # in the next step nobody would do anything: it is over before an action is drawn
            observations, *_, infos = self.envs.step(taken)
            self.live[:], self._masks, seen = True, infos.get("action_mask"), self._by_lane(observations)
        return seen, sum(one.reward for one in self.moved if one), False, False, {}


def _row(masks: Any, k: int) -> Any:
    return None if masks is None else masks[k]


class Joint:
    """The policies of all lanes as one distribution over tuples of actions.

    Args:
        lanes: of each; None where nothing is drawn, and action 0 stands for it.
        luck: uniform numbers for all but the first that is drawn.
    """

    actor = "agent"

    def __init__(self, lanes: Sequence[Distribution | None], luck: Iterator[float]) -> None:
        self.lanes, self._luck = lanes, luck

    def sample(self, u: float) -> tuple[Any, ...]:
        """The first lane's action at ``u``, the others' at numbers of their own."""
        numbers = itertools.chain((u,), self._luck)
        return tuple(0 if lane is None else lane.sample(next(numbers)) for lane in self.lanes)

    def probabilities(self, actions: Sequence[Any]) -> list[float]:
        """Of each lane's action; 1 where nothing was drawn."""
        return [1.0 if lane is None else lane.prob(a) for lane, a in zip(self.lanes, actions, strict=True)]

    def prob(self, actions: Sequence[Any]) -> float:
        """Of all of them."""
        return float(np.prod(self.probabilities(actions)))

    def log_prob(self, actions: Sequence[Any]) -> float:
        """The logarithm of :meth:`prob`."""
        return float(np.log(self.prob(actions)))


class Crew:
    """An agent as the loop sees it that acts in all lanes. It learns nothing here: :func:`collect` hands the agent the
    steps of the lanes.

    Attributes:
        joint: the distribution that the last actions were drawn from.
    """

    on_policy = False
    learns_from_feedback = False
    joint: Joint

    def __init__(self, agent: ManyPolicies, world: Together) -> None:
        self._agent, self._world, self.gamma = agent, world, agent.gamma

    def begin(self, rng: np.random.Generator) -> None:
        """The agent's generator, and one of its kin for the actions of all lanes but the first."""
        self._luck = Uniforms(rng.spawn(1)[0]).numbers
        self._agent.begin(rng)

    def policy(self, observations: Any, bias: Sequence[float] | None = None) -> Joint:  # noqa: ARG002 - of one lane
        """Of all live lanes, by one forward pass."""
        live = np.flatnonzero(self._world.live)
        lanes: list[Distribution | None] = [None] * len(self._world.live)
        for k, one in zip(live.tolist(), self._agent.policies([observations[k] for k in live]), strict=True):
            lanes[k] = one
        self.joint = Joint(lanes, self._luck)
        return self.joint

    def update(self, judgement: Judgement, reward: RewardPort) -> Update | None:
        """Nothing: the steps of the lanes are learnt one by one."""


def collect(
    envs: VectorEnv[Any, Any, Any], agent: ManyPolicies, seed: int | None = None
) -> Generator[Acted | Learnt, None, None]:
    """Yield what happens in all lanes, for ever: ``Acted`` and ``Learnt`` of each step, lane by lane.

    Steps are counted over all lanes, so ``train_freq``, schedules and target updates go by transitions. All lanes act
    before any of them is learnt from: with K lanes an action is up to K - 1 transitions behind the plain run's.

    Args:
        envs: Gymnasium's vector world, reset in the next step.
        agent: of the DQN family. Raises UserError where it cannot (:func:`refusal`).
        seed: of the worlds (the k-th has ``k`` more), the policy and the batches.
    """
    reason = refusal(agent)
    if reason:
        raise UserError(f"{type(agent).__name__}: {reason}")
    world = Together(envs)
    agent.take_turns(envs.num_envs)
    crew, switch, clock = Crew(agent, world), Switch(none(), NoModel(), agent.gamma), metronome()
    index, begun = 0, envs.num_envs
    episodes, first = list(range(begun)), [True] * begun
    for event in play(world, crew, blend=switch, seed=seed):
        if not isinstance(event, Learnt):
            continue  # nothing is learnt yet, and the next actions are not drawn before all lanes are through
        together = event.judgement.step
        probabilities = crew.joint.probabilities(together.action)
        for k, moved in enumerate(world.moved):
            if moved is None:
                continue
            step = Step(
                index, episodes[k], together.observation[k], together.action[k], moved.reward, moved.observation,
                moved.terminated, moved.truncated, probabilities[k], mask=moved.mask, next_mask=moved.next_mask,
                time=clock(first[k]), taught=False,
            )  # fmt: skip
            yield Acted(step)
            judgement = Judgement(step)
            yield Learnt(judgement, switch.learn(agent, judgement))
            index += 1
            first[k] = step.ended
            if step.ended:
                episodes[k], begun = begun, begun + 1
