"""A NovaCron whose pod of ml runs out of memory again and again: what is told, and what becomes of its limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from novacron.core.manifest import at
from tests.support.api_client import Manifest
from tests.support.living import Living
from tests.support.lodging import Lodging
from tests.support.node.memory import ContainerMemory
from tests.support.waiting import until

GIVEN, GROWN, MOST, EDITED = 128, 192, 200, 160
"""MiB: the resource's limit, the next one, what right-sizing may raise it to, and what a person sets it to at last."""
_ML = "ml"
_TRIAL_SECONDS = 120.0
"""For which the operator tries a limit (docs/decisions/0035)."""
_MOMENT = 60.0


@dataclass(frozen=True)
class Stage:
    """How it was when something had come about.

    Args:
        told: reason -> message of MemoryAdequate, all that was seen on the way.
        learned: status.ml.
        asked, limit: memory in the Deployment's template, request and limit.
        enforced: MiB that the kernel lets the pod have.
    """

    told: dict[str, str]
    learned: Manifest
    asked: str
    limit: str
    enforced: int


@dataclass
class Growth:
    """Its stages in order, once they have been watched."""

    living: Living
    small: Stage = field(init=False)
    grown: Stage = field(init=False)
    bounded: Stage = field(init=False)
    stopped: Stage = field(init=False)
    edited: Stage = field(init=False)

    def watch(self) -> Growth:
        """Some five minutes, of which the operator's patience is most."""
        with Lodging(self.living, _fitted) as lodging:
            lodging.until_ready()
            told = _Told(lodging)
            self._exhaust(lodging)
            self.small = self._stage(told, lambda: "LimitTooSmall" in told.now())
            lodging.edit({_ML: {"memory": {"rightSizing": {"enabled": True, "maxMemory": f"{MOST}Mi"}}}})
            self.grown = self._stage(told, lambda: self._runs_with(lodging, GROWN), _TRIAL_SECONDS)
            self._exhaust(lodging)
            self.bounded = self._stage(told, lambda: self._runs_with(lodging, MOST), _TRIAL_SECONDS)
            self._exhaust(lodging)
            self.stopped = self._stage(told, lambda: "LimitAtMost" in told.now())
            lodging.edit({_ML: {"resources": {"limits": {"memory": f"{EDITED}Mi"}}}})
            self.edited = self._stage(told, lambda: self._runs_with(lodging, EDITED))
        return self

    def _exhaust(self, lodging: Lodging) -> None:
        self._memory(lodging).exhaust()

    def _memory(self, lodging: Lodging) -> ContainerMemory:
        (pod,) = lodging.pods(_ML)
        return ContainerMemory(self.living.node.box, pod, _ML)

    def _runs_with(self, lodging: Lodging, limit: int) -> bool:
        """Whether the one pod that there is has this limit, and serves; and nothing else is to be told."""
        pods = lodging.pods(_ML)
        assert [one["spec"]["containers"][0]["resources"]["limits"]["memory"] for one in pods] == [f"{limit}Mi"]
        assert at(pods[0], "status", "containerStatuses", default=[{}])[0].get("ready"), pods[0]["status"]
        return bool(lodging.condition("MemoryAdequate").get("reason") == "MemoryAdequate")

    def _stage(self, told: _Told, done: Callable[[], bool], seconds: float = 0.0) -> Stage:
        def come() -> bool:
            told.now()
            return done()

        until(come, "the next stage of memory", _MOMENT + seconds, every=0.2)
        told.now()
        lodging = told.lodging
        deployment = lodging.client.get("Deployment", lodging.namespace, f"{lodging.name}-{_ML}")
        assert deployment is not None
        resources = deployment["spec"]["template"]["spec"]["containers"][0]["resources"]
        status, limits = lodging.resource()["status"], resources["limits"]
        # a container that has just been started again is not in the pod's status yet
        enforced = until(lambda: self._memory(lodging).usage().limit, "the pod's container runs", _MOMENT)
        return Stage(told.all(), status.get(_ML, {}), resources["requests"]["memory"], limits["memory"], enforced)


@dataclass
class _Told:
    """What MemoryAdequate says, from one stage to the next."""

    lodging: Lodging
    _seen: dict[str, str] = field(default_factory=dict)

    def now(self) -> dict[str, str]:
        """What it has said since the last stage, with what it says now."""
        found = self.lodging.condition("MemoryAdequate")
        if found:
            self._seen[found["reason"]] = found["message"]
        return self._seen

    def all(self) -> dict[str, str]:
        """The same, and a new stage begins."""
        seen, self._seen = self._seen, {}
        return seen


def _fitted(spec: dict[str, Any]) -> None:
    """ml alone, which waits for nobody."""
    for role in ("api", "auth", "query"):
        spec[role] = spec[role] | {"enabled": False}
    memory = {"memory": f"{GIVEN}Mi"}
    spec[_ML]["resources"] = {side: spec[_ML]["resources"][side] | memory for side in ("requests", "limits")}
