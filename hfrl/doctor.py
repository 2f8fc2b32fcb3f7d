"""What can be wrong with an installation, and what to type."""

import importlib.util
import os
import platform
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import NamedTuple


class Finding(NamedTuple):
    """One thing that was looked at; ``cure`` is what to type where it is not well."""

    well: bool
    text: str
    cure: str


NEEDED = {"gymnasium": (1, 3), "numpy": (1, 26), "matplotlib": (3, 7)}
LEAST_FREE = 200 * 2**20


def examine(folder: Path | None = None) -> list[Finding]:
    """All findings for running in ``folder`` (the present one by default)."""
    here = folder or Path.cwd()
    return [_python(), *_versions(), _pygame(), _torch(), _display(), _disk(here), _writable(here)]


def _python() -> Finding:
    version = platform.python_version()
    return Finding(sys.version_info >= (3, 11), f"Python {version} (3.11 or newer)", "python3.11 -m venv .venv")


def _versions() -> list[Finding]:
    findings = []
    for package, least in NEEDED.items():
        wanted = ".".join(map(str, least))
        cure = f"pip install '{package}>={wanted}'"
        try:
            version = metadata.version(package)
        except metadata.PackageNotFoundError:
            findings.append(Finding(False, f"{package} is not installed", cure))
            continue
        numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
        findings.append(Finding(numbers >= least, f"{package} {version} ({wanted} or newer)", cure))
    return findings


def _pygame() -> Finding:
    """Classic pygame and pygame-ce write into the same folder: with both, which one runs is luck."""
    installed = []
    for name in ("pygame", "pygame-ce"):
        try:
            installed.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    cure = "pip uninstall -y pygame pygame-ce && pip install pygame-ce"
    if len(installed) == 2:
        return Finding(False, f"both {' and '.join(installed)} are installed; only pygame-ce may be", cure)
    if not installed or installed[0].startswith("pygame "):
        return Finding(False, f"pygame-ce is needed, found {installed[0] if installed else 'none'}", cure)
    return Finding(True, installed[0], "")


def _torch() -> Finding:
    if importlib.util.find_spec("torch") is None:
        return Finding(True, "torch is not installed (no agent of this version needs it)", "")
    return Finding(True, f"torch {metadata.version('torch')}", "")


def _display() -> Finding:
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return Finding(True, "a display for windows", "")
    if os.environ.get("SDL_VIDEODRIVER") == "dummy":
        return Finding(True, "no display, and SDL_VIDEODRIVER=dummy draws without one", "")
    return Finding(True, "no display: `watch` works with --render ansi or --gif FILE", "")


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    return Finding(
        free >= LEAST_FREE, f"{free / 2**30:.1f} GiB free in {folder}", "python -m hfrl.run --out /a/larger/disk"
    )


def _writable(folder: Path) -> Finding:
    return Finding(
        os.access(folder, os.W_OK), f"{folder} can be written", "python -m hfrl.run --out /a/folder/of/yours"
    )
