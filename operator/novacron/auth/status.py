"""What is known of the signing keys, as conditions, events and status. Pure; ids of keys and times, never a key."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from novacron.auth.domain.key_ring import MOST_KEYS, KeyRing, RingKey, RingRules
from novacron.core import conditions, events, names
from novacron.core.conditions import Condition, Status
from novacron.core.manifest import Manifest

_PATIENCE = 600
"""Seconds by which a rotation may be late: passes that fail are made again within them."""
_LISTED = 3


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the keys are not as they should be: a reason of core/conditions.py, what is and what to do."""

    status: Status
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that happened, to be an event."""

    reason: str
    note: str
    kind: Literal["Normal", "Warning"] = "Normal"


@dataclass(frozen=True, slots=True)
class Keys:
    """What a pass knows of the keys of its namespace.

    Args:
        document: the key set that pods are to mount.
        ring: None where there is none, or none can be read.
        rules: None where auth is switched off.
        now: seconds since the epoch.
        trouble: with the signing keys.
        internal: trouble with the internal key.
        told: what this pass did.
        writes: how many it made.
    """

    document: str
    ring: KeyRing | None = None
    rules: RingRules | None = None
    now: int = 0
    trouble: Trouble | None = None
    internal: Trouble | None = None
    told: tuple[Told, ...] = ()
    writes: int = 0

    @property
    def signs_since(self) -> int | None:
        """When the active key was activated."""
        active = self.ring.active if self.ring is not None else None
        return active.activated if active is not None else None

    @property
    def failed(self) -> bool:
        """Whether a write was refused: to be tried again soon, then less and less often."""
        troubles = (self.trouble, self.internal)
        return any(trouble is not None and trouble.reason == "WriteFailed" for trouble in troubles)


def written_time(moment: int) -> str:
    """RFC 3339."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def component(keys: Keys) -> Manifest | None:
    """``status.auth``; None where nothing is known, so that what stands there stays."""
    if keys.ring is None or keys.ring.active is None:
        return None
    active = keys.ring.active
    shown = {"activeKeyID": active.kid, "handledRotationRequest": keys.ring.request}
    return shown if active.activated is None else shown | {"lastKeyRotation": written_time(active.activated)}


def signing_keys(keys: Keys, instance: str) -> Condition:
    """SigningKeysCurrent. Nothing in it changes but with the ring, or when a date of the ring is over."""
    if keys.rules is None:
        message = "auth.enabled is false: no keys are made, and protected routes of the other workloads answer 503"
        return _condition("True", "Disabled", message)
    if keys.trouble is not None:
        return _condition(keys.trouble.status, keys.trouble.reason, keys.trouble.message)
    active = keys.ring.active if keys.ring is not None else None
    if keys.ring is None or active is None or active.activated is None:
        return _condition("Unknown", "Unobserved", "Not looked at yet")
    ring, rules, since = keys.ring, keys.rules, active.activated
    signs = f"Key {active.kid} signs since {written_time(since)}"
    if keys.now >= since + rules.interval + rules.lead + _PATIENCE:
        message = f"{signs}, longer than auth.jwt.keyRotationInterval allows: {_obstacle(ring, rules, instance)}"
        return _condition("False", "RotationOverdue", message)
    if ring.revoked is not None and keys.now < ring.revoked + rules.propagation:
        message = f"{signs}, in place of all others: {_refused(rules)}"
        return _condition("True", "KeysRevoked", message)
    return _condition("True", "KeysCurrent", f"{signs}; {_to_come(ring, active, rules)}{_kept(ring)}")


def auth_ready(keys: Keys, current: Condition, unavailable: str, reason: str) -> Condition:
    """AuthReady: whether access tokens are signed and sessions answered for.

    Args:
        current: SigningKeysCurrent.
        unavailable: what keeps auth's pods from being available; empty: they are.
        reason: the same in one word.
    """
    if keys.rules is None:
        return Condition(conditions.AUTH_READY, "True", "Disabled", "auth.enabled is false: nothing signs tokens")
    signs = keys.ring is not None and keys.ring.active is not None
    signing = None if signs else Trouble(current.status, current.reason, current.message)
    pods = Trouble("False", reason, f"auth: {unavailable}") if unavailable else None
    troubles = [trouble for trouble in (signing, keys.internal, pods) if trouble is not None]
    if troubles:  # what is known before what is not
        worst = min(troubles, key=lambda trouble: trouble.status != "False")
        return Condition(conditions.AUTH_READY, worst.status, worst.reason, worst.message)
    return Condition(conditions.AUTH_READY, "True", "AuthReady", "Auth is available and has a key that signs")


