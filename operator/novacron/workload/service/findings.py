"""What findings say to a person: problem and remedy for every reason, and what all of them together mean. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from novacron.core.dependencies import Finding, State, Unusable

_SAYS: dict[str, tuple[str, str]] = {
    "AuthenticationFailed": ("refuses the login", "correct the credentials in {source}"),
    "PermissionDenied": ("refuses what the login asks for", "give the user of {source} the right to it"),
    "DatabaseMissing": ("has no such database", "create it, or correct spec.database.name"),
    "SchemaOutdated": ("is not what this version needs", "run novacron migrate, or look at its Job's log"),
    "SchemaDiffers": ("is not what migrations made it", "restore it from a backup, or correct what is named"),
    "ConnectionsExhausted": ("has no connection left", "raise its limit, or lower spec.database.connectionBudget"),
    "NotServing": ("is starting or ending", "wait, or look at its log"),
    "Refused": ("refuses the connection", "look at its log"),
    "Unreachable": ("does not answer", "start it, correct its address, or open the way to it"),
    "NameNotResolved": ("has a name without an address", "correct the name, or open the way to the DNS"),
    "CertificateRefused": ("is not trusted, or does not trust us", "correct the certificates in {source}"),
    "EncryptionRefused": ("does not agree on TLS", "switch TLS on at the server, or off in the resource"),
    "TimedOut": ("does not answer in time", "look at its load, and at the way to it"),
    "FileMissing": ("lacks a mounted file", "mount it"),
    "FileInvalid": ("has an unusable mounted file", "correct it"),
    "Unchecked": ("was not looked at yet", "wait"),
    "CheckOverdue": ("was not looked at for too long", "if it stays so, restart the pod"),
    "PartitionMissing": ("have no partition for samples to come", "see why the upkeep CronJob fails, and run it"),
    "IndexInvalid": ("lack an index whose building broke off", "REINDEX it; drop it if its name ends in _ccnew"),
    "VacuumBehind": ("read too much, for want of a vacuum", "see what keeps autovacuum off, and VACUUM ANALYZE"),
    "MemoryCritical": ("is nearly used up", "it needs a higher ml.resources.limits.memory"),
    "QueriesTimedOut": ("take too long too often", "see the database's load and novacron_query_duration_seconds"),
}
"""Reason -> what the dependency does, and what to do about it."""


def reached(name: str, *, does: str = "answers", required: bool = True, secret: str = "") -> Finding:
    return Finding(name, "ok", "Reached", f"{name} {does}", required, secret)


def refused(
    name: str, error: Unusable, *, state: State = "down", where: str = "", required: bool = True, secret: str = ""
) -> Finding:
    """Why a dependency cannot be used, or with ``degraded``: why it is used with what was mounted before.

    Args:
        where: host and port, of the settings.
    """
    problem, remedy = _SAYS[error.reason]
    source = f"Secret {secret}" if secret else "the resource"
    subject = f"{name} at {where}" if where else name
    detail = f" ({error.detail})" if error.detail else ""
    of = f" in Secret {secret}" if secret and error.reason in ("FileMissing", "FileInvalid") else ""
    message = f"{subject} {problem}{detail}; {remedy.format(source=source)}{of}"
    if state == "degraded":
        message = f"it works with the credentials mounted before: with those mounted now, {message}"
    return Finding(name, state, error.reason, message, required, secret)


def impaired(name: str, errors: Sequence[Unusable]) -> Finding:
    """What is used, though not well, and what no pod need be unready for; the gravest comes first."""
    message = "; ".join(refused(name, error).message for error in errors)
    return Finding(name, "degraded", errors[0].reason, message, required=False)


def ready(findings: Iterable[Finding], *, draining: bool) -> bool:
    return not draining and not any(finding.failing for finding in findings)


def answer(findings: Sequence[Finding], *, draining: bool) -> dict[str, Any]:
    """Members of the body of ``/ready``, whatever its status.

    ``state``: ready, draining, or down.
    """
    state = "draining" if draining else "ready" if ready(findings, draining=False) else "down"
    return {"state": state, "dependencies": [finding.document() for finding in findings]}


def failures(findings: Iterable[Finding], *, draining: bool) -> str:
    """One sentence for ``detail``."""
    found = [finding.message for finding in findings if finding.failing]
    return "; ".join([*(["the process is ending"] if draining else []), *found])
