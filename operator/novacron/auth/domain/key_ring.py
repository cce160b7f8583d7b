"""The keys that sign access tokens: when each is made, shown, used and forgotten. Pure: time is an argument.

A key is *next* while others get to know it, *active* while it signs, and *retired* while tokens that it signed live;
then it is gone. Nobody meets a token whose key he cannot know, and nobody a key that he no longer needs.

All times are whole seconds since the epoch, all lengths whole seconds. A ring is turned in two steps, because a key is
made by nothing pure: ``advanced`` does all that needs no new key, then ``wants_key`` says whether one is to be
``joined``, and is asked again. Turned twice at the same time, a ring stays as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from novacron.auth.domain import base64url
from novacron.auth.domain.key_set import ALGORITHM

State = Literal["next", "active", "retired"]

REVOKE = "revoke-"
"""A request for a rotation that begins so drops every other key at once."""
MOST_KEYS = 100
"""A ring that holds so many makes no further key until one is over: Secret and ConfigMap hold 1 MiB at most."""
_LONGEST_REQUEST = 256


@dataclass(frozen=True, slots=True)
class RingRules:
    """What a resource asks for.

    Args:
        interval: between two rotations.
        lifetime: of an access token, at most.
        clock_skew: by which others may take an expired token.
        jwks_max_age: for which others may keep a key set that they fetched.
        propagation: until a changed Secret or ConfigMap has reached every pod that mounts it.
        bits: of the smallest key that is made.
    """

    interval: int
    lifetime: int
    clock_skew: int
    jwks_max_age: int
    propagation: int
    bits: int

    @property
    def lead(self) -> int:
        """How long a key is shown before it signs.

        Twice the age for which others may keep a key set; and no shorter than the way of the key into the pods that
        answer with the set, plus that age.
        """
        return max(2 * self.jwks_max_age, self.propagation + self.jwks_max_age)

    def kept(self, lifetime: int) -> int:
        """How long a retired key stays (docs/decisions/0021). A pod signs with it until its files are turned over.

        Args:
            lifetime: the longest of an access token while the key was active.
        """
        return self.propagation + lifetime + self.clock_skew + self.jwks_max_age


@dataclass(frozen=True, slots=True)
class RingKey:
    """One key without its private half.

    Args:
        kid: RFC 7638 thumbprint.
        n, e: RFC 7518 6.3.1: base64url.
        lifetime: the longest of an access token since it is active. Pods obey it, whatever else they have been told.
        published: since when the key set that pods mount holds it, as was seen; None for one that nothing waits for.
        until: of a retired one: when nothing that it signed is accepted any more.
    """

    kid: str
    n: str
    e: str
    state: State
    created: int
    lifetime: int = 0
    published: int | None = None
    activated: int | None = None
    retired: int | None = None
    until: int | None = None

    @property
    def bits(self) -> int:
        return int.from_bytes(base64url.decoded(self.n.encode())).bit_length()

    def over(self, now: int) -> bool:
        return self.until is not None and now >= self.until

    def jwk(self) -> dict[str, str]:
        return {"kty": "RSA", "n": self.n, "e": self.e, "kid": self.kid, "alg": ALGORITHM, "use": "sig"}


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Args:
    keys: the oldest first; at most one is active, at most one is next.
    request: the last rotation that somebody asked for, in his words or their hash.
    forced: whether that one is still to come.
    revoked: when a request last drove out all other keys.
    """

    keys: tuple[RingKey, ...] = ()
    request: str = ""
    forced: bool = False
    revoked: int | None = None

    @property
    def active(self) -> RingKey | None:
        return next((key for key in self.keys if key.state == "active"), None)

    @property
    def successor(self) -> RingKey | None:
        return next((key for key in self.keys if key.state == "next"), None)


def key_set(keys: Collection[RingKey]) -> str:
    """The document that everybody verifies with (RFC 7517)."""
    return json.dumps({"keys": [key.jwk() for key in keys]}) + "\n"


def advanced(
    ring: KeyRing, rules: RingRules, shown: Collection[str], now: int, request: str = "", lost: Collection[str] = ()
) -> KeyRing:
    """All that is due and needs no new key.

    Args:
        shown: ids of the keys in the key set that pods mount, as it is seen now.
        request: a rotation that somebody asks for; acted on when it is another one than the last.
        lost: ids of keys whose private half is gone or damaged.
    """
    if request and request != ring.request:
        if request.startswith(REVOKE):
            return KeyRing(request=request, revoked=now)
        ring = replace(ring, request=request, forced=True)
    keys = (_in_time(key, rules, now) for key in ring.keys)
    fit = (key for key in keys if not key.over(now) and (key.state != "next" or key.bits >= rules.bits))
    ring = replace(ring, keys=tuple(_seen(key, shown, now) for key in fit), revoked=_past(ring.revoked, now))
    if lost:
        ring = _without(ring, rules, now, lost)
    successor = ring.successor
    if successor is None or successor.published is None:
        return ring
    ready = now >= successor.published + rules.lead
    return _activated(ring, rules, now) if ready and _due(ring, rules, now) else ring


