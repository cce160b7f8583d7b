"""What the audit log tells of a question: never a text that somebody sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from novacron.query.service.audit import redacted

_ID = UUID("6f1cb6a4-5ee4-4d3a-8ed1-6ec8f7a64be2")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("someone@example.invalid", "given"),
        ("' OR 1=1 --", "given"),
        (b"bytes", "given"),
        (["a", "b"], 2),
        ({"a": 1}, 1),
        (7, 7),
        (0.5, 0.5),
        (True, True),
        (_ID, str(_ID)),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (timedelta(minutes=5), 300.0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_texts_are_only_said_to_be_given(given: Any, told: Any) -> None:
    assert redacted({"argument": given}) == {"argument": told}


def test_what_is_not_given_is_left_out() -> None:
    assert redacted({"email": None, "limit": 5}) == {"limit": 5}
