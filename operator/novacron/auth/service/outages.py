"""What this service refuses, and what it cannot do while a store, a key or its pool fails it, as problem documents."""

from __future__ import annotations

import structlog
from starlette.requests import Request
from starlette.responses import Response

from novacron.auth.service import standing
from novacron.auth.service.passwords import RETRY_SECONDS, Busy
from novacron.auth.service.signing import NoSigningKey
from novacron.workload.service import outages
from novacron.workload.service.operations import Handler
from novacron.workload.service.outages import later

_log = structlog.get_logger(__name__)


def answering(handler: Handler) -> Handler:
    """A handler whose refusals and outages are answers."""

    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except Busy as error:
            raise later(str(error), RETRY_SECONDS) from None
        except standing.Unavailable as error:
            raise later(str(error), error.retry_after) from None
        except NoSigningKey as error:
            _log.error("nothing can be signed", problem=str(error))
            raise later(outages.OUTAGE, outages.RETRY_SECONDS) from None

    return outages.answering(answered)
