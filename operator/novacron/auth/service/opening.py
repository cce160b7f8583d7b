"""A session's first tokens and its next ones: what login and refresh have in common."""

from __future__ import annotations

import secrets
from typing import Any, Literal

from novacron.auth.domain import refresh
from novacron.auth.domain.session import Session
from novacron.auth.service.authority import Authority
from novacron.auth.service.store import sessions
from novacron.auth.service.store.database import Transaction
from novacron.auth.service.store.people import Person
from novacron.workload.service import answers


class Tokens(answers.Sent):
    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str
    session_id: str


async def tokens(
    authority: Authority, transaction: Transaction, person: Person, session: Session, rotation: int
) -> dict[str, Any]:
    """The answer to a login or a refresh; its refresh token is stored as a hash. Raises ``NoSigningKey``."""
    issued = authority.issuer.for_person(person, session, rotation)
    following = refresh.token(secrets.token_bytes(refresh.BYTES))
    await sessions.add_token(transaction, session.id, refresh.digest(following), authority.refresh_seconds)
    return {
        "access_token": issued.token,
        "token_type": "Bearer",
        "expires_in": issued.expires_in,
        "refresh_token": following,
        "session_id": session.id,
    }
