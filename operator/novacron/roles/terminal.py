"""Text for people: folded and coloured on a terminal, whole lines in a pipe. Values are never read as markup."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

_UNFOLDED = 1_000_000
"""Columns: wider than any line."""


def terminal() -> Console:
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _UNFOLDED
    return console


def print_table(console: Console, table: Table) -> None:
    """A table; in a pipe without the blanks that fill up its last column."""
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        console.print(line.rstrip())
