"""Where a pod finds what is mounted: the pod template and the process in it must mean the same folders."""

from __future__ import annotations

CONFIG_DIRECTORY = "/etc/novacron/config"
SECRETS_DIRECTORY = "/etc/novacron/secrets"
JWKS_DIRECTORY = "/etc/novacron/jwks"
SCRATCH_DIRECTORY = "/var/lib/novacron/scratch"

INTERNAL_KEY_GROUP = "internal-key"
SIGNING_KEYS_GROUP = "signing-keys"
"""Folders below SECRETS_DIRECTORY: how our workloads know each other, and what signs access tokens."""
INTERNAL_KEY_FILE = "key"

SETTINGS_FILE = "settings.json"
RELOADED_FILE = "reloaded.json"
"""Below CONFIG_DIRECTORY: what restarts a pod when it changes, and what its process reads again by itself."""
JWKS_FILE = "jwks.json"
