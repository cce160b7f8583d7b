"""The Jobs of the database: one for each image brings the schemas forward, and a daily one keeps them. Pure.

Pods of a new image come only after the Job of that image has succeeded: migrations go forward only and stay compatible
with the image before, so older pods work on meanwhile. A Job's template can never be changed. Hence one that succeeded
is left as it is for as long as its name is wanted, and any other is made anew when it is no longer what is wanted.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping

from novacron.api.v1alpha1 import NovaCron, Workload
from novacron.core import drift, kinds, names
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Manifest, Ref, at, owner_uids, ref
from novacron.core.plan import Wanted
from novacron.stack import settings
from novacron.vault import desired as vault
from novacron.workload import objects, pod
from novacron.workload.component import Component

NO_MORE_TRIES = "BackoffLimitExceeded"
"""Why a Job failed whose cause may have gone since: its pods could not reach the database, say."""
_TRIES = 6
"""Failed pods; the Job controller waits 10 s after the first one, and twice as long after each further one."""
_FINAL_EXITS = [1, 2]
"""Exit codes of ``novacron migrate`` after which another run ends the same way."""
_DIGEST_LENGTH = 10
_FIXED = ("spec.template", "spec.podFailurePolicy", "spec.completions", "spec.completionMode")
"""What of a Job nobody can change."""
_HOURS = 6
_LATE_SECONDS = _HOURS * 3600
"""How late an upkeep may still start, as when the control plane was away at its time."""


def children(resource: NovaCron, capabilities: Capabilities) -> list[Manifest]:
    if not resource.spec.migrates:
        return []
    once = _component(resource, capabilities, ())
    daily = _component(resource, capabilities, ("--upkeep",))
    return [objects.service_account(once), objects.config_map(once), _job(once), _cron_job(daily)]


def _component(resource: NovaCron, capabilities: Capabilities, options: tuple[str, ...]) -> Component:
    return Component(
        resource,
        capabilities,
        names.MIGRATE,
        _pods(resource),
        settings.migration(resource),
        "",
        vault.mounts(resource, names.MIGRATE),
        options,
    )


def _pods(resource: NovaCron) -> Workload:
    """Of query's size and place, with the image of whoever uses the schemas: auth, or query where auth is off."""
    spec = resource.spec
    image = spec.auth.image if spec.auth.enabled else spec.query.image
    return spec.query.model_copy(update={"image": image})


def _job(component: Component) -> Manifest:
    spec = {"completions": 1, "parallelism": 1, "completionMode": "NonIndexed", "suspend": False, **_runs(component)}
    return component.manifest(kinds.JOB, job(component.resource).name, spec=spec)


def _cron_job(component: Component) -> Manifest:
    """Its Jobs carry no labels of ours: they are not children, and no watch need follow them."""
    name = component.resource.metadata.name
    spec = {
        "schedule": _schedule(f"{component.resource.metadata.namespace}/{name}"),
        "timeZone": "Etc/UTC",
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": _LATE_SECONDS,
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 1,
        "suspend": False,
        "jobTemplate": {"spec": _runs(component)},
    }
    return component.manifest(kinds.CRON_JOB, names.upkeep(name), spec=spec)


def _runs(component: Component) -> Manifest:
    """No deadline: a long migration is not cut off, and a pod that cannot start is told of, not killed."""
    final = {
        "action": "FailJob",
        "onExitCodes": {"containerName": names.MIGRATE, "operator": "In", "values": _FINAL_EXITS},
    }
    drained = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    return {
        "backoffLimit": _TRIES,
        "podFailurePolicy": {"rules": [final, drained]},
        "template": pod.template(component),
    }


def _schedule(seed: str) -> str:
    """Once a day, at a minute between 0 and 6 o'clock that is the same for ever, and not that of all others."""
    minutes = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4]) % (_HOURS * 60)
    return f"{minutes % 60} {minutes // 60} * * *"


def job(resource: NovaCron) -> Ref:
    """The Job that has to succeed before pods of auth and query may be what is wanted.

    Its name has a hash of what makes another run necessary.
    """
    meta, database = resource.metadata, resource.spec.database
    image = pod.image(resource, _pods(resource).image)
    inputs = [image, database.host, str(database.port), database.name, *resource.spec.schemas]
    digest = hashlib.sha256("\n".join(inputs).encode()).hexdigest()[:_DIGEST_LENGTH]
    return Ref(kinds.JOB.kind, meta.namespace, names.migration(meta.name, digest))


def unfinished(resource: NovaCron, children: Mapping[Ref, Manifest]) -> Manifest | None:
    """That Job, where it has not succeeded."""
    found = children.get(job(resource)) if resource.spec.migrates else None
    return None if found is None or succeeded(found) else found


