"""Every kind of refusal is told, none of them floods the log, none is lost, and secrets have no place in a line."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.auth.service import audit as module
from novacron.auth.service.audit import LOGGER, Audit, Event

MISSING = Event(module.MISSING_TOKEN, network="192.0.2.1", request_id="first")


class Book:
    """Lines as they come, and a clock."""

    def __init__(self) -> None:
        self.lines: list[tuple[Event, int]] = []
        self.now = 100.0
        self.audit = Audit(lambda event, count: self.lines.append((event, count)), lambda: self.now)

    def counts(self) -> list[int]:
        return [count for _event, count in self.lines]


def test_what_somebody_did_is_a_line_each() -> None:
    book = Book()
    for _ in range(3):
        book.audit.record(MISSING)
    assert book.counts() == [1, 1, 1]


def test_refusals_of_a_kind_are_one_line_now_and_one_with_the_rest() -> None:
    book = Book()
    for _ in range(50):
        book.audit.refused(MISSING)
    last = Event(module.MISSING_TOKEN, network="192.0.2.1", request_id="last")
    book.audit.refused(last)
    assert book.counts() == [1]
    book.audit.tell(109.9)
    assert book.counts() == [1]
    book.audit.tell(110.0)
    assert book.lines == [(MISSING, 1), (last, 50)]


def test_what_goes_on_is_told_every_ten_seconds_and_what_ended_is_forgotten() -> None:
    book = Book()
    for second in range(40):
        book.now = 100.0 + second
        book.audit.refused(MISSING)
        book.audit.tell(book.now)
    assert len(book.lines) == 4
    for moment in (150.0, 200.0):
        book.audit.tell(moment)
    assert sum(book.counts()) == 40
    book.audit.refused(MISSING)
    assert book.counts()[-1] == 1


@given(st.lists(st.tuples(st.integers(0, 3000), st.floats(0, 2)), max_size=60), st.integers(0, 3000))
def test_none_is_lost_and_memory_is_bounded(some: list[tuple[int, float]], many: int) -> None:
    book = Book()
    for number in range(many):
        book.audit.refused(Event(module.TOKEN_VALIDATION_FAILED, "expired", f"flood {number}"))
    for network, gap in some:
        book.now += gap
        book.audit.refused(Event(module.TOKEN_VALIDATION_FAILED, "expired", f"net {network}"))
        book.audit.tell(book.now)
    book.audit.tell(float("inf"))
    assert sum(book.counts()) == len(some) + many
    assert len({event.network for event, _count in book.lines}) <= 1001 + len(some)
    assert len(book.lines) <= 1002 + 2 * len(some)


def test_people_who_are_known_are_told_apart() -> None:
    book = Book()
    for subject in ("user-1", "user-2", "user-1"):
        book.audit.refused(Event(module.INACTIVE_USER_ACCESS, network="192.0.2.1", subject=subject))
    assert [event.subject for event, _count in book.lines] == ["user-1", "user-2"]


def test_a_flood_of_strangers_hides_no_known_person() -> None:
    """Rows of failed logins are kept for people alone: without a subject there would be none."""
    book = Book()
    for number in range(1000):
        book.audit.refused(Event(module.MISSING_TOKEN, network=f"flood {number}"))
    for number in range(3000):
        book.audit.refused(Event(module.LOGIN_FAILED, "wrong_password", f"net {number}", subject="user-1"))
    for number in range(3000):
        book.audit.refused(Event(module.LOGIN_FAILED, "wrong_password", "net", subject=f"user-{number}"))
    book.audit.tell(float("inf"))
    told = [(event.subject, count) for event, count in book.lines if event.type == module.LOGIN_FAILED]
    assert sum(count for subject, count in told if subject == "user-1") == 3001
    assert sum(count for _subject, count in told) == 6000
    assert len(told) <= 1010


async def test_the_end_of_the_process_tells_what_was_added_up() -> None:
    book = Book()
    task = asyncio.create_task(book.audit.run())
    await asyncio.sleep(0)
    book.audit.refused(MISSING)
    book.audit.refused(MISSING)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert book.counts() == [1, 1]


def test_an_unknown_type_is_a_defect() -> None:
    with pytest.raises(ValueError, match="undocumented"):
        Event("something")


def test_lines_come_whatever_level_the_rest_has() -> None:
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        Audit()
        assert logging.getLogger(LOGGER).isEnabledFor(logging.INFO)
    finally:
        root.setLevel(before)
