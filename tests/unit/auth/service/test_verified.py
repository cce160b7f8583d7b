"""The memory of verified tokens: successes alone, for no longer than they are right, and not beyond its bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from novacron.auth.domain.claims import Claims
from novacron.auth.domain.refusal import TokenRefused
from novacron.auth.service.standing import Unavailable
from novacron.auth.service.verified import VerifiedTokens
from novacron.auth.service.wall_metrics import WallMetrics
from tests.unit.auth.service.feed_source import NOW, claims
from tests.unit.auth.service.judge import GOOD, Judge

TOKEN = GOOD.encode()


def _tokens(judge: Judge | None, most: int = 100, max_age: float = 86400) -> VerifiedTokens:
    tokens = VerifiedTokens(max_age, WallMetrics(CollectorRegistry()), most)
    tokens.adopt(judge)
    return tokens


def test_a_second_look_costs_no_signature() -> None:
    judge = Judge()
    tokens = _tokens(judge)
    assert [tokens.validate(TOKEN, NOW + second) for second in range(3)] == [claims()] * 3
    assert judge.asked == 1


def test_a_refusal_is_never_remembered() -> None:
    judge = Judge()
    tokens = _tokens(judge)
    for _ in range(2):
        with pytest.raises(TokenRefused):
            tokens.validate(b"wrong", NOW)
    assert (judge.asked, len(tokens)) == (2, 0)


CASES = {
    "a minute": (claims(), 86400, 60),
    "its expiry": (claims(expires=NOW + 20), 86400, 20),
    "its greatest age": (claims(issued=NOW - 90), 100, 10),
}


@pytest.mark.parametrize(("found", "max_age", "seconds"), CASES.values(), ids=CASES)
def test_it_is_believed_until(found: Claims, max_age: float, seconds: float) -> None:
    judge = Judge(found)
    tokens = _tokens(judge, max_age=max_age)
    tokens.validate(TOKEN, NOW)
    tokens.validate(TOKEN, NOW + seconds - 0.001)
    assert judge.asked == 1
    tokens.validate(TOKEN, NOW + seconds)
    assert judge.asked == 2


@given(st.floats(0.001, 1e6))
def test_a_clock_that_is_set_back_opens_nothing(back: float) -> None:
    """A token of later (nbf, iat) is judged by the time that it is."""
    judge = Judge()
    tokens = _tokens(judge)
    tokens.validate(TOKEN, NOW)
    tokens.validate(TOKEN, NOW - back)
    assert judge.asked == 2


def test_other_keys_judge_anew() -> None:
    before, after = Judge(), Judge()
    tokens = _tokens(before)
    tokens.validate(TOKEN, NOW)
    tokens.adopt(after)
    tokens.validate(TOKEN, NOW)
    assert (before.asked, after.asked) == (1, 1)
    tokens.adopt(None)
    with pytest.raises(Unavailable):
        tokens.validate(TOKEN, NOW)


class Anyone(Judge):
    """Lets everybody pass."""

    def validate(self, token: bytes, now: float) -> Claims:
        self.asked += 1
        return claims(id=token.decode(), expires=NOW + 10_000)


def test_memory_is_bounded_and_the_one_found_longest_ago_goes_first() -> None:
    judge = Anyone()
    tokens = _tokens(judge, most=3)
    for token in (b"a", b"b", b"c", b"d"):
        tokens.validate(token, NOW)
    assert len(tokens) == 3
    tokens.validate(b"b", NOW)
    assert judge.asked == 4
    tokens.validate(b"a", NOW)
    assert judge.asked == 5


def test_each_token_has_its_own_claims() -> None:
    tokens = _tokens(Anyone())
    for _ in range(2):
        assert [tokens.validate(token, NOW).id for token in (b"a", b"b", b"a=")] == ["a", "b", "a="]


def test_a_giant_is_not_even_hashed() -> None:
    judge = Anyone()
    tokens = _tokens(judge)
    for _ in range(2):
        tokens.validate(b"x" * 7000, NOW)
    assert (judge.asked, len(tokens)) == (2, 0)
