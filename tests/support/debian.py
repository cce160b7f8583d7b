"""Programs from Debian packages, unpacked into the user's cache without installing anything."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from image import debian
from image.cache import alone, cache

_LIBRARIES = ("lib", "lua-")
"""How packages with shared libraries are called; other dependencies (accounts, services, locales) are not needed."""
_SYSTEM = ("libc6", "libgcc-s1")
"""Every machine has its own; another libc than the running one would break what is started beside it."""
_LEFT_OUT = ("usr/share/doc/*", "usr/share/man/*", "usr/share/locale/*")


def unpacked(*packages: str) -> Path:
    """A folder with the packages' files and with the shared libraries they need; anew when the archive has newer ones.

    Raises:
        DebianError: they cannot be had; the text says what to do.
    """
    wanted = debian.closure(packages)
    names = [name for name in wanted if name in packages or (name.startswith(_LIBRARIES) and name not in _SYSTEM)]
    chosen = debian.candidates(names)
    home = cache("debian")
    root = home / f"{packages[0]}-{hashlib.sha256(repr(chosen).encode()).hexdigest()[:16]}"
    with alone(home):
        if not root.exists():
            unfinished = root.with_suffix(".partial")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            debian.unpack(chosen, unfinished, _LEFT_OUT)
            unfinished.rename(root)
    return root


def newest(package: str, pattern: str) -> str:
    """The package that one without content stands for: ``postgresql`` for e.g. ``postgresql-15``."""
    found = [name for name in debian.closure([package]) if re.fullmatch(pattern, name)]
    if not found:
        raise debian.DebianError(f"{package} depends on nothing like {pattern}; is this Debian?")
    return found[0]


def libraries(root: Path) -> str:
    """Value of LD_LIBRARY_PATH for programs of an unpacked folder."""
    folders: Sequence[Path] = [root / name / debian.triplet() for name in ("usr/lib", "lib")]
    return ":".join(str(folder) for folder in folders if folder.is_dir())
