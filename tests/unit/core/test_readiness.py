"""What a pod may answer at /ready, and what is no answer of ours: bodies of a stranger."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novacron.core import readiness
from novacron.core.readiness import Dependency

OK, NOT_READY = (200, "application/json"), (503, "application/problem+json")
DATABASE: dict[str, Any] = {
    "name": "database",
    "state": "down",
    "required": True,
    "secret": "novacron-database",
    "reason": "AuthenticationFailed",
    "message": "It refuses the login.",
}
REDIS: dict[str, Any] = {
    "name": "redis",
    "state": "ok",
    "required": False,
    "secret": None,
    "reason": "Reached",
    "message": "",
}


def body(*listed: Any, **more: Any) -> bytes:
    return json.dumps({**more, "dependencies": list(listed)}).encode()


def test_an_answer_is_read_by_name_whatever_its_order_and_whatever_else_it_holds() -> None:
    found = readiness.parsed(*NOT_READY, body(REDIS, DATABASE, type="about:blank", title="Not ready", status=503))
    assert found == (
        Dependency("database", "down", True, "novacron-database", "AuthenticationFailed", "It refuses the login."),
        Dependency("redis", "ok", False, "", "Reached", ""),
    )
    assert found[0].message == "It refuses the login."
    assert [item.missed for item in found] == [True, False]
    assert [item.refused for item in found] == [True, False]


@pytest.mark.parametrize(
    ("state", "required", "reason", "refused", "missed"),
    [
        ("degraded", True, "AuthenticationFailed", True, False),
        ("degraded", False, "CertificateRefused", True, False),
        ("down", False, "PermissionDenied", True, False),
        ("down", True, "Unreachable", False, True),
        ("ok", True, "Reached", False, False),
    ],
)
def test_what_counts_against_credentials_and_what_against_readiness(
    state: str, required: bool, reason: str, refused: bool, missed: bool
) -> None:
    found = readiness.parsed(*OK, body(DATABASE | {"state": state, "required": required, "reason": reason}))
    assert found is not None
    assert (found[0].refused, found[0].missed) == (refused, missed)


def test_two_findings_that_differ_in_words_alone_are_one() -> None:
    first, second = (readiness.parsed(*OK, body(DATABASE | {"message": words})) for words in ("at 10:00", "at 10:01"))
    assert first == second


HOSTILE = {
    "no json": b"<html>",
    "not utf-8": b'{"dependencies": [], "x": "\xff"}',
    "nested without end": b"[" * 60_000,
    "a list": b"[]",
    "no dependencies": b"{}",
    "dependencies of another type": b'{"dependencies": {}}',
    "too many": body(*(REDIS | {"name": f"d{number}"} for number in range(33))),
    "one name twice": body(REDIS, REDIS),
    "no object": body("database"),
    "too large": body(REDIS, padding="x" * readiness.MOST_BYTES),
    **{
        f"{key}: {value!r:.40}": body(DATABASE | {key: value})
        for key, value in (
            ("name", "Database"),
            ("name", "a" * 64),
            ("name", "da\ntabase"),
            ("name", None),
            ("state", "fine"),
            ("state", ["ok"]),
            ("state", {}),
            ("required", "true"),
            ("required", 1),
            ("secret", "../../etc"),
            ("secret", "a\x1b[31m"),
            ("secret", ["x"]),
            ("secret", 5),
            ("reason", "it failed"),
            ("reason", "A" * 65),
            ("reason", ""),
            ("message", None),
            ("message", 1),
        )
    },
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_anything_else_is_no_answer(hostile: bytes) -> None:
    assert readiness.parsed(*OK, hostile) is None


@pytest.mark.parametrize("form", [(200, "text/html"), (503, "application/json"), (404, "application/json"), (302, "")])
def test_another_status_or_type_is_no_answer(form: tuple[int, str]) -> None:
    assert readiness.parsed(*form, body(REDIS)) is None


def test_a_message_becomes_one_short_line_without_control_characters() -> None:
    found = readiness.parsed(*OK, body(DATABASE | {"message": "a\x1b[2J\r\nb\u202e\x00 c" + "x" * 5000}))
    assert found is not None
    assert found[0].message.isprintable()
    assert found[0].message.startswith("a [2J b c")
    assert len(found[0].message) == 256


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from([*DATABASE]), inner),
    max_leaves=20,
)


@settings(deadline=None)
@given(
    st.sampled_from([OK, NOT_READY]),
    st.binary() | _JSON.map(lambda value: body(value, DATABASE)) | _JSON.map(lambda value: json.dumps(value).encode()),
)
def test_nothing_makes_the_reader_fail(form: tuple[int, str], hostile: bytes) -> None:
    for item in readiness.parsed(*form, hostile) or ():
        assert str(item).isprintable()
        assert len(str(item)) < 1024
