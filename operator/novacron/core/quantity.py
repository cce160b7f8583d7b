"""Kubernetes quantities (``500m``, ``2Gi``) as exact decimals.

Source: apimachinery ``pkg/api/resource/quantity.go``. Exact arithmetic only: sums of quotas must not round.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

_BINARY = {"Ki": 1024, "Mi": 1024**2, "Gi": 1024**3, "Ti": 1024**4, "Pi": 1024**5, "Ei": 1024**6}
_DECIMAL = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(1000),
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "P": Decimal(10) ** 15,
    "E": Decimal(10) ** 18,
}
_SYNTAX = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?|[eE][+-]?[0-9]+)")


def parse(text: str) -> Decimal:
    """The value of a quantity in base units (cores, bytes).

    Raises:
        ValueError: the text is no quantity, with the remedy in the message.
    """
    match = _SYNTAX.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a quantity; write e.g. 500m for cpu or 512Mi for memory")
    number, suffix = Decimal(match[1]), match[2]
    if suffix in _BINARY:
        return number * _BINARY[suffix]
    if suffix in _DECIMAL:
        return number * _DECIMAL[suffix]
    return number * Decimal(10) ** int(suffix[1:])


def cpu(value: Decimal) -> str:
    """Cores as the API server writes them: whole cores, else millicores, rounded up."""
    milli = int((value * 1000).to_integral_value(ROUND_CEILING))
    return str(milli // 1000) if milli % 1000 == 0 else f"{milli}m"


def memory(value: Decimal) -> str:
    """Bytes as the API server writes them: the largest binary unit that divides the value, rounded up to bytes."""
    size = int(value.to_integral_value(ROUND_CEILING))
    for unit in ("Ei", "Pi", "Ti", "Gi", "Mi", "Ki"):
        if size and size % _BINARY[unit] == 0:
            return f"{size // _BINARY[unit]}{unit}"
    return str(size)


def equal(left: object, right: object) -> bool:
    """Whether two scalars of a manifest name the same quantity, e.g. ``1000m`` and ``1``; False where one is none."""
    try:
        return parse(str(left)) == parse(str(right))
    except ValueError:
        return False
