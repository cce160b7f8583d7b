"""Refresh tokens: what they look like, what using one means, and an answer that only its token opens."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.auth.domain import refresh
from novacron.auth.domain.refresh import RefreshToken, Use

TOKEN = refresh.token(bytes(range(32)))


def row(used_at: float | None = None, successor: bytes | None = None, expires_at: float = 2000.0) -> RefreshToken:
    return RefreshToken("s", expires_at, used_at, successor)


@pytest.mark.parametrize(
    ("token", "now", "use"),
    [
        (row(), 1000.0, Use.FIRST),
        (row(), 1999.9, Use.FIRST),
        (row(), 2000.0, Use.EXPIRED),
        (row(1000.0, b"x"), 1000.0, Use.REPEATED),
        (row(1000.0, b"x"), 1010.0, Use.REPEATED),
        (row(1000.0, b"x"), 1010.1, Use.REUSED),
        (row(1000.0, None), 1000.0, Use.REUSED),
        (row(1999.0, b"x"), 2001.0, Use.REPEATED),
        (row(1000.0, b"x"), 5000.0, Use.REUSED),
    ],
)
def test_what_a_use_means(token: RefreshToken, now: float, use: Use) -> None:
    assert refresh.use(token, now) is use


@given(st.binary(min_size=32, max_size=32))
def test_a_token_is_recognised(random: bytes) -> None:
    token = refresh.token(random)
    assert token.startswith("ncr_")
    assert refresh.well_formed(token)
    assert refresh.digest(token) == hashlib.sha256(token.encode()).digest()


def test_a_token_has_all_its_random_bits() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        refresh.token(b"short")


@pytest.mark.parametrize("text", ["", "ncr_", TOKEN[:-1], TOKEN + "A", TOKEN + "\n", " " + TOKEN, "ncs_" + TOKEN[4:]])
def test_what_is_no_token(text: str) -> None:
    assert not refresh.well_formed(text)


@given(st.binary(max_size=4096), st.binary(min_size=12, max_size=12))
def test_an_answer_comes_back(answer: bytes, nonce: bytes) -> None:
    assert refresh.unsealed(TOKEN, refresh.sealed(TOKEN, answer, nonce)) == answer


@given(st.binary(min_size=32, max_size=32).filter(lambda random: random != bytes(range(32))))
def test_no_other_token_opens_it(random: bytes) -> None:
    sealed = refresh.sealed(TOKEN, b"answer", b"nonce of 12.")
    assert refresh.unsealed(refresh.token(random), sealed) is None


@given(st.data())
def test_a_changed_answer_is_none(data: st.DataObject) -> None:
    sealed = bytearray(refresh.sealed(TOKEN, b"answer", b"nonce of 12."))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    assert refresh.unsealed(TOKEN, bytes(sealed)) is None
    assert refresh.unsealed(TOKEN, bytes(sealed[:place])) is None
