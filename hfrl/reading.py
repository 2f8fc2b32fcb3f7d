"""Every file that a stranger may hand us is read here: what is not as it should be is one line, in bounded memory.

What is too large, is no plain file, is cut off, damaged, nested deeply or not of the type it should be raises UserError
before anything is allocated for it. There is no pickle, no evaluation, and no loader that builds objects: arrays are
numbers or fixed-size text, everything else is JSON, TOML or CSV of plain values.
"""

import csv
import json
import math
import os
import stat
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from hfrl.types import UserError

Arrays = dict[str, NDArray[Any]]

#: The most bytes that a text file of settings, and a log, may have.
MOST_TEXT = 4 << 20
MOST_TOML = 64 << 10
MOST_LOG = 2 << 30
#: The most bytes of a line of a log.
MOST_LINE = 1 << 20
#: The most bytes that the arrays of one file may come to, all together and unpacked; and the most of them.
MOST_ARRAYS = 1 << 30
MOST_MEMBERS = 1000
#: Dots in one line of TOML: `tomllib` takes quadratic time for a key of many parts.
MOST_DOTS = 200

#: The end of a zip without a comment, as numpy writes it, and what announces the larger kind.
ZIP_END, ZIP_END_SIZE, ZIP_64 = b"PK\x05\x06", 22, b"PK\x06\x07"
CHUNK = 1 << 20
#: numpy's letters for booleans, whole numbers, floats and text of a fixed size.
PLAIN = "biufSU"
LAST_LETTER = 0x10FFFF


# --- text ------------------------------------------------------------------------------------------------------------


def open_plain(path: Path, most: int) -> BinaryIO:
    """A plain file of at most so many bytes, open to be read. Raises UserError: a pipe or a device may never end."""
    try:
        # Without NONBLOCK, opening a pipe would wait for a writer that may never come.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise unreadable(path, getattr(error, "strerror", None) or error) from error
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise unreadable(path, "it is no plain file")
        if facts.st_size > most:
            raise unreadable(path, f"it has {facts.st_size:,} bytes, and at most {most:,} are read")
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def unreadable(path: Path, why: object) -> UserError:
    """The one line for a file that cannot be read."""
    return UserError(f"{path} cannot be read: {' '.join(str(why).split())[:300]}")


@contextmanager
def named(what: str) -> Iterator[None]:
    """A complaint about a file begins with what the file was for."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{what} {error}") from error


def read_text(path: Path, most: int = MOST_TEXT) -> str:
    """A text file in UTF-8. Raises UserError where it is missing, too large, or no text."""
    with open_plain(path, most) as file:
        try:
            content = file.read(most + 1)
            if len(content) > most:  # it grew meanwhile
                raise unreadable(path, f"it has more than {most:,} bytes")
            return content.decode("utf-8")
        except (OSError, ValueError) as error:
            raise unreadable(path, error) from error


def read_lines(path: Path, most: int = MOST_LOG) -> Iterator[bytes]:
    """The lines of a log, one by one, ends included. Raises UserError, also for an endless line."""
    with open_plain(path, most) as file:
        number = 0
        while True:
            number += 1
            try:
                line = file.readline(MOST_LINE + 1)
            except OSError as error:
                raise unreadable(path, error) from error
            if not line:
                return
            if len(line) > MOST_LINE:
                raise unreadable(path, f"line {number} has more than {MOST_LINE:,} bytes")
            yield line


def parse_json(text: str | bytes) -> Any:
    """JSON as the standard has it: no NaN, no infinity, no number that is none. Raises ValueError."""
    if isinstance(text, bytes):
        text = text.decode("utf-8")  # json would guess the encoding, and import the codec of its guess
    try:
        return json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no finite number")
    return value


def read_json(path: Path, most: int = MOST_TEXT) -> Any:
    """A JSON file. Raises UserError where it is missing or damaged."""
    try:
        return parse_json(read_text(path, most))
    except ValueError as error:
        raise unreadable(path, error) from error


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file. Raises UserError where it is missing or damaged."""
    text = read_text(path, MOST_TOML)
    for number, line in enumerate(text.splitlines(), start=1):
        if line.count(".") > MOST_DOTS:
            raise unreadable(path, f"line {number} has more than {MOST_DOTS} dots")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise unreadable(path, "it is nested too deeply") from error
    except (ValueError, OverflowError, AttributeError) as error:  # whatever its damage leads to
        raise unreadable(path, error) from error


def read_csv(path: Path, skip: int = 0) -> tuple[list[str], list[list[str]]]:
    """The names of the columns and the rows of a CSV file, after so many lines that are no table. Raises UserError.

    A last row that was cut off is left out: the file may be growing.
    """
    lines = [line for line in read_lines(path) if line.endswith(b"\n")][skip:]
    try:
        rows = list(csv.reader([line.decode("utf-8") for line in lines], strict=True))
    except (ValueError, csv.Error) as error:
        raise unreadable(path, error) from error
    if not rows:
        raise unreadable(path, "it has no header")
    names, *rest = rows
    for number, row in enumerate(rest, start=skip + 2):
        if len(row) != len(names):
            raise unreadable(path, f"line {number} has {len(row)} columns, expected {len(names)}")
    return names, rest


# --- arrays ----------------------------------------------------------------------------------------------------------


