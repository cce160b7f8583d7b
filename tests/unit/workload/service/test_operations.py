"""Routes from their declarations: asked for permission first, and every method of a path on one route."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route

from novacron.workload.service.answers import Refusal
from novacron.workload.service.operations import ANY, Access, Handler, Operation, routes

OPEN, ADMINS = Access(open=True), Access(role="admin")


def _handler(text: str) -> Handler:
    async def answered(_request: Request) -> Response:
        return PlainTextResponse(text)

    return answered


def _plain(handler: Handler) -> Handler:
    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except Refusal as error:
            return PlainTextResponse(error.detail, error.status)

    return answered


def _guard(request: Request, access: Access) -> None:
    if access.role:
        raise Refusal(403, f"{request.method} needs {access.role}")


async def _asked(made: list[Route], method: str, path: str) -> tuple[int, bytes]:
    app = Starlette(routes=made)
    scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b"", "root_path": ""}
    found: list[tuple[int, bytes]] = []
    status = 0

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: object) -> None:
        nonlocal status
        assert isinstance(message, dict)
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            found.append((status, message["body"]))

    await app(scope, receive, send)
    return found[0]


OPERATIONS = [
    Operation("GET", "/things", _handler("list"), "List", OPEN),
    Operation("POST", "/things", _handler("made"), "Make", ADMINS),
    Operation("GET", "/things/{id}", _handler("one"), "Read", OPEN),
    Operation(ANY, "/judged/{path:path}", _handler("judged"), "Judge", OPEN),
]


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/things", 200, b"list"),
        ("POST", "/things", 403, b"POST needs admin"),
        ("GET", "/things/1", 200, b"one"),
        ("PUT", "/things", 405, b"Method Not Allowed"),
        ("PROPFIND", "/judged/x", 405, b"Method Not Allowed"),
        ("DELETE", "/judged/a/b", 200, b"judged"),
        ("TRACE", "/judged/", 200, b"judged"),
        ("GET", "/other", 404, b"Not Found"),
    ],
)
async def test_each_method_has_its_handler_behind_its_guard(method: str, path: str, status: int, text: bytes) -> None:
    assert await _asked(routes(OPERATIONS, _guard, _plain), method, path) == (status, text)


async def test_head_is_get_without_its_body() -> None:
    status, _ = await _asked(routes(OPERATIONS, _guard, _plain), "HEAD", "/things")
    assert status == 200


def test_a_path_is_one_route_which_knows_all_of_its_methods() -> None:
    made = routes(OPERATIONS, _guard, _plain)
    assert [route.path for route in made] == ["/things", "/things/{id}", "/judged/{path:path}"]
    assert made[0].methods == {"GET", "HEAD", "POST"}
    scope = {"type": "http", "method": "PUT", "path": "/things", "root_path": ""}
    assert made[0].matches(scope)[0] is Match.PARTIAL


def test_an_operation_is_declared_once() -> None:
    with pytest.raises(ValueError, match="GET /things is declared twice"):
        routes([*OPERATIONS, OPERATIONS[0]], _guard, _plain)
