"""Sessions: when they are over, which tokens are theirs, and which of them make room."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.auth.domain.session import PREDECESSOR_SECONDS, Session, SessionRules

RULES = SessionRules(rotation=1800, idle=1800, lifetime=28_800, per_user=3)
SESSION = Session("s", "u", 5, 1000.0, 1000.0, 1000.0, 29_800.0, ended=False)


@pytest.mark.parametrize(
    ("session", "now", "over"),
    [
        (SESSION, 1000.0, None),
        (SESSION, 2799.9, None),
        (SESSION, 2800.0, "idle"),
        (replace(SESSION, last_active_at=29_000.0), 29_799.9, None),
        (replace(SESSION, last_active_at=29_000.0), 29_800.0, "expired"),
        (replace(SESSION, ended=True), 1000.0, "ended"),
    ],
)
def test_over(session: Session, now: float, over: str | None) -> None:
    assert RULES.over(session, now) == over


@pytest.mark.parametrize(
    ("rotation", "later", "refusal"),
    [
        (5, 0, None),
        (5, 1000, None),
        (4, 0, None),
        (4, 30, None),
        (4, 30.1, "rotated"),
        (3, 0, "rotated"),
        (0, 0, "rotated"),
        (6, 0, "rotated"),
    ],
)
def test_whose_token_it_is(rotation: int, later: float, refusal: str | None) -> None:
    assert RULES.refusal(SESSION, rotation, 1000.0 + later) == refusal


@given(st.integers(0, 10), st.integers(0, 10), st.floats(0, 10_000), st.booleans())
def test_a_token_is_good_for_its_rotation_or_shortly_for_the_next(
    rotation: int, shown: int, later: float, ended: bool
) -> None:
    session = replace(SESSION, rotation=rotation, ended=ended, last_active_at=1000.0 + later)
    good = RULES.refusal(session, shown, 1000.0 + later) is None
    behind = rotation - shown
    assert good == (not ended and (behind == 0 or (behind == 1 and later <= PREDECESSOR_SECONDS)))


@given(st.integers(3, 6), st.floats(0, 10_000))
def test_only_the_current_token_is_renewed(shown: int, later: float) -> None:
    due = RULES.rotation_due(SESSION, shown, 1000.0 + later)
    assert due == (shown == 5 and later >= 1800)


SESSIONS = st.lists(
    st.builds(
        lambda number, created, idle, ended: replace(
            SESSION, id=f"{number}", created_at=created, last_active_at=5000.0 - idle, ended=ended
        ),
        st.integers(0, 10**9),
        st.floats(0, 5000),
        st.sampled_from([0.0, 100.0, 2000.0]),
        st.booleans(),
    ),
    max_size=12,
    unique_by=lambda session: session.id,
)


@given(SESSIONS, st.integers(1, 5))
def test_the_oldest_make_room_for_one_more(sessions: list[Session], most: int) -> None:
    rules = replace(RULES, per_user=most)
    gone = set(rules.displaced(sessions, 5000.0))
    alive = [one for one in sessions if rules.over(one, 5000.0) is None]
    left = [one for one in alive if one.id not in gone]
    assert gone <= {one.id for one in alive}
    assert len(left) == min(len(alive), most - 1)
    newest_gone = max((one.created_at for one in alive if one.id in gone), default=0.0)
    assert all(one.created_at >= newest_gone for one in left)
