"""The numbers that a person hands to a command: one a line, or a .npy array; from a file or standard input."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np
import orjson

from novacron.core.errors import NovaCronError
from novacron.quantiles.values import BLOCK, Array, Floats, numeric

_NPY = b"\x93NUMPY"
_BLOCK = 1 << 20
_LONGEST = 4096
"""Bytes of a line; no number needs as many."""
_SHOWN = 40
_NO_ARRAY = "is no array that can be read; write one of numbers with numpy.save"


class Unreadable(NovaCronError):
    """What was given holds no numbers; the text names the place, reason and remedy."""


class Source:
    """Opened, and looked at as far as to know what it is.

    Args:
        path: ``-`` for standard input.

    Raises:
        Unreadable: it cannot be opened, or is not the array that it claims to be.
        InvalidInput: it is an array, but not of numbers in a row.
    """

    def __init__(self, path: str) -> None:
        self._stream = _opened(path)
        try:
            self._head = self._stream.read(len(_NPY))
            array = _mapped(path) if self._head == _NPY and path != "-" else None
        except OSError as error:
            raise _failed(error) from None
        self.array = array
        """Of a file, which can be read more than once; None: ``pieces`` alone has the numbers."""
        self.size = Path(path).stat().st_size if path != "-" else None
        """Bytes; None: nobody knows."""
        self.read = 0
        """Bytes so far."""

    def pieces(self) -> Iterator[Array]:
        """The numbers, once. Raises ``Unreadable`` or ``InvalidInput``."""
        try:
            if self.array is not None:
                yield from self._mapped_pieces(self.array)
            else:
                yield from self._array_pieces() if self._head == _NPY else self._lines()
        except OSError as error:
            raise _failed(error) from None

    def _lines(self) -> Iterator[Floats]:
        rest, line = self._head, 1
        while block := self._stream.read(_BLOCK):
            self.read += len(block)
            whole, ends, begun = (rest + block).rpartition(b"\n")
            if ends:
                yield _parsed(whole, line)
                line += whole.count(b"\n") + 1
            rest = begun
            if len(rest) > _LONGEST:
                raise Unreadable(f"line {line}: is longer than any number; give one number a line")
        if rest:
            yield _parsed(rest.removesuffix(b"\n"), line)

    def _mapped_pieces(self, array: Array) -> Iterator[Array]:
        for place in range(0, len(array), BLOCK):
            self.read = place * array.itemsize
            yield array[place : place + BLOCK]

    def _array_pieces(self) -> Iterator[Array]:
        """A .npy array that comes through a pipe (NEP 1)."""
        start = self._exactly(4)
        length = int.from_bytes(start[2:], "little")
        shape, kind = _header(_NPY + start + self._exactly(length))
        numeric(np.empty((0,) * len(shape), kind))
        (left,) = shape
        while left:
            count = min(left, _BLOCK // kind.itemsize)
            yield np.frombuffer(self._exactly(count * kind.itemsize), kind)
            left -= count

    def _exactly(self, count: int) -> bytes:
        found = self._stream.read(count)
        self.read += len(found)
        if len(found) < count:
            raise Unreadable("the array is cut off; write it again")
        return found


def _opened(path: str) -> BinaryIO:
    if path != "-":
        try:
            return Path(path).open("rb")
        except OSError as error:
            raise _failed(error) from None
    if sys.stdin is None:
        raise Unreadable("standard input is closed; pipe numbers into it, or name a file")
    return sys.stdin.buffer


def _failed(error: OSError) -> Unreadable:
    return Unreadable(f"{error.strerror or 'cannot be read'}; name a file that can be read, or - for standard input")


def _mapped(path: str) -> Array:
    """An array whose file is its memory."""
    try:
        found: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError):
        raise Unreadable(_NO_ARRAY) from None
    numeric(found)
    return found


def _header(head: bytes) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    stream = io.BytesIO(head)
    try:
        version = np.lib.format.read_magic(stream)
        shape, _, kind = np.lib.format.read_array_header_1_0(stream)
    except ValueError:
        version = (0, 0)
    if version != (1, 0):  # later ones are of records
        raise Unreadable(_NO_ARRAY)
    return shape, kind


def _parsed(text: bytes, line: int) -> Floats:
    """Of whole lines, without the last line feed.

    Args:
        line: number of the first.
    """
    count = text.count(b"\n") + 1
    if b"," not in text:  # as JSON, which is read four times faster than line by line, if it is as many plain numbers
        try:
            found = orjson.loads(b"[" + text.replace(b"\n", b",") + b"]")
        except orjson.JSONDecodeError:
            found = []
        if len(found) == count and set(map(type, found)) <= {int, float}:
            numbers = np.fromiter(found, np.float64, count)
            if np.isfinite(numbers).all():
                return numbers
    return np.array([_number(one, line + place) for place, one in enumerate(text.split(b"\n"))])


def _number(text: bytes, line: int) -> float:
    try:
        found = float(text)
    except ValueError:
        found = np.nan
    if not np.isfinite(found) or b"_" in text:
        _refuse(text, line)
    return found


def _refuse(text: bytes, line: int) -> NoReturn:
    shown = text.decode("ascii", "replace").strip()[:_SHOWN]
    said = f"{shown!r} is no finite number" if shown else "is empty"
    raise Unreadable(f"line {line}: {said}; leave it out, or correct it")
