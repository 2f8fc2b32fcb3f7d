"""Config files: the same keys as the flags, a section for each world and one for all of them; read, and printed."""

import dataclasses
import functools
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hfrl import reading, registry
from hfrl.config import PARTS, Arm, Train, is_code
from hfrl.reading import is_number
from hfrl.types import UserError

if TYPE_CHECKING:
    import cattrs

#: The section that counts for every world.
EVERY = "default"
#: Settings that add up: what a section says comes behind what the file says for all, and the last one wins.
ADDED = ("set", "env_kwargs", "grid")
#: What a file may not hold, and what belongs to the whole of it rather than to a world.
TYPED = ("config", "trust", "print_config", "sections", "retry")
WHOLE = ("env", "preset", "jobs", "out", "json", "progress", "space", "trials", "objective", "backend", "address")


class ConfigFile(NamedTuple):
    """What a file says: ``settings`` for every world, and by its id for single ones, as keywords of :class:`Train`."""

    settings: dict[str, Any]
    worlds: dict[str, dict[str, Any]]

    def of(self, env: str) -> dict[str, Any]:
        """The settings for one world."""
        both = dict(self.settings)
        for key, value in self.worlds.get(env, {}).items():
            both[key] = (*both.get(key, ()), *value) if key in ADDED else value
        return both


def read_config(path: str, trust: bool = False) -> dict[str, Any]:
    """The settings in a TOML or JSON file without sections for worlds: a run's own, say.

    Raises:
        UserError: see :func:`read_file`; or it has such sections.
    """
    found = read_file(path, trust)
    if found.worlds:
        raise UserError(f"config {path!r} has a section for {next(iter(found.worlds))}; expected settings of one run")
    return found.settings


def read_file(path: str, trust: bool = False, kind: type[Train] = Train) -> ConfigFile:
    """What a TOML or JSON file says: settings, a section ``[default]`` of more of them, and one for each world.

    Args:
        path: of the file; one that ends in .json is JSON.
        trust: parts that are code beside the file (``file.py:Name``, a world's ``module:Id``) are taken, too.
        kind: whose flags its keys are.

    Raises:
        UserError: the file is damaged, a key is unknown, a value has another type, it names code and is not trusted,
            or its ``out`` leads out of the working directory.
    """
    with reading.named("config"):
        content = reading.read_json(Path(path)) if path.endswith(".json") else reading.read_toml(Path(path))
    if not isinstance(content, dict):
        raise UserError(f"config {path!r} must hold a table of settings")
    if not content:
        raise UserError(f"config {path!r} is empty: it needs at least one setting, such as env")
    plain = {key: value for key, value in content.items() if not isinstance(value, dict)}
    sections = {key: value for key, value in content.items() if isinstance(value, dict)}
    settings = _structured(plain, path, kind, sections)
    for key, value in _structured(sections.pop(EVERY, {}), f"{path} [{EVERY}]", kind).items():
        if key in settings:
            raise UserError(f"config {path!r} says {key} twice, in [{EVERY}] and before it")
        settings[key] = value
    found = ConfigFile(settings, {env: _of_world(env, section, path, kind) for env, section in sections.items()})
    for one in (found.settings, *found.worlds.values()):
        _check_code(one, path, trust)
    if not trust and (code := next((env for env in found.worlds if is_code("env", env)), None)):
        raise UserError(f"config {path!r} names code to be run, {code!r}; if you know what it does, add --trust")
    if _leads_out(settings.get("out", ".")):
        raise UserError(
            f"config {path!r} has out = {settings['out']!r}: a file names folders below the working directory; "
            f"type --out {settings['out']} if you mean it"
        )
    return found


def _of_world(env: str, section: dict[str, Any], path: str, kind: type[Train]) -> dict[str, Any]:
    """The settings in the section of a world. Raises UserError where it is none, or says what is not its to say."""
    known = [f.name for f in dataclasses.fields(kind)]
    if not re.search(r"-v[0-9]+$|\.py:", env):
        raise UserError(
            f"config {path!r} has an unknown section {env!r}{registry.nearest(env, [EVERY, *known])}; a section is "
            f"called {EVERY} or by the id of a world, such as hfrl/Pizza-v0"
        )
    settings = _structured(section, f"{path} [{env}]", kind)
    if wrong := [key for key in WHOLE if key in settings]:
        raise UserError(f"config {path!r} says {wrong[0]} in the section of {env}; it counts for the whole file")
    return settings


def _check_code(settings: Mapping[str, Any], path: str, trust: bool) -> None:
    code = [] if trust else [part for key in PARTS for part in settings.get(key, ()) if is_code(key, part)]
    if code:
        raise UserError(f"config {path!r} names code to be run, {code[0]!r}; if you know what it does, add --trust")


