"""Leadership by a ``coordination.k8s.io/Lease``: one process writes, the others stand by.

Source: client-go ``tools/leaderelection``. Clocks of other machines are never compared with ours: a lease counts as
expired when *we* have seen no change of it for its duration.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from novacron.adapters import clock
from novacron.adapters.kube import ApiError, Conflict, Failed, Kube, NotFound, NotLeading, Unreachable
from novacron.core import kinds, labels
from novacron.core.manifest import Manifest

_log = structlog.get_logger(__name__)

DURATION = 15.0
"""Seconds after which a standby takes a lease that was not renewed."""
RENEW_DEADLINE = 10.0
"""Seconds without a successful renewal after which the leader gives up by itself."""
RETRY = 2.0
_MARGIN = 2.0
"""Seconds before the lease's end after which no write may start: a write in flight must not outlive the lease."""


class Leadership:
    """The lease of one process. ``kube`` must not be gated by ``permit``: the lease is written by standbys too."""

    def __init__(
        self,
        kube: Kube,
        namespace: str,
        identity: str,
        monotonic: Callable[[], float] = clock.elapsed,
    ) -> None:
        self._kube = kube
        self._namespace = namespace
        self._identity = identity
        self._monotonic = monotonic
        self._renewed = float("-inf")
        self._seen: tuple[str, float] = ("", float("-inf"))
        self._leading = False
        self._answering_since: float | None = None
        self.problem = ""

    @property
    def leading(self) -> bool:
        return self._leading and self._monotonic() < self._renewed + DURATION - _MARGIN

    def permit(self) -> float:
        """Seconds until the lease ends unless renewed. Raises ``NotLeading`` where no write may start or go on."""
        if not self.leading:
            raise NotLeading("this process does not hold the lease")
        return self._renewed + DURATION - self._monotonic()

    def overdue(self) -> float:
        """Seconds since the last renewal of a leader; 0 for a standby."""
        return max(0.0, self._monotonic() - self._renewed) if self._leading else 0.0

    def _answered(self) -> None:
        if self._answering_since is None:
            self._answering_since = self._monotonic()

    def answering(self) -> float:
        """Seconds for which the API server has answered without a break; 0 while it does not."""
        return 0.0 if self._answering_since is None else self._monotonic() - self._answering_since

    async def acquired(self) -> None:
        """Returns once this process leads."""
        while True:
            if await self._attempt():
                return
            await asyncio.sleep(RETRY)

    async def lost(self) -> None:
        """Renews, and returns once the lease was lost or could not be renewed in time."""
        while True:
            await asyncio.sleep(max(0.1, min(RETRY, self._remaining())))
            remaining = self._remaining()
            try:
                async with asyncio.timeout(max(remaining, 0.1)):
                    held = await self._attempt()
            except TimeoutError:
                held = False
            if not self._leading or (not held and self._remaining() <= 0):
                self._leading = False
                return

    def _remaining(self) -> float:
        """Seconds until renewing is given up."""
        return self._renewed + RENEW_DEADLINE - self._monotonic()

    async def release(self) -> None:
        """Lets a standby take over at once; what cannot be reached is left to expire."""
        if not self._leading:
            return
        self._leading = False
        try:
            lease = await self._kube.get(kinds.LEASE, self._namespace, labels.LEASE)
            if lease["spec"].get("holderIdentity") == self._identity:
                lease["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": self._now()}
                await self._kube.replace(kinds.LEASE, lease)
        except ApiError:
            return

    async def _attempt(self) -> bool:
        """One try to take or renew; False where another holds the lease or the API server did not answer."""
        started = self._monotonic()
        try:
            try:
                lease = await self._kube.get(kinds.LEASE, self._namespace, labels.LEASE)
                self._answered()
            except NotFound:
                self._answered()
                await self._kube.create(kinds.LEASE, self._fresh())
            else:
                if not self._may_take(lease):
                    self._leading = False
                    self.problem = ""
                    return False
                await self._kube.replace(kinds.LEASE, self._taken(lease))
        except ApiError as error:
            if isinstance(error, Conflict):
                return False
            self.problem = f"the lease {self._namespace}/{labels.LEASE} cannot be kept: {error}"
            if isinstance(error, Unreachable | Failed):
                self._answering_since = None
            _log.warning("lease not written", error=str(error))
            return False
        self.problem = ""
        self._leading, self._renewed = True, started
        return True

    def _may_take(self, lease: Manifest) -> bool:
        spec = lease.get("spec", {})
        holder = spec.get("holderIdentity", "")
        version = lease["metadata"]["resourceVersion"]
        if version != self._seen[0]:
            self._seen = (version, self._monotonic())
        expired = self._monotonic() >= self._seen[1] + float(spec.get("leaseDurationSeconds") or DURATION)
        return holder in ("", self._identity) or expired

    def _fresh(self) -> Manifest:
        now = self._now()
        return {
            "apiVersion": kinds.LEASE.api_version,
            "kind": kinds.LEASE.kind,
            "metadata": {"name": labels.LEASE, "namespace": self._namespace},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": int(DURATION),
                "acquireTime": now,
                "renewTime": now,
                "leaseTransitions": 0,
            },
        }

    def _taken(self, lease: Manifest) -> Manifest:
        spec = lease.get("spec", {})
        changes = {"holderIdentity": self._identity, "leaseDurationSeconds": int(DURATION), "renewTime": self._now()}
        if spec.get("holderIdentity") != self._identity:
            changes |= {"acquireTime": self._now(), "leaseTransitions": int(spec.get("leaseTransitions") or 0) + 1}
        return {**lease, "spec": {**spec, **changes}}

    def _now(self) -> str:
        return clock.precise_timestamp(clock.now())
