"""From the description to an archive: what the locks decide is built once and kept, ours is built every time."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from image import contents as description
from image import debian, lock, oci, rootfs, sbom
from image.cache import alone, cache
from image.contents import Contents
from image.debian import Package
from image.interpreter import Interpreter
from image.oci import Blob, ImageConfig, Layer
from image.progress import say
from image.sbom import Component

_DECIDING = ("certificates", "contents", "debian", "interpreter", "oci", "rootfs")
"""The modules whose change may change a part that is kept."""
_KEPT = 3
"""Of each part, the last ones that were used stay in the cache; the others are removed."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the file system that is kept: its tree, its layer and what is in it."""

    tree: Path
    blob: Blob
    components: tuple[Component, ...]


@dataclass(frozen=True, slots=True)
class Built:
    """An image as it was written.

    Args:
        layers: the lowest first.
        bill: the bill of materials beside the archive.
    """

    archive: Path
    digest: str
    layers: tuple[Blob, ...]
    bill: Path


def build(output: Path, name: str, *, accept_newer: bool = False) -> Built:
    """Writes the image and its bill of materials.

    Args:
        output: the archive, an OCI layout.
        name: as a runtime will know it.
        accept_newer: take what the archive of Debian has, where it no longer has what is locked.

    Raises:
        ImageError: with the remedy.
    """
    contents, base, wheels = prepared(accept_newer=accept_newer)
    output.parent.mkdir(parents=True, exist_ok=True)
    bill = output.with_suffix(".cdx.json")
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        tree.mkdir()
        rootfs.ours(contents, Interpreter(base.tree, contents.python), tree, (*base.components, *wheels.components))
        shutil.copyfile(tree / sbom.PATH, bill)
        top = oci.write_layer(Layer(tree, comment="novacron"), Path(folder) / "layer.tar.gz")
        layers = (base.blob, wheels.blob, top)
        digest = oci.pack(layers, config(contents), name, output)
    return Built(output, digest, layers, bill)


def root(into: Path, *, accept_newer: bool = False) -> None:
    """Writes the same file system as three directories, one a layer, for a build that packs them itself.

    Raises:
        ImageError: with the remedy.
    """
    contents, base, wheels = prepared(accept_newer=accept_newer)
    for name, part in (("base", base), ("wheels", wheels)):
        shutil.copytree(part.tree, into / name, symlinks=True)
    top = into / "novacron"
    top.mkdir()
    rootfs.ours(contents, Interpreter(base.tree, contents.python), top, (*base.components, *wheels.components))
    for path in into.rglob("*"):
        os.utime(path, (oci.epoch(), oci.epoch()), follow_symlinks=False)


def prepared(*, accept_newer: bool = False) -> tuple[Contents, Part, Part]:
    """The description, and the two parts that the locks decide: from the cache, or made now.

    Raises:
        ImageError: with the remedy.
    """
    contents = description.contents(debian.triplet())
    packages = lock.chosen(contents.packages, accept_newer=accept_newer)
    base = _base(contents, packages)
    return contents, base, _wheels(contents, Interpreter(base.tree, contents.python))


def config(contents: Contents) -> ImageConfig:
    return ImageConfig(
        entrypoint=contents.entrypoint,
        environment=contents.environment,
        user=contents.user,
        working_directory=contents.working_directory,
        labels=contents.labels,
        annotations=contents.labels,
    )


def _base(contents: Contents, packages: Sequence[Package]) -> Part:
    def write(tree: Path) -> list[Component]:
        say("unpacking Debian packages and compiling the standard library")
        return rootfs.base(contents, packages, tree)

    return _kept("base", "Debian packages", [repr(packages)], write)


def _wheels(contents: Contents, python: Interpreter) -> Part:
    def write(tree: Path) -> list[Component]:
        say("installing the locked packages from PyPI and compiling them (about a minute)")
        return rootfs.wheels(contents, python, tree)

    return _kept("wheels", "packages from PyPI", [rootfs.REQUIREMENTS.read_text(), python.root.parent.name], write)


def _kept(name: str, comment: str, inputs: Sequence[str], write: Callable[[Path], list[Component]]) -> Part:
    """A part, from the cache where the same inputs made it before."""
    home = cache("image") / name
    home.mkdir(exist_ok=True)
    folder = home / _key(inputs)
    with alone(home):
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=home) as staging:
                unfinished = Path(staging) / "part"
                (unfinished / "tree").mkdir(parents=True)
                components = write(unfinished / "tree")
                blob = oci.write_layer(Layer(unfinished / "tree", comment=comment), unfinished / "layer.tar.gz")
                known = {"blob": asdict(blob) | {"path": ""}, "components": [asdict(item) for item in components]}
                (unfinished / "part.json").write_text(json.dumps(known))
                unfinished.rename(folder)
        folder.touch()
        _forget(home)
    known = json.loads((folder / "part.json").read_text())
    blob = Blob(**known["blob"] | {"path": folder / "layer.tar.gz"})
    return Part(folder / "tree", blob, tuple(Component(**item) for item in known["components"]))


def _key(inputs: Sequence[str]) -> str:
    """Of all that decides what a part is: its inputs, the description, the code that makes it, the compressor."""
    digest = hashlib.sha256()
    sources = [Path(__file__).with_name(f"{name}.py") for name in _DECIDING]
    texts = [file.read_text() for file in (*sources, description.DESCRIPTION)]
    for text in (*texts, *inputs, str(oci.epoch()), zlib.ZLIB_RUNTIME_VERSION, debian.architecture()):
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()[:32]


def _forget(home: Path) -> None:
    parts = sorted((path for path in home.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for path in parts[:-_KEPT]:
        shutil.rmtree(path)
