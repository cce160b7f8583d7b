"""What auth's routes share: bodies into models, answers that no cache keeps, and refusals as problem documents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import orjson
import structlog
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from novacron.auth.service import standing
from novacron.auth.service.passwords import RETRY_SECONDS, Busy
from novacron.auth.service.signing import NoSigningKey
from novacron.auth.service.store.database import Unavailable
from novacron.core.errors import NovaCronError
from novacron.workload.service import problem

_log = structlog.get_logger(__name__)

CHALLENGE = 'Bearer realm="novacron"'
"""RFC 6750, 3: of a 401 or 403 that knows nothing more exact."""
_MEDIA_TYPE = "application/json"
_UNCACHED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"""RFC 6749, 5.1: of answers that hold tokens; here of all."""
_OUTAGE = "Something that this service needs does not answer; try again later."
_OUTAGE_RETRY_SECONDS = 2

M = TypeVar("M", bound=BaseModel)
Handler = Callable[[Request], Awaitable[Response]]


class Body(BaseModel):
    """What a client sends: nothing unknown, nothing converted, and no value in an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


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


def endpoint(handler: Handler) -> Handler:
    """A route's handler whose refusals, and what it cannot do for now, become problem documents."""

    async def answering(request: Request) -> Response:
        try:
            return await handler(request)
        except Refusal as error:
            return _problem(request, error.status, error.detail, error.headers, **error.members)
        except Busy as error:
            return _problem(request, 503, str(error), {"Retry-After": str(RETRY_SECONDS)})
        except standing.Unavailable as error:
            return _problem(request, 503, str(error), {"Retry-After": str(error.retry_after)})
        except NoSigningKey as error:
            _log.error("nothing can be signed", problem=str(error))
            return _problem(request, 503, _OUTAGE, {"Retry-After": str(_OUTAGE_RETRY_SECONDS)})
        except Unavailable as error:
            _log.warning("database cannot be asked", reason=error.reason)
            return _problem(request, 503, _OUTAGE, {"Retry-After": str(_OUTAGE_RETRY_SECONDS)})

    return answering


def _problem(request: Request, status: int, detail: str, headers: Mapping[str, str], **members: Any) -> Response:
    if status in (401, 403):
        headers = {"WWW-Authenticate": CHALLENGE, **headers}
    return problem.response(status, detail, headers=headers, request_id=request.state.request_id, **members)


def document(members: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON that no cache keeps."""
    return content(orjson.dumps(members), status, headers)


def content(json: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The same, of a document that is written already."""
    return Response(json, status, {**_UNCACHED, **(headers or {})}, _MEDIA_TYPE)


def nothing() -> Response:
    """204."""
    return Response(status_code=204, headers=_UNCACHED)


async def body(request: Request, model: type[M]) -> M:
    """The request's JSON as a model. Raises ``Refusal``."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _MEDIA_TYPE:
        raise Refusal(415, f"The body must be JSON; send it with Content-Type: {_MEDIA_TYPE}.")
    try:
        sent = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        raise Refusal(400, "The body is no JSON; send an object.") from None
    return modelled(model, sent)


def modelled(model: type[M], sent: Any) -> M:
    """Members as a model. Raises ``Refusal``, which names field, reason and remedy and never a value."""
    try:
        return model.model_validate(sent)
    except ValidationError as error:
        raise Refusal(400, _said(model, error)) from None


def _said(model: type[BaseModel], error: ValidationError) -> str:
    first: Any = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "extra_forbidden":  # its name is the client's own, and may be anything
        return f"The body has an unknown member; known are: {', '.join(sorted(model.model_fields))}."
    field = ".".join(str(part) for part in first["loc"]) or "body"
    reason = first["msg"][0].lower() + first["msg"][1:]
    return f"{field}: {reason}; correct it."
