"""What this service refuses, and what it cannot do while a store, a key or its pool fails it, as problem documents."""

from __future__ import annotations

import structlog
from starlette.requests import Request
from starlette.responses import Response

from novacron.auth.service import standing
from novacron.auth.service.passwords import RETRY_SECONDS, Busy
from novacron.auth.service.signing import NoSigningKey
from novacron.auth.service.store.database import Unavailable
from novacron.workload.service import answers
from novacron.workload.service.answers import Refusal
from novacron.workload.service.operations import Handler

_log = structlog.get_logger(__name__)

_OUTAGE = "Something that this service needs does not answer; try again later."
_OUTAGE_RETRY_SECONDS = 2


def answering(handler: Handler) -> Handler:
    """A handler whose refusals and outages are answers."""

    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except Refusal as error:
            refusal = error
        except Busy as error:
            refusal = _later(str(error), RETRY_SECONDS)
        except standing.Unavailable as error:
            refusal = _later(str(error), error.retry_after)
        except NoSigningKey as error:
            _log.error("nothing can be signed", problem=str(error))
            refusal = _later(_OUTAGE, _OUTAGE_RETRY_SECONDS)
        except Unavailable as error:
            _log.warning("database cannot be asked", reason=error.reason)
            refusal = _later(_OUTAGE, _OUTAGE_RETRY_SECONDS)
        return answers.refused(request, refusal)

    return answered


def _later(text: str, seconds: int) -> Refusal:
    return Refusal(503, text, {"Retry-After": str(seconds)})