def _leads_out(folder: str) -> bool:
    parts = re.split(r"[/\\]", folder)
    return parts[0] == "" or ".." in parts or ":" in parts[0] or "\0" in folder


def _structured(
    content: dict[str, Any], path: str, kind: type[Train], sections: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Check the keys and the types by the dataclass itself; a key that is a table by mistake is said to be one."""
    import cattrs  # late: only a config file needs it

    known = [f.name for f in dataclasses.fields(kind) if f.name not in TYPED]
    content = {key.replace("-", "_"): value for key, value in content.items()}
    for key in content:
        if key not in known:
            raise UserError(f"config {path!r} has an unknown key {key!r}{registry.nearest(key, known)}")
    for key in sections or ():
        if key.replace("-", "_") in known:
            raise UserError(f"config {path!r} has a table {key!r} where a setting of this name belongs")
    for key in (*PARTS, "seeds", *ADDED, "space"):
        if isinstance(content.get(key), str) or (key == "seeds" and is_number(content.get(key))):
            content[key] = [content[key]]
    # Numbers are natural in a file where the command line has text.
    for key in ("alpha", "gamma", "epsilon"):
        if is_number(content.get(key)):
            content[key] = str(content[key])
    if isinstance(content.get("seeds"), list):
        content["seeds"] = [str(seed) if is_number(seed) else seed for seed in content["seeds"]]
    try:
        whole = _converter().structure(content, kind)
    except Exception as error:
        reasons = "; ".join(cattrs.transform_error(error))
        raise UserError(f"config {path!r}: {reasons}") from error
    return {key: getattr(whole, key) for key in content}


@functools.cache
def _converter() -> "cattrs.Converter":
    """It writes the code that reads a Train, once."""
    import cattrs

    converter = cattrs.Converter(forbid_extra_keys=True)
    for kind in (str, int, bool):
        converter.register_structure_hook(kind, _strict(kind))
    return converter


def _strict(kind: type) -> Any:
    def hook(value: Any, _: Any) -> Any:
        # A bool is an int in Python; in a config file it is not.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise TypeError(f"expected {kind.__name__}, got {value!r}")
        return value

    return hook


def sections_of(found: ConfigFile, envs: Sequence[str]) -> list[str]:
    """The worlds that have settings of their own to be read: those asked for, or all that the file has sections for."""
    return list(envs) or list(found.worlds) if found.worlds else []


# --- printed ---------------------------------------------------------------------------------------------------------


def as_toml(cells: Sequence[Arm]) -> str:
    """The config file that makes these cells: what counts for all of them, and a section for each world that differs.

    Raises:
        UserError: they are no grid, so that no file can say them all.
    """
    envs = list(dict.fromkeys(arm.env for arm in cells))
    each = {env: _grid_of([arm for arm in cells if arm.env == env]) for env in envs}
    first = each[envs[0]]
    same = {key: value for key, value in first.items() if all(each[env].get(key) == value for env in envs)}
    lines = [_line("env", envs), *(_line(key, value) for key, value in same.items())]
    for env in envs:
        own = {key: value for key, value in each[env].items() if key not in same}
        if own:
            lines += ["", f"[{json.dumps(env)}]", *(_line(key, value) for key, value in own.items())]
    return "\n".join(lines)


def _grid_of(cells: Sequence[Arm]) -> dict[str, Any]:
    """What makes the cells of one world: lists of parts, and settings they share."""
    configs = [arm.as_config() for arm in cells]
    made = {key: value for key, value in configs[0].items() if key not in (*PARTS, "set")}
    for key in ("agent", "teacher", "blend"):
        made[key] = list(dict.fromkeys(config[key][0] for config in configs))
    axes: dict[str, list[str]] = {}
    for arm in cells:
        for key, value in arm.set.items():
            axes.setdefault(key, []).append(str(value))
    values = {key: list(dict.fromkeys(found)) for key, found in axes.items()}
    made["set"] = [f"{key}={found[0]}" for key, found in values.items() if len(found) == 1]
    made["grid"] = [f"{key}={','.join(found)}" for key, found in values.items() if len(found) > 1]
    size = len(made["agent"]) * len(made["teacher"]) * len(made["blend"])
    for found in values.values():
        size *= len(found)
    if size != len(cells):
        raise UserError(
            "these runs are no grid, which one file could say: name --agent, --teacher and --blend, or print one arm"
        )
    return {key: value for key, value in made.items() if value != []}


def _line(key: str, value: Any) -> str:
    return f"{key} = {json.dumps(value, ensure_ascii=False)}"
