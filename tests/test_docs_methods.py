"""The pages of docs/methods: one for each method, none for a method that is gone, and what they say is there."""

import importlib
import re
import shlex
from pathlib import Path

import pytest

from hfrl import registry
from hfrl.run import main

DOCS = Path(__file__).parent.parent / "docs"
METHODS = DOCS / "methods"
PAGES = sorted(path for path in METHODS.glob("*.md") if path.stem != "README")
HEADINGS = ["Idea", "Equation", "Where", "Try it", "Figure", "When to use it", "What breaks it"]
#: A blend of three forms has three pages; a network that learns from a reward and from who drives has one, too.
MORE = {"policy_shaping_single", "policy_shaping_estimated", "dqfd"}


def ids(paths: list[Path]) -> list[str]:
    return [path.stem for path in paths]


def test_each_method_has_a_page_and_each_page_a_method() -> None:
    blends = set(registry.BLENDS) - {"none"}
    alone = {agent for agent in registry.AGENTS if not registry.hears_reward(agent)}
    assert set(ids(PAGES)) == blends | alone | MORE
    index = (METHODS / "README.md").read_text()
    assert all(f"({path.name})" in index for path in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_a_page_has_its_sections_in_order_and_its_figure(page: Path) -> None:
    text = page.read_text()
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    assert f"(figures/{page.stem}.png)" in text
    assert (METHODS / "figures" / f"{page.stem}.png").stat().st_size > 5_000


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_the_functions_named_are_where_the_page_says(page: Path) -> None:
    named = re.findall(r"^- `([\w/]+)\.py`,\s+`(\w+)`:", page.read_text(), re.MULTILINE)
    assert named
    for file, function in named:
        module = file.replace("/", ".")
        found = importlib.import_module(module if module.startswith("hfrl") else f"hfrl.{module}")
        parts = [found, *(one for one in vars(found).values() if isinstance(one, type))]
        assert any(hasattr(part, function) for part in parts), f"{file}.py has no {function}"


@pytest.mark.parametrize("page", [*PAGES, METHODS / "README.md", DOCS / "guide.md"], ids=lambda path: path.stem)
def test_the_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[\w-]+)?\)", page.read_text()):
        assert target.startswith("http") or (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_the_command_of_a_page_runs(page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same words for forty steps of one seed."""
    command = re.search(r"## Try it\n\n```text\npython -m hfrl\.run (.+?)\n```", page.read_text(), re.DOTALL)
    assert command is not None
    words = shlex.split(command[1].replace("\\\n", " "))
    few = {"-n": "40", "--seeds": "0", "--eval-freq": "40", "--eval-episodes": "1", "--jobs": "1"}
    for flag, value in [*few.items(), ("--out", str(tmp_path))]:
        if flag in words:
            words[words.index(flag) + 1] = value
        else:
            words += [flag, value]
    assert main([*words, "--no-progress"]) == 0, capsys.readouterr().err
