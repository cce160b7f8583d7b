"""Builds Go tools of a checked-in go.mod once and keeps the binaries, keyed by all that decides what they are."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from tests.support.controlplane import toolchain
from tests.support.controlplane.progress import say
from tests.support.controlplane.toolchain import Go

_SAY_EVERY = 10.0


class BuildError(Exception):
    """A build failed; the text names the module and what to change."""


def built(
    name: str,
    module: Path,
    targets: Sequence[str] = ("tool",),
    flags: Sequence[str] = (),
    extra: Callable[[Go, Path], None] | None = None,
    revision: int = 1,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """The directory that holds the binaries of a Go module; builds them where they are not cached.

    Args:
        name: for people and as the cache's folder.
        module: directory with go.mod and go.sum.
        targets: what ``go install`` is asked for.
        extra: called with Go and the directory, to keep more than binaries.
        revision: of ``extra``; another one is another content.
        environment: more of it for the Go command: an experiment of the toolchain, say, or where C libraries are.

    Raises:
        BuildError, ToolchainError: with the remedy.
    """
    digest = hashlib.sha256()
    for file in sorted(module.iterdir()):
        if file.suffix in (".mod", ".sum", ".go"):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    digest.update(repr((targets, flags, revision)).encode() + " ".join(environment.values()).encode())
    root = toolchain.cache() / name
    with _alone(root):
        # a cache hit must not need Go: the newest complete directory of this content is taken, whatever Go built it
        content = digest.hexdigest()[:16]
        present = sorted(path for path in root.glob(f"{content}-*") if path.suffix != ".partial")
        if present:
            return present[-1]
        go = toolchain.find(toolchain.required(module / "go.mod"))
        home = root / f"{content}-{go.version}"
        _build(name, go, module, home, targets, flags, extra, environment)
        return home


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One builder at a time; the others wait and then find its work."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(
    name: str,
    go: Go,
    module: Path,
    home: Path,
    targets: Sequence[str],
    flags: Sequence[str],
    extra: Callable[[Go, Path], None] | None,
    environment: Mapping[str, str],
) -> None:
    staging = home.with_name(home.name + ".partial")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    started = time.monotonic()
    say(f"building {name} with {go.version}; once, then it is cached")
    if targets:
        _install(name, go, module, staging, targets, flags, started, environment)
    if extra is not None:
        extra(go, staging)
    staging.rename(home)
    say(f"built {name} in {(time.monotonic() - started) / 60:.1f} minutes")


def _install(
    name: str,
    go: Go,
    module: Path,
    staging: Path,
    targets: Sequence[str],
    flags: Sequence[str],
    started: float,
    environment: Mapping[str, str],
) -> None:
    log = staging / "build.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(go.command), "install", "-v", "-trimpath", "-mod=readonly", *flags, *targets],
            cwd=module,
            env=go.environment(GOBIN=str(staging), **environment),
            stdout=out,
            stderr=out,
        )
        try:
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_SAY_EVERY)
                    continue
                lines = log.read_text(errors="replace").splitlines()
                now = lines[-1] if lines else "starting"
                say(f"building {name}: {len(lines)} packages, {time.monotonic() - started:.0f} s, now {now}")
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if process.returncode:
        text = log.read_text(errors="replace")
        shutil.rmtree(staging)
        raise BuildError(explained(name, text))


def explained(name: str, text: str) -> str:
    """What a failed Go build means for the reader."""
    missing = re.search(r"(\S+)@(v\S+?):? .*(?:not found|unknown revision|410 Gone|404 Not Found|403 Forbidden)", text)
    if missing:
        return (
            f"{name}: {missing[1]} {missing[2]} cannot be had from the Go module proxy. Choose another version in its"
            f" go.mod (`go list -m -versions {missing[1]}` lists them), then run `go mod tidy` there."
        )
    tail = "\n".join(text.splitlines()[-15:])
    return f"{name}: the Go build failed; its last lines:\n{tail}"
