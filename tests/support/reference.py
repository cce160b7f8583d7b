"""Writes docs/reference.md from the constants in the code; a test compares the two."""

from __future__ import annotations

from pathlib import Path

from novacron.adapters.telemetry import Telemetry
from novacron.core import conditions, events

PATH = Path(__file__).parents[2] / "docs" / "reference.md"


def text() -> str:
    """The whole page."""
    return "\n".join(
        [
            "# Reference",
            "",
            "Made from the code by `make generate`. These words are contracts: scripts and alerts may match them.",
            "",
            "## Condition types",
            "",
            *_table(("type", "says"), conditions.TYPES),
            "",
            "`Ready` is gated by WorkloadsAvailable, SecretsSynced, ExposureReady, a valid spec, free names and",
            "a namespace of its own. While Ready is not True, exactly one of Reconciling and Stalled is True.",
            "",
            "## Condition reasons",
            "",
            *_table(("reason", "means"), conditions.REASONS),
            "",
            "## Events",
            "",
            *_table(("reason", "means"), events.REASONS),
            "",
            "## Metrics of the operator",
            "",
            *_table(("metric", "says"), _metrics()),
            "",
        ]
    )


def _table(head: tuple[str, str], rows: dict[str, str]) -> list[str]:
    return [f"| {head[0]} | {head[1]} |", "|---|---|", *(f"| `{name}` | {text} |" for name, text in rows.items())]


def _metrics() -> dict[str, str]:
    found = {}
    for family in Telemetry().registry.collect():
        suffix = "_total" if family.type == "counter" else ""
        found[family.name + suffix] = family.documentation
    return dict(sorted(found.items()))


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
