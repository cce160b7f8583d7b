"""Lists in pages: ``{items, next}``, where ``next`` is a cursor that knows the position and which list it belongs to.

A cursor is opaque to clients, and no secret: whoever makes one up gets a place in a list that may be seen anyway. It is
bound to filter, sort and whose view it is, so that going on with another filter is an error and not a hole.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Protocol, TypeVar
from uuid import UUID

import orjson
from pydantic import Field

from novacron.workload.service.answers import Query, Refusal

DEFAULT, MOST = 100, 1000
_LONGEST = 2048
"""Characters of a cursor; one that ends at a name of 255 characters has 1,500."""
_DIGEST_BYTES = 12
_INT64 = 1 << 63
_YEAR_9999 = 253_370_764_800_000_000
_NOT_OURS = "cursor: is none of ours; take next of the page before, or begin without."

Kind = Callable[[object], bool]
"""Says of a value whether it is of a kind that a position has."""

Limit = Annotated[int, Field(ge=1, le=MOST, description="Items of a page.")]
Cursor = Annotated[str, Field(max_length=_LONGEST, description="Member next of the page before.")]


class PageQuery(Query):
    """Parameters of every list; a list's own filters are further ones."""

    limit: Limit = DEFAULT
    cursor: Cursor | None = None

    def filters(self) -> dict[str, Any]:
        """Those that are given."""
        return self.model_dump(mode="json", exclude={"limit", "cursor"}, exclude_none=True)


class Row(Protocol):
    """What a cursor remembers of an item: when, and which one of that moment."""

    @property
    def position(self) -> int: ...

    @property
    def id(self) -> int | str: ...


R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """Args:
    next: None: it is the last one.
    """

    items: Sequence[R]
    next: str | None


@dataclass(frozen=True, slots=True)
class List:
    """One list as one client sees it, whatever the page.

    Args:
        name: with the sort, which is its own.
        filters: what is asked for, and what is allowed to be seen.
    """

    name: str
    filters: Mapping[str, Any]

    def page(self, found: Sequence[R], limit: int) -> Page[R]:
        """Args:
        found: rows from where the page begins, one more than it takes where there are more.
        """
        shown = found[:limit]
        return Page(shown, self.cursor(shown[-1].position, shown[-1].id) if len(found) > limit else None)

    def cursor(self, *position: float | str) -> str:
        """To go on after a position."""
        content = orjson.dumps([self._digest(), *position])
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    def after(self, cursor: str | None) -> tuple[int, str] | None:
        """The position of a page of rows that have UUIDs. Raises ``Refusal``."""
        found: tuple[int, str] | None = self.position(cursor, moment, identifier)
        return found

    def position(self, cursor: str | None, *kinds: Kind) -> Any:
        """Where a page begins, as a tuple; None: at the beginning. Raises ``Refusal``.

        Args:
            kinds: of the tuple's values.
        """
        if cursor is None:
            return None
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            digest, *values = orjson.loads(base64.b64decode(padded, b"-_", validate=True))
        except (UnicodeEncodeError, binascii.Error, orjson.JSONDecodeError, TypeError, ValueError):
            raise Refusal(400, _NOT_OURS) from None
        if digest != self._digest():
            raise Refusal(400, "cursor: belongs to another filter; keep the filter, or begin without a cursor.")
        if len(values) != len(kinds) or not all(kind(value) for kind, value in zip(kinds, values, strict=True)):
            raise Refusal(400, _NOT_OURS)
        return tuple(values)

    def _digest(self) -> str:
        known = orjson.dumps([self.name, dict(self.filters)], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(known).hexdigest()[: 2 * _DIGEST_BYTES]


def moment(value: object) -> bool:
    """Microseconds since the epoch, as far as PostgreSQL and Python both reach."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _YEAR_9999


def number(value: object) -> bool:
    """Of a row."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _INT64


def text(value: object) -> bool:
    """A name; PostgreSQL takes no NUL."""
    return isinstance(value, str) and value.isprintable()


def identifier(value: object) -> bool:
    """A UUID."""
    if not isinstance(value, str):
        return False
    try:
        return str(UUID(value)) == value
    except ValueError:
        return False
