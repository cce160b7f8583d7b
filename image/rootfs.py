"""The file system of the image in three parts, the lowest changes least: Debian's base, packages from PyPI, ours.

Each is written below a directory of its own, which becomes a layer; the Python of the first makes the other two.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from email.parser import HeaderParser
from pathlib import Path

from image import certificates, debian, sbom
from image.contents import CHECKOUT, Contents, LeftOut, project
from image.debian import Package
from image.interpreter import Interpreter, PythonError
from image.sbom import Component

REQUIREMENTS = CHECKOUT / "requirements.lock"
_CACHES = ("__pycache__", "*.pyc")


def base(contents: Contents, packages: Sequence[Package], into: Path) -> list[Component]:
    """Debian's packages and what their scripts would have made; with bytecode of the standard library."""
    for path, target in contents.links.items():
        if target.startswith("usr/"):  # before anything is written through it
            _link(into, path, target)
    debian.unpack(packages, into, contents.packages_left_out)
    for path, target in contents.links.items():
        if not target.startswith("usr/"):
            _link(into, path, target)
    for path, mode in contents.directories.items():
        _directory(into / path, mode)
    for path, text in contents.files.items():
        _file(into / path, text.lstrip("\n"))
    source, hashed = contents.certificates
    _directory(into / hashed)
    python = Interpreter(into, contents.python)
    python.run(certificates.__file__, str(into), source, hashed)
    python.compile(into, [f"usr/lib/python{contents.python}"])
    return [Component("deb", item.name, item.version, item.sha256, item.architecture) for item in packages]


def wheels(contents: Contents, python: Interpreter, into: Path) -> list[Component]:
    """Packages from PyPI as requirements.lock has them, hashes included."""
    site = into / contents.site
    _directory(site)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        locked = ("--require-hashes", "--no-deps", "--only-binary", ":all:", "--requirement", str(REQUIREMENTS))
        try:
            python.pip("install", "--quiet", *locked, "--no-compile", "--target", str(site), "--report", str(report))
        except PythonError as error:
            remedy = "check the network; where a file is gone from the index, `make lock` pins those that are there"
            raise PythonError(f"pip cannot install requirements.lock: {error}; {remedy}") from error
        installed = json.loads(report.read_text())["install"]
    _prune(site, LeftOut(contents.wheels_left_out))
    python.compile(into, [contents.site])
    return [
        Component(
            "pypi",
            item["metadata"]["name"],
            item["metadata"]["version"],
            item["download_info"]["archive_info"]["hashes"]["sha256"],
            license=_license(site, item["metadata"]["name"]),
        )
        for item in installed
    ]


def ours(contents: Contents, python: Interpreter, into: Path, components: Sequence[Component]) -> None:
    """Our package with its metadata, the program, and the bill of materials of everything below."""
    about = project()
    package = into / contents.site / about.name
    _directory(package.parent)
    shutil.copytree(CHECKOUT / "operator" / about.name, package, ignore=shutil.ignore_patterns(*_CACHES))
    metadata = into / contents.site / f"{about.name}-{about.version}.dist-info"
    _file(metadata / "METADATA", metadata_text())
    _file(metadata / "entry_points.txt", entry_points())
    path, text = contents.command
    _file(into / path, text.lstrip("\n"), 0o755)
    _file(into / sbom.PATH, sbom.document(about.name, about.version, about.license, components))
    _normalise(package)
    python.compile(into, [f"{contents.site}/{about.name}"])


def metadata_text() -> str:
    """Ours as a build backend would write it, as far as anybody reads it in the image."""
    about = project()
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {about.name}",
        f"Version: {about.version}",
        f"Summary: {about.summary}",
        f"License-Expression: {about.license}",
        f"Requires-Python: {about.requires_python}",
        *(f"Requires-Dist: {requirement}" for requirement in about.dependencies),
    ]
    return "\n".join(lines) + "\n"


def entry_points() -> str:
    scripts = project().scripts
    return "[console_scripts]\n" + "".join(f"{name} = {target}\n" for name, target in sorted(scripts.items()))


def _license(site: Path, name: str) -> str:
    """The SPDX expression that a package names, if it does."""
    wanted = name.replace("-", "_").lower()
    for metadata in site.glob("*.dist-info/METADATA"):
        if metadata.parent.name.rpartition("-")[0].replace("-", "_").lower() == wanted:
            return HeaderParser().parsestr(metadata.read_text()).get("License-Expression", "")
    return ""


def _prune(tree: Path, left_out: LeftOut) -> None:
    """Removes what stays out, and directories that nothing is left in; sets the modes that any umask gives."""
    for folder, folders, files in os.walk(tree, topdown=False):
        for name in files:
            path = Path(folder) / name
            if path.relative_to(tree).as_posix() in left_out:
                path.unlink()
        for name in folders:
            path = Path(folder) / name
            if not path.is_symlink() and not any(path.iterdir()):
                path.rmdir()
    _normalise(tree)


def _normalise(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)


def _link(into: Path, path: str, target: str) -> None:
    link = into / path
    _directory(link.parent)
    if target.startswith("usr/"):
        _directory(into / target)
    link.symlink_to(target)


def _file(path: Path, text: str, mode: int = 0o644) -> None:
    _directory(path.parent)
    path.write_text(text)
    path.chmod(mode)


def _directory(path: Path, mode: int | None = None) -> None:
    for parent in reversed((path, *path.parents)):
        if not parent.is_dir():
            parent.mkdir()
            parent.chmod(0o755)
    if mode is not None:
        path.chmod(mode)
