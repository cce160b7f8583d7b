"""The header Authorization in all its shapes."""

from __future__ import annotations

import pytest

from novacron.auth.service.authorization import NoBearer, Why, bearer

TAKEN = {
    "as usual": b"Bearer abc",
    "in small letters": b"bearer abc",
    "in capitals": b"BEARER abc",
    "more blanks": b"Bearer   abc",
}
REFUSED: dict[str, tuple[list[bytes], Why]] = {
    "none": ([], "missing"),
    "two": ([b"Bearer abc", b"Bearer abc"], "doubled"),
    "two, of other schemes": ([b"Basic abc", b"Bearer abc"], "doubled"),
    "nothing in it": ([b""], "empty"),
    "a scheme alone": ([b"Bearer"], "empty"),
    "a scheme and a blank": ([b"Bearer "], "empty"),
    "another scheme": ([b"Basic YTpi"], "other_scheme"),
    "a token alone": ([b"abc.def.ghi"], "other_scheme"),
    "no blank between": ([b"Bearerabc"], "other_scheme"),
    "a tab between": ([b"Bearer\tabc"], "other_scheme"),
    "a blank before": ([b" Bearer abc"], "empty"),
}


@pytest.mark.parametrize("value", TAKEN.values(), ids=TAKEN)
def test_a_token_is_found(value: bytes) -> None:
    assert bearer([value]) == b"abc"


@pytest.mark.parametrize(("values", "why"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_says_why(values: list[bytes], why: str) -> None:
    with pytest.raises(NoBearer) as told:
        bearer(values)
    assert told.value.why == why


def test_what_follows_the_token_stays_with_it() -> None:
    """It is for the validator to refuse: no base64url."""
    assert bearer([b"Bearer abc def"]) == b"abc def"
    assert bearer([b"Bearer abc, Bearer def"]) == b"abc, Bearer def"
