"""Reading runs back: the arm of a run folder, and the agent of a seed as it was saved."""

from pathlib import Path

from hfrl.config import Arm, Train, arms
from hfrl.config_file import read_config
from hfrl.experiment import Session
from hfrl.reading import read_arrays
from hfrl.record import seed_folders
from hfrl.types import UserError


def load_arm(run: Path, trust: bool = False) -> Arm:
    """The arm of a run folder, from its config. Raises UserError, also for one that names code and is not trusted."""
    cells = arms(Train(**read_config(str(run / "config.json"), trust)))
    if len(cells) != 1:
        raise UserError(f"{run / 'config.json'} is damaged: a run has one env, agent, teacher and blend")
    return cells[0]


def chosen_seed(run: Path, seed: int | None) -> Path:
    """The folder of this seed of a run, of its first by default. Raises UserError where there is none."""
    folders = seed_folders(run)
    chosen = [folder for folder in folders if seed is None or folder.name == f"seed_{seed}"]
    if not chosen:
        there = ", ".join(folder.name.removeprefix("seed_") for folder in folders)
        raise UserError(f"{run} has no seed {seed} (there are {there})")
    return chosen[0]


def load_session(arm: Arm, folder: Path) -> Session:
    """A saved seed with everything it learnt. Raises UserError."""
    digits = folder.name.removeprefix("seed_")
    if not digits.isdigit():
        raise UserError(f"{folder} is no folder of a seed (seed_<n>)")
    session = Session(arm, int(digits))
    session.restore(read_arrays(folder / "final.npz"))
    return session
