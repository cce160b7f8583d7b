"""``novacron crd`` and ``novacron render``: offline, from the same models and builders that the operator uses."""

from __future__ import annotations

import re

import click

from novacron.core.capabilities import CUSTOM_METRICS, NEIGHBOURS, Capabilities, having
from novacron.core.manifest import Manifest
from novacron.roles import console
from novacron.roles.console import BAD_INPUT, OLDEST_SERVER, fail

_output = click.option("-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)


@click.command(name="crd")
@_output
def print_definition(output: str) -> None:
    """Print the CustomResourceDefinition.

    \b
    Example: novacron crd | kubectl apply --server-side -f -
    """
    from novacron.api.v1alpha1.crd import crd_yaml, custom_resource_definition

    if output == "json":
        _print_json(custom_resource_definition())
    else:
        with console.printing():
            click.echo(crd_yaml(), nl=False)


@click.command()
@console.file
@click.option("--server-version", default="1.36", show_default=True, help="Kubernetes version of the cluster.")
@console.operator_namespace
@click.option(
    "--have",
    default=",".join(NEIGHBOURS),
    show_default=True,
    help=f"Neighbours of the cluster: {', '.join((*NEIGHBOURS, CUSTOM_METRICS))}; empty for none.",
)
@_output
def render(path: str, server_version: str, operator_namespace: str, have: str, output: str) -> None:
    """Print every manifest that the operator would apply, sorted by kind and name; offline. JSON is one List.

    It equals what is applied, but for the data of <name>-jwks and learned values, which are cluster state.

    \b
    Example: novacron render -f manifests/samples/minimal.yaml --have external-secrets
    """
    import yaml

    from novacron.roles.given import resource
    from novacron.stack.desired import wanted

    capabilities = _described(server_version, have, operator_namespace)
    _body, parsed = resource(path)
    manifests = sorted(
        wanted(parsed, capabilities).manifests, key=lambda item: (item["kind"], item["metadata"]["name"])
    )
    if output == "json":
        _print_json({"apiVersion": "v1", "kind": "List", "items": manifests})
    else:
        with console.printing():
            click.echo(yaml.dump_all(manifests, Dumper=yaml.CSafeDumper, sort_keys=True), nl=False)


def _described(server_version: str, have: str, operator_namespace: str) -> Capabilities:
    """The cluster of the options; ends the process where there is no such cluster."""
    names = [name.strip() for name in have.split(",")]
    try:
        return having([name for name in names if name], _version(server_version), operator_namespace)
    except ValueError as error:
        fail(BAD_INPUT, str(error))


def _version(text: str) -> tuple[int, int]:
    """Major and minor of ``1.36``, ``v1.36.3`` or ``1.36.3-vendor.1``."""
    found = re.fullmatch(r"v?([0-9]{1,3})\.([0-9]{1,3})([.+-][0-9A-Za-z.+-]*)?", text)
    if found is None:
        fail(BAD_INPUT, f"--server-version {text}: not a version; write e.g. 1.36")
    version = int(found[1]), int(found[2])
    if version < OLDEST_SERVER:
        oldest = ".".join(map(str, OLDEST_SERVER))
        fail(BAD_INPUT, f"--server-version {text}: supported from {oldest} on; name a newer one, e.g. 1.36")
    return version


def _print_json(manifest: Manifest) -> None:
    import orjson

    with console.printing():
        click.echo(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
