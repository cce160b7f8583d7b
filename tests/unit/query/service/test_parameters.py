"""What clients send becomes one form, or is refused without a word of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.query.domain.caller import Caller, ForeignOrganization
from novacron.query.service.listing import ListQuery
from novacron.query.service.parameters import Id, Moment, Text, view
from novacron.query.service.settings import PageSize
from novacron.workload.service.answers import Body, Refusal, modelled

ID = "9b2d2c3a-6f0e-4b3c-8f6e-2d8a1f5a7c11"


class Sent(Body):
    id: Id | None = None
    text: Text | None = None
    at: Moment | None = None


def taken(**sent: Any) -> Sent:
    return modelled(Sent, sent)


def refused(field: str, sent: Any) -> str:
    with pytest.raises(Refusal) as caught:
        taken(**{field: sent})
    assert caught.value.status == 400
    assert caught.value.detail.startswith(f"{field}: ")
    assert "canary" not in caught.value.detail
    return caught.value.detail


@pytest.mark.parametrize("text", [ID, ID.upper(), ID.replace("-", ""), f"{{{ID}}}", f"urn:uuid:{ID}"])
def test_ids_are_the_same_in_whichever_form(text: str) -> None:
    assert taken(id=text).id == UUID(ID)


@pytest.mark.parametrize(
    "sent", ["", "canary", f"{ID} OR 1=1", f"{ID}\0", "9" * 10_000, 5, [], {}, True, 1.5, b"x" * 16]
)
def test_what_is_no_id(sent: Any) -> None:
    assert "must be a UUID" in refused("id", sent)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-01-31T08:00:00Z", datetime(2026, 1, 31, 8, tzinfo=UTC)),
        ("2026-01-31t08:00:00z", datetime(2026, 1, 31, 8, tzinfo=UTC)),
        ("2026-01-31 08:00:00.5+05:30", datetime(2026, 1, 31, 2, 30, 0, 500_000, UTC)),
        ("2026-01-31T08:00:00.123456789Z", datetime(2026, 1, 31, 8, 0, 0, 123_456, UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)),
    ],
)
def test_moments_are_in_utc(text: str, at: datetime) -> None:
    assert taken(at=text).at == at


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_as_python_writes_it(at: datetime) -> None:
    assert taken(at=at.isoformat()).at == at


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "canary",
        "now",
        "infinity",
        "-infinity",
        "epoch",
        "1700000000",
        1_700_000_000,
        1e300,
        "2026-01-31",
        "2026-01-31T08:00:00",
        "2026-01-31T08:00:00 00:00",
        "2026-02-30T08:00:00Z",
        "2026-01-31T24:00:01Z",
        "2016-12-31T23:59:60Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "294277-01-01T00:00:00Z",
        "4714-01-01T00:00:00Z BC",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "2026-01-31T08:00:00+24:00",
        "2026-01-31T08:00:00Z'; --",
        "2026-01-31T08:00:00Z\0",
        "\uff12026-01-31T08:00:00Z",
    ],
)
def test_what_is_no_moment(sent: Any) -> None:
    assert "must be " in refused("at", sent)


@given(st.text())
def test_any_other_text_is_no_moment(text: str) -> None:
    with pytest.raises(Refusal, match=r"^at: must be "):
        taken(at=text)


@pytest.mark.parametrize("sent", ["", "a\0b", "\x1b[31m", "a\nb", "x" * 256, 5])
def test_texts_that_the_database_or_a_reader_does_not_take(sent: Any) -> None:
    refused("text", sent)


@pytest.mark.parametrize("text", ["'; DROP TABLE query.vms; --", "%s", "%(limit)s", "{rows}", "\\", "$1", "x" * 255])
def test_texts_that_are_nothing_but_texts(text: str) -> None:
    assert taken(text=text).text == text


def test_a_caller_sees_the_own_organization_whatever_is_asked() -> None:
    own, other = UUID(ID), UUID(int=7)
    caller = Caller("s", "admin", ID)
    assert view(caller, None) == view(caller, own) == own
    with pytest.raises(ForeignOrganization):
        view(caller, other)


def test_a_platform_admin_sees_all_or_the_one_that_is_asked_for() -> None:
    caller = Caller("s", "platform-admin", None)
    assert view(caller, None) is None
    assert view(caller, UUID(ID)) == UUID(ID)


def test_an_organization_that_cannot_be_ours_has_nothing_here() -> None:
    with pytest.raises(Refusal) as caught:
        view(Caller("s", "viewer", "canary' OR true --"), None)
    assert caught.value.status == 403
    assert "canary" not in caught.value.detail


@pytest.mark.parametrize(("limit", "rows"), [(None, 20), ("1", 1), ("50", 50)])
def test_a_page_is_as_long_as_the_settings_say(limit: str | None, rows: int) -> None:
    sent = {} if limit is None else {"limit": limit}
    assert modelled(ListQuery, sent).size(PageSize(default=20, max=50)) == rows


@pytest.mark.parametrize("limit", ["51", "0", "-1", "10001", "9" * 30, "9" * 5000, "1.5", "1e1", "canary", ""])
def test_a_limit_beyond_the_settings_is_refused_and_not_made_to_fit(limit: str) -> None:
    with pytest.raises(Refusal, match=r"^limit: ") as caught:
        modelled(ListQuery, {"limit": limit}).size(PageSize(default=20, max=50))
    assert caught.value.status == 400
    assert "canary" not in caught.value.detail
