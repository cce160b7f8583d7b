"""SIGKILL between any two writes: whatever prefix of them got through, the next operator ends in the same state.

The proxy lets writes pass one by one, kills the operator before the first or right after the n-th, for every n, and
lets nothing pass afterwards. The lease of the dead is removed: its 15 s are the business of outages.py.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import pytest

from novacron.core import labels, names
from novacron.core.manifest import Ref
from tests.support import jobs
from tests.support.api_calls import Call
from tests.support.api_client import Client, Manifest
from tests.support.fault_proxy import FaultProxy
from tests.support.installation import make_home
from tests.support.place import Place
from tests.support.resources import minimal
from tests.support.waiting import until
from tests.support.zygote import Forked, Zygote

_FIRST: dict[str, Any] = {
    "version": "v1.0.0",
    "ml": {"enabled": True},
    "api": {"autoscaling": {"enabled": True}},
    "exposure": None,
}
_SECOND: dict[str, Any] = {
    "version": "v2.0.0",
    "ml": {"enabled": False},
    "api": {"autoscaling": {"enabled": False}},
    "exposure": {"type": "Gateway", "hosts": ["a.example.com"], "gateway": {"name": "g", "namespace": "gateways"}},
}
"""Going from one to the other creates, changes, prunes and hands replicas over."""
_WORKERS = 3
_UNTIL = 120.0
"""Seconds; three operators start at once, again and again."""


class Course:
    """One namespace with its proxy, through which operators go and die."""

    def __init__(self, client: Client, account: Path, directory: Path, zygote: Zygote, name: str) -> None:
        self.proxy = FaultProxy(account, directory / name)
        self._client = client
        self._zygote = zygote
        self._name = name
        self._starts = 0
        self.place = Place(client, self.proxy)
        make_home(client, self.place.namespace)

    def start(self) -> Forked:
        self._client.delete("Lease", self.place.namespace, "novacron-operator")
        self._starts += 1
        return self._zygote.start(self.proxy.kubeconfig, self.place.namespace, f"{self._name}-{self._starts}")

    def killed_at(self, nth: int, when: Literal["before", "after"], done: Callable[[], bool] = lambda: True) -> bool:
        """Runs an operator until its n-th write; False where it has nothing more to write.

        Args:
            done: whether the pass that ended was the last one of interest.
        """
        running: Forked | None = None

        def kill() -> None:
            assert running is not None
            running.kill()

        trap = self.proxy.at_write(nth, when, kill)
        before = self.place.mark()
        running = self.start()
        try:
            until(lambda: trap.sprung or (self._reported(before) and done()), "killed, or done", _UNTIL)
            if trap.seen >= nth:  # it answers the very write that is reported
                until(lambda: trap.sprung, "the trap springs", _UNTIL)
            assert trap.sprung or running.alive(), f"it ended by itself:\n{running.last_words()}"
            return trap.sprung
        finally:
            running.kill()
            self.proxy.reopen()

    def _reported(self, mark: int) -> bool:
        """Whether a pass ended: the status is its last write, and a pass without it is a second one."""
        written = [call for call in self.proxy.journal.since(mark) if call.subresource == "status" and call.code]
        return bool(written)

    def _observed(self) -> bool:
        body = self.place.novacron()
        return bool(body.get("status", {}).get("observedGeneration") == body["metadata"]["generation"])

    def converged(self) -> tuple[dict[Ref, Manifest], list[Call]]:
        """Runs another operator until a pass writes nothing: the children, and what it wrote.

        The Deployments of auth and query come only once the migration has succeeded: they are among the children, and
        what was written for them is left out, for no operator is killed in that part.
        """
        before = self.place.mark()
        running = self.start()
        try:
            until(lambda: self.place.passes(before) or not running.alive(), "a pass begins", _UNTIL)
            assert running.alive(), f"it ended by itself:\n{running.last_words()}"
            # an API server that starts refuses the first passes, and a pass that makes a key writes nothing for a while
            until(self._observed, "the resource was acted on", _UNTIL)
            self.place.until_quiet(seconds=_UNTIL)
            written = self.place.writes(before, events=True)
            jobs.play(self._client, self.place.namespace)
            self.place.until_quiet(seconds=_UNTIL)
            return normal(self.place.children()), written
        finally:
            running.kill()


def normal(children: Mapping[Ref, Manifest]) -> dict[Ref, Manifest]:
    """What must be the same whatever happened on the way: no times, uids, addresses, replicas before an HPA acts."""
    copied = {child.name + child.kind: copy.deepcopy(item) for child, item in children.items()}
    kept: dict[Ref, Manifest] = {}
    for child, item in zip(children, copied.values(), strict=True):
        item.pop("status", None)
        meta = item["metadata"]
        item["metadata"] = {"labels": meta["labels"], "owners": len(meta["ownerReferences"])}
        if child.kind == "Service":
            for key in ("clusterIP", "clusterIPs"):
                item["spec"].pop(key)
        if "jwks.json" in item.get("data", {}):
            item["data"]["jwks.json"] = len(json.loads(item["data"]["jwks.json"])["keys"])
        if child.kind == "Deployment":
            item["spec"].pop("replicas")
            item["spec"]["template"]["metadata"]["annotations"].pop(labels.CONFIG_CHECKSUM)
        if child.kind == "Job":
            item["spec"].pop("selector")
            item["spec"]["template"]["metadata"].pop("labels")
        if child.kind == "CronJob":
            item["spec"].pop("schedule")  # each namespace has its own
        kept[Ref(child.kind, "", child.name)] = item
    return kept


@pytest.fixture(scope="module")
def new_course(
    client: Client, account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Course]]:
    directory = tmp_path_factory.mktemp("crashes")
    with Zygote(directory) as zygote:
        yield lambda name: Course(client, account, directory, zygote, name)


def _every(nth: int, workers: int, crash: Callable[[int], bool]) -> int:
    """Kills after ``nth`` writes, ``nth + workers`` and so on, until none is left; the last number that was hit."""
    while crash(nth):
        nth += workers
    return nth - workers


def _in_parallel(workers: int, crashes: Callable[[int], Callable[[int], bool]]) -> list[int]:
    """The last numbers that were hit, by worker: worker k takes every workers-th from k on."""
    with ThreadPoolExecutor(workers) as pool:
        futures: list[Future[int]] = [
            pool.submit(_every, number, workers, crashes(number)) for number in range(workers)
        ]
        return sorted(future.result() for future in futures)


def _written_again(first: list[Call], second: list[Call]) -> list[str]:
    """Children that both operators wrote. The hand-over of replicas is a second write to the same Deployment."""
    done = {(call.resource, call.name) for call in first if call.code and call.code < 300}
    again = [call for call in second if (call.resource, call.name) in done and not call.resource.startswith("events")]
    return [str(call) for call in again if call.subresource != "status" and call.resource != "deployments.apps"]


@pytest.mark.timeout(900)
def test_creation_killed_at_every_write(new_course: Callable[[str], Course]) -> None:
    with (whole := new_course("whole")).proxy:
        whole.place.submit(minimal(namespace=whole.place.namespace))
        expected, writes = whole.converged()
    total = len([call for call in writes if call.subresource != "status"]) + 1

    def crash(nth: int) -> bool:
        course = new_course(f"creation-{nth}")
        with course.proxy:
            course.place.submit(minimal(namespace=course.place.namespace))
            killed = course.killed_at(max(nth, 1), "after" if nth else "before")
            first = course.place.writes(0)
            children, second = course.converged()
            assert localized(children, course.place) == localized(expected, whole.place), f"killed at write {nth}"
            assert _written_again(first, second) == [], f"killed at write {nth}"
            return killed

    hit = _in_parallel(_WORKERS, lambda _number: crash)
    assert set(hit) == set(range(total - _WORKERS + 1, total + 1)), (hit, total)


def localized(children: Mapping[Ref, Manifest], place: Place) -> dict[Ref, Manifest]:
    """With the namespace's own name replaced, which settings and rules mention."""
    text = json.dumps([children[child] for child in sorted(children)], sort_keys=True).replace(place.namespace, "here")
    text = re.sub(
        r'(\\"uid\\": *\\")novacron-[0-9a-f]+', r"\1novacron", text
    )  # of a dashboard: a hash of the namespace
    return dict(zip(sorted(children), json.loads(text), strict=True))


