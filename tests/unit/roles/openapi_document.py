"""The OpenAPI document of a service that nothing connects, as it is served, and what must be true of each."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from novacron.api.v1alpha1 import validate
from novacron.auth.domain import roles
from novacron.auth.domain.claims import Claims
from novacron.stack import settings as written
from novacron.workload.service import openapi
from novacron.workload.service.context import Context, Service
from novacron.workload.service.reload import ReloadedSettings
from novacron.workload.service.settings import load
from novacron.workload.service.telemetry import Telemetry
from tests.support import resources

Document = dict[str, Any]
_ROW = re.compile(r"^\| (GET|PUT|POST|PATCH|DELETE) \| `(\S+)` \| ([^|]+) \|", re.MULTILINE)
_METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def unconnected(role: str, folder: Path, changes: Mapping[str, Any] = MappingProxyType({})) -> Context:
    """Of a resource with the defaults, but for the changes; nothing connects.

    Args:
        folder: for its settings.
    """
    body = resources.changed(resources.minimal(), {"metadata.uid": "u", **changes})
    (folder / "settings.json").write_text(written.settings(validate(body), role, 2048))
    (folder / "reloaded.json").write_text(written.reloaded(validate(body), role))
    settings, reloaded = load(folder, role)
    telemetry = Telemetry(role)
    return Context(settings, ReloadedSettings(folder, reloaded, telemetry), telemetry, folder)


def served(service: Service) -> Document:
    """The document, through its route."""
    (route,) = [route for route in routes(service) if route.path == openapi.PATH]
    sent: list[bytes] = []

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    async def receive() -> Any:
        return {"type": "http.request"}

    who = Claims("s", "novacron", "viewer", "o", None, None, frozenset(), "j", "i", ("a",), 0, 1)
    scope = {"type": "http", "method": "GET", "path": openapi.PATH, "headers": [], "state": {"claims": who}}
    asyncio.run(_answered(route.app, scope, receive, send))
    found: Document = json.loads(b"".join(sent))
    return found


async def _answered(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


def routes(service: Service) -> list[Route]:
    found = [route for route in service.routes if isinstance(route, Route)]
    assert len(found) == len(service.routes)
    return found


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Path, method, operation."""
    for path, item in document["paths"].items():
        for method in item.keys() & _METHODS:
            yield path, method, item[method]


def check_routes(service: Service, document: Document) -> None:
    """Every route is in the document, and the other way round."""
    there = {
        (openapi.template(route.path), method.lower())
        for route in routes(service)
        for method in (route.methods or set())
        if method != "CONNECT"  # no word of OpenAPI's
    }
    told = {(path, method) for path, method, _ in operations(document)}
    assert told - there == set()
    gets = {(path, "head") for path, method in told if method == "get"}  # HTTP's, wherever GET is
    assert there - told <= gets


def check_form(document: Document) -> None:
    """It is one of OpenAPI 3.1, whose references lead somewhere, and all of whose schemas are referred to."""
    assert document["openapi"] == "3.1.0"
    assert set(document) == {"openapi", "info", "paths", "components"}
    assert set(document["info"]) == {"title", "version"}
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    schemas = document["components"]["schemas"]
    for reference in _references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas
    assert {reference.rpartition("/")[2] for reference in _references(document)} == set(schemas)
    schemes = document["components"]["securitySchemes"]
    for path, method, operation in operations(document):
        assert re.fullmatch(r"/[A-Za-z0-9._/{}-]*", path), path
        assert operation["responses"], (path, method)
        for status, response in operation["responses"].items():
            assert re.fullmatch(r"[2345]\d\d", status)
            assert response["description"]
            for media_type, content in response.get("content", {}).items():
                assert media_type.startswith("application/")
                assert set(content) == {"schema"}
        for way in operation["security"]:
            assert set(way) <= set(schemes)
    for path, item in document["paths"].items():
        declared = [one["name"] for one in item.get("parameters", ())]
        assert declared == re.findall(r"\{(\w+)\}", path)


def check_access(document: Document) -> None:
    """Whose token is enough is said twice and the same, in auth's words."""
    for path, method, operation in operations(document):
        named = [operation[key] for key in ("x-novacron-least-role", "x-novacron-scope") if key in operation]
        assert set(named) <= {*roles.PEOPLE, *roles.SCOPES}
        ways = [one for way in operation["security"] for one in way.get("bearer", [])]
        assert ways == named, (path, method)
        assert ("403" in operation["responses"]) or not named, (path, method)


def least(operation: Document) -> str:
    """Who may, as a table says it."""
    named = operation.get("x-novacron-least-role") or operation.get("x-novacron-scope")
    proof = "any token" if {"bearer": []} in operation["security"] else "nobody is asked"
    return str(named or proof)


def access(document: Document) -> dict[tuple[str, str], str]:
    """Method and path -> whose token is enough."""
    return {(method.upper(), path): least(operation) for path, method, operation in operations(document)}


def table(page: Path) -> dict[tuple[str, str], str]:
    """The same of a page's table."""
    return {(method, path): who.strip() for method, path, who in _ROW.findall(page.read_text())}


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
