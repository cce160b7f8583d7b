"""Who asks, as a request carries it once it has passed the wall: ``claims``, ``user`` and ``session`` of its state."""

from __future__ import annotations

from typing import NamedTuple

from starlette.requests import HTTPConnection
from starlette.types import Scope

from novacron.auth.domain.claims import Claims
from novacron.auth.domain.client import UNKNOWN, Clients


class User(NamedTuple):
    """A tuple: one is made for each request, and a frozen dataclass takes four times as long.

    Args:
        organization: None for platform-admin only.
        active: always, where the wall let somebody pass.
    """

    subject: str
    role: str
    organization: str | None
    active: bool = True


class Session(NamedTuple):
    """Args:
    rotation: of the token that was shown.
    """

    id: str
    rotation: int


def put(scope: Scope, claims: Claims) -> None:
    """Step 9."""
    state = scope.setdefault("state", {})
    state["claims"] = claims
    state["user"] = User(claims.subject, claims.role, claims.organization)
    state["session"] = None
    if claims.session is not None and claims.rotation is not None:
        state["session"] = Session(claims.session, claims.rotation)


def claims_of(request: HTTPConnection) -> Claims:
    """Raises ``TypeError`` on a path that is open: nobody was asked there who he is."""
    found = request.scope["state"].get("claims")
    if not isinstance(found, Claims):
        raise TypeError("this path is open, so its requests have no claims; take it out of the open paths")
    return found


def network_of(request: HTTPConnection, clients: Clients) -> str:
    """Of the client, behind proxies that are trusted."""
    forwarded = ",".join(request.headers.getlist("x-forwarded-for")).encode("latin-1")
    return clients.network(request.client.host, forwarded) if request.client else UNKNOWN
