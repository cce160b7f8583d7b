"""What README and CONTRIBUTING name exists: targets, commands, conditions, files."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from novacron.__main__ import main
from novacron.core import conditions

ROOT = Path(__file__).parents[3]
PAGES = {name: (ROOT / name).read_text() for name in ("README.md", "CONTRIBUTING.md")}


@pytest.mark.parametrize("page", PAGES)
def test_every_target_of_make_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z0-9-]+)", PAGES[page], re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("page", PAGES)
def test_every_command_exists(page: str) -> None:
    named = set(re.findall(r"(?:^|`)novacron ([a-z]+)", PAGES[page], re.MULTILINE))
    assert named <= set(main.list_commands(click.Context(main)))


def test_the_condition_table_is_complete() -> None:
    table = re.findall(r"^\| ([A-Z]\w+(?: / [A-Z]\w+)*) \|", PAGES["README.md"], re.MULTILINE)
    assert {name for row in table for name in row.split(" / ")} == set(conditions.TYPES)


@pytest.mark.parametrize("page", PAGES)
def test_every_linked_or_applied_file_exists(page: str) -> None:
    linked = set(re.findall(r"\]\(([^)#:]+)\)", PAGES[page]))
    applied = set(re.findall(r"-[kf] (manifests/[\w./-]+)", PAGES[page]))
    missing = [name for name in linked | applied if not (ROOT / name).exists()]
    assert missing == []