def happened(before: KeyRing, after: KeyRing, rules: RingRules, lost: Collection[str] = ()) -> tuple[Told, ...]:
    """What became of a ring, in the order in which people ask."""
    return tuple(_happened(before, after, rules, lost))


def _happened(before: KeyRing, after: KeyRing, rules: RingRules, lost: Collection[str]) -> Iterator[Told]:
    old, new = ({key.kid: key for key in ring.keys} for ring in (before, after))
    active = after.active
    if after.revoked is not None and after.request != before.request and active is not None:
        note = f"Key {active.kid} signs in place of all others: {_refused(rules)}"
        yield Told(events.KEYS_REVOKED, note, "Warning")
        return
    for kid in sorted(lost):
        yield Told(events.KEY_LOST, _loss(kid, new.get(kid)), "Warning")
    for kid in (kid for kid in new if kid not in old):
        if new[kid].state == "next":
            note = f"Key {kid} was made; it signs {rules.lead} s after all have been shown it, when it is due"
            yield Told(events.KEY_CREATED, note)
        elif new[kid].state == "active":
            yield Told(events.KEY_CREATED, f"Key {kid} was made and signs at once: no other can")
    if active is not None and active.kid in old and old[active.kid].state != "active":
        yield Told(events.KEY_ACTIVATED, f"Key {active.kid} signs from now on{_kept(after)}")
    gone = sorted(old.keys() - new.keys() - set(lost))
    if gone:
        yield Told(events.KEY_DROPPED, f"Dropped, for nothing that is still accepted was signed by it: {_some(gone)}")


def _condition(status: Status, reason: str, message: str) -> Condition:
    return Condition(conditions.SIGNING_KEYS_CURRENT, status, reason, message)


def _refused(rules: RingRules) -> str:
    return (
        "every access token from before is refused; sessions live on, and clients get a new token by refreshing. "
        f"For up to {rules.propagation} s, until all pods have turned their files over, some new tokens are refused too"
    )


def _obstacle(ring: KeyRing, rules: RingRules, instance: str) -> str:
    """What an overdue rotation waits for."""
    successor = ring.successor
    if successor is None:
        return (
            f"{len(ring.keys)} keys are still kept for tokens that live, and {MOST_KEYS} is the most; lower "
            "auth.jwt.tokenTTL or raise auth.jwt.keyRotationInterval"
        )
    if successor.published is None:
        return f"key {successor.kid} waits until ConfigMap/{names.jwks(instance)} shows it; see WorkloadsAvailable"
    return f"key {successor.kid} signs from {written_time(successor.published + rules.lead)} on"


def _to_come(ring: KeyRing, active: RingKey, rules: RingRules) -> str:
    since, successor = active.activated or 0, ring.successor
    soon = ring.forced or active.bits < rules.bits
    rotation = "" if soon else f"the next rotation is due {written_time(since + rules.interval)}"
    if successor is None:
        return rotation or "a new one is wanted"
    if successor.published is None:
        follows = f"key {successor.kid} follows, once it is shown"
    else:
        ready = successor.published + rules.lead
        follows = f"key {successor.kid} follows {written_time(ready if soon else max(ready, since + rules.interval))}"
    return follows


def _kept(ring: KeyRing) -> str:
    retired = [f"{key.kid} until {written_time(key.until)}" for key in ring.keys if key.until is not None]
    return f"; for tokens that live on: {_some(retired)}" if retired else ""


def _some(listed: list[str]) -> str:
    """The latest of many."""
    rest = len(listed) - _LISTED
    return ", ".join(listed[-_LISTED:]) + (f" and {rest} more" if rest > 0 else "")


def _loss(kid: str, key: RingKey | None) -> str:
    if key is None:
        return f"The private half of key {kid} is gone or damaged; it had signed nothing and is replaced"
    until = f" until {written_time(key.until)}" if key.until is not None else ""
    return f"The private half of key {kid} is gone or damaged; another signs, what it signed is accepted{until}"
