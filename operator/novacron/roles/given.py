"""The NovaCron that a person hands to a command, from a file or standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from novacron.api.v1alpha1 import InvalidResource, NovaCron, validate
from novacron.core import labels
from novacron.core.manifest import Manifest
from novacron.roles.console import BAD_INPUT, NAMESPACE_RULE, fail, is_namespace

_BAD_SCALARS = (ValueError, ArithmeticError, LookupError, AttributeError)
"""What PyYAML raises for a scalar that does not fit its tag: ``2026-99-99``, ``!!bool maybe``, ``!!timestamp soon``."""


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice in a mapping, of which YAML's last would win in silence."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if (key.tag, key.value) in seen:
                problem = f"the key {key.value} stands twice in one mapping; remove one"
                raise yaml.composer.ComposerError(None, None, problem, key.start_mark)
            seen.add((key.tag, key.value))
        return node


def resource(path: str) -> tuple[Manifest, NovaCron]:
    """The one NovaCron of a file, or of standard input for ``-``; ends the process where it is none."""
    found = [item for item in _documents(path) if isinstance(item, dict) and item.get("kind") == labels.KIND]
    if len(found) != 1:
        fail(BAD_INPUT, f"{path}: holds {len(found)} documents of kind NovaCron; give a file with exactly one")
    body = found[0]
    meta = body.setdefault("metadata", {})
    if not isinstance(meta, dict):
        fail(BAD_INPUT, f"{path}: metadata: must be an object; write metadata: {{name: ..., namespace: ...}}")
    meta.setdefault("namespace", "default")
    meta.setdefault("uid", "")
    try:
        parsed = validate(body)
    except InvalidResource as error:
        fail(BAD_INPUT, f"{path}: {error}")
    if not is_namespace(parsed.metadata.namespace):
        fail(BAD_INPUT, f"{path}: metadata.namespace: cannot name a namespace; use {NAMESPACE_RULE}")
    return body, parsed


def _documents(path: str) -> list[Any]:
    text = _text(path)
    try:
        return list(yaml.load_all(text, _Loader))
    except yaml.MarkedYAMLError as error:
        fail(BAD_INPUT, f"{path}: {_place(error)}: {error.problem or error.context}; correct the YAML there")
    except yaml.YAMLError as error:
        fail(BAD_INPUT, f"{path}: {error}; give YAML")
    except _BAD_SCALARS:
        fail(BAD_INPUT, f"{path}: a value does not fit its YAML type; put it in quotes, or remove its !! tag")
    except RecursionError:
        fail(BAD_INPUT, f"{path}: nested too deeply for a NovaCron; give a file with exactly one")


def _place(error: yaml.MarkedYAMLError) -> str:
    """Not the line itself, which may hold a secret."""
    mark = error.problem_mark or error.context_mark
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"


def _text(path: str) -> str:
    try:
        if path != "-":
            return Path(path).read_text("utf-8")
        if sys.stdin is None:
            fail(BAD_INPUT, "-: standard input is closed; pipe a NovaCron into it, or name a file with -f")
        return sys.stdin.read()
    except OSError as error:
        fail(BAD_INPUT, f"{path}: {error.strerror}; name a file that can be read with -f, or - for standard input")
    except UnicodeDecodeError as error:
        fail(BAD_INPUT, f"{path}: not text in UTF-8 ({error.reason} at byte {error.start}); give YAML")
