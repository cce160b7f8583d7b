"""What administrators see and grant, and what would lock everybody out."""

from __future__ import annotations

import itertools

import pytest

from novacron.auth.domain import administration, roles
from novacron.auth.domain.administration import Actor, NotAllowed

HOME, AWAY = "home", "away"
ADMIN, ROOT = Actor("a", roles.ADMIN, HOME), Actor("r", roles.PLATFORM_ADMIN, None)


@pytest.mark.parametrize(
    ("actor", "organization", "seen"),
    [
        (ADMIN, HOME, True),
        (ADMIN, AWAY, False),
        (ADMIN, None, False),
        (ROOT, HOME, True),
        (ROOT, None, True),
        (Actor("b", roles.ADMIN, None), None, False),
    ],
)
def test_what_is_seen(actor: Actor, organization: str | None, seen: bool) -> None:
    assert actor.sees(organization) is seen


@pytest.mark.parametrize(("own", "granted"), list(itertools.product(roles.PEOPLE, roles.PEOPLE)))
def test_nobody_grants_above_the_own_rank(own: str, granted: str) -> None:
    actor = Actor("x", own, HOME)
    if roles.PEOPLE.index(granted) <= roles.PEOPLE.index(own):
        actor.check_grant(granted)
    else:
        with pytest.raises(NotAllowed) as caught:
            actor.check_grant(granted)
        assert caught.value.code == administration.RANK


def test_the_own_account_is_another_ones_to_change() -> None:
    ADMIN.check_other("b")
    with pytest.raises(NotAllowed) as caught:
        ADMIN.check_other("a")
    assert caught.value.code == administration.OWN_ACCOUNT


@pytest.mark.parametrize(
    ("actor", "role", "asked", "current", "home"),
    [
        (ADMIN, "viewer", None, None, HOME),
        (ADMIN, "viewer", HOME, None, HOME),
        (ADMIN, "viewer", None, HOME, HOME),
        (ROOT, "viewer", AWAY, None, AWAY),
        (ROOT, "viewer", None, AWAY, AWAY),
        (ROOT, "viewer", HOME, AWAY, HOME),
        (ROOT, "platform-admin", None, AWAY, None),
        (ROOT, "service", AWAY, None, AWAY),
    ],
)
def test_where_somebody_belongs(
    actor: Actor, role: str, asked: str | None, current: str | None, home: str | None
) -> None:
    assert actor.home(role, asked, current) == home


@pytest.mark.parametrize(
    ("actor", "role", "asked"),
    [(ADMIN, "viewer", AWAY), (ROOT, "viewer", None), (ROOT, "service", None), (ROOT, "platform-admin", AWAY)],
    ids=["another's", "none named", "none named for a machine", "one where there is none"],
)
def test_an_organization_that_does_not_go(actor: Actor, role: str, asked: str | None) -> None:
    with pytest.raises(NotAllowed) as caught:
        actor.home(role, asked)
    assert caught.value.code == administration.ORGANIZATION
    assert str(caught.value).startswith("organization_id: ")
