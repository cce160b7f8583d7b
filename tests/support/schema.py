"""Walks over the models of the resource: every field, every rule, every leaf of a given document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from novacron.api.v1alpha1 import NovaCron, NovaCronSpec
from novacron.api.v1alpha1.base import Model
from novacron.api.v1alpha1.rules import Rule
from novacron.api.v1alpha1.shape import Member, Shape, members, rules_of


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar in a document: where it stands, what its shape is, and whether it belongs to a Kubernetes type."""

    path: str
    shape: Shape
    value: Any


def fields(model: type[Model] = NovaCronSpec, path: str = "spec") -> Iterator[tuple[str, Member, type[Model]]]:
    """Every field below a model, with its path (entries of lists and maps as ``[]``) and the model it belongs to."""
    for member in members(model):
        inner = f"{path}.{member.alias}"
        yield inner, member, model
        shape = member.shape
        while shape.item is not None:
            inner, shape = f"{inner}[]", shape.item
        if shape.model is not None:
            yield from fields(shape.model, inner)


def rules() -> dict[int, Rule[Any]]:
    """Every rule of the resource once, by identity: workloads share theirs."""
    found = {id(rule): rule for rule in rules_of(NovaCron)} | {id(rule): rule for rule in rules_of(NovaCronSpec)}
    for _path, member, _model in fields():
        shape: Shape | None = member.shape
        while shape is not None:
            found |= {id(rule): rule for rule in shape.marked(Rule)}
            found |= {id(rule): rule for rule in (rules_of(shape.model) if shape.model else ())}
            shape = shape.item
    return found


def leaves(document: Any, shape: Shape, path: str) -> Iterator[Leaf]:
    """Every scalar of a document that follows a shape."""
    if shape.model is not None:
        for member in members(shape.model):
            if member.alias in document:
                yield from leaves(document[member.alias], member.shape, f"{path}{_step(member.alias)}")
    elif isinstance(document, list) and shape.item is not None:
        for index, entry in enumerate(document):
            yield from leaves(entry, shape.item, f"{path}[{index}]")
    elif isinstance(document, dict) and shape.item is not None:
        for key, entry in document.items():
            yield from leaves(entry, shape.item, f"{path}['{key}']")
    else:
        yield Leaf(path, shape, document)


def _step(name: str) -> str:
    return f"['{name}']" if "." in name or "-" in name else f".{name}"
