from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.core import quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"),
        ("100m", "0.1"),
        ("1", "1"),
        ("1.5", "1.5"),
        (".5", "0.5"),
        ("2Gi", "2147483648"),
        ("500Mi", "524288000"),
        ("1k", "1000"),
        ("1e3", "1000"),
        ("5E", "5000000000000000000"),
        ("-1", "-1"),
    ],
)
def test_value_is_exact(text: str, value: str) -> None:
    assert quantity.parse(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "512MB", "1 Gi", "Mi", "1..2", "0x10", "1Gi2", "one"])
def test_what_is_no_quantity_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(ValueError, match=r"write e\.g\."):
        quantity.parse(text)


@given(st.integers(min_value=1, max_value=10**6))
def test_cpu_round_trips(milli: int) -> None:
    assert quantity.parse(quantity.cpu(Decimal(milli) / 1000)) == Decimal(milli) / 1000


@given(st.integers(min_value=0, max_value=2**50))
def test_memory_round_trips(size: int) -> None:
    assert quantity.parse(quantity.memory(Decimal(size))) == size


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [("1000m", "1", True), ("1Gi", "1024Mi", True), (1, "1", True), ("1", "2", False), ("x", "x", False)],
)
def test_equality_is_by_value(left: object, right: object, same: bool) -> None:
    assert quantity.equal(left, right) is same


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (quantity.cpu(Decimal("0.0015")), "2m"),
        (quantity.cpu(Decimal("1.0001")), "1001m"),
        (quantity.cpu(Decimal(2)), "2"),
        (quantity.memory(Decimal("1.5")), "2"),
        (quantity.memory(Decimal("1.5") * 1024**2), "1536Ki"),
    ],
)
def test_what_cannot_be_written_exactly_is_rounded_up(written: str, text: str) -> None:
    assert written == text
