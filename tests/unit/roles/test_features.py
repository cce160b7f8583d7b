"""``novacron features``: what it reads, what it writes, and what it refuses."""

from __future__ import annotations

import errno
import gzip
import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from novacron.__main__ import main
from novacron.ml.service.sources import opened
from novacron.roles import features
from novacron.roles.features import _Counted
from novacron.roles.progress import Waiting

_ROWS: list[dict[str, Any]] = [
    {"cpu": 1.5, "zone": "eu", "ok": True},
    {"cpu": None, "zone": "us", "ok": False},
    {"cpu": 4.5, "zone": "eu", "new": [1]},
    {"cpu": 3.0},
]
LINES = b"".join(json.dumps(row).encode() + b"\n" for row in _ROWS)


def _run(*arguments: str | Path, given: bytes = b"") -> Result:
    """With memory enough for the tests that are in the same process."""
    roomy = [] if "--max-memory" in arguments or "--help" in arguments else ["--max-memory", "8GB"]
    return CliRunner().invoke(main, ["features", *map(str, arguments), *roomy], input=given)


def answered(*arguments: str | Path, given: bytes = b"") -> dict[str, Any]:
    done = _run(*arguments, given=given)
    assert (done.exit_code, done.stderr) == (0, ""), done.output[:1000]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def refused(*arguments: str | Path, given: bytes = b"") -> str:
    done = _run(*arguments, given=given)
    assert (done.exit_code, done.stdout[:1000], done.stderr.count("\n")) == (2, "", 1), done.output[:1000]
    assert done.stderr.startswith("novacron: ")
    return done.stderr


def test_the_document() -> None:
    found = answered(given=LINES)
    assert (found["rows"], found["rejected"]) == (4, {"count": 0, "first": []})
    assert found["columns"]["cpu"] == {
        "type": "number",
        "nulls": 1,
        "absent": 0,
        "nested": 0,
        "count": 3,
        "infinite": 0,
        "beyond_2_53": 0,
        "mean": 3.0,
        "std": pytest.approx(np.std([1.5, 4.5, 3.0]), rel=1e-15),
        "min": 1.5,
        "max": 4.5,
        "median": 3.0,
        "histogram_bounds": np.percentile([1.5, 4.5, 3.0], range(0, 101, 10)).tolist(),
        "quantile_error": None,
    }
    assert found["columns"]["zone"] == {
        "type": "category",
        "nulls": 0,
        "absent": 1,
        "nested": 0,
        "count": 3,
        "distinct": 2,
        "other": 0,
        "categories": [["eu", 2], ["us", 1]],
        "count_error": None,
    }
    assert (found["columns"]["ok"]["mean"], found["columns"]["ok"]["absent"]) == (0.5, 2)
    assert found["columns"]["new"] == {"type": "empty", "nulls": 0, "absent": 3, "nested": 1}


def test_a_file_a_pipe_and_what_is_compressed_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(LINES)
    (tmp_path / "b").write_bytes(gzip.compress(LINES))
    whole = answered(given=LINES)
    assert answered(tmp_path / "a.jsonl") == whole
    assert answered(tmp_path / "b") == whole
    assert answered("--compression", "gzip", "--format", "jsonl", given=gzip.compress(LINES)) == whole
    assert answered(given=json.dumps(_ROWS).encode()) == whole


def test_the_command_knows_what_the_sources_know() -> None:
    """It lists them itself: its help must not wait for numpy."""
    assert (features.FORMATS, features.COMPRESSIONS) == (opened.FORMATS, opened.COMPRESSIONS)


def test_nothing_at_all() -> None:
    assert answered() == {"rows": 0, "rejected": {"count": 0, "first": []}, "columns": {}}


def test_lines_that_cannot_be_used_are_told_or_end_it() -> None:
    given = LINES + b"{nonsense\n"
    found = answered(given=given)
    assert found["rows"] == 4
    assert found["rejected"]["count"] == 1
    assert found["rejected"]["first"][0]["line"] == 5
    said = refused("--strict", given=given)
    assert "line 5" in said
    assert "nonsense" not in said


def test_a_table_for_eyes() -> None:
    done = _run("-o", "table", given=LINES + b"{nonsense\n")
    assert done.exit_code == 0
    assert "eu, us" in done.stdout
    assert "4 rows, 1 lines rejected" in done.stdout


