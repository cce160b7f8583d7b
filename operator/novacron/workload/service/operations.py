"""A route declared once: who may use it, what it takes and what it answers.

The declaration makes the route, asks for the permission before the handler runs, and is a part of the OpenAPI document.
Knows no component: who asks, and whether that is enough, is what the guard finds out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from novacron.workload.service import answers

Handler = Callable[[Request], Awaitable[Response]]

ANY = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
"""Methods of an operation that judges requests of others."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may. Neither role nor scope: whoever has a valid access token; both: who has either.

    Args:
        open: nobody is asked for an access token.
        role: the least of a person.
        scope: of a service account.
    """

    open: bool = False
    role: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Stream:
    """A body that is taken as it comes, and never held: no model can say what is in it.

    Args:
        types: media types -> what each is.
        codings: that Content-Encoding may name.
    """

    types: Mapping[str, str]
    codings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One method, or more that are the same, of one path.

    Args:
        path: as Starlette writes it: ``/users/{id}``.
        body: of JSON, or of a form where ``form`` says so.
        stream: instead of such a body.
        answer: of the body of the answer; None: it has none.
        answer_type: its media type.
        refusals: status -> when, beyond what every operation may answer.
        headers: of the answer: name -> what it says.
        client: whether a client may prove itself by HTTP Basic (RFC 6749, 2.3.1).
    """

    method: str | Sequence[str]
    path: str
    handler: Handler
    summary: str
    access: Access
    body: type[BaseModel] | None = None
    stream: Stream | None = None
    query: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    status: int = 200
    refusals: Mapping[int, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    answer_type: str = answers.JSON
    form: bool = False
    client: bool = False

    @property
    def methods(self) -> tuple[str, ...]:
        return (self.method,) if isinstance(self.method, str) else tuple(self.method)

    @property
    def media_type(self) -> str:
        """Of the body."""
        if self.form:
            return "application/x-www-form-urlencoded"
        return answers.MERGE_PATCH if "PATCH" in self.methods else answers.JSON


Guard = Callable[[Request, Access], None]
"""Raises ``answers.Refusal`` where who asks may not."""


def routes(operations: Iterable[Operation], guard: Guard, answering: Callable[[Handler], Handler]) -> list[Route]:
    """One route for each path, so that a 405 names all of its methods.

    Args:
        answering: makes answers of what handlers, and the guard, raise.

    Raises:
        ValueError: two operations have the same path and method.
    """
    paths: dict[str, dict[str, Handler]] = {}
    for operation in operations:
        served = paths.setdefault(operation.path, {})
        for method in operation.methods:
            if method in served:
                raise ValueError(f"{method} {operation.path} is declared twice")
            served[method] = answering(_guarded(operation, guard))
    return [Route(path, _chosen(served), methods=list(served)) for path, served in paths.items()]


def _guarded(operation: Operation, guard: Guard) -> Handler:
    async def handled(request: Request) -> Response:
        guard(request, operation.access)
        return await operation.handler(request)

    return handled


def _chosen(served: Mapping[str, Handler]) -> Handler:
    async def dispatched(request: Request) -> Response:
        method = request.method
        return await served["GET" if method == "HEAD" and method not in served else method](request)

    return dispatched
