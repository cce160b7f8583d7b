from __future__ import annotations

import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from novacron.query.service.store.binary import Column, column, rows

_ROW = st.tuples(
    st.binary(min_size=16, max_size=16),
    st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
    st.one_of(st.none(), st.floats(allow_nan=False)),
    st.integers(-(2**31), 2**31 - 1),
)


@given(st.lists(_ROW, min_size=1, max_size=20))
def test_rows_are_as_postgresql_documents_them(given_: list[tuple[bytes, int | None, float | None, int]]) -> None:
    ids, longs, floats, integers = zip(*given_, strict=True)
    columns = [
        Column(np.frombuffer(b"".join(ids), np.uint8).reshape(-1, 16)),
        column(np.array([value or 0 for value in longs], np.int64), "i8", np.array([value is None for value in longs])),
        column(
            np.array([0.0 if value is None else value for value in floats]),
            "f8",
            np.array([value is None for value in floats]),
        ),
        column(np.array(integers, np.int64), "i4"),
    ]
    expected = b""
    for id_, long, float_, integer in given_:
        expected += struct.pack(">h", 4)
        for form, value in ((">16s", id_), (">q", long), (">d", float_), (">i", integer)):
            field = b"" if value is None else struct.pack(form, value)
            expected += struct.pack(">i", -1 if value is None else len(field)) + field
    assert rows(columns) == expected
