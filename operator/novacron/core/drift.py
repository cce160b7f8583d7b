"""What differs between a wanted manifest and the live object: our fields that changed, others' fields that crept in.

Our own fields are compared by value, over what the manifest sets: server defaults are not drift. Fields of others are
read from ``metadata.managedFields``, so that no list of server defaults has to be kept.
Source: structured-merge-diff ``fieldpath/serialize.go`` for the encoding of ``fieldsV1``.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from novacron.core import labels
from novacron.core.manifest import Manifest, at
from novacron.core.quantity import equal

Pointer = tuple[str | int, ...]
"""Steps into a manifest: mapping keys and list indices of the live object."""

_MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("containerPort", "port", "protocol"),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "ownerReferences": ("uid",),
}
_QUANTITIES = frozenset(
    {"limits", "requests", "default", "defaultRequest", "max", "min", "hard", "sizeLimit", "averageValue"}
)
_ALLOWED: frozenset[tuple[str, ...]] = frozenset(
    {
        ("spec", "template", "metadata", "annotations", labels.RESTARTED_AT),
        ("spec", "template", "spec", "serviceAccount"),
    }
)
"""What others may write: `kubectl rollout restart`, and an old alias that the server keeps equal to its new name."""

GUARDED: dict[str, tuple[tuple[str, ...], ...]] = {
    "Deployment": (("spec", "template"),),
    "NetworkPolicy": (("spec",),),
    "PodDisruptionBudget": (("spec",),),
    "Service": (("spec",),),
    "ExternalSecret": (("spec",),),
    "SecretStore": (("spec",),),
    "HorizontalPodAutoscaler": (("spec",),),
    "LimitRange": (("spec",),),
    "Ingress": (("spec",),),
    "HTTPRoute": (("spec",),),
    "Job": (("spec",),),
    "CronJob": (("spec",),),
}
"""Where an addition by somebody else changes what we promise; elsewhere additions are left alone."""

_MEANT = frozenset(
    {"allowPrivilegeEscalation", "automountServiceAccountToken", "enableServiceLinks", "hostUsers", "privileged"}
)
"""Switches that say something when they are false: the API server keeps a given false apart from an absent field."""


def pointer(path: Pointer) -> str:
    """RFC 6901 pointer."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def changed(wanted: Manifest, live: Manifest) -> list[str]:
    """Paths, in dotted form, of fields that the manifest sets and the live object has otherwise."""
    return list(_changed(wanted, live, ()))


