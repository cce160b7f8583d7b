"""What is in the image, and what is not: read from its files, nothing runs."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

from image import contents as description
from image import debian, sbom
from image.build import Built
from tests.support.image_root import Root

_UNCHECKED_HASH = 1
"""Flags of a .pyc that stands for its source without a look at it."""
_WANTED = description.contents(debian.triplet())


def _everything(root: Root) -> Iterator[tuple[str, Path, os.stat_result]]:
    for path in root.path.rglob("*"):
        yield str(path.relative_to(root.path)), path, path.lstat()


def test_the_programs_are_ours_and_python_alone(tree: Root) -> None:
    """No shell, no package manager: there is nothing that could be one."""
    programs = {path.name for path in (tree.path / "usr" / "bin").iterdir() if not path.is_symlink()}
    assert programs == {"novacron", "python3.11"}
    started = {name for name, path, _ in _everything(tree) if _is_elf(path) and _has_interpreter(path)}
    assert started - {"usr/bin/python3.11"} <= {name for name, path, _ in _everything(tree) if ".so" in path.name}


def _is_elf(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.open("rb").read(4) == b"\x7fELF"


def _has_interpreter(path: Path) -> bool:
    return b"/ld-linux" in path.read_bytes()[:4096]


def test_the_usual_places_lead_to_the_merged_usr(tree: Root) -> None:
    assert {name: str((tree.path / name).readlink()) for name in ("bin", "lib", "sbin")} == {
        "bin": "usr/bin",
        "lib": "usr/lib",
        "sbin": "usr/sbin",
    }


def test_no_file_gives_rights(tree: Root) -> None:
    assert [name for name, _, status in _everything(tree) if status.st_mode & (stat.S_ISUID | stat.S_ISGID)] == []


def test_nobody_writes_but_to_the_declared_places(tree: Root) -> None:
    writable = {
        name
        for name, _, status in _everything(tree)
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not stat.S_ISLNK(status.st_mode)
    }
    assert writable == set(_WANTED.directories)
    if os.geteuid() == 0:
        assert {(status.st_uid, status.st_gid) for _, _, status in _everything(tree)} == {(0, 0)}


def test_every_file_can_be_read_by_any_user(tree: Root) -> None:
    closed = {
        name
        for name, _, status in _everything(tree)
        if not status.st_mode & stat.S_IROTH or (stat.S_ISDIR(status.st_mode) and not status.st_mode & stat.S_IXOTH)
    }
    assert closed <= {"root"}


def test_every_link_leads_to_something_in_the_image(tree: Root) -> None:
    lost = []
    for name, path, status in _everything(tree):
        if stat.S_ISLNK(status.st_mode):
            target = str(path.readlink())
            found = tree.path / target[1:] if target.startswith("/") else path.parent / target
            if not os.path.lexists(found):
                lost.append((name, target))
    assert lost == []


def test_all_bytecode_is_there_and_asks_for_no_source(tree: Root) -> None:
    """Nothing is compiled at start, which a read-only root could not keep."""
    sources = [path for name, path, _ in _everything(tree) if name.endswith(".py")]
    assert len(sources) > 1000
    for source in sources:
        compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-311.pyc"
        assert compiled.exists(), source
        assert int.from_bytes(compiled.read_bytes()[4:8], "little") == _UNCHECKED_HASH, compiled
    made = [path for name, path, _ in _everything(tree) if name.endswith(".pyc")]
    assert len(made) == len(sources)


def test_no_path_of_the_building_machine_is_in_it(tree: Root) -> None:
    """Neither in our files nor in any bytecode, which names its source."""
    places = {str(description.CHECKOUT), str(tree.path), str(Path.home() / ".cache")}
    for name, path, status in _everything(tree):
        if stat.S_ISREG(status.st_mode) and (name.endswith((".pyc", "METADATA", ".json")) or "novacron" in name):
            content = path.read_bytes()
            assert [place for place in places if place.encode() in content] == [], name


def test_tests_stubs_and_tools_of_python_are_left_out(site: Path, tree: Root) -> None:
    names = {path.name for path in site.iterdir()} | {
        path.name for path in (tree.path / "usr/lib/python3.11").iterdir()
    }
    assert not names & {"pip", "setuptools", "wheel", "ensurepip", "idlelib", "tkinter", "test", "lib2to3", "venv"}
    assert not [path for path in site.rglob("*") if path.suffix in (".pyi", ".pyx", ".c")]


def test_the_bill_of_materials_lists_exactly_what_is_there(built: Built, site: Path, tree: Root) -> None:
    text = (tree.path / sbom.PATH).read_text()
    assert built.bill.read_text() == text
    purls = {component["purl"] for component in json.loads(text)["components"]}
    records = [_fields(path) for path in (tree.path / debian.STATUS).iterdir()]
    debs = {
        f"pkg:deb/debian/{quote(record['Package'], safe='')}@{quote(record['Version'], safe='')}" for record in records
    }
    assert {purl.partition("?")[0] for purl in purls if purl.startswith("pkg:deb")} == debs
    found = metadata.distributions(path=[str(site)])
    wheels = {f"pkg:pypi/{item.metadata['Name']}@{item.version}" for item in found if item.name != "novacron"}
    assert {purl for purl in purls if purl.startswith("pkg:pypi")} == wheels


def _fields(record: Path) -> dict[str, str]:
    lines = [line for line in record.read_text().splitlines() if not line.startswith(" ")]
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def test_each_package_names_its_license(site: Path, tree: Root) -> None:
    for record in (tree.path / debian.STATUS).iterdir():
        assert (tree.path / "usr/share/doc" / record.name / "copyright").exists(), record.name
    for item in metadata.distributions(path=[str(site)]):
        # get_all: where importlib_metadata is imported (by yoyo), a header that is missing is an error of []
        said, lines = item.metadata.get_all("Classifier") or [], ("License-Expression", "License")
        named = any(map(item.metadata.get_all, lines)) or any("License" in classifier for classifier in said)
        assert named, item.name
