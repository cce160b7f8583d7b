"""Makes the first administrator: what ``novacron auth create-admin`` does, apart from its command line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

from novacron.adapters import postgres
from novacron.adapters.libpq import Server
from novacron.adapters.mounted import Directory
from novacron.adapters.schema import schema_state
from novacron.auth.domain import naming, password, roles
from novacron.auth.service import audit, one_time
from novacron.auth.service.audit import Event
from novacron.auth.service.own_settings import AuthSettings
from novacron.auth.service.passwords import Passwords
from novacron.auth.service.store import administration, organizations, people, users
from novacron.auth.service.store import audit as rows
from novacron.auth.service.store.administration import Taken
from novacron.auth.service.store.database import Database, Transaction
from novacron.auth.service.store.organizations import OrganizationRow
from novacron.auth.service.store.users import UserFilter, UserRow
from novacron.core.dependencies import Unusable
from novacron.core.errors import NovaCronError
from novacron.workload.paths import SETTINGS_FILE
from novacron.workload.service import findings
from novacron.workload.service.answers import Unavailable
from novacron.workload.service.database import login
from novacron.workload.service.settings import DatabaseSettings, InvalidSettings, load, parsed, read

_SCHEMA = "auth"
_APPLICATION = "novacron-create-admin"
_CONNECTIONS = 2
_BY = "novacron auth create-admin"


class Refused(NovaCronError):
    """The answer is no; the text says why and what to do."""


class BadInput(NovaCronError):
    """Something that was given is not as it should be."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the database is, and how long a revocation is told."""

    database: DatabaseSettings
    revocation_seconds: int

    def said(self, error: Unusable) -> str:
        where = f"{self.database.host}:{self.database.port}"
        return findings.refused("database", error, where=where, secret=self.database.secret).message


@dataclass(frozen=True, slots=True)
class Wanted:
    """Args:
    one_time: whether the password is made up, and good once.
    """

    email: str
    organization: str
    password: str = field(repr=False)
    one_time: bool


@dataclass(frozen=True, slots=True)
class Made:
    """Args:
    one_time_password: None: it was given.
    password_expires_at: RFC 3339.
    """

    id: str
    email: str
    role: str
    organization: str
    organization_id: str
    one_time_password: str | None = field(repr=False)
    password_expires_at: str | None

    def document(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def settings(config: Path) -> Place:
    """What the service itself is told. Raises ``InvalidSettings``."""
    shared, _ = load(config, "auth")
    own = parsed(AuthSettings, config / SETTINGS_FILE, read(Directory(config)).get(SETTINGS_FILE))
    if shared.database is None:
        raise InvalidSettings(f"{config / SETTINGS_FILE}: database: is not there; auth needs one")
    return Place(shared.database, own.revocation_seconds())


def wanted(email: str, organization: str, chosen: str | None) -> Wanted:
    """Args:
    chosen: a password to keep; None: one is made up.

    Raises:
        BadInput: something is not as it should be.
    """
    try:
        plain = naming.email(email)
    except naming.InvalidName as error:
        raise BadInput(f"--email: {error}") from None
    try:
        name = naming.name(organization)
    except naming.InvalidName as error:
        raise BadInput(f"--organization: {error}") from None
    try:
        found = one_time.password_for(plain) if chosen is None else password.checked(chosen, plain)
    except password.WeakPassword as error:
        raise BadInput(f"--password-file: {error}") from None
    return Wanted(plain, name, found, chosen is None)


async def create(place: Place, wanted: Wanted, show: Callable[[Made], None]) -> None:
    """Args:
        show: shows what is about to be made. Where it raises, nobody is: a password that nobody has read would
            keep everybody out until its time is over.

    Raises:
        Refused: somebody is there, or cannot be made.
        Unusable: the database is not to be reached.
    """
    password_hash = await Passwords(1, lambda: None).hashed(wanted.password)
    async with _opened(place) as database:
        try:
            async with database.transaction() as transaction:
                await administration.lock(transaction)
                if await users.platform_admin_exists(transaction):
                    raise Refused(
                        "a platform-admin who can log in is there already, and makes others; see docs/auth.md"
                    )
                organization = await _organization(transaction, wanted.organization)
                user = await _user(transaction, wanted, password_hash)
                show(_made(wanted, organization, user))
        except Taken:
            raise Refused("--email: somebody else has it, who is no platform-admin; take another one") from None
        except Unavailable as error:
            raise Unusable("Refused", error.reason) from None


def _made(wanted: Wanted, organization: OrganizationRow, user: UserRow) -> Made:
    expires = user.password_expires_at
    return Made(
        id=user.id,
        email=user.email,
        role=user.role,
        organization=organization.name,
        organization_id=organization.id,
        one_time_password=wanted.password if wanted.one_time else None,
        password_expires_at=expires.astimezone(UTC).isoformat(timespec="seconds") if expires else None,
    )


@asynccontextmanager
async def _opened(place: Place) -> AsyncIterator[Database]:
    """The database, once it is sure that its schema is there. Raises ``Refused`` and ``Unusable``."""
    known = place.database
    server = Server(known.host, known.port, known.name, known.ssl_mode, _APPLICATION)
    store = postgres.Postgres(server, _CONNECTIONS)
    try:
        account = login(Directory(known.credentials).read()[1])
        await (await store.open(account)).close()
        await store.adopt(account)
        async with store.connection() as connection:
            state = await schema_state(connection, _SCHEMA)
        if not state.sufficient:
            found = state.found or "not there, or this login may not see it"
            raise Refused(f"schema {_SCHEMA} is {found}, {state.expected} is needed; run novacron migrate first")
        yield Database(store, lambda: place.revocation_seconds, lambda _transaction: None)
    finally:
        await store.close()


async def _organization(transaction: Transaction, name: str) -> OrganizationRow:
    found = await organizations.by_name(transaction, name)
    if found is None:
        found = await organizations.added(transaction, name)
        await _record(transaction, audit.ORGANIZATION_CREATED, found.id, found.id)
    elif not found.active:
        raise Refused("--organization: is deactivated; name another one")
    return found


async def _user(transaction: Transaction, wanted: Wanted, password_hash: str) -> UserRow:
    """A new person, or the first administrator whose one-time password nobody used in its time. Raises ``Taken``."""
    seconds = one_time.SECONDS if wanted.one_time else None
    late = await users.listed(transaction, UserFilter(email=wanted.email, role=roles.PLATFORM_ADMIN), 1, None)
    if late and late[0].status == "active":
        await people.set_password(transaction, late[0].id, password_hash, expires_in=seconds)
        await people.cut_off(transaction, late[0].id, "password_reset")
        await _record(transaction, audit.PASSWORD_RESET, late[0].id, "")
        found = await users.by_id(transaction, late[0].id)
        assert found is not None  # noqa: S101 - nobody deletes people
        return found
    made = await users.added(
        transaction,
        organization_id=None,
        email=wanted.email,
        username=wanted.email.partition("@")[0],
        role=roles.PLATFORM_ADMIN,
        password_hash=password_hash,
        password_seconds=seconds,
    )
    await _record(transaction, audit.USER_CREATED, made.id, "", role=made.role)
    return made


async def _record(transaction: Transaction, type_: str, object_: str, organization: str, **details: str) -> None:
    event = Event(type_, organization=organization, object=object_, details={"by": _BY, **details})
    await rows.add(transaction, event)
