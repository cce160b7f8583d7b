"""The nft command: the machine's, or Debian's packages unpacked into the user's cache, with their own libc."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from image import debian
from image.cache import alone, cache

_SBIN = "/usr/sbin:/sbin"
"""Not on the path of everyone who may be root."""


class NftError(Exception):
    """The kernel or nft refused a ruleset; nothing of it is in force."""


@dataclass(frozen=True, slots=True)
class Nft:
    """Args:
    command: what to run; more than a path where its libraries are brought along.
    """

    command: tuple[str, ...]

    async def apply(self, ruleset: str) -> None:
        """All of it or nothing, in the network namespace of this process.

        Raises:
            NftError: refused.
        """
        process = await asyncio.create_subprocess_exec(
            *self.command,
            "-f",
            "-",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate(ruleset.encode())
        if process.returncode:
            raise NftError(said.decode(errors="replace")[:2000])

    def apply_here(self, ruleset: str) -> None:
        """The same without an event loop, in the network namespace of this thread."""
        done = subprocess.run([*self.command, "-f", "-"], input=ruleset, text=True, capture_output=True, check=False)
        if done.returncode:
            raise NftError(done.stderr[:2000])


@functools.cache
def find() -> Nft:
    """Raises ``DebianError`` where neither the machine has it nor apt can fetch it."""
    present = shutil.which("nft") or shutil.which("nft", path=_SBIN)
    return Nft((present,)) if present else unpacked()


def unpacked() -> Nft:
    """Debian's, from the cache or fetched. What was unpacked before needs no network."""
    home = cache("nft")
    with alone(home):
        present = sorted(path for path in home.iterdir() if path.is_dir() and path.suffix != ".partial")
        root = present[-1] if present else _unpack(home)
    libraries = root / "usr" / "lib" / debian.triplet()
    loader = next((root / "lib" / debian.triplet()).glob("ld-linux-*.so.*"))
    paths = f"{libraries}:{root / 'lib' / debian.triplet()}"
    return Nft((str(loader), "--library-path", paths, str(root / "usr" / "sbin" / "nft")))


def _unpack(home: Path) -> Path:
    packages = debian.candidates(debian.closure(("nftables",)))
    root = home / hashlib.sha256(repr(packages).encode()).hexdigest()[:16]
    staging = root.with_name(root.name + ".partial")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    # what the packages call /lib and /lib64 is one with /usr on a merged system; here each stays where it is packed
    debian.unpack(packages, staging, ("usr/share/*", "etc/*", "var/*"))
    staging.rename(root)
    return root
