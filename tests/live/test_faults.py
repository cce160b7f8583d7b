"""Faults by which a watch of kopf dies or goes blind: the operator sees again, without a restart, soon.

The resource is Ready before each fault, so that no resync within minutes can hide a blind watch. What takes a minute or
more is in outages.py: it begins with the first test of this file, and the last ones ask for the verdicts. All in one
file, because a file is what one of several test processes runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future

import pytest

from tests.live.outages import SCENARIOS
from tests.live.seeing import CHILDREN, SOON, image_is, sees_everything
from tests.support.api_calls import to
from tests.support.arena import NOVACRONS, Arena
from tests.support.fault_proxy import Answer, Hold, Opening, error_event
from tests.support.place import small
from tests.support.waiting import lasting, until

pytestmark = pytest.mark.usefixtures("long_runs")  # they begin with the first test


@pytest.fixture
def settled(arena: Arena) -> Arena:
    return arena.settle()


@pytest.mark.parametrize("code", [500, 403, 410])
def test_an_error_in_every_stream(settled: Arena, code: int) -> None:
    pid = settled.operator.pid
    for stream in settled.proxy.streams():
        stream.error(code)
    sees_everything(settled)
    assert settled.operator.pid == pid


def test_streams_that_end_in_peace(settled: Arena) -> None:
    for stream in settled.proxy.streams():
        stream.end()
    sees_everything(settled)


def test_children_deleted_while_their_version_expired(settled: Arena) -> None:
    """410 after a gap in which DELETED was lost: only a comparison can find it."""
    stream = settled.stream(to("configmaps"))
    stream.stall()
    assert settled.client.delete("ConfigMap", settled.namespace, "novacron-jwks")
    stream.error(410)
    until(lambda: settled.client.get("ConfigMap", settled.namespace, "novacron-jwks"), "it is back", SOON)


def test_resources_that_came_and_went_while_their_version_expired(settled: Arena) -> None:
    """The first is deleted and a second created in the gap: the second takes the namespace over."""
    stream = settled.stream(to(NOVACRONS))
    stream.stall()
    assert settled.client.delete("NovaCron", settled.namespace, "novacron")
    settled.place.submit(small(settled.namespace, "second"))
    stream.error(410)
    until(lambda: settled.place.children("second"), "the second resource has children", SOON)


@pytest.mark.parametrize(
    "fault",
    [
        Answer(410, to(verbs=("watch",))),
        Answer(503, to(verbs=("watch",))),
        Opening((), to(verbs=("watch",))),
        Opening((error_event(500),), to(verbs=("watch",))),
        Opening((error_event(410),), to(verbs=("watch",))),
    ],
    ids=["410", "503", "ends-at-once", "error-at-once", "expired-at-once"],
)
def test_a_server_that_breaks_every_watch_is_not_hammered(settled: Arena, fault: Answer | Opening) -> None:
    """In 10 s a kind is listed and watched a few times, not hundreds; and afterwards all is seen again."""
    window = 10.0
    with settled.proxy.fault(fault):
        for stream in settled.proxy.streams():
            stream.end()
        before = settled.proxy.journal.mark()
        deadline = time.monotonic() + window
        lasting(settled.operator.alive, "the operator lives", window)
        assert time.monotonic() >= deadline
        for resource in (*CHILDREN, NOVACRONS):
            calls = settled.proxy.journal.since(before, to(resource, verbs=("list", "watch")))
            assert 1 <= len(calls) <= 24, f"{resource}: {len(calls)} calls in {window:g} s"
    sees_everything(settled, 40)


def test_rights_that_come_later(new_arena: Callable[[], Arena]) -> None:
    """403 at the start on everything that is watched: not ready, said so, and at work once the rights are there."""
    watched = to(*CHILDREN, NOVACRONS)
    with new_arena() as arena:
        with arena.proxy.fault(Answer(403, watched)):
            arena.operator.start()
            arena.place.submit(small(arena.namespace))
            until(lambda: arena.proxy.journal.since(0, to(NOVACRONS)), "it asks for NovaCrons", 20)
            until(lambda: arena.proxy.journal.since(0, to("configmaps")), "it asks for ConfigMaps", 20)
            lasting(lambda: arena.operator.readiness()[0] == 503, "not ready without rights", 8)
            code, text = arena.operator.readiness()
            assert (code, NOVACRONS in text, "configmaps" in text) == (503, True, True), text
            shown = arena.operator.metrics()
            assert shown['novacron_watch_healthy{kind="novacrons.novacron.io"}'] == 0
            assert shown['novacron_watch_healthy{kind="configmaps"}'] == 0
        arena.operator.until_ready(60)
        arena.until_ready(60)


def test_a_lease_that_may_not_be_read_is_no_secret(new_arena: Callable[[], Arena]) -> None:
    with new_arena() as arena:
        with arena.proxy.fault(Answer(403, to("leases.coordination.k8s.io"))):
            arena.operator.start()
            until(lambda: arena.operator.readiness()[0] == 503, "an answer", 20)
            until(lambda: "lease" in arena.operator.readiness()[1], "readiness names the lease", 20)
            lasting(lambda: "lease" in arena.operator.readiness()[1], "readiness names the lease", 5)
        arena.operator.until_leading(30)


def test_an_edit_between_judging_and_reporting_is_not_lost(settled: Arena) -> None:
    """The spec changes while the status of the old one is written, and the watch that would tell breaks with 410."""
    status = Hold(lambda call: call.subresource == "status")
    stream = settled.stream(to(NOVACRONS))
    with settled.proxy.fault(status):
        deployment = {"status": {"availableReplicas": 0, "readyReplicas": 0}}
        settled.client.patch(
            "Deployment", settled.namespace, "novacron-ml", deployment, manager="controller", subresource="status"
        )
        until(lambda: status.waiting, "the operator reports", 20)
        stream.stall()
        settled.place.edit({"version": "v99.0.0"})
        with settled.proxy.fault(Answer(503, to(NOVACRONS, verbs=("watch",)))):
            stream.error(410)
            status.let_go()
            until(lambda: settled.place.novacron()["status"]["conditions"][0]["status"] == "False", "status", 20)

    until(lambda: image_is(settled, "v99.0.0"), "the edit has its effect", 12)


def test_a_failed_write_leaves_none_behind_that_a_later_pass_meets(arena: Arena) -> None:
    """One write fails while another of the same kind hangs: the next pass must not run beside the old write."""
    hanging = Hold(lambda call: call.verb == "apply" and call.name == "novacron-api-config")
    failing = Answer(503, lambda call: call.verb == "apply" and call.name == "novacron-ml-config")
    with arena.proxy.fault(hanging, failing):
        arena.place.submit(small(arena.namespace))
        until(lambda: hanging.waiting, "a write hangs", 20)
        lasting(lambda: hanging.most == 1, "the hanging write stays alone", 6)
        hanging.let_go()
    arena.until_ready()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [scenario.__name__ for scenario in SCENARIOS])
def test_the_operator_lives_through(long_runs: Mapping[str, Future[None]], name: str) -> None:
    long_runs[name].result(580)