def test_a_table_for_eyes_commands_no_terminal() -> None:
    given = json.dumps({"a\x1b[2J": "\x1b]0;title\x07", "b": "two\nlines\u2028\x9b", "[red]": "[/x]"}).encode()
    done = _run("-o", "table", given=given)
    assert done.exit_code == 0
    assert not any(character in done.stdout for character in "\x1b\x07\x9b\u2028")
    assert r"a\x1b[2J" in done.stdout
    assert r"two\nlines\u2028\x9b" in done.stdout
    assert "[/x]" in done.stdout


def test_the_matrix_and_the_codes(tmp_path: Path) -> None:
    matrix, codes = tmp_path / "m.npy", tmp_path / "c.npy"
    found = answered("--matrix", matrix, "--dtype", "float32", "--codes", codes, given=LINES)
    assert found["matrix"] == {"file": str(matrix), "dtype": "float32", "columns": ["cpu", "ok"]}
    assert found["codes"] == {"file": str(codes), "columns": ["zone"]}
    nan = np.nan
    expected = np.array([[1.5, 1], [nan, 0], [4.5, nan], [3.0, nan]], np.float32)
    np.testing.assert_array_equal(np.load(matrix), expected)
    np.testing.assert_array_equal(np.load(codes), [[0], [1], [0], [-1]])


def test_the_matrix_as_an_arrow_file(tmp_path: Path) -> None:
    answered("--median", "kll", "--matrix", tmp_path / "m.arrow", given=LINES)
    table = pa.ipc.open_file(tmp_path / "m.arrow").read_all()
    assert table.column_names == ["cpu", "ok"]
    assert table.num_rows == 4


def test_states_and_their_merge(tmp_path: Path) -> None:
    lines = LINES.splitlines(keepends=True)
    for place, part in enumerate((lines[:1], lines[1:3], lines[3:])):
        done = _run("--partial", tmp_path / f"{place}", given=b"".join(part))
        assert (done.exit_code, done.output) == (0, "")
    whole = answered(given=LINES)
    assert answered("merge", *(tmp_path / name for name in "201")) == whole
    assert _run("merge", tmp_path / "1", tmp_path / "0", "--partial", tmp_path / "01").exit_code == 0
    assert answered("merge", tmp_path / "01", tmp_path / "2") == whole
    answered("merge", tmp_path / "0", tmp_path / "1", tmp_path / "2", "--matrix", tmp_path / "m.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "m.npy")[:, 0], [1.5, np.nan, 4.5, 3.0])


def test_states_of_sketches_are_merged_as_such(tmp_path: Path) -> None:
    assert _run("--median", "kll", "--partial", tmp_path / "a", given=LINES).exit_code == 0
    assert answered("merge", tmp_path / "a")["columns"]["cpu"]["median"] == 3.0
    assert _run("--partial", tmp_path / "b", given=LINES).exit_code == 0
    said = refused("merge", tmp_path / "a", tmp_path / "b")
    assert f"{tmp_path / 'b'}: it was made with --median exact" in said
    said = refused("merge", tmp_path / "a", "--matrix", tmp_path / "m.npy")
    assert f"{tmp_path / 'a'} was made with --median kll and has no numbers for --matrix" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["/nowhere/at/all"], "/nowhere/at/all: No such file"),
        (["merge", "/nowhere/at/all"], "/nowhere/at/all"),
        (["merge"], "Missing argument"),
        (["--matrix", "m.txt"], "neither .npy nor .arrow"),
        (["--codes", "c.arrow"], "c.arrow is no .npy"),
        (["--partial", "a", "--codes", "c.npy"], "leave out --matrix and --codes"),
        (["--max-memory", "12"], "12' is no size"),
        (["--spill-dir", "/nowhere/at/all"], "--spill-dir"),
        (["--partial", "/nowhere/at/all"], "/nowhere/at/all cannot be written"),
        (["--format", "xml"], "xml"),
    ],
)
def test_refusals(arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in refused(*arguments, given=LINES)
    assert list(tmp_path.iterdir()) == []


def test_a_state_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    assert _run("--partial", tmp_path / "a", given=LINES).exit_code == 0
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    assert f"{tmp_path / 'b'} is {tmp_path / 'a'} once more" in refused("merge", tmp_path / "a", tmp_path / "b")


def test_a_file_that_is_no_state_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(LINES)
    assert f"{tmp_path / 'a'}: it is no state of ours" in refused("merge", tmp_path / "a")


def test_more_states_than_files_may_be_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("novacron.ml.service.container.os.open", full)
    assert "Too many open files; merge fewer at a time with --partial" in refused("merge", tmp_path / "a.state")


def test_a_state_that_is_refused_is_named_once(tmp_path: Path) -> None:
    assert refused("merge", tmp_path / "a").count(str(tmp_path / "a")) == 1


def test_two_results_never_share_a_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    same = tmp_path / "a.npy", tmp_path / "link" / "a.npy"
    assert "name one file" in refused("--matrix", same[0], "--codes", same[1], given=LINES)


def test_a_result_never_replaces_what_it_is_made_of(tmp_path: Path) -> None:
    table, link = tmp_path / "table.npy", tmp_path / "link.npy"
    table.write_bytes(LINES)
    link.symlink_to(table)
    for option in ("--partial", "--matrix", "--codes"):
        assert f"{option} names {table}, which is read" in refused(table, option, link)
    state = tmp_path / "a.state"
    assert _run(table, "--partial", state).exit_code == 0
    assert "which is read" in refused("merge", state, "--partial", state)
    assert table.read_bytes() == LINES


def test_how_much_a_named_pipe_will_give_nobody_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    totals: list[int | None] = []

    class Told(Waiting):
        def __init__(self, what: str, total: int | None) -> None:
            totals.append(total)
            super().__init__(what, total)

    monkeypatch.setattr("novacron.roles.progress.Waiting", Told)
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["/bin/sh", "-c", 'echo "{}" > "$1"', "sh", tmp_path / "pipe"]):
        assert answered(tmp_path / "pipe")["rows"] == 1
    (tmp_path / "file").write_bytes(LINES)
    answered(tmp_path / "file")
    assert [totals[0], totals[2]] == [None, len(LINES)]


