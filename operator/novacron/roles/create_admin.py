"""``novacron auth create-admin``: the first administrator of a NovaCron, who then makes all others over HTTP.

It is a platform-admin: the only rank that may manage organizations, and which belongs to none itself.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from novacron.roles import console
from novacron.roles.console import REFUSED, UNREACHABLE, fail

if TYPE_CHECKING:
    from novacron.roles.first_admin import Made

_PASSWORD_BYTES = 1024
"""Four times what the longest password has."""


@click.command("create-admin", short_help="Create the first administrator.")
@click.option("--email", required=True, help="Who logs in.")
@click.option("--organization", required=True, help="Name of the first organization; made where there is none.")
@click.option(
    "--password-file",
    type=click.File("rb"),
    help="File with a password to keep, or - for standard input; one newline at its end is not a part of it. "
    "Default: a one-time password is made up and printed.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Folder with settings.json. Default: that of novacron auth.",
)
@console.output
@click.pass_context
def create_admin(
    context: click.Context,
    email: str,
    organization: str,
    password_file: BinaryIO | None,
    config: Path | None,
    output: str,
) -> None:
    """Create the first administrator; refused where one can log in already.

    \b
    Example: kubectl exec -n novacron deploy/novacron-auth -- \\
      novacron auth create-admin --email ada@example.org --organization Example
    """
    import asyncio

    from novacron.core.dependencies import Unusable
    from novacron.roles import first_admin

    assert context.parent is not None  # noqa: S101 - it is only ever below novacron auth
    folder = config or context.parent.params["config"]
    settings = first_admin.settings(folder)
    password = None if password_file is None else _read(password_file)
    wanted = first_admin.wanted(email, organization, password)
    try:
        asyncio.run(first_admin.create(settings, wanted, lambda made: _show(made, output)))
    except first_admin.Refused as error:
        fail(REFUSED, str(error))
    except Unusable as error:
        fail(UNREACHABLE, settings.said(error))


def _read(file: BinaryIO) -> str:
    content = file.read(_PASSWORD_BYTES + 1)
    try:
        found = content.decode()
    except UnicodeDecodeError:
        found = ""
    if not found or len(content) > _PASSWORD_BYTES:
        what = f"must be UTF-8 of at most {_PASSWORD_BYTES} bytes; write a password into it, and nothing else"
        raise click.BadParameter(what, param_hint="--password-file")
    return found.removesuffix("\n").removesuffix("\r")


def _show(made: Made, output: str) -> None:
    """Ends the process where it cannot be shown."""
    if output == "json":
        import orjson

        said = [orjson.dumps(made.document()).decode()]
    else:
        said = [
            f"platform-admin {made.email} is there",
            f"organization {made.organization} has the id {made.organization_id}",
        ]
        if made.one_time_password is not None:
            said += [
                f"one-time password, shown this once: {made.one_time_password}",
                f"until {made.password_expires_at}: log in with it and a new_password, see docs/auth.md",
            ]
    with console.printing():
        sys.stdout.write("\n".join(said) + "\n")
        sys.stdout.flush()
