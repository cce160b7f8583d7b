"""``GET /.well-known/oauth-authorization-server`` (RFC 8414), which only an issuer with an https URL can have."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from novacron.auth.domain import roles
from novacron.auth.service import jwks, tokens

PATH = "/.well-known/oauth-authorization-server"


def routes(issuer: str, max_age: int) -> list[Route]:
    """None where the issuer is no https URL: a 404 then says that there is no metadata (decisions.md 29).

    Args:
        issuer: claim iss; with a path, the path comes behind that of the document (RFC 8414, 3.1).
        max_age: seconds for which others may keep it.
    """
    parts = urlsplit(issuer)
    if parts.scheme != "https" or not parts.netloc or parts.query or parts.fragment:
        return []
    base = issuer.rstrip("/")
    document = {
        "issuer": issuer,
        "token_endpoint": base + tokens.TOKEN,
        "introspection_endpoint": base + tokens.INTROSPECT,
        "revocation_endpoint": base + tokens.REVOKE,
        "jwks_uri": base + jwks.PATH,
        "scopes_supported": list(roles.SCOPES),
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": list(tokens.METHODS),
        "revocation_endpoint_auth_methods_supported": [*tokens.METHODS, "none"],
    }

    async def metadata(_request: Request) -> Response:
        return JSONResponse(document, headers={"Cache-Control": f"public, max-age={max_age}"})

    return [Route(PATH + parts.path.rstrip("/"), metadata, methods=["GET"])]
