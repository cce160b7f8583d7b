from __future__ import annotations

import json

import pytest
from rich.console import Console

from tests.bench import report
from tests.bench.report import Goal, Row

ROWS = [
    Row("many", "operator over raw", 0.61, "", 200, Goal("at least", 0.8), "by [wall] time"),
    Row("memory", "operator, peak", 134.2, "MB", 200, Goal("at most", 300)),
    Row("many", "children", 8200, "", 200),
]


@pytest.mark.parametrize(
    ("goal", "value", "met"),
    [
        (Goal("at most", 1), 1, True),
        (Goal("at most", 1), 1.01, False),
        (Goal("at least", 0.8), 0.8, True),
        (Goal("at least", 0.8), 0.79, False),
    ],
)
def test_a_goal_includes_its_bound(goal: Goal, value: float, met: bool) -> None:
    assert goal.met(value) is met


def test_only_a_row_with_a_goal_has_a_verdict() -> None:
    assert [row.verdict for row in ROWS] == ["missed", "met", ""]


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.0359, "0.0359"), (1.4914, "1.49"), (99.96, "100"), (8200.4, "8,200")]
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert report.number(value) == text


def test_a_document_holds_machine_rows_and_verdicts() -> None:
    found = json.loads(report.document({"cores": "2"}, ROWS))
    assert found["machine"] == {"cores": "2"}
    assert found["rows"][0]["goal"] == {"direction": "at least", "value": 0.8}
    assert [row["verdict"] for row in found["rows"]] == ["missed", "met", ""]


def test_markdown_has_one_line_a_row() -> None:
    lines = report.markdown(ROWS).splitlines()
    assert lines[2] == "| many | operator over raw | 200 | 0.61 | at least 0.8 | missed | by [wall] time |"
    assert len(lines) == 2 + len(ROWS)


def test_the_table_shows_goals_and_notes_as_they_are() -> None:
    console = Console(width=200, record=True)
    console.print(report.table(ROWS))
    text = console.export_text()
    assert "at least 0.8" in text
    assert "by [wall] time" in text, "a note is text, never markup"


@pytest.mark.parametrize(("asked", "coloured"), [("", True), ("1", False)])
def test_no_color_is_honoured(
    asked: str, coloured: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_COLOR", asked)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    report.show({"cores": "2"}, ROWS)
    out = capsys.readouterr().out
    assert ("\x1b[32m" in out, "\x1b[31m" in out) == (coloured, coloured)
