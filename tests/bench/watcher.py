"""One watcher as a process of its own, for the case watches: ``python -m tests.bench.watcher WAY KUBECONFIG COUNT``.

Prints one line of JSON when it has seen COUNT objects, then stays until it is killed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from novacron.adapters import credentials, logs
from novacron.adapters.kube import Kube
from novacron.adapters.reflector import Reflector
from novacron.core import kinds

WAYS = ("kopf", "selected")
_EVERY = 0.01


def _tell(started: float) -> None:
    print(json.dumps({"seconds": time.monotonic() - started}), flush=True)


def _ignore(*_what: str) -> None:
    """The queue's place."""


async def _selected(kubeconfig: str, count: int) -> None:
    """Ours: selected by label on the server, metadata only, a few bytes kept for each."""
    async with Kube(credentials.from_kubeconfig(kubeconfig)) as kube:
        started = time.monotonic()
        reflector = Reflector(kube, kinds.CONFIG_MAP, "", _ignore, _ignore)
        running = asyncio.create_task(reflector.run())
        while len(reflector) < count:  # noqa: ASYNC110 - the reflector has no word for it
            await asyncio.sleep(_EVERY)
        _tell(started)
        await running


async def _kopf(kubeconfig: str, count: int) -> None:
    """kopf's own: every object in full, and a filter in the client."""
    import kopf

    found = credentials.from_kubeconfig(kubeconfig)
    registry = kopf.OperatorRegistry()
    seen = 0
    started = time.monotonic()

    @kopf.on.login(registry=registry)
    def login(**_: Any) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(
            server=found.server,
            ca_path=found.ca_file,
            certificate_path=found.client_certificate,
            private_key_path=found.client_key,
        )

    @kopf.on.event("configmaps", registry=registry)
    async def event(**_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == count:
            _tell(started)

    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.watching.chunk_size = 500
    await kopf.operator(registry=registry, settings=settings, standalone=True, clusterwide=True)


if __name__ == "__main__":
    logs.configure("WARNING")
    _way, _kubeconfig, _count = sys.argv[1:]
    asyncio.run({"kopf": _kopf, "selected": _selected}[_way](_kubeconfig, int(_count)))
