from __future__ import annotations

import hashlib
import json
import os
import tarfile
from pathlib import Path

import pytest

from image import archive, oci
from image.errors import ImageError
from image.oci import ImageConfig, Layer

_CONFIG = ImageConfig(
    entrypoint=["/bin/x"],
    environment={"B": "2", "A": "1"},
    user="65532:65532",
    labels={"title": "x"},
    architecture="arm64",
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "bin").mkdir(parents=True)
    (root / "bin").chmod(0o755)
    (root / "bin" / "x").write_text("x")
    (root / "bin" / "x").chmod(0o755)
    (root / "bin" / "y").symlink_to("/bin/x")
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    return root


def test_an_archive_tells_what_was_packed(tree: Path, tmp_path: Path) -> None:
    digest = oci.pack([Layer(tree, comment="all")], _CONFIG, "localhost/x:1", tmp_path / "x.tar")
    told = archive.describe(tmp_path / "x.tar")
    assert (told.name, told.digest) == ("localhost/x:1", digest)
    assert told.config["architecture"] == "arm64"
    assert told.config["config"] == {
        "Entrypoint": ["/bin/x"],
        "Env": ["A=1", "B=2"],
        "Labels": {"title": "x"},
        "User": "65532:65532",
        "WorkingDir": "/",
    }
    assert "created" not in told.config


def test_blobs_are_what_their_digests_say(tree: Path, tmp_path: Path) -> None:
    oci.pack([Layer(tree)], _CONFIG, "localhost/x:1", tmp_path / "x.tar")
    with tarfile.open(tmp_path / "x.tar") as layout:
        blobs = [member for member in layout.getmembers() if member.name.startswith("blobs/")]
        for blob in blobs:
            content = layout.extractfile(blob)
            assert content is not None
            assert f"blobs/sha256/{hashlib.sha256(content.read()).hexdigest()}" == blob.name
        assert len(blobs) == 3


def test_a_container_would_see_the_tree(tree: Path, tmp_path: Path) -> None:
    oci.pack([Layer(tree)], _CONFIG, "localhost/x:1", tmp_path / "x.tar")
    archive.extract(tmp_path / "x.tar", tmp_path / "seen")
    seen = tmp_path / "seen"
    assert (seen / "bin" / "x").read_text() == "x"
    assert (seen / "bin" / "x").stat().st_mode & 0o7777 == 0o755
    assert (seen / "bin" / "y").readlink() == Path("/bin/x")
    assert (seen / "tmp").stat().st_mode & 0o7777 == 0o1777


def test_the_same_input_gives_the_same_digest_whenever_and_in_whatever_order(tree: Path, tmp_path: Path) -> None:
    first = oci.pack([Layer(tree)], _CONFIG, "localhost/x:1", tmp_path / "x.tar")
    again = tmp_path / "again"
    for name in ("tmp", "bin"):
        (again / name).mkdir(parents=True)
        (again / name).chmod((tree / name).stat().st_mode)
    (again / "bin" / "y").symlink_to("/bin/x")
    (again / "bin" / "x").write_text("x")
    (again / "bin" / "x").chmod(0o755)
    os.utime(again / "bin" / "x", (1, 1))
    second = oci.pack([Layer(again)], _CONFIG, "localhost/x:1", tmp_path / "y.tar")
    assert first == second
    assert (tmp_path / "x.tar").read_bytes() == (tmp_path / "y.tar").read_bytes()


def test_another_content_is_another_digest(tree: Path, tmp_path: Path) -> None:
    first = oci.pack([Layer(tree)], _CONFIG, "localhost/x:1", tmp_path / "x.tar")
    (tree / "bin" / "x").write_text("y")
    assert oci.pack([Layer(tree)], _CONFIG, "localhost/x:1", tmp_path / "x.tar") != first


def test_everything_belongs_to_root_and_has_the_given_time(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    blob = oci.write_layer(Layer(tree), tmp_path / "layer")
    with tarfile.open(blob.path) as layer:
        members = layer.getmembers()
    assert {(member.uid, member.gid, member.uname, member.mtime) for member in members} == {(0, 0, "", 1700000000)}
    oci.pack([blob], _CONFIG, "localhost/x:1", tmp_path / "x.tar")
    assert archive.describe(tmp_path / "x.tar").config["created"] == "2023-11-14T22:13:20Z"


def test_a_layer_of_single_files_has_their_directories(tmp_path: Path) -> None:
    source = tmp_path / "program"
    source.write_text("x")
    blob = oci.write_layer(Layer(files={"/usr/bin/x": (source, 0o755)}), tmp_path / "layer")
    with tarfile.open(blob.path) as layer:
        assert [(member.name, member.mode) for member in layer] == [
            ("usr", 0o755),
            ("usr/bin", 0o755),
            ("usr/bin/x", 0o755),
        ]
    assert (blob.files, blob.unpacked) == (1, 1)


def test_a_packed_layer_stands_in_several_images(tree: Path, tmp_path: Path) -> None:
    blob = oci.write_layer(Layer(tree), tmp_path / "layer")
    oci.pack([blob], _CONFIG, "localhost/x:1", tmp_path / "x.tar")
    oci.pack([blob, Layer(tree)], _CONFIG, "localhost/y:1", tmp_path / "y.tar")
    assert archive.describe(tmp_path / "y.tar").manifest["layers"][0]["digest"] == blob.digest
    assert sorted(file.name for file in tmp_path.iterdir() if file.is_file()) == ["layer", "x.tar", "y.tar"]


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_what_is_no_archive_is_named_with_the_remedy(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "x.tar"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ImageError, match=r"x\.tar.*make image"):
        archive.describe(file)


def test_an_archive_without_an_index_is_named_with_the_remedy(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as layout:
        layout.add(__file__, "other")
    with pytest.raises(ImageError, match="make image"):
        archive.describe(tmp_path / "x.tar")


def test_the_index_is_read_by_containerd_and_podman(tree: Path, tmp_path: Path) -> None:
    oci.pack([Layer(tree)], _CONFIG, "localhost/x:1", tmp_path / "x.tar")
    with tarfile.open(tmp_path / "x.tar") as layout:
        index, version = layout.extractfile("index.json"), layout.extractfile("oci-layout")
        assert index is not None
        assert version is not None
        assert json.load(version) == {"imageLayoutVersion": "1.0.0"}
        (listed,) = json.load(index)["manifests"]
    assert listed["annotations"] == {
        "io.containerd.image.name": "localhost/x:1",
        "org.opencontainers.image.ref.name": "1",
    }
