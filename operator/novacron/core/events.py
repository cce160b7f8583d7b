"""Reasons of the events that the operator writes on a NovaCron: documented constants, as scripts match them."""

from __future__ import annotations

CREATED = "Created"
UPDATED = "Updated"
REPAIRED = "Repaired"
ADDITION_REMOVED = "AdditionRemoved"
PRUNED = "Pruned"
READY = "Ready"
NOT_READY = "NotReady"
WRITE_FAILED = "WriteFailed"

REASONS: dict[str, str] = {
    CREATED: "Children were created.",
    UPDATED: "Children were brought to what the changed resource, or a changed operator, asks.",
    REPAIRED: "Fields that the operator owns had been changed by somebody else and were set back.",
    ADDITION_REMOVED: "Something that somebody else had added, where only the operator may, was removed.",
    PRUNED: "Children that are no longer wanted were deleted.",
    READY: "The resource became Ready.",
    NOT_READY: "The resource is no longer Ready; the note is the condition's message.",
    WRITE_FAILED: "The API server refused a write; its own words follow.",
}
"""Event reason -> what it means."""
