"""``novacron crd`` and ``novacron render``: offline, from the same models and builders that the operator uses."""

from __future__ import annotations

import click
import yaml

from novacron.core import labels
from novacron.core.capabilities import CUSTOM_METRICS, NEIGHBOURS, having
from novacron.roles.console import BAD_INPUT, fail, resource


@click.command(name="crd")
def print_definition() -> None:
    """Print the CustomResourceDefinition.

    Example: novacron crd | kubectl apply --server-side -f -
    """
    from novacron.api.v1alpha1.crd import crd_yaml

    click.echo(crd_yaml(), nl=False)


@click.command()
@click.option("-f", "--file", "path", required=True, help="File with a NovaCron; - for standard input.")
@click.option("--server-version", default="1.36", show_default=True, help="Kubernetes version of the cluster.")
@click.option(
    "--operator-namespace", default=labels.OPERATOR_NAMESPACE, show_default=True, help="Where the operator runs."
)
@click.option(
    "--have",
    default=",".join(NEIGHBOURS),
    show_default=True,
    help=f"Neighbours of the cluster: {', '.join((*NEIGHBOURS, CUSTOM_METRICS))}; empty for none.",
)
def render(path: str, server_version: str, operator_namespace: str, have: str) -> None:
    """Print every manifest that the operator would apply, sorted by kind and name; offline.

    It equals what is applied, but for the data of <name>-jwks and learned values, which are cluster state.

    Example: novacron render -f manifests/samples/minimal.yaml --have external-secrets
    """
    from novacron.stack.desired import wanted

    try:
        major, minor = (int(part) for part in server_version.removeprefix("v").split(".")[:2])
    except ValueError:
        fail(BAD_INPUT, f"--server-version {server_version}: not a version; write e.g. 1.36")
    try:
        capabilities = having([name for name in have.split(",") if name], (major, minor), operator_namespace)
    except ValueError as error:
        fail(BAD_INPUT, str(error))
    _body, parsed = resource(path)
    manifests = sorted(
        wanted(parsed, capabilities).manifests, key=lambda item: (item["kind"], item["metadata"]["name"])
    )
    click.echo(yaml.dump_all(manifests, Dumper=yaml.CSafeDumper, sort_keys=True), nl=False)
