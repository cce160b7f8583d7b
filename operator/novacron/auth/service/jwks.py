"""``GET /.well-known/jwks.json``: the public keys, as they are mounted (RFC 7517). Anybody may have them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import orjson
from starlette.requests import Request
from starlette.responses import Response

from novacron.adapters.mounted import Directory, Stamp
from novacron.auth.service import permissions
from novacron.core.dependencies import Unusable
from novacron.workload.service import answers
from novacron.workload.service.answers import Refusal
from novacron.workload.service.operations import Operation

PATH = "/.well-known/jwks.json"
_MEDIA_TYPE = "application/jwk-set+json"
_PUBLIC = ("kty", "n", "e", "kid", "alg", "use")
"""All that ever leaves this process of a key, whatever the file holds."""


class PublicKeySet(answers.Sent):
    keys: list[dict[str, str]]


class PublishedKeys:
    """The operation.

    Args:
        path: the set of keys, mounted.
        max_age: seconds for which others may keep it.
    """

    def __init__(self, path: Path, max_age: int) -> None:
        self._directory = Directory(path.parent)
        self._file = path.name
        self._max_age = max_age
        self._seen: Stamp | None = None
        self._document = b""

    def operations(self) -> list[Operation]:
        summary = "The public keys of access tokens (RFC 7517)"
        headers = {"ETag": "For If-None-Match.", "Cache-Control": "For how long others may keep it."}
        return [
            Operation(
                "GET",
                PATH,
                self._keys,
                summary,
                permissions.OPEN,
                answer=PublicKeySet,
                answer_type=_MEDIA_TYPE,
                headers=headers,
            )
        ]

    async def _keys(self, request: Request) -> Response:
        document = self._current()
        tag = f'"{hashlib.sha256(document).hexdigest()[:32]}"'
        headers = {"ETag": tag, "Cache-Control": f"public, max-age={self._max_age}"}
        if _matches(request.headers.get("if-none-match", ""), tag):
            return Response(status_code=304, headers=headers)
        return Response(document, headers=headers, media_type=_MEDIA_TYPE)

    def _current(self) -> bytes:
        """What was good last stays where the file is not. Raises ``Refusal``."""
        if self._directory.stamp() != self._seen:
            try:
                self._seen, files = self._directory.read()
                self._document = _published(files.get(self._file, b"")) or self._document
            except Unusable:
                self._seen = None
        if not self._document:
            raise Refusal(503, "There are no keys yet; try again later.", {"Retry-After": "2"})
        return self._document


def _published(content: bytes) -> bytes:
    """Empty: there is no key in it."""
    try:
        keys = [{name: key[name] for name in _PUBLIC if name in key} for key in orjson.loads(content)["keys"]]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return b""
    return orjson.dumps({"keys": keys}) if keys else b""


def _matches(header: str, tag: str) -> bool:
    """RFC 9110, 13.1.2: a list of tags, or any; compared weakly."""
    tags = [one.strip().removeprefix("W/") for one in header.split(",")]
    return tag in tags or "*" in tags
