"""What the commands a person types share: reading a resource, failing with one clear line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import click
import yaml

from novacron.api.v1alpha1 import InvalidResource, NovaCron, validate
from novacron.core import labels
from novacron.core.manifest import Manifest

REFUSED, BAD_INPUT, UNREACHABLE = 1, 2, 3
"""Exit codes (interfaces.md): the answer is no; wrong usage or bad input; a component could not be reached."""


def fail(code: int, message: str) -> NoReturn:
    click.echo(f"novacron: {message}", err=True)
    sys.exit(code)


def resource(path: str) -> tuple[Manifest, NovaCron]:
    """The one NovaCron of a file, or of standard input for ``-``; ends the process where it is none."""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text()
        documents = [item for item in yaml.safe_load_all(text) if item]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        fail(BAD_INPUT, f"{path}: {' '.join(str(error).split())}")
    found = [item for item in documents if isinstance(item, dict) and item.get("kind") == labels.KIND]
    if len(found) != 1:
        fail(BAD_INPUT, f"{path}: holds {len(found)} documents of kind NovaCron; give a file with exactly one")
    body = found[0]
    meta = body.setdefault("metadata", {})
    if not isinstance(meta, dict):
        fail(BAD_INPUT, f"{path}: metadata: must be an object; write metadata: {{name: ..., namespace: ...}}")
    meta.setdefault("namespace", "default")
    meta.setdefault("uid", "")
    try:
        return body, validate(body)
    except InvalidResource as error:
        fail(BAD_INPUT, f"{path}: {error}")
