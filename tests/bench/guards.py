"""What the wall is held against: our shell with the same route and no guard, or with the usual one.

``python -m tests.bench.guards none|pyjwt ml --config DIR``. The usual one is Starlette's own middleware with PyJWT; it
limits, audits and revokes nothing.
"""

from __future__ import annotations

from pathlib import Path

import click
import jwt
import orjson
from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, SimpleUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route

from novacron.auth.service.settings import WallSettings
from novacron.roles import serving
from novacron.workload.service.context import Context, Role, Service


class _Backend(AuthenticationBackend):
    """Header, key by kid, decode: as every tutorial has it."""

    def __init__(self, keys: dict[str, jwt.PyJWK], issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser]:
        scheme, _, token = conn.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise AuthenticationError("no bearer token")
        try:
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(token, key, ["RS256"], audience=self._audience, issuer=self._issuer, leeway=30)
        except (jwt.PyJWTError, KeyError) as error:
            raise AuthenticationError("invalid token") from error
        return AuthCredentials(["authenticated"]), SimpleUser(claims["sub"])


async def _me(_request: Request) -> Response:
    """As large as that of the wall (roles/guarded.py)."""
    found = {
        "subject": "0" * 36,
        "role": "viewer",
        "organization": "0" * 36,
        "session": "0" * 36,
        "scopes": [],
        "expires": 1_800_000_000,
    }
    return Response(orjson.dumps(found), media_type="application/json", headers={"Cache-Control": "no-store"})


_ROUTES = [Route("/api/v1/me", _me)]


def _unguarded(_context: Context) -> Service:
    return Service(_ROUTES)


def _usual(context: Context) -> Service:
    token = context.own(WallSettings).token
    listed = orjson.loads(context.settings.jwks_file.read_bytes())["keys"]
    backend = _Backend({key["kid"]: jwt.PyJWK(key) for key in listed}, token.issuer, token.audience)
    guard = Middleware(AuthenticationMiddleware, backend=backend, on_error=_refused)
    return Service(_ROUTES, middleware=[guard])


def _refused(_conn: HTTPConnection, _error: Exception) -> Response:
    return Response(status_code=401)


_GUARDS = {"none": _unguarded, "pyjwt": _usual}


@click.command()
@click.argument("guard", type=click.Choice(list(_GUARDS)))
@click.argument("name")
@serving.options
def main(guard: str, name: str, config: Path, bind_address: str, log_level: str) -> None:
    serving.serve(Role(name, _GUARDS[guard]), config, bind_address, log_level)


if __name__ == "__main__":
    main()
