"""What a body of features may be: Content-Type and Content-Encoding, in the words of the sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Literal

from starlette.requests import Request

from novacron.workload.service.answers import Refusal

Format = Literal["jsonl", "json", "csv", "arrow", "parquet"]
Compression = Literal["gzip", "zstd"]

TYPES: Mapping[str, tuple[Format, str]] = {
    "application/x-ndjson": ("jsonl", "JSON Lines: an object in each line."),
    "application/json": ("json", "An array of objects."),
    "text/csv": ("csv", "RFC 4180 in UTF-8; the first line has the names of the columns."),
    "application/vnd.apache.arrow.stream": ("arrow", "The streaming format of Arrow's IPC."),
    "application/vnd.apache.arrow.file": ("arrow", "The file format of Arrow's IPC."),
    "application/vnd.apache.parquet": ("parquet", "Parquet; it is kept on disk until it has come."),
}
"""Media type -> format, and what it is."""
CODINGS: Mapping[str, Compression | None] = {"identity": None, "gzip": "gzip", "x-gzip": "gzip", "zstd": "zstd"}
"""Of Content-Encoding (RFC 9110, 8.4.1; RFC 8878)."""
_TEXTS = frozenset(("utf-8", "utf8", "us-ascii"))
_LONGEST = 256
"""Characters of a Content-Type: the parser of its parameters takes a second for 30,000, and the event loop waits."""
_OFFERED = {"Accept": ", ".join(TYPES), "Accept-Encoding": ", ".join(CODINGS)}
"""RFC 9110, 12.5.1 and 12.5.3: what a 415 says would have been taken."""


@dataclass(frozen=True, slots=True)
class Media:
    """Of one body.

    Args:
        compression: None: it comes as it is.
    """

    format: Format
    compression: Compression | None


def of(request: Request) -> Media:
    """As the headers have it. Raises ``Refusal``."""
    given, named = Message(), _sent(request, "content-type")
    given["Content-Type"] = named
    known = TYPES.get(given.get_content_type()) if 0 < len(named) <= _LONGEST else None
    if known is None:
        raise _unknown(f"Content-Type must be one of: {', '.join(TYPES)}.")
    if str(given.get_param("charset", "utf-8")).lower() not in _TEXTS:
        raise _unknown("charset: only UTF-8 is read; convert the body.")
    if known[0] == "csv" and given.get_param("header") == "absent":
        raise _unknown("header=absent: the first line must name the columns; add one.")
    coding = _sent(request, "content-encoding").strip().lower() or "identity"
    if coding not in CODINGS:
        raise _unknown(f"Content-Encoding must be one of: {', '.join(CODINGS)}.")
    return Media(known[0], CODINGS[coding])


def _sent(request: Request, name: str) -> str:
    """One that is there twice is a list (RFC 9110, 5.3), and so nothing that is known here."""
    return ", ".join(request.headers.getlist(name))


def _unknown(text: str) -> Refusal:
    return Refusal(415, text, _OFFERED)
