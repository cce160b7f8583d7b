"""``novacron ROLE``: imports the module of that role and no other, so that each starts fast and stays small."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from novacron.core.errors import NovaCronError
from novacron.roles.console import BAD_INPUT, DEFECT, INTERRUPTED, REFUSED, fail

_COMMANDS = {
    "crd": ("novacron.roles.render", "print_definition", "Print the CustomResourceDefinition."),
    "render": ("novacron.roles.render", "render", "Print every manifest that the operator would apply; offline."),
    "diff": ("novacron.roles.diff", "diff", "Show what applying a resource would change in the cluster."),
    "status": ("novacron.roles.report", "status", "Show conditions, workloads and what to do next."),
    "doctor": ("novacron.roles.doctor", "doctor", "Check neighbours, versions and rights of the cluster."),
    "token": ("novacron.roles.token", "token", "Look into access tokens: why one is refused; offline."),
    "percentiles": ("novacron.roles.percentiles", "percentiles", "Print percentiles of numbers; offline."),
    "features": ("novacron.roles.features", "features", "Print features of a table in bounded memory; offline."),
    "run": ("novacron.roles.run", "run", "Run the operator."),
    "api": ("novacron.roles.api", "api", "Run a workload: the API."),
    "auth": ("novacron.roles.auth", "auth", "Run a workload: users, sessions and tokens."),
    "query": ("novacron.roles.query", "query", "Run a workload: queries over metrics."),
    "ml": ("novacron.roles.ml", "ml", "Run a workload: feature extraction."),
    "migrate": ("novacron.roles.migrate", "migrate", "Bring the database's schemas up to date; once, forward."),
    "demo-data": ("novacron.roles.demo_data", "demo_data", "Fill the database with made-up machines and samples."),
}
_EXIT_CODES = """\b
Exit codes:
  0   fine
  1   the answer is no: refused, not ready, different
  2   wrong usage or bad input
  3   a component could not be reached
  70  a defect of novacron itself; NOVACRON_DEBUG=1 shows the traceback
  130 interrupted
"""


class _Roles(click.Group):
    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """As click's; but standalone, whatever goes wrong is one line on stderr and a documented exit code."""

        def run() -> Any:
            return super(_Roles, self).main(args, prog_name or self.name, complete_var, standalone_mode=False, **extra)

        return _guarded(run) if standalone_mode else run()

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # here, because click would print an empty line for it
            sys.exit(INTERRUPTED)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _help = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry[2]) for name, entry in _COMMANDS.items()])


def _guarded(run: Callable[[], Any]) -> NoReturn:
    """Ends the process when ``run`` has ended, in whatever way."""
    try:
        code = run()
    except click.Abort:
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        fail(BAD_INPUT, _usage(error))
    except NovaCronError as error:
        fail(BAD_INPUT, str(error))
    except Exception as error:  # noqa: BLE001 - no defect may end as exit code 1, which is an answer
        _report(error)
    finally:
        _delivered()
    sys.exit(code if isinstance(code, int) else 0)


def _delivered() -> None:
    """Ends the process where what was printed did not arrive: the interpreter, at its end, would show a traceback."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered must not raise again
        if error.__context__ is not None:  # it ends already, and has said why
            return
        if isinstance(error, BrokenPipeError):  # whoever read it wants no more of it
            sys.exit(REFUSED)
        fail(BAD_INPUT, f"standard output: {error.strerror}; write to a file or a pipe that has room")


def _usage(error: click.ClickException) -> str:
    """What is wrong with a command line, and where the right usage stands."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "novacron"
    return f"{error.format_message().rstrip('.')}; see {command} --help"


def _report(error: Exception) -> NoReturn:
    """Without the error's own text, which may hold what was given: a secret, say."""
    debug = "NOVACRON_DEBUG"
    if os.environ.get(debug):
        traceback.print_exception(error)
    package = str(Path(__file__).parent)
    last = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(package)][-1]
    place = f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
    fail(DEFECT, f"internal error: {place}; please report it, with the traceback that {debug}=1 shows")


@click.command(
    name="novacron",
    cls=_Roles,
    no_args_is_help=False,
    epilog=_EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="novacron")
def main() -> None:
    """NovaCron on Kubernetes: the operator and the commands around it.

    \b
    Example: novacron render -f manifests/samples/minimal.yaml | kubectl diff --server-side -f -
    """


if __name__ == "__main__":
    main(prog_name="novacron")
