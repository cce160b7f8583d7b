"""Names and e-mail addresses: one form, nothing invisible, no value in an error."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.auth.domain.naming import InvalidName, email, name

ACCEPTED = {
    "ada@example.org": "ada@example.org",
    "Ada.Lovelace+ops@Example.ORG": "ada.lovelace+ops@example.org",
    "o'neill@example.org": "o'neill@example.org",
    "jo\u0308rg@bu\u0308cher.example": "jörg@bücher.example",
    "用户@例子.广告": "用户@例子.广告",
    "root@localhost": "root@localhost",
    "a@b-c.d1": "a@b-c.d1",
    f"{'a' * 64}@example.org": f"{'a' * 64}@example.org",
}
REFUSED = [
    "",
    "ada",
    "@",
    "ada@",
    "@example.org",
    "a@b@c",
    " ada@example.org",
    "ada@example.org\n",
    "ada lovelace@example.org",
    '"ada"@example.org',
    "ada@[127.0.0.1]",
    "ada@-example.org",
    "ada@example-.org",
    "ada@example..org",
    ".ada@example.org",
    "ada.@example.org",
    "a..b@example.org",
    "ada@example.org,eve@example.org",
    "ada<eve@example.org>",
    "ada\0@example.org",
    "ada\u202e@example.org",
    "ada@exam\u200bple.org",
    f"{'a' * 65}@example.org",
    f"a@{'b' * 64}.org",
    f"a@{'.'.join(['b' * 60] * 5)}",
]


@pytest.mark.parametrize(("text", "stored"), ACCEPTED.items())
def test_an_address_has_one_form(text: str, stored: str) -> None:
    assert email(text) == stored
    assert email(stored) == stored


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_plain_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidName) as caught:
        email(text)
    assert len(text) < 4 or text not in str(caught.value).replace("name@example.org", "")


@given(st.text())
def test_what_is_accepted_stays_as_it_is(text: str) -> None:
    for form in (email, name):
        try:
            stored = form(text)
        except InvalidName:
            continue
        assert form(stored) == stored
        assert unicodedata.is_normalized("NFC", stored)
        assert stored.isprintable()


@pytest.mark.parametrize("text", ["", " x", "x ", "a  b", "a\tb", "a\nb", "\u200e", "x\u00ad", "\ud800", "x" * 129])
def test_a_name_that_shows_less_than_it_has_is_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        name(text)


def test_a_name_is_what_it_looks_like() -> None:
    assert name("Cafe\u0301 & Söhne 株式会社") == "Café & Söhne 株式会社"
    assert name("x" * 128) == "x" * 128
