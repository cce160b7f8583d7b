"""Whether an accepted token still counts, by the database: how auth judges on its own routes (steps 5 to 8).

What another pod did a moment ago is seen at once, without waiting for the feed.
"""

from __future__ import annotations

from uuid import UUID

from novacron.adapters import clock
from novacron.auth.domain import roles
from novacron.auth.domain.claims import Claims
from novacron.auth.domain.session import SessionRules
from novacron.auth.service.counts import Counts
from novacron.auth.service.issuing import Issuer
from novacron.auth.service.standing import Objection, Unavailable
from novacron.auth.service.store import people, sessions, subjects
from novacron.auth.service.store.database import Database, Transaction
from novacron.auth.service.store.subjects import Subject
from novacron.workload.service import answers

_CLOCKS_SECONDS = 60
"""By which the clocks of this pod and of the database may differ."""
_NOBODY = Objection("user_not_found", "no_such_subject")
_OUTAGE = "Something that this service needs does not answer."


class OwnStanding:
    """Steps 5 to 7, and 8."""

    def __init__(self, database: Database, rules: SessionRules, issuer: Issuer, counts: Counts) -> None:
        self._database = database
        self._rules = rules
        self._issuer = issuer
        self._counts = counts

    async def objection(self, claims: Claims, now: float) -> Objection | None:
        """By the database's clock where rows are concerned. Raises ``Unavailable``."""
        try:
            async with self._database.transaction() as transaction:
                return await self._objection(transaction, claims)
        except answers.Unavailable as error:
            raise Unavailable(error.reason, _OUTAGE) from None

    async def rotated(self, claims: Claims) -> str | None:
        """A new access token where the session is due for one; of requests side by side, the first gets it."""
        if claims.session is None or claims.rotation is None or not self._may_be_due(claims):
            return None
        async with self._database.transaction() as transaction:
            session = await sessions.by_id(transaction, claims.session)
            if session is None or not self._rules.rotation_due(session, claims.rotation, await transaction.now()):
                return None
            person = await people.locked(transaction, claims.subject)  # whose role nobody changes while it is issued
            rotation = await sessions.rotated(transaction, session.id, claims.rotation)
            if rotation is None or person is None:
                return None
            issued = self._issuer.for_person(person, session, rotation)
        self._counts.rotations.inc()
        return issued.token

    def _may_be_due(self, claims: Claims) -> bool:
        """A token is as old as its rotation, but for clocks that differ: most need no look into the database."""
        return clock.now().timestamp() - claims.issued >= self._rules.rotation - _CLOCKS_SECONDS

    async def _objection(self, transaction: Transaction, claims: Claims) -> Objection | None:
        found = await _subject(transaction, claims)
        if found is None:
            return _NOBODY
        if not found.active:
            return Objection("user_inactive", "inactive")
        if claims.issued < found.tokens_not_before:
            return Objection("session_invalid", "subject_not_before")
        if found.revoked:
            return Objection("session_invalid", "token_revoked")
        code = await self._session_refusal(transaction, claims, found.now)
        return Objection("session_invalid", code) if code is not None else None

    async def _session_refusal(self, transaction: Transaction, claims: Claims, now: float) -> str | None:
        if claims.session is None or claims.rotation is None:
            return None
        session = await sessions.by_id(transaction, claims.session) if _is_uuid(claims.session) else None
        if session is None or session.user_id != claims.subject:
            return "no_such_session"
        return self._rules.refusal(session, claims.rotation, now)


async def _subject(transaction: Transaction, claims: Claims) -> Subject | None:
    if not _is_uuid(claims.subject):
        return None
    look = subjects.account if claims.role == roles.SERVICE else subjects.person
    return await look(transaction, claims.subject, claims.id)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
