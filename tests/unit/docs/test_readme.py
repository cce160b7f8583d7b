"""What the pages name exists: targets, commands, options, conditions, files."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from novacron.__main__ import main
from novacron.core import conditions

ROOT = Path(__file__).parents[3]
PAGES = {
    str(page.relative_to(ROOT)): page.read_text()
    for page in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
}


@pytest.mark.parametrize("page", PAGES)
def test_every_target_of_make_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z0-9-]+)", PAGES[page], re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("page", PAGES)
def test_every_command_exists(page: str) -> None:
    named = set(re.findall(r"(?:^|`|-- )novacron ([a-z][a-z-]*)", PAGES[page], re.MULTILINE))
    assert named <= set(main.list_commands(click.Context(main)))


@pytest.mark.parametrize("page", PAGES)
def test_every_option_of_a_command_exists(page: str) -> None:
    context = click.Context(main)
    missing = []
    for line in re.findall(r"(?:^|`|-- )novacron ([a-z][a-z-]*(?: .*?)?)(?:`|  |$)", PAGES[page], re.MULTILINE):
        name, *words = line.split()
        command = main.get_command(context, name)
        while isinstance(command, click.Group) and words and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        assert command is not None
        known = {option for parameter in command.get_params(context) for option in parameter.opts}
        known |= {option for parameter in command.get_params(context) for option in parameter.secondary_opts}
        given = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        missing += [f"{line}: {option}" for option in given - known - {"--[no-]ask-workloads"}]
    assert missing == []


def test_the_condition_table_is_complete() -> None:
    table = re.findall(r"^\| ([A-Z]\w+(?: / [A-Z]\w+)*) \|", PAGES["README.md"], re.MULTILINE)
    assert {name for row in table for name in row.split(" / ")} == set(conditions.TYPES)


@pytest.mark.parametrize("page", PAGES)
def test_every_applied_file_exists(page: str) -> None:
    applied = set(re.findall(r"-[kf] (manifests/[\w./-]+)", PAGES[page]))
    assert [name for name in applied if not (ROOT / name).exists()] == []
