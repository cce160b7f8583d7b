"""The image's own Python, run from outside by the image's own loader: what the building machine has does not matter.

So markers and tags of packages are judged, and bytecode is made, by the very interpreter that will use them.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from image.debian import triplet
from image.errors import ImageError


class PythonError(ImageError):
    """The image's Python, or pip in it, failed."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The Python of an unpacked base.

    Args:
        root: where the base was unpacked.
        version: as in ``3.11``.
    """

    root: Path
    version: str

    def run(self, *arguments: str) -> str:
        """Its standard output. Raises ``PythonError``."""
        libraries = self.root / "usr" / "lib" / triplet()
        (loader,) = libraries.glob("ld-linux-*.so.*")
        python = self.root / "usr" / "bin" / f"python{self.version}"
        command = [str(loader), "--library-path", str(libraries), str(python), *arguments]
        done = subprocess.run(command, env=_environment(), umask=0o022, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PythonError(done.stderr.strip() or f"python ended with {done.returncode}")
        return done.stdout

    def pip(self, *arguments: str) -> None:
        """The pip of the running Python, inside this one. Raises ``PythonError``."""
        found = importlib.util.find_spec("pip")
        if found is None or not found.submodule_search_locations:
            raise PythonError("this Python has no pip: install python3-pip, or use the checkout's .venv (`make setup`)")
        self.run(found.submodule_search_locations[0], *arguments)

    def compile(self, tree: Path, folders: Sequence[str]) -> None:
        """Makes the bytecode of folders of a tree; it names paths as they will be in the image.

        One process and a sorted walk: what is marshalled depends on what the process has compiled before. The bytecode
        is not checked against its source, which nobody can change.
        """
        mode = ("--invalidation-mode", "unchecked-hash")
        self.run("-m", "compileall", "-q", "-s", str(tree), "-p", "/", *mode, *(str(tree / path) for path in folders))


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LD_"))}
    fixed = {"PYTHONHASHSEED": "0", "PYTHONSAFEPATH": "1", "PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return kept | fixed | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
