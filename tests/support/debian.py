"""Programs from Debian packages, unpacked into the user's cache without installing anything."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.controlplane.progress import say
from tests.support.controlplane.toolchain import cache

_LIBRARIES = ("lib", "lua-")
"""How packages with shared libraries are called; other dependencies (accounts, services, locales) are not needed."""


class PackagesMissing(Exception):
    """Packages cannot be had; the text says what to do."""


def unpacked(*packages: str) -> Path:
    """A folder with the packages' files, and with the shared libraries that this machine lacks for them."""
    wanted = [*packages, *sorted(_libraries(packages) - _installed())]
    files = [line.split()[1] for line in _apt("apt-get", "download", "--print-uris", *wanted) if line.startswith("'")]
    key = hashlib.sha256("\n".join(sorted(files)).encode()).hexdigest()[:12]
    home = cache() / "debian" / f"{packages[0]}-{key}"
    if not home.exists():
        say(f"fetching {', '.join(packages)} and {len(wanted) - len(packages)} libraries from Debian, once")
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent) as staging:
            _unpack(wanted, Path(staging))
            (Path(staging) / "root").replace(home)
    return home


def newest(package: str, pattern: str) -> str:
    """The package that one without content stands for: ``postgresql`` for e.g. ``postgresql-15``."""
    found = [name for name in _dependencies([package]) if re.fullmatch(pattern, name)]
    if not found:
        raise PackagesMissing(f"{package} depends on nothing like {pattern}; is this Debian?")
    return found[0]


def libraries(home: Path) -> str:
    """Value of LD_LIBRARY_PATH for programs of an unpacked folder."""
    return ":".join(sorted({str(path.parent) for path in (home / "usr" / "lib").glob("*-linux-gnu*/*.so*")}))


def _unpack(packages: Sequence[str], staging: Path) -> None:
    archives, root = staging / "archives", staging / "root"
    archives.mkdir()
    _apt("apt-get", "download", *packages, folder=archives)
    for archive in archives.iterdir():
        subprocess.run(["dpkg-deb", "-x", str(archive), str(root)], check=True)


def _libraries(packages: Sequence[str]) -> set[str]:
    seen: set[str] = set()
    new = set(packages)
    while new:
        found = {name for name in _dependencies(sorted(new)) if name.startswith(_LIBRARIES)}
        new = found - seen
        seen |= found
    return seen


def _dependencies(packages: Sequence[str]) -> list[str]:
    """Of several alternatives the first."""
    lines = _apt("apt-cache", "depends", *packages)
    found = []
    for before, line in zip(["", *lines], lines, strict=False):
        match = re.fullmatch(r" [ |](?:Pre)?Depends: ([a-z0-9][a-z0-9+.-]+)(?::any)?", line)
        if match and not before.startswith(" |"):
            found.append(match[1])
    return found


def _installed() -> set[str]:
    lines = _apt("dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package}\n")
    return {line.partition(" ")[2] for line in lines if line.startswith("installed ")}


def _apt(*command: str, folder: Path | None = None) -> list[str]:
    if shutil.which(command[0]) is None:
        raise PackagesMissing(f"{command[0]} is not on this machine; run these tests on Debian or Ubuntu")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackagesMissing(f"{' '.join(command[:2])} failed; `apt-get update` may help: {done.stderr[-800:]}")
    return done.stdout.splitlines()
