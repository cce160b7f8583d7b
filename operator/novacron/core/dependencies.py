"""What a workload says of the things it depends on: the words of its ``/ready``, which the operator reads.

Names and reasons are contracts. Nothing here may hold what a Secret holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from novacron.core.errors import NovaCronError

State = Literal["ok", "degraded", "down"]

REASONS: dict[str, str] = {
    "Reached": "It answers, and accepts what the mounted files hold.",
    "AuthenticationFailed": "It refuses the login of the mounted files.",
    "PermissionDenied": "The login is right, but may not do what the process needs.",
    "DatabaseMissing": "The server has no database of that name.",
    "SchemaOutdated": "The database lacks the tables that this version needs, or some of them.",
    "SchemaDiffers": "Tables are not what the applied migrations made; the message names the differences.",
    "ConnectionsExhausted": "The server has no connection left to give.",
    "NotServing": "The server starts, loads its data, or ends; it comes by itself.",
    "Refused": "The server refused the connection for a reason of its own; its log tells more.",
    "Unreachable": "Nothing answers at that address.",
    "NameNotResolved": "The host's name has no address.",
    "CertificateRefused": "One side does not trust the other's certificate, or it is for another name.",
    "EncryptionRefused": "One side wants TLS, and the other does not.",
    "TimedOut": "No answer in time.",
    "FileMissing": "A file that should be mounted is not there.",
    "FileInvalid": "A mounted file cannot be read, or does not hold what it should.",
    "Unchecked": "Not looked at yet: the process has just started.",
    "CheckOverdue": "Nobody has looked for too long, so the last answer is not believed any more.",
    "PartitionMissing": "There is no partition for samples of today or tomorrow: they will be refused.",
    "IndexInvalid": "The building of an index broke off, so no query uses it.",
    "VacuumBehind": "Most of a whole day was not vacuumed or analysed: queries read more than they need.",
    "QueriesTimedOut": "PostgreSQL gave up a good part of the last minutes' questions: they took too long.",
    "MemoryCritical": "The process has had hardly any memory left for a while; the message has share, limit and time.",
}
"""Reason -> what it means."""

QUERIES = "queries"
"""Name of the dependency by which pods of query tell how their queries do. Degraded, it is no matter of credentials."""
MEMORY = "memory"
"""Name of the dependency by which pods of ml tell how much of their memory is left. The same holds of it."""
IMPAIRMENTS = frozenset({QUERIES, MEMORY})
"""Names of what is degraded for reasons of its own."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look at one dependency found.

    Args:
        state: degraded: it serves with earlier credentials, while the mounted ones are refused; of
            IMPAIRMENTS: not well.
        required: whether the process is not ready without it.
        secret: name of the Secret that its credentials come from; empty: none.
        message: what is and what to do, without a value of the Secret.
    """

    name: str
    state: State
    reason: str
    message: str
    required: bool = True
    secret: str = ""

    def __post_init__(self) -> None:
        if self.reason not in REASONS:
            raise ValueError(f"undocumented reason {self.reason}: add it to core/dependencies.py")

    @property
    def failing(self) -> bool:
        """Whether the process is not ready because of it."""
        return self.required and self.state == "down"

    def document(self) -> dict[str, Any]:
        """A member of ``dependencies`` in the answer of ``/ready``."""
        return {
            "name": self.name,
            "state": self.state,
            "required": self.required,
            "secret": self.secret or None,
            "reason": self.reason,
            "message": self.message,
        }


class Unusable(NovaCronError):
    """A dependency cannot be used.

    Args:
        reason: one of REASONS.
        detail: more about it in words of ours; never another program's text, which may hold a host, user or password.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
