"""Reading runs back: the arm of a run folder, and the agent of a seed as it was saved."""

from pathlib import Path

from hfrl.config import Arm, Train, arms, read_config
from hfrl.experiment import Session
from hfrl.record import read_arrays
from hfrl.types import UserError


def load_arm(run: Path) -> Arm:
    """The arm of a run folder, from its config. Raises UserError."""
    cells = arms(Train(**read_config(str(run / "config.json"))))
    if len(cells) != 1:
        raise UserError(f"{run / 'config.json'} is damaged: a run has one env, agent, teacher and blend")
    return cells[0]


def load_session(arm: Arm, folder: Path) -> Session:
    """A saved seed with everything it learnt. Raises UserError."""
    digits = folder.name.removeprefix("seed_")
    if not digits.isdigit():
        raise UserError(f"{folder} is no folder of a seed (seed_<n>)")
    session = Session(arm, int(digits))
    session.restore(read_arrays(folder / "final.npz"))
    return session
