"""The image of this checkout, built from what stands there, for clusters that have no registry to pull it from."""

from __future__ import annotations

from pathlib import Path

from image.build import build

ROOT = Path(__file__).parents[2]
NAME = "docker.io/novacron/novacron"
ARCHIVE = ROOT / ".image" / "novacron.tar"
OPERATOR = f"{NAME}:v0.1.0"
"""As manifests/install calls it."""


def built() -> Path:
    """The archive, an OCI layout, with the operator's name on it.

    Raises:
        ImageError: with the remedy.
    """
    # in tests a point release of Debian is no reason to fail: what is newer than the lock is taken, and said
    build(ARCHIVE, OPERATOR, accept_newer=True)
    return ARCHIVE
