"""What clients send to query's lists: ids, texts and moments in one form, or refused. Errors never hold a value."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field
from starlette.requests import Request

from novacron.query.domain.caller import Caller
from novacron.workload.service.answers import Refusal

_ID_LONGEST = 45
"""Characters: of the longest form that a UUID is written in."""
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_NO_MOMENT = "must be a time with an offset (RFC 3339), 2026-01-31T08:00:00Z say; in a URL, write + as %2B"


def _identifier(sent: object) -> UUID:
    if isinstance(sent, str) and len(sent) <= _ID_LONGEST:
        try:
            return UUID(sent)
        except ValueError:
            pass
    raise ValueError("must be a UUID")


def _printable(text: str) -> str:
    if not text.isprintable():  # NUL among them, which PostgreSQL takes in no text
        raise ValueError("must not hold control characters or others that nobody sees; leave them out")
    return text


def _moment(sent: object) -> datetime:
    """In UTC."""
    text = sent.upper() if isinstance(sent, str) else ""
    if _MOMENT.fullmatch(text) is None:
        raise ValueError(_NO_MOMENT)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise ValueError(_NO_MOMENT) from None
    except OverflowError:
        raise ValueError("must be within the years 1 to 9999 in UTC") from None


Id = Annotated[UUID, BeforeValidator(_identifier)]
Text = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_printable)]
Moment = Annotated[datetime, BeforeValidator(_moment)]


def view(caller: Caller, asked: UUID | None) -> UUID | None:
    """The organization whose data are asked for; None: all of them.

    Args:
        asked: a filter of the request's.

    Raises:
        ForeignOrganization: it is not the caller's own.
        Refusal: the token names one that cannot be ours.
    """
    found = caller.view(None if asked is None else str(asked))
    if found is None:
        return None
    try:
        return UUID(found)
    except ValueError:
        raise Refusal(403, "The organization of the access token is no UUID, so nothing here is its own.") from None


def identified(request: Request) -> UUID:
    """The path's id. Raises ``Refusal``."""
    try:
        return _identifier(request.path_params["id"])
    except ValueError:
        raise missing() from None


def missing() -> Refusal:
    """Of what is not there, and of what is another organization's."""
    return Refusal(404, "There is none of that id, or it is not yours to see; list them.")
