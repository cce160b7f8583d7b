"""Text for people: folded and coloured on a terminal, whole lines in a pipe. Values are never read as markup."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

_UNFOLDED = 1_000_000
"""Columns: wider than any line."""
_OBEYED = {code: repr(chr(code))[1:-1] for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}


def harmless(text: str) -> str:
    """Text of a stranger, in one line; what a terminal would obey is written as Python writes it."""
    return text.translate(_OBEYED)


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
