"""The codes of refusals: each its own, each of one form."""

from __future__ import annotations

import re

from novacron.auth.domain import refusal
from novacron.auth.domain.refusal import CODES, TokenRefused


def test_every_refusal_has_a_code_of_its_own() -> None:
    kinds = [
        kind
        for kind in vars(refusal).values()
        if isinstance(kind, type) and issubclass(kind, TokenRefused) and kind is not TokenRefused
    ]
    assert len(kinds) == len(CODES)
    assert {kind.code: kind.means for kind in kinds} == CODES
    assert all(re.fullmatch("[a-z0-9]+(_[a-z0-9]+)*", code) for code in CODES)


def test_a_refusal_says_what_and_why() -> None:
    assert str(refusal.Expired("exp")) == f"exp: {CODES['expired']}"
    assert str(refusal.TooLarge()) == CODES["too_large"]
