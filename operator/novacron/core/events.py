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
KEY_CREATED = "SigningKeyCreated"
KEY_ACTIVATED = "SigningKeyActivated"
KEY_DROPPED = "SigningKeyDropped"
KEY_LOST = "SigningKeyLost"
KEYS_REVOKED = "SigningKeysRevoked"
INTERNAL_KEY_CREATED = "InternalKeyCreated"
SYNC_REQUESTED = "SecretSyncRequested"
LIMIT_RAISED = "MemoryLimitRaised"

REASONS: dict[str, str] = {
    CREATED: "Children were created.",
    UPDATED: "Children were brought to what the changed resource, or a changed operator, asks.",
    REPAIRED: "Fields that the operator owns had been changed by somebody else and were set back.",
    ADDITION_REMOVED: "Something that somebody else had added, where only the operator may, was removed.",
    PRUNED: "Children that are no longer wanted were deleted.",
    READY: "The resource became Ready.",
    NOT_READY: "The resource is no longer Ready; the note is the condition's message.",
    WRITE_FAILED: "The API server refused a write; its own words follow.",
    KEY_CREATED: "A signing key was made; the note says from when on it signs.",
    KEY_ACTIVATED: "A signing key began to sign; the one before verifies until the time in the note.",
    KEY_DROPPED: "A public key was dropped, for no token of it is accepted any more, or it never signed.",
    KEY_LOST: "A private signing key was damaged or gone; what it signed is still accepted.",
    KEYS_REVOKED: "All signing keys were replaced at once, as somebody asked: access tokens from before are refused.",
    SYNC_REQUESTED: "Pods miss a Secret that External Secrets holds to be written: it was asked to write it again.",
    LIMIT_RAISED: "Right-sizing raised the memory limit of ml; the note has the arithmetic.",
    INTERNAL_KEY_CREATED: "The key by which the workloads know each other was made.",
}
"""Event reason -> what it means."""