def wants_key(ring: KeyRing, rules: RingRules, now: int) -> bool:
    """Whether a key is to be made; asked of a ring that is advanced, until it says no."""
    if ring.active is None:
        return True
    return ring.successor is None and len(ring.keys) < MOST_KEYS and _due(ring, rules, now + rules.lead)


def joined(ring: KeyRing, key: RingKey, rules: RingRules, now: int) -> KeyRing:
    """With a key that was just made. It signs at once where no other can: there is nothing to wait for."""
    if ring.active is not None:
        return replace(ring, keys=(*ring.keys, key))
    first = replace(key, state="active", activated=now, lifetime=rules.lifetime)
    return replace(ring, keys=(*ring.keys, first), forced=False)


def adopted(ring: KeyRing, keys: Collection[RingKey], rules: RingRules, now: int) -> KeyRing:
    """With keys of which only the public half is known: tokens that they signed stay good for as long as they live."""
    retired = (
        replace(key, state="retired", retired=now, lifetime=rules.lifetime, until=now + rules.kept(rules.lifetime))
        for key in keys
    )
    return replace(ring, keys=(*ring.keys, *retired))


def due(ring: KeyRing, rules: RingRules, shown: Collection[str], now: int) -> int | None:
    """When the ring must be looked at again, at the latest; None where nothing is to come.

    Args:
        shown: as in ``advanced``. A key that is not shown yet is no reason to look again: who shows it looks.
    """
    dates = [key.until for key in ring.keys if key.until is not None]
    if ring.revoked is not None and now < ring.revoked + rules.propagation:
        dates.append(ring.revoked + rules.propagation)
    active, successor = ring.active, ring.successor
    if active is not None and active.activated is not None:
        rotation = now if _due(ring, rules, now) else active.activated + rules.interval
        if successor is None and len(ring.keys) < MOST_KEYS:
            dates.append(rotation - rules.lead)
        elif successor is not None and successor.published is not None:
            dates.append(max(rotation, successor.published + rules.lead))
        elif successor is not None and successor.kid in shown:
            dates.append(now)
    return min(dates, default=None)


def named(request: str) -> str:
    """What a ring remembers of a request: the words, or the hash of many."""
    if len(request) <= _LONGEST_REQUEST:
        return request
    prefix = REVOKE if request.startswith(REVOKE) else ""
    return f"{prefix}sha256:{hashlib.sha256(request.encode()).hexdigest()}"


def _due(ring: KeyRing, rules: RingRules, now: int) -> bool:
    """Whether another key should sign."""
    active = ring.active
    if active is None or active.activated is None:
        return True
    return ring.forced or active.bits < rules.bits or now >= active.activated + rules.interval


def _in_time(key: RingKey, rules: RingRules, now: int) -> RingKey:
    """Without times that are still to come: the clock went back, and what waits for them would wait for as long.

    A key that signs takes note of tokens that live longer than any before: an active one, and one that retired so
    lately that some pod may not know it. A retired one stays longer where clocks may differ by more now.
    """
    retired, until = _past(key.retired, now), None
    signs = key.state == "active" or (retired is not None and now < retired + rules.propagation)
    lifetime = max(key.lifetime, rules.lifetime) if signs else key.lifetime
    if key.until is not None and retired is not None:
        until = min(max(key.until, retired + rules.kept(lifetime)), now + rules.kept(lifetime))
    return replace(
        key,
        created=min(key.created, now),
        published=_past(key.published, now),
        activated=_past(key.activated, now),
        retired=retired,
        lifetime=lifetime,
        until=until,
    )


def _past(moment: int | None, now: int) -> int | None:
    return None if moment is None else min(moment, now)


def _seen(key: RingKey, shown: Collection[str], now: int) -> RingKey:
    """Shown counts from the moment since which it was seen at every look."""
    if key.state != "next":
        return key
    if key.kid not in shown:
        return replace(key, published=None)
    return key if key.published is not None else replace(key, published=now)


def _without(ring: KeyRing, rules: RingRules, now: int, lost: Collection[str]) -> KeyRing:
    """A next key that is lost was never used; an active one still verifies, and the next one signs at once."""
    ring = replace(ring, keys=tuple(key for key in ring.keys if key.state != "next" or key.kid not in lost))
    active = ring.active
    return _activated(ring, rules, now) if active is not None and active.kid in lost else ring


def _activated(ring: KeyRing, rules: RingRules, now: int) -> KeyRing:
    """The next key signs, where there is one, and the active one no longer."""

    def turned(key: RingKey) -> RingKey:
        if key.state == "active":
            return replace(key, state="retired", retired=now, until=now + rules.kept(key.lifetime))
        if key.state == "next":
            return replace(key, state="active", activated=now, lifetime=rules.lifetime)
        return key

    return replace(ring, keys=tuple(turned(key) for key in ring.keys), forced=False)
