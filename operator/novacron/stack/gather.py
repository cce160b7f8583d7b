"""The reads of a pass: one snapshot of a namespace, as far as it concerns one NovaCron."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from novacron.adapters.kube import ApiError, Kube
from novacron.adapters.workloads import NoAnswer, Workloads
from novacron.api.v1alpha1 import NovaCron
from novacron.core import kinds, labels, names, quantity
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Kind, Manifest, Ref, at, owner_uids, ref
from novacron.core.readiness import Dependency
from novacron.ml import status as ml
from novacron.ml.status import Facts
from novacron.stack import dependencies, last_words, pods, refusal, sizing
from novacron.stack.capacity import Around
from novacron.stack.dependencies import Heard, Hearing, complaints
from novacron.stack.last_words import End
from novacron.stack.memory import Memory
from novacron.stack.problem import Problem, gravest

_ASKED = 3
"""Pods of one workload that are asked in a pass."""
_METRICS_SECONDS = 2.0
_CAPACITY = (kinds.LIMIT_RANGE, kinds.RESOURCE_QUOTA, kinds.AUTOSCALER, kinds.DISRUPTION_BUDGET)
"""Kinds of which somebody else's objects decide whether our pods can run: read without a selector."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Args:
    children: what carries our labels, complete.
    around: all objects of the capacity kinds in the namespace, ours included.
    """

    children: Mapping[Ref, Manifest]
    around: Mapping[str, tuple[Manifest, ...]]


async def snapshot(
    kube: Kube, namespace: str, instance: str, capabilities: Capabilities, may_have: Callable[[Kind], bool]
) -> Snapshot:
    """Lists every kind of child that the resource may have.

    Args:
        may_have: False where the watch of a kind knows that there is none, which saves the question.
    """
    selector = labels.owned(instance)
    wanted = [kind for kind in kinds.CHILDREN if capabilities.serves(kind) and kind not in _CAPACITY and may_have(kind)]
    own, around = await asyncio.gather(
        asyncio.gather(*(kube.list(kind, namespace, label_selector=selector) for kind in wanted)),
        asyncio.gather(*(kube.list(kind, namespace) for kind in _CAPACITY)),
    )
    children = {ref(item): item for page in own for item in page.items}
    for page in around:
        children |= {ref(item): item for item in page.items if _is_owned(item, instance)}
    return Snapshot(children, {kind.kind: page.items for kind, page in zip(_CAPACITY, around, strict=True)})


def _is_owned(item: Manifest, instance: str) -> bool:
    found: dict[str, str] = item["metadata"].get("labels", {})
    return found.get(labels.MANAGED_BY) == labels.MANAGER and found.get(labels.INSTANCE) == instance


async def taken(
    kube: Kube, namespace: str, absent: Collection[Ref], around: Mapping[str, tuple[Manifest, ...]]
) -> dict[Ref, Manifest]:
    """Objects that stand under wanted names without our labels; only the names alone are of interest."""
    unknown = sorted({kinds.BY_KIND[key.kind] for key in absent if key.kind not in around})
    pages = await asyncio.gather(*(kube.list(kind, namespace, metadata_only=True) for kind in unknown))
    found = [item for page in pages for item in page.items]
    found += [item for items in around.values() for item in items]
    return {ref(item): item for item in found if ref(item) in absent}


@dataclass(frozen=True, slots=True)
class Pods:
    """What the pods of incomplete workloads and of Jobs show and say.

    Args:
        problems: workload, or migrate -> the gravest one.
        said: workload -> what its pods say against their credentials, where they do.
        outdated: workload -> what its pods say against the schema.
        migration: how the last pod of the migration ended, where that was not well.
        upkeep: the same of the last upkeep.
        missing: Secret that pods wait for -> when a kubelet last said that it is not there.
    """

    problems: Mapping[str, Problem] = field(default_factory=dict)
    said: Mapping[str, Heard] = field(default_factory=dict)
    outdated: Mapping[str, Dependency] = field(default_factory=dict)
    migration: End | None = None
    upkeep: End | None = None
    missing: Mapping[str, datetime] = field(default_factory=dict)


async def living(
    kube: Kube,
    workloads: Workloads | None,
    resource: NovaCron,
    incomplete: Mapping[str, Manifest],
    job: Manifest | None,
    now: datetime,
) -> Pods:
    """Reads pods and FailedMount events, and asks pods that run but are not ready.

    Args:
        workloads: None where pods are out of reach.
        incomplete: workload -> its Deployment.
        job: the migration, where it has not succeeded.
    """
    meta = resource.metadata
    listed, events = await asyncio.gather(
        kube.list(kinds.POD, meta.namespace, label_selector=labels.owned(meta.name)),
        kube.list(kinds.CORE_EVENT, meta.namespace, field_selector="reason=FailedMount,involvedObject.kind=Pod"),
    )
    templates = {role: deployment["spec"]["template"] for role, deployment in incomplete.items()}
    own = [pod for pod in listed.items if _component(pod) in incomplete]
    runs = [pod for pod in listed.items if _component(pod) == names.MIGRATE]
    migrating = [pod for pod in runs if job is not None and job["metadata"]["uid"] in owner_uids(pod)]
    if job is not None:
        templates[names.MIGRATE] = job["spec"]["template"]
    going = [pod for pod in migrating if last_words.terminated(pod) is None or at(pod, "status", "reason")]
    found = pods.problems([*own, *going], events.items, templates, now)
    if job is not None and not migrating:
        found |= await _unmade(kube, job)
    said = await _said(workloads, resource, own) if workloads is not None else {}
    for role, answers in said.items():
        missed = dependencies.problem(answers)
        graver = gravest(problem for problem in (found.get(role), missed) if problem is not None)
        if graver is not None:
            found[role] = graver
    against = {role: complaints(item for answer in answers for item in answer) for role, answers in said.items()}
    return Pods(
        found,
        # without a complaint they may still miss the server: that says nothing of their login
        {role: complaint for role, complaint in against.items() if complaint},
        {role: item for role, answers in said.items() for item in dependencies.outdated(answers)},
        last_words.last_end(migrating),
        last_words.last_end(pod for pod in runs if pod not in migrating),
        pods.missing_secrets([*own, *going], events.items),
    )


async def memory(
    kube: Kube,
    resource: NovaCron,
    known: Facts | None,
    children: Mapping[Ref, Manifest],
    around: Around,
    heard: Hearing,
    remembered: Memory,
    now: datetime,
) -> Facts | None:
    """What is known of the memory of ml, with what its pods show; the metrics API is asked only where they are short.

    Args:
        known: without the pods; None: ml is off.
        around: all objects of the capacity kinds in the namespace.
        heard: what workloads said by now.
    """
    if known is None:
        return None
    meta = resource.metadata
    own = (await kube.list(kinds.POD, meta.namespace, label_selector=labels.pods_of(meta.name, ml.ROLE))).items
    found = sizing.seen(known, resource, children, own, now)
    if not ml.is_short(found, sizing.heard(heard)):
        return found
    found = sizing.within_quotas(found, resource, around, children, own)
    used = sizing.used(found, own, await _in_use(kube, resource))
    return dataclasses.replace(found, peak=remembered.peaked(found.limit, used))


async def _in_use(kube: Kube, resource: NovaCron) -> dict[str, int]:
    """Pod of ml -> bytes of memory in use, as the metrics API last saw it; nothing where that is not served.

    Only a message shows it, so nobody waits long for it.
    """
    meta = resource.metadata
    try:
        async with asyncio.timeout(_METRICS_SECONDS):
            selector = labels.pods_of(meta.name, ml.ROLE)
            found = await kube.list(kinds.POD_METRICS, meta.namespace, label_selector=selector)
        return {
            item["metadata"]["name"]: int(quantity.parse(str(container["usage"]["memory"])))
            for item in found.items
            for container in item["containers"]
            if container["name"] == ml.ROLE
        }
    except (ApiError, TimeoutError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return {}  # whatever stands behind an aggregated API is no reason to stop a pass


def _component(pod: Manifest) -> str:
    return str(at(pod, "metadata", "labels", labels.COMPONENT, default=""))


async def _unmade(kube: Kube, job: Manifest) -> dict[str, Problem]:
    """Why a Job has no pod at all: unlike a Deployment it says so in events alone."""
    meta = job["metadata"]
    chosen = f"reason=FailedCreate,involvedObject.kind=Job,involvedObject.uid={meta['uid']}"
    events = (await kube.list(kinds.CORE_EVENT, meta["namespace"], field_selector=chosen)).items
    if not events:
        return {}
    last = max(events, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    return {names.MIGRATE: refusal.refused("query", last.get("message", ""))}


async def _said(
    workloads: Workloads, resource: NovaCron, listed: Sequence[Manifest]
) -> dict[str, list[Sequence[Dependency]]]:
    """Workload -> the answers of a few of its pods that are not ready."""
    chosen: dict[str, list[str]] = {}
    for pod in sorted(listed, key=lambda item: str(item["metadata"]["name"])):
        role = pod["metadata"]["labels"][labels.COMPONENT]
        if pods.may_be_asked(pod) and len(chosen.setdefault(role, [])) < _ASKED:
            chosen[role].append(pod["status"]["podIP"])

    async def answer(role: str, address: str) -> tuple[str, Sequence[Dependency] | None]:
        spec = resource.spec.workloads[role]
        try:
            return role, await workloads.ask(address, spec.ports.http, spec.probes.readiness.path)
        except NoAnswer:
            return role, None

    answers = await asyncio.gather(*(answer(role, address) for role, asked in chosen.items() for address in asked))
    found: dict[str, list[Sequence[Dependency]]] = {}
    for role, given in answers:
        if given is not None:
            found.setdefault(role, []).append(given)
    return found
