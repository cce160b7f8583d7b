"""Who may do what over HTTP: the words of the table route x role, and the guard that every route stands behind.

The table itself is where the routes are declared (``Operation.access``), and so in /openapi.json; docs/auth.md has it
for people, and a test compares the three with what the service does.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

from novacron.auth.domain import roles
from novacron.auth.domain.claims import Claims
from novacron.auth.service import audit, identity
from novacron.auth.service.audit import Audit, Event
from novacron.auth.service.wall_metrics import WallMetrics
from novacron.workload.service.answers import CHALLENGE, Refusal
from novacron.workload.service.operations import Access

OPEN = Access(open=True)
ANYBODY = Access()
"""With a valid access token."""
PEOPLE = Access(role=roles.VIEWER)
ADMINS = Access(role=roles.ADMIN)
"""In their own organization; platform-admin in every one."""
PLATFORM_ADMINS = Access(role=roles.PLATFORM_ADMIN)
INTROSPECTION = Access(scope=roles.TOKEN_INTROSPECT)

INSUFFICIENT = f'{CHALLENGE}, error="insufficient_scope"'


def allowed(claims: Claims, access: Access) -> bool:
    """Whether an access token is enough. A person has no scopes, and a service account no rank."""
    if claims.role == roles.SERVICE:
        return access.scope in claims.scopes if access.scope else not access.role
    return roles.at_least(claims.role, access.role) if access.role else not access.scope


class Guard:
    """Asks before a handler runs (RFC 6750, 3.1: 403 insufficient_scope).

    Args:
        network: of a request's client.
    """

    def __init__(self, audit: Audit, metrics: WallMetrics, network: Callable[[Request], str]) -> None:
        self._audit = audit
        self._metrics = metrics
        self._network = network

    def __call__(self, request: Request, access: Access) -> None:
        """Raises ``Refusal``."""
        if access.open:
            return
        claims = identity.claims_of(request)
        if allowed(claims, access):
            return
        self._metrics.refused("not_permitted")
        self._audit.refused(
            Event(
                audit.NOT_PERMITTED,
                "scope" if claims.role == roles.SERVICE else "role",
                self._network(request),
                subject=claims.subject,
                organization=claims.organization or "",
                session=claims.session or "",
                request_id=request.state.request_id,
            )
        )
        raise refusal(access)


def refusal(access: Access) -> Refusal:
    """Of somebody who may not."""
    ways = []
    if access.role:
        ways.append(f"a person whose role is at least {access.role}")
    if access.scope:
        ways.append(f"a service account with the scope {access.scope}")
    scope = f', scope="{access.scope}"' if access.scope else ""
    detail = f"This needs {', or '.join(ways)}; ask an administrator."
    return Refusal(403, detail, {"WWW-Authenticate": INSUFFICIENT + scope})
