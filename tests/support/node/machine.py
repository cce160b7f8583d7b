"""What a node could leave on the machine: links, routes, rules, mounts, cgroups, processes; to compare."""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from tests.support.node import binaries, janitor


def boxes() -> frozenset[int]:
    """The first process of each box that is up."""
    return frozenset(
        int(home.name)
        for home in Path("/proc").glob("[0-9]*")
        if (chain := _field(home, "NSpid").split()) and len(chain) == 2 and chain[1] == "1"
    )


def facts(others: Collection[int] = ()) -> Mapping[str, frozenset[str]]:
    """All that a node makes, changes or starts, each as lines; a machine that is left as it was has the same ones.

    Args:
        others: boxes whose processes are not looked at: they go on with their own lives.
    """
    return {
        "links": _lines("ip", "-o", "link"),
        "addresses": _lines("ip", "-o", "addr"),
        "routes": _lines("ip", "route", "show", "table", "all"),
        "policy routing": _lines("ip", "rule"),
        "packet filter": _lines("env", *binaries.directory().environment, "nft", "list", "ruleset"),
        "namespaces with names": _lines("ip", "netns"),
        "mounts": frozenset(Path("/proc/self/mounts").read_text().splitlines()),
        "cgroups": frozenset(_cgroups()),
        "processes in other namespaces": frozenset(_strangers(others)),
        "settings": frozenset(_settings()),
    }


def left(before: Mapping[str, frozenset[str]], after: Mapping[str, frozenset[str]]) -> list[str]:
    """What came or went, in words; empty for a machine as before."""
    return [
        f"{what}: {sign} {line}"
        for what in before
        for sign, lines in (("+", after[what] - before[what]), ("-", before[what] - after[what]))
        for line in sorted(lines)
    ]


def _lines(*command: str) -> frozenset[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return frozenset(line.strip() for line in done.stdout.splitlines())


def _cgroups() -> Iterator[str]:
    for hierarchy in janitor.hierarchies():
        for folder in hierarchy.iterdir():
            if folder.is_dir():
                yield str(folder)


def _strangers(others: Collection[int]) -> Iterator[str]:
    """Processes in other namespaces than ours; they are what a box is made of."""
    ours = _namespaces("self")
    theirs_already = {spaces[1] for pid in others if (spaces := _namespaces(str(pid)))}
    for home in Path("/proc").glob("[0-9]*"):
        theirs, command = _namespaces(home.name), _content(home / "cmdline")
        if theirs and theirs != ours and command and theirs[1] not in theirs_already and not _descends(home, others):
            yield f"{home.name} {command.replace(bytes(1), b' ').decode(errors='replace')[:200]}"


def _namespaces(pid: str) -> list[str]:
    """Of a process; empty where it has ended, or is the kernel's own."""
    try:
        return [str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for kind in ("net", "mnt", "pid")]
    except OSError:
        return []


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def _descends(home: Path, others: Collection[int]) -> bool:
    """Whether a process is one of these, or came from one; orphans of a box are its first process's children."""
    while home.name not in ("", "0", "1"):
        if int(home.name) in others:
            return True
        home = home.parent / _field(home, "PPid")
    return False


def _field(home: Path, name: str) -> str:
    """A line of a process's status; empty where the process has ended."""
    try:
        lines = (home / "status").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:")), "")


def _settings() -> Iterable[str]:
    names = ("net/ipv4/ip_forward", "net/ipv4/conf/all/rp_filter", "kernel/hostname")
    return (f"{name} = {Path('/proc/sys', name).read_text().strip()}" for name in names)
