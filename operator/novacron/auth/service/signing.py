"""The private key that signs: the mounted Secret's active one, taken over when the files change, without a restart.

A Secret that cannot be used leaves the key before in use, and ``/ready`` says so: the operator repairs it, and until
then tokens are still accepted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from novacron.adapters import clock
from novacron.adapters.mounted import Directory, Stamp
from novacron.auth.domain import ring_document
from novacron.auth.domain.minting import SigningKey
from novacron.core.dependencies import Finding, Unusable
from novacron.core.errors import NovaCronError
from novacron.workload.service import findings
from novacron.workload.service.telemetry import Telemetry

_NAME = "signing-keys"
SECRET = "novacron-signing-keys"  # noqa: S105 - the name of a Secret


class NoSigningKey(NovaCronError):
    """No token can be signed now: a 503."""

    def __init__(self) -> None:
        super().__init__(f"no signing key is mounted from Secret {SECRET}; the operator makes it: look at its log")


class SigningKeys:
    """A dependency of auth: not ready without an active key."""

    name, required, secret = _NAME, True, SECRET

    def __init__(self, path: Path, telemetry: Telemetry) -> None:
        self._directory = Directory(path)
        self._telemetry = telemetry
        self._seen: Stamp | None = None
        self._key: SigningKey | None = None
        self.bound = 0
        """Seconds for which a token of the active key lives at most: by that the ring knows how long it is needed."""
        self.lifetime = 0
        """Seconds: the longest life of a token that one of the keys signed which are still kept."""
        self._found = self._refused(Unusable("Unchecked"))

    @property
    def active(self) -> SigningKey:
        """Raises ``NoSigningKey``."""
        if self._key is None:
            raise NoSigningKey
        return self._key

    def changed(self) -> bool:
        return self._directory.stamp() != self._seen

    async def check(self) -> Finding:
        if self.changed():
            self._found = await self._looked()
        return self._found

    async def close(self) -> None:
        return None

    async def _looked(self) -> Finding:
        stamp = self._directory.stamp()
        try:
            stamp, files = self._directory.read()
            # to check a key takes some 40 ms
            self._key, self.bound, self.lifetime = await asyncio.to_thread(_active, files)
        except Unusable as error:
            self._telemetry.reload_refused(_NAME)
            return self._refused(error)
        finally:
            self._seen = stamp
        self._telemetry.reloaded(_NAME, clock.now().timestamp())
        return findings.reached(_NAME, does="hold an active key", secret=SECRET)

    def _refused(self, error: Unusable) -> Finding:
        return findings.refused(_NAME, error, state="degraded" if self._key else "down", secret=SECRET)


def _active(files: Mapping[str, bytes]) -> tuple[SigningKey, int, int]:
    """The key that signs, and the longest life of a token of it and of any. Raises ``Unusable``."""
    if ring_document.RING_FILE not in files:
        raise Unusable("FileMissing", ring_document.RING_FILE)
    try:
        stored = ring_document.parsed(files)
    except ring_document.UnreadableRing as error:
        raise Unusable("FileInvalid", str(error)) from None
    active = stored.ring.active
    if active is None:
        raise Unusable("FileMissing", f"{ring_document.RING_FILE} names no active key")
    if active.kid not in stored.pems:
        raise Unusable("FileInvalid", f"the active key's file {active.kid}.pem is missing or is not its own")
    private_key = load_pem_private_key(stored.pems[active.kid], password=None)
    if not isinstance(private_key, RSAPrivateKey):
        raise Unusable("FileInvalid", f"{active.kid}.pem is no RSA key")
    return SigningKey(active.kid, private_key), active.lifetime, max(key.lifetime for key in stored.ring.keys)
