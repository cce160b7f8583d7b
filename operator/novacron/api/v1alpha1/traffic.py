"""How clients reach api, and which namespaces the NetworkPolicies let in."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from novacron.api.v1alpha1.base import Model
from novacron.api.v1alpha1.credentials import SecretName
from novacron.api.v1alpha1.labelling import Annotations
from novacron.api.v1alpha1.rules import ListSet, Rule
from novacron.api.v1alpha1.scalars import (
    Bool,
    Namespaces,
    OptionalDnsName,
    OptionalNamespaceName,
    PublicHost,
    RoutePath,
)


class TLS(Model):
    """The certificate that clients see."""

    secret_name: Annotated[
        SecretName,
        Field(description="Secret with the certificate (Ingress only). Empty with an issuer: <name>-tls."),
    ] = ""
    issuer: Annotated[
        OptionalDnsName,
        Field(
            description="cert-manager ClusterIssuer that provides the certificate (Ingress only: a Gateway owns its"
            " listener). Empty: none."
        ),
    ] = ""


class Gateway(Model):
    """The Gateway (gateway.networking.k8s.io) whose listener the HTTPRoute attaches to."""

    name: Annotated[OptionalDnsName, Field(description="Name of the Gateway. Required with type Gateway.")] = ""
    namespace: Annotated[
        OptionalNamespaceName, Field(description="Namespace of the Gateway. Required with type Gateway.")
    ] = ""
    section_name: Annotated[
        OptionalDnsName, Field(description="Listener of the Gateway. Empty: every listener that admits the route.")
    ] = ""


class Ingress(Model):
    """The Ingress (networking.k8s.io/v1)."""

    rules: ClassVar[tuple[Rule[Ingress], ...]] = (
        Rule(
            cel="self.annotations.all(key, !key.endsWith('-snippet'))",
            message="must not hold snippets: they put configuration of their own into a shared controller",
            holds=lambda ingress: not any(key.endswith("-snippet") for key in ingress.annotations),
            path=".annotations",
        ),
    )

    class_name: Annotated[OptionalDnsName, Field(description="IngressClass. Required with type Ingress.")] = ""
    # no annotation limits rates in every controller, so none is set
    annotations: Annotated[
        Annotations,
        Field(
            description="Annotations for the controller of that class; the operator adds none.",
            default_factory=dict,
        ),
    ]


class Exposure(Model):
    """How clients outside the cluster reach api."""

    rules: ClassVar[tuple[Rule[Exposure], ...]] = (
        Rule(
            cel="self.type == 'None' || size(self.hosts) > 0",
            message="must hold at least one host name when exposure.type is Gateway or Ingress",
            holds=lambda exposure: exposure.type == "None" or len(exposure.hosts) > 0,
            path=".hosts",
        ),
        Rule(
            cel="self.type != 'Gateway' || self.gateway.name != ''",
            message="must name the Gateway when exposure.type is Gateway",
            holds=lambda exposure: exposure.type != "Gateway" or exposure.gateway.name != "",
            path=".gateway.name",
        ),
        Rule(
            cel="self.type != 'Gateway' || self.gateway.__namespace__ != ''",
            message="must name the Gateway's namespace when exposure.type is Gateway",
            holds=lambda exposure: exposure.type != "Gateway" or exposure.gateway.namespace != "",
            path=".gateway.namespace",
        ),
        Rule(
            cel="self.type != 'Gateway' || self.tls.issuer == ''",
            message="must be empty when exposure.type is Gateway: the Gateway's listener holds the certificate",
            holds=lambda exposure: exposure.type != "Gateway" or exposure.tls.issuer == "",
            path=".tls.issuer",
        ),
        Rule(
            cel="self.type != 'Ingress' || self.ingress.className != ''",
            message="must name the IngressClass when exposure.type is Ingress",
            holds=lambda exposure: exposure.type != "Ingress" or exposure.ingress.class_name != "",
            path=".ingress.className",
        ),
    )

    type: Annotated[
        Literal["Gateway", "Ingress", "None"],
        Field(description="Gateway: an HTTPRoute. Ingress: an Ingress. None: reached inside the cluster only."),
    ] = "None"
    hosts: Annotated[
        tuple[PublicHost, ...],
        Field(max_length=16, description="DNS names that clients use. Required unless type is None."),
        ListSet(),
    ] = ()
    path: Annotated[RoutePath, Field(description="Path prefix.")] = "/"
    tls: Annotated[TLS, Field(description="The certificate that clients see.")] = TLS()
    gateway: Annotated[Gateway, Field(description="The Gateway, with type Gateway.")] = Gateway()
    ingress: Annotated[Ingress, Field(description="The Ingress, with type Ingress.")] = Ingress()


class NetworkPolicies(Model):
    """NetworkPolicies: everything closed but the edges that NovaCron needs."""

    enabled: Annotated[Bool, Field(description="Whether the operator writes NetworkPolicies.")] = True
    gateway_namespaces: Annotated[
        Namespaces,
        Field(
            description="Namespaces that may reach port http of api. Required with type Ingress; empty with type"
            " Gateway: the Gateway's own namespace (name the data plane's where it lives elsewhere)."
        ),
    ] = ()
    monitoring_namespaces: Annotated[
        Namespaces, Field(description="Namespaces that may reach port metrics of every workload.")
    ] = ("monitoring",)
