"""Taking a press back: the episode so far is learnt again without it, from a snapshot taken when the episode began.

Inside the credit window a press simply vanishes; in the same episode everything is re-learnt exactly; in an earlier
episode H and the log are corrected, and what the agent made of it stays.
"""

from typing import Any, NamedTuple

from hfrl.blend import HumanModel, Switch
from hfrl.credit import Credit
from hfrl.types import Acted, Event, Judgement, Learnt, Press


class _Entry(NamedTuple):
    """Something that was learnt, and the present (steps, episodes) the blend's weights were read at."""

    by_model: bool
    judgement: Judgement
    index: int  # type: ignore[assignment]  # the field's own word
    episode: int


class Remembering:
    """A human model that also notes what it was taught, and when."""

    def __init__(self, model: Any, memory: "Memory") -> None:
        self.inner = model
        self._memory = memory
        self.values = model.values
        self.counts = model.counts

    def observe(self, judgement: Judgement) -> None:
        """Learn it and note it."""
        self.inner.observe(judgement)
        self._memory.remember(judgement, by_model=True)

    def arrays(self) -> Any:
        """The inner model's arrays."""
        return self.inner.arrays()

    def restore(self, arrays: Any) -> None:
        """Restore the inner model."""
        self.inner.restore(arrays)

    def correct(self, old: Judgement, new: Judgement) -> None:
        """Correct the inner model."""
        self.inner.correct(old, new)


class Memory:
    """What was learnt since the episode began. It wraps the switch's model, and must be shown every event."""

    def __init__(self, agent: Any, switch: Switch, credit: Credit) -> None:
        self._agent = agent
        self._switch = switch
        self._credit = credit
        self._model: HumanModel = switch.model
        self._entries: list[_Entry] = []
        self._said: dict[int, Judgement] = {}  # every judged step of the session, as H knows it
        self._episode: int | None = None
        self._snapshot: Any = None
        switch.model = Remembering(switch.model, self)

    def note(self, event: Event) -> None:
        """Look at an event of the loop."""
        if isinstance(event, Acted) and event.step.episode != self._episode:
            self._episode = event.step.episode
            self._entries.clear()
            self._snapshot = (self._agent.arrays(), self._switch.model.arrays())  # type: ignore[attr-defined]
        elif isinstance(event, Learnt):
            self.remember(event.judgement, by_model=False)

    def remember(self, judgement: Judgement, by_model: bool) -> None:
        """Something was learnt."""
        self._entries.append(_Entry(by_model, judgement, self._switch.index, self._switch.episode))
        if by_model:
            self._said[judgement.step.index] = judgement

    def judgements(self) -> dict[int, Judgement]:
        """What was said of each judged step of the session, by the step's index, after every take-back."""
        return {index: judgement for index, judgement in self._said.items() if judgement.credits}

    def take_back(self, press: Press) -> str:
        """Undo one press that the loop has had already. Returns what was done, in words."""
        self._credit.forget(press)
        touched = [index for index, _ in press.shares if index in self._said]
        if press.step.episode != self._episode:
            for index in touched:
                old = self._said[index]
                self._said[index] = without(old, press)
                self._model.correct(old, self._said[index])  # type: ignore[attr-defined]
            return "taken back from H; what was learnt of it in an earlier episode stays"
        entries = [entry._replace(judgement=without(entry.judgement, press)) for entry in self._entries]
        self._relearn(entries)
        return "taken back, and the episode learnt again without it"

    def _relearn(self, entries: list[_Entry]) -> None:
        present = self._switch.index, self._switch.episode
        agent_arrays, model_arrays = self._snapshot
        self._agent.restore(agent_arrays)
        self._switch.model.restore(model_arrays)  # type: ignore[attr-defined]
        self._entries.clear()
        for by_model, judgement, self._switch.index, self._switch.episode in entries:
            if by_model:
                if judgement.credits:
                    self._switch.model.observe(judgement)
                else:
                    self._said.pop(judgement.step.index, None)
            else:
                self._agent.update(judgement, self._switch.reward)
                self.remember(judgement, by_model=False)
        self._switch.index, self._switch.episode = present


def without(judgement: Judgement, press: Press) -> Judgement:
    """The judgement less this press's share of credit, if it has one."""
    share = dict(press.shares).get(judgement.step.index)
    credits = list(judgement.credits)
    if share is not None and (press.feedback.value, share) in credits:
        credits.remove((press.feedback.value, share))
    return judgement._replace(credits=tuple(credits))
