"""OCI archives as they were written: what one says of itself, and the file system that a container of it would see."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from image.errors import ImageError


@dataclass(frozen=True, slots=True)
class Described:
    """An archive in its own words.

    Args:
        digest: of the manifest.
        config: how a container runs, and the layers by what is in them.
    """

    name: str
    digest: str
    manifest: dict[str, Any]
    config: dict[str, Any]


def describe(archive: Path) -> Described:
    """Raises ``ImageError`` for what is no OCI archive."""
    with _opened(archive) as layout:
        return _described(layout)


def extract(archive: Path, into: Path) -> None:
    """Writes all layers, one over the other, below a directory. Owners are kept where root asks.

    Raises:
        ImageError: it is no OCI archive.
    """
    into.mkdir(parents=True, exist_ok=True)
    with _opened(archive) as layout:
        for layer in _described(layout).manifest["layers"]:
            with tarfile.open(fileobj=_blob(layout, layer["digest"]), mode="r:gz") as content:
                # of our own making: links of an image lead to its root, which newer Pythons take for an attack
                content.extraction_filter = _trusted
                content.extractall(into, numeric_owner=True)  # noqa: S202


def write_layout(archive: Path, into: Path) -> None:
    """Writes the layout as the directory that some tools want in place of an archive.

    Raises:
        ImageError: it is no archive.
    """
    with _opened(archive) as layout:
        layout.extraction_filter = _trusted
        layout.extractall(into)  # noqa: S202 - of our own making


def _trusted(member: tarfile.TarInfo, _into: str) -> tarfile.TarInfo:
    return member


def _opened(archive: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(archive, "r:")
    except FileNotFoundError as error:
        raise ImageError(f"{archive} is not there: run `make image`") from error
    except tarfile.TarError as error:
        raise ImageError(f"{archive} is no OCI archive: {error}; run `make image` again") from error


def _described(layout: tarfile.TarFile) -> Described:
    try:
        (listed,) = json.load(_member(layout, "index.json"))["manifests"]
        manifest = json.load(_blob(layout, listed["digest"]))
        config = json.load(_blob(layout, manifest["config"]["digest"]))
    except (KeyError, ValueError) as error:
        raise ImageError(f"{layout.name!s} is no OCI archive of one image: {error}; run `make image` again") from error
    return Described(listed["annotations"]["io.containerd.image.name"], listed["digest"], manifest, config)


def _blob(layout: tarfile.TarFile, digest: str) -> IO[bytes]:
    return _member(layout, f"blobs/{digest.replace(':', '/')}")


def _member(layout: tarfile.TarFile, name: str) -> IO[bytes]:
    return layout.extractfile(name) or io.BytesIO()
