"""OAuth's endpoints: tokens of service accounts (RFC 6749, 4.4), what a token says (RFC 7662), its end (RFC 7009)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from novacron.adapters import clock
from novacron.auth.domain import refresh, roles
from novacron.auth.domain.claims import Claims
from novacron.auth.domain.refusal import TokenRefused
from novacron.auth.service import audit, identity, oauth, permissions
from novacron.auth.service.audit import Event
from novacron.auth.service.authority import Authority, request_id
from novacron.auth.service.standing import Standing
from novacron.auth.service.store import audit as rows
from novacron.auth.service.store import people, revocations, sessions
from novacron.auth.service.store.accounts import Account, used
from novacron.auth.service.store.database import Transaction
from novacron.auth.service.wall import Tokens
from novacron.workload.service import answers
from novacron.workload.service.answers import Refusal
from novacron.workload.service.operations import Operation

TOKEN = "/api/v1/auth/token"  # noqa: S105 - a path
INTROSPECT = "/api/v1/auth/introspect"
REVOKE = "/api/v1/auth/revoke"
METHODS = ("client_secret_basic", "client_secret_post")

_REVOKED = "revoked"
_INACTIVE = {"active": False}


class TokenForm(answers.Body):
    """Args:
    scope: separated by spaces; default: all that the account has.
    client_id: with client_secret, where the client does not prove itself by HTTP Basic.
    """

    grant_type: Literal["client_credentials"]
    scope: str = ""
    client_id: str = ""
    client_secret: str = ""


class TokenInQuestion(answers.Body):
    token: Annotated[str, Field(min_length=1)]
    token_type_hint: str = ""


class TokenToRevoke(TokenInQuestion):
    client_id: str = ""
    client_secret: str = ""


class AccountToken(answers.Sent):
    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str


class Introspection(answers.Sent):
    """RFC 7662, 2.2; of a token that opens no door now, ``active`` alone."""

    model_config = ConfigDict(extra="allow")

    active: bool


class TokenRoutes:
    """The operations.

    Args:
        tokens: judges a token by itself.
        standing: judges what hangs on it.
    """

    def __init__(self, authority: Authority, tokens: Tokens, standing: Standing) -> None:
        self._authority = authority
        self._tokens = tokens
        self._standing = standing

    def operations(self) -> list[Operation]:
        unproved = {401: "The client is not known, is not active, or its secret is wrong (invalid_client)."}
        return [
            Operation(
                "POST",
                TOKEN,
                self._token,
                "Get an access token of a service account (RFC 6749, 4.4)",
                permissions.OPEN,
                body=TokenForm,
                answer=AccountToken,
                refusals=unproved,
                form=True,
                client=True,
            ),
            Operation(
                "POST",
                INTROSPECT,
                self._introspect,
                "Ask what an access token says (RFC 7662)",
                permissions.INTROSPECTION,
                body=TokenInQuestion,
                answer=Introspection,
                form=True,
            ),
            Operation(
                "POST",
                REVOKE,
                self._revoke,
                "End a token (RFC 7009); a person's client is public and proves nothing",
                permissions.OPEN,
                body=TokenToRevoke,
                refusals=unproved,
                form=True,
                client=True,
            ),
        ]

    async def _token(self, request: Request) -> Response:
        authority = self._authority
        network = await authority.admitted(request)
        sent = await oauth.form(request)
        given = oauth.proof(request, sent)
        if given is None:
            raise oauth.refusal(400, "invalid_request", f"The client must prove itself: {' or '.join(METHODS)}.")
        if sent.get("grant_type") != "client_credentials":
            description = "grant_type must be client_credentials; people log in at /api/v1/auth/login."
            raise oauth.refusal(400, "unsupported_grant_type", description)
        async with authority.database.transaction() as transaction:
            account = await oauth.account(authority, transaction, request, network, given)
            scopes = _scopes(sent, account)
            issued = authority.issuer.for_account(account, scopes)
            await used(transaction, account.id)
            event = _event(audit.TOKEN_ISSUED, account.id, account.organization_id, issued.id, network, request)
            await rows.add(transaction, event)
        authority.counts.account_tokens.inc()
        members = {"access_token": issued.token, "token_type": "Bearer", "expires_in": issued.expires_in}
        return answers.document({**members, "scope": " ".join(scopes)})

    async def _introspect(self, request: Request) -> Response:
        caller = identity.claims_of(request)
        sent = await oauth.form(request)
        claims = await self._valid(_required(sent, "token"))
        return answers.document(_told(claims) if claims and _may_see(caller, claims) else _INACTIVE)

    async def _valid(self, token: str) -> Claims | None:
        """Claims of an access token that opens doors now. Raises ``standing.Unavailable``."""
        now = clock.now().timestamp()
        try:
            claims = self._tokens.validate(token.encode(), now)
        except TokenRefused:
            return None
        return claims if await self._standing.objection(claims, now) is None else None

    async def _revoke(self, request: Request) -> Response:
        """Whoever has a person's token may end it: its client is public (RFC 7009, 2.1). Others prove themselves."""
        authority = self._authority
        network = await authority.admitted(request)
        sent = await oauth.form(request)
        token, given = _required(sent, "token"), oauth.proof(request, sent)
        async with authority.database.transaction() as transaction:
            account = await oauth.account(authority, transaction, request, network, given) if given else None
            if refresh.well_formed(token):
                await self._revoke_family(transaction, token, account, network, request)
            else:
                await self._revoke_access(transaction, token, account, network, request)
        return Response(status_code=200, headers={"Cache-Control": "no-store"})

    async def _revoke_family(
        self, transaction: Transaction, token: str, account: Account | None, network: str, request: Request
    ) -> None:
        """Ends the session. A token that is not known is one that is revoked already."""
        row = await sessions.token(transaction, refresh.digest(token))
        session = await sessions.locked(transaction, row.session_id) if row else None
        person = await people.by_id(transaction, session.user_id) if session else None
        if session is None or person is None:
            return
        if account is not None:
            raise _not_yours()
        if await sessions.end(transaction, [session.id], _REVOKED):
            organization = person.organization_id or ""
            event = _event(audit.SESSION_ENDED, person.id, organization, session.id, network, request, _REVOKED)
            await rows.add(transaction, event)

    async def _revoke_access(
        self, transaction: Transaction, token: str, account: Account | None, network: str, request: Request
    ) -> None:
        try:
            claims = self._tokens.validate(token.encode(), clock.now().timestamp())
        except TokenRefused:
            return
        if claims.client_id != (account.id if account else roles.PERSON_CLIENT):
            raise _not_yours()
        if await revocations.token_revoked(transaction, claims.id):
            organization = claims.organization or ""
            event = _event(audit.TOKEN_REVOKED, claims.subject, organization, claims.id, network, request)
            await rows.add(transaction, event)


