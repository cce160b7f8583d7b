"""Where credentials come from: External Secrets reading Vault, or Secrets that somebody else makes.

Names of keys only; a value never appears in the resource.
"""

from __future__ import annotations

import itertools
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from novacron.api.v1alpha1.base import Model
from novacron.api.v1alpha1.durations import Duration, lasting
from novacron.api.v1alpha1.rules import Rule, matching
from novacron.api.v1alpha1.scalars import HttpsUrl, OptionalDnsName, SecretKey

RESERVED = ("novacron-signing-keys", "novacron-internal-key")
"""Secrets that the operator itself writes."""

SecretName = Annotated[
    OptionalDnsName,
    Rule[str](
        cel=f"!(self in {list(RESERVED)})",
        message="is reserved for keys that the operator makes: choose another name",
        holds=lambda name: name not in RESERVED,
    ),
]

_STEP = "[-A-Za-z0-9_][-A-Za-z0-9_.]*"
_STEPS = f"{_STEP}(?:/{_STEP})*"
RemoteKey = Annotated[
    str,
    Field(
        max_length=256,
        description="Path of the secret in Vault, below secrets.vault.path. Used with ExternalSecrets only.",
    ),
    matching(
        _STEPS,
        "must be empty or a path in Vault such as database/novacron, without a leading, final or double / and ..",
        or_empty=True,
    ),
]
VaultPath = Annotated[
    str,
    Field(max_length=128),
    matching(_STEPS, "must be a mount path in Vault such as secret, without a leading, final or double / and .."),
]


class KubernetesAuth(Model):
    """Vault's Kubernetes authentication, used with a service account of its own (<name>-secrets)."""

    mount_path: Annotated[VaultPath, Field(description="Where the Kubernetes authentication is mounted in Vault.")] = (
        "kubernetes"
    )
    role: Annotated[
        str,
        Field(max_length=128, description="Role in Vault that the service account <name>-secrets may take."),
        matching(r"[-A-Za-z0-9_.]+", "must be the name of a role in Vault, e.g. novacron"),
    ] = "novacron"
    # without an own account and audience External Secrets logs in as its own controller
    audience: Annotated[
        str,
        Field(
            max_length=128,
            description="Audience of the token that External Secrets shows to Vault; Vault 1.21 and later refuse roles"
            " without one.",
        ),
        matching(r"[-A-Za-z0-9_.:/]+", "must be an audience such as vault"),
    ] = "vault"


class CASecretRef(Model):
    """A Secret with the certificate authority of Vault."""

    rules: ClassVar[tuple[Rule[CASecretRef], ...]] = (
        Rule(
            cel="self.name == '' || self.key != ''",
            message="must name the key of the Secret that holds the authority, e.g. ca.crt",
            holds=lambda own: own.name == "" or own.key != "",
            path=".key",
        ),
    )

    name: Annotated[
        SecretName, Field(description="Name of the Secret. Empty: the authorities of the system are trusted.")
    ] = ""
    key: Annotated[SecretKey, Field(description="Key of the Secret that holds the PEM bundle.")] = "ca.crt"


class Vault(Model):
    """The Vault that External Secrets reads."""

    server: Annotated[
        HttpsUrl, Field(description="Address of Vault, https only, e.g. https://vault.example.com:8200. Required.")
    ]
    path: Annotated[VaultPath, Field(description="Mount path of the key-value engine.")] = "secret"
    # version 2 answers in another form than version 1: External Secrets needs to know which one it is
    version: Annotated[Literal["v1", "v2"], Field(description="Version of the key-value engine.")] = "v2"
    namespace: Annotated[
        str,
        Field(max_length=256, description="Vault namespace (Enterprise). Empty: the root namespace."),
        matching(f"(?:{_STEPS}/?)?", "must be empty or the name of a Vault namespace, e.g. team-a or team-a/dev"),
    ] = ""
    kubernetes_auth: Annotated[KubernetesAuth, Field(description="How External Secrets logs in to Vault.")] = (
        KubernetesAuth()
    )
    ca_secret_ref: Annotated[
        CASecretRef, Field(description="Secret with the authority that signed Vault's certificate.")
    ] = CASecretRef()


