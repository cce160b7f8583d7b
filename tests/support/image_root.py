"""The image's file system as a container has it: read-only root, a user without rights, nothing of this machine.

Not a container runtime: no namespaces but one for mounts. What is proved here is what the image holds.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from image import archive

_INSIDE = """
set -e
mount --bind "$1" "$1"
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
mount -o remount,bind,ro "$1"
root=$1 user=$2
shift 2
exec setpriv --no-new-privs /usr/sbin/chroot --userspec="$user" --groups= "$root" "$@"
"""


@dataclass(frozen=True, slots=True)
class Root:
    """An unpacked image.

    Args:
        entrypoint, environment, user: as its configuration has them.
    """

    path: Path
    entrypoint: Sequence[str]
    environment: Mapping[str, str]
    user: str

    def command(self, *arguments: str, user: str = "") -> list[str]:
        """What starts a program of the image on this machine, as root; its own environment is not passed on.

        Args:
            arguments: the program and its arguments, e.g. ``*root.entrypoint, "run"``.
        """
        clean = [f"{name}={value}" for name, value in self.environment.items()]
        mounted = ["unshare", "--mount", "sh", "-c", _INSIDE, "sh", str(self.path), user or self.user]
        return ["env", "--ignore-environment", *clean, *mounted, *arguments]

    def run(self, *arguments: str, given: str = "", user: str = "") -> subprocess.CompletedProcess[str]:
        """The entry point with arguments, to its end."""
        return self.execute(*self.entrypoint, *arguments, given=given, user=user)

    def execute(self, *command: str, given: str = "", user: str = "") -> subprocess.CompletedProcess[str]:
        """A program of the image, to its end.

        Args:
            given: standard input.
        """
        wanted = self.command(*command, user=user)
        return subprocess.run(wanted, input=given, capture_output=True, text=True, check=False)

    def python(self, program: str, *arguments: str, given: str = "") -> str:
        """What a Python program prints, run by the image's Python. Raises ``AssertionError`` where it fails."""
        done = self.execute("/usr/bin/python3", "-sP", "-c", program, *arguments, given=given)
        assert done.returncode == 0, done.stderr
        return done.stdout


def unpacked(image: Path, into: Path) -> Root:
    """An archive's file system below a directory."""
    archive.extract(image, into)
    into.chmod(0o755)  # as a runtime makes the root itself, which no layer names
    config = archive.describe(image).config["config"]
    environment = dict(item.split("=", 1) for item in config["Env"])
    return Root(into, config["Entrypoint"], environment, config["User"])
