"""hfrl: a person teaches a reinforcement-learning agent live, and sees what it learned.

Importing this package registers the worlds with Gymnasium. The names below are loaded when they are first used.
"""

import importlib
from pathlib import Path
from typing import Any

# In a checkout the rooms hfrl.agents and hfrl.envs stand beside this folder, as agents/ and envs/; an editable install
# maps them. This line lets `python -m hfrl.run` find the checkout's own rooms where another hfrl is installed, too.
if (Path(__file__).parent.parent / "setup.cfg").is_file():
    __path__.append(str(Path(__file__).parent.parent))

from hfrl.envs import register

__version__ = "0.1.0"

_HOMES = {
    "play": "hfrl.loop",
    "evaluate": "hfrl.loop",
    "Evaluation": "hfrl.loop",
    "Switch": "hfrl.blend",
    "chain": "hfrl.blend",
    "HumanTable": "hfrl.models",
    "TaughtEnv": "hfrl.taught",
    "streams": "hfrl.seeding",
    "Acted": "hfrl.types",
    "Pressed": "hfrl.types",
    "Learnt": "hfrl.types",
    "Step": "hfrl.types",
    "Feedback": "hfrl.types",
    "Judgement": "hfrl.types",
    "Update": "hfrl.types",
    "UserError": "hfrl.types",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hfrl' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)


register()
