"""Debian packages: fetched by apt, which verifies its archive, kept in the user's cache, unpacked but not installed.

Nothing of a package runs and no dpkg database is made; what scanners need to recognise a package is kept the way
distroless images keep it, one control file a package under ``var/lib/dpkg/status.d``.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from image.cache import alone, cache
from image.contents import LeftOut
from image.errors import ImageError
from image.progress import say

STATUS = "var/lib/dpkg/status.d"
_PERMISSIONS = 0o1777
"""Of a package's modes; set-user-id and set-group-id never reach an image."""
_UPDATE = "run `apt-get update` and try again"
_BLANK = ("-o", "Dir::State::status=/dev/null")
"""A machine on which nothing is installed: what this one has must not leave a package out."""


class DebianError(ImageError):
    """A package cannot be had, or is not what was locked."""


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """One binary package; its hash says which one, wherever it comes from."""

    name: str
    version: str
    architecture: str
    sha256: str

    @property
    def file(self) -> str:
        """As apt calls it."""
        return f"{self.name}_{self.version.replace(':', '%3a')}_{self.architecture}.deb"


@functools.cache
def architecture() -> str:
    """The machine's, in Debian's words: amd64, arm64."""
    return _output("dpkg", "--print-architecture").strip()


def triplet() -> str:
    """The machine's, as it stands in paths of libraries: x86_64-linux-gnu, aarch64-linux-gnu."""
    return f"{os.uname().machine}-linux-gnu"


def closure(names: Sequence[str]) -> tuple[str, ...]:
    """The packages and all that they depend on, as apt would choose them for a blank machine; recommended ones not.

    Raises:
        DebianError: a package is unknown, or they cannot stand together.
    """
    command = ("apt-get", "--simulate", *_BLANK, "--no-install-recommends", "install", *names)
    return tuple(sorted(re.findall(r"^Inst (\S+) ", _output(*command), re.MULTILINE)))


def candidates(names: Sequence[str]) -> tuple[Package, ...]:
    """What the archive has now, in the order of the names.

    Raises:
        DebianError: it has no such package for this machine.
    """
    known = _known(names, "--no-all-versions")
    missing = sorted(set(names) - {package.name for package in known})
    if missing:
        raise DebianError(
            f"the archive that apt knows has no {', '.join(missing)}: {_UPDATE}, on Debian 12 or in its image"
        )
    found = {package.name: package for package in known}
    return tuple(found[name] for name in names)


def _known(names: Sequence[str], *options: str) -> list[Package]:
    """Every version that apt could fetch; what is installed here but gone from the archive has no hash: left out."""
    text = _output("apt-cache", *_BLANK, "show", *options, *names, check=False)
    return [
        Package(fields["Package"], fields["Version"], fields["Architecture"], fields["SHA256"])
        for fields in map(_fields, text.split("\n\n"))
        if "SHA256" in fields and fields["Architecture"] in (architecture(), "all")
    ]


def _fields(stanza: str) -> Mapping[str, str]:
    return dict(re.findall(r"^([\w-]+): (.*)$", stanza, re.MULTILINE))


def fetch(packages: Sequence[Package]) -> list[Path]:
    """Their files, from the cache or, where it lacks one, from the archive. What was verified before needs no network.

    Raises:
        DebianError: the archive no longer has one, or what came is not what its hash says.
    """
    home = cache("debs")
    with alone(home):
        missing = [package for package in packages if not _genuine(home / package.file, package)]
        if missing:
            say(f"fetching {len(missing)} of {len(packages)} Debian packages")
            _download(missing, home)
    return [home / package.file for package in packages]


def unavailable(packages: Sequence[Package]) -> list[Package]:
    """Those that neither the cache nor the archive has any more."""
    home = cache("debs")
    absent = [package for package in packages if not _genuine(home / package.file, package)]
    if not absent:
        return []
    known = set(_known([package.name for package in absent]))
    return [package for package in absent if package not in known]


def _genuine(file: Path, package: Package) -> bool:
    return file.exists() and hashlib.sha256(file.read_bytes()).hexdigest() == package.sha256


