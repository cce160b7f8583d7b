"""What the commands that talk to a cluster share: the options of kubectl, one client, one way to fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import click

from novacron.adapters import credentials
from novacron.adapters.kube import ApiError, Failed, Kube, Unreachable
from novacron.roles.console import REFUSED, UNREACHABLE, fail

T = TypeVar("T")


def connected(kubeconfig: str, context: str, work: Callable[[Kube, str], Coroutine[Any, Any, T]]) -> T:
    """Runs ``work`` with a client and the context's namespace; ends the process where no API server answers."""

    async def main() -> T:
        found = credentials.find(kubeconfig, context)
        async with Kube(found) as kube:
            return await work(kube, found.namespace)

    try:
        return asyncio.run(main())
    except (credentials.CredentialsMissing, Failed, Unreachable) as error:
        fail(UNREACHABLE, str(error))
    except ApiError as error:
        fail(REFUSED, str(error))


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--kubeconfig`` and ``--context``, as in kubectl."""
    command = click.option("--context", default="", help="Context of the kubeconfig. Default: the current one.")(
        command
    )
    return click.option("--kubeconfig", default="", help="Path of a kubeconfig. Default: $KUBECONFIG, as in kubectl.")(
        command
    )
