"""Whose data somebody may see: his organization's, whatever he asks for."""

from __future__ import annotations

import pytest

from novacron.query.domain.caller import Caller, ForeignOrganization


@pytest.mark.parametrize("asked", [None, "own"])
def test_who_belongs_to_an_organization_sees_that_one(asked: str | None) -> None:
    assert Caller("s", "admin", "own").view(asked) == "own"


def test_who_belongs_to_one_may_not_ask_for_another() -> None:
    with pytest.raises(ForeignOrganization, match="organization: is not your own; leave it out"):
        Caller("s", "admin", "own").view("other")


@pytest.mark.parametrize("asked", [None, "one"])
def test_who_belongs_to_none_sees_what_he_asks_for(asked: str | None) -> None:
    assert Caller("s", "platform-admin", None).view(asked) == asked
