"""Sizes on a command line."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import click

from novacron.core import quantity


class Size(click.ParamType[Any]):
    """``80MB``, or a quantity of Kubernetes: ``64Mi``; in bytes.

    Args:
        least: that makes sense.
    """

    name = "size"

    def __init__(self, least: int = 1_000_000) -> None:
        self._least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            size = int(quantity.parse(value.removesuffix("B")))
        except (ValueError, OverflowError):
            size = 0
        if not self._least <= size < Decimal(2) ** 62:
            self.fail(f"{value!r} is no size from {_written(self._least)} on; write 80MB or 64Mi", param, ctx)
        return size


def _written(size: int) -> str:
    return f"{size // 1_000_000}MB" if size % 1_000_000 == 0 else f"{size // 1000}kB"