def test_memory_for_arrow_is_asked_for_before_anything_is_read(tmp_path: Path) -> None:
    said = refused("--max-memory", "100MB", "--matrix", tmp_path / "m.arrow", given=LINES)
    assert "writing arrow needs 90 MB" in said


def test_too_little_memory_is_told_before_it_is_taken() -> None:
    assert "MB are in use" in refused("--max-memory", "5MB", given=LINES)


def test_help_shows_an_example_of_each() -> None:
    for arguments in (["--help"], ["merge", "--help"]):
        assert "Example: novacron features" in _run(*arguments).stdout


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("/dev/full", "standard output: No space left on device; write to a file or a pipe that has room"),
        ("&-", "standard output is closed; write to a file or a pipe"),
    ],
)
@pytest.mark.parametrize("form", ["json", "table"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_takes_nothing(output: str, said: str, form: str, unbuffered: str) -> None:
    command = [sys.executable, "-m", "novacron", "features", "-o", form]
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" >{output}', "sh", *command],
        input=LINES,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        check=False,
    )
    assert (done.returncode, done.stderr.decode()) == (2, f"novacron: {said}\n")


def test_a_pipe_that_does_not_block_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)

    def come(*_: object) -> None:
        os.write(theirs, LINES)

    monkeypatch.setattr("select.select", come)
    with os.fdopen(ours, "rb") as stream, os.fdopen(theirs, "wb"):
        assert _Counted(stream, Waiting("reading", None)).read(1000) == LINES


def test_a_reader_that_has_seen_enough() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "novacron", "features"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        assert process.communicate(LINES)[1] == b""
        assert process.returncode == 1


def test_a_bar_on_a_terminal_that_goes_away(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(LINES * 1000)
    script = (
        "import sys; from novacron.roles import progress; progress._QUIET_SECONDS = -1.0;"
        "from novacron.__main__ import main; main(['features', sys.argv[1]])"
    )
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a")], stdout=subprocess.PIPE, stderr=theirs, check=True
    )
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # the end of a terminal
        while piece := os.read(ours, 1 << 16):
            shown += piece
    os.close(ours)
    assert b"reading" in shown
    assert json.loads(done.stdout)["rows"] == 4000
