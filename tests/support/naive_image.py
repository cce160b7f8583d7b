"""The image that one would make without a thought: Debian's full base, ``python -m venv``, ``pip install``.

As ``FROM debian:bookworm``, ``apt-get install python3 python3-venv ca-certificates`` and two RUN lines would give it,
but without an engine. Where it differs it is smaller than such an image: no dpkg database, no cache of pip.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from image import contents, debian
from image.interpreter import Interpreter
from tests.support.controlplane.progress import say
from tests.support.image_root import Root

_ASKED_FOR = ("apt", "ca-certificates", "python3", "python3-venv")
_HOME = "/opt/novacron"
_MERGED = {"bin": "usr/bin", "lib": "usr/lib", "lib32": "usr/lib32", "lib64": "usr/lib64", "sbin": "usr/sbin"}
_WHEELS = "root/wheels"
_STEPS = (
    ("/usr/sbin/ldconfig",),
    ("/usr/sbin/update-ca-certificates",),
    ("/usr/bin/python3", "-m", "compileall", "-q", "/usr/lib/python3.11", "/usr/lib/python3"),
    ("/usr/bin/python3", "-m", "venv", _HOME),
    (f"{_HOME}/bin/pip", "install", "--quiet", "--no-index", "--find-links", f"/{_WHEELS}", "novacron"),
)
"""What scripts of packages would do where it matters here, then what the Dockerfile says."""


def naive(into: Path) -> Root:
    """Builds it below a directory; as root, in about two minutes."""
    names = debian.closure((*_ASKED_FOR, *_required()))
    say(f"naive image: {len(names)} Debian packages")
    for link, target in _MERGED.items():
        (into / target).mkdir(parents=True)
        (into / link).symlink_to(target)
    debian.unpack(debian.candidates(names), into)
    shutil.copy(into / "usr/share/base-passwd/passwd.master", into / "etc/passwd")
    shutil.copy(into / "usr/share/base-passwd/group.master", into / "etc/group")
    _wheels(into)
    for step in _STEPS:
        say(f"naive image: {' '.join(step)[:80]}")
        subprocess.run(["chroot", str(into), *step], check=True, stdout=sys.stderr, env={"PATH": "/usr/sbin:/usr/bin"})
    shutil.rmtree(into / _WHEELS)
    into.chmod(0o755)
    return Root(into, (f"{_HOME}/bin/novacron",), {"PATH": f"{_HOME}/bin:/usr/bin:/bin"}, "65532:65532")


def _required() -> list[str]:
    """Debian's packages of priority ``required``: with apt, these are what ``debian:bookworm`` holds."""
    done = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, check=True)
    stanzas = [
        dict(line.split(": ", 1) for line in text.splitlines() if ": " in line) for text in done.stdout.split("\n\n")
    ]
    here = (debian.architecture(), "all")
    return sorted(
        {
            stanza["Package"]
            for stanza in stanzas
            if stanza.get("Priority") == "required" and stanza["Architecture"] in here
        }
    )


def _wheels(into: Path) -> None:
    """The locked wheels and ours, fetched and built from outside: inside there is no network."""
    folder = into / _WHEELS
    folder.mkdir(parents=True)
    lock = contents.CHECKOUT / "requirements.lock"
    python = Interpreter(into, "3.11")
    python.pip(
        "download", "--quiet", "--require-hashes", "--no-deps", "--requirement", str(lock), "--dest", str(folder)
    )
    copy = into / "root" / "source"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(contents.CHECKOUT / name, copy)
    shutil.copytree(contents.CHECKOUT / "operator", copy / "operator", ignore=shutil.ignore_patterns("*.egg-info"))
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*build, "--wheel-dir", str(folder), str(copy)], check=True, stdout=sys.stderr)
    shutil.rmtree(copy)
