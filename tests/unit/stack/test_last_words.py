"""What pods of the Jobs leave behind: read whole or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from novacron.core.manifest import Manifest
from novacron.core.migration import Report
from novacron.stack.last_words import MOST_CHARACTERS, End, last_end
from tests.unit.stack import pod_states as states


def pod(message: str = "", code: int = 1, reason: str = "Error", finished: str = "", name: str = "p") -> Manifest:
    ended = {"terminated": states.ended(code, reason, message, finished)}
    status = states.container(state=ended, role="migrate")
    return states.pod(name, "migrate", phase="Failed", containerStatuses=[status])


def told(message: str, **more: Any) -> End:
    found = last_end([pod(message, **more)])
    assert found is not None
    return found


def test_a_report_is_told_in_its_own_words() -> None:
    report = Report("refused", "RightMissing", "the login may not make roles", {"auth": ""})
    assert told(json.dumps(report.document())) == End("RightMissing: the login may not make roles")
    away = Report("unreachable", "Unreachable", "db:5432: nobody answers")
    assert told(json.dumps(away.document()), code=3) == End("Unreachable: db:5432: nobody answers", unreachable=True)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "not JSON",
        "[]",
        "7",
        "[" * 4000,
        '{"outcome": "refused", "reason": "RightMissing"}',
        '{"outcome": "refused", "reason": "right missing", "message": "x"}',
        '{"outcome": 1, "reason": "RightMissing", "message": "x"}',
        '{"outcome": "refused", "reason": "RightMissing", "message": ["x"]}',
        json.dumps({"outcome": "refused", "reason": "RightMissing", "message": "x" * MOST_CHARACTERS}),
    ],
    ids=lambda message: message[:40] or "empty",
)
def test_anything_else_is_an_exit_code(message: str) -> None:
    assert told(message, code=137).text.startswith("it ended with exit code 137; read its log")
    assert "x" * 9 not in told(message).text


@given(st.text(max_size=300))
@example("a\x1b[31mb\nc\x00")
def test_words_are_one_line_that_a_terminal_prints_as_it_is(text: str) -> None:
    found = told(json.dumps({"outcome": "failed", "reason": "StatementFailed", "message": text}))
    assert found.text.isprintable()
    assert len(found.text) < 300


def test_a_kill_for_want_of_memory_names_limit_and_field() -> None:
    assert "limit 512Mi); raise spec.query.resources.limits.memory" in told("", code=137, reason="OOMKilled").text


def test_the_last_end_counts_and_one_that_was_well_says_nothing() -> None:
    early = pod(finished=states.ago(minutes=9), code=2, name="b")
    late = pod(finished=states.ago(minutes=1), code=3, name="a")
    assert "code 3" in str(last_end([late, early]))
    well = pod(finished=states.ago(seconds=1), code=0, reason="Completed")
    assert last_end([late, well, early]) is None
    assert last_end([states.pod("p", "migrate", containerStatuses=[])]) is None
    assert last_end([]) is None