@pytest.mark.timeout(900)
def test_changes_killed_at_every_write(new_course: Callable[[str], Course]) -> None:
    """To and fro between two resources that differ in version, workloads, autoscaling and exposure."""
    specs = (_FIRST, _SECOND)
    expected: list[dict[Ref, Manifest]] = []
    with (whole := new_course("changes")).proxy:
        whole.place.submit(minimal(namespace=whole.place.namespace))
        for spec in (*specs, specs[0]):
            whole.place.edit(spec)
            expected.append(localized(whole.converged()[0], whole.place))
    del expected[0]  # from here on the Job of the other version is there too: the one to go back to
    expected.reverse()
    assert expected[0].keys() - expected[1].keys()
    assert expected[1].keys() - expected[0].keys()
    open_courses = contextlib.ExitStack()

    def crashes(worker: int) -> Callable[[int], bool]:
        course = new_course(f"change-{worker}")
        open_courses.enter_context(course.proxy)
        course.place.submit(minimal(namespace=course.place.namespace))
        course.place.edit(specs[0])
        course.converged()

        def crash(nth: int) -> bool:
            killed = []
            for index in (1, 0):
                course.place.edit(specs[index])
                killed.append(course.killed_at(max(nth, 1), "after" if nth else "before"))
                children, _writes = course.converged()
                assert localized(children, course.place) == expected[index], f"killed at write {nth}"
            return any(killed)

        return crash

    with open_courses:
        hit = _in_parallel(_WORKERS, crashes)
    assert min(hit) >= 30, hit
    assert max(hit) - min(hit) < _WORKERS, hit


