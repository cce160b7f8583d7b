"""SecretStore, ExternalSecrets and mounts. Pure.

One contract for both providers: file names are fixed (novacron.yaml, `keys`), where their content comes from is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from novacron.api.v1alpha1 import NovaCron
from novacron.core import duration, kinds, labels, names
from novacron.core.manifest import Manifest, Ref, at
from novacron.workload.component import SecretMount, manifest

GROUPS: dict[str, tuple[str, ...]] = {
    "api": ("redis",),
    "auth": ("database", "redis"),
    "query": ("database", "redis"),
    "ml": (),
    names.MIGRATE: ("database",),
}
"""Workload -> secrets that it mounts."""


@dataclass(frozen=True, slots=True)
class Login:
    """One Secret: its name, its path in Vault, and file name -> property (or data key)."""

    secret: str
    remote_key: str
    files: Mapping[str, str]


def login(resource: NovaCron, group: str, user: str) -> Login:
    """The login that a user (auth, query, migrate) shows to a datastore; a separate one where it is given."""
    secrets, name = resource.spec.secrets, resource.metadata.name
    if group == "redis":
        return _login(
            secrets.redis.secret_name or names.component(name, "redis"),
            secrets.redis.remote_key,
            secrets.redis.keys.manifest(),
        )
    own = {
        "migrate": secrets.database_users.migrate,
        "auth": secrets.database_users.auth,
        "query": secrets.database_users.query,
    }.get(user)
    if own is None:
        shared = secrets.database
        return _login(
            shared.secret_name or names.component(name, "database"), shared.remote_key, shared.keys.manifest()
        )
    return _login(
        own.secret_name or names.component(name, f"database-{user}"),
        own.remote_key or secrets.database.remote_key,
        own.keys.manifest(),
    )


def _login(secret: str, remote_key: str, keys: Mapping[str, str]) -> Login:
    return Login(secret, remote_key, {file: source for file, source in keys.items() if source})


def logins(resource: NovaCron) -> dict[str, Login]:
    """Every Secret that an enabled workload mounts, by name; one without files is neither synced nor mounted."""
    found = {}
    users = [role for role, workload in resource.spec.workloads.items() if workload.enabled]
    for user in [*users, *([names.MIGRATE] if resource.spec.migrates else [])]:
        for group in groups(resource, user):
            one = login(resource, group, user)
            found[one.secret] = one
    return found


def groups(resource: NovaCron, role: str) -> tuple[str, ...]:
    """The groups of secret files that a workload mounts."""
    return tuple(group for group in GROUPS[role] if login(resource, group, role).files)


def mounts(resource: NovaCron, role: str) -> tuple[SecretMount, ...]:
    existing = resource.spec.secrets.provider == "Existing"
    found = []
    for group in groups(resource, role):
        one = login(resource, group, role)
        items = tuple((source if existing else file, file) for file, source in one.files.items())
        found.append(SecretMount(group, one.secret, items))
    return tuple(found)


def shared_logins(resource: NovaCron) -> tuple[str, ...]:
    """Database users that fall back to the shared login."""
    users = resource.spec.secrets.database_users
    return tuple(user for user in ("migrate", "auth", "query") if getattr(users, user) is None)


def children(resource: NovaCron, live: Mapping[Ref, Manifest]) -> list[Manifest]:
    """Store, its service account and one ExternalSecret for each Secret; or what is left of them after a switch."""
    if resource.spec.secrets.provider == "ExternalSecrets":
        found = [_external_secret(resource, one, "Owner", live) for one in logins(resource).values()]
        return [_account(resource), _store(resource), *found] if found else []
    return _leaving(resource, live)


def _leaving(resource: NovaCron, live: Mapping[Ref, Manifest]) -> list[Manifest]:
    """An ExternalSecret goes only after it has let its Secret go, else the Secret is collected."""
    kept: list[Manifest] = []
    for ref, item in live.items():
        if ref.kind == "ExternalSecret" and not _let_go(item):
            spec = {key: value for key, value in item["spec"].items() if key in _EXTERNAL_SECRET_FIELDS}
            target = at(item, "spec", "target", "name", default=ref.name)
            spec["target"] = {"name": target, "deletionPolicy": "Retain", "creationPolicy": "Orphan"}
            kept.append(manifest(resource, kinds.EXTERNAL_SECRET, ref.name, spec=spec))
    if not kept:
        return []
    store = [item for ref, item in live.items() if ref.kind == "SecretStore"]
    kept += [manifest(resource, kinds.SECRET_STORE, item["metadata"]["name"], spec=item["spec"]) for item in store]
    return [_account(resource), *kept]


_EXTERNAL_SECRET_FIELDS = ("refreshPolicy", "refreshInterval", "secretStoreRef", "data")


def _let_go(item: Manifest) -> bool:
    """Whether External Secrets has acted on creationPolicy Orphan: it writes ``<generation>-<hash>`` when it has."""
    generation = f"{item['metadata'].get('generation', 0)}-"
    orphan = at(item, "spec", "target", "creationPolicy") == "Orphan"
    return orphan and str(at(item, "status", "syncedResourceVersion", default="")).startswith(generation)


def _account(resource: NovaCron) -> Manifest:
    """Of the store alone, so that External Secrets does not log in to Vault as itself."""
    name = names.component(resource.metadata.name, "secrets")
    return manifest(resource, kinds.SERVICE_ACCOUNT, name, automountServiceAccountToken=False)


def _store(resource: NovaCron) -> Manifest:
    vault = resource.spec.secrets.vault
    if vault is None:
        raise ValueError("secrets.vault is required with provider ExternalSecrets; a rule of the resource says so")
    account = {
        "name": names.component(resource.metadata.name, "secrets"),
        "audiences": [vault.kubernetes_auth.audience],
    }
    provider: Manifest = {
        "server": vault.server,
        "path": vault.path,
        "version": vault.version,
        "auth": {
            "kubernetes": {
                "mountPath": vault.kubernetes_auth.mount_path,
                "role": vault.kubernetes_auth.role,
                "serviceAccountRef": account,
            }
        },
    }
    if vault.namespace:
        provider["namespace"] = vault.namespace
    if vault.ca_secret_ref.name:
        provider["caProvider"] = {"type": "Secret", "name": vault.ca_secret_ref.name, "key": vault.ca_secret_ref.key}
    name = names.component(resource.metadata.name, "vault")
    return manifest(resource, kinds.SECRET_STORE, name, spec={"provider": {"vault": provider}})


def _external_secret(resource: NovaCron, one: Login, creation_policy: str, live: Mapping[Ref, Manifest]) -> Manifest:
    """With the last request for a sync that was made of it (vault/status.py), which stays: another one would be one."""
    there = live.get(Ref(kinds.EXTERNAL_SECRET.kind, resource.metadata.namespace, one.secret), {})
    requested = at(there, "metadata", "annotations", labels.SYNC_REQUESTED, default="")
    data = [
        {
            "secretKey": file,
            "remoteRef": {
                "key": one.remote_key,
                "property": source,
                "conversionStrategy": "Default",
                "decodingStrategy": "None",
                "metadataPolicy": "None",
            },
        }
        for file, source in one.files.items()
    ]
    spec = {
        "refreshPolicy": "Periodic",
        "refreshInterval": duration.written(resource.spec.secrets.refresh_interval.seconds),
        "secretStoreRef": {"name": names.component(resource.metadata.name, "vault"), "kind": "SecretStore"},
        "target": {"name": one.secret, "creationPolicy": creation_policy, "deletionPolicy": "Retain"},
        "data": data,
    }
    kept = {labels.SYNC_REQUESTED: requested} if requested else None
    return manifest(resource, kinds.EXTERNAL_SECRET, one.secret, annotations=kept, spec=spec)
