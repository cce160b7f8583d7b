"""Jobs of the database: which there are, when they begin anew, and what waits for them."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from novacron.api.v1alpha1 import NovaCron, validate
from novacron.core import drift
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Manifest, Ref, at, ref
from novacron.core.plan import Apply, Delete, Wanted, plan
from novacron.stack import migration
from novacron.stack.desired import wanted
from novacron.workload.service.settings import MigrationSettings
from tests.support import resources

UID = "00000000-0000-0000-0000-000000000000"
COMPLETE = {"conditions": [{"type": "Complete", "status": "True"}], "succeeded": 1}
DONE = COMPLETE | {"completionTime": "2026-11-01T00:00:00Z"}


def resource(**changes: Any) -> NovaCron:
    body = resources.changed(
        resources.minimal("nc", "shop"), {path.replace("__", "."): v for path, v in changes.items()}
    )
    body["metadata"]["uid"] = UID
    return validate(body)


def complete(of: NovaCron) -> Wanted:
    return wanted(of, Capabilities())


def one(of: NovaCron, kind: str, name: str = "") -> Manifest:
    found = [
        item for item in complete(of).manifests if item["kind"] == kind and item["metadata"]["name"].endswith(name)
    ]
    assert len(found) == 1, found
    return found[0]


def live(manifest: Manifest, **status: Any) -> Manifest:
    """As the API server has it after our write, with what it fills in."""
    found = copy.deepcopy(manifest)
    found["metadata"] |= {"uid": f"uid-of-{manifest['metadata']['name']}", "resourceVersion": "1", "generation": 1}
    found["metadata"]["managedFields"] = [
        {"manager": "novacron", "operation": "Apply", "fieldsV1": {"f:spec": _fields(manifest.get("spec", {}))}}
    ]
    if manifest["kind"] == "Job":
        found["spec"] |= {"podReplacementPolicy": "Failed", "selector": {"matchLabels": {"controller-uid": "x"}}}
        found["spec"]["template"]["metadata"]["labels"] |= {"batch.kubernetes.io/controller-uid": "x"}
        found["spec"]["template"]["spec"]["serviceAccount"] = "nc-migrate"
    return found | {"status": status}


def _fields(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {f"f:{key}": _fields(inner) for key, inner in value.items()}
    if isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        return {"k:" + json.dumps({"name": item["name"]}): {".": {}} | _fields(item) for item in value}
    return {}


def world(of: NovaCron, **job_status: Any) -> dict[Ref, Manifest]:
    """Everything of a resource, as it is once it stands."""
    return {ref(item): live(item, **(job_status if item["kind"] == "Job" else {})) for item in complete(of).manifests}


def turn(of: NovaCron, there: dict[Ref, Manifest]) -> Wanted:
    return migration.in_turn(migration.with_jobs(complete(of), of, there), of, there)


def steps(of: NovaCron, there: dict[Ref, Manifest]) -> list[str]:
    made = plan(turn(of, there), there, {}, UID, undisturbed=False)
    return [f"{type(step).__name__} {step.ref}" for step in made]


def named(of: NovaCron, kind: str, name: str) -> Ref:
    return Ref(kind, of.metadata.namespace, name)


OLD, NEW = resource(), resource(spec__version="v10.0.1")


# --- what there is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["auth", "query"])
def test_one_of_the_two_that_use_the_database_is_enough_for_jobs(role: str) -> None:
    found = resource(**{f"spec__{role}__enabled": False})
    assert {"Job", "CronJob"} <= {item["kind"] for item in complete(found).manifests}


@pytest.mark.parametrize(
    "changes",
    [{"spec__database__migrate": False}, {"spec__auth__enabled": False, "spec__query__enabled": False}],
    ids=["switched off", "nobody uses it"],
)
def test_without_need_nothing_of_them_is_left(changes: dict[str, Any]) -> None:
    found = [item for item in complete(resource(**changes)).manifests if "migrate" in item["metadata"]["name"]]
    assert found == []
    assert "CronJob" not in {item["kind"] for item in complete(resource(**changes)).manifests}


def test_the_pods_run_once_and_mount_settings_and_the_login_alone() -> None:
    for template in (
        one(OLD, "Job")["spec"]["template"],
        one(OLD, "CronJob")["spec"]["jobTemplate"]["spec"]["template"],
    ):
        pod, (container,) = template["spec"], template["spec"]["containers"]
        assert (pod["restartPolicy"], pod["serviceAccountName"]) == ("Never", "nc-migrate")
        assert {volume["name"] for volume in pod["volumes"]} == {"tmp", "config", "secret-database"}
        assert not {"ports", "startupProbe", "livenessProbe", "readinessProbe", "lifecycle"} & container.keys()
        assert container["terminationMessagePolicy"] == "File"
        assert (
            container["resources"]
            == one(OLD, "Deployment", "-query")["spec"]["template"]["spec"]["containers"][0]["resources"]
        )
    assert one(OLD, "Job")["spec"]["template"]["spec"]["containers"][0]["args"] == ["migrate"]
    upkeep = one(OLD, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    assert upkeep["args"] == ["migrate", "--upkeep"]


def test_no_selector_of_a_workload_finds_the_pods() -> None:
    pods = one(OLD, "Job")["spec"]["template"]["metadata"]["labels"]
    for item in complete(OLD).manifests:
        selector = at(item, "spec", "selector", default={})
        chosen = selector.get("matchLabels", selector) if item["kind"] != "NetworkPolicy" else {}
        assert not chosen or not chosen.items() <= pods.items(), item["metadata"]["name"]


def test_the_image_is_that_of_the_user_and_the_place_that_of_query() -> None:
    both = resource(spec__auth__image__tag="a", spec__query__image__tag="q", spec__query__nodeSelector={"disk": "ssd"})
    alone = resource(spec__auth__enabled=False, spec__query__image__tag="q")
    found = [one(of, "Job")["spec"]["template"]["spec"] for of in (both, alone)]
    assert [spec["containers"][0]["image"] for spec in found] == ["novacron/novacron:a", "novacron/novacron:q"]
    assert found[0]["nodeSelector"] == {"disk": "ssd"}


@pytest.mark.parametrize(
    "changes",
    [
        {"spec__version": "v10.0.1"},
        {"spec__auth__image__digest": "sha256:" + "a" * 64},
        {"spec__image__registry": "registry.example.com"},
        {"spec__database__host": "other.example.com"},
        {"spec__database__port": 6432},
        {"spec__database__name": "other"},
        {"spec__query__enabled": False},
    ],
    ids=str,
)
def test_what_makes_another_run_necessary_is_another_name(changes: dict[str, Any]) -> None:
    assert migration.job(resource(**changes)) != migration.job(OLD)


@pytest.mark.parametrize(
    "changes",
    [
        {"spec__query__resources__limits__memory": "4Gi"},
        {"spec__environment": "staging", "spec__database__sslMode": "require"},
        {"spec__query__replicas": 5},
        {"spec__api__image__tag": "x"},
    ],
    ids=str,
)
def test_what_does_not_is_the_same_name(changes: dict[str, Any]) -> None:
    assert migration.job(resource(**changes)) == migration.job(OLD)


def test_the_longest_name_fits_what_names_of_jobs_and_their_pods_may_be() -> None:
    body = resources.minimal("n" * 40, "shop")
    body["metadata"]["uid"] = UID
    names = {item["kind"]: item["metadata"]["name"] for item in complete(validate(body)).manifests}
    assert len(names["Job"]) <= 63
    assert len(names["CronJob"]) <= 52  # the controller adds 11 characters for each Job


def test_upkeep_comes_once_a_day_at_a_minute_of_its_own() -> None:
    found = set()
    for number in range(40):
        body = resources.minimal("nc", f"shop-{number}")
        body["metadata"]["uid"] = UID
        schedule = next(item for item in complete(validate(body)).manifests if item["kind"] == "CronJob")["spec"][
            "schedule"
        ]
        minute, hour = map(int, re.fullmatch(r"(\d+) (\d+) \* \* \*", schedule).groups())  # type: ignore[union-attr]
        assert minute < 60
        assert hour < 6
        found.add((hour, minute))
    assert len(found) > 30


@pytest.mark.parametrize(
    ("own", "shared"),
    [((), ["auth", "query"]), (("migrate",), []), (("auth",), ["query"]), (("migrate", "auth", "query"), [])],
    ids=str,
)
def test_settings_are_what_the_command_reads(own: tuple[str, ...], shared: list[str]) -> None:
    users = {user: {"remoteKey": f"database/{user}"} for user in own}
    of = resource(spec__secrets__databaseUsers=users, spec__query__retention="3d")
    config = one(of, "ConfigMap", "-migrate-config")
    assert config["data"].keys() == {"settings.json"}
    settings = MigrationSettings.model_validate_json(config["data"]["settings.json"])
    assert (settings.schemas, list(settings.shared_logins)) == (("auth", "query"), shared)
    assert settings.retention_seconds == 3 * 86_400
    assert settings.database.secret == ("nc-database-migrate" if "migrate" in own else "nc-database")
    mounted = {
        mount["mountPath"] for mount in one(of, "Job")["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    }
    assert str(settings.database.credentials) in mounted


# --- whose turn it is ---------------------------------------------------------------------------------------------


def test_before_the_schema_is_there_no_pods_of_its_users_are_made() -> None:
    kinds = {
        str(ref(item))
        for item in turn(OLD, {}).manifests
        if item["kind"] in ("Deployment", "HorizontalPodAutoscaler", "Job", "CronJob")
    }
    job = migration.job(OLD).name
    assert kinds == {
        "Deployment/nc-api",
        "HorizontalPodAutoscaler/nc-api",
        "Deployment/nc-ml",
        f"Job/{job}",
        "CronJob/nc-upkeep",
    }
    services = {item["metadata"]["name"] for item in turn(OLD, {}).manifests if item["kind"] == "Service"}
    assert services == {"nc-api", "nc-auth", "nc-query", "nc-ml"}


def test_once_it_has_succeeded_all_is_as_wanted_and_the_job_is_left_alone() -> None:
    there = world(OLD, **DONE)
    found = turn(OLD, there)
    assert {ref(item) for item in found.manifests} | found.kept == {ref(item) for item in complete(OLD).manifests}
    assert found.kept == {migration.job(OLD)}
    assert not [step for step in steps(OLD, there) if "Job" in step]


def test_a_job_that_has_succeeded_is_left_alone_whatever_another_operator_would_make_of_it() -> None:
    there = world(OLD, **DONE)
    there[migration.job(OLD)]["spec"]["template"]["spec"]["priorityClassName"] = "of-an-older-operator"
    assert not [step for step in steps(OLD, there) if "Job/nc-migrate" in step]


def test_a_new_image_waits_for_its_job_and_all_else_of_the_deployment_goes_on() -> None:
    there = world(OLD, **DONE)
    changed = resource(spec__version="v10.0.1", spec__query__autoscaling__enabled=False, spec__query__replicas=7)
    old, new = migration.job(OLD), migration.job(changed)
    made = plan(turn(changed, there), there, {}, UID, undisturbed=False)
    applied = {step.ref: step.manifest for step in made if isinstance(step, Apply)}
    query = named(changed, "Deployment", "nc-query")
    assert applied[query]["spec"]["template"] == there[query]["spec"]["template"]
    assert applied[query]["spec"]["replicas"] == 7
    assert applied[query]["metadata"]["labels"]["app.kubernetes.io/version"] == "v10.0.1"
    api = applied[named(changed, "Deployment", "nc-api")]["spec"]["template"]["spec"]["containers"][0]
    assert api["image"].endswith(":v10.0.1")
    assert new in applied
    assert old not in {step.ref for step in made}, "it is what one would go back to"
    there |= {key: live(item) for key, item in applied.items()}
    there[new]["status"] = COMPLETE | {"completionTime": "2026-11-02T00:00:00Z"}
    made = plan(turn(changed, there), there, {}, UID, undisturbed=False)
    applied = {step.ref: step.manifest for step in made if isinstance(step, Apply)}
    assert applied[query]["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":v10.0.1")
    assert old not in {step.ref for step in made if isinstance(step, Delete)}


def test_going_back_by_one_image_needs_no_run_and_earlier_jobs_are_gone() -> None:
    there = world(NEW, **COMPLETE, completionTime="2026-11-03T00:00:00Z")
    for version, day in (("v9.8.0", "01"), ("v9.9.0", "02")):
        before = one(resource(spec__version=version), "Job")
        there[ref(before)] = live(before, **COMPLETE, completionTime=f"2026-11-{day}T00:00:00Z")
    oldest, last = (migration.job(resource(spec__version=version)) for version in ("v9.8.0", "v9.9.0"))
    assert [step for step in steps(NEW, there) if "Job" in step] == [f"Delete {oldest}"]
    del there[oldest]
    back = resource(spec__version="v9.9.0")
    assert not [step for step in steps(back, there) if "Job/nc-migrate" in step]
    assert {"Apply Deployment/nc-auth", "Apply Deployment/nc-query"} <= set(steps(back, there))
    assert last in turn(back, there).kept


def test_going_back_from_an_image_whose_job_fails_needs_no_run() -> None:
    there = world(OLD, **DONE)
    there[migration.job(NEW)] = live(one(NEW, "Job"), conditions=[{"type": "Failed", "status": "True"}])
    assert steps(OLD, there) == [f"Delete {migration.job(NEW)}"]


@pytest.mark.parametrize(
    ("status", "stays"), [({"ready": 1, "active": 1}, True), ({"active": 1}, False), ({}, False)], ids=str
)
def test_of_superseded_jobs_one_whose_pod_works_is_not_cut_off(status: Manifest, stays: bool) -> None:
    there = world(OLD, **status)
    assert (f"Delete {migration.job(OLD)}" not in steps(NEW, there)) == stays


def test_what_others_put_into_a_template_that_is_held_is_taken_out_all_the_same() -> None:
    there = world(OLD, **DONE)
    query = named(NEW, "Deployment", "nc-query")
    template = there[query]["spec"]["template"]
    template["spec"]["hostAliases"] = [{"ip": "10.0.0.1"}]
    template["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = "today"
    theirs: Manifest = {"f:hostAliases": {}}
    notes: Manifest = {"f:annotations": {"f:kubectl.kubernetes.io/restartedAt": {}}}
    there[query]["metadata"]["managedFields"].append(
        {
            "manager": "kubectl-edit",
            "operation": "Update",
            "fieldsV1": {"f:spec": {"f:template": {"f:spec": theirs, "f:metadata": notes}}},
        }
    )
    held = next(item for item in turn(NEW, there).manifests if ref(item) == query)
    assert "hostAliases" not in held["spec"]["template"]["spec"]
    additions, overrides = drift.contested(held, there[query])
    assert (additions, overrides) == ([("spec", "template", "spec", "hostAliases")], [])


def test_a_deployment_of_somebody_else_is_refused_as_ever() -> None:
    there = world(OLD, **DONE)
    there[named(NEW, "Deployment", "nc-auth")]["metadata"]["ownerReferences"] = []
    assert "Refuse Deployment/nc-auth" in steps(NEW, there)


@pytest.mark.parametrize("status", [DONE, {"active": 1, "ready": 1}], ids=["done", "running"])
def test_switched_off_all_of_them_go(status: Manifest) -> None:
    gone = {step for step in steps(resource(spec__database__migrate=False), world(OLD, **status)) if "Delete" in step}
    assert gone >= {f"Delete {migration.job(OLD)}", "Delete CronJob/nc-upkeep", "Delete ConfigMap/nc-migrate-config"}


# --- beginning anew -----------------------------------------------------------------------------------------------


def _failed(reason: str) -> Manifest:
    return {"conditions": [{"type": "Failed", "status": "True", "reason": reason}], "failed": 7}


def test_a_job_that_is_out_of_tries_begins_anew() -> None:
    there = world(OLD, **_failed("BackoffLimitExceeded"))
    assert steps(OLD, there) == [f"Delete {migration.job(OLD)}"]
    del there[migration.job(OLD)]
    assert steps(OLD, there) == [f"Apply {migration.job(OLD)}"]


def test_a_job_that_was_refused_waits_for_a_person() -> None:
    assert steps(OLD, world(OLD, **_failed("PodFailurePolicy"))) == []


_REMEDIES = [
    {"spec__query__resources__limits__memory": "4Gi"},
    {"spec__environment": "staging", "spec__database__sslMode": "require"},
    {"spec__secrets__database__secretName": "other"},
    {"spec__query__nodeSelector": {"disk": "ssd"}},
]


@pytest.mark.parametrize("status", [_failed("PodFailurePolicy"), {"active": 1}, {}], ids=["refused", "stuck", "new"])
@pytest.mark.parametrize("changes", _REMEDIES, ids=str)
def test_an_edit_of_what_its_pods_are_like_lets_it_begin_anew(changes: dict[str, Any], status: Manifest) -> None:
    there = world(OLD, **status)
    assert f"Delete {migration.job(OLD)}" in steps(resource(**changes), there)


def test_so_does_taking_back_what_kept_its_pods_from_a_node() -> None:
    there = world(resource(spec__query__nodeSelector={"disk": "ssd"}), active=1)
    assert f"Delete {migration.job(OLD)}" in steps(OLD, there)


@pytest.mark.parametrize("changes", _REMEDIES, ids=str)
def test_but_a_pod_that_works_is_not_cut_off(changes: dict[str, Any]) -> None:
    there = world(OLD, active=1, ready=1)
    assert not [step for step in steps(resource(**changes), there) if "Job/nc-migrate" in step]


def test_a_hand_edit_of_what_may_change_is_set_back() -> None:
    there = world(OLD, active=1)
    found = there[migration.job(OLD)]
    found["spec"] |= {"suspend": True, "ttlSecondsAfterFinished": 1}
    fields: Manifest = {"f:spec": {"f:suspend": {}, "f:ttlSecondsAfterFinished": {}}}
    found["metadata"]["managedFields"].append({"manager": "kubectl-edit", "operation": "Update", "fieldsV1": fields})
    assert steps(OLD, there) == [f"Scrub {migration.job(OLD)}", f"Apply {migration.job(OLD)}"]


def test_what_the_server_fills_in_is_no_drift() -> None:
    for item in complete(OLD).manifests:
        if item["kind"] in ("Job", "CronJob"):
            assert drift.changed(item, live(item)) == []
            assert drift.dropped(item, live(item)) == []
