"""Who may: every kind of caller before every kind of access."""

from __future__ import annotations

import pytest

from novacron.auth.domain.claims import Claims
from novacron.auth.service import permissions
from novacron.auth.service.permissions import allowed
from novacron.workload.service.operations import Access

ROLES = ("viewer", "operator", "admin", "platform-admin")
EITHER = Access(role="operator", scope="metrics:write")


def claims(role: str, *scopes: str) -> Claims:
    return Claims("s", "novacron", role, "o", None, None, frozenset(scopes), "j", "i", ("a",), 0, 1)


@pytest.mark.parametrize(
    ("access", "passing"),
    [
        (permissions.ANYBODY, {"viewer", "operator", "admin", "platform-admin", "none", "metrics:write", "other"}),
        (permissions.PEOPLE, {"viewer", "operator", "admin", "platform-admin"}),
        (permissions.ADMINS, {"admin", "platform-admin"}),
        (permissions.PLATFORM_ADMINS, {"platform-admin"}),
        (Access(scope="metrics:write"), {"metrics:write"}),
        (EITHER, {"operator", "admin", "platform-admin", "metrics:write"}),
    ],
    ids=["anybody", "people", "admins", "platform admins", "scope", "role or scope"],
)
def test_the_table(access: Access, passing: set[str]) -> None:
    callers = {role: claims(role) for role in ROLES}
    callers |= {
        "none": claims("service"),
        "metrics:write": claims("service", "metrics:write", "token:introspect"),
        "other": claims("service", "token:introspect"),
    }
    assert {name for name, one in callers.items() if allowed(one, access)} == passing


@pytest.mark.parametrize("access", [permissions.PEOPLE, Access(scope="metrics:write"), EITHER])
def test_a_scope_is_no_rank_and_a_rank_no_scope(access: Access) -> None:
    assert not allowed(claims("king"), access)
    assert not allowed(claims("service", "admin"), permissions.ADMINS)
    assert not allowed(claims("viewer", "metrics:write"), Access(scope="metrics:write"))


def test_a_refusal_says_what_is_needed() -> None:
    refusal = permissions.refusal(EITHER)
    assert refusal.status == 403
    assert "at least operator, or a service account with the scope metrics:write" in refusal.detail
    assert refusal.headers["WWW-Authenticate"] == (
        'Bearer realm="novacron", error="insufficient_scope", scope="metrics:write"'
    )