_PROPERTY = "Property in Vault (ExternalSecrets) or data key (Existing) of the {0}. Empty: not synced, not mounted."
Username = Annotated[SecretKey, Field(description=_PROPERTY.format("user name"))]
Password = Annotated[SecretKey, Field(description=_PROPERTY.format("password"))]
Authority = Annotated[
    SecretKey,
    Field(alias="ca.crt", description=_PROPERTY.format("authority's PEM bundle") + " Then the system's are trusted."),
]
Certificate = Annotated[
    SecretKey, Field(alias="tls.crt", description=_PROPERTY.format("client certificate (PEM); needs tls.key"))
]
PrivateKey = Annotated[
    SecretKey, Field(alias="tls.key", description=_PROPERTY.format("client's private key (PEM); needs tls.crt"))
]


class DatabaseKeys(Model):
    """Left: file name below /etc/novacron/secrets/database. Right: where its content comes from."""

    rules: ClassVar[tuple[Rule[DatabaseKeys], ...]] = (
        Rule(
            cel="self.username != ''",
            message="must name the key that holds the user name: PostgreSQL accepts no login without one",
            holds=lambda keys: keys.username != "",
            path=".username",
        ),
        Rule(
            cel="(self.tls__dot__crt == '') == (self.tls__dot__key == '')",
            message="tls.crt and tls.key belong together: give both or neither",
            holds=lambda keys: (keys.tls_crt == "") == (keys.tls_key == ""),
        ),
    )

    username: Username = "username"
    password: Password = "password"  # noqa: S105 - the name of a key
    ca_crt: Authority = ""
    tls_crt: Certificate = ""
    tls_key: PrivateKey = ""


class RedisKeys(Model):
    """Left: file name below /etc/novacron/secrets/redis. Right: where its content comes from."""

    username: Username = ""
    password: Password = "password"  # noqa: S105 - the name of a key
    ca_crt: Authority = ""


class DatabaseSecret(Model):
    """The login at PostgreSQL."""

    secret_name: Annotated[SecretName, Field(description="Name of the Secret. Empty: <name>-database.")] = ""
    remote_key: RemoteKey = "database/novacron"
    keys: Annotated[DatabaseKeys, Field(description="Files and the keys that fill them.")] = DatabaseKeys()


class DatabaseUser(Model):
    """A login of its own for one user of the database."""

    secret_name: Annotated[
        SecretName,
        Field(description="Name of the Secret. Empty: <name>-database-<user>, e.g. <name>-database-migrate."),
    ] = ""
    remote_key: RemoteKey = ""
    keys: Annotated[DatabaseKeys, Field(description="Files and the keys that fill them.")] = DatabaseKeys()


class DatabaseUsers(Model):
    """Separate logins. An absent one falls back to secrets.database, which the condition SecretsSynced names."""

    migrate: Annotated[DatabaseUser | None, Field(description="Login of migration and upkeep; owns the schemas.")] = (
        None
    )
    auth: Annotated[DatabaseUser | None, Field(description="Login of auth.")] = None
    query: Annotated[DatabaseUser | None, Field(description="Login of query.")] = None


class RedisSecret(Model):
    """The login at Redis."""

    secret_name: Annotated[SecretName, Field(description="Name of the Secret. Empty: <name>-redis.")] = ""
    remote_key: RemoteKey = "redis/novacron"
    keys: Annotated[RedisKeys, Field(description="Files and the keys that fill them.")] = RedisKeys()


DATABASE_USERS = ("migrate", "auth", "query")


def _remote_key_rules() -> tuple[Rule[Secrets], ...]:
    message = "must name the secret in Vault, e.g. database/novacron, or set secrets.provider to Existing"
    fixed = (
        Rule[Secrets](
            cel="self.provider != 'ExternalSecrets' || self.database.remoteKey != ''",
            message=message,
            holds=lambda own: own.provider != "ExternalSecrets" or own.database.remote_key != "",
            path=".database.remoteKey",
        ),
        Rule[Secrets](
            cel=(
                "self.provider != 'ExternalSecrets' || self.redis.remoteKey != ''"
                " || (self.redis.keys.username == '' && self.redis.keys.password == '' && self.redis.keys.ca__dot__crt"
                " == '')"
            ),
            message=message,
            holds=lambda own: (
                own.provider != "ExternalSecrets"
                or own.redis.remote_key != ""
                or not any(own.redis.keys.manifest().values())
            ),
            path=".redis.remoteKey",
        ),
    )

    def given(own: Secrets, user: str) -> bool:
        login: DatabaseUser | None = getattr(own.database_users, user)
        return own.provider != "ExternalSecrets" or login is None or login.remote_key != ""

    return fixed + tuple(
        Rule[Secrets](
            cel=(
                f"self.provider != 'ExternalSecrets' || !has(self.databaseUsers.{user})"
                f" || self.databaseUsers.{user}.remoteKey != ''"
            ),
            message=message,
            holds=lambda own, user=user: given(own, user),  # type: ignore[misc]
            path=f".databaseUsers.{user}.remoteKey",
        )
        for user in DATABASE_USERS
    )


