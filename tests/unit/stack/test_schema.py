"""SchemaCurrent: the verdict over Job, pods and upkeep, and what it means for the whole."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from novacron.core.conditions import Condition
from novacron.core.manifest import Manifest, Ref
from novacron.core.readiness import Dependency
from novacron.stack import migration, status
from novacron.stack.last_words import End
from novacron.stack.observed import Observed
from novacron.stack.problem import Problem
from tests.unit.stack.test_status import _child, _deployment, _observed, _resource, _summary

JOB = migration.job(_resource()).name


def job(**status: Any) -> Manifest:
    return _child("Job", JOB, **status)


def failed(reason: str) -> Manifest:
    return job(conditions=[{"type": "Failed", "status": "True", "reason": reason}])


def judged(observed: Observed) -> Condition:
    return next(item for item in status.judge(observed) if item.type == "SchemaCurrent")


def told(*children: Manifest, **facts: Any) -> tuple[str, str]:
    found = judged(_observed(*children, **facts))
    return found.status, found.reason


def without(observed: Observed, kind: str, name: str) -> Observed:
    gone = Ref(kind, "n", name)
    return dataclasses.replace(
        observed,
        children={key: item for key, item in observed.children.items() if key != gone},
        wanted=observed.wanted - {gone},
    )


def test_a_job_that_succeeded_is_enough() -> None:
    assert told() == ("True", "SchemaCurrent")


@pytest.mark.parametrize(
    ("child", "facts", "reason"),
    [
        (job(active=1), {}, "MigrationRunning"),
        (job(active=1), {"migration": End("Unreachable: nobody", unreachable=True)}, "DependencyUnreachable"),
        (job(active=1), {"migration": End("LockTimeout: held")}, "MigrationRunning"),
        (job(active=1), {"problems": {"migrate": Problem("SecretMissing", "secret gone", "make it")}}, "SecretMissing"),
        (failed("BackoffLimitExceeded"), {}, "MigrationRunning"),
    ],
    ids=["runs", "cannot reach the database", "is tried again", "cannot start", "begins anew"],
)
def test_what_can_still_come_by_itself_reconciles(child: Manifest, facts: dict[str, Any], reason: str) -> None:
    assert told(child, **facts) == ("False", reason)
    assert _summary(_observed(child, **facts)) == ("False", "True", "False", reason)


def test_a_refused_migration_stalls_with_its_words_and_the_way_to_run_it_again() -> None:
    observed = _observed(failed("PodFailurePolicy"), migration=End("RightMissing: may not make roles"))
    assert _summary(observed) == ("False", "False", "True", "MigrationFailed")
    message = judged(observed).message
    assert "RightMissing: may not make roles" in message
    assert f"kubectl delete -n n job/{JOB}" in message


def test_a_job_that_is_gone_is_about_to_come_back() -> None:
    found = judged(without(_observed(), "Job", JOB))
    assert (found.status, found.reason) == ("False", "MigrationRunning")


def test_it_is_the_cause_before_workloads_that_wait_for_it() -> None:
    observed = without(_observed(failed("PodFailurePolicy")), "Deployment", "nc-auth")
    assert _summary(observed)[3] == "MigrationFailed"
    workloads = next(item for item in status.judge(observed) if item.type == "WorkloadsAvailable")
    assert workloads.message == "auth: waits for its schema: see condition SchemaCurrent"


@pytest.mark.parametrize(
    ("last", "well", "active", "reason"),
    [
        ("2026-11-26T03:00:00Z", "2026-11-26T03:00:09Z", [], "SchemaCurrent"),
        ("2026-11-26T03:00:00Z", "2026-11-25T03:00:09Z", [], "UpkeepFailed"),
        ("2026-11-26T03:00:00Z", None, [], "UpkeepFailed"),
        ("2026-11-26T03:00:00Z", "2026-11-25T03:00:09Z", [{"name": "x"}], "SchemaCurrent"),
        (None, None, [], "SchemaCurrent"),
    ],
    ids=["well", "failed", "never well", "runs", "not yet due"],
)
def test_upkeep_that_failed_is_told_and_gates_nothing(
    last: str | None, well: str | None, active: list[Manifest], reason: str
) -> None:
    cron_job = _child("CronJob", "nc-upkeep", lastScheduleTime=last, lastSuccessfulTime=well, active=active)
    observed = _observed(cron_job, upkeep=End("StatementFailed: of the upkeep"))
    assert (judged(observed).status, judged(observed).reason) == ("True", reason)
    assert ("StatementFailed: of the upkeep" in judged(observed).message) == (reason == "UpkeepFailed")
    assert _summary(observed)[0] == "True"


_DIFFERENT = Dependency("schema", "down", True, "nc-database", "SchemaDiffers", "auth.users lacks column email")
_OUTDATED = Dependency("schema", "down", True, "nc-database", "SchemaOutdated", "auth is 0001, 0002 is needed")


@pytest.mark.parametrize(
    ("children", "facts", "expected"),
    [
        ((), {}, ("True", "SchemaCurrent")),
        ((_deployment("auth", availableReplicas=0),), {}, ("Unknown", "Unobserved")),
        ((_deployment("auth", availableReplicas=0),), {"outdated": {"auth": _OUTDATED}}, ("False", "SchemaOutdated")),
        ((_deployment("auth", availableReplicas=0),), {"outdated": {"auth": _DIFFERENT}}, ("False", "SchemaDiffers")),
        ((_deployment("api", availableReplicas=0),), {}, ("True", "SchemaCurrent")),
    ],
    ids=["ready pods", "no pod is ready", "pods miss tables", "pods find others", "another's pods"],
)
def test_without_a_job_pods_tell(
    children: tuple[Manifest, ...], facts: dict[str, Any], expected: tuple[str, str]
) -> None:
    resource = _resource(database={"host": "db", "cidrs": ["10.0.0.0/24"], "migrate": False})
    assert told(*children, resource=resource, **facts) == expected


def test_without_users_there_is_nothing_to_be_current() -> None:
    resource = _resource(auth={"enabled": False}, query={"enabled": False})
    assert told(resource=resource) == ("True", "Disabled")


@pytest.mark.parametrize("kind", ["Job", "CronJob"])
def test_a_refused_write_is_told(kind: str) -> None:
    observed = _observed(failures={Ref(kind, "n", "nc-x"): "quota"})
    assert (judged(observed).status, judged(observed).reason) == ("False", "WriteFailed")
    assert _summary(observed) == ("False", "True", "False", "WriteFailed")
