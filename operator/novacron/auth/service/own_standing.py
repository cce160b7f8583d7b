"""Whether an accepted token still counts, by the database: how auth judges on its own routes (steps 5 to 8).

What another pod did a moment ago is seen at once, without waiting for the feed.
"""

from __future__ import annotations

from uuid import UUID

from novacron.auth.domain import roles
from novacron.auth.domain.claims import Claims
from novacron.auth.domain.session import SessionRules
from novacron.auth.service.counts import Counts
from novacron.auth.service.issuing import Issuer
from novacron.auth.service.standing import Objection, Unavailable
from novacron.auth.service.store import accounts, database, people, revocations, sessions
from novacron.auth.service.store.accounts import Account
from novacron.auth.service.store.database import Database, Transaction
from novacron.auth.service.store.people import Person

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
        except database.Unavailable as error:
            raise Unavailable(error.reason, _OUTAGE) from None

    async def rotated(self, claims: Claims) -> str | None:
        """A new access token where the session is due for one; of requests side by side, the first gets it."""
        if claims.session is None or claims.rotation is None:
            return None
        async with self._database.transaction() as transaction:
            session = await sessions.by_id(transaction, claims.session)
            if session is None or not self._rules.rotation_due(session, claims.rotation, await transaction.now()):
                return None
            rotation = await sessions.rotated(transaction, session.id, claims.rotation)
            person = await people.by_id(transaction, claims.subject)
            if rotation is None or person is None:
                return None
            issued = self._issuer.for_person(person, session, rotation)
        self._counts.rotations.inc()
        return issued.token

    async def _objection(self, transaction: Transaction, claims: Claims) -> Objection | None:
        subject = await _subject(transaction, claims)
        if subject is None:
            return _NOBODY
        if not subject.active:
            return Objection("user_inactive", "inactive")
        if claims.issued < subject.tokens_not_before:
            return Objection("session_invalid", "subject_not_before")
        if await revocations.is_revoked(transaction, claims.id):
            return Objection("session_invalid", "token_revoked")
        code = await self._session_refusal(transaction, claims)
        return Objection("session_invalid", code) if code is not None else None

    async def _session_refusal(self, transaction: Transaction, claims: Claims) -> str | None:
        if claims.session is None or claims.rotation is None:
            return None
        session = await sessions.by_id(transaction, claims.session) if _is_uuid(claims.session) else None
        if session is None or session.user_id != claims.subject:
            return "no_such_session"
        return self._rules.refusal(session, claims.rotation, await transaction.now())


async def _subject(transaction: Transaction, claims: Claims) -> Person | Account | None:
    if not _is_uuid(claims.subject):
        return None
    if claims.role == roles.SERVICE:
        return await accounts.by_id(transaction, claims.subject)
    return await people.by_id(transaction, claims.subject)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
