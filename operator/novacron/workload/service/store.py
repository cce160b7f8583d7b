"""A datastore with mounted credentials: tried before they are used, and never given up for ones that do not work.

State of one store: the login in use, if any, with a connection that proves it; and what is mounted. New files are tried
with one connection of their own. If that works, the store adopts them; else it goes on with what it has and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

from novacron.adapters import clock
from novacron.adapters.mounted import Mounted, Stamp
from novacron.core.dependencies import Finding, State, Unusable
from novacron.workload.service import findings
from novacron.workload.service.telemetry import Telemetry

L = TypeVar("L")
"""A login."""
L_contra = TypeVar("L_contra", contravariant=True)

_RENEW_SECONDS = 60.0
"""After so long the proof is made anew: a connection outlives the password that it was made with."""


class Probe(Protocol):
    """One connection, to ask through. Both raise ``Unusable``."""

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


class Store(Protocol[L_contra]):
    """A datastore's connections, whoever logs in."""

    async def open(self, login: L_contra) -> Probe:
        """A connection of its own with a login; raises ``Unusable`` where that is refused."""

    async def adopt(self, login: L_contra) -> None:
        """New connections use a login from now on; those of the one before end with the work that runs on them."""

    async def recover(self) -> None:
        """Puts away connections that broke."""

    async def close(self) -> None: ...


class StoreDependency(Generic[L]):
    """Keeps a store on a login that works.

    Args:
        where: host and port.
        mounted: folder of the credentials; none: there are no credentials.
        login: what a folder's files mean; raises ``Unusable``.
        required: whether the process is not ready without it.
    """

    def __init__(
        self,
        name: str,
        secret: str,
        where: str,
        store: Store[L],
        mounted: Mounted | None,
        login: Callable[[Mapping[str, bytes]], L],
        telemetry: Telemetry,
        *,
        required: bool = True,
    ) -> None:
        self.name, self.secret, self.required = name, secret, required
        self._where = where
        self._store = store
        self._mounted = mounted
        self._read = login
        self._telemetry = telemetry
        self._tried: Stamp | None = None
        """Stamp of the files that were tried last."""
        self._refusal: Unusable | None = None
        """Why those are not in use; none: they are."""
        self._login: L | None = None
        self._probe: Probe | None = None
        self._proved = 0.0

    def changed(self) -> bool:
        return self._stamp() != self._tried

    async def check(self) -> Finding:
        if self._login is None or self._refusal is not None or self.changed():
            await self._try_mounted()
        try:
            if self._login is None:
                raise self._refusal or Unusable("Unchecked")
            renewal = await self._proof(self._login)
        except Unusable as error:
            return self._refused(error)
        refusal = self._refusal or renewal
        if refusal is not None:
            return self._refused(refusal, "degraded")
        return findings.reached(self.name, required=self.required, secret=self.secret)

    def _refused(self, error: Unusable, state: State = "down") -> Finding:
        return findings.refused(
            self.name, error, state=state, where=self._where, required=self.required, secret=self.secret
        )

    async def close(self) -> None:
        if self._probe is not None:
            await self._probe.close()
        await self._store.close()

    def _stamp(self) -> Stamp:
        return self._mounted.stamp() if self._mounted else ()

    async def _try_mounted(self) -> None:
        """What is mounted comes into use, or ``_refusal`` says why it does not."""
        news = self.changed()
        try:
            stamp, files = self._mounted.read() if self._mounted else ((), {})
        except Unusable as error:
            self._tried, self._refusal = self._stamp(), error
        else:
            self._tried, self._refusal = stamp, await self._try_login(files)
        if self._refusal is not None and news:
            self._telemetry.reload_refused(self.name)

    async def _try_login(self, files: Mapping[str, bytes]) -> Unusable | None:
        try:
            login = self._read(files)
            if login == self._login:
                return None
            probe = await self._store.open(login)
        except Unusable as error:
            return error
        try:
            await self._store.adopt(login)
        except BaseException:
            await probe.close()
            raise
        before, self._probe, self._login = self._probe, probe, login
        self._proved = clock.monotonic()
        self._telemetry.reloaded(self.name, clock.now().timestamp())
        if before is not None:
            await before.close()
        return None

    async def _proof(self, login: L) -> Unusable | None:
        """Asks through the probe, and makes it anew where it broke or is old.

        Returns:
            Why a new connection is refused while the old one works.

        Raises:
            Unusable: neither works.
        """
        if not await self._probed():
            await self._renew(login)
            await self._store.recover()
            return None
        if clock.monotonic() - self._proved > _RENEW_SECONDS:
            try:
                await self._renew(login)
            except Unusable as error:
                return error
        return None

    async def _probed(self) -> bool:
        try:
            if self._probe is not None:
                await self._probe.ping()
        except Unusable:
            return False
        return self._probe is not None

    async def _renew(self, login: L) -> None:
        probe = await self._store.open(login)
        before, self._probe = self._probe, probe
        self._proved = clock.monotonic()
        if before is not None:
            await before.close()
