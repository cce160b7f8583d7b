"""CSV: records as the csv module reads them, values as ``float`` does, wherever blocks and chunks end."""

from __future__ import annotations

import csv
import io
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.ml.domain.budget import Pace
from novacron.ml.service.sources.opened import opened
from novacron.ml.service.sources.report import Rejected, Report, Unreadable
from novacron.ml.service.sources.tables import Text
from tests.support.chunks import Dribble, table, together

NUMBERS = [
    "0",
    "1",
    "-2.5",
    "+3",
    "1e3",
    ".5",
    "5.",
    "007",
    " 8 ",
    "\n8",
    "\x1c8\t",
    "nan",
    "inf",
    "-Infinity",
    "1e400",
    "9" * 30,
]
TEXTS = [
    "eu",
    "a b",
    "1_0",
    "0x10",
    "1,5",
    'say "x"',
    "two\nlines",
    "é",
    "\uff11\uff12",
    "1e",
    "--1",
    "true",
    "null",
    "1\u00a0",
    "\u2028",
]
CELLS = (
    st.sampled_from(["", *NUMBERS, *TEXTS])
    | st.floats().map(repr)
    | st.text(st.sampled_from("ab1.\"',\n "), max_size=4)
)
COLUMNS = st.sampled_from(
    [CELLS, st.sampled_from(["", *NUMBERS]), st.sampled_from(["", *TEXTS]), st.floats().map(repr)]
)


def value(cell: str) -> float | str | None:
    """What a cell means."""
    if not cell:
        return None
    if not cell.isascii() or "_" in cell:
        return cell
    try:
        number = float(cell)
    except ValueError:
        return cell
    return None if math.isnan(number) else number


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    width = draw(st.integers(1, 4))
    columns = [draw(COLUMNS) for _ in range(width)]
    rows = draw(st.lists(st.tuples(*columns).map(list), max_size=25))
    return [f"c{place}" for place in range(width)], rows


@given(
    content=tables(),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    rows=st.integers(1, 9),
    block=st.integers(1, 150),
    seed=st.integers(0, 99),
)
def test_any_table_at_any_pace(
    content: tuple[list[str], list[list[str]]], end: str, quoting: int, rows: int, block: int, seed: int
) -> None:
    names, cells = content
    written = io.StringIO()
    writer = csv.writer(written, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows([names, *cells])
    report = Report()
    stream = Dribble(written.getvalue().encode(), seed)
    found = together(opened(stream, format="csv", pace=Pace(rows, block), report=report))
    assert found == table(dict(zip(names, map(value, row), strict=True)) for row in cells)
    assert report.count == 0


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("block", [50, 4000, 512 << 10])
def test_rows_that_are_no_rows(quote: str, block: int) -> None:
    rows = [f"{place},{quote}zone-{place % 3}{quote}" for place in range(1000)]
    rows[100], rows[500], rows[700] = "1,2,3", "", "1"
    report = Report()
    text = "\n".join(["n,zone", *rows]).encode()
    found = together(opened(io.BytesIO(text), pace=Pace(64, block), report=report))
    good = [place for place in range(1000) if place not in (100, 500, 700)]
    assert found == table({"n": float(place), "zone": f"zone-{place % 3}"} for place in good)
    assert report.first == [
        (102, "has 3 cells where the header has 2"),
        (702, "has 1 cells where the header has 2"),
    ]


@pytest.mark.parametrize(
    ("text", "rows", "bad"),
    [
        (b'a,b\n1,"x"y\n2,z\n', 1, [(2, "valid CSV")]),
        (b'a,b\n1,"x\n2,z\n', 1, [(2, "opens a quote that is not closed within 131072 characters")]),
        (b'a,b\n1,"x\n2,z\n3,"x\n4,z\n', 1, [(2, "valid CSV")]),
        (b'a,b\n1,"x\n2\n3,z', 1, [(2, "not closed"), (3, "1 cells")]),
        (b"a,b\n1,\xff\n2,z\n", 1, [(2, "not UTF-8")]),
        (b'a,b\n1,"\n\xff"\n2,z\n', 1, [(2, "not UTF-8")]),
        (b"a,b\n1,x\ry\n2,z\n", 1, [(2, "valid CSV")]),
        (b"\n\na,b\n\n1,2\n\n", 1, []),
        (b"\xef\xbb\xbfa,b\r\n1,2\r\n", 1, []),
        (b"a,b", 0, []),
    ],
)
@pytest.mark.parametrize("block", [1, 9, 1000])
def test_what_is_no_record(text: bytes, rows: int, bad: list[tuple[int, str]], block: int) -> None:
    report = Report()
    found = together(opened(io.BytesIO(text), format="csv", pace=Pace(9, block), report=report))
    assert (found.rows, [place for place, _ in report.first]) == (rows, [place for place, _ in bad])
    for (_, reason), (_, wanted) in zip(report.first, bad, strict=True):
        assert wanted in reason


@pytest.mark.parametrize("block", [300, 70_000, 512 << 10])
@pytest.mark.parametrize("places", [{5}, {49_998}, {49_999}, {20_000, 49_999}])
def test_a_quote_that_nothing_closes_costs_its_own_line(block: int, places: set[int]) -> None:
    rows = [f'{place},"z' if place in places else f"{place},z" for place in range(50_000)]
    report = Report()
    text = "\n".join(["n,zone", *rows]).encode()
    found = together(opened(io.BytesIO(text), format="csv", pace=Pace(2000, block), report=report))
    good = [place for place in range(50_000) if place not in places]
    assert found == table({"n": float(place), "zone": "z"} for place in good)
    assert [line for line, _ in report.first] == [place + 2 for place in sorted(places)]


def test_no_line_is_read_a_third_time(monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0
    following = Text.__next__

    def counted(text: Text) -> str:
        nonlocal read
        read += 1
        return following(text)

    monkeypatch.setattr(Text, "__next__", counted)
    lines = 100_000
    text = b"a,b\n" + b'x","""\n' * lines  # each of them opens a quote, inside of one as well as outside
    report = Report()
    together(opened(io.BytesIO(text), format="csv", pace=Pace(), report=report))
    assert report.count > 0
    assert read <= 2 * lines + report.count + 2


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"a,,b", "column 2 of the header has no name"),
        (b"a,b,a", "2 columns of the header are called 'a'"),
        (b'a,"b', r"the header \(line 1\) opens a quote that is not closed"),
        (b"a,\xff", r"the header \(line 1\) is not UTF-8"),
    ],
)
def test_a_header_must_name_each_column(header: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        together(opened(io.BytesIO(header + b"\n1,2,3\n"), format="csv", pace=Pace(), report=Report()))


def test_strict_names_the_line() -> None:
    with pytest.raises(Rejected, match=re.escape("line 4: has 1 cells where the header has 2")):
        together(opened(io.BytesIO(b'a,b\n1,"x\ny"\n5\n'), pace=Pace(), report=Report(strict=True)))


def test_a_blank_cell_of_a_single_column_is_a_blank_line() -> None:
    found = together(opened(io.BytesIO(b"a\n1\n\n2\n"), format="csv", pace=Pace(), report=Report()))
    assert found.numbers == {"a": [1.0, 2.0]}
