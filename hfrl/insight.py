"""What a session finds out about its teacher while they teach: their traits, and where their praise would lead."""

import threading
from typing import Any

from hfrl.blend import Switch
from hfrl.circuits import Lookout, praise_in_reward
from hfrl.portrait import Portrait, Traits
from hfrl.types import Press, Step, UserError

#: At most so often (session seconds) it is asked whether praise pays for running in circles.
EVERY = 5.0


class Insight:
    """Is shown every step and press; never holds the learner up.

    Args:
        env: the world.
        agent, switch: read, never changed.
        inline: look ahead at once and not beside the learner, for sessions whose time is simulated.

    Attributes:
        warning: a line while praise pays for running in circles, else empty.
    """

    def __init__(self, env: Any, agent: Any, switch: Switch, inline: bool) -> None:
        self._agent, self._switch, self._inline = agent, switch, inline
        self._portrait = Portrait()
        self._lookout = Lookout(env)
        self._looked = -EVERY
        self._beside: threading.Thread | None = None
        self.warning = ""

    def acted(self, step: Step, taught: bool) -> None:
        """A step came on the screen."""
        self._portrait.saw(step, taught)

    def pressed(self, press: Press, now: float) -> None:
        """A press was made; ``now`` in session seconds."""
        self._portrait.said(press)
        if self._lookout.blind or now - self._looked < EVERY or (self._beside and self._beside.is_alive()):
            return
        self._looked = now
        if self._inline:
            self.look()
            return
        self._beside = threading.Thread(target=self.look, name="lookout", daemon=True)
        self._beside.start()

    def withdrawn(self, press: Press) -> None:
        """A press was taken back."""
        self._portrait.withdrawn(press)

    def look(self) -> None:
        """Find the warning, or that there is none."""
        try:
            self.warning = self._lookout.look(self._switch.model.values, self._weight(), self._agent.gamma)
        except UserError:  # no model of the person fits this world
            self.warning = ""

    def _weight(self) -> float | None:
        """How much of H is added to the reward now; None where the agent adds up nothing else."""
        if not getattr(self._agent, "learns_from_reward", True):
            return None if self._agent.bootstraps else 0.0
        beta, pressed = praise_in_reward(self._switch.blend, self._switch.index, self._switch.episode)
        # A press is added when it comes, H at every step.
        return beta * (self.traits.rate or 0.0) if pressed else beta

    @property
    def traits(self) -> Traits:
        """The person so far."""
        return self._portrait.traits()
