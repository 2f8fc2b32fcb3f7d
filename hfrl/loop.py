"""The loop, once. Window, command line, notebook and evaluation consume the same generator.

world -> step -> feedback -> credit -> blend -> agent.update -> record -> screen
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from gymnasium.spaces import Box
from gymnasium.wrappers import TimeLimit

from hfrl.blend import Blend, Switch, none
from hfrl.credit import Credit, Immediate
from hfrl.features import tiles_within
from hfrl.models import HumanTable, HumanTiles, NoModel
from hfrl.policy import Delegated, greedy
from hfrl.ports import Context, HumanModel, Port
from hfrl.schedules import Constant
from hfrl.seeding import Uniforms, streams
from hfrl.tabular import TABLE_LIMIT, action_count, rows_of
from hfrl.teachers import silent
from hfrl.types import (
    Acted,
    Agent,
    Attending,
    Distribution,
    Event,
    Judgement,
    Learnt,
    Pressed,
    RewardPort,
    Step,
    Teacher,
    Update,
    UserError,
    record,
)

STEP_SECONDS = 0.3
GRADING_SECONDS = 1.0
DEFAULT_CAP = 1_000
#: Of H over a Box: an episode's snapshot copies them all.
MOST_TILES = 200_000
#: Beyond so many dimensions tiles are too coarse.
MOST_TILED = 8


@runtime_checkable
class DrawingAgent(Protocol):
    """An agent whose rule draws numbers of its own: it is handed a generator before the first step."""

    def begin(self, rng: np.random.Generator) -> None: ...


class Clock(Protocol):
    """When a step comes on the screen, in seconds of the session; asked once per step, before it is yielded."""

    def __call__(self, first_of_episode: bool) -> float: ...


class Metronome:
    """The clock of a run without a screen: every step is shown for so many seconds, and some seconds of grading time
    follow an episode's last step.

    Attributes:
        ticks, pauses: steps shown so far, and episodes begun, less 1 each.
    """

    def __init__(self, step_seconds: float, grading_seconds: float) -> None:
        self._seconds = step_seconds, grading_seconds
        self.ticks, self.pauses = -1, -1

    def __call__(self, first_of_episode: bool) -> float:
        self.ticks += 1
        self.pauses += first_of_episode
        return shown_at(self.ticks, self.pauses, *self._seconds)


def metronome(step_seconds: float = STEP_SECONDS, grading_seconds: float = GRADING_SECONDS) -> Metronome:
    """The clock of a run without a screen: every step is shown for 0.3 s, and a second of grading time follows an
    episode's last step."""
    return Metronome(step_seconds, grading_seconds)


def shown_at(
    index: int, episode: int, step_seconds: float = STEP_SECONDS, grading_seconds: float = GRADING_SECONDS
) -> float:
    """When the :func:`metronome` shows a step, in seconds from the first one."""
    return index * step_seconds + episode * grading_seconds


def human_model(env: Any) -> HumanModel:
    """H for a world: a table for discrete observations, tiles for a Box of few numbers, a network for a Box of many or
    of pictures, or the empty model."""
    try:
        actions, space = action_count(env.action_space), env.observation_space
        if isinstance(space, Box) and len(space.shape) == 1 and space.shape[0] <= MOST_TILED:
            return HumanTiles(tiles_within(space, MOST_TILES), actions)
        if isinstance(space, Box):
            from hfrl.human_net import HumanNetwork  # late: it brings networks, and they a compiler

            return HumanNetwork(space, actions)
        rows = rows_of(env.observation_space)
        if rows.size * actions > TABLE_LIMIT:
            return NoModel()
        return HumanTable(rows.size, actions, rows.row)
    except UserError:
        return NoModel()


class UnderWay(NamedTuple):
    """An episode that was paused: what the agent sees, the mask that came with it, and the action (with its
    probability, who chose it, and the agent's own choice where that is another number) where that was drawn before the
    pause."""

    observation: Any
    mask: Any
    chosen: tuple[Any, float, str, Any] | None


@dataclass(slots=True)
class Place:
    """Where the loop paused, and goes on from. The loop moves it on, from pause to pause.

    Attributes:
        index, episode: of the next step.
        uniforms: the luck of the policy.
        world_seed: of the first ``reset``; None once the world was seeded.
        clock: session time.
        under_way: the episode that was paused; None between two episodes.
    """

    index: int
    episode: int
    uniforms: Uniforms
    world_seed: int | None
    clock: Clock
    under_way: UnderWay | None = None


