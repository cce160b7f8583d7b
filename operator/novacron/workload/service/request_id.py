"""One name for one request, in its answer and in every line of the log about it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable

HEADER = b"x-request-id"
_GIVEN = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
_NO_TRACE = b"0" * 32


def chosen(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The client's ``X-Request-Id`` where it is plain and short, else its trace id (W3C Trace Context), else a new one.

    Anything else would let a client write what it likes into the log.
    """
    trace = ""
    for name, value in headers:
        if name == HEADER and _GIVEN.fullmatch(value):
            return value.decode("ascii")
        if name == b"traceparent":
            match = _TRACEPARENT.fullmatch(value)
            if match and match[1] != _NO_TRACE:
                trace = match[1].decode("ascii")
    return trace or secrets.token_hex(16)
