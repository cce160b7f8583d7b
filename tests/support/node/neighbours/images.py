"""The neighbours' images: one static program each, or Debian packages unpacked; archives in the user's cache."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from image import debian, oci
from image.cache import alone, cache
from tests.support.controlplane.progress import say
from tests.support.node.neighbours import binaries, postgresql, redis_server
from tests.support.node.neighbours.pods import IMAGES, UID

_REVISION = 1
"""Of how images are put together here; another one is another content."""
_LEFT_OUT = (
    "usr/share/doc/*",
    "usr/share/man/*",
    "usr/share/locale/*",
    "usr/share/lintian/*",
    "usr/share/postgresql/*/man/*",
    "usr/share/zoneinfo/right/*",
    "usr/lib/postgresql/*/lib/bitcode/*",
    "usr/lib/postgresql/*/lib/llvmjit*",
    "usr/lib/*/gconv/*",
)
_OF_BOTH = (
    "libc6", "libcap2", "libgcc-s1", "libgcrypt20", "libgpg-error0", "liblz4-1", "liblzma5", "libssl3", "libstdc++6",
    "libsystemd0", "libzstd1",
)  # fmt: skip
_POSTGRES = (
    "postgresql-15", "postgresql-client-15", "dash", "libc-bin", "tzdata", "libaudit1", "libcap-ng0", "libcom-err2",
    "libfaketime", "libffi8", "libgmp10", "libgnutls30", "libgssapi-krb5-2", "libhogweed6", "libicu72", "libidn2-0",
    "libk5crypto3", "libkeyutils1", "libkrb5-3", "libkrb5support0", "libldap-2.5-0", "libnettle8", "libp11-kit0",
    "libpam0g", "libpq5", "libsasl2-2", "libtasn1-6", "libunistring2", "libxml2", "zlib1g",
)  # fmt: skip
"""dash, as initdb starts its server through a shell; libfaketime does nothing unless it is loaded."""
_REDIS = ("redis-server", "redis-tools", "libatomic1", "libjemalloc2", "liblzf1")
_USERS = f"root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:{UID}:{UID}:nonroot:/:/sbin/nologin\n"
"""PostgreSQL refuses to run as somebody without a name."""


def build() -> Mapping[str, Path]:
    """Every image, by its name with tag: its archive; those that are not in the cache are built.

    Raises:
        BuildError, ToolchainError, ImageError: with the remedy.
    """
    made = {f"{program.name}:{program.version}": _program(program) for program in binaries.PROGRAMS}
    # PostgreSQL waits for its clients at SIGTERM; SIGINT ends it at once, and orderly
    made[postgresql.workload().image] = _packages(postgresql.workload().image, _POSTGRES, "SIGINT")
    made[redis_server.workload().image] = _packages(redis_server.workload().image, _REDIS, "SIGTERM")
    return made


def _program(program: binaries.Program) -> Path:
    file = program.file()
    config = oci.ImageConfig(entrypoint=(f"/{program.name}",), user=f"{UID}:{UID}")
    # the folder's name says what is in it
    key = repr((file.parent.name, config))
    layer = oci.Layer(files={f"/{program.name}": (file, 0o755)}, comment=f"{program.name} {program.version}")
    return _kept(f"{program.name}:{program.version}", key, lambda archive, name: _pack(layer, config, name, archive))


def _packages(name: str, packages: Sequence[str], stop: str) -> Path:
    environment = {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    config = oci.ImageConfig(user=f"{UID}:{UID}", environment=environment, stop_signal=stop)
    names = sorted({*packages, *_OF_BOTH})

    def built(archive: Path, image: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            debian.unpack(debian.candidates(names), root, _LEFT_OUT)
            (root / "etc").mkdir(exist_ok=True)
            (root / "etc" / "passwd").write_text(_USERS)
            _pack(oci.Layer(tree=root, comment=f"{name} from Debian packages"), config, image, archive)

    return _kept(name, repr((names, _LEFT_OUT, _USERS, config)), built)


def _pack(layer: oci.Layer, config: oci.ImageConfig, name: str, archive: Path) -> None:
    oci.pack([layer], config, name, archive)


def _kept(name: str, key: str, built: Callable[[Path, str], None]) -> Path:
    """The archive of an image; an older one of the same image goes when a new one is made."""
    home = cache("neighbour-images")
    stem = name.replace(":", "-")
    archive = home / f"{stem}-{hashlib.sha256(repr((key, _REVISION)).encode()).hexdigest()[:16]}.tar"
    with alone(home):
        if not archive.exists():
            say(f"packing the image {name}")
            built(archive, f"{IMAGES}/{name}")
            for old in home.glob(f"{stem}-*.tar"):
                if old != archive:
                    old.unlink()
    return archive
