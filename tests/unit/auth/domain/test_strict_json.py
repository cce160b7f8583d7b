"""What is read is what any other reader reads; the hostile corpus has what is refused."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.auth.domain.refusal import NestedTooDeeply, TokenRefused
from novacron.auth.domain.strict_json import MAX_DEPTH, MAX_INTEGER, object_of

_leaves = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
_objects = st.dictionaries(
    st.text(),
    st.recursive(
        _leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=6
    ),
    max_size=5,
)


def depth(value: Any) -> int:
    if isinstance(value, dict | list):
        return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)
    return 0


@given(_objects, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_an_object_is_read_as_it_was_written(value: dict[str, Any], ascii_only: bool, indent: int | str | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    if depth(value) > MAX_DEPTH:
        with pytest.raises(NestedTooDeeply):
            object_of(text, "text")
    else:
        assert object_of(text, "text") == value


@given(st.binary(max_size=60) | st.text('{}[]",:\\ud8c0eE+-.0123456789 truefalsn', max_size=60).map(str.encode))
def test_anything_else_is_refused_and_nothing_else_is_raised(content: bytes) -> None:
    with suppress(TokenRefused):
        assert object_of(content, "text") == json.loads(content)


@pytest.mark.parametrize("number", [0, -1, MAX_INTEGER, -MAX_INTEGER])
def test_integers_up_to_the_bound(number: int) -> None:
    assert object_of(b'{"n": %d}' % number, "text") == {"n": number}


def test_the_last_level_that_is_accepted() -> None:
    inner = MAX_DEPTH - 1
    assert object_of(b'{"n": ' + b"[" * inner + b"]" * inner + b"}", "text")
    with pytest.raises(NestedTooDeeply):
        object_of(b'{"n": ' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", "text")


def test_brackets_side_by_side_or_in_strings_are_no_depth() -> None:
    assert object_of(b'{"a": [[], [], [], [], [], [], [], [], [], []]}', "text")
    assert object_of(b'{"[[[[[[[[[[": "{{{{{{{{{{\\"[[[[[[[[["}', "text")
