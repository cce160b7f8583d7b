"""A service's routes, its OpenAPI document as it is served, and what a page of the documentation says of them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from novacron.auth.domain.claims import Claims
from novacron.workload.service import openapi
from novacron.workload.service.context import Service

_METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
_ROW = re.compile(r"^\| (GET|POST|PUT|PATCH|DELETE) \| `(\S+)` \| ([^|]+) \|", re.MULTILINE)


def document(service: Service) -> dict[str, Any]:
    """As it is served."""
    (route,) = [route for route in _routes(service) if route.path == openapi.PATH]
    sent: list[bytes] = []

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    async def receive() -> Any:
        return {"type": "http.request"}

    who = Claims("s", "novacron", "viewer", "o", None, None, frozenset(), "j", "i", ("a",), 0, 1)
    scope = {"type": "http", "method": "GET", "path": openapi.PATH, "headers": [], "state": {"claims": who}}
    asyncio.run(_answered(route.app, scope, receive, send))
    found: dict[str, Any] = json.loads(b"".join(sent))
    return found


async def _answered(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


def _routes(service: Service) -> list[Route]:
    found = [route for route in service.routes if isinstance(route, Route)]
    assert len(found) == len(service.routes)
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method, operation."""
    for path, item in document["paths"].items():
        for method in item.keys() & _METHODS:
            yield path, method, item[method]


def check_routes(service: Service, document: dict[str, Any]) -> None:
    """Every route is in the document, and the other way round."""
    served = {
        (openapi.template(route.path), method.lower())
        for route in _routes(service)
        for method in (route.methods or set())
        if method != "CONNECT"  # no word of OpenAPI's
    }
    told = {(path, method) for path, method, _ in operations(document)}
    assert told - served == set()
    gets = {(path, "head") for path, method in told if method == "get"}  # HTTP's, wherever GET is
    assert served - told <= gets


def access(document: dict[str, Any]) -> dict[tuple[str, str], str]:
    """Method and path -> whose token is enough."""
    found = {}
    for path, method, operation in operations(document):
        role = operation.get("x-novacron-least-role") or operation.get("x-novacron-scope")
        proof = "any token" if {"bearer": []} in operation["security"] else "nobody is asked"
        found[method.upper(), path] = role or proof
    return found


def table(page: Path) -> dict[tuple[str, str], str]:
    """The same of the page's table."""
    return {(method, path): least.strip() for method, path, least in _ROW.findall(page.read_text())}
