"""Migrations before a rollout: what waits for the Job, what lets it begin anew, and what is told of it.

No container runs on a simulated node: kwok ends pods of Jobs well. A Job that must not end yet asks for a node that
there is not, and what a kubelet would write of its pod, the test writes.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from novacron.core.manifest import Manifest
from novacron.core.migration import Report
from tests.support.place import Place, small
from tests.support.waiting import until

pytestmark = pytest.mark.simulated_node

NOWHERE = {"nodeSelector": {"example.com/no": "node"}}
ANYWHERE = {"nodeSelector": None}
USERS = ("novacron-auth", "novacron-query")


def query(**more: Any) -> Manifest:
    return {"replicas": 1, "autoscaling": {"enabled": False}, **more}


def jobs(place: Place) -> dict[str, Manifest]:
    """The migrations by name."""
    found = {ref.name: item for ref, item in place.children().items() if ref.kind == "Job"}
    assert all(name.startswith("novacron-migrate-") for name in found)
    return found


def job(place: Place) -> Manifest:
    found = list(jobs(place).values())
    assert len(found) == 1, found
    return found[0]


def pods(place: Place, role: str) -> list[Manifest]:
    selector = f"app.kubernetes.io/instance=novacron,app.kubernetes.io/component={role}"
    return place.client.list("Pod", place.namespace, selector)


def uids(place: Place, role: str) -> set[str]:
    return {pod["metadata"]["uid"] for pod in pods(place, role)}


def image(place: Place, deployment: str) -> str:
    containers = place.child("Deployment", deployment)["spec"]["template"]["spec"]["containers"]
    return str(containers[0]["image"])


def end(place: Place, code: int, report: Report) -> None:
    """What a kubelet would say of the one pod of the migration."""
    (pod,) = until(lambda: pods(place, "migrate"), "the pod is there", 30)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    ended = {"exitCode": code, "reason": "Error", "startedAt": at, "finishedAt": at}
    ended["message"] = json.dumps(report.document())
    container = {"name": "migrate", "image": "x", "imageID": "", "ready": False, "restartCount": 0}
    status = {"phase": "Failed", "containerStatuses": [{**container, "state": {"terminated": ended}}]}
    place.client.patch("Pod", place.namespace, pod["metadata"]["name"], {"status": status}, subresource="status")


def until_told(place: Place, status: str, reason: str, *words: str) -> Manifest:
    def told() -> Manifest:
        found = place.condition("SchemaCurrent")
        assert (found.get("status"), found.get("reason")) == (status, reason), found
        assert all(word in found["message"] for word in words), found
        return found

    return until(told, f"SchemaCurrent is {status} {reason} {words}", 60)


def test_pods_of_auth_and_query_come_after_the_migration_and_what_keeps_it_is_told(place: Place) -> None:
    place.submit(small(place.namespace, query=query(**NOWHERE)))
    found = until_told(place, "False", "Unschedulable", "no node takes its pods", "spec.query.nodeSelector")
    assert f"Job/{job(place)['metadata']['name']}" in found["message"]
    place.until_condition("Ready", "False", "Unschedulable")
    until(lambda: place.child("Deployment", "novacron-api")["status"].get("availableReplicas"), "api does not wait", 60)
    names = {ref.name for ref in place.children() if ref.kind == "Deployment"}
    assert names == {"novacron-api", "novacron-ml"}
    place.until_quiet()
    place.until_silent()
    mark, before = place.mark(), job(place)["metadata"]["uid"]
    place.complete_pass()
    assert [str(call) for call in place.writes(mark, events=True)] == [], "waiting is no work"
    place.edit({"query": ANYWHERE})
    place.until_ready()
    assert job(place)["metadata"]["uid"] != before, "its template cannot change, so it began anew"
    assert {ref.name for ref in place.children() if ref.kind == "Deployment"} >= set(USERS)
    assert place.condition("SchemaCurrent")["reason"] == "SchemaCurrent"


def test_a_new_image_waits_while_older_pods_serve_and_going_back_needs_no_run(place: Place) -> None:
    place.submit(small(place.namespace))
    place.until_ready()
    first, served = job(place)["metadata"], {role: uids(place, role) for role in ("auth", "query")}
    place.edit({"version": "v10.0.1", "query": NOWHERE})
    until_told(place, "False", "Unschedulable")
    until(lambda: image(place, "novacron-api").endswith(":v10.0.1"), "api does not wait", 30)
    assert place.condition("Ready")["status"] == "False"
    assert [image(place, name) for name in USERS] == ["novacron/novacron:v10.0.0"] * 2
    assert {role: uids(place, role) for role in served} == served

    place.edit({"version": "v10.0.0", "query": ANYWHERE})
    place.until_ready()
    assert {role: uids(place, role) for role in served} == served
    assert job(place)["metadata"]["uid"] == first["uid"], "the other one is gone, this one did not run again"

    place.edit({"version": "v10.0.1"})
    place.until_ready()
    assert [image(place, name) for name in USERS] == ["novacron/novacron:v10.0.1"] * 2
    assert len(jobs(place)) == 2
    mark = place.mark()
    place.edit({"version": "v10.0.0"})
    place.until_ready()
    assert {call.resource for call in place.writes(mark) if call.verb in ("delete", "create")}.isdisjoint(
        {"jobs.batch"}
    )
    assert first["uid"] in {item["metadata"]["uid"] for item in jobs(place).values()}


def test_a_refused_migration_stalls_until_somebody_deletes_the_job(place: Place) -> None:
    place.submit(small(place.namespace, query=query(**NOWHERE)))
    until_told(place, "False", "Unschedulable")
    end(place, 1, Report("refused", "RightMissing", "the login may not make roles"))
    name = job(place)["metadata"]["name"]
    again = f"kubectl delete -n {place.namespace} job/{name}"
    until_told(place, "False", "MigrationFailed", "RightMissing: the login may not make roles", again)
    assert place.condition("Stalled")["status"] == "True"
    place.until_quiet()
    before = job(place)["metadata"]["uid"]
    place.client.delete("Job", place.namespace, name)
    until(lambda: job(place)["metadata"]["uid"] != before, "the Job is back", 30)
    until_told(place, "False", "Unschedulable")
    assert place.condition("Stalled")["status"] == "False"
    place.edit({"query": ANYWHERE})
    place.until_ready()


def test_a_database_that_is_away_is_tried_again(place: Place) -> None:
    place.submit(small(place.namespace, query=query(**NOWHERE)))
    until_told(place, "False", "Unschedulable")
    before = uids(place, "migrate")
    end(place, 3, Report("unreachable", "Unreachable", "db.example.com:5432: nobody answers"))
    until(lambda: uids(place, "migrate") - before, "another pod", 60)
    assert place.condition("Stalled")["status"] == "False"
    assert place.condition("Ready")["status"] == "False"


def test_a_hand_edit_of_a_job_that_waits_is_set_back(place: Place) -> None:
    place.submit(small(place.namespace, query=query(**NOWHERE)))
    until_told(place, "False", "Unschedulable")
    place.until_quiet()
    before = job(place)["metadata"]
    edit = {"spec": {"suspend": True, "ttlSecondsAfterFinished": 5}}
    place.client.patch("Job", place.namespace, before["name"], edit, manager="kubectl-edit")

    def set_back() -> bool:
        spec = job(place)["spec"]
        return not spec["suspend"] and "ttlSecondsAfterFinished" not in spec

    until(set_back, "the Job is as it was", 30)
    assert job(place)["metadata"]["uid"] == before["uid"]


def test_switched_off_the_jobs_go_and_pods_tell_of_the_schema(place: Place) -> None:
    place.submit(small(place.namespace))
    place.until_ready()
    place.edit({"database": {"migrate": False}})
    until(lambda: not {ref for ref in place.children() if ref.kind in ("Job", "CronJob")}, "the Jobs are gone", 30)
    until_told(place, "True", "SchemaCurrent", "database.migrate is false")
    until(lambda: not pods(place, "migrate"), "and so are their pods", 60)
    place.until_ready()