def _ring(place: Place) -> list[Manifest]:
    """The keys of the ring, as the Secret has them now."""
    secret = place.child("Secret", names.SIGNING_KEYS)
    found: list[Manifest] = json.loads(base64.b64decode(secret["data"]["ring.json"]))["keys"]
    return found


def _shown(place: Place) -> set[str]:
    return {key["kid"] for key in json.loads(place.child("ConfigMap", "novacron-jwks")["data"]["jwks.json"])["keys"]}


def _states(keys: list[Manifest]) -> dict[str, str]:
    return {key["kid"]: key["state"] for key in keys}


@pytest.mark.timeout(900)
def test_a_rotation_killed_at_every_write(new_course: Callable[[str], Course]) -> None:
    """At every moment one key signs, all know it, and no key that ever signed is lost; each request acts once."""
    with (course := new_course("rotation")).proxy:
        place = course.place
        place.submit(minimal(namespace=place.namespace, auth={"jwt": {"jwksMaxAge": "0s"}}))
        course.converged()
        killed, nth = True, 0
        while killed:
            before = _states(_ring(place))
            place.annotate(**{labels.ROTATE_SIGNING_KEY: f"crash {nth}"})

            def rotated(before: dict[str, str] = before) -> bool:
                return len(_ring(place)) > len(before) and "next" not in _states(_ring(place)).values()

            killed = course.killed_at(max(nth, 1), "after" if nth else "before", rotated)
            left = _states(_ring(place))
            assert before.keys() <= left.keys(), f"killed at write {nth}"
            (signing,) = (kid for kid, state in left.items() if state == "active")
            assert signing in _shown(place), f"killed at write {nth}"
            course.converged()
            until(rotated, "the rotation ends", 30)
            course.converged()
            after = _states(_ring(place))
            assert set(after) == _shown(place)
            assert len(after) == len(before) + 1, f"killed at write {nth}: acted on once"
            assert sorted(after.values()) == ["active", *["retired"] * len(before)]
            nth += 1
        assert nth > 6, nth
