"""Ends of Jobs that take the Job controller minutes or days, played on an API server without controllers."""

from __future__ import annotations

from novacron.core.manifest import Ref
from tests.support import jobs
from tests.support.api_client import Manifest
from tests.support.arena import Arena
from tests.support.place import small
from tests.support.waiting import until

DEPLOYMENTS = {f"novacron-{role}" for role in ("api", "auth", "query", "ml")}


def job(arena: Arena) -> Manifest:
    found = [item for ref, item in arena.place.children().items() if ref.kind == "Job"]
    assert len(found) == 1, found
    return found[0]


def deployments(arena: Arena) -> set[str]:
    return {ref.name for ref in arena.place.children() if ref.kind == "Deployment"}


def begun(arena: Arena) -> Manifest:
    """The Job of a resource that was just submitted."""
    arena.place.submit(small(arena.namespace))
    arena.place.until_condition("SchemaCurrent", "False", "MigrationRunning")
    return job(arena)


def test_out_of_tries_begins_anew_and_refused_does_not(arena: Arena) -> None:
    first = begun(arena)
    jobs.report(arena.client, first, jobs.failed("BackoffLimitExceeded"))
    until(lambda: job(arena)["metadata"]["uid"] != first["metadata"]["uid"], "another Job", 30)
    assert arena.place.condition("Stalled")["status"] == "False"
    second = job(arena)
    jobs.report(arena.client, second, jobs.failed("PodFailurePolicy"))
    arena.place.until_condition("Stalled", "True", "MigrationFailed")
    arena.place.until_quiet()
    assert job(arena)["metadata"]["uid"] == second["metadata"]["uid"]
    assert deployments(arena) == DEPLOYMENTS - {"novacron-auth", "novacron-query"}
    assert arena.client.delete("Job", arena.namespace, second["metadata"]["name"])
    until(lambda: job(arena)["metadata"]["uid"] != second["metadata"]["uid"], "a third Job", 30)
    arena.until_ready()
    assert deployments(arena) == DEPLOYMENTS


def test_a_running_migration_is_not_cut_off_by_an_edit_and_begins_anew_when_it_fails(arena: Arena) -> None:
    first = begun(arena)
    jobs.report(arena.client, first, {"active": 1, "ready": 1, "startTime": "2026-01-01T00:00:00Z"})
    arena.place.edit({"query": {"resources": {"limits": {"memory": "3Gi"}}}})
    arena.place.until_quiet()
    assert job(arena)["metadata"]["uid"] == first["metadata"]["uid"]
    jobs.report(arena.client, job(arena), jobs.failed("PodFailurePolicy") | {"active": 0})
    until(lambda: job(arena)["metadata"]["uid"] != first["metadata"]["uid"], "another Job", 30)
    container = job(arena)["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"]["memory"] == "3Gi"


def test_upkeep_that_failed_is_told_and_does_not_gate(arena: Arena) -> None:
    begun(arena)
    arena.until_ready()
    status = {"lastScheduleTime": "2026-11-26T03:00:00Z", "lastSuccessfulTime": "2026-11-25T03:00:05Z"}
    arena.client.patch("CronJob", arena.namespace, "novacron-upkeep", {"status": status}, subresource="status")
    arena.place.until_condition("SchemaCurrent", "True", "UpkeepFailed", seconds=10)
    assert arena.place.condition("Ready")["status"] == "True"
    status["lastSuccessfulTime"] = "2026-11-26T03:00:05Z"
    arena.client.patch("CronJob", arena.namespace, "novacron-upkeep", {"status": status}, subresource="status")
    arena.place.until_condition("SchemaCurrent", "True", "SchemaCurrent", seconds=10)


def test_a_hand_edit_of_the_upkeep_is_set_back(arena: Arena) -> None:
    begun(arena)
    arena.until_ready()
    edit = {"spec": {"suspend": True, "schedule": "* * * * *"}}
    before = arena.place.child("CronJob", "novacron-upkeep")["spec"]
    arena.client.patch("CronJob", arena.namespace, "novacron-upkeep", edit, manager="kubectl-edit")
    until(lambda: arena.place.child("CronJob", "novacron-upkeep")["spec"] == before, "as it was", 30)
    assert Ref("CronJob", arena.namespace, "novacron-upkeep") in arena.place.children()
