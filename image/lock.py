"""Which Debian packages the image is made of, image/debian.lock: version and hash of each, not where it comes from.

Strict unless told otherwise: an image is what was reviewed, or it is not built.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from image import debian
from image.debian import DebianError, Package
from image.progress import say

FILE = Path(__file__).with_name("debian.lock")
_HEAD = "# Name, version, architecture, SHA-256 of every Debian package of the image; written by `make lock-image`.\n"
_ANY = "all"
"""The architecture of packages that are the same on every machine."""


def read(architecture: str) -> dict[str, Package]:
    """Those for a machine, by name."""
    return {package.name: package for package in _pinned() if package.architecture in (architecture, _ANY)}


def write(names: Sequence[str]) -> None:
    """Pins what the archive has now for this machine; lines for other machines stay."""
    here = (debian.architecture(), _ANY)
    others = [package for package in _pinned() if package.architecture not in here]
    packages = sorted((*others, *debian.candidates(names)))
    lines = [f"{item.name} {item.version} {item.architecture} {item.sha256}\n" for item in packages]
    FILE.write_text(_HEAD + "".join(lines))


def _pinned() -> list[Package]:
    text = FILE.read_text() if FILE.exists() else ""
    return [Package(*line.split()) for line in text.splitlines() if line and not line.startswith("#")]


def chosen(names: Sequence[str], *, accept_newer: bool) -> tuple[Package, ...]:
    """The locked packages; where neither the cache nor the archive has one any more, the newer one or an error.

    Raises:
        DebianError: the lock and the archive differ; it names both versions and the remedy.
    """
    machine = debian.architecture()
    locked = read(machine)
    missing = ", ".join(name for name in names if name not in locked)
    if missing:
        raise DebianError(f"image/debian.lock has no {missing} for {machine}: run `make lock-image` on such a machine")
    wanted = tuple(locked[name] for name in names)
    gone = debian.unavailable(wanted)
    if not gone:
        return wanted
    newer = {package.name: package for package in debian.candidates([package.name for package in gone])}
    differences = [f"{old.name} {old.version} is locked, the archive has {newer[old.name].version}" for old in gone]
    if not accept_newer:
        remedy = "run `make lock-image` and review the change, or pass --accept-newer"
        raise DebianError(f"{'; '.join(differences)}: {remedy}")
    for line in differences:
        say(f"newer than the lock: {line}")
    return tuple(newer.get(package.name, package) for package in wanted)
