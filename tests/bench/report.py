"""What a bench found: rows with a goal where there is one, as a table for eyes and as JSON for scripts."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.bench.facts import Facts

Direction = Literal["at most", "at least"]


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound of the issue."""

    direction: Direction
    value: float

    def met(self, value: float) -> bool:
        return value <= self.value if self.direction == "at most" else value >= self.value


@dataclass(frozen=True, slots=True)
class Row:
    """One number.

    Args:
        case: the bench, as ``--only`` takes it.
        resources: how many NovaCrons there were; 0 where that means nothing.
        note: how it came about, in a few words.
    """

    case: str
    what: str
    value: float
    unit: str
    resources: int = 0
    goal: Goal | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        return "met" if self.goal.met(self.value) else "missed"


def number(value: float) -> str:
    """Three significant digits are all that a shared machine gives."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def table(rows: Sequence[Row]) -> Table:
    shown = Table(title="Bench", title_justify="left")
    for name in ("case", "what", "resources", "value", "unit", "goal", "verdict", "note"):
        shown.add_column(name, justify="right" if name in ("resources", "value") else "left", overflow="fold")
    for row in rows:
        goal = f"{row.goal.direction} {number(row.goal.value)}" if row.goal else ""
        style = {"met": "green", "missed": "red"}.get(row.verdict, "")
        verdict = f"[{style}]{row.verdict}[/]" if style else ""
        shown.add_row(
            row.case, row.what, str(row.resources or ""), number(row.value), row.unit, goal, verdict, escape(row.note)
        )
    return shown


def markdown(rows: Sequence[Row]) -> str:
    """The same for a document."""
    lines = ["| case | what | resources | value | goal | verdict | how |", "|---|---|--:|--:|---|---|---|"]
    for row in rows:
        goal = f"{row.goal.direction} {number(row.goal.value)}" if row.goal else ""
        value = f"{number(row.value)} {row.unit}".strip()
        cells = [row.case, row.what, str(row.resources or ""), value, goal, row.verdict, row.note]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def document(facts: Facts, rows: Sequence[Row]) -> str:
    """JSON, one object."""
    listed = [asdict(row) | {"verdict": row.verdict} for row in rows]
    return json.dumps({"machine": facts, "rows": listed}, indent=1) + "\n"


def show(facts: Facts, rows: Sequence[Row]) -> None:
    """To standard output; plain where NO_COLOR is set or nobody looks."""
    terminal = sys.stdout.isatty()
    console = Console(no_color=bool(os.environ.get("NO_COLOR")), width=None if terminal else 180, highlight=False)
    for name, value in facts.items():
        console.print(f"{name}: {value}")
    console.print(table(rows))
