"""Conditions of a resource that a pass leaves alone: invalid, second in its namespace, paused, being deleted. Pure."""

from __future__ import annotations

from novacron.core import conditions as c
from novacron.core import labels
from novacron.core.conditions import Condition
from novacron.core.manifest import Manifest, at
from novacron.stack import status


def because(reason: str, message: str, *, stalled: bool = True) -> tuple[Condition, ...]:
    """All conditions of a resource that is not acted on: its parts are not looked at."""
    parts = (
        c.WORKLOADS_AVAILABLE,
        c.SECRETS_SYNCED,
        c.AUTOSCALING_ACTIVE,
        c.NETWORK_POLICY_APPLIED,
        c.EXPOSURE_READY,
        c.MONITORING_APPLIED,
        c.CAPACITY_CONSISTENT,
        c.DRIFTED,
        c.CREDENTIALS_CURRENT,
        c.SCHEMA_CURRENT,
        c.SIGNING_KEYS_CURRENT,
        c.AUTH_READY,
        c.QUERIES_HEALTHY,
        c.MEMORY_ADEQUATE,
    )
    rest = tuple(Condition(part, "Unknown", "Unobserved", f"Not looked at: {reason}") for part in parts)
    return (*status.not_ready(reason, message, stalled=stalled), status.not_paused(), *rest)


def deleting(left: str) -> tuple[Condition, ...]:
    """Of a foreground deletion.

    Args:
        left: the children that are still there, in words.
    """
    message = f"Being deleted; still there: {left}"
    calm = {item.type: item for item in status.not_ready("Deleting", message, stalled=False)}
    return tuple(calm.get(item.type, item) for item in because("Deleting", message))


def paused(body: Manifest) -> tuple[Condition, ...]:
    """The last verdicts stand; words of a newer version, which this one does not know, are as good as none."""
    kept = [
        Condition(item["type"], item["status"], _known(item["reason"]), item["message"])
        for item in at(body, "status", "conditions", default=[])
        if item["type"] in c.TYPES and item["type"] != c.PAUSED
    ]
    if not kept:
        fresh = because("PausedByAnnotation", "Paused before it was ever reconciled")
        kept = [item for item in fresh if item.type != c.PAUSED]
    message = f"The annotation {labels.PAUSED} is true; remove it to let the operator go on"
    return (*kept[:3], Condition(c.PAUSED, "True", "PausedByAnnotation", message), *kept[3:])


def _known(reason: str) -> str:
    """A reason that this version has; a newer one may have written others."""
    return reason if reason in c.REASONS else "Unobserved"
