"""What lives outside and is only reached: PostgreSQL and Redis. No credentials here; see credentials.py."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from novacron.api.v1alpha1.base import Model
from novacron.api.v1alpha1.native import NetworkPolicyPeers
from novacron.api.v1alpha1.rules import between, matching
from novacron.api.v1alpha1.scalars import Bool, Cidrs, Host, Int, Port

HostName = Annotated[Host, Field(description="Name or address of the server, without scheme, port or path. Required.")]
Networks = Annotated[
    Cidrs,
    Field(
        description="Networks (CIDR) in which the host lives, for the NetworkPolicy, which knows no names; neither"
        " 0.0.0.0/0 nor ::/0. With neither cidrs nor peers the edge stays closed and a condition says so."
    ),
]
Peers = Annotated[
    NetworkPolicyPeers,
    Field(description="NetworkPolicyPeers of a host that runs in the cluster; in addition to cidrs."),
]


class Database(Model):
    """The PostgreSQL that auth and query use. The login comes from spec.secrets."""

    host: HostName
    port: Annotated[Port, Field(description="TCP port.")] = 5432
    name: Annotated[
        str,
        Field(max_length=63, description="Name of the database."),
        matching(
            r"[A-Za-z_][-A-Za-z0-9_$]{0,62}",
            "must be the name of a database: a letter or _, then letters, digits, _, - and $; no URL",
        ),
    ] = "novacron"
    # `require` encrypts without verifying who answers, so the default is verify-full
    ssl_mode: Annotated[
        Literal["verify-full", "verify-ca", "require", "disable"],
        Field(
            description="How the server is verified (libpq sslmode). verify-full checks certificate and host name;"
            " `require` verifies neither. Production accepts verify-full and verify-ca only."
        ),
    ] = "verify-full"
    migrate: Annotated[
        Bool,
        Field(
            description="Whether a Job brings the schemas forward before each rollout. false: nobody does, and the"
            " condition SchemaCurrent says what is missing."
        ),
    ] = True
    # a fixed number for each pod would exceed what PostgreSQL allows as soon as there are many pods
    connection_budget: Annotated[
        Int,
        Field(
            description="Most connections that all pods together may hold, in connections; 4 of them are kept for"
            " migration and upkeep. A pod of auth or query gets floor((connectionBudget - 4) / sum of 2 x most"
            " replicas), at least 2."
        ),
        between(8, 100000, "what PostgreSQL's max_connections leaves for NovaCron"),
    ] = 200
    cidrs: Networks = ()
    peers: Peers = ()


class Redis(Model):
    """The Redis that api, auth and query use. The password comes from spec.secrets."""

    host: HostName
    port: Annotated[Port, Field(description="TCP port.")] = 6379
    tls: Annotated[Bool, Field(description="Whether the connection is encrypted; production requires it.")] = True
    cidrs: Networks = ()
    peers: Peers = ()
