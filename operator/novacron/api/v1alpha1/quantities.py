"""Quantities of the resource (``500m``, ``2Gi``): what is accepted and how two compare, in CEL and Python."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field

from novacron.api.v1alpha1.rules import Extensions, Rule, literal
from novacron.core import quantity

# Six digits behind the point: the server rounds what is smaller than a billionth, which more of them could be.
_QUANTITY = r"[0-9]{1,19}(?:\.[0-9]{1,6})?(?:m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?"


def amount(text: str) -> Decimal | None:
    """The value of a quantity, or None where the text is none (its own rule says so)."""
    return quantity.parse(text) if re.fullmatch(_QUANTITY, text) else None


def quantity_syntax(text: str) -> str:
    """CEL: ``text`` is a quantity; narrower than ``isQuantity``, which accepts exponents of any size."""
    return f"{text}.matches({literal(f'^(?:{_QUANTITY})$')})"


def _cpu_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def quantity_text(name: str, reference: str) -> str:
    """CEL: the quantity of resource ``name`` at ``reference`` as text; only cpu may also be an integer.

    ``string()`` over a string would make the server's cost estimate forget its maxLength.
    """
    return f"string({reference})" if name == "cpu" else reference


_BYTES = r"[0-9]{1,12}(?:\.[0-9]{1,6})?(?:k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)"
_LEAST_CPU, _MOST_CPU, _MOST_BYTES, _MOST_ANY = "1m", "100k", "1Pi", "1E"
"""Kubernetes counts cpu in thousandths. The most is more than any cluster has, and exact here and in the API server."""
_CPU_LEAST, _CPU_LIMIT, _BYTES_LIMIT, _ANY_LIMIT = map(quantity.parse, (_LEAST_CPU, _MOST_CPU, _MOST_BYTES, _MOST_ANY))


def _at_least(text: str, bound: str) -> str:
    return f"quantity({text}).compareTo(quantity('{bound}')) >= 0"


def _at_most(text: str, bound: str) -> str:
    return f"quantity({text}).compareTo(quantity('{bound}')) <= 0"


_CORES = (
    f"{quantity_syntax('string(self)')} && {_at_least('string(self)', _LEAST_CPU)}"
    f" && {_at_most('string(self)', _MOST_CPU)}"
)

Cpu = Annotated[
    str,
    Field(max_length=32),
    BeforeValidator(_cpu_text, json_schema_input_type=int | str),
    Extensions((("x-kubernetes-int-or-string", True),)),
    Rule[str](
        cel=f"type(self) == int ? self > 0 && self <= {int(_CPU_LIMIT)} : {_CORES}",
        message=f"must be a number of cores such as 200m, 0.5 or 2, from {_LEAST_CPU} to {_MOST_CPU}",
        holds=lambda text: _CPU_LEAST <= (amount(text) or 0) <= _CPU_LIMIT,
    ),
]
Memory = Annotated[
    str,
    Field(max_length=32),
    Rule[str](
        cel=(
            f"self.matches({literal(f'^(?:{_BYTES})$')}) && {_at_least('self', '1Mi')}"
            f" && {_at_most('self', _MOST_BYTES)}"
        ),
        message=(
            "must be a quantity of bytes with a unit, such as 512Mi or 2Gi, from 1Mi to 1Pi (MB and GB are no units,"
            " and a bare number would count bytes)"
        ),
        holds=lambda text: re.fullmatch(_BYTES, text) is not None and 1024**2 <= (amount(text) or 0) <= _BYTES_LIMIT,
    ),
]


AnyQuantity = Annotated[
    str,
    Field(max_length=32),
    BeforeValidator(_cpu_text, json_schema_input_type=int | str),
    Extensions((("x-kubernetes-int-or-string", True),)),
    Rule[str](
        cel=(
            f"type(self) == int ? self >= 0 && self <= {int(_ANY_LIMIT)}"
            f" : {quantity_syntax('string(self)')} && {_at_most('string(self)', _MOST_ANY)}"
        ),
        message="must be a quantity that is not negative, such as 50, 20Gi or 500m, at most 1E",
        holds=lambda text: (value := amount(text)) is not None and value <= _ANY_LIMIT,
    ),
]


def not_more(left: str, right: str, added: str = "") -> str:
    """CEL: the quantity ``left`` (plus ``added``) is at most ``right``; true where one of them is none."""
    return _compared(left, right, added, "<=")


def not_less(left: str, right: str, added: str = "") -> str:
    """CEL: the quantity ``left`` (plus ``added``) is at least ``right``; true where one of them is none."""
    return _compared(left, right, added, ">=")


def _compared(left: str, right: str, added: str, relation: str) -> str:
    # Each figure is read once and bound to a name: the server copies an object's whole schema for every field it reads.
    figures = {"left": left, "right": right} | ({"added": added} if added else {})
    guard = " || ".join(f"!{quantity_syntax(name)}" for name in figures)
    total = "quantity(left).add(quantity(added))" if added else "quantity(left)"
    expression = f"{guard} || {total}.compareTo(quantity(right)) {relation} 0"
    for name, figure in figures.items():
        expression = f"[{figure}].all({name}, {expression})"
    return expression


def is_not_more(left: Decimal | None, right: Decimal | None) -> bool:
    """The Python side of ``not_more`` and, turned round, of ``not_less``."""
    return left is None or right is None or left <= right
