"""The writes of a pass: the steps of a plan, kind after kind, those of one rank at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from novacron.adapters.kube import (
    ApiError,
    Conflict,
    Invalid,
    Kube,
    NamespaceTerminating,
    NotFound,
    Unreachable,
)
from novacron.core import drift, kinds, labels
from novacron.core.manifest import Manifest, Ref
from novacron.core.plan import Apply, Delete, Refuse, Scale, Scrub, Step, is_repair, rank


@dataclass(slots=True)
class Outcome:
    """What became of a plan.

    Args:
        written: what the API server answered, by child.
        failures: refused writes with the server's words.
        persistent: fields that differ again in the very answer to our write.
        taken: names under which something was to be created and the API server knows something already: its words.
        done: the steps that were carried out.
    """

    written: dict[Ref, Manifest] = field(default_factory=dict)
    deleted: set[Ref] = field(default_factory=set)
    failures: dict[Ref, str] = field(default_factory=dict)
    persistent: dict[Ref, tuple[str, ...]] = field(default_factory=dict)
    taken: dict[Ref, str] = field(default_factory=dict)
    done: list[Step] = field(default_factory=list)

    def forget_objects(self) -> None:
        """Before a second look, which shows them as they are and plans again what failed; what was done stays."""
        self.written.clear()
        self.deleted.clear()
        self.taken.clear()
        self.failures.clear()


async def act(kube: Kube, steps: Sequence[Step], wrote: Callable[[Manifest], None], outcome: Outcome) -> None:
    """Carries out a plan. A refused write does not stop the others; an API server that is away ends the pass.

    Args:
        wrote: told of every answer, before its echo comes back through a watch.
        outcome: filled in, also as far as the plan got before an error.

    Raises:
        Unreachable, Conflict, NotLeading: the pass is to be made again, later. No write is in flight any more then.
        NamespaceTerminating: nothing can be made there any more.
    """
    for _rank, group in groupby(steps, key=lambda step: rank(step.ref.kind)):
        by_object: dict[Ref, list[Step]] = {}
        for step in group:
            by_object.setdefault(step.ref, []).append(step)
        chains = [_object(kube, chain, outcome, wrote) for chain in by_object.values()]
        # a write that is still in flight must not land after the next pass has looked
        failed = [error for error in await asyncio.gather(*chains, return_exceptions=True) if error is not None]
        if failed:
            raise failed[0]


async def _object(kube: Kube, chain: Iterable[Step], outcome: Outcome, wrote: Callable[[Manifest], None]) -> None:
    """The steps of one object, in order."""
    made: list[tuple[Step, Manifest]] = []
    for step in chain:
        if isinstance(step, Refuse):
            continue
        try:
            answer = await _written(kube, step, outcome)
        except (Unreachable, NamespaceTerminating):
            raise
        except (Conflict, NotFound) as error:
            if isinstance(step, Delete):
                continue  # gone already, or another object of that name by now: the next pass sees it
            if isinstance(step, Apply) and step.cause == "created":
                outcome.taken[step.ref] = str(error)
                break
            raise Conflict(409, "Conflict", f"{step.ref} changed meanwhile: {error}") from error
        except ApiError as error:
            outcome.failures[step.ref] = str(error)
            break
        outcome.done.append(step)
        if answer is None:
            outcome.deleted.add(step.ref)
            continue
        outcome.written[step.ref] = answer
        made.append((step, answer))
        if not _holds_more(step, answer):
            wrote(answer)
    for step, answer in made:
        last = _left(step, outcome.written[step.ref])
        left = [name for name in _left(step, answer) if name in last]
        if left:
            outcome.persistent[step.ref] = tuple(dict.fromkeys((*outcome.persistent.get(step.ref, ()), *left)))


def _holds_more(step: Step, answer: Manifest) -> bool:
    """Whether somebody else's addition came in between reading and writing: then the answer's version is news."""
    return isinstance(step, Apply) and bool(drift.contested(step.manifest, answer)[0])


def _left(step: Step, answer: Manifest) -> tuple[str, ...]:
    """What is not as written in an answer: in that to the write itself, admission changed it, and would again."""
    match step:
        case Scrub():
            additions, _overrides = drift.contested(step.manifest, answer)
            return tuple(drift.pointer(path) for path in additions if path in step.additions)
        case Apply() if step.cause != "created":
            _additions, overrides = drift.contested(step.manifest, answer)
            rewritten = (".".join(map(str, path)) for path in overrides)
            return tuple(dict.fromkeys([*drift.changed(step.manifest, answer), *rewritten]))
        case _:
            return ()


async def _written(kube: Kube, step: Apply | Scale | Scrub | Delete, outcome: Outcome) -> Manifest | None:
    """The API server's answer; None to a deletion.

    Some edits cannot be taken back field by field: what is left between two steps would be no valid object (a probe
    without its handler, a volume of two types). Then the whole place is put back at once, and after it the rest.
    """
    try:
        return await _write(kube, step, outcome)
    except Invalid:
        if not isinstance(step, Apply | Scrub) or not is_repair(step) or step.found is None:
            raise
        latest = outcome.written.get(step.ref, step.found)
        places = drift.restored(step.manifest, latest)
        if not places:
            raise
        # of this very object, whatever its controller wrote to its status meanwhile: no list index is in the way here
        operations = [{"op": "test", "path": "/metadata/uid", "value": latest["metadata"]["uid"]}]
        operations += [{"op": "add", "path": drift.pointer(path), "value": content} for path, content in places]
        restored = await kube.json_patch(kinds.BY_KIND[step.ref.kind], step.ref.namespace, step.ref.name, operations)
        return restored if isinstance(step, Scrub) else await _write(kube, step, outcome)


async def _write(kube: Kube, step: Apply | Scale | Scrub | Delete, outcome: Outcome) -> Manifest | None:
    kind = kinds.BY_KIND[step.ref.kind]
    namespace, name = step.ref.namespace, step.ref.name
    match step:
        case Apply():
            if step.found is None:
                return await kube.apply_new(kind, step.manifest)
            return await kube.apply(kind, step.manifest, uid=step.found["metadata"]["uid"])
        case Scale():
            patch = {
                "apiVersion": kind.api_version,
                "kind": kind.kind,
                "metadata": {"name": name, "namespace": namespace},
                "spec": {"replicas": step.replicas},
            }
            latest = outcome.written.get(step.ref) or step.found
            uid = latest["metadata"]["uid"] if latest else ""
            return await kube.apply(kind, patch, manager=labels.HANDOVER_MANAGER, uid=uid)
        case Scrub():
            version = step.found["metadata"]["resourceVersion"]
            seen = {"op": "replace", "path": "/metadata/resourceVersion", "value": version}
            removals = [{"op": "remove", "path": drift.pointer(path)} for path in step.additions]
            return await kube.json_patch(kind, namespace, name, [seen, *removals])
        case Delete():
            await kube.delete(kind, namespace, name, step.uid)
            return None