def beginning(
    agent: Agent,
    switch: Switch,
    seed: int | None = None,
    clock: Clock | None = None,
    since: tuple[int, int] = (0, 0),
) -> Place:
    """The place before the first step. An agent that draws is handed its generator, and so is the switch."""
    draws = streams(seed)
    switch.meet(agent)
    if isinstance(agent, DrawingAgent):
        agent.begin(draws.replay)
    switch.begin(agent, draws.network)
    return Place(*since, Uniforms(draws.policy), draws.world, clock or metronome())


def play(
    env: Any,
    agent: Agent,
    teacher: Teacher = silent,
    blend: Blend | Switch | None = None,
    credit: Credit | None = None,
    seed: int | None = None,
    clock: Clock | None = None,
    steps: int | None = None,
    since: tuple[int, int] = (0, 0),
    place: Place | None = None,
) -> Generator[Event, None, Place]:
    """Yield what happens, for ever or for ``steps`` steps: the caller counts, logs, draws, pauses and stops.

    ``Acted(step)`` when the world has moved; then the teacher is asked; ``Pressed(press)`` for each press, credited;
    ``Learnt(judgement, update)`` for each step that leaves the credit window. With no delay Learnt follows Acted at
    once. The step's ``next_action`` is known from ``Learnt`` on.

    Args:
        env: anything with Gymnasium's API.
        agent: two verbs, ``policy`` and ``update``.
        teacher: presses that arrived while a step was on the screen.
        blend: how they join the reward, or a Switch that holds blend and human model (to read H, or to switch live).
        credit: which steps a press is about; ``Immediate()`` by default.
        seed: of the world and the policy; the same seed gives the same run.
        clock: session time; a metronome of 0.3 s a step by default.
        since: steps and episodes that lie behind the agent already (a warm-up, a loaded agent): counting goes on there.
        steps: return once so many steps were taken, wherever the episode is; None never returns. It is a pause, not an
            end: steps that still wait for their feedback stay in the credit.
        place: where an earlier call with the same parts paused; then seed, clock and since are told by it. It stands
            there until this call pauses, and then where this one has paused.

    Returns:
        The place where it paused: 1000 steps, and 1000 more from there, are 2000 steps bit for bit.
    """
    switch = blend if isinstance(blend, Switch) else Switch(blend or none(), human_model(env), agent.gamma)
    if place is None:
        place = beginning(agent, switch, seed, clock, since)
    credit = credit or Immediate()
    attends = teacher.attends if isinstance(teacher, Attending) else None
    somebody = teacher is not silent
    if steps == 0:
        return place
    index, episode, uniform = place.index, place.episode, place.uniforms.numbers
    reset_seed, clock, under_way = place.world_seed, place.clock, place.under_way
    last = None if steps is None else index + steps
    while True:
        first = under_way is None
        if under_way is None:
            observation, info = env.reset(seed=reset_seed)
            reset_seed = None  # seeded once: the next episodes go on from the world's own generator
            mask = info.get("action_mask")
            switch.begin_episode(index, episode)
            chosen = None
        else:
            observation, mask, chosen = under_way
            under_way = None
        action, probability, actor, choice = chosen or _choose(agent, switch, observation, next(uniform))
        ended = False
        while not ended:
            next_observation, reward, terminated, truncated, info = env.step(action)
            next_mask = info.get("action_mask")
            fields = (
                index, episode, observation, action, float(reward), next_observation, terminated, truncated,
                probability, actor, mask, next_mask, clock(first), None,
                somebody if attends is None else attends(index), choice, None,
            )  # fmt: skip
            step = record(Step, fields)
            yield record(Acted, (step,))
            presses = teacher(step) if somebody else ()
            index += 1
            switch.index = index
            ended = terminated or truncated
            drawn = agent.on_policy and not terminated
            if drawn:
                action, probability, actor, choice = _choose(agent, switch, next_observation, next(uniform))
                step = step._replace(next_action=action, next_choice=choice)
            waits = credit.instant or agent.learns_from_feedback or switch.waits()
            if not waits:
                judgement = Judgement(step)
                yield record(Learnt, (judgement, switch.learn(agent, judgement)))
            credited, released = credit.take(step, presses, waits)
            for press in credited:
                yield Pressed(press)
            for judgement, owed in released:
                if judgement.credits:
                    switch.observe(judgement)
                if owed:
                    yield record(Learnt, (judgement, switch.learn(agent, judgement)))
            if index == last:
                drawn_already = (action, probability, actor, choice) if drawn else None
                rest = (next_observation, next_mask, drawn_already)
                place.index, place.episode, place.world_seed = index, episode + ended, None
                place.under_way = None if ended else UnderWay(*rest)
                return place
            if not (drawn or ended):
                action, probability, actor, choice = _choose(agent, switch, next_observation, next(uniform))
            observation, mask, first = next_observation, next_mask, False
        episode += 1


