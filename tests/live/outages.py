"""Faults and losses that take a minute or more. They run side by side in threads; test_faults.py asks for the verdicts.

The resource is Ready before each fault, so that no resync within minutes can hide a blind watch.
"""

from __future__ import annotations

from collections.abc import Callable

from novacron.adapters.lease import RENEW_DEADLINE, RETRY
from novacron.core import kinds
from novacron.roles.watches import COMPARE_SECONDS
from tests.live.seeing import CHILDREN, SOON, image_is, sees_children, sees_everything
from tests.support.api_calls import Match, anything, to
from tests.support.arena import NOVACRONS, Arena
from tests.support.fault_proxy import Answer, FaultProxy
from tests.support.waiting import lasting, until

NewArena = Callable[[], Arena]
OUTAGE = 75.0
"""Seconds; kopf's default backoffs end after 54."""
IDLE = 300.0
"""Seconds."""
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
            lasting(arena.healthy, "an outage is no reason to restart", OUTAGE, 2.0)
        until(lambda: image_is(arena, "v75.0.0"), "the edit made in the outage has its effect", SOON)
        until(lambda: arena.client.get("ConfigMap", arena.namespace, "novacron-jwks"), "the child is back", SOON)
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
            lasting(arena.healthy, "an outage is no reason to restart", BLIND + 20, 2.0)
        lasting(arena.healthy, "nor is its end", 35, 0.5)
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
    """Two run, one acts; after SIGKILL of it the other acts. How soon, `make bench` says (case failover)."""
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
            arena.place.until_silent()
            arena.operator.kill()
            arena.client.delete("ConfigMap", arena.namespace, "novacron-jwks")
            until(lambda: arena.client.get("ConfigMap", arena.namespace, "novacron-jwks"), "the other acts", SOON)
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
            until(lambda: image_is(arena, "v75.0.0"), "the other acts", SOON)
            before = arena.place.mark()
            arena.operator.resume()
            until(lambda: arena.operator.readiness()[0] == 200, "the first is awake", 20)
            lasting(lambda: not arena.place.writes(before, events=True), "the first does not write", 10)
            assert (arena.operator.leads(), second.leads()) == (False, True)
            assert arena.operator.alive()


def watched_idle(new_arena: NewArena) -> None:
    """An idle operator for five minutes: it renews its Lease, asks what is served, and lists but for its resync."""
    with new_arena() as arena:
        arena.start().settle()
        before = arena.place.mark()
        lasting(arena.operator.alive, "it idles", IDLE, 1.0)
        calls = arena.proxy.journal.since(before)
        lease, resync = (kinds.LEASE.resource, {"get", "update"}), (NOVACRONS, {"list"})
        expected = {(name, verb) for name, verbs in (lease, resync) for verb in verbs}
        asked = [call for call in calls if call.verb != "watch" and call.resource]
        busy = [str(call) for call in asked if (call.resource, call.verb) not in expected]
        assert busy == [], "not idle"
        renewals = [call for call in calls if (call.verb, call.resource) == ("update", kinds.LEASE.resource)]
        assert IDLE / RENEW_DEADLINE < len(renewals) <= IDLE / RETRY + 1, f"{len(renewals)} renewals in {IDLE:g} s"
        resyncs = [call for call in calls if call.verb == "list"]
        assert len(resyncs) <= 1 + IDLE / (0.8 * COMPARE_SECONDS), [str(call) for call in resyncs]


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
