"""The schema of a role's database as a dependency: this version needs it as far as its own migrations go."""

from __future__ import annotations

import psycopg

from novacron.adapters import clock
from novacron.adapters.postgres import Sessions
from novacron.adapters.schema import schema_state
from novacron.core.dependencies import Finding, Unusable
from novacron.workload.service import findings

_NAME = "schema"
_AGAIN_SECONDS = 60.0
"""Once it is there it stays; it is looked at again for whoever restores an old backup."""


class SchemaDependency:
    """Looks into the database.

    Args:
        schema: its name.
        secret: of the login, for whoever must correct its rights.
    """

    name, required = _NAME, True

    def __init__(self, sessions: Sessions, schema: str, secret: str) -> None:
        self._sessions = sessions
        self._schema = schema
        self.secret = secret
        self._found = findings.refused(_NAME, Unusable("Unchecked"), secret=secret)
        self._until = 0.0

    def changed(self) -> bool:
        return False

    async def check(self) -> Finding:
        if clock.monotonic() >= self._until:
            self._found = await self._looked()
            self._until = clock.monotonic() + (_AGAIN_SECONDS if self._found.state == "ok" else 0.0)
        return self._found

    async def close(self) -> None:
        return None

    async def _looked(self) -> Finding:
        try:
            async with self._sessions.connection() as connection:
                state = await schema_state(connection, self._schema)
        except psycopg.Error as error:
            return self._refused(Unusable("Refused", type(error).__name__))
        except Unusable as error:
            return self._refused(error)
        if state.differs:
            return self._refused(Unusable("SchemaDiffers", state.differs))
        if state.sufficient:
            return findings.reached(_NAME, does=f"{self._schema} is at {state.found}", secret=self.secret)
        found = state.found or "not there, or not to be seen"
        return self._refused(Unusable("SchemaOutdated", f"{self._schema} is {found}, {state.expected} is needed"))

    def _refused(self, error: Unusable) -> Finding:
        return findings.refused(_NAME, error, secret=self.secret)
