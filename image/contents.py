"""The description of the image, image/contents.toml, as values."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[1]
DESCRIPTION = Path(__file__).with_name("contents.toml")
VERSION_LABEL = "org.opencontainers.image.version"


@dataclass(frozen=True, slots=True)
class Contents:
    """Paths are relative to the image's root.

    Args:
        site: where packages from PyPI and ours are.
        certificates: directory of the authorities, and the one where OpenSSL looks for them.
        directories: path -> mode.
        command: path and text of our program.
    """

    packages: Sequence[str]
    packages_left_out: Sequence[str]
    site: str
    wheels_left_out: Sequence[str]
    python: str
    links: Mapping[str, str]
    certificates: tuple[str, str]
    directories: Mapping[str, int]
    files: Mapping[str, str]
    command: tuple[str, str]
    entrypoint: Sequence[str]
    user: str
    working_directory: str
    environment: Mapping[str, str]
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Project:
    """What pyproject.toml says of us."""

    name: str
    version: str
    summary: str
    license: str
    requires_python: str
    dependencies: Sequence[str]
    scripts: Mapping[str, str]


def contents(triplet: str) -> Contents:
    """For a machine, e.g. ``x86_64-linux-gnu``."""
    read = tomllib.loads(DESCRIPTION.read_text().replace("{triplet}", triplet))
    run = read["run"]
    return Contents(
        packages=read["debian"]["packages"],
        packages_left_out=read["debian"]["left_out"],
        site=read["python"]["site"],
        wheels_left_out=read["python"]["left_out"],
        python=read["python"]["version"],
        links=read["links"],
        certificates=(read["certificates"]["source"], read["certificates"]["hashed"]),
        directories={path: int(mode, 8) for path, mode in read["directories"].items()},
        files=read["files"],
        command=(read["command"]["path"], read["command"]["text"]),
        entrypoint=run["entrypoint"],
        user=run["user"],
        working_directory=run["working_directory"],
        environment=run["environment"],
        labels={**run["labels"], VERSION_LABEL: project().version},
    )


def project() -> Project:
    read: dict[str, Any] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    return Project(
        name=read["name"],
        version=read["version"],
        summary=read["description"],
        license=read["license"],
        requires_python=read["requires-python"],
        dependencies=read["dependencies"],
        scripts=read["scripts"],
    )


class LeftOut:
    """Tells which paths stay out: those that a pattern matches, unless one that begins with ``!`` does too."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._out = _any(pattern for pattern in patterns if not pattern.startswith("!"))
        self._kept = _any(pattern[1:] for pattern in patterns if pattern.startswith("!"))

    def __contains__(self, path: str) -> bool:
        return bool(self._out.match(path)) and not self._kept.match(path)


def _any(patterns: Any) -> re.Pattern[str]:
    return re.compile("|".join(map(fnmatch.translate, patterns)) or r"(?!)")
