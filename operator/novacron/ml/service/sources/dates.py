"""Dates and times of arrays, as texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def iso(values: npt.NDArray[Any], zone: str = "") -> list[str | None]:
    """As ``isoformat`` writes them (ISO 8601), whatever their unit: no fraction of a second, or 6 or 9 digits of it.

    Args:
        values: of a datetime64 type.
        zone: what follows each, as +00:00.
    """
    return [None if text == "NaT" else shortened(text) + zone for text in np.datetime_as_string(values).tolist()]


def shortened(text: str) -> str:
    """A time without the zeros that its unit added."""
    whole, point, fraction = text.partition(".")
    fraction = fraction.ljust(9, "0")[:9]
    if not point or not fraction.strip("0"):
        return whole
    return f"{whole}.{fraction.removesuffix('000')}"
