"""Whether pods of ml have enough memory, as the condition MemoryAdequate with the arithmetic of what follows. Pure.

The words stay the same while the facts do: nothing in them counts pods, kills or seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from novacron.core import conditions as c
from novacron.core import quantity
from novacron.core.conditions import Condition, Status
from novacron.core.dependencies import MEMORY
from novacron.core.manifest import Manifest, at
from novacron.core.readiness import Dependency
from novacron.ml.domain import sizing
from novacron.ml.domain.sizing import Sight, Step, Verdict

ROLE = "ml"
SWITCH = "spec.ml.memory.rightSizing"
_GIVEN = "spec.ml.resources.limits.memory"
COMPLAINTS = frozenset({"LimitTooSmall", "LimitOnTrial", "LimitAtMost"})
"""Reasons that pods' own words may be behind."""
_CRITICAL = "MemoryCritical"
_WRITTEN = re.compile(r"[0-9]{1,18}(?:Ki|Mi|Gi|Ti|Pi)?")
"""How ``component`` writes a limit."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a pass knows of the memory of ml; all sizes in bytes.

    Args:
        given: the limit that the resource gives.
        limit: the one that pods are to have.
        bound: the most that right-sizing may raise it to.
        bounded_by: what sets that bound, in words that lead to it.
        allowed: whether right-sizing is on.
        killed: whether the kernel killed a pod with exactly this limit for want of memory.
        smaller: the limit of pods that have less, after right-sizing raised it; 0: there are none left.
        tried: seconds since every pod has this limit, or since its rollout is stuck over kills. None: neither.
        peak: the most that the metrics API showed of a pod with this limit; 0: it showed none.
    """

    given: int
    limit: int
    bound: int
    bounded_by: str
    allowed: bool
    killed: bool = False
    smaller: int = 0
    tried: float | None = None
    peak: int = 0


def learned(status: Manifest, given: int) -> int | None:
    """The limit that ``status.ml`` holds, in bytes; None: none, or one that was learned for another given limit."""
    limit, learned_for = (_bytes(at(status, "ml", key)) for key in ("memoryLimit", "learnedFor"))
    return limit if learned_for == given else None


def _bytes(written: object) -> int | None:
    text = written if isinstance(written, str) else ""
    return int(quantity.parse(text)) if _WRITTEN.fullmatch(text) else None


def component(limit: int | None, given: int) -> Manifest:
    """``status.ml``."""
    if limit is None:
        return {"memoryLimit": "", "learnedFor": ""}
    return {"memoryLimit": size(limit), "learnedFor": size(given)}


def size(amount: int) -> str:
    return quantity.memory(Decimal(amount))


def complaints(said: Iterable[Dependency]) -> tuple[Dependency, ...] | None:
    """What an answer says of too little memory; None where it cannot tell."""
    found = tuple(item for item in said if item.name == MEMORY)
    if not found or found[0].state == "down":
        return None
    return tuple(item for item in found if item.state != "ok" and item.reason == _CRITICAL)


def is_short(facts: Facts, said: tuple[Dependency, ...] | None) -> bool:
    """Whether a pod was killed for want of memory, or complains, under the present limit."""
    return facts.killed or bool(_counting(facts, said))


def _counting(facts: Facts, said: tuple[Dependency, ...] | None) -> tuple[Dependency, ...]:
    """Whoever answers for the Service during a rollout may have another limit."""
    return () if said is None or facts.tried is None else said


def step(facts: Facts, said: tuple[Dependency, ...] | None) -> Step:
    """What becomes of the limit.

    Args:
        said: what the pods behind the Service complain of by now; None: they do not answer, or nobody asks them.
    """
    short = is_short(facts, said)
    return sizing.judged(Sight(facts.limit, facts.bound, facts.allowed, short, facts.smaller > 0, facts.tried))


def memory_adequate(facts: Facts, said: tuple[Dependency, ...] | None) -> Condition:
    """Only False is bad, and nothing is gated by it."""
    following = step(facts, said)
    limit, to, most = size(facts.limit), size(following.limit), f"{facts.bounded_by} allows {size(facts.bound)}"
    grown = _grown(facts.limit)
    match following.verdict:
        case Verdict.ADEQUATE:
            message = f"No pod of ml was short of memory at its limit of {limit}{_learned(facts)}"
            return condition("True", "MemoryAdequate", message)
        case Verdict.ROLLING:
            replaced = f"Pods with {size(facts.smaller)} are being replaced by pods with {limit}{_learned(facts)}"
            by_a_step = min(sizing.following(facts.smaller), facts.bound) == facts.limit
            why = f": {_grown(facts.smaller)}, and {most}" if by_a_step else f"; {most}"
            return condition("False", "LimitRaised", f"{replaced}{why}")
        case Verdict.SHORT:
            remedy = f"raise {_GIVEN} to {to}, or switch on {SWITCH} and bound it by its maxMemory"
            return condition("False", "LimitTooSmall", f"{_short(facts, said)}; {grown}: {remedy}")
        case Verdict.WAITING:
            time = f"raised to {to} once every pod has had its limit for {sizing.COOL_DOWN / 60:g} minutes"
            return condition("False", "LimitOnTrial", f"{_short(facts, said)}; {grown}, and {most}: {time}")
        case Verdict.GROWING:
            return condition("False", "LimitRaised", f"{_short(facts, said)}; {grown}, and {most}: raised to {to}")
        case Verdict.STOPPED:
            remedy = "not raised any more: raise that, or give pods less to do at once"
            return condition("False", "LimitAtMost", f"{_short(facts, said)}; {most}: {remedy}")


def _grown(limit: int) -> str:
    return f"1.5 x {size(limit)} in whole {size(sizing.STEP)} is {size(sizing.following(limit))}"


def _short(facts: Facts, said: tuple[Dependency, ...] | None) -> str:
    limit = size(facts.limit)
    what = [f"a pod of ml was killed for want of memory (OOMKilled) at its limit of {limit}"] if facts.killed else []
    what += [f"a pod of ml says, at its limit of {limit}: {item.message}" for item in _counting(facts, said)]
    if facts.peak >> 20:
        what.append(f"the metrics API showed up to {facts.peak >> 20}Mi in use")
    text = "; ".join(what)
    return text[:1].upper() + text[1:]


def _learned(facts: Facts) -> str:
    if facts.limit <= facts.given:
        return ""
    return f"; learned by right-sizing, where {_GIVEN} gives {size(facts.given)}"


def condition(status: Status, reason: str, message: str) -> Condition:
    return Condition(c.MEMORY_ADEQUATE, status, reason, message)
