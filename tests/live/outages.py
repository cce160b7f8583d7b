"""Faults and losses that take a minute or more. They run side by side in threads; test_waits.py collects the verdicts.

The resource is Ready before each fault, so that no resync within minutes can hide a blind watch.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from novacron.core import kinds
from tests.live.seeing import CHILDREN, image_is, sees_children, sees_everything
from tests.support.api_calls import Match, anything, to
from tests.support.arena import NOVACRONS, Arena
from tests.support.fault_proxy import Answer, FaultProxy
from tests.support.waiting import lasting, until

NewArena = Callable[[], Arena]
OUTAGE = 75.0
"""Seconds; kopf's default backoffs end after 54."""
BLIND = 180.0
"""Seconds after which a blind watch must fail the liveness probe (roles/manager.py)."""


def outage(new_arena: NewArena, matches: Match) -> None:
    """503 for 75 s. An edit and a deletion meanwhile are found afterwards; the process lives through it."""
    with new_arena() as arena:
        arena.start().settle()
        pid = arena.operator.pid
        with arena.proxy.fault(Answer(503, matches)):
            for stream in arena.proxy.streams(matches):
                stream.end()
            arena.place.edit({"version": "v75.0.0"})
            arena.client.delete("ConfigMap", arena.namespace, "novacron-jwks")
            lasting(lambda: arena.operator.health() == (200, "ok"), "an outage is no reason to restart", OUTAGE, 2.0)
        until(lambda: image_is(arena, "v75.0.0"), "the edit made in the outage has its effect", 45)
        until(lambda: arena.client.get("ConfigMap", arena.namespace, "novacron-jwks"), "the child is back", 45)
        sees_everything(arena)
        assert arena.operator.pid == pid


def whole_api_away(new_arena: NewArena) -> None:
    outage(new_arena, anything)


def resources_away(new_arena: NewArena) -> None:
    outage(new_arena, to(NOVACRONS))


def children_away(new_arena: NewArena) -> None:
    outage(new_arena, to(*CHILDREN))


def long_outage(new_arena: NewArena) -> None:
    """Longer than a watch may be blind: at its end nothing counts as blind that only waits its turn."""
    with new_arena() as arena:
        arena.start().settle()
        with arena.proxy.fault(Answer(503)):
            for stream in arena.proxy.streams():
                stream.end()
            lasting(lambda: arena.operator.health()[0] == 200, "an outage is no reason to restart", BLIND + 20, 2.0)
        lasting(lambda: arena.operator.health()[0] == 200, "nor is its end", 35, 0.5)
        sees_everything(arena)


def resources_stalled(new_arena: NewArena) -> None:
    """No byte in the stream of NovaCrons, the connection stays: found within kopf's 70 s of inactivity."""
    with new_arena() as arena:
        arena.start().settle()
        arena.stream(to(NOVACRONS)).stall()
        arena.place.edit({"version": "v75.0.0"})
        until(lambda: image_is(arena, "v75.0.0"), "the edit has its effect", 90)


def children_stalled(new_arena: NewArena) -> None:
    """The same for the children's streams: found within the reflector's 90 s of silence."""
    with new_arena() as arena:
        arena.start().settle()
        for stream in arena.proxy.streams(to(*CHILDREN)):
            stream.stall()
        sees_children(arena, 110)
        sees_everything(arena)


def rights_never_come(new_arena: NewArena) -> None:
    """403 for good on one kind of child: told at once, and a failed liveness probe in the end."""
    with new_arena() as arena, arena.proxy.fault(Answer(403, to("configmaps"))):
        arena.operator.start()
        until(lambda: "configmaps" in arena.operator.readiness()[1], "readiness names the kind", 30)
        assert arena.operator.health()[0] == 200
        until(lambda: arena.operator.health()[0] == 503, "the liveness probe fails", BLIND + 40, 2.0)
        assert "configmaps" in arena.operator.health()[1]


def leader_killed(new_arena: NewArena) -> None:
    """Two run, one acts; after SIGKILL of it the other acts within 20 s."""
    with new_arena() as arena, FaultProxy(arena.account, arena.directory / "second") as proxy:
        arena.start().settle()
        with arena.another(proxy, "second") as second:
            second.until_ready()
            assert not second.leads()
            before = arena.place.mark()
            sees_everything(arena)
            assert arena.place.writes(before)
            assert proxy.journal.writes(events=True) == [], "a standby wrote"
            arena.until_ready()
            arena.place.until_quiet()
            arena.operator.kill()
            arena.client.delete("ConfigMap", arena.namespace, "novacron-jwks")
            until(lambda: arena.client.get("ConfigMap", arena.namespace, "novacron-jwks"), "the other acts", 20)
            assert second.leads()
            wrong = [str(call) for call in proxy.journal.writes() if call.name != "novacron-jwks"]
            assert wrong == [], "the new leader wrote what was in order"


def leader_hung(new_arena: NewArena) -> None:
    """A leader that hangs past its lease (SIGSTOP) wakes up, finds that it does not lead, and writes nothing."""
    with new_arena() as arena, FaultProxy(arena.account, arena.directory / "second") as proxy:
        arena.start().settle()
        with arena.another(proxy, "second") as second:
            second.until_ready()
            arena.operator.pause()
            arena.place.edit({"version": "v75.0.0"})
            until(lambda: image_is(arena, "v75.0.0"), "the other acts", 20)
            before = arena.place.mark()
            arena.operator.resume()
            until(lambda: arena.operator.readiness()[0] == 200, "the first is awake", 20)
            lasting(lambda: not arena.place.writes(before, events=True), "the first does not write", 10)
            assert (arena.operator.leads(), second.leads()) == (False, True)
            assert arena.operator.alive()


def watched_idle(new_arena: NewArena) -> None:
    """An idle operator for a minute: it renews its Lease and asks what is served; no other write, no LIST."""
    with new_arena() as arena:
        arena.start().settle()
        before = arena.place.mark()
        deadline = time.monotonic() + 60
        lasting(arena.operator.alive, "it idles", 60)
        assert time.monotonic() >= deadline
        calls = arena.proxy.journal.since(before)
        known = {kinds.LEASE.resource, ""}
        busy = [str(call) for call in calls if call.is_write or (call.verb != "watch" and call.resource not in known)]
        assert not busy, f"not idle: {busy}"
        renewals = [call for call in calls if (call.verb, call.resource) == ("update", kinds.LEASE.resource)]
        assert 25 <= len(renewals) <= 31, f"{len(renewals)} renewals in 60 s"


SCENARIOS: tuple[Callable[[NewArena], None], ...] = (
    long_outage,
    rights_never_come,
    whole_api_away,
    resources_away,
    children_away,
    resources_stalled,
    children_stalled,
    leader_killed,
    leader_hung,
    watched_idle,
)
