"""How far a command is that takes longer than one likes to wait: on the terminal, and on no other standard error."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from novacron.adapters import clock

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_QUIET_SECONDS = 2.0


class Waiting:
    """A bar, from the third second on.

    Args:
        what: goes on, in a word or two.
        total: steps; None: nobody knows.
    """

    def __init__(self, what: str, total: int | None) -> None:
        self._what, self._total = what, total
        self._begun = clock.monotonic()
        self._watched = sys.stderr is not None and sys.stderr.isatty()
        self._bar: tuple[Progress, TaskID] | None = None

    def at(self, step: int) -> None:
        """So many steps are done."""
        if not self._watched or clock.monotonic() - self._begun < _QUIET_SECONDS:
            return
        if self._bar is None:
            self._bar = self._shown()
        bar, task = self._bar
        bar.update(task, completed=step)

    def _shown(self) -> tuple[Progress, TaskID]:
        from rich.console import Console
        from rich.progress import Progress

        bar = Progress(console=Console(stderr=True), transient=True)
        task = bar.add_task(self._what, total=self._total)
        bar.start()
        return bar, task

    def __enter__(self) -> Waiting:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar[0].stop()
