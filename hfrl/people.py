"""From what was typed to a person: dials by name, several people at once, and somebody who drives.

``oracle:consistency=0.9,likelihood=0.3`` is a judge (:mod:`hfrl.judges`) and a manner (:mod:`hfrl.teachers`);
``oracle:likelihood=0.3+sabl:error=0.2`` are two people with luck of their own, heard in this order.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hfrl.judges import Driver, Hands
from hfrl.teachers import Manner, attending, check_probability, spoken
from hfrl.types import Feedback, Step, Teacher, UserError

#: The manners that go by a name. SABL's person takes silence for granted after a mistake (Loftin et al. 2014).
MANNERS: Mapping[str, Manner] = {
    "sabl": Manner(consistency=0.9, withhold_praise=0.1, withhold_blame=0.9),
    "adversary": Manner(inverted=True),
}
#: Other names of a dial.
ALSO = {"error": "consistency", "positivity": "withhold_blame"}
DIALS = (*Manner._fields, *ALSO)
PROBABILITIES = (
    "consistency", "error", "drift", "likelihood", "fatigue", "withhold_blame", "positivity", "withhold_praise",
)  # fmt: skip
#: The first child of a person's seed that belongs to a second teacher: far beyond what a teacher spawns for itself.
SECOND = 1 << 20


def manner_of(name: str, given: Mapping[str, Any]) -> Manner:
    """The manner of a teacher from its dials as they were typed.

    Args:
        name: of the teacher: some have a manner of their own, on top of which the dials are turned.
        given: dial -> value; ``error`` is 1 - consistency, ``positivity`` another name of withhold_blame.

    Raises:
        UserError: a dial that is no number, a probability that is none, or the same dial by two names.
    """
    turned: dict[str, Any] = {}
    for dial, value in given.items():
        _check(name, dial, value)
        field = ALSO.get(dial, dial)
        if field in turned:
            raise UserError(
                f"teacher {name}: {dial} and {'/'.join(_names(field, dial))} are one dial; give one of them"
            )
        turned[field] = 1 - value if dial == "error" else value
    return MANNERS.get(name, Manner())._replace(**turned)


def _names(field: str, but: str) -> list[str]:
    return [name for name in (field, *ALSO) if name != but and ALSO.get(name, name) == field]


def _check(name: str, dial: str, value: Any) -> None:
    wrong = f"teacher {name} cannot be made with {dial}={value!r}"
    if dial == "inverted":
        if not isinstance(value, bool):
            raise UserError(f"{wrong}: expected True or False")
        return
    if dial == "delay" and isinstance(value, str):
        return
    if dial == "budget" and value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int if dial == "budget" else int | float):
        raise UserError(f"{wrong}: expected {'a whole number' if dial == 'budget' else 'a number'}")
    if dial in PROBABILITIES:
        check_probability(dial, value)


def person(judge: Teacher, manner: Manner, rng: np.random.Generator) -> Teacher:
    """Somebody who thinks like this judge and speaks in this manner; a judge with hands drives instead of speaking."""
    speaker = judge if manner == Manner() else spoken(judge, manner, rng)
    return Driver(speaker, judge) if isinstance(judge, Hands) else speaker


def words_of(error: float, withhold_praise: float, withhold_blame: float) -> tuple[tuple[float, float, float], ...]:
    """P(praise), P(blame), P(silence) of a right action, and of a wrong one (Loftin et al. 2014, section 3).

    With error e and withholding mu+ and mu-: P(+|right) = (1-e)(1-mu+), P(-|right) = e (1-mu-), and mirrored for a
    wrong action. So of a person who seldom blames (mu- = .9) and mostly praises (mu+ = .1) silence is evidence of a
    mistake, .18 : .82, and of one who withholds both alike it is none.

    >>> [[round(p, 4) for p in row] for row in words_of(0.1, 0.1, 0.9)]
    [[0.81, 0.01, 0.18], [0.09, 0.09, 0.82]]
    """
    e, praised, blamed = error, 1 - withhold_praise, 1 - withhold_blame
    right, wrong = ((1 - e) * praised, e * blamed), (e * praised, (1 - e) * blamed)
    return (*right, 1 - sum(right)), (*wrong, 1 - sum(wrong))


def generator_of(rng: np.random.Generator, k: int) -> np.random.Generator:
    """The generator of the ``k``-th of several people: the first has the one there is, the others a child of its seed,
    so that one more person leaves the luck of the first ones alone."""
    if k == 0:
        return rng
    seed = rng.bit_generator.seed_seq
    assert isinstance(seed, np.random.SeedSequence)
    return np.random.default_rng(np.random.SeedSequence(entropy=seed.entropy, spawn_key=(*seed.spawn_key, SECOND + k)))


def trainers(names: Sequence[str]) -> list[str]:
    """What several people are called in the log: by their teacher's name, numbered where it repeats.

    >>> trainers(["oracle", "sabl", "oracle"])
    ['oracle', 'sabl', 'oracle-2']
    """
    return [
        name if names[:k].count(name) == 0 else f"{name}-{names[: k + 1].count(name)}" for k, name in enumerate(names)
    ]


class Fused:
    """Several people who watch the same agent. Their presses are heard in the order they were made; of those made at
    the same moment, in the order the people are named. ``Feedback.trainer`` says whose a press is.

    Args:
        people: name and teacher of each.
    """

    def __init__(self, people: Sequence[tuple[str, Teacher]]) -> None:
        self._people = list(people)

    def attends(self, index: int) -> bool:
        """Whether any of them does."""
        return any(attending(teacher, index) for _, teacher in self._people)

    def __call__(self, step: Step) -> Sequence[Feedback]:
        said = [one._replace(trainer=name) for name, teacher in self._people for one in teacher(step)]
        return sorted(said, key=lambda one: one.time)

    def drivers(self) -> list[Driver]:
        """Those who may take over, in their order."""
        return [teacher for _, teacher in self._people if isinstance(teacher, Driver)]


def driver_of(teacher: Teacher) -> Driver | None:
    """Who takes the wheel: the teacher, or the first of several who drives; None where nobody does. Raises UserError
    where two would."""
    drivers = teacher.drivers() if isinstance(teacher, Fused) else [teacher] if isinstance(teacher, Driver) else []
    if len(drivers) > 1:
        raise UserError("two people cannot drive at once: give one kind=takeover")
    return drivers[0] if drivers else None
