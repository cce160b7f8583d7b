"""Follows policies, pods and namespaces and keeps the kernel's rules equal to what they say.

Runs in the network namespace of the node. What is applied stays in the kernel when the API server or this process goes:
pods that are known stay as isolated as they were.

The race that every engine has: the API learns a pod's address only after its containers may have started, about a
second later. With a pod network given, traffic of an address that no known pod has is dropped meanwhile (while any
policy exists): a new pod's first connection waits for its repetition, and is never let through by mistake. Without one,
a new pod is free until it is known.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network
from pathlib import Path

import aiohttp

from novacron.adapters.credentials import Credentials
from novacron.core import kinds
from tests.support.api_client import KINDS
from tests.support.netpol import manifests
from tests.support.netpol.compile import compiled
from tests.support.netpol.follow import Follower
from tests.support.netpol.model import World
from tests.support.netpol.nft import Nft, NftError
from tests.support.netpol.state import BEAT, State

_DEBOUNCE = 0.05
"""Seconds in which changes are gathered: a rollout brings many at once."""
_BRIDGED = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")


@dataclass(slots=True)
class Enforcer:
    """Args:
    state: the file for ``wait_in_force``.
    pod_network: see ``World``.
    """

    credentials: Credentials
    nft: Nft
    state: Path
    pod_network: IPv4Network | None
    _followers: tuple[Follower, ...] = ()
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _since: float = 0.0
    _applied: str = ""
    _current: State = field(default_factory=State)

    async def run(self) -> None:
        """Until cancelled."""
        print(_judge_bridges(), flush=True)
        connector = aiohttp.TCPConnector(ssl=self.credentials.tls())
        async with aiohttp.ClientSession(self.credentials.server, connector=connector) as session:
            self._followers = tuple(
                Follower(session, self.credentials, kind, self._changed)
                for kind in (KINDS["NetworkPolicy"], kinds.POD, KINDS["Namespace"])
            )
            async with asyncio.TaskGroup() as tasks:
                for follower in self._followers:
                    tasks.create_task(follower.run())
                tasks.create_task(self._enforce())

    def _changed(self) -> None:
        if not self._news.is_set():
            self._since = time.monotonic()
            self._news.set()

    async def _enforce(self) -> None:
        while True:
            try:
                await asyncio.wait_for(self._news.wait(), BEAT)
            except TimeoutError:
                pass
            else:
                await asyncio.sleep(_DEBOUNCE)
                since, self._since = self._since, 0.0
                self._news.clear()
                await self._catch_up(since)
            self._current = replace(self._current, written=time.time())
            self._current.write(self.state)

    async def _catch_up(self, since: float) -> None:
        problems = "; ".join(follower.problem for follower in self._followers if follower.problem)
        self._current = replace(self._current, problem=problems)
        if not all(follower.synced for follower in self._followers):
            return
        versions = {follower.kind.kind: follower.version for follower in self._followers}
        policies, pods, namespaces = (follower.objects.values() for follower in self._followers)
        world = manifests.world(policies, pods, namespaces, self.pod_network)
        try:
            await self._apply(world, since)
        except NftError as error:
            self._current = replace(self._current, problem=str(error))
            print(f"not applied, the rules before stay in force: {error}", flush=True)
            await asyncio.sleep(BEAT)
            self._changed()
            return
        self._current = replace(
            self._current,
            versions=versions,
            policies=tuple(f"{policy.namespace}/{policy.name}" for policy in world.policies),
            pods={f"{pod.namespace}/{pod.name}": str(pod.address) for pod in world.pods},
        )

    async def _apply(self, world: World, since: float) -> None:
        text = compiled(world)
        if text == self._applied:
            return
        started = time.monotonic()
        await self.nft.apply(text)
        ended = time.monotonic()
        self._applied = text
        self._current = replace(self._current, generation=self._current.generation + 1)
        print(
            f"generation {self._current.generation}: {len(world.policies)} policies, {len(world.pods)} pods,"
            f" {len(text.splitlines())} lines; applied in {(ended - started) * 1000:.0f} ms,"
            f" {(ended - since) * 1000:.0f} ms after the first change",
            flush=True,
        )


def _judge_bridges() -> str:
    """Sends what one bridge passes between two pods through the same hooks as routed traffic; says what that means."""
    try:
        _BRIDGED.write_text("1")
    except OSError as error:
        return (
            f"pods on one bridge are NOT judged: {_BRIDGED}: {error.strerror}; use a ptp network, or load br_netfilter"
        )
    return "pods on one bridge are judged as well"