def read_arrays(path: Path, most: int = MOST_ARRAYS) -> Arrays:
    """The arrays of an ``npz``: plain numbers, or text of a fixed size.

    What each array declares is held against what its file has before memory is taken for it, so that a crafted shape or
    a zip bomb costs nothing.

    Args:
        path: of the file.
        most: bytes that all its arrays together may come to.

    Raises:
        UserError: it is missing, damaged, too large, or holds anything but plain arrays.
    """
    with open_plain(path, most) as file:
        try:
            _check_end(file)
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                _check_members(members, most)
                return {member.filename.removesuffix(".npy"): _array(archive, member, most) for member in members}
        except UserError:
            raise
        except Exception as error:  # a damaged zip raises whatever its damage leads to
            raise unreadable(path, f"{type(error).__name__}: {error}") from error


def _check_end(file: BinaryIO) -> None:
    """The list of members that `zipfile` is about to build is short. Raises ValueError."""
    size = file.seek(0, os.SEEK_END)
    if size < ZIP_END_SIZE:
        raise ValueError("it is too short for an npz")
    file.seek(max(0, size - 2 * ZIP_END_SIZE))
    tail = file.read()
    end, members = tail[-ZIP_END_SIZE:], int.from_bytes(tail[-12:-10], "little")
    if not end.startswith(ZIP_END) or end[-2:] != b"\0\0":
        raise ValueError("it is no npz, or was cut off")
    # The announcement of the larger kind stands right before the end, and would win over what the end says.
    if members > MOST_MEMBERS or ZIP_64 in tail[:-ZIP_END_SIZE] or int.from_bytes(end[12:16], "little") > CHUNK:
        raise ValueError(f"it says that it has more than {MOST_MEMBERS} arrays")
    file.seek(0)


def _check_members(members: list[zipfile.ZipInfo], most: int) -> None:
    names = [member.filename for member in members]
    for name in names:
        if not name.endswith(".npy"):
            raise ValueError(f"{name!r} in it is no array")
    if len(set(names)) < len(names):
        raise ValueError("two arrays in it have one name")
    for member in members:
        # Other methods keep dictionaries whose size the file itself chooses.
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or member.flag_bits & 1:
            raise ValueError(f"{member.filename!r} is packed in a way that is not read")
    total = sum(member.file_size for member in members)
    if total > most:
        raise ValueError(f"its arrays come to {total:,} bytes, and at most {most:,} are read")


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> NDArray[Any]:
    """One array, allocated only when its shape and type account for every byte of its file."""
    name = member.filename.removesuffix(".npy")
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError(f"{name!r} has format {version}, expected (1, 0)")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
        if dtype.kind not in PLAIN or dtype.names is not None or dtype.subdtype is not None or not dtype.itemsize:
            raise ValueError(f"{name!r} has the type {dtype}, expected plain numbers")
        if any(length < 0 for length in shape):
            raise ValueError(f"{name!r} has the shape {shape}")
        # Of the empty ones, too: lists of lists of nothing take memory.
        if math.prod(max(1, length) for length in shape) * dtype.itemsize > most:
            raise ValueError(f"{name!r} has the shape {shape}, which is too large")
        size = math.prod(shape) * dtype.itemsize
        if size != member.file_size - file.tell():
            raise ValueError(f"{name!r} has the shape {shape} of {dtype}, but {member.file_size - file.tell():,} bytes")
        array = np.empty(math.prod(shape), dtype)
        _fill(array, file)
        _check_values(name, array)
        return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)


def _fill(array: NDArray[Any], file: Any) -> None:
    """Read the bytes of an array. The last read, at the end, makes `zipfile` compare the checksum."""
    raw, at = array.view(np.uint8) if array.size else np.empty(0, np.uint8), 0
    while at < len(raw):
        piece = file.read(min(CHUNK, len(raw) - at))
        if not piece:
            raise ValueError("it was cut off")
        raw[at : at + len(piece)] = np.frombuffer(piece, np.uint8)
        at += len(piece)
    file.read(1)


def _check_values(name: str, array: NDArray[Any]) -> None:
    """Bytes that are no value of their type are refused: no truth value but 0 and 1, no letter beyond the last."""
    if array.dtype.kind == "b" and np.any(array.view(np.uint8) > 1):
        raise ValueError(f"{name!r} has truth values that are none")
    if array.dtype.kind == "U" and np.any(array.view(array.dtype.byteorder.replace("|", "=") + "u4") > LAST_LETTER):
        raise ValueError(f"{name!r} has letters that are none")


# --- values ----------------------------------------------------------------------------------------------------------


def is_number(value: Any) -> bool:
    """Whether a value is an int or a float, and no bool."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_finite(value: Any) -> bool:
    """Whether a value is a number that a float can hold, neither NaN nor infinite."""
    try:
        return is_number(value) and math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number of at most 64 bits, and no bool."""
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def check_like(fresh: Mapping[str, NDArray[Any]], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Saved arrays are of the kinds that a fresh agent's are, without a NaN where it has none. Raises ValueError."""
    for name, mine in fresh.items():
        if name not in arrays:
            continue  # whose it is knows whether it is needed
        saved = arrays[name]
        if saved.dtype.kind != mine.dtype.kind or saved.ndim != mine.ndim:
            raise ValueError(
                f"{name!r} has {saved.ndim} dimensions of {saved.dtype}, expected {mine.ndim} of {mine.dtype}"
            )
        if saved.dtype.kind == "f" and np.isnan(saved).any() and not np.isnan(mine).any():
            raise ValueError(f"{name!r} holds a NaN, expected numbers")
