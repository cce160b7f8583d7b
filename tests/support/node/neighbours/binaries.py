"""The neighbours that are Go programs, built once from their modules under tests/e2e."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.support.controlplane.build import built

MODULES = Path(__file__).parents[3] / "e2e"


@dataclass(frozen=True, slots=True)
class Program:
    """One program: its folder under tests/e2e and in the cache, and what makes it say its version.

    Args:
        version: without a leading v; go.mod must ask for the same.
        target: what ``go install`` is asked for: the `tool` of a module without source, or our own main.
        stamp: Go variable that holds the version; empty: none.
    """

    name: str
    version: str
    target: str = "tool"
    stamp: str = ""

    @property
    def module(self) -> Path:
        return MODULES / self.name

    def file(self) -> Path:
        """The static binary; builds it the first time.

        Raises:
            BuildError, ToolchainError: with the remedy.
        """
        flags = "-s -w" + (f" -X {self.stamp}={self.version}" if self.stamp else "")
        return built(self.name, self.module, (self.target,), ("-ldflags", flags)) / self.name


COREDNS = Program("coredns", "1.14.7", target=".")
METRICS_SERVER = Program("metrics-server", "0.9.0")
EXTERNAL_SECRETS = Program("external-secrets", "0.20.4")
OPENBAO = Program("openbao", "2.4.0", stamp="github.com/openbao/openbao/version.fullVersion")
PROGRAMS = (COREDNS, METRICS_SERVER, EXTERNAL_SECRETS, OPENBAO)
"""The cheap ones first: about 110, 260, 510 and 450 seconds of CPU."""
