"""What ``novacron demo-data`` does, apart from its command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from novacron.adapters import clock
from novacron.adapters.libpq import Server
from novacron.adapters.maintenance import Session, failure, session
from novacron.adapters.mounted import Directory
from novacron.core.dependencies import Unusable
from novacron.query.service.demo import DemoRefused, Filled, Plan, fill
from novacron.workload.paths import SETTINGS_FILE
from novacron.workload.service import findings
from novacron.workload.service.database import login
from novacron.workload.service.settings import DatabaseSettings, InvalidSettings, load

_APPLICATION = "novacron-demo-data"
_DIRECTORY = "SELECT to_regclass('auth.organization_directory') IS NOT NULL"
_ORGANIZATIONS = """
SELECT id FROM auth.organization_directory
WHERE active AND (%(given)s = '' OR lower(name) = lower(%(given)s) OR id::text = lower(%(given)s))
ORDER BY id LIMIT 2
"""
_IN_USE = "SELECT EXISTS (SELECT FROM query.vms WHERE organization_id = %s AND deleted_at IS NULL)"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Args:
    organization: name or id; empty: the only one.
    interval: seconds.
    """

    organization: str
    vms: int
    days: float
    interval: int
    seed: int

    @property
    def samples(self) -> int:
        """About so many."""
        return int(self.vms * self.days * 86_400 / self.interval)


@dataclass(frozen=True, slots=True)
class Made:
    """Args:
    start: RFC 3339, as the end.
    seconds: that it took.
    """

    organization: str
    start: str
    end: str
    rows: Filled
    seconds: float

    @property
    def samples_per_second(self) -> int:
        return int(self.rows.samples / max(self.seconds, 0.001))

    def document(self) -> dict[str, Any]:
        return asdict(self) | {"samples_per_second": self.samples_per_second}


def settings(config: Path) -> DatabaseSettings:
    """What the service itself is told. Raises ``InvalidSettings``."""
    shared, _ = load(config, "query")
    if shared.database is None:
        raise InvalidSettings(f"{config / SETTINGS_FILE}: database: is not there; query needs one")
    return shared.database


def said(database: DatabaseSettings, error: Unusable) -> str:
    where = f"{database.host}:{database.port}"
    return findings.refused("database", error, where=where, secret=database.secret).message


def run(database: DatabaseSettings, wanted: Wanted, progress: Callable[[int], None]) -> Made:
    """Args:
    progress: called with the number of further samples.

    Raises:
        DemoRefused: the answer is no.
        MigrationError: a statement failed.
        Unusable: the database is not to be reached.
    """
    server = Server(database.host, database.port, database.name, database.ssl_mode, _APPLICATION)
    started = clock.monotonic()
    with session(server, login(Directory(database.credentials).read()[1])) as connection:
        try:
            organization = _organization(connection, wanted.organization)
            plan = Plan(organization, clock.now(), wanted.vms, wanted.days, wanted.interval, wanted.seed)
            rows = fill(connection, plan, progress)
        except psycopg.Error as error:
            raise failure(error, "filling the database") from None
    seconds = round(clock.monotonic() - started, 1)
    return Made(str(organization), clock.timestamp(plan.start), clock.timestamp(plan.end), rows, seconds)


def _organization(connection: Session, given: str) -> UUID:
    """Raises ``DemoRefused``."""
    if connection.execute(_DIRECTORY).fetchall() != [(True,)]:
        return _unlisted(given)
    found = connection.execute(_ORGANIZATIONS, {"given": given}).fetchall()
    if len(found) == 1:
        id_: UUID = found[0][0]
        if not given and connection.execute(_IN_USE, (id_,)).fetchall() == [(True,)]:
            # nobody wants them in the middle of a fleet that is in use, and nothing takes them out again
            raise DemoRefused("--organization: the only organization has virtual machines already; name it to add more")
        return id_
    if given:
        raise DemoRefused(
            "--organization: no active organization has this name or id; see GET /api/v1/auth/organizations"
        )
    what = "there are several" if found else "there is none yet: novacron auth create-admin makes one"
    raise DemoRefused(f"--organization: name one; {what}")


def _unlisted(given: str) -> UUID:
    """This database has no organizations: any id will do."""
    try:
        return UUID(given)
    except ValueError:
        text = "--organization: this database has no list of organizations; give the id (UUID) of one"
        raise DemoRefused(text) from None
