"""Project Wycheproof's vectors for JSON Web Signatures, from its own Go module, of a pinned version and hash."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.controlplane.build import BuildError, built
from tests.support.controlplane.toolchain import Go

MODULE = Path(__file__).parents[1] / "judges" / "wycheproof"
_SOURCE = "github.com/c2sp/wycheproof"
_FILE = "json_web_signature_test.json"


@dataclass(frozen=True, slots=True)
class Vector:
    """One token under one key.

    Args:
        group: what Wycheproof calls the key and its tests.
        key: public JWK; None where the key is a secret.
        valid: what Wycheproof says of it under that key.
    """

    number: int
    group: str
    key: dict[str, Any] | None
    about: str
    token: str
    valid: bool

    def __str__(self) -> str:
        return f"{self.number}-{self.group}-{self.about}"


def vectors() -> Iterator[Vector]:
    """All of them; fetches the module where it is not cached."""
    for group in json.loads((_directory() / _FILE).read_bytes())["testGroups"]:
        for test in group["tests"]:
            yield Vector(
                test["tcId"],
                group["comment"],
                group.get("public"),
                test["comment"],
                test["jws"],
                test["result"] == "valid",
            )


@functools.cache
def _directory() -> Path:
    return built("judges-wycheproof", MODULE, targets=(), extra=_collect)


def _collect(go: Go, home: Path) -> None:
    done = go.run("mod", "download", "-json", _SOURCE, cwd=MODULE)
    if done.returncode:
        raise BuildError(
            f"{_SOURCE} cannot be had; choose another version in {MODULE.name}/go.mod: {done.stdout}{done.stderr}"
        )
    shutil.copyfile(Path(json.loads(done.stdout)["Dir"]) / "testvectors_v1" / _FILE, home / _FILE)
