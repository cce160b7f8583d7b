"""The spec of a NovaCron: everything that its administrators decide."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from novacron.api.v1alpha1.api import ApiWorkload
from novacron.api.v1alpha1.auth import AuthWorkload
from novacron.api.v1alpha1.base import Model
from novacron.api.v1alpha1.credentials import Secrets
from novacron.api.v1alpha1.crossing import SPEC_RULES
from novacron.api.v1alpha1.datastores import Database, Redis
from novacron.api.v1alpha1.governance import Governance
from novacron.api.v1alpha1.ml import MlWorkload
from novacron.api.v1alpha1.query import QueryWorkload
from novacron.api.v1alpha1.rules import Rule, matching
from novacron.api.v1alpha1.surroundings import ImageDefaults, Monitoring, Security, ServiceAccount
from novacron.api.v1alpha1.traffic import Exposure, NetworkPolicies
from novacron.api.v1alpha1.workload import Workload


class NovaCronSpec(Model):
    """What this NovaCron shall be."""

    rules: ClassVar[tuple[Rule[NovaCronSpec], ...]] = SPEC_RULES

    version: Annotated[
        str,
        Field(
            max_length=63,
            description="Version, at most 63 characters. Tag of every workload image that names neither tag nor digest,"
            " and label app.kubernetes.io/version. Required.",
        ),
        matching(
            "[A-Za-z0-9](?:[-A-Za-z0-9._]*[A-Za-z0-9])?",
            "must be 1 to 63 letters, digits, -, _ and ., with a letter or digit at both ends, e.g. v10.0.0",
        ),
    ]
    environment: Annotated[
        Literal["production", "staging", "development"],
        Field(
            description="Production refuses fewer than 2 replicas of a workload, sslMode require and disable, and Redis"
            " without TLS."
        ),
    ] = "production"
    image: Annotated[ImageDefaults, Field(description="What every image shares.")] = ImageDefaults()
    database: Annotated[Database, Field(description="The PostgreSQL that auth and query use. Required.")]
    redis: Annotated[Redis, Field(description="The Redis that api, auth and query use. Required.")]
    secrets: Annotated[Secrets, Field(description="Where credentials come from.")] = Secrets()
    exposure: Annotated[Exposure, Field(description="How clients outside the cluster reach api.")] = Exposure()
    network_policy: Annotated[NetworkPolicies, Field(description="Which edges are open.")] = NetworkPolicies()
    governance: Annotated[Governance, Field(description="Bounds of the namespace.")] = Governance()
    monitoring: Annotated[Monitoring, Field(description="What Prometheus and Grafana get.")] = Monitoring()
    security: Annotated[Security, Field(description="Hardening that depends on the nodes' runtime.")] = Security()
    service_account: Annotated[ServiceAccount, Field(description="The workloads' service accounts.")] = ServiceAccount()
    api: Annotated[ApiWorkload, Field(description="Workload api: the public HTTP interface.")] = ApiWorkload()
    auth: Annotated[AuthWorkload, Field(description="Workload auth: logins, tokens, sessions.")] = AuthWorkload()
    query: Annotated[QueryWorkload, Field(description="Workload query: users, metrics, dashboard.")] = QueryWorkload()
    ml: Annotated[MlWorkload, Field(description="Workload ml: features in bounded memory.")] = MlWorkload()

    @property
    def workloads(self) -> dict[str, Workload]:
        """The four workloads by component name, in the order in which they are shown; disabled ones included."""
        return {"api": self.api, "auth": self.auth, "query": self.query, "ml": self.ml}

    @property
    def schemas(self) -> tuple[str, ...]:
        """Schemas of the database that enabled workloads use; each is called like its workload."""
        return tuple(name for name in ("auth", "query") if self.workloads[name].enabled)

    @property
    def migrates(self) -> bool:
        """Whether Jobs of ours bring the schemas forward and keep them."""
        return self.database.migrate and bool(self.schemas)
