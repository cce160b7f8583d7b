"""The OpenAPI 3.1 document of a workload, from the declarations that make its routes, and the route that serves it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import orjson
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from starlette.requests import Request
from starlette.responses import Response

from novacron.workload.service import answers, problem
from novacron.workload.service.operations import Access, Operation, Stream

PATH = "/openapi.json"
_DIALECT_METHODS = ("GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE")
"""All that a Path Item of OpenAPI 3.1 knows; CONNECT is served, and cannot be written down."""
_REFERENCE = "#/components/schemas/{model}"
_PROBLEM = "Problem"
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_MEMBERS = {"type": "string", "title": "string", "status": "integer", "detail": "string", "request_id": "string"}
_PROTECTED = {401: "No valid access token.", 403: "The role or the scopes do not allow it (insufficient_scope)."}
_ALWAYS = {429: "Too many requests; Retry-After says when to try again.", 503: "Something needed does not answer now."}
_TAKES = {400: "Something that was sent is not as it should be; detail names it.", 413: "The body is too large."}
_UNTAKEN = {415: "The body is of another media type."}

Document = dict[str, Any]
Mode = tuple[Any, JsonSchemaMode]
"""A model, as it is sent to us or by us."""


def published(title: str, version: str, operations: Sequence[Operation], access: Access) -> list[Operation]:
    """The operations, and the one that tells of all of them.

    Args:
        access: who may read the document.
    """
    content = b""

    async def served(_request: Request) -> Response:
        return answers.content(content)

    own = Operation("GET", PATH, served, "This document", access)
    every = [*operations, own]
    content = orjson.dumps(document(title, version, every))
    return every


def document(title: str, version: str, operations: Sequence[Operation]) -> Document:
    """Of all operations. Raises ``ValueError`` where one of them cannot be written down."""
    names, schemas = _schemas(operations)
    paths: dict[str, Document] = {}
    for operation in operations:
        item = paths.setdefault(template(operation.path), _item(operation.path))
        for method in operation.methods:
            if method in _DIALECT_METHODS:
                item[method.lower()] = _operation(operation, method, names)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": schemas | {_PROBLEM: _problem()}, "securitySchemes": _schemes()},
    }


def template(path: str) -> str:
    """Starlette's path as OpenAPI writes it: without convertors."""
    return _PARAMETER.sub(r"{\1}", path)


def _item(path: str) -> Document:
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string"} | ({"format": "uuid"} if name == "id" else {}),
        }
        for name in _PARAMETER.findall(path)
    ]
    return {"parameters": parameters} if parameters else {}


def _operation(operation: Operation, method: str, names: dict[Mode, Document]) -> Document:
    found: Document = {
        "operationId": _id(method, operation.path),
        "summary": operation.summary,
        "security": _security(operation),
        "responses": _responses(operation, names),
    }
    access = operation.access
    if access.role:
        found["x-novacron-least-role"] = access.role
    if access.scope:
        found["x-novacron-scope"] = access.scope
    parameters = [] if operation.query is None else _parameters(operation.query)
    if operation.stream is not None and operation.stream.codings:
        parameters.append(_coding(operation.stream))
    if parameters:
        found["parameters"] = parameters
    content = _content(operation, names)
    if content:
        found["requestBody"] = {"required": True, "content": content}
    return found


def _content(operation: Operation, names: dict[Mode, Document]) -> Document:
    """Of the body, by media type. Of bytes that no model describes, a schema says no more than what they are."""
    if operation.stream is not None:
        described = operation.stream.types.items()
        return {name: {"schema": {"description": text}} for name, text in described}
    if operation.body is not None:
        return {operation.media_type: {"schema": names[operation.body, "validation"]}}
    return {}


def _coding(stream: Stream) -> Document:
    return {
        "name": "Content-Encoding",
        "in": "header",
        "required": False,
        "schema": {"enum": [*stream.codings], "type": "string"},
    }


def _id(method: str, path: str) -> str:
    words = re.findall(r"[A-Za-z0-9]+", _PARAMETER.sub(r"by_\1", path))
    return "_".join([method.lower(), *words]).lower()


def _security(operation: Operation) -> list[Document]:
    """One entry is one way in. What a role is, OpenAPI leaves to the document; it may be named there (3.1, 4.8.30)."""
    access = operation.access
    if access.open:
        return [{"client": []}, {}] if operation.client else []
    return [{"bearer": [one]} for one in (access.role, access.scope) if one] or [{"bearer": []}]


def _responses(operation: Operation, names: dict[Mode, Document]) -> Document:
    said: Document = {"description": HTTPStatus(operation.status).phrase}
    if operation.answer is not None:
        said["content"] = {operation.answer_type: {"schema": names[operation.answer, "serialization"]}}
    if operation.headers:
        said["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in operation.headers.items()
        }
    found = {str(operation.status): said}
    refusals: dict[int, str] = {} if operation.access.open else dict(_PROTECTED)
    takes = operation.body is not None or operation.stream is not None
    if takes or operation.query is not None:
        refusals |= _TAKES if takes else {400: _TAKES[400]}
    if takes and not operation.form:
        refusals |= _UNTAKEN
    content = {problem.MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model=_PROBLEM)}}}
    for status, text in sorted((refusals | _ALWAYS | dict(operation.refusals)).items()):
        found[str(status)] = {"description": text, "content": content}
    return found


def _parameters(model: type[BaseModel]) -> list[Document]:
    schema = model.model_json_schema(ref_template=_REFERENCE)
    if "$defs" in schema:
        raise ValueError(f"{model.__name__}: parameters of a URL are plain values")
    return [
        {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": about}
        for name, about in schema["properties"].items()
    ]


def _schemas(operations: Sequence[Operation]) -> tuple[dict[Mode, Document], Document]:
    """References, and what they refer to."""
    models: list[Mode] = []
    for operation in operations:
        models += [(operation.body, "validation")] if operation.body else []
        models += [(operation.answer, "serialization")] if operation.answer else []
    found, schema = models_json_schema(list(dict.fromkeys(models)), ref_template=_REFERENCE)
    return dict(found), dict(schema.get("$defs", {}))


def _problem() -> Document:
    members = {name: {"type": type_} for name, type_ in _MEMBERS.items()}
    return {
        "type": "object",
        "description": "RFC 9457. The detail names what is wrong and what to do; never a value that was sent.",
        "properties": members,
        "required": ["type", "title", "status", "detail"],
    }


def _schemes() -> Document:
    return {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "client": {"type": "http", "scheme": "basic"},
    }
