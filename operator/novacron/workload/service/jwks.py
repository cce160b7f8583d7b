"""The public signing keys as a dependency: a mounted file that must be a set of keys. There may be none yet."""

from __future__ import annotations

from pathlib import Path

import orjson

from novacron.adapters import clock
from novacron.adapters.mounted import Directory, Stamp
from novacron.core.dependencies import Finding, Unusable
from novacron.workload.service import findings
from novacron.workload.service.telemetry import Telemetry

_NAME = "jwks"


class KeySetFile:
    """Looks at the file again when it changes."""

    name, required, secret = _NAME, True, ""

    def __init__(self, path: Path, telemetry: Telemetry) -> None:
        self._path = path
        self._directory = Directory(path.parent)
        self._telemetry = telemetry
        self._seen: Stamp | None = None
        self._found = findings.refused(_NAME, Unusable("Unchecked"))

    def changed(self) -> bool:
        return self._directory.stamp() != self._seen

    async def check(self) -> Finding:
        if self.changed():
            self._found = self._looked()
        return self._found

    async def close(self) -> None:
        return None

    def _looked(self) -> Finding:
        try:
            self._seen, files = self._directory.read()
            self._judge(files.get(self._path.name))
        except Unusable as error:
            self._seen = self._directory.stamp()
            self._telemetry.reload_refused(_NAME)
            return findings.refused(_NAME, error)
        self._telemetry.reloaded(_NAME, clock.now().timestamp())
        return findings.reached(_NAME, does="is there")

    def _judge(self, content: bytes | None) -> None:
        if content is None:
            raise Unusable("FileMissing", str(self._path))
        try:
            document = orjson.loads(content)
        except orjson.JSONDecodeError:
            raise Unusable("FileInvalid", f"{self._path} is no JSON") from None
        if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
            raise Unusable("FileInvalid", f"{self._path} has no list of keys")
