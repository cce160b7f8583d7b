"""All objects of a kind, kept current by a list and a watch. What was known stays known while the API is away.

The product's reflector keeps only metadata, and its defects must not hide themselves here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp

from novacron.adapters.credentials import Credentials
from novacron.core.manifest import Kind
from tests.support.api_client import path

Manifest = dict[str, Any]

_AGAIN = 0.3
"""Seconds until the next try; an API server that comes back is to be heard soon."""
_STREAM_SECONDS = 300
_LONGEST_LINE = 4 * 1024 * 1024
_LISTED = aiohttp.ClientTimeout(total=15)
_FOLLOWED = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=_STREAM_SECONDS + 30)


class Lost(Exception):
    """The API server did not answer as it should; the text says how."""


class Follower:
    """One kind in all namespaces.

    Args:
        changed: called after each change, and when ``problem`` changes.
    """

    def __init__(
        self, session: aiohttp.ClientSession, credentials: Credentials, kind: Kind, changed: Callable[[], None]
    ) -> None:
        self.kind = kind
        self.objects: Mapping[tuple[str, str], Manifest] = {}
        self.version = 0
        self.synced = False
        self.problem = ""
        self._session = session
        self._credentials = credentials
        self._changed = changed

    async def run(self) -> None:
        while True:
            try:
                await self._list()
                while True:
                    await self._watch()
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError, Lost) as error:
                self.problem = f"{self.kind.plural}: {str(error) or type(error).__name__}"
                self._changed()
            await asyncio.sleep(_AGAIN)

    async def _list(self) -> None:
        headers = self._credentials.headers()
        async with self._session.get(path(self.kind.kind), headers=headers, timeout=_LISTED) as response:
            if response.status != 200:
                raise Lost(f"list answered {response.status}")
            page = await response.json()
        self.objects = {_key(item): item for item in page["items"]}
        self.version = int(page["metadata"]["resourceVersion"])
        self.synced, self.problem = True, ""
        self._changed()

    async def _watch(self) -> None:
        """One stream, until the server ends it."""
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": str(self.version),
            "timeoutSeconds": str(_STREAM_SECONDS),
        }
        async with self._session.get(
            path(self.kind.kind),
            params=query,
            headers=self._credentials.headers(),
            timeout=_FOLLOWED,
            read_bufsize=_LONGEST_LINE,
        ) as response:
            if response.status != 200:
                raise Lost(f"watch answered {response.status}")
            async for line in response.content:
                self._see(json.loads(line))
        await asyncio.sleep(0)  # a server that ends each stream at once must not starve the others

    def _see(self, event: Manifest) -> None:
        item = event["object"]
        if event["type"] == "ERROR":
            raise Lost(f"watch ended with {item.get('code')} {item.get('reason')}")
        self.version = int(item["metadata"]["resourceVersion"])
        if event["type"] == "DELETED":
            self.objects = {key: known for key, known in self.objects.items() if key != _key(item)}
        elif event["type"] != "BOOKMARK":
            self.objects = {**self.objects, _key(item): item}
        self._changed()


def _key(item: Manifest) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]
