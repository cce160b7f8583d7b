"""What the operator tells on a NovaCron as events: one for each thing that happened, naming the objects."""

from __future__ import annotations

from typing import Any

from novacron.adapters.recorder import Recorder
from novacron.auth.status import Keys
from novacron.core import conditions, events
from novacron.core.conditions import Condition
from novacron.core.manifest import Manifest
from novacron.core.plan import Apply, Delete, Scale, Scrub, set_back
from novacron.stack.act import Outcome
from novacron.stack.problem import CAUSES

_WORTH_TELLING = CAUSES | {
    "InvalidSpec",
    "MigrationFailed",
    "NamespaceTaken",
    "NameConflict",
    "ProgressDeadlineExceeded",
}


async def readiness(recorder: Recorder, body: Manifest, before: Manifest, verdict: tuple[Condition, ...]) -> None:
    """An event when Ready becomes True, or stops to be so, or waits for a person, or has a cause that is known."""
    was: Manifest = next((item for item in before.get("conditions", ()) if item["type"] == conditions.READY), {})
    ready = next(item for item in verdict if item.type == conditions.READY)
    if ready.status == "True" != was.get("status"):
        await recorder.record(body, events.READY, "Judge", ready.message)
        return
    worth_telling = was.get("status") == "True" or ready.reason in _WORTH_TELLING
    if ready.status == "False" and worth_telling and was.get("reason") != ready.reason:
        note = f"{ready.reason}: {ready.message}"
        await recorder.record(body, events.NOT_READY, "Judge", note, "Warning")


async def keys(recorder: Recorder, body: Manifest, known: Keys) -> None:
    """What became of the signing keys."""
    for told in known.told:
        await recorder.record(body, told.reason, "KeepKeys", told.note, told.kind)


async def limit_raised(recorder: Recorder, body: Manifest, verdict: tuple[Condition, ...]) -> None:
    """What right-sizing learned, in the words of the condition."""
    memory = next(item for item in verdict if item.type == conditions.MEMORY_ADEQUATE)
    await recorder.record(body, events.LIMIT_RAISED, "RightSize", memory.message, "Warning")


async def work(recorder: Recorder, body: Manifest, outcome: Outcome) -> None:
    """One event for each thing that happened, naming the objects; what admission took back did not happen."""
    done: dict[str, list[str]] = {}
    for step in outcome.done:
        undone = set_back(step, outcome.persistent.get(step.ref, ()))
        match step:
            case Scrub() | Apply(cause="drifted") if not undone:
                continue
            case Apply(cause="created"):
                done.setdefault(events.CREATED, []).append(str(step.ref))
            case Apply(cause="changed"):
                done.setdefault(events.UPDATED, []).append(str(step.ref))
            case Apply():
                done.setdefault(events.REPAIRED, []).append(f"{step.ref} ({', '.join(undone)})")
            case Scrub():
                done.setdefault(events.ADDITION_REMOVED, []).append(f"{step.ref} ({', '.join(undone)})")
            case Delete():
                done.setdefault(events.PRUNED, []).append(str(step.ref))
            case Scale():
                continue
    for reason, objects in done.items():
        kind: Any = "Warning" if reason in (events.REPAIRED, events.ADDITION_REMOVED) else "Normal"
        await recorder.record(body, reason, "Reconcile", f"{events.REASONS[reason]} {', '.join(objects)}", kind)
    for child, text in outcome.failures.items():
        await recorder.record(body, events.WRITE_FAILED, "Reconcile", f"{child}: {text}", "Warning")
