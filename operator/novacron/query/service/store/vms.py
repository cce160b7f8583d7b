"""Virtual machines: listed, read, put and deleted. Of another organization's nothing is said, not even that it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, LiteralString
from uuid import UUID

from novacron.query.service.store.database import Transaction
from novacron.query.service.store.page import EMPTY, MICROSECONDS, Page, at, conditions, paged

_ROWS: LiteralString = """SELECT id, name, status, cpu_cores, memory_mb, created_at, updated_at, organization_id
    FROM query.vms"""
_LIVE: LiteralString = "deleted_at IS NULL"
_FILTERS: Mapping[str, LiteralString] = {
    "organization": "organization_id = %(organization)s",
    "status": "status = %(status)s",
    "name": "name = %(name)s",
}
_CREATED: LiteralString = MICROSECONDS.format(column="(item).created_at") + ", (item).id"
_NAMED: LiteralString = "(item).name, (item).id"


@dataclass(frozen=True, slots=True)
class _Sort:
    """Args:
    position: of a row.
    after: what comes after a position.
    """

    position: LiteralString
    after: LiteralString
    order: LiteralString


_SORTS: Mapping[str, _Sort] = {
    "created_at": _Sort(_CREATED, "(created_at, id) > (%(at)s, %(id)s)", " ORDER BY created_at, id"),
    "-created_at": _Sort(_CREATED, "(created_at, id) < (%(at)s, %(id)s)", " ORDER BY created_at DESC, id DESC"),
    # the same order on every server, and after its upgrade: a cursor would skip what moved
    "name": _Sort(_NAMED, '(name COLLATE "C", id) > (%(at)s, %(id)s)', ' ORDER BY name COLLATE "C", id'),
    "-name": _Sort(_NAMED, '(name COLLATE "C", id) < (%(at)s, %(id)s)', ' ORDER BY name COLLATE "C" DESC, id DESC'),
}

SORTS = tuple(_SORTS)
"""What a client may name."""


@dataclass(frozen=True, slots=True)
class VmFilter:
    """None: whatever it is."""

    organization: UUID | None = None
    status: str | None = None
    name: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class VmValues:
    """What a client says of a VM."""

    name: str = field(repr=False)
    status: str
    cpu_cores: int
    memory_mb: int


@dataclass(frozen=True, slots=True)
class Written:
    """Args:
    document: the VM, JSON.
    made: there was none before that anybody could see.
    """

    document: str = field(repr=False)
    made: bool


@dataclass(frozen=True, slots=True)
class _Document:
    document: str


@dataclass(frozen=True, slots=True)
class _Known:
    known: bool


async def listed(
    transaction: Transaction, wanted: VmFilter, sort: str, *, limit: int, after: tuple[int | str, str] | None = None
) -> Page:
    """Args:
    after: position of the last one that was seen.
    """
    given: dict[str, Any] = {name: value for name in _FILTERS if (value := getattr(wanted, name)) is not None}
    by = _SORTS[sort]
    wheres = [_LIVE, *(_FILTERS[name] for name in given)]
    if after is not None:
        wheres.append(by.after)
        given |= {"at": at(after[0]) if isinstance(after[0], int) else after[0], "id": UUID(after[1])}
    statement = paged(_ROWS + conditions(wheres) + by.order, by.position)
    return await transaction.first(Page, statement, **given, limit=limit, offset=0) or EMPTY


async def read(transaction: Transaction, vm_id: UUID, organization: UUID | None) -> str | None:
    """JSON; None: there is none, or it is not to be seen.

    Args:
        organization: whose it must be; None: anybody's.
    """
    found = await transaction.first(
        _Document,
        """SELECT row_to_json(vm)::text AS document
           FROM (SELECT id, name, status, cpu_cores, memory_mb, created_at, updated_at, organization_id FROM query.vms
                 WHERE id = %(id)s AND deleted_at IS NULL
                   AND (%(organization)s::uuid IS NULL OR organization_id = %(organization)s)) AS vm""",
        id=vm_id,
        organization=organization,
    )
    return found.document if found else None


async def organization_is_known(transaction: Transaction, organization: UUID) -> bool:
    """Whether there is one of that id that is active."""
    found = await transaction.first(
        _Known,
        "SELECT count(*) > 0 AS known FROM auth.organization_directory WHERE id = %(id)s AND active",
        id=organization,
    )
    return found is not None and found.known


async def put(transaction: Transaction, vm_id: UUID, organization: UUID, values: VmValues) -> Written | None:
    """Makes it, replaces it, or brings a deleted one back as a new one; None: the id is another organization's.

    A new one was changed when it was made; one that is replaced, later, as the clock is read under the row's lock.
    """
    return await transaction.first(
        Written,
        """WITH vm AS (
                INSERT INTO query.vms AS known (id, organization_id, name, status, cpu_cores, memory_mb)
                VALUES (%(id)s, %(organization)s, %(name)s, %(status)s, %(cpu_cores)s, %(memory_mb)s)
                ON CONFLICT (id) DO UPDATE SET
                    name = excluded.name, status = excluded.status, cpu_cores = excluded.cpu_cores,
                    memory_mb = excluded.memory_mb, deleted_at = NULL,
                    created_at = CASE WHEN known.deleted_at IS NULL THEN known.created_at ELSE now() END,
                    updated_at = CASE WHEN known.deleted_at IS NULL THEN clock_timestamp() ELSE now() END
                WHERE known.organization_id = excluded.organization_id
                RETURNING id, name, status, cpu_cores, memory_mb, created_at, updated_at, organization_id
            )
            SELECT row_to_json(vm)::text AS document, vm.created_at = vm.updated_at AS made FROM vm""",
        id=vm_id,
        organization=organization,
        name=values.name,
        status=values.status,
        cpu_cores=values.cpu_cores,
        memory_mb=values.memory_mb,
    )


async def delete(transaction: Transaction, vm_id: UUID, organization: UUID | None) -> bool:
    """Whether there was one that may be seen. Its samples stay until their time is over.

    Args:
        organization: whose it must be; None: anybody's.
    """
    deleted = await transaction.execute(
        """UPDATE query.vms SET deleted_at = clock_timestamp(), updated_at = clock_timestamp()
           WHERE id = %(id)s AND deleted_at IS NULL
             AND (%(organization)s::uuid IS NULL OR organization_id = %(organization)s)""",
        id=vm_id,
        organization=organization,
    )
    return deleted == 1