def _changed(wanted: Any, live: Any, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(wanted, dict) and isinstance(live, dict):
        for key, value in wanted.items():
            if key in live:
                yield from _changed(value, live[key], (*path, key))
            elif value or key in _MEANT:  # the API server leaves out what else is empty, zero or false
                yield ".".join((*path, key))
    elif isinstance(wanted, list) and isinstance(live, list):
        yield from _changed_list(wanted, live, path)
    elif wanted != live and not (_QUANTITIES.intersection(path) and equal(wanted, live)):
        yield ".".join(path)


def _changed_list(wanted: list[Any], live: list[Any], path: tuple[str, ...]) -> Iterator[str]:
    keys = _MERGE_KEYS.get(path[-1] if path else "")
    if keys is None or not all(isinstance(item, dict) for item in wanted):
        if len(wanted) != len(live):
            yield ".".join(path)
            return
        for index, (left, right) in enumerate(zip(wanted, live, strict=True)):
            yield from _changed(left, right, (*path, str(index)))
        return
    found = {_identity(item, keys): item for item in live}
    for item in wanted:
        identity = _identity(item, keys)
        label = f"[{'/'.join(str(part) for part in identity if part is not None)}]"
        if identity in found:
            yield from _changed(item, found[identity], (*path, label))
        else:
            yield ".".join((*path, label))


def _identity(item: dict[str, Any], keys: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(item.get(key) for key in keys)


def contested(wanted: Manifest, live: Manifest) -> tuple[list[Pointer], list[Pointer]]:
    """Fields of others in the guarded places of a live object.

    Returns:
        additions: what the manifest does not set, to be removed; in an order in which JSON Patch may remove them.
        overrides: what the manifest sets as a whole (an atomic list, say) and somebody else rewrote.
    """
    additions: set[Pointer] = set()
    overrides: set[Pointer] = set()
    for path in GUARDED.get(wanted["kind"], ()):
        for fields in _foreign_fields(live):
            inner = at(fields, *(f"f:{step}" for step in path))
            if inner:
                _walk(inner, at(live, *path), at(wanted, *path), path, additions, overrides)
    return sorted(additions, key=_removal_order, reverse=True), sorted(overrides, key=pointer)


def dropped(wanted: Manifest, live: Manifest) -> list[str]:
    """Paths of fields that our last apply set and the manifest no longer sets; applying it again removes them."""
    gone: set[Pointer] = set()
    for entry in at(live, "metadata", "managedFields", default=[]):
        if _is_ours(entry):
            _walk(entry.get("fieldsV1", {}), live, wanted, (), gone, set())
    return sorted(".".join(map(str, path)) for path in gone)


def applied_by_us(live: Manifest) -> bool:
    """Whether the API server still knows our last apply; somebody may have wiped the record of who owns what."""
    return any(_is_ours(entry) for entry in at(live, "metadata", "managedFields", default=[]))


def _is_ours(entry: dict[str, Any]) -> bool:
    return (
        entry.get("manager") == labels.FIELD_MANAGER
        and entry.get("operation") == "Apply"
        and not entry.get("subresource")
    )


def _removal_order(path: Pointer) -> tuple[tuple[int, int | str], ...]:
    return tuple((1, step) if isinstance(step, int) else (0, step) for step in path)


def touched_by_others(live: Manifest) -> bool:
    """Whether anybody else wrote to the object outside its status: only then can a difference be drift."""
    return any(True for _ in _foreign_fields(live))


def _foreign_fields(live: Manifest) -> Iterator[dict[str, Any]]:
    for entry in at(live, "metadata", "managedFields", default=[]):
        if entry.get("subresource") or _is_ours(entry):
            continue
        fields = entry.get("fieldsV1", {})
        if entry.get("manager") == labels.HANDOVER_MANAGER:
            fields = _without_replicas(fields)
        if fields:
            yield fields


def _without_replicas(fields: dict[str, Any]) -> dict[str, Any]:
    """What a manager of that name owns beyond what the hand-over writes: the name alone gives nobody a right."""
    spec = {key: value for key, value in fields.get("f:spec", {}).items() if key != "f:replicas"}
    rest = {key: value for key, value in fields.items() if key != "f:spec"}
    return rest | ({"f:spec": spec} if spec else {})


def restored(wanted: Manifest, live: Manifest) -> list[tuple[Pointer, Any]]:
    """The guarded places as a whole, for where their parts cannot be brought back one by one.

    Returns:
        Place and content; with what others may write, as it stands in the live object.
    """
    places: list[tuple[Pointer, Any]] = []
    for path in GUARDED.get(wanted["kind"], ()):
        content = copy.deepcopy(at(wanted, *path))
        for allowed in _ALLOWED:
            kept = at(live, *allowed)
            if allowed[: len(path)] == path and kept is not None:
                _put(content, allowed[len(path) :], kept)
        places.append((path, content))
    return places


def _put(content: Manifest, path: tuple[str, ...], value: Any) -> None:
    for step in path[:-1]:
        content = content.setdefault(step, {})
    content[path[-1]] = value


def _walk(
    fields: dict[str, Any],
    live: Any,
    wanted: Any,
    path: Pointer,
    additions: set[Pointer],
    overrides: set[Pointer],
) -> None:
    for key, inner in fields.items():
        step, live_value = _step(key, live)
        if step is None or (*path, step) in _ALLOWED:
            continue
        here = (*path, step)
        wanted_value = _wanted(key, wanted)
        if wanted_value is None and any(allowed[: len(here)] == here for allowed in _ALLOWED):
            wanted_value = {}
        if wanted_value is None:
            additions.add(here)
        elif any(name != "." for name in inner):
            _walk(inner, live_value, wanted_value, here, additions, overrides)
        elif isinstance(wanted_value, list | dict) and list(_changed(live_value, wanted_value, tuple(map(str, here)))):
            overrides.add(here)


def _step(key: str, live: Any) -> tuple[str | int | None, Any]:
    """The step that a ``fieldsV1`` key takes into the live object, and what is there; None where nothing is."""
    kind, _, text = key.partition(":")
    if kind == "f" and isinstance(live, dict) and text in live:
        return text, live[text]
    if kind in ("k", "v") and isinstance(live, list):
        wanted = json.loads(text)
        for index, item in enumerate(live):
            if item == wanted if kind == "v" else _matches(item, wanted):
                return index, item
    return None, None


def _wanted(key: str, wanted: Any) -> Any:
    kind, _, text = key.partition(":")
    if kind == "f":
        return wanted.get(text) if isinstance(wanted, dict) else None
    if not isinstance(wanted, list):
        return None
    sought = json.loads(text)
    return next((item for item in wanted if (item == sought if kind == "v" else _matches(item, sought))), None)


def _matches(item: Any, keys: dict[str, Any]) -> bool:
    return isinstance(item, dict) and all(item.get(name) == value for name, value in keys.items())


def owns(live: Manifest, manager: str, *path: str) -> bool:
    """Whether a manager's server-side apply owns a field."""
    return any(
        entry.get("manager") == manager
        and entry.get("operation") == "Apply"
        and at(entry.get("fieldsV1", {}), *(f"f:{step}" for step in path)) is not None
        for entry in at(live, "metadata", "managedFields", default=[])
    )


def last_applied(live: Manifest, *path: str) -> Any:
    """What our last apply set at a path, with the values that are there now; None where the record of it is gone.

    Writing that again changes nothing of ours, and takes nothing over that others wrote.
    """
    for entry in at(live, "metadata", "managedFields", default=[]):
        fields = at(entry, "fieldsV1", *(f"f:{step}" for step in path))
        if _is_ours(entry) and fields is not None:
            return _projected(fields, at(live, *path))
    return None


def _projected(fields: dict[str, Any], live: Any) -> Any:
    inner = {key: within for key, within in fields.items() if key != "."}
    if not inner:
        return copy.deepcopy(live)
    found: dict[str | int, Any] = {}
    for key, within in inner.items():
        step, value = _step(key, live)
        if step is not None:
            found[step] = _projected(within, value)
    return [found[index] for index in sorted(found, key=int)] if isinstance(live, list) else found
