"""One text for each byte string, and no other."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.auth.domain import base64url

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(st.binary(max_size=100))
def test_is_what_the_standard_library_makes_without_padding(content: bytes) -> None:
    text = base64url.encoded(content)
    assert text == base64.urlsafe_b64encode(content).rstrip(b"=").decode()
    assert base64url.decoded(text.encode()) == content


@given(st.text(ALPHABET, max_size=12))
def test_a_text_that_is_accepted_is_the_one_that_its_bytes_give(text: str) -> None:
    try:
        content = base64url.decoded(text.encode())
    except ValueError:
        return
    assert base64url.encoded(content) == text


def test_of_all_texts_of_two_and_three_characters_each_byte_string_has_one() -> None:
    accepted = 0
    for last in ALPHABET:
        for first in ("A", "Aq"):
            try:
                base64url.decoded((first + last).encode())
                accepted += 1
            except ValueError:
                pass
    assert accepted == 4 + 16


@pytest.mark.parametrize("text", b"A|AAAAA|AB|AAB|AA==|AA=|+/AA|A A|AA\n|A.A|\xc0A".split(b"|"))
def test_any_other_form_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="base64url"):
        base64url.decoded(text)