class Secrets(Model):
    """Where the credentials of PostgreSQL and Redis come from; workloads read them as files and reload them."""

    provider: Annotated[
        Literal["ExternalSecrets", "Existing"],
        Field(
            description="ExternalSecrets: the operator writes a SecretStore and ExternalSecrets that read Vault."
            " Existing: somebody else makes the Secrets named here."
        ),
    ] = "ExternalSecrets"
    refresh_interval: Annotated[
        Duration,
        Field(max_length=16, description="How often External Secrets reads Vault again, as a duration."),
        lasting("10s", "365d"),
    ] = Duration("30m")
    vault: Annotated[Vault | None, Field(description="The Vault to read. Required with ExternalSecrets.")] = None
    database: Annotated[DatabaseSecret, Field(description="The login at PostgreSQL.")] = DatabaseSecret()
    database_users: Annotated[
        DatabaseUsers,
        Field(description="Separate logins for migrate, auth and query; an absent one uses secrets.database."),
    ] = DatabaseUsers()
    redis: Annotated[RedisSecret, Field(description="The login at Redis.")] = RedisSecret()


_FILES = tuple(DatabaseKeys().manifest())
_LOGINS = ("database", "redis", *(f"databaseUsers.{user}" for user in DATABASE_USERS))


def _contents(own: Secrets) -> dict[str, set[tuple[str, ...]]]:
    """Each Secret that logins name, and what they want in it: a path in Vault, and a property for each file."""
    users = [getattr(own.database_users, user) for user in DATABASE_USERS]
    found: dict[str, set[tuple[str, ...]]] = {}
    for login in (own.database, own.redis, *(user for user in users if user is not None)):
        keys = login.keys.manifest()
        found.setdefault(login.secret_name, set()).add((login.remote_key, *(keys.get(file, "") for file in _FILES)))
    return {name: contents for name, contents in found.items() if name}


def _cel_login(login: str) -> tuple[str, str]:
    """CEL: the name of a login's Secret, and name and content as one text; '' for a login that is not given."""
    keys = (RedisKeys if login == "redis" else DatabaseKeys)().manifest()
    fields = ["secretName", "remoteKey", *(f"keys.{file.replace('.', '__dot__')}" for file in _FILES if file in keys)]
    name = f"self.{login}.secretName"
    blanks = " " * (len(_FILES) - len(keys))
    text = " + ' ' + ".join(f"self.{login}.{field}" for field in fields) + (f" + '{blanks}'" if blanks else "")
    given = f"has(self.{login}) ? " if "." in login else ""
    return (f"{given}{name} : ''", f"{given}{text} : ''") if given else (name, text)


def _cel_distinct() -> str:
    # Bound by name, as in quantities: of strings inside a list the server's cost estimate knows no length.
    pairs = itertools.combinations(range(len(_LOGINS)), 2)
    expression = " && ".join(f"(n{one} == '' || n{one} != n{other} || t{one} == t{other})" for one, other in pairs)
    for number, login in enumerate(_LOGINS):
        name, text = _cel_login(login)
        expression = f"[{name}].all(n{number}, [{text}].all(t{number}, {expression}))"
    return f"self.provider != 'ExternalSecrets' || {expression}"


_DISTINCT_NAMES = Rule[Secrets](
    cel=_cel_distinct(),
    message=(
        "two logins of different content name the same Secret, which one ExternalSecret alone can fill: give each a"
        " secretName of its own"
    ),
    holds=lambda own: (
        own.provider != "ExternalSecrets" or all(len(contents) == 1 for contents in _contents(own).values())
    ),
)

Secrets.rules = (*_remote_key_rules(), _DISTINCT_NAMES)
