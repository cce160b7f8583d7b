"""When keys are made, shown, used and forgotten: tables of single turns, and a life of a ring as clients see it."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from novacron.auth.domain import key_ring
from novacron.auth.domain.key_ring import MOST_KEYS, KeyRing, RingKey, RingRules

_DAY = 86_400
Seen = TypeVar("Seen")
_RULES = RingRules(_DAY, lifetime=3_600, clock_skew=30, jwks_max_age=300, propagation=180, bits=2048)
_NOW = 1_000_000
_LEAD, _KEPT = 600, 180 + 3_600 + 30 + 300


def key(kid: str, bits: int = 2048, created: int = _NOW) -> RingKey:
    """A next key; its number has the right size and no other virtue."""
    octets = (1 << (bits - 1)).to_bytes(bits // 8, "big")
    return RingKey(kid, base64.urlsafe_b64encode(octets).rstrip(b"=").decode(), "AQAB", "next", created)


def active(kid: str = "a", at: int = _NOW) -> RingKey:
    return replace(key(kid), state="active", created=at, activated=at, lifetime=3_600)


def following(kid: str = "b", published: int | None = _NOW) -> RingKey:
    return replace(key(kid), published=published)


def retired(kid: str = "r", at: int = _NOW) -> RingKey:
    return replace(active(kid, at), state="retired", retired=at, until=at + _KEPT)


def turned(
    ring: KeyRing,
    now: int,
    *,
    rules: RingRules = _RULES,
    shown: Collection[str] = "abr",
    request: str = "",
    lost: str = "",
) -> tuple[dict[str, str], bool]:
    """State of each key after a turn, and whether a key is wanted."""
    after = key_ring.advanced(ring, rules, shown, now, request, lost)
    return {item.kid: item.state for item in after.keys}, key_ring.wants_key(after, rules, now)


def test_the_first_key_signs_at_once() -> None:
    ring = key_ring.advanced(KeyRing(), _RULES, (), _NOW)
    assert key_ring.wants_key(ring, _RULES, _NOW)
    ring = key_ring.joined(ring, key("a"), _RULES, _NOW)
    assert [(item.kid, item.state, item.activated) for item in ring.keys] == [("a", "active", _NOW)]
    assert not key_ring.wants_key(ring, _RULES, _NOW)


_TURNS = [
    pytest.param(KeyRing((active(),)), _DAY - _LEAD - 1, {"a": "active"}, False, id="too early for a next key"),
    pytest.param(KeyRing((active(),)), _DAY - _LEAD, {"a": "active"}, True, id="time for a next key"),
    pytest.param(
        KeyRing((active(), following(published=None))), _DAY, {"a": "active", "b": "next"}, False, id="shown just now"
    ),
    pytest.param(
        KeyRing((active(), following())), _DAY - 1, {"a": "active", "b": "next"}, False, id="ready before its time"
    ),
    pytest.param(KeyRing((active(), following())), _DAY, {"a": "retired", "b": "active"}, False, id="its time"),
    pytest.param(
        KeyRing((active(), following(published=_NOW + _DAY - 1))),
        _DAY + _LEAD - 2,
        {"a": "active", "b": "next"},
        False,
        id="late, but not shown for long enough",
    ),
    pytest.param(
        KeyRing((active(), following()), "now", forced=True), _LEAD, {"a": "retired", "b": "active"}, False, id="forced"
    ),
    pytest.param(KeyRing((active(),), "now", forced=True), 1, {"a": "active"}, True, id="forced without a next key"),
    pytest.param(KeyRing((retired(), active())), _KEPT - 1, {"r": "retired", "a": "active"}, False, id="still needed"),
    pytest.param(KeyRing((retired(), active())), _KEPT, {"a": "active"}, False, id="over"),
]


@pytest.mark.parametrize(("ring", "later", "states", "wants"), _TURNS)
def test_turns(ring: KeyRing, later: int, states: dict[str, str], wants: bool) -> None:
    assert turned(ring, _NOW + later) == (states, wants)


def test_shown_counts_from_when_it_was_seen_and_begins_anew_when_it_was_not() -> None:
    ring = KeyRing((active(), following(published=None)))
    ring = key_ring.advanced(ring, _RULES, "ab", _NOW + 7)
    assert ring.successor == following(published=_NOW + 7)
    assert key_ring.advanced(ring, _RULES, "ab", _NOW + 20) == ring
    hidden = key_ring.advanced(ring, _RULES, "a", _NOW + 30)
    assert hidden.successor == following(published=None)
    assert key_ring.advanced(hidden, _RULES, "ab", _NOW + 40).successor == following(published=_NOW + 40)


def test_a_hidden_key_does_not_become_active_however_late_it_is() -> None:
    assert turned(KeyRing((active(), following())), _NOW + 9 * _DAY, shown="a")[0] == {"a": "active", "b": "next"}


def test_a_request_is_acted_on_once() -> None:
    ring = KeyRing((active(), following(published=None)), request="one")
    ring = key_ring.advanced(ring, _RULES, "ab", _NOW, "two")
    assert (ring.request, ring.forced) == ("two", True)
    ring = key_ring.advanced(ring, _RULES, "ab", _NOW + _LEAD, "two")
    assert ([item.state for item in ring.keys], ring.forced) == (["retired", "active"], False)
    assert key_ring.advanced(ring, _RULES, "ab", _NOW + _LEAD, "two") == ring
    assert key_ring.advanced(ring, _RULES, "ab", _NOW + _LEAD, "") == ring


def test_a_revocation_drops_everything_and_its_key_signs_at_once() -> None:
    ring = KeyRing((retired(), active(), following()), request="one")
    ring = key_ring.advanced(ring, _RULES, "abr", _NOW + 5, "revoke-stolen")
    assert key_ring.wants_key(ring, _RULES, _NOW + 5)
    ring = key_ring.joined(ring, key("c"), _RULES, _NOW + 5)
    assert [(item.kid, item.state) for item in ring.keys] == [("c", "active")]
    assert (ring.request, ring.revoked) == ("revoke-stolen", _NOW + 5)
    assert key_ring.advanced(ring, _RULES, "c", _NOW + 6, "revoke-stolen") == ring


def test_a_larger_size_replaces_the_key_and_drops_a_next_one_that_is_too_small() -> None:
    rules = replace(_RULES, bits=3072)
    ring = key_ring.advanced(KeyRing((active(), following())), rules, "ab", _NOW + 5)
    assert ([item.kid for item in ring.keys], key_ring.wants_key(ring, rules, _NOW + 5)) == (["a"], True)
    ring = key_ring.joined(ring, key("c", 3072), rules, _NOW + 5)
    ring = key_ring.advanced(ring, rules, "ac", _NOW + 6)
    assert [item.state for item in key_ring.advanced(ring, rules, "ac", _NOW + 6 + _LEAD).keys] == ["retired", "active"]


def test_a_lost_active_key_is_kept_to_verify_and_the_next_one_signs_at_once() -> None:
    assert turned(KeyRing((active(), following(published=None))), _NOW + 1, lost="a") == (
        {"a": "retired", "b": "active"},
        False,
    )
    assert turned(KeyRing((active(),)), _NOW + 1, lost="a") == ({"a": "retired"}, True)
    assert turned(KeyRing((active(), following())), _NOW + _DAY, lost="b") == ({"a": "active"}, True)


def test_longer_tokens_of_the_past_keep_a_key_longer() -> None:
    long = replace(_RULES, lifetime=7_200)
    ring = key_ring.advanced(KeyRing((active(), following())), long, "ab", _NOW + 10)
    ring = key_ring.advanced(ring, _RULES, "ab", _NOW + _DAY)
    (old, _new) = ring.keys
    assert old.until == _NOW + _DAY + _KEPT + 3_600


def test_a_clock_that_went_back_delays_nothing_for_ever() -> None:
    late = _NOW + 100 * _DAY
    ring = KeyRing((retired(at=late), active(at=late), following(published=late)))
    ring = key_ring.advanced(ring, _RULES, "abr", _NOW)
    assert [(item.activated, item.published, item.until) for item in ring.keys] == [
        (_NOW, None, _NOW + _KEPT),
        (_NOW, None, None),
        (None, _NOW, None),
    ]


def test_a_full_ring_waits() -> None:
    many = tuple(retired(f"r{number}") for number in range(MOST_KEYS - 1))
    full = KeyRing((*many, active()))
    assert not key_ring.wants_key(full, _RULES, _NOW + _DAY)
    assert key_ring.due(full, _RULES, (), _NOW) == _NOW + _KEPT
    assert key_ring.wants_key(KeyRing(full.keys[1:]), _RULES, _NOW + _DAY)
    assert key_ring.wants_key(KeyRing(many), _RULES, _NOW), "where nothing signs there is no waiting"


_DUE = [
    pytest.param(KeyRing((active(),)), _NOW + _DAY - _LEAD, id="a next key"),
    pytest.param(KeyRing((active(), following())), _NOW + _DAY, id="its turn"),
    pytest.param(KeyRing((active(), following()), "x", forced=True), _NOW + _LEAD, id="its turn by request"),
    pytest.param(KeyRing((active(), following(published=None))), _NOW, id="to be confirmed, as it is shown"),
    pytest.param(KeyRing((active(), replace(following("z"), published=None))), None, id="not shown yet"),
    pytest.param(KeyRing((retired(), active())), _NOW + _KEPT, id="a retired one"),
    pytest.param(KeyRing((active(),), "revoke-x", revoked=_NOW), _NOW + 180, id="a revocation has reached all"),
    pytest.param(KeyRing(), None, id="an empty ring"),
]


@pytest.mark.parametrize(("ring", "moment"), _DUE)
def test_due(ring: KeyRing, moment: int | None) -> None:
    assert key_ring.due(ring, _RULES, "abr", _NOW) == moment


def test_long_requests_are_remembered_by_their_hash() -> None:
    assert key_ring.named("2026-11-26") == "2026-11-26"
    assert key_ring.named("x" * 300) == key_ring.named("x" * 300) != key_ring.named("x" * 301)
    assert len(key_ring.named("x" * 300)) < 100
    assert key_ring.named("revoke-" + "x" * 300).startswith("revoke-")


def test_the_lead_is_twice_the_age_and_no_shorter_than_the_way_to_the_pods() -> None:
    assert _RULES.lead == 600
    assert replace(_RULES, jwks_max_age=5).lead == 185
    assert replace(_RULES, jwks_max_age=0, propagation=0).lead == 0


# A life


@dataclass
class World:
    """What has been stored and shown since when, and the tokens that live.

    Args:
        stored: time and ring, for every write of the Secret: pods sign with any that is at most `propagation` old, and
            for as long as it allows. When they get their settings is not known: a rollout takes what it takes.
        shown: time and ids, for every write of the ConfigMap: others verify with any at most so and max-age old.
        tokens: id -> when the last token of that key expires.
    """

    now: int = _NOW
    stored: list[tuple[int, KeyRing]] = field(default_factory=list)
    shown: list[tuple[int, frozenset[str]]] = field(default_factory=list)
    tokens: dict[str, int] = field(default_factory=dict)
    calm: int = _NOW
    """Until then, something sudden keeps clients from relying on anything."""


def since(history: list[tuple[int, Seen]], moment: int) -> Iterator[Seen]:
    """What stood at a moment, and all that came after it."""
    before = [value for at, value in history if at <= moment]
    yield from before[-1:]
    yield from (value for at, value in history if at > moment)


class Life(RuleBasedStateMachine):
    """Passes at any time, with a crash between any two writes; resources that change; people who ask and meddle.

    What clients see is checked all the time: every pod may lag behind by `propagation`, every key set by max-age more.
    """

    @initialize(
        age=st.sampled_from([0, 5, 300]),
        way=st.sampled_from([0, 20, 180]),
        skew=st.integers(0, 60),
        interval=st.integers(600, _DAY),
    )
    def begin(self, age: int, way: int, skew: int, interval: int) -> None:
        self.asked = RingRules(interval, 3_600, skew, age, way, 2048)
        self.applied = self.asked
        self.world = World()
        self.numbers = itertools.count()
        self.request = ""
        self.hidden = False

    @property
    def ring(self) -> KeyRing:
        return self.world.stored[-1][1] if self.world.stored else KeyRing()

    @property
    def ids(self) -> frozenset[str]:
        return self.world.shown[-1][1] if self.world.shown else frozenset()

    def disturbed(self) -> None:
        self.world.calm = self.world.now + self.asked.propagation + self.asked.jwks_max_age + 1
        self.world.tokens.clear()

    @rule(seconds=st.one_of(st.integers(0, 30), st.integers(0, 900), st.integers(0, 3 * _DAY)))
    def wait(self, seconds: int) -> None:
        self.world.now += seconds

    @rule()
    def wait_for_the_slowest_pod(self) -> None:
        self.world.now += max(self.asked.propagation - 1, 0)

    @rule(crash=st.sampled_from(["", "", "", "before the Secret", "after the Secret"]))
    def look(self, crash: str, lost: frozenset[str] = frozenset()) -> None:
        world, rules = self.world, self.asked
        before = self.ring
        after = key_ring.advanced(before, rules, self.ids, world.now, self.request, lost)
        while key_ring.wants_key(after, rules, world.now):
            made = key(f"k{next(self.numbers)}", rules.bits, world.now)
            after = key_ring.joined(after, made, rules, world.now)
        again = key_ring.advanced(after, rules, self.ids, world.now, self.request)
        assert again == after, "a second turn at the same time changes nothing"
        assert not key_ring.wants_key(again, rules, world.now)
        if crash == "before the Secret":
            return
        if after != before:
            world.stored.append((world.now, after))
        if crash == "after the Secret":
            return
        ids = frozenset(item.kid for item in after.keys)
        if ids != self.ids:
            world.shown.append((world.now, ids))
        if self.hidden:
            self.hidden = False
            self.disturbed()
        self.applied = rules

    @precondition(lambda self: self.ring.active is not None)
    @rule(past=st.booleans())
    def wait_until_due(self, past: bool) -> None:
        moment = key_ring.due(self.ring, self.asked, self.ids, self.world.now)
        if moment is not None:
            self.world.now = max(self.world.now, moment - (not past))
            self.look("")

    @rule(
        interval=st.integers(600, _DAY),
        lifetime=st.integers(60, _DAY),
        skew=st.integers(0, 60),
        bits=st.sampled_from([2048, 3072]),
    )
    def edit(self, interval: int, lifetime: int, skew: int, bits: int) -> None:
        self.asked = replace(self.asked, interval=interval, lifetime=lifetime, clock_skew=skew, bits=bits)

    @rule(text=st.sampled_from(["one", "two", ""]))
    def ask(self, text: str) -> None:
        self.request = text

    @rule(number=st.integers(0, 15))
    def revoke(self, number: int) -> None:
        if number > 1:  # what is sudden should be seldom, or nothing ever lasts
            return
        new, before = f"revoke-{number}" != self.ring.request, {item.kid for item in self.ring.keys}
        self.request = f"revoke-{number}"
        self.look("")
        if new:
            assert before.isdisjoint(item.kid for item in self.ring.keys)
            self.world.stored = self.world.stored[-1:]  # what pods still sign with is refused: that was asked for
            self.disturbed()

    @precondition(lambda self: self.ids)
    @rule(luck=st.integers(0, 9))
    def hide_keys(self, luck: int) -> None:
        """Until a pass shows them again nobody can verify anything."""
        if luck:
            return
        self.world.shown.append((self.world.now, frozenset()))
        self.hidden = True

    @precondition(lambda self: self.ring.active is not None)
    @rule(state=st.sampled_from(["active", "next", "", "", "", "", ""]))
    def lose(self, state: str) -> None:
        gone = frozenset(item.kid for item in self.ring.keys if item.state == state)
        self.look("", lost=gone)
        if state == "active":
            self.disturbed()

    @invariant()
    def the_ring_is_whole(self) -> None:
        if not hasattr(self, "world") or not self.world.stored:
            return
        states = [item.state for item in self.ring.keys]
        assert states.count("active") == 1
        assert states.count("next") <= 1
        assert len({item.kid for item in self.ring.keys}) == len(self.ring.keys)

    @invariant()
    def no_client_is_refused(self) -> None:
        if not hasattr(self, "world") or not self.world.shown or self.hidden or self.world.now < self.world.calm:
            return
        world, rules = self.world, self.applied
        for ring in since(world.stored, world.now - rules.propagation):
            if (signing := ring.active) is not None:
                world.tokens[signing.kid] = max(world.now + signing.lifetime, world.tokens.get(signing.kid, 0))
        world.tokens = {kid: end for kid, end in world.tokens.items() if world.now < end + rules.clock_skew}
        good = world.tokens.keys()
        for known in since(world.shown, world.now - rules.propagation - rules.jwks_max_age):
            assert good <= known, "a key that somebody's token needs is not known to everybody"


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=400, stateful_step_count=60, deadline=None)


def test_a_key_that_signs_for_less_is_dropped_as_early_though_no_pod_was_told() -> None:
    """The pass that activated it under a lower tokenTTL ended after the Secret: pods have earlier settings."""
    life = Life()
    life.begin(age=5, way=0, skew=0, interval=600)
    steps: tuple[Callable[[], None], ...] = (
        lambda: life.look(""),
        lambda: life.ask("one"),
        lambda: life.look(""),
        lambda: life.look(""),
        lambda: life.wait(10),
        lambda: life.edit(interval=600, lifetime=60, skew=0, bits=2048),
        lambda: life.look("after the Secret"),
        lambda: life.wait_until_due(past=True),
        lambda: life.look(""),
        lambda: life.wait(10),
        lambda: life.look(""),
        lambda: life.wait(65),
        lambda: life.look(""),
    )
    for step in steps:
        step()
        life.no_client_is_refused()
        life.the_ring_is_whole()
    assert [item.kid for item in life.ring.keys] == ["k0", "k2"]
