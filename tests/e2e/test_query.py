"""Query on living pods: from an empty database to answers, through new versions, bad ones and outages."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.querying import (
    BROKEN,
    FIRST,
    GATE,
    LATER,
    ODD_MEMORY,
    PERSON,
    RETENTION_DAYS,
    VMS,
    Loads,
    Served,
    load_versions,
)
from tests.support.api_client import Manifest
from tests.support.controlplane.process import StartError
from tests.support.living import Living
from tests.support.waiting import until

pytestmark = [pytest.mark.real_node, pytest.mark.timeout(600)]
_CANARY = "canary-of-a-row"
_FORWARD_DAYS = 5
_WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted"
_WITH_DATA = """
SELECT count(DISTINCT vm_id) FROM query.vm_metrics
WHERE timestamp > %s::timestamptz - interval '1 hour' AND timestamp <= %s
"""


@pytest.fixture(scope="module")
def served(living: Living, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(living, "postgres-query", tmp_path_factory.mktemp("query")) as found:
        found.fill()
        yield found


@dataclass(frozen=True)
class Change:
    """What was seen of a new version under load.

    Args:
        held: versions of the pods while the migration was at work.
        told: SchemaCurrent at that time.
    """

    loads: Loads
    held: set[str]
    told: Manifest


@pytest.fixture(scope="module")
def later(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Change:
    """The version with a migration more, which is held up once, to be looked at."""
    lodging = served.lodging
    load_versions(served.living, tmp_path_factory.mktemp("images"))
    assert lodging.images() == {FIRST}
    with served.loaded() as loads:
        with lodging.server.connection(lodging.namespace) as gate:
            gate.execute("SELECT pg_advisory_lock(%s)", (GATE,))
            lodging.edit({"version": LATER})
            until(lambda: served.sql(_WAITING, GATE) == [(1,)], "the migration is at work", 60)
            held, told = lodging.images(), lodging.condition("SchemaCurrent")
        until(lambda: _rolled(served, LATER), "every pod runs the new version", 180, every=0.5)
    return Change(loads, held, told)


def _rolled(served: Served, version: str) -> bool:
    assert served.lodging.images() == {version}
    return bool(served.lodging.condition("Ready").get("status") == "True")


def test_from_an_empty_database_to_answers(served: Served) -> None:
    (job,) = served.lodging.client.list("Job", served.lodging.namespace)
    _pod, said = served.lodging.last_words(job["metadata"]["name"])
    assert (said["outcome"], said["reason"]) == ("migrated", "Migrated"), said
    assert said["applied"] >= 3
    dashboard = served.ask("GET", f"dashboard?limit={VMS}")
    assert dashboard["summary"]["total"] == len(dashboard["items"]) == VMS
    assert [(dashboard["summary"]["with_data"],)] == served.sql(_WITH_DATA, dashboard["as_of"], dashboard["as_of"])
    assert dashboard["summary"]["with_data"] > VMS / 2
    assert {item["email"] for item in served.ask("GET", "users")["items"]} == {PERSON}
    vms = served.ask("GET", "vms?limit=2")
    assert len(vms["items"]) == 2
    assert vms["next"]
    # not every machine has samples, and which comes first is chance: ids are made from the organization's
    identifier = next(item["id"] for item in dashboard["items"] if item["avg_cpu_5min"] is not None)
    now = datetime.now(UTC)
    span = {"start": (now - timedelta(hours=1)).isoformat(), "end": now.isoformat()}
    rows = served.ask("POST", "vms/metrics/query", body={"vm_ids": [identifier], **span})["items"]
    assert {row["vm_id"] for row in rows} == {identifier}
    sample = {"vm_id": identifier, "timestamp": datetime.now(UTC).isoformat(), "cpu_usage": 99.5}
    (_end, machine), *_ = served.machine.tokens
    for outcome in ({"accepted": 1, "duplicate": 0}, {"accepted": 0, "duplicate": 1}):
        answer = served.ask("POST", "vms/metrics", body={"samples": [sample]}, bearer=machine)
        assert answer == outcome | {"rejected": []}
    now = datetime.now(UTC)
    newest = served.ask("POST", "vms/metrics/query", body={"vm_ids": [identifier], **span, "end": now.isoformat()})
    assert newest["items"][0]["cpu_usage"] == 99.5
    fresh = served.ask("GET", f"dashboard?limit={VMS}&min_as_of={now:%Y-%m-%dT%H:%M:%S.%fZ}")
    (seen,) = [item for item in fresh["items"] if item["id"] == identifier]
    assert (seen["current_cpu"], seen["cpu_status"]) == (99.5, "critical")
    assert seen["max_cpu_1hour"] >= 99.5
    asked = {"datasets": {"cpu": [1.0, 2.0, 3.0, 4.0]}, "percentiles": [50, 100]}
    found = served.ask("POST", "percentiles", body=asked)["results"]["cpu"]
    assert [one["value"] for one in found] == [2.5, 4.0]


def test_a_new_version_migrates_first_and_fails_no_request(served: Served, later: Change) -> None:
    assert later.held == {FIRST}
    assert (later.told["status"], later.told["reason"]) == ("False", "MigrationRunning")
    assert later.loads.failed == {}
    assert later.loads.ingest.sent > 100
    assert served.sql("SELECT count(*) FROM query._yoyo_migration WHERE migration_id = '9001-later'") == [(1,)]
    assert _missing(served, later.loads.ingest.taken) == []
    print(f"a new version with a migration: {later.loads}; none failed")


def test_a_migration_that_fails_stops_the_rollout_and_tells_no_row(served: Served, later: Change) -> None:
    lodging = served.lodging
    assert later.told
    odd = {"name": _CANARY, "status": "running", "cpu_cores": 1, "memory_mb": ODD_MEMORY}
    served.ask("PUT", f"vms/{uuid4()}", body=odd)
    before = lodging.lives(), lodging.lives("auth")
    with served.loaded() as loads:
        lodging.edit({"version": BROKEN})
        told = until(lambda: _failed(served), "the failure is a condition", 60, every=0.2)
        said = _everything_said(served)
        assert (lodging.lives(), lodging.lives("auth")) == before
        assert lodging.images() == {LATER}
        lodging.edit({"version": LATER})
        until(lambda: _rolled(served, LATER), "the version before is Ready again", 60, every=0.2)
    assert loads.failed == {}
    assert loads.ingest.sent > 30
    assert (lodging.lives(), lodging.lives("auth")) == before
    assert lodging.condition("SchemaCurrent")["status"] == "True"
    for words in ("query/9002-broken", "CheckViolation", "vms_cpu_cores_check"):
        assert words in told["message"]
        assert words in said["termination message"]
        assert words in said["log"]
    for where, text in said.items():
        assert _CANARY not in text, where
    print(f"a failed migration: {loads}; none failed; {told['message']}")


def _failed(served: Served) -> Manifest:
    stalled = served.lodging.condition("Stalled")
    assert (stalled.get("status"), stalled.get("reason")) == ("True", "MigrationFailed"), stalled
    found = served.lodging.condition("SchemaCurrent")
    assert found["status"] == "False"
    return found


def _everything_said(served: Served) -> dict[str, str]:
    """Of the broken version, wherever a person would look."""
    lodging = served.lodging
    jobs = served.lodging.client.list("Job", lodging.namespace)
    (job,) = [one for one in jobs if one["spec"]["template"]["spec"]["containers"][0]["image"].endswith(BROKEN)]
    pod, message = lodging.last_words(job["metadata"]["name"])
    log = served.living.kubectl("-n", lodging.namespace, "logs", pod["metadata"]["name"])
    return {
        "status": json.dumps(lodging.resource()["status"]),
        "events": json.dumps(lodging.client.list("Event", lodging.namespace)),
        "termination message": json.dumps(message),
        "log": log,
    }


def test_postgresql_crashes_and_comes_back_and_nothing_that_was_taken_is_lost(served: Served) -> None:
    before = served.lodging.lives()
    with served.loaded() as loads:
        until(lambda: _all_ready(served), "all pods are ready", 60)
        served.spare.crash()
        down = until(lambda: _all_down(served), "every pod says what it misses", 30)
        served.spare.until_back()
        began = time.monotonic()
        until(lambda: _all_ready(served), "all pods are ready again", 60)
        # a Service has its pods again a little later; and until auth's are back nobody can tell who asks
        taken = until(lambda: _taken(served), "an ingest is taken again", 60, every=0.5)
        recovered = time.monotonic() - began
    served.lodging.until_ready()
    assert served.lodging.lives() == before
    # a Service without a ready pod refuses new connections
    failures = {how.partition(":")[0] for one in loads.failed.values() for how in one}
    assert "503" in failures <= {"503", "ConnectionRefusedError"}, loads.failed
    assert _missing(served, [*loads.ingest.taken, taken]) == []
    print(f"PostgreSQL crashed: {loads}; {loads.failed} failed meanwhile; /ready said {down[0]}; an ingest was taken "
          f"{recovered:.1f} s after it was back")  # fmt: skip


def _all_ready(served: Served) -> bool:
    return [status for status, _states in served.ready()] == [200, 200]


def _all_down(served: Served) -> Any:
    found = served.ready()
    assert [status for status, _states in found] == [503, 503], found
    assert all(states["database"] == "down" for _status, states in found), found
    return found


def _taken(served: Served) -> str:
    """One ingest by hand; its time."""
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    (*_, (_end, machine)) = served.machine.tokens
    try:
        (identifier, *_) = [item["id"] for item in served.ask("GET", "vms?limit=10")["items"]]
        samples = [{"vm_id": identifier, "timestamp": now, "cpu_usage": 1.0}]
        answer = served.ask("POST", "vms/metrics", body={"samples": samples}, bearer=machine)
    except StartError as error:
        raise AssertionError("nobody listens") from error
    assert answer["accepted"] == 1
    return now


def _missing(served: Served, taken: list[str]) -> list[str]:
    """Times of acknowledged samples that the database does not have."""
    assert taken
    found = {row[0] for row in served.sql("SELECT DISTINCT timestamp FROM query.vm_metrics")}
    return [one for one in taken if datetime.fromisoformat(one) not in found]


def test_upkeep_follows_the_clock(living: Living, tmp_path: Path) -> None:
    with Served(living, "postgres-clock", tmp_path) as served:
        served.fill()
        assert _days(served) == (-7, 7)
        assert served.sql("SELECT count(*) > 0 FROM query.vm_metrics") == [(True,)]
        served.spare.put_forward(_FORWARD_DAYS)
        until(lambda: _days(served) == (-7 - _FORWARD_DAYS, 7 - _FORWARD_DAYS), "the server's clock is forward", 10)
        there = ("-n", served.lodging.namespace)
        served.living.kubectl(*there, "create", "job", "by-hand", f"--from=cronjob/{served.lodging.name}-upkeep")
        said = until(lambda: served.lodging.last_words("by-hand")[1], "it ends", 60)
        assert (said["outcome"], said["reason"]) == ("kept", "Kept"), said
        assert said["made"]["query.vm_metrics"] == _FORWARD_DAYS
        assert said["dropped"]["query.vm_metrics"] == 7 + _FORWARD_DAYS - RETENTION_DAYS
        assert said["deleted"]["query.vm_latest"] > 0
        assert _days(served) == (-RETENTION_DAYS, 7)
        assert served.sql("SELECT count(*) FROM query.vm_metrics") == [(0,)]
        print(f"upkeep {_FORWARD_DAYS} days later: {said}")


def _days(served: Served) -> tuple[int, int]:
    """First and last partition of samples, in days from the server's today."""
    ((today,),) = served.sql("SELECT (now() AT TIME ZONE 'UTC')::date")
    listed = served.sql(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'query.vm_metrics'::regclass"
    )
    days = [date.fromisoformat(name[-10:].replace("_", "-")) for (name,) in listed]
    return (min(days) - today).days, (max(days) - today).days
