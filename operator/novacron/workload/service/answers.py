"""What the routes of every workload share: bodies into models, answers that no cache keeps, refusals as exceptions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from starlette.requests import Request
from starlette.responses import Response

from novacron.core.errors import NovaCronError
from novacron.workload.service import problem

CHALLENGE = 'Bearer realm="novacron"'
"""RFC 6750, 3: of a 401 or 403 that knows nothing more exact."""
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
_MEDIA_TYPES = {"PATCH": (MERGE_PATCH, JSON)}
"""Method -> what a body may be; else JSON alone."""
_LARGEST_BODY = 16 << 10
_LONGEST_PART = 64
"""Characters of a member's name in an error: that of a mapping is the client's own."""
UNCACHED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"""RFC 6749, 5.1: of answers that hold tokens; here of all."""

M = TypeVar("M", bound=BaseModel)


class Body(BaseModel):
    """What a client sends: nothing unknown, nothing converted, and no value in an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


def _without_defaults(schema: dict[str, Any]) -> None:
    for member in schema.get("properties", {}).values():
        member.pop("default", None)


class Change(Body):
    """A JSON Merge Patch (RFC 7396) of named members; what is not named stays. Each subclass makes all optional."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    @model_validator(mode="before")
    @classmethod
    def _names_something(cls, sent: Any) -> Any:
        if isinstance(sent, dict):
            if not sent:
                raise ValueError(f"names nothing to change; known are: {', '.join(sorted(cls.model_fields))}")
            if None in sent.values():
                raise ValueError("null would remove a member, and none of these can be removed")
        return sent


class Sent(BaseModel):
    """What is answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Query(BaseModel):
    """Parameters of a URL: texts, which are converted; nothing unknown, nothing twice."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Refusal(NovaCronError):
    """Ends a request with a problem document (RFC 9457).

    Args:
        detail: reason and remedy; the client reads it, so neither a value nor who exists.
        headers: besides ``Content-Type`` and ``Cache-Control``; ``WWW-Authenticate`` has a default.
        members: further ones of the document.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}
        self.members = members


class Unavailable(NovaCronError):
    """The database cannot be asked now: a 503, and never "there is no such".

    Args:
        reason: a word of ours or the name of an error's class; no text of the server.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the database cannot be asked: {reason}; look at /ready, then try again")
        self.reason = reason


def refused(request: Request, refusal: Refusal) -> Response:
    """The answer that says so."""
    headers = refusal.headers
    if refusal.status in (401, 403):
        headers = {"WWW-Authenticate": CHALLENGE, **headers}
    request_id = request.state.request_id
    return problem.response(refusal.status, refusal.detail, headers=headers, request_id=request_id, **refusal.members)


def document(members: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON that no cache keeps."""
    return content(orjson.dumps(members), status, headers)


def sent(model: Sent, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The same, of a model."""
    return content(model.model_dump_json().encode(), status, headers)


def content(json: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The same, of a document that is written already."""
    return Response(json, status, {**UNCACHED, **(headers or {})}, JSON)


def nothing() -> Response:
    """204."""
    return Response(status_code=204, headers=UNCACHED)


async def body(request: Request, model: type[M], largest: int = _LARGEST_BODY) -> M:
    """The request's JSON as a model. Raises ``Refusal``.

    Args:
        largest: bytes; the listener's own limit is the one of what is not read here.
    """
    found = bytearray()
    async for piece in pieces(request, largest):
        found += piece
    return modelled(model, parsed(found))


async def pieces(request: Request, largest: int) -> AsyncIterator[bytes]:
    """The body as it comes in. Raises ``Refusal`` where it is not called JSON, or is larger than so many bytes."""
    taken = _MEDIA_TYPES.get(request.method, (JSON,))
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in taken:
        headers = {"Accept-Patch": ", ".join(taken)} if request.method == "PATCH" else {}
        raise Refusal(415, f"The body must be JSON; send it with Content-Type: {taken[0]}.", headers)
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > largest:
            raise Refusal(413, f"The body is larger than the {largest} bytes that this takes.", {"Connection": "close"})
        yield piece


def parsed(content: bytes | bytearray) -> Any:
    """What the JSON of a body says. Raises ``Refusal``."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        raise Refusal(400, "The body is no JSON; send an object.") from None


def query(request: Request, model: type[M]) -> M:
    """The URL's parameters as a model. Raises ``Refusal``."""
    given = request.query_params.multi_items()
    found = dict(given)
    if len(found) < len(given):
        raise Refusal(400, "A parameter is given twice; give each once.")
    return modelled(model, found, "The query has an unknown parameter")


def modelled(model: type[M], sent: Any, unknown: str = "The body has an unknown member") -> M:
    """Members as a model. Raises ``Refusal``, which names field, reason and remedy and never a value."""
    try:
        return model.model_validate(sent)
    except ValidationError as error:
        raise Refusal(400, _said(model, error, unknown)) from None


def _said(model: type[BaseModel], error: ValidationError, unknown: str) -> str:
    first: Any = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "extra_forbidden":  # its name is the client's own, and may be anything
        return f"{unknown}; known are: {', '.join(sorted(model.model_fields))}."
    field = ".".join(str(part)[:_LONGEST_PART] for part in first["loc"]) or "body"
    if first["type"] == "model_type":  # pydantic would name our class
        return f"{field}: is no object; send one."
    reason = first["msg"].removeprefix("Value error, ")
    return f"{field}: {reason[0].lower()}{reason[1:]}; correct it."
