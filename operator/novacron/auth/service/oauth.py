"""What OAuth's endpoints share: forms, their errors, and a service account that proves itself (RFC 6749, 2.3 and 5.2).

Errors are problem documents, as everywhere here, and hold ``error`` and ``error_description`` besides.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus
from uuid import UUID

from starlette.requests import Request

from novacron.auth.service import audit
from novacron.auth.service.audit import Event
from novacron.auth.service.authority import Authority, request_id
from novacron.auth.service.store import accounts
from novacron.auth.service.store.accounts import Account
from novacron.auth.service.store.database import Transaction
from novacron.workload.service.answers import Refusal

_MEDIA_TYPE = "application/x-www-form-urlencoded"
_MOST_FIELDS = 16
_LONGEST = 8192
"""Of one parameter: a token of 6 KiB, and room for its escapes."""
_BASIC = 'Basic realm="novacron"'
_NOBODY = hashlib.sha256(b"").digest()


@dataclass(frozen=True, slots=True)
class Proof:
    """What a client says it is, and how it would show that."""

    client_id: str
    secret: str = field(repr=False)


def refusal(status: int, error: str, description: str, headers: Mapping[str, str] | None = None) -> Refusal:
    """Args:
    error: a code of RFC 6749, 5.2, or RFC 7009, 2.2.1.
    """
    members: dict[str, Any] = {"error": error, "error_description": description}
    return Refusal(status, description, headers, **members)


async def form(request: Request) -> dict[str, str]:
    """Parameters of the body; an empty one counts as not given. Raises ``Refusal``."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _MEDIA_TYPE:
        raise refusal(400, "invalid_request", f"The body must be a form; send it with Content-Type: {_MEDIA_TYPE}.")
    try:
        text = (await request.body()).decode("ascii")
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise refusal(400, "invalid_request", "The body is no form; encode it as one.") from None
    found = dict(pairs)
    if len(found) < len(pairs):
        raise refusal(400, "invalid_request", "A parameter is given twice; give each once.")
    if any(len(value) > _LONGEST or not value.isprintable() for value in found.values()):
        raise refusal(400, "invalid_request", "A parameter is too long or holds control characters; correct it.")
    return {name: value for name, value in found.items() if value}


def proof(request: Request, sent: Mapping[str, str]) -> Proof | None:
    """client_secret_basic or client_secret_post; None: neither. Raises ``Refusal``."""
    headers = request.headers.getlist("authorization")
    if not headers:
        known = sent.get("client_id"), sent.get("client_secret")
        return Proof(known[0], known[1]) if known[0] and known[1] else None
    if len(headers) > 1 or "client_secret" in sent:
        raise refusal(400, "invalid_request", "The client proves itself twice; do it once.")
    scheme, _, credentials = headers[0].partition(" ")
    if scheme.lower() != "basic":
        raise refusal(401, "invalid_client", "The client must prove itself by Basic.", {"WWW-Authenticate": _BASIC})
    try:
        client_id, _, secret = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
    except ValueError:  # no base64, no ASCII, no UTF-8
        raise refusal(400, "invalid_request", "Authorization is no Basic as it should be; correct it.") from None
    return Proof(unquote_plus(client_id), unquote_plus(secret))


async def account(
    authority: Authority, transaction: Transaction, request: Request, network: str, given: Proof
) -> Account:
    """The service account that proved itself, held until the end of the transaction. Raises ``Refusal``.

    Only who has the secret makes others wait for the row. An active account's tokens count from when they are issued:
    so its row is read again once it is held.
    """
    code = await _problem(transaction, given, hold=False) or await _problem(transaction, given, hold=True)
    found = None if code else await accounts.by_id(transaction, given.client_id)
    if found is not None:
        return found
    subject = given.client_id if code not in ("unknown_client", "") else ""
    authority.audit.refused(Event(audit.CLIENT_REFUSED, code, network, subject=subject, request_id=request_id(request)))
    description = "The client is not known, is not active, or its secret is wrong."
    raise refusal(401, "invalid_client", description, {"WWW-Authenticate": _BASIC})


async def _problem(transaction: Transaction, given: Proof, *, hold: bool) -> str:
    """Why the client is not who it says; empty: it is. Secrets are 256 random bits, so a plain hash is enough."""
    found = None
    if _is_uuid(given.client_id):
        found = await (accounts.locked if hold else accounts.by_id)(transaction, given.client_id)
    digest = hashlib.sha256(given.secret.encode()).digest()
    right = hmac.compare_digest(digest, found.secret_sha256 if found else _NOBODY)
    if found is None:
        return "unknown_client"
    if not right:
        return "wrong_secret"
    return "" if found.active else "inactive"


def _is_uuid(text: str) -> bool:
    """As ours are written: Python reads more spellings than PostgreSQL does."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
