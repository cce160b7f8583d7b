"""OCI image layouts: directories or single files -> one archive that containerd, Docker and Podman load.

The same input gives the same digest: entries are sorted, owners and times fixed, compression without a clock.
``SOURCE_DATE_EPOCH`` is honoured; without it every time is the epoch and the image names no date of creation.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""The kernel's word for a machine -> OCI's."""
_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Layer:
    """What one layer holds; everything in it belongs to root.

    Args:
        tree: a directory, whose content becomes the layer's.
        files: path in the image -> source and mode; for images of a few files. Both may be given.
        comment: one line for ``docker history``.
    """

    tree: Path | None = None
    files: Mapping[str, tuple[Path, int]] = field(default_factory=dict)
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Blob:
    """A layer, packed: it may be kept and packed into another image.

    Args:
        digest: of the compressed file, ``sha256:...``.
        diff_id: of the archive in it.
        size: bytes of the compressed file.
        unpacked: bytes of the files in it.
        files: how many those are.
    """

    path: Path
    digest: str
    diff_id: str
    size: int
    unpacked: int
    files: int
    comment: str = ""


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """How a container of the image runs."""

    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    working_directory: str = "/"
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    architecture: str = field(default_factory=lambda: ARCHITECTURES.get(os.uname().machine, os.uname().machine))
    stop_signal: str = ""


def pack(layers: Sequence[Layer | Blob], config: ImageConfig, name: str, output: Path) -> str:
    """Writes an image to a file and returns the digest of its manifest.

    Args:
        layers: the lowest first.
        name: as a runtime knows it, with a tag: ``localhost/novacron:dev``.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    blobs = [
        layer if isinstance(layer, Blob) else write_layer(layer, output.with_name(f"{output.name}.layer{number}"))
        for number, layer in enumerate(layers)
    ]
    try:
        return _write_archive(blobs, config, name, output)
    finally:
        for layer, blob in zip(layers, blobs, strict=True):
            if isinstance(layer, Layer):
                blob.path.unlink()


def write_layer(layer: Layer, output: Path) -> Blob:
    """Packs a layer into a file."""
    unpacked = files = 0
    with output.open("wb") as raw:
        compressed = _Digesting(raw)
        with gzip.GzipFile("", "wb", _LEVEL, cast(IO[bytes], compressed), mtime=0) as packer:
            plain = _Digesting(packer)
            with tarfile.open(fileobj=cast(IO[bytes], plain), mode="w|", format=tarfile.PAX_FORMAT) as archive:
                for entry, source in _entries(layer):
                    if source is None:
                        archive.addfile(entry)
                    else:
                        files, unpacked = files + 1, unpacked + entry.size
                        with source.open("rb") as content:
                            archive.addfile(entry, content)
    return Blob(output, compressed.digest, plain.digest, compressed.size, unpacked, files, layer.comment)


class _Digesting:
    """Writes on, and knows the digest and the size of what went by."""

    def __init__(self, out: Any) -> None:
        self._out = out
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        self.size += len(data)
        self._out.write(data)
        return len(data)

    def flush(self) -> None:
        """gzip asks for it; what is below is flushed when it is closed."""

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"


def _entries(layer: Layer) -> Iterator[tuple[tarfile.TarInfo, Path | None]]:
    """What the archive holds, sorted by path, each with the file that its content is read from."""
    found: dict[str, tuple[tarfile.TarInfo, Path | None]] = {}
    if layer.tree is not None:
        for path in layer.tree.rglob("*"):
            name = path.relative_to(layer.tree).as_posix()
            found[name] = _entry(name, path, stat.S_IMODE(path.lstat().st_mode))
    for destination, (source, mode) in layer.files.items():
        name = destination.lstrip("/")
        for parent in PurePosixPath(name).parents:
            if parent.parts:
                found.setdefault(str(parent), (_directory(str(parent)), None))
        found[name] = _entry(name, source.resolve(), mode)
    return iter(found[name] for name in sorted(found, key=lambda name: name.split("/")))


def _entry(name: str, path: Path, mode: int) -> tuple[tarfile.TarInfo, Path | None]:
    if path.is_symlink():
        entry = _information(name, 0o777)
        entry.type, entry.linkname = tarfile.SYMTYPE, os.readlink(path)  # noqa: PTH115 - the text as it stands
        return entry, None
    if path.is_dir():
        return _directory(name, mode), None
    entry = _information(name, mode)
    entry.size = path.stat().st_size
    return entry, path


def _directory(name: str, mode: int = 0o755) -> tarfile.TarInfo:
    entry = _information(name, mode)
    entry.type = tarfile.DIRTYPE
    return entry


def _information(name: str, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.mtime = mode, epoch()
    return entry


def epoch() -> int:
    """The time that all files get, in seconds; 0 where the environment names none."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or 0)


def _write_archive(blobs: Sequence[Blob], config: ImageConfig, name: str, output: Path) -> str:
    configuration = _json(_configuration(blobs, config))
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor(_CONFIG, configuration),
            "layers": [{"mediaType": _LAYER, "digest": blob.digest, "size": blob.size} for blob in blobs],
            "annotations": dict(config.annotations),
        }
    )
    listed = _descriptor(_MANIFEST, manifest) | {
        "platform": {"architecture": config.architecture, "os": "linux"},
        "annotations": {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rpartition(":")[2]},
    }
    index = _json({"schemaVersion": 2, "mediaType": _INDEX, "manifests": [listed]})
    # written beside and moved: who loads it never sees half of it
    unfinished = output.with_name(f"{output.name}.partial")
    with tarfile.open(unfinished, "w") as archive:
        _add(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(archive, "index.json", index)
        for content in (manifest, configuration):
            _add(archive, _blob_path(_digest(content)), content)
        for blob in {blob.digest: blob for blob in blobs}.values():
            entry = _information(_blob_path(blob.digest), 0o644)
            entry.size = blob.size
            with blob.path.open("rb") as packed:
                archive.addfile(entry, packed)
    unfinished.replace(output)
    return _digest(manifest)


def _configuration(blobs: Sequence[Blob], config: ImageConfig) -> dict[str, Any]:
    created = epoch()
    when = {"created": datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")} if created else {}
    how = {
        "User": config.user,
        "Env": [f"{key}={value}" for key, value in sorted(config.environment.items())],
        "Entrypoint": list(config.entrypoint),
        "Cmd": list(config.command),
        "WorkingDir": config.working_directory,
        "Labels": dict(sorted(config.labels.items())),
        "StopSignal": config.stop_signal,
    }
    return when | {
        "architecture": config.architecture,
        "os": "linux",
        "config": {key: value for key, value in how.items() if value},
        "rootfs": {"type": "layers", "diff_ids": [blob.diff_id for blob in blobs]},
        "history": [when | {"created_by": blob.comment or "novacron image"} for blob in blobs],
    }


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _blob_path(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = _information(name, 0o644)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))
