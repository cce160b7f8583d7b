"""The image of a version to come: an image as it was built, and a layer above it with a few more files.

So a test has a version that brings one migration more, without a second build.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from image import oci
from image.archive import describe, write_layout
from image.build import config
from image.contents import contents
from image.debian import triplet


def migrations(schema: str) -> str:
    """Where an image keeps the migrations of a schema."""
    return f"/{contents(triplet()).site}/novacron/migrations/{schema}"


def derive(archive: Path, name: str, files: Mapping[str, str], output: Path) -> None:
    """Writes an OCI archive.

    Args:
        archive: of the image of this checkout.
        name: of the new one, with its tag.
        files: path in the image -> text.
        output: the new archive.
    """
    below = describe(archive)
    listed = zip(below.manifest["layers"], below.config["rootfs"]["diff_ids"], strict=True)
    with tempfile.TemporaryDirectory() as folder:
        layout, sources = Path(folder) / "layout", Path(folder) / "sources"
        write_layout(archive, layout)
        layers = [
            oci.Blob(layout / "blobs" / one["digest"].replace(":", "/"), one["digest"], diff_id, one["size"], 0, 0)
            for one, diff_id in listed
        ]
        top = oci.Layer(files=_written(files, sources), comment="a later version")
        oci.pack([*layers, top], config(contents(triplet())), name, output)


def _written(files: Mapping[str, str], folder: Path) -> dict[str, tuple[Path, int]]:
    folder.mkdir()
    found = {}
    for number, (path, text) in enumerate(files.items()):
        source = folder / str(number)
        source.write_text(text)
        found[path] = (source, 0o644)
    return found
