"""An agent of another library, taught through its reward: a world that has a teacher in it.

Stable-Baselines3, CleanRL and their like know one word of a person's, the reward. So :class:`TaughtEnv` is a wrapper
of Gymnasium's whose ``step`` returns the blended reward. There is no second loop in it: each step is a run of
:func:`hfrl.play` for one step, from the place where the last one paused, with an agent that does what it is handed.
"""

from typing import Any, NamedTuple

import gymnasium
from gymnasium.spaces import Discrete

from hfrl.blend import Blend, Switch, refusal
from hfrl.credit import Credit, Immediate
from hfrl.loop import beginning, human_model, play
from hfrl.models import NoModel
from hfrl.people import driver_of
from hfrl.tamer_rl import add_press
from hfrl.types import Acted, Judgement, Pressed, RewardPort, Teacher, UserError

#: What each port but the reward's would have to reach, in words.
OUT_OF_REACH = {
    "bias": "what an agent prefers",
    "mix": "what an agent does",
    "start": "what an agent begins with",
    "extends": "what an agent is made of",
}
THROUGH_REWARD = "reward_shaping and potential_based work through the reward alone"


class Handed(NamedTuple):
    """The action that was chosen elsewhere; with what probability, nobody here knows: it is taken as certain."""

    action: Any

    @property
    def actor(self) -> str:
        """The agent."""
        return "agent"

    def sample(self, u: float) -> Any:  # noqa: ARG002 - the verb of every distribution
        """The action, whatever ``u``."""
        return self.action

    def prob(self, action: Any) -> float:  # noqa: ARG002
        """1, of the action that was handed over."""
        return 1.0

    def log_prob(self, action: Any) -> float:  # noqa: ARG002
        """0."""
        return 0.0


class Outsider:
    """Who chooses and learns elsewhere, as the loop sees them: it does what it is handed, and notes what it is told.

    It is told at once, whatever the credit: Gymnasium's ``step`` returns its reward, and there is no later word.
    """

    on_policy = False
    learns_from_feedback = False

    def __init__(self, gamma: float) -> None:
        self.gamma = gamma
        self.action: Any = None
        self.signal = 0.0

    def policy(self, observation: Any, bias: Any = None) -> Handed:  # noqa: ARG002 - it was chosen elsewhere
        """The action that was handed over."""
        return Handed(self.action)

    def update(self, judgement: Judgement, reward: RewardPort) -> None:
        """Note the blended reward."""
        self.signal = reward(judgement)

    def correct(self, old: Judgement, new: Judgement) -> None:
        """What it was told cannot be unsaid; H hears it."""


class World:
    """The world as the loop steps it: it is reset from outside, and its last info is kept."""

    def __init__(self, env: Any) -> None:
        self._env = env
        self.begun: tuple[Any, dict[str, Any]] | None = None
        self.info: dict[str, Any] = {}

    def reset(self, seed: int | None = None) -> tuple[Any, dict[str, Any]]:  # noqa: ARG002 - seeded from outside
        """What the reset from outside returned."""
        assert self.begun is not None
        return self.begun

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """One step of the world itself."""
        observation, reward, terminated, truncated, self.info = self._env.step(action)
        return observation, reward, terminated, truncated, self.info


class TaughtEnv(gymnasium.Wrapper[Any, Any, Any, Any]):
    """A world whose reward is what a teacher and the world say together; for agents that hear nothing but a reward.

    ``info["world_reward"]`` is the world's own reward of the step, and ``info["feedback"]`` the sum of the presses made
    while it was on the screen; the latter is left out where nothing was said, because silence is no 0. What a monitor
    *around* this world adds up is the blended reward, never the agent's return: put it inside,
    ``TaughtEnv(Monitor(env), ...)``, and evaluate in the world without a teacher.

    Args:
        env: anything with Gymnasium's API. A teacher and H see its observations, so wrappers that prepare observations
            for a network belong outside.
        teacher: a callable on a step, :mod:`hfrl.teachers`.
        blend: one that works through the reward alone; or a Switch that holds it, to go on with an H that was taught
            before. H learns with every press.
        credit: which steps a press is about. Beyond ``Immediate()``, the default, it reaches H late, and the agent
            through H alone.
        gamma: the discount of the agent, for blends that need it; a Switch brings its own.

    Attributes:
        switch: the blend in force, and H in ``switch.model``.

    Raises:
        UserError: a blend that an agent cannot be taught by through its reward, a world that no H fits, a teacher who
            drives.
    """

    def __init__(
        self, env: Any, teacher: Teacher, blend: Blend | Switch, credit: Credit | None = None, gamma: float = 0.99
    ) -> None:
        super().__init__(env)
        self.switch = blend if isinstance(blend, Switch) else Switch(blend, human_model(env), gamma)
        self._teacher = teacher
        self._credit = credit or Immediate()
        self._agent = Outsider(self.switch.gamma)
        reason = unteachable(self.switch, self._agent, self._credit, env)
        if reason:
            raise UserError(reason)
        if driver_of(teacher) is not None:
            raise UserError("a teacher who drives needs the wheel, and an agent of another library keeps it")
        self._world = World(env)
        self._place = beginning(self._agent, self.switch, seed=0)  # the loop draws nothing: it is handed every action

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; one that is under way is left, and no later press is about it."""
        self._world.begun = self.env.reset(seed=seed, options=options)
        if self._place.under_way is not None:
            self._credit.barrier()
            self.switch.previous = self.switch.entered = None
            self._place.episode += 1
            self._place.under_way = None
        return self._world.begun

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One step of the world, judged; the reward is the blended one. Raises ResetNeeded outside an episode."""
        if self._place.under_way is None and self._world.begun is None:
            raise gymnasium.error.ResetNeeded("the episode is over, or none has begun: call reset first")
        self._agent.action = int(action) if isinstance(self.env.action_space, Discrete) else action
        presses = []
        parts = self._world, self._agent, self._teacher, self.switch, self._credit
        for event in play(*parts, steps=1, place=self._place):
            if isinstance(event, Acted):
                step = event.step
            elif isinstance(event, Pressed):
                presses.append(event.press.feedback.value)
        self._world.begun = None
        info = self._world.info | {"world_reward": step.reward}
        if presses:
            info["feedback"] = float(sum(presses))
        return step.next_observation, float(self._agent.signal), step.terminated, step.truncated, info


def unteachable(switch: Switch, agent: Outsider, credit: Credit, env: Any) -> str | None:
    """Why an agent of another library cannot be taught so, in words; None where it can."""
    blend = switch.blend
    for port, what in OUT_OF_REACH.items():
        if getattr(blend, port):
            return (
                f"blend {blend.name} reaches for {what}, and an agent of another library hears its reward and nothing "
                f"else; {THROUGH_REWARD}"
            )
    reason = refusal(blend, agent, switch.model, switch.gamma)
    if reason:
        return f"{reason}; {THROUGH_REWARD}"
    by_press = [port.rule is add_press for port in blend.reward]
    if isinstance(switch.model, NoModel) and not all(by_press):
        return (
            f"blend {blend.name} keeps a model of the person, and none fits {env.observation_space} with "
            f"{env.action_space}; use reward_shaping(source='press')"
        )
    if any(by_press) and not credit.instant:
        return "a press that is credited later cannot be told any more: source='press' goes with Immediate() credit"
    return None
