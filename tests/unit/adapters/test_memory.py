"""What the kernel counts of memory, in folders as cgroup v1 and v2 write them, and of this very process."""

from __future__ import annotations

import mmap
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from novacron.adapters import memory
from novacron.adapters.memory import Container

_V1_MOUNT = "35 31 0:32 {root} /cg/memory rw,relatime shared:7 - cgroup cgroup rw,memory"
_OTHER_MOUNT = "32 31 0:29 / /cg/cpu rw,relatime - cgroup cgroup rw,cpu"
_V2_MOUNT = "41 31 0:38 {root} /cg rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"
_NO_LIMIT = "9223372036854771712\n"
_STAT_V2 = "anon 5000\nfile 3000\ninactive_file 1000\nactive_file 2000\nslab_reclaimable 500\nshmem 40\n"
_STAT_V1 = "cache 9\ninactive_file 1\nactive_file 1\ntotal_inactive_file 1000\ntotal_active_file 2000\n"


def _container(home: Path, cgroup: str, mounts: str, files: Mapping[str, str]) -> Container:
    process = home / "proc"
    process.mkdir()
    (process / "cgroup").write_text(cgroup)
    (process / "mountinfo").write_text(mounts + "\n")
    for name, content in files.items():
        (home / "cg" / name).parent.mkdir(parents=True, exist_ok=True)
        (home / "cg" / name).write_text(content)
    return Container(process, home)


def _v2(home: Path, files: Mapping[str, str], path: str = "/", root: str = "/") -> Container:
    return _container(home, f"0::{path}\n", _V2_MOUNT.format(root=root), files)


def _v1(home: Path, files: Mapping[str, str], path: str = "/", root: str = "/") -> Container:
    cgroup = f"9:name=systemd:/\n4:memory:{path}\n1:cpu,cpuacct:/elsewhere\n0::/\n"
    mounts = "\n".join((_OTHER_MOUNT, _V1_MOUNT.format(root=root), _V2_MOUNT.format(root="/")))
    return _container(home, cgroup, mounts, files)


def test_in_a_container_of_v2_its_own_cgroup_is_at_the_top(tmp_path: Path) -> None:
    files = {"memory.max": "134217728\n", "memory.current": "9000\n", "memory.stat": _STAT_V2}
    found = _v2(tmp_path, files)
    assert (found.limit(), found.usage(), found.used()) == (134217728, 9000, 9000 - 3500)


def test_in_a_container_of_v1_without_a_namespace_its_cgroup_has_its_whole_name(tmp_path: Path) -> None:
    files = {
        "memory/memory.limit_in_bytes": "134217728\n",
        "memory/memory.usage_in_bytes": "9000\n",
        "memory/memory.stat": _STAT_V1,
    }
    found = _v1(tmp_path, files, path="/kubepods/pod1/c1", root="/kubepods/pod1/c1")
    assert (found.limit(), found.usage(), found.used()) == (134217728, 9000, 6000)


@pytest.mark.parametrize(
    ("limits", "expected", "usage"),
    [
        ({"a/b": "300\n", "a": "200\n", ".": "max\n"}, 200, 20),
        ({"a/b": "100\n", "a": "200\n", ".": "max\n"}, 100, 10),
        ({"a/b": "max\n", "a": "max\n"}, None, 10),
    ],
    ids=["the pod's", "the container's", "none"],
)
def test_the_smallest_limit_counts_with_the_usage_of_the_same_cgroup(
    tmp_path: Path, limits: Mapping[str, str], expected: int | None, usage: int
) -> None:
    files = {f"{folder}/memory.max": text for folder, text in limits.items()}
    files |= {"a/b/memory.current": "10\n", "a/memory.current": "20\n"}
    found = _v2(tmp_path, files, path="/a/b")
    assert (found.limit(), found.usage(), found.used()) == (expected, usage, usage)


def test_v1_has_no_limit_where_it_names_the_largest_number_of_pages(tmp_path: Path) -> None:
    files = {"memory/a/memory.limit_in_bytes": _NO_LIMIT, "memory/memory.limit_in_bytes": _NO_LIMIT}
    assert _v1(tmp_path, files, path="/a").limit() is None


@pytest.mark.parametrize("path", ["/../other", "/gone"], ids=["outside of the namespace", "not mounted here"])
def test_what_cannot_be_seen_leaves_the_top(tmp_path: Path, path: str) -> None:
    assert _v2(tmp_path, {"memory.max": "77\n"}, path=path).limit() == 77


def test_pages_of_files_above_the_usage_make_nothing_negative(tmp_path: Path) -> None:
    """The two files are not of the same moment."""
    assert _v2(tmp_path, {"memory.current": "10\n", "memory.stat": _STAT_V2}).used() == 0


def test_where_nobody_counts_nothing_is_known(tmp_path: Path) -> None:
    found = Container(tmp_path / "none", tmp_path)
    assert (found.limit(), found.usage(), found.used()) == (None, None, None)


def test_of_this_process() -> None:
    assert 1 << 20 < memory.resident() < 1 << 40
    assert memory.used() > 0


def test_what_was_just_written_is_resident() -> None:
    before = memory.resident()
    with mmap.mmap(-1, 64 << 20) as held:
        held.write(b"x" * len(held))
        assert memory.resident() - before > 50 << 20


def test_trimming_gives_back_what_lies_between_what_is_still_in_use() -> None:
    blocks = [bytes(100_000) for _ in range(600)]
    kept = blocks[::20]
    del blocks
    before = memory.resident()
    assert memory.trim()
    assert before - memory.resident() > 30 << 20
    assert len(kept) == 30


_CHUNKS = """
import resource, sys
from novacron.adapters import memory
if sys.argv[1:]:
    assert memory.keep()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(200):
    chunk = [bytes(500_000) for _ in range(4)]
    del chunk
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
resident = memory.resident()
memory.trim()
print(faults, resident - memory.resident())
"""


def test_free_memory_is_kept_from_chunk_to_chunk_until_it_is_trimmed() -> None:
    (often, _), (seldom, given_back) = (
        map(int, subprocess.run([sys.executable, "-c", _CHUNKS, *kept], capture_output=True, check=True).stdout.split())
        for kept in ([], ["keep"])
    )
    assert seldom * 10 < often
    assert given_back > 1_500_000
