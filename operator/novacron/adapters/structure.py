"""Whether the tables of a database are ours: what migrations made, against what is there.

A schema that somebody made by hand, restored in part or altered since would fail later, in the middle of a request, and
say less. What it has beyond ours hinders nobody, as long as rows can be written without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

from novacron.adapters.columns import COLUMNS

_KINDS = {"r": "table", "p": "partitioned table", "v": "view", "m": "materialized view", "f": "foreign table"}
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_MOST = 3
"""Differences, or names, that a message holds."""
_FOUND: LiteralString = """
SELECT c.relname, c.relkind::text, a.attname, t.typname, a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
WHERE n.nspname = %s AND c.relname = ANY(%s)
"""
"""Anybody may ask it, whatever he may do with the tables."""
_STRANGE: LiteralString = """
SELECT c.relname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind = ANY('{r,p,v,m,f}') AND c.relname !~ '^_?yoyo_' ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Relation:
    """Args:
    kind: one of _KINDS.
    columns: name -> type.
    needed: names of those that every new row must give a value.
    """

    kind: str
    columns: Mapping[str, str]
    needed: frozenset[str] = frozenset()


def expected(schema: str, migration: str) -> dict[str, Relation]:
    """Name -> what it is once this migration is applied, and all before it."""
    found: dict[str, Relation] = {}
    for id_, relations in COLUMNS[schema].items():
        if id_ > migration:
            break
        for title, listed in relations.items():
            kind, _, name = title.rpartition(" ")
            before = found[name].columns if name in found else {}
            added = dict(column.split(" ") for column in listed.split(", "))
            found[name] = Relation(kind, {**before, **added})
    return found


def read(rows: Iterable[tuple[Any, ...]]) -> dict[str, Relation]:
    """What the database has, of the answer to our question."""
    columns: dict[tuple[str, str], dict[str, tuple[str, bool]]] = {}
    for name, kind, column, type_, needed in rows:
        known = columns.setdefault((name, kind), {})
        if column is not None:
            known[column] = (type_, needed)
    return {
        name: Relation(
            _KINDS.get(kind, "something else"),
            {column: type_ for column, (type_, _) in known.items()},
            frozenset(column for column, (_, needed) in known.items() if needed),
        )
        for (name, kind), known in columns.items()
    }


def differences(schema: str, wanted: Mapping[str, Relation], there: Mapping[str, Relation]) -> str:
    """What a person must see of them; empty: there are none."""
    found = [line for name, one in wanted.items() for line in _of(f"{schema}.{name}", one, there.get(name))]
    return _listed(found)


def _of(name: str, wanted: Relation, there: Relation | None) -> Iterator[str]:
    if there is None:
        yield f"{wanted.kind} {name} is missing"
    elif there.kind != wanted.kind:
        yield f"{name} is a {there.kind} instead of a {wanted.kind}"
    else:
        for column, type_ in wanted.columns.items():
            found = there.columns.get(column)
            if found is None:
                yield f"{name} lacks column {column}"
            elif found != type_:
                yield f"{name}.{column} is {_shown(found)} instead of {type_}"
        for column in sorted(there.needed - wanted.columns.keys()):
            yield f"{name} has a column {_shown(column)} that needs a value"


def _shown(name: str) -> str:
    """A name of somebody else's, as far as it looks like one."""
    return name if _NAME.fullmatch(name) else "of another name"


def _listed(found: list[str]) -> str:
    more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
    return ", ".join(found[:_MOST]) + more


def compared(connection: psycopg.Connection[Any], schema: str, migration: str) -> str:
    """How a schema differs from what it is after a migration; empty: not at all.

    Raises:
        psycopg.Error: the database does not answer.
    """
    wanted = expected(schema, migration)
    return differences(schema, wanted, read(connection.execute(_FOUND, (schema, [*wanted]))))


async def seen(connection: psycopg.AsyncConnection[Any], schema: str, migration: str) -> str:
    """The same, for a workload."""
    wanted = expected(schema, migration)
    cursor = await connection.execute(_FOUND, (schema, [*wanted]))
    return differences(schema, wanted, read(await cursor.fetchall()))


def strange(connection: psycopg.Connection[Any], schema: str) -> str:
    """Tables and views of a schema that no migration was applied to; empty: there are none."""
    return _listed([_shown(name) for (name,) in connection.execute(_STRANGE, (schema,))])
