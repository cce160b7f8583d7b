"""What was revoked is refused on every pod, in whatever order it heard of it, and however much there is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from novacron.auth.domain.claims import Claims
from novacron.auth.domain.revocation import GRACE_SECONDS, InvalidItem, Revocations

NOW = 1_800_000_000
CLAIMS = Claims(
    "user-1", "novacron", "viewer", "org-1", "session-1", 3, frozenset(), "token-1", "issuer", ("api",), NOW, NOW + 3600
)
MACHINE = replace(CLAIMS, session=None, rotation=None, role="service")


def _item(**members: Any) -> dict[str, Any]:
    return {"at": float(NOW), "expires": NOW + 3700, **members}


def _after(*items: dict[str, Any]) -> Revocations:
    known = Revocations()
    for item in items:
        known.add(item)
    return known


CASES: dict[str, tuple[dict[str, Any], Claims, str | None]] = {
    "its session has ended": (_item(sid="session-1"), CLAIMS, "session_ended"),
    "another session has ended": (_item(sid="session-2"), CLAIMS, None),
    "it was revoked": (_item(jti="token-1"), CLAIMS, "token_revoked"),
    "another was revoked": (_item(jti="token-2"), CLAIMS, None),
    "a machine's was revoked": (_item(jti="token-1"), MACHINE, "token_revoked"),
    "issued before": (_item(sub="user-1", not_before=NOW + 1), CLAIMS, "subject_not_before"),
    "issued in that very second": (_item(sub="user-1", not_before=NOW), CLAIMS, None),
    "its subject was deactivated": (_item(sub="user-1", not_before=NOW + 1, active=False), CLAIMS, "subject_inactive"),
    "a machine was deactivated": (_item(sub="user-1", not_before=NOW + 1, active=False), MACHINE, "subject_inactive"),
    "deactivated, by a clock behind the signer's": (
        _item(sub="user-1", not_before=NOW - 5, active=False),
        MACHINE,
        "subject_inactive",
    ),
    "another subject": (_item(sub="user-2", not_before=NOW + 1), CLAIMS, None),
    "its own rotation": (_item(sid="session-1", rot=3), CLAIMS, None),
    "newer than we know": (_item(sid="session-1", rot=2), CLAIMS, None),
    "two rotations behind": (_item(sid="session-1", rot=5), CLAIMS, "rotated"),
    "one rotation behind, at once": (_item(sid="session-1", rot=4), CLAIMS, None),
}


@pytest.mark.parametrize(("item", "claims", "reason"), CASES.values(), ids=CASES)
def test_a_token_after_one_item(item: dict[str, Any], claims: Claims, reason: str | None) -> None:
    assert _after(item).verdict(claims, NOW) == reason


def test_the_rotation_before_is_accepted_for_half_a_minute() -> None:
    known = _after(_item(sid="session-1", rot=4))
    assert known.verdict(CLAIMS, NOW + GRACE_SECONDS) is None
    assert known.verdict(CLAIMS, NOW + GRACE_SECONDS + 0.1) == "rotated"


def test_a_rotation_soon_after_another_leaves_the_first_no_grace() -> None:
    known = _after(_item(sid="session-1", rot=4), _item(sid="session-1", rot=5, at=NOW + 1.0))
    assert known.verdict(CLAIMS, NOW + 2) == "rotated"


def test_whoever_is_active_again_gets_in_with_new_tokens_alone() -> None:
    known = _after(
        _item(sub="user-1", not_before=NOW + 1, active=False),
        _item(sub="user-1", not_before=NOW + 5, at=NOW + 5.0),
    )
    assert known.verdict(CLAIMS, NOW) == "subject_not_before"
    assert known.verdict(replace(CLAIMS, issued=NOW + 5), NOW + 6) is None


NAMES = st.sampled_from(["a", "b"])
EXPIRES = st.integers(NOW, NOW + 100)
AT = st.floats(NOW - 60, NOW + 60)
ITEMS = st.one_of(
    st.fixed_dictionaries({"sid": NAMES, "at": AT, "expires": EXPIRES}),
    st.fixed_dictionaries({"sid": NAMES, "rot": st.integers(0, 4), "at": st.just(NOW - 60.0), "expires": EXPIRES}),
    st.fixed_dictionaries({"jti": NAMES, "at": AT, "expires": EXPIRES}),
    st.fixed_dictionaries({"sub": NAMES, "not_before": st.integers(NOW, NOW + 9), "at": AT, "expires": EXPIRES}),
)
TOKENS = st.builds(
    lambda subject, session, rotation, id_, issued, life: replace(
        CLAIMS, subject=subject, session=session, rotation=rotation, id=id_, issued=issued, expires=NOW + life
    ),
    NAMES, NAMES, st.integers(0, 4), NAMES, st.integers(NOW - 9, NOW + 9), st.integers(1, 100),
)  # fmt: skip


@given(st.lists(ITEMS, max_size=12), st.randoms(use_true_random=False), TOKENS)
def test_order_and_repetition_change_nothing(items: list[dict[str, Any]], random: Any, token: Claims) -> None:
    again = [*items, *items]
    random.shuffle(again)
    assert _after(*items).verdict(token, NOW) == _after(*again).verdict(token, NOW)


@given(st.lists(ITEMS, max_size=12), TOKENS, st.integers(0, 120))
def test_tidying_never_lets_a_living_token_back_in(items: list[dict[str, Any]], token: Claims, later: int) -> None:
    """An item counts for tokens that expire no later than it does: that is its promise."""
    now = NOW + later
    mine = {"a": "a", "b": "b"}
    items = [
        item | {"expires": max(item["expires"], token.expires)}
        for item in items
        if mine[str(item.get("sid") or item.get("jti") or item.get("sub"))]
    ]
    known, tidied = _after(*items), _after(*items)
    tidied.tidy(now)
    if token.expires > now:
        assert tidied.verdict(token, now) == known.verdict(token, now)


@given(
    st.lists(st.tuples(st.text("abcdefgh", min_size=1, max_size=3), st.integers(1, 50)), max_size=80),
    st.integers(1, 40),
    st.integers(1, 50),
)
def test_beyond_the_bound_nothing_revoked_comes_back_and_memory_stays(
    revoked: list[tuple[str, int]], most: int, life: int
) -> None:
    known = Revocations(most)
    for token, ends in revoked:
        known.add({"jti": token, "expires": NOW + ends})
        known.tidy(NOW)
        assert len(known) <= most
    for token, ends in revoked:
        assert known.verdict(replace(CLAIMS, id=token, expires=NOW + ends), NOW) in ("token_revoked", "forgotten")
    if len(dict(revoked)) <= most:
        assert known.verdict(replace(CLAIMS, id="not revoked", expires=NOW + life), NOW) is None


def test_a_token_that_ends_later_than_all_that_was_dropped_goes_on() -> None:
    known = Revocations(10)
    for number in range(11):
        known.add({"jti": f"token {number}", "expires": NOW + 60 * number})
    known.tidy(NOW)
    assert len(known) == 9
    assert known.verdict(replace(CLAIMS, expires=NOW + 119), NOW) == "forgotten"
    assert known.verdict(replace(CLAIMS, expires=NOW + 120), NOW) is None
    assert known.verdict(replace(CLAIMS, id="token 2", expires=NOW + 120), NOW) == "token_revoked"


def test_an_item_that_comes_again_with_a_later_end_stays_until_then() -> None:
    known = _after(_item(sid="session-1", expires=NOW + 10), _item(sid="session-1", expires=NOW + 600))
    known.tidy(NOW + 120)
    assert known.verdict(CLAIMS, NOW + 120) == "session_ended"
    known.tidy(NOW + 660)
    assert len(known) == 0


@example([("a", 120), ("b", 0), ("b", 120)], 700)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 600)), max_size=30), st.integers(0, 700))
def test_whatever_ends_when_only_what_has_ended_goes(ends: list[tuple[str, int]], later: int) -> None:
    known, last = Revocations(), dict.fromkeys("abc", -1)
    for token, end in ends:
        known.add({"jti": token, "expires": NOW + end})
        last[token] = max(last[token], end)
    known.tidy(NOW + later)
    for token, end in last.items():
        if end >= later:
            assert known.verdict(replace(CLAIMS, id=token), NOW + later) == "token_revoked"
        elif end < later - 60:
            assert known.verdict(replace(CLAIMS, id=token), NOW + later) is None


def test_what_concerns_no_living_token_is_dropped() -> None:
    known = _after(_item(jti="old", expires=NOW - 1), _item(sid="old", expires=NOW - 1), _item(jti="new"))
    known.add(_item(sub="old", not_before=NOW, expires=NOW - 1))
    known.tidy(NOW)
    assert len(known) == 1


BROKEN: dict[str, dict[str, Any]] = {
    "nothing": {},
    "no expiry": {"jti": "a"},
    "a kind that we do not know": _item(tenant="a"),
    "an empty id": _item(jti=""),
    "a number for an id": _item(sid=7),
    "a text for an expiry": _item(jti="a", expires="soon"),
    "true for a rotation": _item(sid="a", rot=True),
    "a rotation below 0": _item(sid="a", rot=-1),
    "a subject without a moment": _item(sub="a"),
    "no time of a rotation": {"sid": "a", "rot": 1, "expires": NOW},
    "a text for activity": _item(sub="a", not_before=1, active="no"),
}


@pytest.mark.parametrize("item", BROKEN.values(), ids=BROKEN)
def test_an_item_that_is_not_understood_is_refused_and_nothing_of_it_stays(item: dict[str, Any]) -> None:
    known = Revocations()
    with pytest.raises(InvalidItem):
        known.add(item)
    assert len(known) == 0