def upkeep_failed(resource: NovaCron, children: Mapping[Ref, Manifest]) -> bool:
    """Whether the last upkeep ended, and not well. RFC 3339 times of one form sort as texts."""
    meta = resource.metadata
    found = children.get(Ref(kinds.CRON_JOB.kind, meta.namespace, names.upkeep(meta.name)), {})
    status = found.get("status", {})
    begun, well = status.get("lastScheduleTime") or "", status.get("lastSuccessfulTime") or ""
    return resource.spec.migrates and not status.get("active") and begun > well


def succeeded(found: Manifest) -> bool:
    return _condition(found, "Complete") is not None


def failed(found: Manifest) -> str:
    """Why a Job has failed for good, in the words of its controller; empty when it has not."""
    condition = _condition(found, "Failed")
    return str(condition.get("reason") or "Failed") if condition is not None else ""


def _condition(found: Manifest, type_: str) -> Manifest | None:
    listed = at(found, "status", "conditions", default=[])
    return next((item for item in listed if item.get("type") == type_ and item.get("status") == "True"), None)


def with_jobs(wanted: Wanted, resource: NovaCron, live: Mapping[Ref, Manifest]) -> Wanted:
    """What is wanted of Jobs, given those that are there.

    One that succeeded is done. One that is to be made anew is left out once, so that it is deleted, and comes back in
    the next pass.
    """
    if not resource.spec.migrates:
        return wanted
    jobs = {key: item for key, item in live.items() if key.kind == kinds.JOB.kind and _ours(item, resource)}
    manifests, kept = [], set()
    done = True
    for item in wanted.manifests:
        found = jobs.pop(ref(item), None)
        if item["kind"] != kinds.JOB.kind:
            manifests.append(item)
        elif found is not None and succeeded(found):
            kept.add(ref(item))
        else:
            done = False
            if found is None or not _outdated(item, found):
                manifests.append(item)
            elif _running(found):
                kept.add(ref(item))
    kept |= _of_use(jobs, done=done)
    return dataclasses.replace(wanted, manifests=tuple(manifests), kept=frozenset(kept))


def _of_use(superseded: Mapping[Ref, Manifest], *, done: bool) -> set[Ref]:
    """Jobs that are not wanted now, and are to stay: a schema serves the image before its own, so that going back to
    that one needs no run, and a run of it would only find a newer schema.

    Args:
        done: whether the wanted one has succeeded: then the last one before it is the only image to go back to.
    """
    well = {key: item for key, item in superseded.items() if succeeded(item)}
    if not done:
        return well.keys() | {key for key, item in superseded.items() if _running(item)}
    return (
        {max(well, key=lambda key: (str(at(well[key], "status", "completionTime", default="")), key))}
        if well
        else set()
    )


def _ours(found: Manifest, resource: NovaCron) -> bool:
    return resource.metadata.uid in owner_uids(found)


def _outdated(item: Manifest, found: Manifest) -> bool:
    """Whether a Job that did not succeed must begin anew: it can have no further tries, nor another template."""
    fields = (*drift.changed(item, found), *drift.dropped(item, found))
    return failed(found) == NO_MORE_TRIES or any(name.startswith(_FIXED) for name in fields)


def _running(found: Manifest) -> bool:
    """Whether a pod of it is at work: that one is not cut off."""
    return bool(at(found, "status", "ready"))


def in_turn(wanted: Wanted, resource: NovaCron, live: Mapping[Ref, Manifest]) -> Wanted:
    """What may be there by now: until the schemas are what auth and query of the wanted image need, their pods stay.

    Of their Deployments all but the template is as wanted; one that is not there yet is not made, nor its autoscaler.
    """
    found = live.get(job(resource))
    if not resource.spec.migrates or (found is not None and _ours(found, resource) and succeeded(found)):
        return wanted
    waiting = {names.component(resource.metadata.name, role) for role in resource.spec.schemas}
    manifests = []
    for item in wanted.manifests:
        key = ref(item)
        if key.name not in waiting or key.kind not in (kinds.DEPLOYMENT.kind, kinds.AUTOSCALER.kind):
            manifests.append(item)
            continue
        deployment = live.get(dataclasses.replace(key, kind=kinds.DEPLOYMENT.kind))
        if deployment is None:
            continue
        held = key.kind == kinds.DEPLOYMENT.kind and _ours(deployment, resource)
        manifests.append(_held(item, deployment) if held else item)
    return dataclasses.replace(wanted, manifests=tuple(manifests))


def _held(item: Manifest, found: Manifest) -> Manifest:
    """With the template that is there, as far as it is ours."""
    template = drift.last_applied(found, "spec", "template") or at(found, "spec", "template")
    return item | {"spec": item["spec"] | {"template": template}}
