"""What every route of query needs: whom it serves, and what it asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from novacron.query.domain.caller import Caller
from novacron.query.service.settings import QuerySettings
from novacron.query.service.store.database import Database
from novacron.workload.service.operations import Access

PEOPLE = Access(role="viewer")
OPERATORS = Access(role="operator")
ADMINS = Access(role="admin")
METRICS_WRITE = Access(scope="metrics:write")
"""Who may what; the words are auth's (auth/domain/roles.py), and a test compares them."""
TAGGED = {"ETag": "Of the answer, for If-None-Match."}
"""Headers of an answer that a client may keep, for the OpenAPI document."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Args:
    caller: who asks, by a request that has passed the wall.
    """

    settings: QuerySettings
    database: Database
    caller: Callable[[Request], Caller]