def _choose(agent: Agent, switch: Switch, observation: Any, u: float) -> tuple[Any, float, str, Any]:
    """The action at ``u`` of the policy through bias port, mix port and takeover; its probability; who chose; and what
    the agent chose itself, where that is a number of its own."""
    ports = switch.blend
    distribution = agent.policy(observation, switch.bias(observation) if ports.bias else None)
    if ports.mix:
        distribution = switch.mix(observation, distribution)
    delegates = ports.extends == "action"
    if delegates:
        distribution = switch.delegated(observation, distribution)
    if switch.takeover:
        distribution = switch.takeover(observation, distribution)
    if delegates and isinstance(distribution, Delegated):
        choice, action = distribution.chosen(u)
        return action, distribution.own[choice], distribution.actor, choice
    action = distribution.sample(u)
    return action, distribution.prob(action), distribution.actor, None


class Greedy:
    """An agent as evaluation sees it: it takes its best action, and learns nothing.

    Where a mix port is at work (``mixed``) it keeps its own doubt until the person's word has been weighed against it:
    a best action that is taken for certain would leave policy shaping, a product, nothing to decide.
    """

    on_policy = False
    learns_from_feedback = False

    def __init__(self, agent: Any, mixed: bool = False) -> None:
        self.policy = agent.policy if mixed else agent.greedy_policy
        self.gamma = agent.gamma

    def update(self, judgement: Judgement, reward: RewardPort) -> Update | None:
        """Evaluation changes nothing."""


class Evaluation(NamedTuple):
    """What a policy is worth, one entry per episode: automated returns, lengths in steps, and the hidden taste of what
    was served (0 where nothing was; None in a world without taste)."""

    returns: np.ndarray[Any, np.dtype[np.float64]]
    lengths: np.ndarray[Any, np.dtype[np.int64]]
    tastes: np.ndarray[Any, np.dtype[np.float64]] | None


def most_likely(context: Context, beta: float, own: Any) -> Distribution:  # noqa: ARG001 - the signature of a rule
    """The rule that ends evaluation's mix ports: what would be done most often is done, ties at random."""
    return greedy(own.probabilities)


def _decided(blend: Blend) -> Blend:
    """A blend that decides: its mix ports end in one deed, and an agent with an extra action has made up its mind."""
    if not (blend.mix or blend.extends == "action"):
        return blend
    return blend._replace(mix=(*blend.mix, Port(Constant(1.0), most_likely)))


def evaluate(
    env: Any,
    agent: Any,
    episodes: int = 50,
    seed: int = 0,
    switch: Switch | None = None,
    cap: int = DEFAULT_CAP,
) -> Evaluation:
    """Play greedily, without a teacher and without learning, in a world and with seeds of evaluation's own.

    Args:
        env: a world made for evaluation alone: it is reset and stepped.
        agent: read, never changed.
        episodes: how many, at least 1.
        seed: the same seed gives the same episodes.
        switch: None judges the agent alone; a switch judges the agent with H in its policy, so that blends which only
            touch behaviour (action biasing, control sharing) are judged fairly. Greedily too: where H takes part in
            what is *done*, the most likely deed of the agent and H together.
        cap: steps after which an episode counts as over, for worlds without a time limit.

    Returns:
        Returns of the world's own reward, never of a shaped one.
    """
    # Nobody speaks in an evaluation, so the agent alone needs no model of a person.
    guided = switch.frozen() if switch else Switch(none(), NoModel(), agent.gamma)
    judged = Greedy(agent, mixed=bool(guided.blend.mix or guided.blend.extends == "action"))
    guided.blend = _decided(guided.blend)
    taste = getattr(env.unwrapped, "taste", None)
    returns, lengths, tastes = [], [], []
    total, length = 0.0, 0
    for event in play(TimeLimit(env, cap), judged, blend=guided, seed=seed):
        if not isinstance(event, Acted):
            continue
        total += event.step.reward
        length += 1
        if event.step.ended:
            returns.append(total)
            lengths.append(length)
            tastes.append(taste(env.unwrapped.state) if taste and event.step.terminated else 0.0)
            total, length = 0.0, 0
            if len(returns) == episodes:
                break
    return Evaluation(np.array(returns), np.array(lengths), np.array(tastes) if taste else None)
