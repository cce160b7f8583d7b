"""From what is wanted and what is there to the writes that close the gap. Pure: no order of events, no history.

An object is ours when it carries our label and its controller owner is this very resource (by uid). What is ours and
no longer wanted is pruned; what is wanted and stands there as somebody else's is refused, never taken.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from novacron.core import drift, labels
from novacron.core.manifest import Manifest, Ref, at, owner_uids, ref


@dataclass(frozen=True, slots=True)
class Apply:
    """Server-side apply of the whole manifest.

    Args:
        found: the object that is meant, where there is one; another one that bears its name by now is left alone.
    """

    manifest: Manifest
    cause: Literal["created", "changed", "drifted"]
    fields: tuple[str, ...] = ()
    found: Manifest | None = None

    @property
    def ref(self) -> Ref:
        return ref(self.manifest)


@dataclass(frozen=True, slots=True)
class Scale:
    """Server-side apply of ``spec.replicas`` alone, by the hand-over manager."""

    ref: Ref
    replicas: int
    found: Manifest | None = None


@dataclass(frozen=True, slots=True)
class Scrub:
    """JSON Patch that removes what others added where only ours may stand.

    It goes before an Apply of the same object: a list item under another key may make ours a duplicate.
    """

    manifest: Manifest
    additions: tuple[drift.Pointer, ...]
    found: Manifest

    @property
    def ref(self) -> Ref:
        return ref(self.manifest)


@dataclass(frozen=True, slots=True)
class Delete:
    ref: Ref
    uid: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """A wanted name is taken. ``leaving``: by a child of a deleted predecessor, which garbage collection removes."""

    ref: Ref
    leaving: bool


Step = Apply | Scale | Scrub | Delete | Refuse


def is_repair(step: Step) -> bool:
    """Whether a step undoes what somebody else did."""
    return isinstance(step, Scrub) or (isinstance(step, Apply) and step.cause == "drifted")


def set_back(step: Step, persistent: Collection[str] = ()) -> tuple[str, ...]:
    """The fields in which a step undid what somebody else did, but for those that admission changed again at once."""
    match step:
        case Scrub():
            fields = tuple(drift.pointer(path) for path in step.additions)
        case Apply(cause="drifted"):
            fields = step.fields
        case _:
            fields = ()
    return tuple(name for name in fields if name not in persistent)


_BOUNDS = ("LimitRange", "ResourceQuota")
_PODS = ("Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Job", "CronJob")


def rank(kind: str) -> int:
    """Place in the order of writes: bounds, then what pods need, then the pods; those of one rank may go at once."""
    return 0 if kind in _BOUNDS else 2 if kind in _PODS else 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """Everything that should exist, complete; what is not in it must not exist.

    Args:
        initial_replicas: first replicas of Deployments that an autoscaler owns from then on.
        kept: what may stay as it is, and is not made where it is missing: Jobs that are done.
    """

    manifests: tuple[Manifest, ...]
    initial_replicas: Mapping[Ref, int]
    kept: frozenset[Ref] = frozenset()


def plan(
    wanted: Wanted,
    live: Mapping[Ref, Manifest],
    taken: Mapping[Ref, Manifest],
    uid: str,
    undisturbed: bool | None,
    tolerated: Collection[tuple[Ref, str]] = (),
) -> tuple[Step, ...]:
    """The writes that turn ``live`` into ``wanted``.

    Args:
        live: children that carry our labels, complete.
        taken: objects of wanted names that do not carry our labels (metadata is enough).
        uid: of the resource.
        undisturbed: whether neither the resource nor what is wanted changed since the last pass, so that a difference
            can only be somebody else's doing. None: not known, as after a start; then the record of owners tells.
        tolerated: fields that came back right after our last write; written again they would only come back.
    """
    steps: list[Step] = []
    names: set[Ref] = set()
    for manifest in wanted.manifests:
        key = ref(manifest)
        names.add(key)
        found = live.get(key)
        if found is None and key not in taken:
            steps.append(Apply(manifest, "created"))
            if key in wanted.initial_replicas:
                steps.append(Scale(key, wanted.initial_replicas[key]))
        elif found is None and uid in owner_uids(taken[key]):
            steps.append(_relabelled(manifest, taken[key]))
        elif found is None or uid not in owner_uids(found):
            steps.append(Refuse(key, _leaving(found if found is not None else taken[key], manifest)))
        else:
            steps.extend(_repair(manifest, found, _cause(found, undisturbed), tolerated))
    steps.extend(_prune(names | wanted.kept, live.values(), uid))
    return tuple(sorted(steps, key=lambda step: rank(step.ref.kind)))


def _relabelled(manifest: Manifest, found: Manifest) -> Apply:
    """Ours, but not found by our labels: somebody took them away, or it is too new for the watch."""
    present = at(found, "metadata", "labels", default={})
    if all(present.get(name) == value for name, value in manifest["metadata"]["labels"].items()):
        return Apply(manifest, "changed", (), found)
    return Apply(manifest, "drifted", ("metadata.labels",), found)


def _cause(found: Manifest, undisturbed: bool | None) -> Literal["changed", "drifted"]:
    theirs = drift.touched_by_others(found) if undisturbed is None else undisturbed
    return "drifted" if theirs else "changed"


def _leaving(found: Manifest, manifest: Manifest) -> bool:
    wanted_owner = manifest["metadata"]["ownerReferences"][0]
    return any(
        owner.get("kind") == labels.KIND
        and owner["name"] == wanted_owner["name"]
        and owner["uid"] != wanted_owner["uid"]
        for owner in at(found, "metadata", "ownerReferences", default=[])
    )


def _repair(
    manifest: Manifest,
    found: Manifest,
    cause: Literal["changed", "drifted"],
    tolerated: Collection[tuple[Ref, str]],
) -> Iterable[Step]:
    key = ref(manifest)
    if at(found, "metadata", "deletionTimestamp") is not None:
        return
    additions, overrides = drift.contested(manifest, found)
    fields = [*drift.changed(manifest, found), *(".".join(map(str, path)) for path in overrides)]
    fields += [f"-{name}" for name in drift.dropped(manifest, found)]
    if not drift.applied_by_us(found):
        fields.append("metadata.managedFields")
    fields = [name for name in fields if (key, name) not in tolerated]
    additions = [path for path in additions if (key, drift.pointer(path)) not in tolerated]
    if additions:
        yield Scrub(manifest, tuple(additions), found)
    autoscaled = key.kind == "Deployment" and "replicas" not in manifest["spec"]
    if autoscaled and drift.owns(found, labels.FIELD_MANAGER, "spec", "replicas"):
        yield Scale(key, found["spec"]["replicas"], found)
        cause, fields = "changed", ["spec.replicas"]
    if fields:
        yield Apply(manifest, cause, tuple(dict.fromkeys(fields)), found)


def _prune(names: Collection[Ref], live: Iterable[Manifest], uid: str) -> Iterable[Delete]:
    for found in live:
        key = ref(found)
        if key not in names and uid in owner_uids(found) and at(found, "metadata", "deletionTimestamp") is None:
            yield Delete(key, found["metadata"]["uid"])
