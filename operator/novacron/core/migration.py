"""What a run of ``novacron migrate`` says of itself: the words of its termination message, which the operator reads.

Names and reasons are contracts. Nothing here may hold what the database or a Secret holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from novacron.core import dependencies

Outcome = Literal["migrated", "current", "kept", "skipped", "refused", "failed", "unreachable"]
"""kept: the upkeep was done. skipped: it was not its turn. refused: a person must act. failed: another run may do."""

_OF_QUERIES = ("PartitionMissing", "IndexInvalid", "VacuumBehind", "QueriesTimedOut")
_OF_A_PROCESS = ("Reached", "Unchecked", "CheckOverdue", *_OF_QUERIES)
"""Reasons of a dependency that only a process that goes on can give."""
REASONS: dict[str, str] = {
    "Migrated": "Migrations were applied, and the schemas are what this version needs.",
    "Current": "The schemas were what this version needs already.",
    "Kept": "Partitions are there for the time ahead, and what had run out is gone.",
    "MigrationRunning": "Another run holds the lock; the upkeep leaves the database to it.",
    "SchemaOlder": "The schema is not there, or is older than this version needs: the upkeep waits for a migration.",
    "SettingsInvalid": "The settings document cannot be used.",
    "RightMissing": "The login may not make the roles or schemas; the SQL that an administrator must run is printed.",
    "SchemaForeign": "A schema of that name belongs to somebody else, or has tables that no migration of ours made.",
    "SchemaDiffers": "Tables are not what the applied migrations made; the message names the differences.",
    "SchemaNewer": "The database has migrations that this version does not know.",
    "ChecksumMismatch": "A migration that was applied had another text than this version's.",
    "OutOfOrder": "A migration is missing before one that was applied.",
    "ServerTooOld": "The server is older than PostgreSQL 14.",
    "LockTimeout": "Somebody else held a lock for too long: another run, or a transaction on one of the tables.",
    "StatementFailed": "The server refused a statement of a migration.",
    **{name: text for name, text in dependencies.REASONS.items() if name not in _OF_A_PROCESS},
}
"""Reason -> what it means. Those of a dependency say why the database could not be reached."""

_LONGEST = 1024
"""Characters of a message: the kubelet cuts what a container leaves at 4096 bytes, in the middle of JSON."""


@dataclass(slots=True)
class Upkeep:
    """What a run did besides migrations, table -> number. Tables are of ours, so few that a message holds them.

    Args:
        made: partitions, of the time to come.
        dropped: partitions, whose time is over.
        deleted: rows.
    """

    made: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    deleted: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        counted = [(sum(self.made.values()), "made"), (sum(self.dropped.values()), "dropped")]
        rows = sum(self.deleted.values())
        return ", ".join([*(f"{number} {what}" for number, what in counted), f"{rows} rows deleted"])


@dataclass(frozen=True, slots=True)
class Report:
    """The end of one run.

    Args:
        message: what is and what to do; neither a value of the database nor another program's text about one.
        schemas: schema -> id of its last migration, of those that were looked at.
        applied: migrations that this run applied.
        upkeep: what else it did, however it ended.
    """

    outcome: Outcome
    reason: str
    message: str
    schemas: Mapping[str, str] = field(default_factory=dict)
    applied: int = 0
    upkeep: Upkeep = field(default_factory=Upkeep)

    def __post_init__(self) -> None:
        if self.reason not in REASONS:
            raise ValueError(f"undocumented reason {self.reason}: add it to core/migration.py")

    def document(self) -> dict[str, Any]:
        """The termination message."""
        return {
            "outcome": self.outcome,
            "reason": self.reason,
            "message": self.message[:_LONGEST],
            "schemas": dict(self.schemas),
            "applied": self.applied,
            "made": dict(self.upkeep.made),
            "dropped": dict(self.upkeep.dropped),
            "deleted": dict(self.upkeep.deleted),
        }
