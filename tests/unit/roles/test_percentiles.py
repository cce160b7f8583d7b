"""``novacron percentiles``: what it reads, what it answers, and what it refuses."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from novacron.__main__ import main
from novacron.adapters import clock
from novacron.quantiles.values import Floats
from novacron.roles import number_source, progress

EXACT = {"rank": 0.0, "value": 0.0}


def answered(*arguments: str, given: bytes = b"") -> dict[str, Any]:
    done = CliRunner().invoke(main, ["percentiles", *arguments], input=given)
    assert (done.exit_code, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def refused(*arguments: str, given: bytes = b"") -> str:
    done = CliRunner().invoke(main, ["percentiles", *arguments], input=given)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.output
    assert done.stderr.startswith("novacron: ")
    return done.stderr


def values(found: dict[str, Any]) -> list[float]:
    return [one["value"] for one in found["percentiles"]]


def lines(numbers: Floats) -> bytes:
    return b"".join(b"%a\n" % float(one) for one in numbers)


def npy(numbers: Any, **how: Any) -> bytes:
    written = io.BytesIO()
    np.save(written, numbers, **how)
    return written.getvalue()


NUMBERS = np.random.default_rng(1).lognormal(size=200_000)


def test_one_number_a_line() -> None:
    assert answered("-p", "50,0", given=b"3\n1\n2\n") == {
        "count": 3,
        "percentiles": [
            {"percentile": 50.0, "value": 2.0, "method": "exact", "error": EXACT},
            {"percentile": 0.0, "value": 1.0, "method": "exact", "error": EXACT},
        ],
    }


@pytest.mark.parametrize(
    "given", [b"1\n2", b"1\n2\n", b"1\r\n2\r\n", b" 1 \n\t2\n", b"+1\n2.\n", b"01\n2e0\n", b"1.0\n2\n"]
)
def test_ways_to_write_numbers(given: bytes) -> None:
    assert values(answered("-p", "0,100", given=given)) == [1, 2]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (b"", "empty values slice"),
        (b"\n", "line 1: is empty"),
        (b"1\n\n2\n", "line 2: is empty"),
        (b"1\n2\n\n", "line 3: is empty"),
        (b"1\nnan\n", "line 2: 'nan' is no finite number"),
        (b"1\n-inf\n", "line 2: '-inf' is no finite number"),
        (b"1\n1e999\n", "line 2: '1e999' is no finite number"),
        (b"1\n2,3\n", "line 2: '2,3' is no finite number"),
        (b"1\n[2]\n", "line 2: '[2]' is no finite number"),
        (b"1\n[2\n3]\n", "line 2: '[2' is no finite number"),
        (b"1\ntrue\n", "line 2: 'true' is no finite number"),
        (b'1\n"2"\n', "line 2: '\"2\"' is no finite number"),
        (b"1\n1_000\n", "line 2: '1_000' is no finite number"),
        (b"1\n0x10\n", "line 2: '0x10' is no finite number"),
        (b"1\n2 3\n", "line 2: '2 3' is no finite number"),
        (b"1\n\xff\n", "line 2: "),
        (b"time\n1\n", "line 1: 'time' is no finite number"),
        (b"1\n" * 700_000 + b"x\n", "line 700001: 'x' is no finite number"),
        (b"1\n" + b"7" * 2_000_000, "line 2: is longer than any number"),
    ],
)
def test_lines_that_are_no_numbers_are_named(given: bytes, said: str) -> None:
    assert f"-: {said}" in refused("-p", "50", given=given)


def test_a_line_may_be_cut_anywhere_by_what_is_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = NUMBERS[:500]
    for size in (1, 7, 64, 1000):
        monkeypatch.setattr(number_source, "_BLOCK", size)
        found = answered("-p", "0,50,99.9,100", given=lines(numbers))
        assert (found["count"], values(found)) == (500, list(np.percentile(numbers, [0, 50, 99.9, 100])))


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", "<i2", "<u8"])
@pytest.mark.parametrize("way", ["file", "pipe"])
def test_an_array(dtype: str, way: str, tmp_path: Path) -> None:
    numbers = (NUMBERS * 100).astype(dtype)
    (tmp_path / "numbers.npy").write_bytes(npy(numbers))
    given = [str(tmp_path / "numbers.npy")] if way == "file" else []
    for budget in ("80MB", "1MB"):
        found = answered("-p", "0,50,99.9", "--max-memory", budget, *given, given=npy(numbers))
        assert found["count"] == len(numbers)
        if way == "file" or budget == "80MB":
            assert values(found) == list(np.percentile(numbers.astype(np.float64), [0, 50, 99.9]))
        else:
            assert found["percentiles"][1]["method"] == "kll"


@pytest.mark.parametrize("method", ["kll", "req", "ddsketch"])
@pytest.mark.parametrize("way", ["file", "array", "pipe"])
def test_a_sketch_when_asked(method: str, way: str, tmp_path: Path) -> None:
    (tmp_path / "numbers").write_bytes(npy(NUMBERS) if way == "array" else lines(NUMBERS))
    given = [] if way == "pipe" else [str(tmp_path / "numbers")]
    found = answered("-p", "0,50,99.9,100", "--method", method, *given, given=lines(NUMBERS))
    low, middle, _, high = found["percentiles"]
    assert (low["value"], high["value"]) == (NUMBERS.min(), NUMBERS.max())
    assert (low["error"], middle["method"]) == (EXACT, method)
    assert max(middle["error"].values()) > 0
    assert middle["value"] == pytest.approx(np.median(NUMBERS), rel=0.03)


def test_what_comes_through_a_pipe_and_does_not_fit() -> None:
    given = lines(NUMBERS)
    assert {one["method"] for one in answered("-p", "50,99", "--max-memory", "1MB", given=given)["percentiles"]} == {
        "kll"
    }
    said = refused("-p", "50", "--max-memory", "1MB", "--method", "exact", given=given)
    assert "more than 125000 numbers do not fit into 1000000 bytes; allow more memory, or ask for a sketch" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (npy(np.zeros((2, 2))), "2 dimensions"),
        (npy(np.array(1.0)), "0 dimensions"),
        (npy(np.array(["x"])), "the array is of <U1"),
        (npy(np.array([True])), "the array is of bool"),
        (npy(np.array([None]), allow_pickle=True), ""),
        (npy(np.zeros(3, [("a", "f8")])), ""),
        (npy(np.array([])), ""),
        (npy(np.array([1, np.nan])), "values[1] is NaN"),
        (npy(np.arange(100.0))[:-3], ""),
        (npy(np.arange(100.0))[:9], "cut off|is no array"),
        (b"\x93NUMPY\x01\x00\x05\x00hello", "is no array"),
        (b"\x93NUMPY\x09\x00\x05\x00hello", "is no array"),
    ],
)
@pytest.mark.parametrize("way", ["file", "pipe"])
def test_arrays_that_are_refused(content: bytes, said: str, way: str, tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    given = [str(tmp_path / "a.npy")] if way == "file" else []
    found = refused("-p", "50", *given, given=content)
    assert "; " in found, "a remedy"
    assert any(one in found for one in said.split("|")) or way == "file"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing option '-p'"),
        (["-p", ""], "'' is no list of numbers"),
        (["-p", "50,x"], "is no list of numbers"),
        (["-p", "101"], "--percentiles: percentiles[0]: invalid percentile: 101.000000 (must be 0-100)"),
        (["-p", "50,nan"], "--percentiles: percentiles[1]: invalid percentile: nan (must be 0-100)"),
        (["-p", "50", "--method", "tdigest"], "--method"),
        (["-p", "50", "--max-memory", "much"], "is no size from 1MB on"),
        (["-p", "50", "--max-memory", "1kB"], "is no size from 1MB on"),
        (["-p", "50", "/none/numbers"], "/none/numbers: No such file or directory; name a file"),
        (["-p", "50", "/"], "/: Is a directory; name a file"),
    ],
)
def test_wrong_usage(arguments: Sequence[str], said: str) -> None:
    assert said in refused(*arguments, given=b"1\n")


@pytest.mark.parametrize("size", ["80MB", "64Mi", "1M", "0.5GB"])
def test_sizes(size: str) -> None:
    assert values(answered("-p", "50", "--max-memory", size, given=b"1\n")) == [1]


def test_a_closed_standard_input() -> None:
    command = [sys.executable, "-m", "novacron", "percentiles", "-p", "50"]
    done = subprocess.run(["/bin/sh", "-c", 'exec "$@" <&-', "sh", *command], capture_output=True, check=False)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert b"standard input is closed" in done.stderr


def test_progress_shows_on_a_terminal_alone_and_not_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    now = iter([0.0, 1.0, 2.5, 3.0])
    monkeypatch.setattr(clock, "monotonic", lambda: next(now))
    with os.fdopen(theirs, "w") as terminal, os.fdopen(ours, "rb", buffering=0) as shown:
        monkeypatch.setattr(sys, "stderr", terminal)
        with progress.Waiting("reading", 100) as waiting:
            waiting.at(10)
            terminal.flush()
            os.set_blocking(ours, False)
            assert shown.read(100) is None
            os.set_blocking(ours, True)
            waiting.at(50)
            seen = b""
            while b"reading" not in seen:  # a terminal gives what it has, be it half of it
                seen += shown.read(4096)
    quiet = io.StringIO()
    monkeypatch.setattr(sys, "stderr", quiet)
    monkeypatch.setattr(clock, "monotonic", iter([0.0, 10.0]).__next__)
    with progress.Waiting("reading", None) as waiting:
        waiting.at(10)
    assert quiet.getvalue() == ""


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("/dev/full", "standard output: No space left on device; write to a file or a pipe that has room"),
        ("&-", "standard output is closed; write to a file or a pipe"),
    ],
)
def test_an_output_that_takes_nothing(output: str, said: str) -> None:
    command = [sys.executable, "-m", "novacron", "percentiles", "-p", "50"]
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" >{output}', "sh", *command], input=b"1\n", stderr=subprocess.PIPE, check=False
    )
    assert (done.returncode, done.stderr.decode()) == (2, f"novacron: {said}\n")