def _required(sent: Mapping[str, str], name: str) -> str:
    if name not in sent:
        raise oauth.refusal(400, "invalid_request", f"{name} is required; send it in the form.")
    return sent[name]


def _scopes(sent: Mapping[str, str], account: Account) -> list[str]:
    """Those asked for, or all that the account has (RFC 6749, 3.3)."""
    asked = set(sent["scope"].split()) if "scope" in sent else set(account.scopes)
    if not asked <= set(account.scopes):
        raise oauth.refusal(400, "invalid_scope", "The client does not have a scope that it asks for.")
    return sorted(asked)


def _not_yours() -> Refusal:
    return oauth.refusal(400, "unauthorized_client", "The token is another client's; only that one may revoke it.")


def _may_see(caller: Claims, claims: Claims) -> bool:
    """An account sees tokens that may do something in its organization; of others it does not learn that they are."""
    return claims.organization == caller.organization or claims.role == roles.PLATFORM_ADMIN


def _told(claims: Claims) -> dict[str, Any]:
    """RFC 7662, 2.2, and our own claims."""
    found = {
        "active": True,
        "token_type": "Bearer",
        "iss": claims.issuer,
        "aud": list(claims.audience),
        "sub": claims.subject,
        "client_id": claims.client_id,
        "jti": claims.id,
        "iat": claims.issued,
        "exp": claims.expires,
        "nbf": claims.not_before,
        "scope": " ".join(sorted(claims.scopes)) or None,
        "role": claims.role,
        "org": claims.organization,
        "sid": claims.session,
    }
    return {name: value for name, value in found.items() if value is not None}


def _event(
    type_: str, subject: str, organization: str, object_: str, network: str, request: Request, code: str = ""
) -> Event:
    return Event(
        type_,
        code,
        network,
        subject=subject,
        organization=organization,
        object=object_,
        request_id=request_id(request),
    )
