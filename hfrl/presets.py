"""Settings that were measured to learn a world, in a readable file that ships with the package: ``presets.toml``."""

import functools
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from hfrl.registry import nearest
from hfrl.types import UserError

FILE = Path(__file__).with_name("presets.toml")


class Preset(NamedTuple):
    """An agent with its settings, the world they were found for, and for how many steps."""

    agent: str
    env: str
    total_timesteps: int
    set: dict[str, Any]
    env_kwargs: dict[str, Any] = {}  # noqa: RUF012 - of a record, that nobody writes into


@functools.cache
def presets() -> dict[str, Preset]:
    """All of them by name."""
    return {name: Preset(**table) for name, table in tomllib.loads(FILE.read_text(encoding="utf-8")).items()}


def preset(name: str) -> Preset:
    """One of them. Raises UserError with the nearest name there is."""
    known = presets()
    found = known.get(name.replace("-", "_"))
    if found is None:
        raise UserError(f"unknown preset {name!r}{nearest(name, known)} (known: {', '.join(known)})")
    return found
