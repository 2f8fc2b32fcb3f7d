"""TensorBoard events of a run, under Stable-Baselines3's names; the extra ``track`` brings the writer."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hfrl.types import UserError

STEPS = "time/total_timesteps"


def writer() -> Any:
    """The class that writes events. Raises UserError where it is not installed."""
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise UserError("--tensorboard needs tensorboardX: pip install 'hfrl[track]'") from error
    return SummaryWriter


class Board:
    """The events of one seed, in its folder: `tensorboard --logdir runs` finds them."""

    def __init__(self, folder: Path) -> None:
        self._writer = writer()(str(folder), flush_secs=1)

    def row(self, values: Mapping[str, float | int | None]) -> None:
        """What was measured at one evaluation; the steps of the world are the x axis."""
        steps = values[STEPS]
        for name, value in values.items():
            if name != STEPS and value is not None:
                self._writer.add_scalar(name, value, steps)
        self._writer.flush()

    def close(self) -> None:
        """Everything is on its way to the disk."""
        self._writer.close()
