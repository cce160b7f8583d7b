"""Workload auth: tokens, sessions and rate limits."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from novacron.api.v1alpha1.autoscaling import Autoscaling, MaxReplicas, RequestsPerSecond, TargetMemory
from novacron.api.v1alpha1.base import Model
from novacron.api.v1alpha1.durations import Duration, is_not_longer, lasting, not_longer
from novacron.api.v1alpha1.rules import Rule, between, matching
from novacron.api.v1alpha1.scalars import Cidrs, ContainerPort, Int, Namespaces
from novacron.api.v1alpha1.workload import (
    Limits,
    Ports,
    RequestedCpu,
    RequestedMemory,
    Requests,
    Resources,
    Workload,
)


class AuthAutoscaling(Autoscaling):
    """The HorizontalPodAutoscaler; one for each workload; by CPU only, as Python gives little memory back."""

    max_replicas: MaxReplicas = 6
    target_memory_utilization: TargetMemory = 0
    requests_per_second: RequestsPerSecond = 0


class AuthRequests(Requests):
    """What the scheduler reserves for the container."""

    cpu: RequestedCpu = "100m"
    memory: RequestedMemory = "256Mi"


class AuthLimits(Limits):
    """What the container may use at most."""

    cpu: RequestedCpu = "500m"
    memory: RequestedMemory = "512Mi"


class AuthResources(Resources):
    """Requests and limits of the container."""

    requests: Annotated[AuthRequests, Field(description="Reserved for the container.")] = AuthRequests()
    limits: Annotated[AuthLimits, Field(description="Most that the container may use.")] = AuthLimits()


class AuthPorts(Ports):
    """Ports of the container; no two alike."""

    rules: ClassVar[tuple[Rule[AuthPorts], ...]] = (
        Rule(
            cel="self.internal != self.http && self.internal != self.metrics",
            message="must differ from http and metrics: two listeners cannot share a port",
            holds=lambda ports: ports.internal not in (ports.http, ports.metrics),
            path=".internal",
        ),
    )

    internal: Annotated[
        ContainerPort,
        Field(description="Port on which the other workloads read revocations; closed to everybody else."),
    ] = 8081


Name = Annotated[
    str, Field(max_length=256), matching(r"[!-~]+", "must be printable ASCII without blanks, at least one")
]


class JWT(Model):
    """Access and refresh tokens, and the keys that sign them."""

    rules: ClassVar[tuple[Rule[JWT], ...]] = (
        Rule(
            cel=not_longer("self.tokenTTL", "self.maxTokenAge"),
            message=(
                "must be at most maxTokenAge, or tokens are refused before they expire: lower tokenTTL or raise"
                " maxTokenAge"
            ),
            holds=lambda jwt: is_not_longer(jwt.token_ttl, jwt.max_token_age),
            path=".tokenTTL",
        ),
        Rule(
            cel=not_longer("self.tokenTTL", "self.refreshTTL"),
            message="must be at least tokenTTL: a refresh token that ends first refreshes nothing",
            holds=lambda jwt: is_not_longer(jwt.token_ttl, jwt.refresh_ttl),
            path=".refreshTTL",
        ),
        Rule(
            cel=not_longer("self.jwksMaxAge", "self.keyRotationInterval"),
            message="must be at least jwksMaxAge, or a new key signs before others have seen it",
            holds=lambda jwt: is_not_longer(jwt.jwks_max_age, jwt.key_rotation_interval),
            path=".keyRotationInterval",
        ),
    )

    issuer: Annotated[Name, Field(description="Claim iss of our tokens.")] = "novacron-auth-service"
    audience: Annotated[Name, Field(description="Claim aud of our tokens.")] = "novacron-api"
    token_ttl: Annotated[
        Duration,
        Field(
            alias="tokenTTL",
            max_length=16,
            description="Life of an access token, a duration; at most maxTokenAge.",
        ),
        lasting("1s", "30d"),
    ] = Duration("1h")
    refresh_ttl: Annotated[
        Duration,
        Field(
            alias="refreshTTL",
            max_length=16,
            description="Life of a refresh token, a duration (d, h, m, s); never longer than its session lasts.",
        ),
        lasting("1s", "365d"),
    ] = Duration("7d")
    clock_skew: Annotated[
        Duration,
        Field(max_length=16, description="How far clocks may differ when exp, nbf and iat are judged, a duration."),
        lasting("0s", "10m"),
    ] = Duration("30s")
    max_token_age: Annotated[
        Duration,
        Field(max_length=16, description="Oldest token that is accepted, by its iat, a duration."),
        lasting("1s", "30d"),
    ] = Duration("24h")
    key_rotation_interval: Annotated[
        Duration,
        Field(
            max_length=16,
            description="How often the signing key changes, a duration; old keys stay valid while tokens live.",
        ),
        lasting("1s", "365d"),
    ] = Duration("24h")
    jwks_max_age: Annotated[
        Duration,
        Field(max_length=16, description="How long others may cache the public keys (Cache-Control), a duration."),
        lasting("0s", "1d"),
    ] = Duration("5m")
    min_key_size: Annotated[
        Int,
        Field(description="Smallest RSA key that is made or accepted, in bits."),
        between(2048, 8192, "bits; smaller RSA keys are broken"),
    ] = 2048


class Session(Model):
    """Sessions of people; service accounts have none."""

    rules: ClassVar[tuple[Rule[Session], ...]] = (
        Rule(
            cel=not_longer("self.idleTimeout", "self.maxLifetime"),
            message="must be at most maxLifetime: lower idleTimeout or raise maxLifetime",
            holds=lambda session: is_not_longer(session.idle_timeout, session.max_lifetime),
            path=".idleTimeout",
        ),
        Rule(
            cel=not_longer("self.rotationInterval", "self.maxLifetime"),
            message="must be at most maxLifetime: lower rotationInterval or raise maxLifetime",
            holds=lambda session: is_not_longer(session.rotation_interval, session.max_lifetime),
            path=".rotationInterval",
        ),
    )

    rotation_interval: Annotated[
        Duration,
        Field(max_length=16, description="How often a session gets a new access token by itself, a duration."),
        lasting("1s", "30d"),
    ] = Duration("30m")
    idle_timeout: Annotated[
        Duration,
        Field(max_length=16, description="A session without activity for this long ends, a duration."),
        lasting("1s", "30d"),
    ] = Duration("30m")
    max_lifetime: Annotated[
        Duration, Field(max_length=16, description="A session ends after this long, a duration."), lasting("1s", "365d")
    ] = Duration("8h")
    max_per_user: Annotated[
        Int, Field(description="Sessions at once for one person, in sessions; the oldest ends."), between(1, 1000)
    ] = 3


class RateLimit(Model):
    """Limits where a client enters. Each pod allows the full number."""

    requests_per_minute: Annotated[
        Int, Field(description="Requests a minute from one client address."), between(1, 1000000)
    ] = 100
    logins_per_minute: Annotated[
        Int,
        Field(description="Logins and refreshes a minute from one client address, counted in Redis."),
        between(1, 100000),
    ] = 10
    # X-Forwarded-For is whatever the sender writes, unless a proxy that we know put it there.
    trusted_proxy_cidrs: Annotated[
        Cidrs,
        Field(
            alias="trustedProxyCIDRs",
            description="Networks (CIDR) of proxies whose X-Forwarded-For is believed. Empty: of none.",
        ),
    ] = ()


class AuthWorkload(Workload):
    """Logins, tokens, sessions, and the answer to gateways whether a request may pass."""

    rules: ClassVar[tuple[Rule[AuthWorkload], ...]] = (
        Rule(
            cel="self.service.port != self.ports.internal || self.service.type != 'ClusterIP'",
            message="must differ from ports.internal: the Service carries both",
            holds=lambda own: own.service.port != own.ports.internal or own.service.type != "ClusterIP",
            path=".service.port",
        ),
    )

    autoscaling: Annotated[AuthAutoscaling, Field(description="The HorizontalPodAutoscaler.")] = AuthAutoscaling()
    resources: Annotated[AuthResources, Field(description="Requests and limits of the container.")] = AuthResources()
    ports: Annotated[AuthPorts, Field(description="Ports of the container, from 1024 to 65535, no two alike.")] = (
        AuthPorts()
    )
    forward_auth_namespaces: Annotated[
        Namespaces, Field(description="Namespaces of gateways elsewhere that may call /authz/*.")
    ] = ()
    jwt: Annotated[JWT, Field(description="Access and refresh tokens, and the keys that sign them.")] = JWT()
    session: Annotated[Session, Field(description="Sessions of people.")] = Session()
    rate_limit: Annotated[RateLimit, Field(description="Limits where a client enters.")] = RateLimit()
