"""SchemaCurrent: whether the database is what this version needs, as the Jobs say, or the pods where there are none."""

from __future__ import annotations

from novacron.core import conditions as c
from novacron.core import names
from novacron.core.conditions import Condition, Status
from novacron.stack import migration, rollout
from novacron.stack.observed import Observed


def condition(o: Observed) -> Condition:
    """Of a resource whose namespace is its own."""
    spec = o.resource.spec
    if not spec.schemas:
        return _condition("True", "Disabled", "Neither auth nor query is enabled: nothing uses the database")
    return _from_job(o) if spec.migrates else _from_pods(o)


def _from_job(o: Observed) -> Condition:
    key = migration.job(o.resource)
    job = o.children.get(key)
    if job is not None and migration.succeeded(job):
        return _kept(o)
    if job is None:
        return _condition("False", "MigrationRunning", f"{key} is about to start")
    if migration.failed(job) not in ("", migration.NO_MORE_TRIES):
        why = o.migration or "its pods are gone"
        again = f"kubectl delete -n {key.namespace} job/{key.name}"
        message = f"{key} failed: {why}; once that is put right, delete the Job, and it runs again: `{again}`"
        return _condition("False", "MigrationFailed", message)
    problem = o.problems.get(names.MIGRATE)
    if problem is not None:
        return _condition("False", problem.reason, f"{key}: {problem}")
    if o.migration is not None:
        reason = "DependencyUnreachable" if o.migration.unreachable else "MigrationRunning"
        return _condition("False", reason, f"{key} is tried again and again: {o.migration}")
    message = f"{key} brings the schemas forward; new pods of {_users(o)} wait for it"
    return _condition("False", "MigrationRunning", message)


def _kept(o: Observed) -> Condition:
    """The schemas are current; upkeep that failed makes nothing stop for weeks, but must be known."""
    if migration.upkeep_failed(o.resource, o.children):
        why = o.upkeep or "its pods are gone"
        name = names.upkeep(o.resource.metadata.name)
        message = f"The schemas are what this version needs; the last run of CronJob/{name} failed: {why}"
        return _condition("True", "UpkeepFailed", message)
    return _condition("True", "SchemaCurrent", f"The schemas of {_users(o)} are what this version needs")


def _from_pods(o: Observed) -> Condition:
    """``database.migrate`` is false: a pod that is ready has found its schema, for it is not ready without."""
    if o.outdated:
        said = "; ".join(f"{role}: {item.message}" for role, item in sorted(o.outdated.items()))
        if any(item.reason == "SchemaDiffers" for item in o.outdated.values()):
            return _condition("False", "SchemaDiffers", said)
        remedy = "database.migrate is false, so run `novacron migrate` of this version yourself"
        return _condition("False", "SchemaOutdated", f"{said}; {remedy}")
    waiting = [role for role in o.resource.spec.schemas if not rollout.state(o, role).available]
    if waiting:
        message = f"{', '.join(waiting)}: no pod has found its schema yet (database.migrate is false)"
        return _condition("Unknown", "Unobserved", message)
    message = f"{_users(o)} found their schemas, as their pods are ready (database.migrate is false)"
    return _condition("True", "SchemaCurrent", message)


def _users(o: Observed) -> str:
    return " and ".join(o.resource.spec.schemas)


def _condition(status: Status, reason: str, message: str) -> Condition:
    return Condition(c.SCHEMA_CURRENT, status, reason, message)