def _download(packages: Sequence[Package], home: Path) -> None:
    with tempfile.TemporaryDirectory(dir=home) as folder:
        wanted = [f"{package.name}={package.version}" for package in packages]
        command = ["apt-get", "--quiet=2", "-o", "APT::Sandbox::User=root", "download", *wanted]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise DebianError(f"apt-get cannot download: {_last(done.stderr)}; {_UPDATE}")
        for package in packages:
            file = Path(folder) / package.file
            if not _genuine(file, package):
                raise DebianError(
                    f"{package.name} {package.version}: what apt fetched has not the SHA-256 {package.sha256};"
                    " its archive was rebuilt or the lock is wrong: compare, then `make lock-image`"
                )
            file.replace(home / package.file)


def unpack(packages: Sequence[Package], into: Path, left_out: Sequence[str] = ()) -> None:
    """Writes the files of packages, fetched where need be, below a directory; links that stand there are followed, so a
    merged ``/usr`` stays one.

    Owners are not kept (``oci.pack`` writes root), nor set-user-id bits, whatever the umask.

    Args:
        left_out: patterns of paths without the leading slash, as in ``usr/share/doc/*``; ``*`` crosses slashes, and
            what one with a leading ``!`` matches stays.
    """
    ignored = LeftOut(left_out)
    for package, file in zip(packages, fetch(packages), strict=True):
        with _contents(file) as members:
            for member in members:
                path = PurePosixPath(member.name)
                if path.parts and str(path) not in ignored:
                    _write(members, member, _inside(into, path))
        _register(package, file, into)


class _Contents:
    """``with`` block around the files of a package."""

    def __init__(self, file: Path) -> None:
        self._process = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(file)], stdout=subprocess.PIPE)
        self._file = file

    def __enter__(self) -> tarfile.TarFile:
        self._archive = tarfile.open(fileobj=self._process.stdout, mode="r|")
        return self._archive

    def __exit__(self, kind: object, *_: object) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        if kind is None:
            while self._process.stdout.read(1 << 16):
                pass  # what pads the end of an archive: dpkg-deb would complain of a closed pipe
        self._process.stdout.close()
        if self._process.wait() and kind is None:
            raise DebianError(f"{self._file.name} cannot be unpacked; remove it from {self._file.parent} and try again")


def _contents(file: Path) -> _Contents:
    return _Contents(file)


def _inside(into: Path, path: PurePosixPath) -> Path:
    if path.is_absolute() or ".." in path.parts:
        raise DebianError(f"a package holds the path {path}, which leads out of the image")
    return into / path


def _write(members: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    if member.isdir():
        if not path.is_dir():
            path.mkdir(parents=True)
            path.chmod(member.mode & _PERMISSIONS)
        return
    _parents(path)
    path.unlink(missing_ok=True)
    if member.issym():
        path.symlink_to(member.linkname)
    elif member.islnk():
        shutil.copy2(path.parents[len(PurePosixPath(member.name).parts) - 1] / member.linkname, path)
    elif source := members.extractfile(member):
        with path.open("wb") as out:
            shutil.copyfileobj(source, out)
        path.chmod(member.mode & _PERMISSIONS)


def _parents(path: Path) -> None:
    for parent in reversed(path.parents):
        if not parent.is_dir():
            parent.mkdir()
            parent.chmod(0o755)


def _register(package: Package, file: Path, into: Path) -> None:
    record = into / STATUS / package.name
    _parents(record)
    record.write_text(_output("dpkg-deb", "--field", str(file)))
    record.chmod(0o644)


def _output(*command: str, check: bool = True) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"}
        )
    except FileNotFoundError as error:
        raise DebianError(f"{command[0]} is not here: build on Debian 12, or with the Dockerfile") from error
    if check and done.returncode:
        raise DebianError(f"{command[0]}: {_last(done.stderr)}; {_UPDATE}")
    return done.stdout


def _last(text: str) -> str:
    """What a command complained of, in a line."""
    lines = [line.removeprefix("E: ") for line in text.splitlines() if line.startswith("E:")] or text.splitlines()[-3:]
    return "; ".join(lines) or "no word of why"
