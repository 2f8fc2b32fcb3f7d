"""What agents share that learn from a person's word and hear no reward: what a step's label is, and the shell.

A rule of such an agent is a pure function on tables like any other (see :mod:`hfrl.tabular`); instead of ``r`` it asks
for these:

==========  ===========================================================================================================
``f``       the label: the sum of the step's shares of credit; 0 where nobody spoke
``judged``  whether ``f`` counts as a label; False for a step that nobody was there to judge, for silence where the
            agent takes silence for missing, and for what a person did who drove
==========  ===========================================================================================================
"""

from hfrl.tabular import TabularAgent
from hfrl.types import Judgement, RewardPort, Update, UserError

SILENCES = ("missing", "zero")


def counts(spoke: bool, taught: bool, silence: int) -> bool:
    """Whether a step has a label: somebody spoke, or somebody was there whose silence (1: zero, 0: missing) counts.

    >>> counts(True, True, 0), counts(False, True, 0), counts(False, True, 1), counts(False, False, 1)
    (True, False, True, False)
    """
    return spoke or (taught and silence == 1)


def heard(judgement: Judgement, silence: int, takeover: float) -> tuple[float, bool]:
    """The label of a step, and whether it counts as one.

    What a person did who drove is nothing the agent can be blamed for: it counts only where ``takeover`` says what it
    is worth (1: as if it had been praised), or where somebody judged it.

    >>> from hfrl.types import Step
    >>> step = Step(0, 0, 0, 0, 0.0, 0, False, False)
    >>> heard(Judgement(step, ((1.0, 0.5),)), 0, 0.0), heard(Judgement(step), 1, 0.0)
    ((0.5, True), (0.0, True))
    >>> heard(Judgement(step._replace(actor="human")), 1, 0.0), heard(Judgement(step._replace(actor="human")), 1, 1.0)
    ((0.0, False), (1.0, True))
    """
    step, said = judgement.step, judgement.feedback
    if said is None and step.actor != "agent":
        return takeover, takeover != 0.0
    return said or 0.0, counts(said is not None, step.taught, silence)


def silence_number(silence: str) -> int:
    """0 for ``"missing"``, 1 for ``"zero"``. Raises UserError for anything else."""
    if silence not in SILENCES:
        raise UserError(f"silence must be one of {', '.join(SILENCES)}, got {silence!r}")
    return SILENCES.index(silence)


class Listening(TabularAgent):
    """The shell of tables, which hands the rule the person's label instead of a reward.

    Attributes:
        silence: 1 where a step passed in silence has the label 0, 0 where it has none.
        takeover: the label of a step that a person drove and nobody judged; 0 for none.
        letters: what the rule moves, for the card of an update.
        discounts: whether gamma is in the rule.
    """

    learns_from_feedback = True
    learns_from_reward = False
    letters = "H(s,a)"
    discounts = False
    silence = 1
    takeover = 0.0

    def listen(self, silence: str, takeover: float) -> None:
        """Set what silence and driving count as. Raises UserError."""
        if not -1 <= takeover <= 1:
            raise UserError(f"takeover must be within [-1, 1], got {takeover}")
        self.silence, self.takeover = silence_number(silence), float(takeover)

    def update(self, judgement: Judgement, reward: RewardPort) -> Update | None:  # noqa: ARG002 - it hears none
        """Learn one step from its label."""
        f, judged = heard(judgement, self.silence, self.takeover)
        return self.applied(judgement.step, f, {"f": f, "judged": judged})
