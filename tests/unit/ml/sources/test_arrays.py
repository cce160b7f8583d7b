"""JSON arrays: the same as ``json.loads`` of the whole, without ever holding the whole."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.ml.domain.budget import Pace
from novacron.ml.service.sources import elements
from novacron.ml.service.sources.elements import START, scan
from novacron.ml.service.sources.opened import opened
from novacron.ml.service.sources.report import Rejected, Report, Unreadable
from tests.support.chunks import Dribble, Whole, table, together

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.sampled_from('ab"\\,{}[] é\n'), max_size=6)
)
NAMES = st.sampled_from(["cpu", "zone", '"', "\\", "},{", "]"])
VALUES = SCALARS | st.lists(SCALARS | st.dictionaries(NAMES, SCALARS, max_size=2), max_size=3)
ROWS = st.dictionaries(NAMES, VALUES, max_size=4)
ELEMENTS = st.lists(ROWS | st.sampled_from([5, "},{", None, [1, {"a": 1}], []]), max_size=20)


@given(
    elements=ELEMENTS,
    indent=st.sampled_from([None, 0, 2]),
    separators=st.sampled_from([(",", ":"), (", ", ": "), (" ,", ":")]),
    ascii_=st.booleans(),
    rows=st.integers(1, 9),
    block=st.integers(1, 120),
    seed=st.integers(0, 99),
)
def test_any_array_at_any_pace(
    elements: list[Any], indent: int | None, separators: tuple[str, str], ascii_: bool, rows: int, block: int, seed: int
) -> None:
    text = json.dumps(elements, ensure_ascii=ascii_, indent=indent, separators=separators).encode()
    report = Report()
    found = together(opened(Dribble(b" \n" + text + b"\n ", seed), pace=Pace(rows, block), report=report))
    assert found == table(element for element in elements if isinstance(element, dict))
    bad = [place for place, element in enumerate(elements, 1) if not isinstance(element, dict)]
    assert (report.unit, report.count, [place for place, _ in report.first]) == ("element", len(bad), bad[:20])


@pytest.mark.parametrize("block", [3000, 50_000, 512 << 10])
@pytest.mark.parametrize("rows", [10, 2000])
def test_regular_elements(rows: int, block: int) -> None:
    elements: list[dict[str, Any]] = [{"cpu": place / 7, "zone": f"}},{{{place % 5}"} for place in range(5000)]
    elements[4000]["cpu"] = {"a": {"b": [1]}}
    text = json.dumps(elements).encode()
    assert together(opened(io.BytesIO(text), pace=Pace(rows, block), report=Report())) == table(elements)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'[{"a":1}', "ends within element"),
        (b'[{"a":1},', "ends within element 2"),
        (b'[{"a":1},{"a', "ends within element 2"),
        (b"[", "ends within element 1"),
        (b'[{"a":1}}', "closes what was never opened"),
        (b'[{"a":1}] {"a":2}', "something stands behind the array"),
        (b'[{"a":1}][]', "something stands behind the array"),
        (b"{}", "no JSON array"),
        (b"", "no JSON array"),
    ],
)
@pytest.mark.parametrize("block", [1, 4, 1000])
def test_what_is_no_whole_array(text: bytes, reason: str, block: int) -> None:
    with pytest.raises(Unreadable, match=reason):
        together(opened(io.BytesIO(text), format="json", pace=Pace(9, block), report=Report()))


@pytest.mark.parametrize(
    ("text", "rows", "bad"),
    [
        (b"[]", 0, []),
        (b" [ ]", 0, []),
        (b"[{}]", 1, []),
        (b"[{},]", 1, [2]),
        (b"[,{}]", 1, [1]),
        (b'[{"a":"\n"},{}]', 1, [1]),
        (b'[{"a":1 "b":2},{}]', 1, [1]),
        (b'[{"a":1}{"a":2},{}]', 1, [1]),
        (b'[{"a":[1}],{}]', 1, [1]),
        (b'[{"a":"\xff"},{}]', 1, [1]),
        (b'[\\",{}]', 1, [1]),
    ],
)
@pytest.mark.parametrize("block", [1, 6, 1000])
def test_elements_that_are_none(text: bytes, rows: int, bad: list[int], block: int) -> None:
    report = Report()
    found = together(opened(io.BytesIO(text), format="json", pace=Pace(9, block), report=report))
    assert (found.rows, [place for place, _ in report.first]) == (rows, bad)


def test_strict_names_the_element() -> None:
    with pytest.raises(Rejected, match="element 2: is not a JSON object"):
        together(opened(io.BytesIO(b"[{},5]"), pace=Pace(), report=Report(strict=True)))


TEXTS = [r'"\\",{"a\"b,":[1,2]},"\\\"]",[],3]', r'{"\\\\":"\\\\\""},",",{}}', r'"\\\\\\",1']


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("window", range(1, 9))
def test_windows_of_a_scan_do_not_show(text: str, window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = np.frombuffer(text.encode(), np.uint8)
    whole = scan(data)
    monkeypatch.setattr(elements, "_WINDOW", window)
    found = scan(data)
    assert (found.commas.tolist(), found.end, found.place) == (whole.commas.tolist(), whole.end, whole.place)


@given(text=st.text(st.sampled_from('""\\\\,{}[]a'), max_size=40), cut=st.integers(0, 40))
def test_a_scan_goes_on_where_another_ended(text: str, cut: int) -> None:
    data = np.frombuffer(text.encode(), np.uint8)
    if not 0 < cut < len(data):
        return
    whole, first = scan(data), scan(data[:cut])
    if first.end is not None:
        assert (whole.end, whole.commas.tolist()) == (first.end, first.commas.tolist())
        return
    second = scan(data[cut:], first.place)
    assert whole.commas.tolist() == [*first.commas.tolist(), *(second.commas + cut).tolist()]
    assert whole.end == (None if second.end is None else second.end + cut)
    assert whole.end is not None or whole.place == second.place


def test_no_element_is_no_row() -> None:
    assert together(opened(io.BytesIO(b"[]"), pace=Pace(), report=Report())) == Whole()
    assert scan(np.frombuffer(b"[]", np.uint8)).place == START
