"""The way in for a resource from outside: structure, then every rule, reported as the API server would.

Reports never contain what was given: it may be a secret that somebody put in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from novacron.api.v1alpha1.base import Model
from novacron.api.v1alpha1.root import NovaCron
from novacron.api.v1alpha1.rules import ListMap, ListSet, Rule
from novacron.api.v1alpha1.shape import Shape, members, rules_of
from novacron.core.errors import NovaCronError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: the field as the API server writes it, and what to do."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class InvalidResource(NovaCronError):
    """The resource cannot be acted on until a person changes it."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


def validate(body: Mapping[str, Any]) -> NovaCron:
    """The resource, parsed; every rule of the CustomResourceDefinition holds over it.

    Raises:
        InvalidResource: with every problem of the structure, or, where that is fine, every broken rule.
    """
    problems: tuple[Problem, ...] = ()
    resource = None
    try:
        resource = NovaCron.model_validate(dict(body))
    except ValidationError as error:
        problems = _structural(error)
    # Raised outside the handler: the library's own error, which holds the input, must not travel along as context.
    if resource is None:
        raise InvalidResource(problems)
    problems = tuple(_broken(resource, Shape("object", model=NovaCron), ""))
    if problems:
        raise InvalidResource(problems)
    return resource


def _below(path: str, step: str) -> str:
    """``path`` extended by a rule's path, in the notation of the API server's answers."""
    return (path + re.sub(r"\['([^']+)'\]", r".\1", step)).lstrip(".") or "resource"


def _broken(value: object, shape: Shape, path: str) -> Iterator[Problem]:
    if value is None:
        return
    for rule in shape.marked(Rule):
        if not rule.holds(value):
            yield Problem(_below(path, rule.path), rule.message)
    if isinstance(value, Model):
        yield from _broken_object(value, path)
    elif shape.item is not None and isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _broken(entry, shape.item, f"{path}[{key}]")
    elif shape.item is not None and isinstance(value, Sequence):
        yield from _repeated(value, shape, path)
        for index, entry in enumerate(value):
            yield from _broken(entry, shape.item, f"{path}[{index}]")


def _broken_object(value: Model, path: str) -> Iterator[Problem]:
    for rule in rules_of(type(value)):
        if not rule.holds(value):
            yield Problem(_below(path, rule.path), rule.message)
    for member in members(type(value)):
        inner = f"{path}.{member.alias}" if path else member.alias
        yield from _broken(getattr(value, member.attribute), member.shape, inner)


def _repeated(entries: Sequence[Any], shape: Shape, path: str) -> Iterator[Problem]:
    keys: list[object] = []
    if shape.marked(ListSet):
        keys = list(entries)
    for mark in shape.marked(ListMap):
        keys = [tuple(getattr(entry, key) for key in mark.keys) for entry in entries]
    for index, key in enumerate(keys):
        if key in keys[:index]:
            yield Problem(f"{path}[{index}]", "Duplicate value: remove the repeated entry")


def _structural(error: ValidationError) -> tuple[Problem, ...]:
    found = error.errors(include_url=False, include_input=False)
    problems = [Problem(_path(entry["loc"]), _wording(entry)) for entry in found]
    return tuple(dict.fromkeys(problems))


def _path(location: tuple[int | str, ...]) -> str:
    # pydantic ends the location of an int-or-string with the type it tried.
    steps = location[:-1] if location[-1:] in {("int",), ("str",)} else location
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.lstrip(".") or "resource"


_TYPES = {
    "model_type": "object",
    "dict_type": "object",
    "tuple_type": "array",
    "string_type": "string",
    "int_type": "integer",
    "float_type": "number",
    "bool_type": "boolean",
}
_BOUNDS = {
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "string_too_long": "must have at most {max_length} characters",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be one of {expected}",
}


def _wording(entry: Any) -> str:
    kind, context = entry["type"], entry.get("ctx", {})
    if kind == "missing":
        return "Required value"
    if kind == "extra_forbidden":
        return "unknown field: remove it, or check its spelling with kubectl explain"
    if kind in _TYPES:
        return f"must be of type {_TYPES[kind]}"
    return _BOUNDS[kind].format(**context) if kind in _BOUNDS else str(entry["msg"])
