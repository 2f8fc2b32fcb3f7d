"""Taking a press back: the episode so far is learnt again without it, from a snapshot taken when the episode began.

Inside the credit window a press simply vanishes; in the same episode everything is re-learnt exactly; in an earlier
episode H, the log and the buffer of an agent that has one are corrected, and what the agent made of it stays.
"""

from typing import Any, NamedTuple

from hfrl.blend import Blend, Switch
from hfrl.credit import Credit, without
from hfrl.types import Acted, Corrigible, Event, Judgement, Learnt, Press


class _Entry(NamedTuple):
    """Something that was learnt, and by what: the present (steps, episodes), the blend, and the agent's dials."""

    by_model: bool
    judgement: Judgement
    index: int  # type: ignore[assignment]  # the field's own word
    episode: int
    blend: Blend
    dials: tuple[Any, ...]


class Remembering:
    """A human model that also notes what it was taught, and when."""

    def __init__(self, model: Any, memory: "Memory") -> None:
        self.inner = model
        self._memory = memory
        self.values = model.values
        self.counts = model.counts
        self.said = model.said
        self.recency = model.recency

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

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
        self._model: Any = switch.model
        self._entries: list[_Entry] = []
        self.heard: Judgement | None = None  # what H was told last
        self._said: dict[int, list[Judgement]] = {}  # every judged step of the session, as H was told of it
        self._episode: int | None = None
        self._snapshot: Any = None
        switch.model = Remembering(switch.model, self)

    def note(self, event: Event) -> None:
        """Look at an event of the loop."""
        if isinstance(event, Acted) and event.step.episode != self._episode:
            self._episode = event.step.episode
            self._entries.clear()
            self._snapshot = (snapshot(self._agent), self._model.arrays(), self._switch.arrays())
        elif isinstance(event, Learnt):
            self.remember(event.judgement, by_model=False)

    def remember(self, judgement: Judgement, by_model: bool) -> None:
        """Something was learnt."""
        switch = self._switch
        dials = (switch.gamma, *self._agent.dials())
        self._entries.append(_Entry(by_model, judgement, switch.index, switch.episode, switch.blend, dials))
        if by_model:
            self.heard = judgement
            self._said.setdefault(judgement.step.index, []).append(judgement)

    def judgements(self) -> dict[int, Judgement]:
        """What was said of each judged step of the session, by the step's index, after every take-back."""
        result = {}
        for index, told in self._said.items():
            credits = tuple(credit for judgement in told for credit in judgement.credits)
            if credits:
                trainers = tuple(trainer for judgement in told for trainer in judgement.trainers)
                result[index] = told[0]._replace(credits=credits, trainers=trainers)
        return result

    def take_back(self, press: Press) -> str:
        """Undo one press that the loop has had already. Returns what was done, in words."""
        self._credit.forget(press)
        touched = [index for index, _ in press.shares if self._said.get(index)]
        if press.step.episode != self._episode and not self._learnt_here(press):
            self._correct([self._corrected(index, press) for index in touched])
            whom = "H and from what the agent remembers" if isinstance(self._agent, Corrigible) else "H"
            return f"taken back from {whom}; what was learnt of it in an earlier episode stays"
        entries = [entry._replace(judgement=without(entry.judgement, press)) for entry in self._entries]
        self._relearn(entries)
        return "taken back, and the episode learnt again without it"

    def _learnt_here(self, press: Press) -> bool:
        """Whether H heard of a press about an earlier episode's last step only in the present one."""
        return any(entry.judgement != without(entry.judgement, press) for entry in self._entries if entry.by_model)

    def _corrected(self, index: int, press: Press) -> tuple[Judgement, Judgement]:
        """What H was told of a step last that this press had a share in, as it was and as it should be."""
        told = self._said[index]
        pairs = [(judgement, without(judgement, press)) for judgement in told]
        at = max((k for k, (old, new) in enumerate(pairs) if old != new), default=0)
        told[at] = pairs[at][1]
        return pairs[at]

    def _correct(self, corrections: list[tuple[Judgement, Judgement]]) -> None:
        """Correct H, and an agent that remembers, as they are and as they were when the present episode began."""
        agent_before, at_start, beside = self._snapshot
        if isinstance(self._agent, Corrigible):
            agent_before = corrected(self._agent, agent_before, corrections)
        self._snapshot = agent_before, corrected(self._model, at_start, corrections), beside

    def _relearn(self, entries: list[_Entry]) -> None:
        switch, agent = self._switch, self._agent
        present = switch.index, switch.episode, switch.blend, (switch.gamma, *agent.dials())
        agent_before, model_arrays, beside = self._snapshot
        rewind(agent, agent_before)
        self._model.restore(model_arrays)
        switch.restore(beside)
        for entry in self._entries:
            if entry.by_model:
                self._said[entry.judgement.step.index].pop()
        self._entries.clear()
        for entry in entries:
            self._set(entry.index, entry.episode, entry.blend, entry.dials)
            if not entry.by_model:
                switch.learn(agent, entry.judgement)
                self.remember(entry.judgement, by_model=False)
            elif entry.judgement.credits:
                switch.observe(entry.judgement)
        self._set(*present)

    def _set(self, index: int, episode: int, blend: Blend, dials: tuple[Any, ...]) -> None:
        """The present, the blend and the dials that the next thing is learnt by."""
        self._switch.index, self._switch.episode, self._switch.blend = index, episode, blend
        self._switch.gamma = dials[0]
        self._agent.set_dials(dials[1:])


def corrected(part: Any, before: Any, corrections: list[tuple[Judgement, Judgement]]) -> Any:
    """Correct an agent or a model as it is; returns what was its snapshot ``before``, corrected too."""
    present = snapshot(part)
    rewind(part, before)
    for old, new in corrections:
        part.correct(old, new)
    before = snapshot(part)
    rewind(part, present)
    for old, new in corrections:
        part.correct(old, new)
    return before


def snapshot(part: Any) -> Any:
    """Where an agent or a model stands: its arrays, or what it says is enough to come back to."""
    return part.snapshot() if hasattr(part, "snapshot") else part.arrays()


def rewind(part: Any, taken: Any) -> None:
    """Bring it back to where it stood at a :func:`snapshot`."""
    if hasattr(part, "rewind"):
        part.rewind(taken)
    else:
        part.restore(taken)
