"""``GET /.well-known/oauth-authorization-server`` (RFC 8414), which only an issuer with an https URL can have."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from novacron.auth.domain import roles
from novacron.auth.service import jwks, permissions, tokens
from novacron.workload.service import answers
from novacron.workload.service.operations import Operation

PATH = "/.well-known/oauth-authorization-server"


class Metadata(answers.Sent):
    """RFC 8414, 2."""

    issuer: str
    token_endpoint: str
    introspection_endpoint: str
    revocation_endpoint: str
    jwks_uri: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]


def operations(issuer: str, max_age: int) -> list[Operation]:
    """None where the issuer is no https URL: a 404 then says that there is no metadata.

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

    path, summary = PATH + parts.path.rstrip("/"), "What an OAuth client must know (RFC 8414)"
    return [Operation("GET", path, metadata, summary, permissions.OPEN, answer=Metadata)]
