"""``novacron token verify``: why a token is refused, by the same validator that the workloads use; offline."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from novacron.core import duration
from novacron.roles.console import BAD_INPUT, REFUSED, fail, printing

if TYPE_CHECKING:
    from novacron.auth.domain.key_set import KeySet
    from novacron.auth.domain.token import Validator

_SKIPPED_AT_ONCE = 64 * 1024


class _Duration(click.ParamType[Any]):
    """As in the resource: ``30s``, ``24h``; in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return duration.seconds(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Epoch(click.ParamType[Any]):
    """Seconds since 1970, with a fraction or without."""

    name = "epoch"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            moment = float(value)
        except ValueError:
            moment = math.nan
        if not math.isfinite(moment):
            self.fail(f"{value!r} is no time; write seconds since 1970, as date +%s prints them", param, ctx)
        return moment


@click.group(no_args_is_help=False)
def token() -> None:
    """Look into access tokens."""


@token.command()
@click.option("--jwks", required=True, type=click.Path(path_type=Path), help="File with the public keys (RFC 7517).")
@click.option("--issuer", required=True, help="What claim iss must be.")
@click.option("--audience", required=True, help="What claim aud must hold.")
@click.option("--clock-skew", type=_Duration(), default="30s", show_default=True, help="How far clocks may differ.")
@click.option("--max-age", type=_Duration(), default="24h", show_default=True, help="Greatest age, by claim iat.")
@click.option("--min-key-size", type=click.IntRange(2048, 8192), default=2048, show_default=True, help="Bits.")
@click.option(
    "--now", type=_Epoch(), help="Judge as of this time, in seconds since 1970. Default: each when it is read."
)
@click.argument("path", metavar="[FILE|-]", default="-")
def verify(
    jwks: Path,
    issuer: str,
    audience: str,
    clock_skew: int,
    max_age: int,
    min_key_size: int,
    now: float | None,
    path: str,
) -> int:
    """Say for each token whether the workloads accept it, and if not, why.

    One token a line in, one JSON line out. Exactly one line feed separates tokens; nothing else is trimmed. The exit
    code is 1 if any was refused. Codes of refusals: docs/reference.md.

    \b
    Example: kubectl get configmap novacron-jwks -o 'go-template={{index .data "jwks.json"}}' > jwks.json
             novacron token verify --jwks jwks.json --issuer novacron-auth-service --audience novacron-api token.txt
    """
    from novacron.auth.domain.token import TokenRules, Validator

    rules = TokenRules(issuer, audience, clock_skew, max_age)
    validator = Validator(_keys(jwks, min_key_size), rules)
    with _opened(path) as source:
        return REFUSED if _refused_any(source, validator, now) else 0


def _keys(path: Path, min_bits: int) -> KeySet:
    from novacron.auth.domain.key_set import InvalidKeySet, KeySet

    try:
        return KeySet.parse(path.read_bytes(), min_bits)
    except OSError as error:
        fail(BAD_INPUT, f"--jwks {path}: {error.strerror}; name a file that can be read")
    except InvalidKeySet as error:
        fail(BAD_INPUT, f"--jwks {path}: {error}")


def _opened(path: str) -> BinaryIO:
    if path == "-":
        if sys.stdin is None:
            fail(BAD_INPUT, "-: standard input is closed; pipe tokens into it, or name a file")
        return sys.stdin.buffer
    try:
        return Path(path).open("rb")
    except OSError as error:
        fail(BAD_INPUT, f"{path}: {error.strerror}; name a file that can be read, or - for standard input")


def _refused_any(source: BinaryIO, validator: Validator, now: float | None) -> bool:
    """Answers each line at once, so that a program may ask and wait for the answer."""
    from novacron.adapters import clock

    refused = False
    for line in _lines(source):
        accepted, answer = _answer(line, validator, clock.now().timestamp() if now is None else now)
        refused |= not accepted
        with printing():
            try:
                sys.stdout.buffer.write(answer + b"\n")
                sys.stdout.buffer.flush()
            except BrokenPipeError:  # the reader has seen enough; what is buffered must not raise again at the end
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                break
    return refused


def _lines(source: BinaryIO) -> Iterator[bytes]:
    """Lines without their line feed, each cut where it is too long for a token: a line may be larger than memory."""
    from novacron.auth.domain.jws import MAX_TOKEN

    while line := source.readline(MAX_TOKEN + 1):
        if line.endswith(b"\n"):
            yield line[:-1]
            continue
        if len(line) > MAX_TOKEN:
            while (rest := source.readline(_SKIPPED_AT_ONCE)) and not rest.endswith(b"\n"):
                pass
        yield line


def _answer(line: bytes, validator: Validator, now: float) -> tuple[bool, bytes]:
    import orjson

    from novacron.auth.domain.refusal import TokenRefused

    try:
        claims = validator.validate(line, now)
    except TokenRefused as error:
        return False, orjson.dumps({"ok": False, "code": error.code, "message": str(error)})
    return True, orjson.dumps({"ok": True, "claims": claims.document})
