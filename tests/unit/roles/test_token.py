"""``novacron token verify``: one answer for each line, and what it ends with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from click.testing import CliRunner

from novacron.__main__ import main
from novacron.auth.domain.jws import MAX_TOKEN
from novacron.auth.domain.refusal import CODES
from tests.support.tokens import AUDIENCE, ISSUER, NOW, claims, key_set_document, signed, signing_key
from tests.unit.roles.command import refused

Arguments = Callable[..., list[str]]


@pytest.fixture
def arguments(tmp_path: Path) -> Arguments:
    """A right command line; options that are given stand for the usual ones."""
    jwks = tmp_path / "jwks.json"
    jwks.write_bytes(key_set_document(signing_key()))

    def made(*more: str, **options: str) -> list[str]:
        usual = {"jwks": str(jwks), "issuer": ISSUER, "audience": AUDIENCE, "now": str(NOW)}
        given = usual | {name.replace("_", "-"): value for name, value in options.items()}
        return ["token", "verify", *(f"--{name}={value}" for name, value in given.items()), *more]

    return made


def answers(command: list[str], given: bytes = b"") -> tuple[int, list[dict[str, Any]]]:
    done = CliRunner().invoke(main, command, input=given)
    assert done.stderr == ""
    return done.exit_code, [json.loads(line) for line in done.stdout_bytes.splitlines()]


def codes(found: list[dict[str, Any]]) -> list[str]:
    return ["" if answer["ok"] else answer["code"] for answer in found]


def test_an_accepted_token_shows_its_claims(arguments: Arguments) -> None:
    assert answers(arguments(), signed()) == (0, [{"ok": True, "claims": claims()}])


def test_a_refused_token_shows_the_reason(arguments: Arguments) -> None:
    message = f"exp: {CODES['expired']}"
    assert answers(arguments(), signed(claims(exp=1))) == (1, [{"ok": False, "code": "expired", "message": message}])


def test_a_line_is_a_token_and_nothing_is_trimmed(arguments: Arguments) -> None:
    token = signed()
    lines = [
        token,
        b"",
        token + b"\r",
        b" " + token,
        token + b" ",
        b"\xff\xfe",
        token.replace(b".", b"\x0b"),
        b"\0",
        token,
    ]
    code, found = answers(arguments(), b"\n".join(lines))
    assert code == 1
    assert codes(found) == ["", "not_compact", *["bad_character"] * 6, ""]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (b"", []),
        (b"\n", ["not_compact"]),
        (b"\n\n", ["not_compact"] * 2),
        (b"x", ["not_compact"]),
        (b"x\n", ["not_compact"]),
        (b"x\n\n", ["not_compact"] * 2),
        (b"\nx", ["not_compact"] * 2),
        (b"x\r\n", ["bad_character"]),
    ],
)
def test_exactly_one_line_feed_separates(given: bytes, expected: list[str], arguments: Arguments) -> None:
    code, found = answers(arguments(), given)
    assert (code, codes(found)) == (1 if expected else 0, expected)


@pytest.mark.parametrize("length", [MAX_TOKEN - 1, MAX_TOKEN, MAX_TOKEN + 1, MAX_TOKEN + 2, 3 * MAX_TOKEN, 10**6])
def test_a_line_of_any_length_gets_one_answer(length: int, arguments: Arguments) -> None:
    _code, found = answers(arguments(), b"A" * length + b"\n" + signed() + b"\n" + b"A" * length)
    expected = "too_large" if length > MAX_TOKEN else "not_compact"
    assert codes(found) == [expected, "", expected]


def test_reads_a_file(arguments: Arguments, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_bytes(signed() + b"\n")
    assert answers(arguments(str(tmp_path / "tokens")))[0] == 0
    assert answers(arguments("-"), signed())[0] == 0


@pytest.mark.parametrize(
    ("options", "changes", "code"),
    [
        ({"now": str(NOW + 3569)}, {}, ""),
        ({"now": f"{NOW + 3570}.5"}, {}, "expired"),
        ({"clock_skew": "0s"}, {"exp": NOW}, "expired"),
        ({"clock_skew": "5m"}, {"exp": NOW - 299}, ""),
        ({"max_age": "30s"}, {}, "too_old"),
        ({"max_age": "1m"}, {}, ""),
        ({"issuer": "other"}, {}, "issuer_refused"),
        ({"audience": "other"}, {}, "audience_refused"),
    ],
)
def test_the_options_are_the_rules(
    options: dict[str, str], changes: dict[str, Any], code: str, arguments: Arguments
) -> None:
    assert codes(answers(arguments(**options), signed(claims(**changes)))[1]) == [code]


def test_without_now_it_is_now(arguments: Arguments) -> None:
    command = [argument for argument in arguments() if not argument.startswith("--now")]
    now = int(time.time())
    given = [signed(claims(iat=now, exp=now + 600)), signed(claims(iat=now - 600, exp=now - 60))]
    assert codes(answers(command, b"\n".join(given))[1]) == ["", "expired"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"now": "nan"}, "--now"),
        ({"now": "inf"}, "--now"),
        ({"now": "today"}, "--now"),
        ({"clock_skew": "30"}, "--clock-skew"),
        ({"max_age": "-1s"}, "--max-age"),
        ({"min_key_size": "1024"}, "--min-key-size"),
        ({"jwks": "/none/jwks.json"}, "--jwks /none/jwks.json: No such file"),
    ],
)
def test_wrong_usage(options: dict[str, str], said: str, arguments: Arguments) -> None:
    assert said in refused(*arguments(**options))


@pytest.mark.parametrize("option", ["--jwks", "--issuer", "--audience"])
def test_keys_issuer_and_audience_are_required(option: str, arguments: Arguments) -> None:
    assert option in refused(*(item for item in arguments() if not item.startswith(option)))


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"", "not JSON"),
        (b'{"keys": [{"kid": "a", "kty": "EC"}]}', "keys[0] (kid 'a'): kty must be RSA"),
        (b'{"keys": [1]}', "keys[0]: must be an object"),
    ],
)
def test_a_bad_key_set(document: bytes, said: str, arguments: Arguments, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_bytes(document)
    assert said in refused(*arguments(jwks=str(tmp_path / "bad.json")), given="x")


def test_a_duplicate_kid_is_a_bad_key_set(arguments: Arguments, tmp_path: Path) -> None:
    (tmp_path / "twice.json").write_bytes(key_set_document(signing_key(), signing_key()))
    assert "an earlier key has that kid" in refused(*arguments(jwks=str(tmp_path / "twice.json")), given="x")


def test_a_file_that_is_not_there(arguments: Arguments, tmp_path: Path) -> None:
    assert "No such file" in refused(*arguments(str(tmp_path / "none")))
    assert "Is a directory" in refused(*arguments(str(tmp_path)))


def test_a_key_set_may_be_empty(arguments: Arguments, tmp_path: Path) -> None:
    (tmp_path / "none.json").write_text('{"keys": []}')
    assert codes(answers(arguments(jwks=str(tmp_path / "none.json")), signed())[1]) == ["key_unknown"]


@contextmanager
def running(command: list[str]) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes]]]:
    full = [sys.executable, "-m", "novacron", *command]
    with subprocess.Popen(full, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process, process.stdin, process.stdout
        finally:
            process.kill()


def test_a_program_may_ask_and_wait_for_the_answer(arguments: Arguments) -> None:
    with running(arguments()) as (process, asking, answering):
        for token, ok in ((signed(), True), (b"x", False), (signed(), True)):
            asking.write(token + b"\n")
            asking.flush()
            assert json.loads(answering.readline())["ok"] is ok
        asking.close()
        assert process.wait(10) == 1


@pytest.mark.parametrize(("output", "said"), [("/dev/full", "No space left on device"), ("&-", "is closed")])
def test_an_output_that_takes_nothing_is_no_defect(arguments: Arguments, output: str, said: str) -> None:
    line = ["/bin/sh", "-c", f'exec "$@" >{output}', "sh", sys.executable, "-m", "novacron", *arguments()]
    done = subprocess.run(line, input=signed(), stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert f"standard output{'' if output == '&-' else ':'} {said}".encode() in done.stderr


def test_a_line_larger_than_memory_does_not_fill_it(arguments: Arguments) -> None:
    with running(arguments()) as (process, asking, answering):
        for _ in range(200):
            asking.write(b"A" * 10**6)
        asking.write(b"\n" + signed() + b"\n")
        asking.flush()
        assert codes([json.loads(answering.readline()) for _ in range(2)]) == ["too_large", ""]
        resident = next(
            line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if line.startswith("VmHWM")
        )
        assert int(resident.split()[1]) < 80_000  # kB; the interpreter and OpenSSL take some 30,000


def test_a_reader_that_has_seen_enough_is_no_error(arguments: Arguments) -> None:
    with running(arguments()) as (process, asking, answering):
        asking.write(signed() + b"\n")
        asking.flush()
        answering.readline()
        answering.close()
        for _ in range(2):
            asking.write(signed() + b"\n")
        asking.close()
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_a_closed_standard_input(arguments: Arguments) -> None:
    command = [sys.executable, "-m", "novacron", *arguments()]
    done = subprocess.run(["/bin/sh", "-c", 'exec "$@" <&-', "sh", *command], capture_output=True, check=False)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert b"standard input is closed" in done.stderr


def test_the_command_alone_says_what_is_missing() -> None:
    assert "Missing command" in refused("token")
    assert os.linesep not in refused("token")[:-1]
