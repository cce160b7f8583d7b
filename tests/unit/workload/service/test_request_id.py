"""A client may name its request, in plain characters; else a trace does, else we do."""

from __future__ import annotations

import pytest

from novacron.workload.service.request_id import chosen

TRACE = b"0af7651916cd43dd8448eb211c80319c"
PARENT = b"00-" + TRACE + b"-b7ad6b7169203331-01"


@pytest.mark.parametrize("given", [b"12345678", b"a.b_c-d1", b"x" * 64, b"F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"])
def test_a_plain_name_is_kept(given: bytes) -> None:
    assert chosen([(b"traceparent", PARENT), (b"x-request-id", given)]) == given.decode()


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"1234567",
        b"x" * 65,
        b"a\tb456789",
        b"a b456789",
        b'{"a": "b"}',
        b"-12345678",
        b"\xe4bcdefghi",
        b"12345678\n",
    ],
)
def test_any_other_is_not(given: bytes) -> None:
    found = chosen([(b"x-request-id", given)])
    assert found.encode() != given
    assert len(found) == 32


@pytest.mark.parametrize("parent", [PARENT, PARENT + b"-more", b"cc" + PARENT[2:]])
def test_a_trace_names_it(parent: bytes) -> None:
    assert chosen([(b"traceparent", parent), (b"x-request-id", b"no")]) == TRACE.decode()


@pytest.mark.parametrize("parent", [b"", b"00-" + b"0" * 32 + PARENT[35:], PARENT.upper(), PARENT[:-3], PARENT[3:]])
def test_a_trace_that_is_none_does_not(parent: bytes) -> None:
    assert chosen([(b"traceparent", parent)]) not in ("0" * 32, TRACE.decode(), TRACE.decode().upper())


def test_names_are_not_repeated() -> None:
    assert len({chosen([]) for _ in range(1000)}) == 1000
