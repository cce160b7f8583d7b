"""What a field of a model is, as the schema and the rules see it: one reading of the type annotations for both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from novacron.api.v1alpha1.base import Model
from novacron.api.v1alpha1.durations import Duration
from novacron.api.v1alpha1.rules import Rule

M = TypeVar("M")

_SCALARS: dict[object, str] = {
    str: "string",
    Duration: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """One value: its JSON type, what its annotation adds, and what it holds.

    Attributes:
        kind: JSON type; empty where the annotation allows several (an int-or-string).
        marks: metadata of the annotation: rules, lengths, list semantics.
        choices: the only values allowed; empty: any.
        model: the model of an object.
        item: shape of the entries of a list or map.
    """

    kind: str
    marks: tuple[object, ...] = ()
    choices: tuple[str, ...] = ()
    model: type[Model] | None = None
    item: Shape | None = None

    def marked(self, of: type[M]) -> tuple[M, ...]:
        """The marks of one class."""
        return tuple(mark for mark in self.marks if isinstance(mark, of))


@dataclass(frozen=True, slots=True)
class Member:
    """One field of a model: its Python name, its name in YAML, what pydantic knows of it, and its shape."""

    attribute: str
    alias: str
    info: FieldInfo
    shape: Shape


def _flat(marks: Iterable[object]) -> Iterable[object]:
    for mark in marks:
        if isinstance(mark, FieldInfo):
            yield from mark.metadata
        else:
            yield mark


def shape_of(annotation: Any, marks: tuple[object, ...] = ()) -> Shape:
    """The shape of an annotation; ``X | None`` is the shape of X, because null reads as absent.

    Raises:
        TypeError: the annotation is of a kind that the resource does not use.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return shape_of(arguments[0], (*_flat(arguments[1:]), *marks))
    if origin in (Union, UnionType):
        given = [argument for argument in arguments if argument is not NoneType]
        return shape_of(given[0], marks) if len(given) == 1 else Shape("", marks)
    if origin is Literal:
        return Shape("string", marks, choices=arguments)
    if origin is tuple:
        return Shape("array", marks, item=shape_of(arguments[0]))
    if origin is dict:
        return Shape("object", marks, item=shape_of(arguments[1]))
    return _plain(annotation, marks)


def _plain(annotation: Any, marks: tuple[object, ...]) -> Shape:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return Shape("object", marks, model=annotation)
    if annotation in _SCALARS:
        return Shape(_SCALARS[annotation], marks)
    raise TypeError(f"no schema for {annotation!r}")


@cache
def members(model: type[Model]) -> tuple[Member, ...]:
    """The fields of a model, in order of declaration."""
    return tuple(
        Member(attribute, info.alias or attribute, info, shape_of(info.annotation, tuple(info.metadata)))
        for attribute, info in model.model_fields.items()
    )


@cache
def rules_of(model: type[Model]) -> tuple[Rule[Any], ...]:
    """Rules over whole objects of a model, those of its base classes first."""
    own = (vars(base).get("rules", ()) for base in reversed(model.__mro__))
    return tuple(rule for rules in own for rule in rules)
