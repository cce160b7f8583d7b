"""JSON objects that every reader understands alike (RFC 7493): no member twice, no number or character that is none.

The standard library's parser with hooks: the faster ones take the last of two equal members in silence.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from typing import Any, NoReturn

from novacron.auth.domain.refusal import (
    ByteOrderMark,
    DuplicateMember,
    LoneSurrogate,
    NestedTooDeeply,
    NotAnObject,
    NotJSON,
    NotUTF8,
    NumberRefused,
    TokenRefused,
)

MAX_DEPTH = 8
"""Objects and arrays that are open at once, the outermost among them."""
MAX_INTEGER = 2**53 - 1
"""Beyond it a reader with 64-bit floating point has another number (RFC 7493 section 2.2)."""
_DIGITS = len(str(MAX_INTEGER)) + 1
_BLANKS = " \t\n\r"
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


def object_of(text: bytes, part: str) -> dict[str, Any]:
    """The members of a JSON object.

    Args:
        part: what the text is, for the error: header, payload.

    Raises:
        TokenRefused: one of the JSON reasons.
    """
    if text.count(b"{") + text.count(b"[") > MAX_DEPTH and _is_deep(text):
        raise NestedTooDeeply(part)
    try:
        content = text.decode().strip(_BLANKS)
        found, end = _DECODER.raw_decode(content)
    except UnicodeDecodeError:
        raise NotUTF8(part) from None
    except ValueError:
        raise (ByteOrderMark if text.startswith(BOM_UTF8) else NotJSON)(part) from None
    except TokenRefused as fault:  # a hook's, which does not know whose text it reads
        raise type(fault)(part) from None
    if end != len(content):
        raise NotJSON(part)
    if type(found) is not dict:
        raise NotAnObject(part)
    if b"\\u" in text and not _has_characters_only(found):
        raise LoneSurrogate(part)
    return found


def _is_deep(text: bytes) -> bool:
    """Whether brackets outside of strings say so; before parsing, which would use the stack for each."""
    open_now = 0
    for byte in _STRING.sub(b"", text):
        if byte in b"{[":
            open_now += 1
            if open_now > MAX_DEPTH:
                return True
        elif byte in b"}]":
            open_now -= 1
    return False


def _has_characters_only(found: dict[str, Any]) -> bool:
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise DuplicateMember
    return found


def _integer(text: str) -> int:
    # by length first: Python would take long over many digits
    if len(text) > _DIGITS or not -MAX_INTEGER <= (number := int(text)) <= MAX_INTEGER:
        raise NumberRefused
    return number


def _real(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise NumberRefused
    return number


def _constant(_text: str) -> NoReturn:
    """NaN, Infinity and -Infinity: JavaScript, not JSON."""
    raise NumberRefused


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_integer, parse_float=_real, parse_constant=_constant)
