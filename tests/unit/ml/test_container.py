"""The file of a state: all of it comes back, in pieces, and whatever happened to it on the way is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from novacron.ml.service.container import Container, Unreadable, written
from novacron.ml.service.output import Unwritten, output
from novacron.ml.service.records import Records
from novacron.ml.service.room import Room
from novacron.ml.service.spill import Spill
from tests.unit.ml.tables import chunk


def _made(path: Path) -> bytes:
    with written(path) as writer:
        writer.add("numbers", [b"abc", b"", b"defg"], ["a", "b"])
        writer.add("state", [])
        writer.add("numbers", (bytes([place]) * 70_000 for place in range(3)), {"x": 1.5})
    return path.read_bytes()


def _contents(container: Container) -> list[tuple[str, object, bytes]]:
    return [(part.kind, msgspec.msgpack.decode(part.note), b"".join(part.section.pieces())) for part in container.parts]


def test_sections_come_back_with_their_notes(tmp_path: Path) -> None:
    _made(tmp_path / "state")
    with Container(tmp_path / "state") as container:
        container.check()
        assert _contents(container) == [
            ("numbers", ["a", "b"], b"abcdefg"),
            ("state", None, b""),
            ("numbers", {"x": 1.5}, b"".join(bytes([place]) * 70_000 for place in range(3))),
        ]
        assert container.of("numbers") == [container.parts[0], container.parts[2]]
        assert container.of("other") == []
    assert list(tmp_path.iterdir()) == [tmp_path / "state"]


def test_sections_of_many_go_into_one_as_they_are(tmp_path: Path) -> None:
    _made(tmp_path / "one")
    with Container(tmp_path / "one") as one, Container(tmp_path / "one") as other, written(tmp_path / "all") as writer:
        for part in (*one.of("numbers"), *other.of("state")):
            writer.add(part.kind, part.section.pieces(), msgspec.Raw(part.note))
        expected = [made for made in _contents(one) if made[0] == "numbers"] + _contents(other)[1:2]
    with Container(tmp_path / "all") as container:
        container.check()
        assert _contents(container) == expected


def test_numbers_are_read_where_they_lie(tmp_path: Path) -> None:
    with Spill(Room()) as spill, written(tmp_path / "state") as writer:
        writer.add("other", [b"x" * 1001])
        spill.write(chunk({"a": [1.0, 2.0], "b": [3.0, 4.0]}))
        spill.write(chunk({"b": [5.0]}))
        records = spill.records()
        writer.add("numbers", records.section.pieces(), list(records.ids))
    with Container(tmp_path / "state") as container:
        (part,) = container.of("numbers")
        names = msgspec.msgpack.decode(part.note, type=list[str])
        read = Records(part.section, {name: place for place, name in enumerate(names)})
        table = np.hstack([one.copy() for one in read.tables(["b", "none", "a"], 2)])
    np.testing.assert_array_equal(table, [[3, 4, 5], [np.nan] * 3, [1, 2, np.nan]])


def _judged(path: Path) -> None:
    with Container(path) as container:
        container.check()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_byte_that_changed_is_found(data: st.DataObject, tmp_path: Path) -> None:
    made = bytearray(_made(tmp_path / "state"))
    place = data.draw(st.one_of(st.integers(0, len(made) - 1), st.integers(len(made) - 150, len(made) - 1)))
    made[place] ^= data.draw(st.integers(1, 255))
    (tmp_path / "state").write_bytes(made)
    with pytest.raises(Unreadable) as refused:
        _judged(tmp_path / "state")
    assert str(tmp_path / "state") in str(refused.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_that_was_cut_off_is_refused(data: st.DataObject, tmp_path: Path) -> None:
    made = _made(tmp_path / "state")
    (tmp_path / "state").write_bytes(made[: data.draw(st.integers(0, len(made) - 1))])
    with pytest.raises(Unreadable):
        _judged(tmp_path / "state")


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        (b"", "it is no state of ours; name a file of novacron features --partial"),
        (b'{"a": 1}\n', "it is no state of ours"),
        (b"NCF2" + bytes(100), "it has format 2, and this novacron knows 1 at most; merge it with the version"),
        (b"NCF1", "its end is missing: it was cut off or damaged; write it again with novacron features --partial"),
        (b"NCF1" + bytes(12) + b"\x02\0\0\0NCF1", "it has format 2, and this novacron knows 1 at most"),
        (b"NCF1\x90" + b"\1" + bytes(7) + bytes(8) + b"NCF1", "its table is not what was written"),
        (b"NCF1" + b"\xff" * 8 + bytes(4) + b"\x01\0\0\0NCF1", "its table has an impossible length"),
    ],
)
def test_what_is_no_container_is_refused_in_clear_words(contents: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(contents)
    with pytest.raises(Unreadable) as refused:
        Container(tmp_path / "state")
    assert str(refused.value).startswith(f"{tmp_path / 'state'}: {said}")


@pytest.mark.parametrize("name", ["none", "."])
def test_what_is_no_file_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"No such file|Is a directory"):
        Container(tmp_path / name)


@pytest.mark.parametrize("unnamed", [True, False])
def test_a_result_that_is_there_stays_until_the_next_is_whole(
    unnamed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the file system has files without a name, nothing else is seen meanwhile."""
    if not unnamed:
        monkeypatch.setattr(os, "O_TMPFILE", os.O_DIRECTORY)
    path = tmp_path / "result"
    path.write_bytes(b"before")

    def fails() -> None:
        with output(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails()
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (b"before", [path])
    with output(path) as file:
        file.write(b"after")
        assert path.read_bytes() == b"before"
        assert len(list(tmp_path.iterdir())) == 1 + (not unnamed)
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (b"after", [path])


def test_a_link_leads_to_the_result_and_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    link, target = tmp_path / "here" / "link", tmp_path / "there" / "target"
    target.write_bytes(b"old")
    link.symlink_to(target)
    with output(link) as file:
        file.write(b"new")
    assert (link.is_symlink(), target.read_bytes()) == (True, b"new")
    assert [*(tmp_path / "here").iterdir(), *(tmp_path / "there").iterdir()] == [link, target]


def test_a_process_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from novacron.ml.service.container import written\n"
        "with written(Path(sys.argv[1])) as writer:\n"
        "    writer.add('numbers', [bytes(1_000_000)]); print('there', flush=True); input()"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "state")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        process.send_signal(signal.SIGKILL)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["/dev/full", "{tmp}/none/state", "{tmp}"])
def test_what_cannot_be_written_is_named(path: str, tmp_path: Path) -> None:
    named = path.format(tmp=tmp_path)
    with pytest.raises(Unwritten, match=f"{named} cannot be written: .*; name a file"), written(Path(named)) as writer:
        writer.add("numbers", [bytes(100_000)])
    assert list(tmp_path.iterdir()) == []
