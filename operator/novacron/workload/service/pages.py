"""Lists in pages: ``{items, next}``, where ``next`` is a cursor that knows the position and which list it belongs to.

A cursor is opaque to clients, and no secret: whoever makes one up gets a place in a list that may be seen anyway. It is
bound to filter, sort and whose view it is, so that going on with another filter is an error and not a hole.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from pydantic import Field

from novacron.workload.service.answers import Query, Refusal

DEFAULT, MOST = 100, 1000
_LONGEST = 512
_DIGEST_BYTES = 12
_INT64 = 1 << 63

Limit = Annotated[int, Field(ge=1, le=MOST, description="Items of a page.")]
Cursor = Annotated[str, Field(max_length=_LONGEST, description="Member next of the page before.")]


class PageQuery(Query):
    """Parameters of every list; a list's own filters are further ones."""

    limit: Limit = DEFAULT
    cursor: Cursor | None = None

    def filters(self) -> dict[str, Any]:
        """Those that are given."""
        return self.model_dump(mode="json", exclude={"limit", "cursor"}, exclude_none=True)


@dataclass(frozen=True, slots=True)
class List:
    """One list as one client sees it, whatever the page.

    Args:
        name: with the sort, which is its own.
        filters: what is asked for, and what is allowed to be seen.
    """

    name: str
    filters: Mapping[str, Any]

    def cursor(self, position: Sequence[int | str]) -> str:
        """Of the last item that was given."""
        content = orjson.dumps([self._digest(), *position])
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    def position(self, cursor: str | None, kinds: Sequence[type[int] | type[str]]) -> tuple[int | str, ...] | None:
        """Where a page begins; None: at the beginning. Raises ``Refusal``.

        Args:
            kinds: of the position's values.
        """
        if cursor is None:
            return None
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            digest, *values = orjson.loads(base64.b64decode(padded, b"-_", validate=True))
        except (UnicodeEncodeError, binascii.Error, orjson.JSONDecodeError, TypeError, ValueError):
            raise Refusal(400, "cursor: is none of ours; take next of the page before, or begin without.") from None
        if digest != self._digest():
            raise Refusal(400, "cursor: belongs to another filter; keep the filter, or begin without a cursor.")
        if [type(value) for value in values] != list(kinds) or not all(map(_storable, values)):
            raise Refusal(400, "cursor: is none of ours; take next of the page before, or begin without.")
        return tuple(values)

    def _digest(self) -> str:
        known = orjson.dumps([self.name, dict(self.filters)], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(known).hexdigest()[: 2 * _DIGEST_BYTES]


def _storable(value: int | str) -> bool:
    """PostgreSQL's bigint and text."""
    return -_INT64 <= value < _INT64 if isinstance(value, int) else "\0" not in value
