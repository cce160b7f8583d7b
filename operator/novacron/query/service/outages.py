"""What this service refuses, and what it cannot do while the database fails it, as problem documents."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from novacron.query.domain.caller import ForeignOrganization
from novacron.query.service.store.database import TooSlow
from novacron.workload.service import outages
from novacron.workload.service.answers import Refusal
from novacron.workload.service.operations import Handler


def answering(handler: Handler) -> Handler:
    """A handler whose refusals and outages are answers."""

    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except ForeignOrganization as error:
            raise Refusal(403, f"{error}.") from None
        except TooSlow as error:
            detail = f"There was no answer within {error.seconds:g} s; ask for less, or send it again later."
            raise outages.later(detail, outages.RETRY_SECONDS) from None

    return outages.answering(answered)
