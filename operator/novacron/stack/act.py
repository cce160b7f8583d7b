"""The writes of a pass: the steps of a plan, kind after kind, those of one rank at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from novacron.adapters.kube import ApiError, Conflict, Kube, NotFound, Unreachable
from novacron.core import drift, kinds, labels
from novacron.core.manifest import Manifest, Ref
from novacron.core.plan import Apply, Delete, Refuse, Scale, Scrub, Step, rank


@dataclass(slots=True)
class Outcome:
    """What became of a plan.

    Args:
        written: what the API server answered, by child.
        failures: refused writes with the server's words.
        persistent: fields that differ again in the very answer to our write.
        taken: names under which something was to be created and somebody else's object stands.
        done: the steps that were carried out.
    """

    written: dict[Ref, Manifest] = field(default_factory=dict)
    deleted: set[Ref] = field(default_factory=set)
    failures: dict[Ref, str] = field(default_factory=dict)
    persistent: dict[Ref, tuple[str, ...]] = field(default_factory=dict)
    taken: set[Ref] = field(default_factory=set)
    done: list[Step] = field(default_factory=list)


async def act(kube: Kube, steps: Sequence[Step], wrote: Callable[[Manifest], None]) -> Outcome:
    """Carries out a plan. A refused write does not stop the others; an API server that is away ends the pass.

    Args:
        wrote: told of every answer, before its echo comes back through a watch.

    Raises:
        Unreachable, Conflict, NotLeading: the pass is to be made again, later. No write is in flight any more then.
    """
    outcome = Outcome()
    for _rank, group in groupby(steps, key=lambda step: rank(step.ref.kind)):
        by_object: dict[Ref, list[Step]] = {}
        for step in group:
            by_object.setdefault(step.ref, []).append(step)
        chains = [_object(kube, chain, outcome, wrote) for chain in by_object.values()]
        # a write that is still in flight must not land after the next pass has looked
        failed = [error for error in await asyncio.gather(*chains, return_exceptions=True) if error is not None]
        if failed:
            raise failed[0]
    return outcome


async def _object(kube: Kube, chain: Iterable[Step], outcome: Outcome, wrote: Callable[[Manifest], None]) -> None:
    """The steps of one object, in order."""
    for step in chain:
        if isinstance(step, Refuse):
            continue
        try:
            answer = await _write(kube, step)
        except Unreachable:
            raise
        except ApiError as error:
            if isinstance(step, Delete) and isinstance(error, NotFound | Conflict):
                continue  # gone already, or another object of that name by now: the next pass sees it
            if isinstance(step, Apply) and step.cause == "created" and isinstance(error, Conflict):
                outcome.taken.add(step.ref)
                return
            if isinstance(step, Scrub) or isinstance(error, Conflict):
                raise Conflict(409, "Conflict", f"{step.ref} changed meanwhile: {error}") from error
            outcome.failures[step.ref] = str(error)
            return
        outcome.done.append(step)
        if answer is None:
            outcome.deleted.add(step.ref)
            continue
        wrote(answer)
        outcome.written[step.ref] = answer
        left = _left(step, answer)
        if left:
            outcome.persistent[step.ref] = left


def _left(step: Step, answer: Manifest) -> tuple[str, ...]:
    """What is not as written in the answer to the write itself: admission changed it, and would again."""
    match step:
        case Scrub():
            additions, _overrides = drift.contested(step.manifest, answer)
            return tuple(drift.pointer(path) for path in additions)
        case Apply() if step.cause != "created":
            _additions, overrides = drift.contested(step.manifest, answer)
            rewritten = (".".join(map(str, path)) for path in overrides)
            return tuple(dict.fromkeys([*drift.changed(step.manifest, answer), *rewritten]))
        case _:
            return ()


async def _write(kube: Kube, step: Apply | Scale | Scrub | Delete) -> Manifest | None:
    kind = kinds.BY_KIND[step.ref.kind]
    namespace, name = step.ref.namespace, step.ref.name
    match step:
        case Apply(cause="created"):
            return await kube.apply_new(kind, step.manifest)
        case Apply():
            return await kube.apply(kind, step.manifest)
        case Scale():
            patch = {
                "apiVersion": kind.api_version,
                "kind": kind.kind,
                "metadata": {"name": name, "namespace": namespace},
                "spec": {"replicas": step.replicas},
            }
            return await kube.apply(kind, patch, manager=labels.HANDOVER_MANAGER)
        case Scrub():
            operations: list[dict[str, Any]] = [
                {"op": "test", "path": "/metadata/resourceVersion", "value": step.resource_version}
            ]
            operations += [{"op": "remove", "path": drift.pointer(path)} for path in step.additions]
            return await kube.json_patch(kind, namespace, name, operations)
        case Delete():
            await kube.delete(kind, namespace, name, step.uid)
            return None
