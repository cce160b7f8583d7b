"""JSON Lines: what comes out is what ``json.loads`` says of each line, wherever blocks and chunks end."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.ml.domain.budget import Pace
from novacron.ml.service.sources.layout import Learner
from novacron.ml.service.sources.opened import opened
from novacron.ml.service.sources.report import Rejected, Report
from novacron.ml.service.sources.values import List
from tests.support.chunks import Dribble, Whole, table, together

NAMES = st.sampled_from(["cpu", "zone", "a", "é", 'q"uote', "back\\slash", ""]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=3
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.sampled_from([10**400, -(10**309), 2**63, 2**64])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
)
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(NAMES, SCALARS, max_size=2)
ROWS = st.dictionaries(NAMES, VALUES, max_size=5)
REGULAR = st.fixed_dictionaries({"cpu": st.floats(0, 100) | st.none(), "zone": st.sampled_from(["eu", "us"])})
JUNK = (
    b"", b" \t", b"\r", b"foo", b"[1]", b"1", b"null", b"{", b'{"a":1}{"a":2}', b'{"a":1}, {"a":2}', b'{"a":01}',
    b'{"a":.5}', b'{"a":', b"1}", b'{"a":NaN}', b'{"a":Infinity}', b'{"a":"\xff"}', b'{"a":[1,]}', b'{"a":"\t"}',
    b'{"a":1,"a":"x"}', b'{"a":[],"a":2}', b'{"a":1e400,"b":-1e400}', b' {"a" : 1 } ', b'{"\\u0061":3}', b"{}",
    b'{"a":tru}', b"{'a':1}",
)  # fmt: skip


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """Lines of rows, with a line here and there that is none."""
    row = st.builds(lambda row, ascii_: json.dumps(row, ensure_ascii=ascii_).encode(), ROWS | REGULAR, st.booleans())
    lines = draw(st.lists(row | st.sampled_from(JUNK), max_size=25))
    return draw(st.sampled_from([b"\n", b"\r\n"])).join(lines) + draw(st.sampled_from([b"", b"\n"]))


def oracle(text: bytes) -> tuple[Whole, list[int]]:
    """The table, and the lines that are no rows."""

    def refused(literal: str) -> Any:
        raise ValueError(literal)

    rows, bad = [], []
    for place, line in enumerate(text.split(b"\n"), 1):
        if not line.strip(b" \t\r"):
            continue
        try:
            row = json.loads(line.decode(), parse_constant=refused)
        except ValueError:
            bad.append(place)
            continue
        if isinstance(row, dict):
            rows.append(row)
        else:
            bad.append(place)
    return table(rows), bad


@given(text=texts(), rows=st.integers(1, 9), block=st.integers(1, 200), seed=st.integers(0, 99))
def test_any_text_at_any_pace(text: bytes, rows: int, block: int, seed: int) -> None:
    report = Report()
    stream = Dribble(text, seed)
    found = together(opened(stream, format="jsonl", compression="none", pace=Pace(rows, block), report=report))
    expected, bad = oracle(text)
    assert found == expected
    assert (report.count, [place for place, _ in report.first]) == (len(bad), bad[:20])


def regular(rows: int) -> Iterator[dict[str, Any]]:
    """Rows of which now and then one is of another kind."""
    for place in range(rows):
        row = {"cpu": place / 7, "memory": float(place), "zone": f"zone-{place % 3}", "up": place % 2 == 0}
        if place % 50 == 49:
            row["memory"] = None
        if place % 97 == 96:
            del row["zone"]
        if place == 300:
            row["zone"] = 5
        if place > 500:
            row["new"] = ["list"] if place % 2 else "text"
        yield row


@pytest.mark.parametrize("rows", [16, 100, 2000])
@pytest.mark.parametrize("block", [600, 5000, 512 << 10])
def test_columns_that_come_go_and_change(rows: int, block: int) -> None:
    text = b"".join(json.dumps(row).encode() + b"\n" for row in regular(1000))
    report = Report()
    found = together(opened(io.BytesIO(text), pace=Pace(rows, block), report=report))
    assert found == table(regular(1000))
    assert report.count == 0


@pytest.mark.parametrize("block", [1, 40, 3000, 512 << 10])
def test_one_value_a_line_also_where_most_decode_at_once(block: int) -> None:
    """Two on a line and an empty one are as many values as lines; so are two on a line and one on two."""
    usual = b'{"a":1}\n' * 300
    text = usual + b'{"a":1}{"a":2}\n\n' + usual + b'{"a":3}{"a":4}\n{"a":\n5}\n' + usual + b'{"a":6} \n\t{"a":7}\n'
    report = Report()
    found = together(opened(io.BytesIO(text), pace=Pace(block_bytes=block), report=report))
    expected, bad = oracle(text)
    assert found == expected
    assert [place for place, _ in report.first] == bad == [301, 603, 604, 605]


def test_what_did_not_fit_is_learned() -> None:
    learner = Learner()
    batches: list[list[dict[str, Any]]] = [
        [{"a": 1.0, "b": "x"}],
        [{"a": None}, {"b": None}],
        [{"a": "x"}, {"a": List(), "c": True}],
    ]
    for rows in batches:
        for row in rows:
            learner.learn(row)
        learner.settle()
        assert learner.layout
        for row in rows:
            text = json.dumps({name: [1] if value == List() else value for name, value in row.items()}).encode()
            learner.layout.decoder.decode(text)
    assert learner.layout
    assert learner.layout.names == ("a", "b", "c")
    assert learner.rows == 5


def test_the_pace_is_looked_at_before_each_chunk() -> None:
    text = b'{"a":1}\n' * 100
    pace = Pace(40, 1 << 20)
    sizes = []
    for chunk in opened(io.BytesIO(text), pace=pace, report=Report()):
        sizes.append(chunk.rows)
        pace.rows = 7
    assert sizes[0] <= 40
    assert max(sizes[1:]) <= 7
    assert sum(sizes) == 100


def test_strict_ends_at_the_first() -> None:
    stream = io.BytesIO(b'{"a":1}\n\nfoo\n{"a":2}\nbar\n')
    with pytest.raises(Rejected, match="line 3: is not valid JSON"):
        together(opened(stream, pace=Pace(), report=Report(strict=True)))


def test_where_and_why() -> None:
    lines = [b'{"a":"\xff"}', b'{"a":"\\ud800"}', b'{"a":"\\udc00x"}', b'{"a":"\\ud800\\u0041"}', b"[" * 5000, b"[]",
             b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"]  # fmt: skip
    report = Report()
    together(opened(io.BytesIO(b"\n".join([b'{"a":"secret"}', *lines])), pace=Pace(), report=report))
    assert [place for place, _ in report.first] == list(range(2, 9))
    reasons = [reason for _, reason in report.first]
    assert reasons[0] == "is not UTF-8"
    assert all("valid JSON" in reason for reason in reasons[1:4])
    assert reasons[5:] == ["is not a JSON object", "is nested too deeply"]


def test_no_more_are_shown_than_a_person_reads() -> None:
    report = Report()
    together(opened(io.BytesIO(b"foo\n" * 1000), format="jsonl", pace=Pace(), report=report))
    assert report.count == 1000
    assert [place for place, _ in report.first] == list(range(1, 21))


def test_nothing_is_a_table_of_no_rows() -> None:
    for text in (b"", b"\n", b" \n\n", b"\xef\xbb\xbf"):
        assert together(opened(io.BytesIO(text), pace=Pace(), report=Report())) == Whole()


def test_a_byte_order_mark_is_no_part_of_the_first_row() -> None:
    report = Report()
    found = together(opened(io.BytesIO(b'\xef\xbb\xbf{"a":1}\n'), pace=Pace(), report=report))
    assert (found.numbers, report.count) == ({"a": [1.0]}, 0)
