"""Structured answers to requests that fail (RFC 9457). They say nothing about the inside of the process."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"

_DETAILS = {
    400: "The request is not HTTP as it should be.",
    404: "Nothing is served here.",
    405: "This resource does not serve that method; the header Allow names those it does.",
    408: "The request did not come in time.",
    413: "The body is larger than this resource takes.",
    431: "The request line and headers are larger than this server takes.",
    500: "An error of ours; the log has more under this request_id.",
    503: "The server is busy; try again later.",
}


def document(status: int, detail: str = "", **members: Any) -> bytes:
    """The body."""
    found = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail or _DETAILS.get(status, ""),
    }
    return orjson.dumps(found | members)


def response(status: int, detail: str = "", *, headers: Mapping[str, str] | None = None, **members: Any) -> Response:
    """As a Starlette response; never stored by a cache on the way."""
    sent = {"Cache-Control": "no-store", **(headers or {})}
    return Response(document(status, detail, **members), status, sent, MEDIA_TYPE)
