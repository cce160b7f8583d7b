"""Which fields of a NovaCron applying a file would change: those it sets otherwise, and those it sets no longer.

Applying a file removes what the last one set and this one does not. What that was is known from the annotation that
``kubectl apply`` leaves, and from the fields that server-side apply owns. Edits by other means stay.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from novacron.api.v1alpha1 import NovaCron
from novacron.core import drift, labels
from novacron.core.errors import NovaCronError
from novacron.core.manifest import Manifest, at

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
Path = tuple[str, ...]


def fields(body: Manifest, parsed: NovaCron, live: Manifest) -> list[str]:
    """Paths that would change; with a minus where the file no longer sets the field.

    Args:
        body: the file.
        parsed: the same with all defaults: a field that only falls back to the value it has does not change.

    Raises:
        NovaCronError: the annotation of ``kubectl apply`` is no JSON.
    """
    after = parsed.manifest()
    given = {"spec": _without_nulls(body["spec"])}
    found = dict.fromkeys(drift.changed(given, live))
    for last in _applied(live):
        for path in _left_out(last, given):
            if at(live, *path) != at(after, *path):
                name = ".".join(path)
                found.setdefault(name if at(given, *path) is not None else f"-{name}")
    return list(found)


def _without_nulls(value: Any) -> Any:
    """A null is "not given", as the API server has it."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value


def _applied(live: Manifest) -> Iterator[Manifest]:
    """What was applied before, once for each way in which it was."""
    text = at(live, "metadata", "annotations", _LAST_APPLIED)
    if text is not None:
        try:
            yield {"spec": at(json.loads(text), "spec", default={})}
        except ValueError as error:
            name = live["metadata"]["name"]
            problem = f"NovaCron/{name}: metadata.annotations.{_LAST_APPLIED}: not JSON; remove the annotation"
            raise NovaCronError(problem) from error
    for entry in at(live, "metadata", "managedFields", default=[]):
        theirs = entry.get("operation") == "Apply" and entry.get("manager") != labels.FIELD_MANAGER
        if theirs and not entry.get("subresource"):
            owned = at(entry, "fieldsV1", "f:spec", default={})
            yield {"spec": _owned(owned, live["spec"]) if owned else {}}


def _owned(names: dict[str, Any], live: Any) -> Any:
    """The part of a live value that ``fieldsV1`` names; all of it where no part is named."""
    parts = {key: inner for key, inner in names.items() if key != "."}
    if not parts:
        return live
    if isinstance(live, list):
        return [item for item in live if any(_is_named(item, key) for key in parts)]
    if isinstance(live, dict):
        steps = {key.removeprefix("f:"): inner for key, inner in parts.items()}
        return {key: _owned(inner, live[key]) for key, inner in steps.items() if key in live}
    return live


def _is_named(item: Any, key: str) -> bool:
    """Whether a list item is the one of a ``k:`` (by its keys) or ``v:`` (by its value) of ``fieldsV1``."""
    kind, _, text = key.partition(":")
    sought = json.loads(text)
    if kind == "v":
        return bool(item == sought)
    return isinstance(item, dict) and all(item.get(name) == value for name, value in sought.items())


def _left_out(applied: Any, given: Any, path: Path = ()) -> Iterator[Path]:
    """Paths of what was applied and is given no longer; of a list that has lost an item: its own."""
    if isinstance(applied, dict) and (given is None or isinstance(given, dict)):
        for key, value in applied.items():
            yield from _left_out(value, (given or {}).get(key), (*path, key))
    elif given is None:
        yield path
    elif isinstance(applied, list) and isinstance(given, list):
        kept = [_identity(item) for item in given]
        if any(_identity(item) not in kept for item in applied):
            yield path


def _identity(item: Any) -> Any:
    return item.get("name", item) if isinstance(item, dict) else item
