"""The public signing keys as a dependency: the mounted file, read again when it changes. There may be none yet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from novacron.adapters import clock
from novacron.adapters.mounted import Directory, Stamp
from novacron.auth.domain.key_set import InvalidKeySet, KeySet
from novacron.auth.domain.token import TokenRules, Validator
from novacron.auth.service.settings import TokenSettings
from novacron.auth.service.verified import VerifiedTokens
from novacron.core.dependencies import Finding, Unusable
from novacron.workload.service import findings
from novacron.workload.service.telemetry import Telemetry

_NAME = "jwks"


class KeySetFile:
    """Gives tokens their judge. A file that cannot be used changes nothing: the last keys stay, and it is told.

    Args:
        path: the set of keys (RFC 7517), mounted.
        tokens: judged by the keys from now on.
    """

    name, secret = _NAME, ""

    def __init__(self, path: Path, token: TokenSettings, tokens: VerifiedTokens, telemetry: Telemetry) -> None:
        self._path = path
        self._directory = Directory(path.parent)
        self._min_bits = token.min_key_size
        self._rules = TokenRules(token.issuer, token.audience, token.clock_skew_seconds, token.max_age_seconds)
        self._tokens = tokens
        self._telemetry = telemetry
        self._seen: Stamp | None = None
        self._content: bytes | None = None
        """Of the keys in use."""
        self._found = findings.refused(_NAME, Unusable("Unchecked"))

    @property
    def required(self) -> bool:
        """A pod that has keys serves on with them."""
        return self._content is None

    def changed(self) -> bool:
        return self._directory.stamp() != self._seen

    async def check(self) -> Finding:
        if self.changed():
            self._found = self._looked()
        return self._found

    async def close(self) -> None:
        return None

    def _looked(self) -> Finding:
        self._seen = self._directory.stamp()
        try:
            self._seen, files = self._directory.read()
            self._take(files.get(self._path.name))
        except Unusable as error:
            self._telemetry.reload_refused(_NAME)
            found = findings.refused(_NAME, error, required=self.required)
            return found if self.required else replace(found, message=f"{found.message}; the last ones stay in use")
        self._telemetry.reloaded(_NAME, clock.now().timestamp())
        return findings.reached(_NAME, does="is there")

    def _take(self, content: bytes | None) -> None:
        if content is None:
            raise Unusable("FileMissing", str(self._path))
        if content == self._content:
            return
        try:
            keys = KeySet.parse(content, self._min_bits)
        except InvalidKeySet as error:
            raise Unusable("FileInvalid", f"{self._path}: {error}") from None
        self._tokens.adopt(Validator(keys, self._rules) if keys.keys else None)
        self._content = content
