"""The step of a pass that keeps the keys of a namespace: reads their two Secrets, decides, writes what is to change.

The Secret is the truth, and it is written first: the key set that pods mount is made from what is stored, so it never
shows a key that a crash could lose, and a key is used only after the set was seen to show it. Writes are server-side
applies of the version that was read, or of what must not exist yet: of two operators one is refused and looks again.
"""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric import rsa

from novacron.adapters.kube import (
    ApiError,
    Conflict,
    Forbidden,
    Kube,
    NamespaceTerminating,
    NotFound,
    Unreachable,
)
from novacron.api.v1alpha1 import NovaCron
from novacron.auth import desired, status
from novacron.auth.domain import key_ring, ring_document
from novacron.auth.domain.key_ring import KeyRing, RingRules
from novacron.auth.domain.key_set import EXPONENT
from novacron.auth.domain.ring_document import Made, Stored, UnreadableRing
from novacron.auth.status import Keys, Told, Trouble
from novacron.core import events, kinds, labels, names
from novacron.core.manifest import Manifest, at
from novacron.workload.paths import INTERNAL_KEY_FILE, JWKS_FILE

PROPAGATION = 180
"""Seconds until a changed Secret or ConfigMap has surely reached every pod that mounts it, unless told otherwise.

A kubelet looks at a pod again every 60 to 90 s (``syncFrequency`` 1 m, with jitter); where it does not watch what pods
mount but keeps it for a while (``configMapAndSecretChangeDetectionStrategy: Cache``), up to a minute more. The process
in the pod sees the change within seconds. The rest is for a node under load.
"""
_INTERNAL_KEY = re.compile(rb"[A-Za-z0-9_-]{43,}")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a pass brings along.

    Args:
        request: the annotation novacron.io/rotate-signing-key; empty: none.
        handled: the same as the status shows it to have been acted on.
        shown: the key set in the ConfigMap that pods mount; empty: there is none.
        now: seconds since the epoch.
    """

    request: str
    handled: str
    shown: str
    now: int


def asked(body: Manifest, key_set: Manifest | None, now: float) -> Asked:
    """Of the live resource and the live ConfigMap of its key set."""
    request = str(at(body, "metadata", "annotations", labels.ROTATE_SIGNING_KEY, default="")).strip()
    handled = str(at(body, "status", "auth", "handledRotationRequest", default=""))
    shown = str(at(key_set, "data", JWKS_FILE, default=""))
    return Asked(key_ring.named(request), handled, shown, int(now))


def due(keys: Keys, key_set: Manifest | None) -> float:
    """Seconds until the ring must be looked at again; infinity where nothing is to come.

    Args:
        key_set: the ConfigMap as this pass leaves it.
    """
    if keys.ring is None or keys.rules is None or keys.trouble is not None:
        return float("inf")
    moment = key_ring.due(keys.ring, keys.rules, _ids(str(at(key_set, "data", JWKS_FILE, default=""))), keys.now)
    return float("inf") if moment is None else float(max(moment - keys.now, 0))


class KeyKeeper:
    """Args:
    propagation: seconds until a changed Secret or ConfigMap has reached every pod that mounts it.
    """

    def __init__(self, kube: Kube, propagation: int = PROPAGATION) -> None:
        self._kube = kube
        self._propagation = propagation

    async def keep(self, resource: NovaCron, wish: Asked) -> Keys:
        """Brings the keys of a namespace to what is due.

        Raises:
            ApiError, NotLeading: nothing is lost, make the pass again.
        """
        keys = await self._signing_keys(resource, wish)
        made, trouble = await self._internal_key(resource.metadata.namespace)
        return replace(keys, internal=trouble, told=keys.told + made, writes=keys.writes + len(made))

    async def _signing_keys(self, resource: NovaCron, wish: Asked) -> Keys:
        """With auth switched off, keys that are there stay as they are and stay published."""
        namespace, auth = resource.metadata.namespace, resource.spec.auth
        rules = _rules(resource, self._propagation) if auth.enabled else None
        keys = Keys(wish.shown or desired.NO_KEYS, None, rules, wish.now)
        try:
            found = await self._found(namespace, names.SIGNING_KEYS)
            stored = ring_document.parsed(_files(found)) if found is not None else None
        except Forbidden as error:
            return replace(keys, trouble=_right_missing(error))
        except UnreadableRing as error:
            return replace(keys, trouble=_not_understood(error))
        if stored is not None:
            keys = replace(keys, ring=stored.ring, document=key_ring.key_set(stored.ring.keys))
        if rules is None:
            return keys if stored is not None else replace(keys, document=desired.NO_KEYS)
        try:
            return await self._turned(namespace, keys, rules, wish, found, stored)
        except (Conflict, Unreachable, NamespaceTerminating):
            raise
        except ApiError as error:
            return replace(keys, trouble=_not_written(names.SIGNING_KEYS, error))

    async def _turned(
        self, namespace: str, keys: Keys, rules: RingRules, wish: Asked, found: Manifest | None, stored: Stored | None
    ) -> Keys:
        """The ring as it is to be, stored."""
        before = stored.ring if stored is not None else _fresh(rules, wish)
        pems = dict(stored.pems) if stored is not None else {}
        lost = stored.lost if stored is not None else frozenset(key.kid for key in before.keys)
        after = key_ring.advanced(before, rules, _ids(wish.shown), wish.now, wish.request, lost)
        while key_ring.wants_key(after, rules, wish.now):  # twice where the first key soon needs a next one
            made = await asyncio.to_thread(_made, rules.bits, wish.now)
            after = key_ring.joined(after, made.key, rules, wish.now)
            pems[made.key.kid] = made.pem
        if found is not None and after == before and _is_labelled(found):
            return keys
        await self._store(namespace, names.SIGNING_KEYS, ring_document.written(after, pems), found)
        told = status.happened(before, after, rules, lost)
        return replace(keys, ring=after, document=key_ring.key_set(after.keys), told=told, writes=1)

    async def _internal_key(self, namespace: str) -> tuple[tuple[Told, ...], Trouble | None]:
        """Made once. Whoever deletes it gets another one, which pods take up as they see it."""
        try:
            found = await self._found(namespace, names.INTERNAL_KEY)
        except Forbidden as error:
            return (), _right_missing(error)
        if found is not None and _INTERNAL_KEY.fullmatch(_files(found).get(INTERNAL_KEY_FILE, b"")):
            return (), None
        try:
            files = {INTERNAL_KEY_FILE: secrets.token_urlsafe(32).encode()}
            await self._store(namespace, names.INTERNAL_KEY, files, found)
        except (Conflict, Unreachable, NamespaceTerminating):
            raise
        except ApiError as error:
            return (), _not_written(names.INTERNAL_KEY, error)
        note = f"Secret/{names.INTERNAL_KEY} was made: the workloads know each other by it"
        return (Told(events.INTERNAL_KEY_CREATED, note),), None

    async def _found(self, namespace: str, name: str) -> Manifest | None:
        try:
            return await self._kube.get(kinds.SECRET, namespace, name)
        except NotFound:
            return None

    async def _store(self, namespace: str, name: str, files: Mapping[str, bytes], found: Manifest | None) -> Manifest:
        """Raises ``Conflict`` where it is not, or no longer, what was found."""
        manifest = desired.secret(namespace, name, files)
        if found is None:
            return await self._kube.apply_new(kinds.SECRET, manifest)
        manifest["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"]
        return await self._kube.apply(kinds.SECRET, manifest, uid=found["metadata"]["uid"])


def _rules(resource: NovaCron, propagation: int) -> RingRules:
    jwt = resource.spec.auth.jwt
    return RingRules(
        interval=jwt.key_rotation_interval.seconds,
        lifetime=jwt.token_ttl.seconds,
        clock_skew=jwt.clock_skew.seconds,
        jwks_max_age=jwt.jwks_max_age.seconds,
        propagation=propagation,
        bits=jwt.min_key_size,
    )


def _fresh(rules: RingRules, wish: Asked) -> KeyRing:
    """A ring for a namespace that has none. A request is met by it: all its keys are new.

    Where the Secret was lost, keys that are still shown are kept for the tokens that they signed, unless somebody asks
    for their end.
    """
    ring = KeyRing(request=wish.request)
    if wish.request.startswith(key_ring.REVOKE) and wish.request != wish.handled:
        return ring
    return key_ring.adopted(ring, ring_document.published(wish.shown), rules, wish.now)


def _made(bits: int, now: int) -> Made:
    return ring_document.made(rsa.generate_private_key(EXPONENT, bits), now)


def _ids(key_set: str) -> frozenset[str]:
    return frozenset(key.kid for key in ring_document.published(key_set))


def _files(secret: Manifest) -> dict[str, bytes]:
    return {name: base64.b64decode(content) for name, content in (secret.get("data") or {}).items()}


def _is_labelled(secret: Manifest) -> bool:
    return bool(at(secret, "metadata", "labels", labels.MANAGED_BY) == labels.MANAGER)


def _right_missing(error: Forbidden) -> Trouble:
    message = f"{error}; install the operator's current RBAC, which names the Secrets {' and '.join(names.KEYS)}"
    return Trouble("Unknown", "RightMissing", message)


def _not_understood(error: UnreadableRing) -> Trouble:
    message = (
        f"Secret/{names.SIGNING_KEYS}: {error}. It is left as it is, and no key is rotated. Restore it, or delete it: "
        "then new keys are made, and tokens that the published keys signed stay good for as long as they live"
    )
    return Trouble("False", "KeysUnreadable", message)


def _not_written(name: str, error: ApiError) -> Trouble:
    """Of an invalid object the server may quote parts: only its verdict is told, not its words."""
    words = str(error) if isinstance(error, Forbidden) else f"{error.code} {error.reason}"
    message = f"Secret/{name} cannot be written: {words}; tried again at the next pass"
    return Trouble("False", "WriteFailed", message)
