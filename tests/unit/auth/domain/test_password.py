"""New passwords: long ones are taken, whatever they are made of; those that are tried first are not."""

from __future__ import annotations

import contextlib
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.auth.domain import password
from novacron.auth.domain.password import WeakPassword

EMAIL = "grace.hopper@example.invalid"

GOOD = (
    "several words in a row",
    "x7#Kq!mZ0p2 vLs",
    "ünïcödé wörds äre fine",
    "пароль из многих слов",
    "a" * 14 + "bcde",
    "thirteen plus 2",
)


@pytest.mark.parametrize("text", GOOD)
def test_a_good_one(text: str) -> None:
    assert password.checked(text, EMAIL) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("short of it all", ""),
        ("only fourteen.", "shorter than 15"),
        ("", "shorter than 15"),
        ("long" * 33, "longer than 128"),
        ("my NovaCron login for work", "the word novacron"),
        ("I am Grace.Hopper and fine", "the name in the e-mail address"),
        ("aaaaaaaaaaaaaaaaaaaaaa", "tried first"),
        ("abababababababababab", "tried first"),
        ("passwordpassword", "tried first"),
        ("PasswordPassword", "tried first"),
        ("letmeinletmeinletme", "tried first"),
        ("123456789012345", "tried first"),
        ("987654321098765", "tried first"),
        ("qwertyuiopasdfghjkl", "tried first"),
        ("lkjhgfdsapoiuytrewq", "tried first"),
        ("CorrectHorseBatteryStaple", "tried first"),
    ],
)
def test_a_weak_one(text: str, why: str) -> None:
    if not why:
        assert password.checked(text, EMAIL)
        return
    with pytest.raises(WeakPassword, match=why) as error:
        password.checked(text, EMAIL)
    assert text not in str(error.value) or not text


def test_a_short_local_part_forbids_nothing() -> None:
    assert password.checked("so many different words", "so@example.invalid")


@given(st.text(min_size=1, max_size=40))
def test_what_looks_the_same_is_the_same(text: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert password.normalised(composed) == password.normalised(decomposed)


@given(st.text(max_size=60), st.emails())
def test_what_is_taken_is_neither_short_nor_long_nor_a_name(text: str, email: str) -> None:
    with contextlib.suppress(WeakPassword):
        found = password.checked(text, email)
        assert password.SHORTEST <= len(found) <= password.LONGEST
        assert "novacron" not in found.lower()


@given(st.emails())
def test_an_email_is_compared_without_case(email: str) -> None:
    assert password.email_key(email.upper()) == password.email_key(email.upper().lower())
    assert password.email_key(f" {email} ") == password.email_key(email)
