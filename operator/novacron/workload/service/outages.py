"""What a route refuses, and what it cannot do while the database fails it, as problem documents."""

from __future__ import annotations

import structlog
from starlette.requests import Request
from starlette.responses import Response

from novacron.workload.service import answers
from novacron.workload.service.answers import Refusal, Unavailable
from novacron.workload.service.operations import Handler

_log = structlog.get_logger(__name__)

OUTAGE = "Something that this service needs does not answer; try again later."
RETRY_SECONDS = 2


def answering(handler: Handler) -> Handler:
    """A handler whose refusals and outages are answers."""

    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except Refusal as error:
            refusal = error
        except Unavailable as error:
            _log.warning("database cannot be asked", reason=error.reason)
            refusal = later(OUTAGE, RETRY_SECONDS)
        return answers.refused(request, refusal)

    return answered


def later(text: str, seconds: int) -> Refusal:
    """A 503 that may be different after so many seconds."""
    return Refusal(503, text, {"Retry-After": str(seconds)})
