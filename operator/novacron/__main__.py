"""``novacron ROLE``: imports the module of that role and no other, so that each starts fast and stays small."""

from __future__ import annotations

import importlib

import click

_COMMANDS = {
    "crd": ("novacron.roles.render", "print_definition", "Print the CustomResourceDefinition."),
    "render": ("novacron.roles.render", "render", "Print every manifest that the operator would apply; offline."),
    "diff": ("novacron.roles.diff", "diff", "Show what applying a resource would change in the cluster."),
    "status": ("novacron.roles.report", "status", "Show conditions, workloads and what to do next."),
    "doctor": ("novacron.roles.doctor", "doctor", "Check neighbours, versions and rights of the cluster."),
    "run": ("novacron.roles.run", "run", "Run the operator."),
}


class _Roles(click.Group):
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


@click.command(cls=_Roles, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="novacron")
def main() -> None:
    """NovaCron on Kubernetes: the operator and the commands around it.

    Example: novacron render -f manifests/samples/minimal.yaml | kubectl diff --server-side -f -
    """


if __name__ == "__main__":
    main(prog_name="novacron")
