"""The numbers in the docstrings are worked by hand; here they are run."""

import doctest
import importlib
import pkgutil

import pytest

import hfrl
import hfrl.agents
import hfrl.envs

PACKAGES = (hfrl.agents, hfrl.envs)
FLOOR_0_AND_1 = (
    "blend",
    "credit",
    "mdp",
    "models",
    "policy",
    "returns",
    "schedules",
    "seeding",
    "strategies",
    "tabular",
    "teachers",
)
MODULES = (
    [f"hfrl.{name}" for name in FLOOR_0_AND_1]
    + ["hfrl.lateness", "hfrl.recorded", "hfrl.listening", "hfrl.gradients"]
    + [f"{package.__name__}.{module.name}" for package in PACKAGES for module in pkgutil.iter_modules(package.__path__)]
)


@pytest.mark.parametrize("name", MODULES)
def test_docstrings_tell_the_truth(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_doctests_to_run() -> None:
    tried = sum(doctest.testmod(importlib.import_module(f"hfrl.{name}")).attempted for name in FLOOR_0_AND_1)
    assert tried >= 13
