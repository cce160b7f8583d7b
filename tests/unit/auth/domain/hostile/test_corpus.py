"""The hostile corpus: nothing of it is accepted, and each refusal says why with the documented code."""

from __future__ import annotations

from collections import Counter

import pytest

from novacron.auth.domain.refusal import CODES, TokenRefused
from tests.support.tokens import NOW, claims, signed, signing_key, validator
from tests.unit.auth.domain.hostile import algorithms, contents, encodings, keys, objects, signatures
from tests.unit.auth.domain.hostile.case import RULES, Case

CASES = [case for module in (algorithms, signatures, keys, encodings, objects, contents) for case in module.CASES]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_is_refused_with_its_code(case: Case) -> None:
    with pytest.raises(TokenRefused) as refused:
        validator(signing_key(), signing_key(3072)).validate(case.make(), NOW)
    assert refused.value.code == case.code


def test_the_token_that_all_cases_start_from_is_accepted() -> None:
    accepted = validator(signing_key(), signing_key(3072)).validate(signed(), NOW)
    assert accepted.document == claims()


def test_every_rule_and_every_code_is_tried() -> None:
    assert {rule for case in CASES for rule in case.rules} == RULES.keys()
    assert {case.code for case in CASES} == CODES.keys()
    assert [name for name, count in Counter(case.name for case in CASES).items() if count > 1] == []


def test_a_warm_header_cache_accepts_nothing_more() -> None:
    """One validator that has accepted the right header, and meets all cases after it, twice."""
    warm = validator(signing_key(), signing_key(3072))
    warm.validate(signed(), NOW)
    for case in CASES + CASES:
        with pytest.raises(TokenRefused) as refused:
            warm.validate(case.make(), NOW)
        assert refused.value.code == case.code, case.name
