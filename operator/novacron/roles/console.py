"""What the commands a person types share: exit codes, failing with one clear line, options. Imports click alone."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click

from novacron.core import labels

REFUSED, BAD_INPUT, UNREACHABLE, DEFECT, INTERRUPTED = 1, 2, 3, 70, 130
"""Exit codes: the answer is no; wrong usage or bad input; a component could not be reached.

Beyond them: 70 for a defect of ours (EX_SOFTWARE of sysexits.h), 130 after Ctrl-C, as shells have it.
"""
OLDEST_SERVER = (1, 31)
"""The first version of Kubernetes that is supported."""
NAMESPACE_RULE = "at most 63 of a-z, 0-9 and -, beginning and ending with a letter or digit"


def fail(code: int, message: str) -> NoReturn:
    """Ends the process with one line, however many the message has."""
    click.echo(f"novacron: {' '.join(message.split())}", err=True)
    sys.exit(code)


@contextmanager
def printing() -> Iterator[None]:
    """Around what writes to standard output; ends the process with one line where that takes nothing."""
    if sys.stdout is None:
        fail(BAD_INPUT, "standard output is closed; write to a file or a pipe")
    try:
        yield
    except BrokenPipeError:  # whoever read it wants no more of it
        sys.exit(REFUSED)
    except OSError as error:
        fail(BAD_INPUT, f"standard output: {error.strerror}; write to a file or a pipe that has room")


def is_namespace(text: str) -> bool:
    """Whether it is a DNS label (RFC 1123), as names of namespaces are."""
    return re.fullmatch("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", text) is not None


def checked_namespace(_context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Callback of options that take a namespace; the default may be empty."""
    if value != parameter.default and not is_namespace(value):
        raise click.BadParameter(f"{value!r} cannot name a namespace; use {NAMESPACE_RULE}")
    return value


namespace = click.option("-n", "--namespace", default="", callback=checked_namespace, help="Default: the context's.")
operator_namespace = click.option(
    "--operator-namespace",
    default=labels.OPERATOR_NAMESPACE,
    show_default=True,
    callback=checked_namespace,
    help="Where the operator runs.",
)
file = click.option("-f", "--file", "path", required=True, help="File with a NovaCron; - for standard input.")
output = click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
