"""The nft command: the machine's, or Debian's package unpacked into the user's cache."""

from __future__ import annotations

import asyncio
import functools
import shutil
import subprocess
from dataclasses import dataclass

from tests.support import debian

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
    """Debian's, from the cache or fetched."""
    root = debian.unpacked("nftables")
    return Nft(("env", f"LD_LIBRARY_PATH={debian.libraries(root)}", str(root / "usr" / "sbin" / "nft")))
