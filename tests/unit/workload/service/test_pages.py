"""Cursors: they lead on, and only in the list that they come from."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.workload.service import pages
from novacron.workload.service.answers import Refusal
from novacron.workload.service.pages import List, PageQuery

ID = "9b2d2c3a-6f0e-4b3c-8f6e-2d8a1f5a7c11"


@dataclass(frozen=True, slots=True)
class Row:
    position: int
    id: str


def cursor(filters: Mapping[str, Any] | None = None, position: int = 5, name: str = "things") -> str:
    found = List(name, filters or {}).page([Row(position, ID), Row(9, ID)], 1).next
    assert found is not None
    return found


@given(position=st.integers(0, 253_370_764_799_999_999), id_=st.uuids(), filters=st.dictionaries(st.text(), st.text()))
def test_a_cursor_leads_to_where_its_page_ended(position: int, id_: UUID, filters: dict[str, str]) -> None:
    one = List("things", filters)
    page = one.page([Row(position, str(id_)), Row(position, ID)], 1)
    assert one.after(page.next) == (position, str(id_))


def test_the_last_page_has_no_cursor() -> None:
    assert List("things", {}).page([Row(1, ID)], 1) == pages.Page([Row(1, ID)], None)
    assert List("things", {}).page([], 1).next is None


def test_no_cursor_is_the_beginning() -> None:
    assert List("things", {}).after(None) is None


@pytest.mark.parametrize(
    "one",
    [List("things", {}), List("things", {"role": "admin"}), List("others", {"role": "viewer"})],
    ids=["no filter", "another filter", "another list"],
)
def test_a_cursor_of_another_list_is_refused(one: List) -> None:
    with pytest.raises(Refusal, match="another filter") as caught:
        one.after(cursor({"role": "viewer"}))
    assert caught.value.status == 400


def test_the_order_of_filters_means_nothing() -> None:
    assert List("things", {"b": 2, "a": 1}).after(cursor({"a": 1, "b": 2})) == (5, ID)


def _forged(*values: Any) -> str:
    digest = orjson.loads(base64.urlsafe_b64decode(cursor() + "=="))[0]
    return base64.urlsafe_b64encode(orjson.dumps([digest, *values])).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "made_up",
    [
        "",
        "canary",
        "ä",
        "W10",
        "e30",
        "bnVsbA",
        _forged(),
        _forged(5),
        _forged(5, ID, 1),
        _forged("5", ID),
        _forged(True, ID),
        _forged(-1, ID),
        _forged(2**62, ID),
        _forged(5, "canary"),
        _forged(5, ID.upper()),
        _forged(5, None),
    ],
)
def test_a_cursor_that_was_made_up_is_refused(made_up: str) -> None:
    with pytest.raises(Refusal, match="cursor: ") as caught:
        List("things", {}).after(made_up)
    assert "canary" not in caught.value.detail


@given(st.text())
def test_whatever_is_sent_is_a_cursor_or_refused(text: str) -> None:
    with pytest.raises(Refusal):
        List("things", {}).after(text)


def test_filters_are_what_was_given_but_for_the_page() -> None:
    class Wanted(PageQuery):
        role: str | None = None
        status: str | None = None

    assert Wanted(role="admin", limit=3, cursor="x").filters() == {"role": "admin"}
    assert Wanted().limit == pages.DEFAULT


@pytest.mark.parametrize("name", ["web-1", "机" * 255, '"\\' * 127, "'; DROP TABLE query.vms; --"])
def test_a_cursor_may_end_at_a_name(name: str) -> None:
    one = List("things by name", {})
    following = PageQuery(cursor=one.cursor(name, ID)).cursor
    assert one.position(following, pages.text, pages.identifier) == (name, ID)


@pytest.mark.parametrize("name", ["a\0b", "\x1b", 5, None, ["a"]])
def test_a_made_up_name_that_the_database_does_not_take(name: Any) -> None:
    one = List("things by name", {})
    with pytest.raises(Refusal, match="cursor: "):
        one.position(one.cursor(name, ID), pages.text, pages.identifier)
