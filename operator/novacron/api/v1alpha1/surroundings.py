"""Settings of the whole resource that belong to no single workload: images, monitoring, node features, accounts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from novacron.api.v1alpha1.base import Model
from novacron.api.v1alpha1.durations import Duration, lasting
from novacron.api.v1alpha1.labelling import Annotations, Labels
from novacron.api.v1alpha1.native import LocalObjectReference
from novacron.api.v1alpha1.rules import ListMap, matching
from novacron.api.v1alpha1.scalars import IMAGE_HOST, IMAGE_PATH, Bool, UrlPath


class ImageDefaults(Model):
    """What every image of the resource shares."""

    registry: Annotated[
        str,
        Field(
            max_length=255,
            description="Prefix for every repository that names no registry, e.g. registry.example.com/team."
            " Empty: none.",
        ),
        matching(
            rf"(?:{IMAGE_HOST}|{IMAGE_PATH})(?:/{IMAGE_PATH})*",
            "must be empty or a registry such as registry.example.com:5000/team, without scheme and final /",
            or_empty=True,
        ),
    ] = ""
    pull_policy: Annotated[
        Literal["", "Always", "IfNotPresent", "Never"],
        Field(
            description="When nodes pull. Empty: IfNotPresent for an image with a digest, Always for one without."
            " A given value is kept."
        ),
    ] = ""
    pull_secrets: Annotated[
        tuple[LocalObjectReference, ...],
        Field(max_length=16, description="Secrets with registry credentials."),
        ListMap(),
    ] = ()


class ServiceMonitor(Model):
    """ServiceMonitors (monitoring.coreos.com), one a workload; left out while that API is not served."""

    # scrape annotations beside a ServiceMonitor make Prometheus scrape twice, so the operator sets none.
    enabled: Annotated[Bool, Field(description="Whether they are written; scrape annotations never are.")] = True
    interval: Annotated[
        Duration,
        Field(max_length=16, description="Time between two scrapes, as a duration."),
        lasting("1s", "1d"),
    ] = Duration("30s")
    path: Annotated[UrlPath, Field(description="Path of the metrics on port metrics.")] = "/metrics"
    labels: Annotated[Labels, Field(description="Labels by which a Prometheus selects them.", default_factory=dict)]


class PrometheusRule(Model):
    """Alerts (monitoring.coreos.com PrometheusRule); left out while that API is not served."""

    enabled: Annotated[Bool, Field(description="Whether they are written.")] = True
    labels: Annotated[Labels, Field(description="Labels by which a Prometheus selects them.", default_factory=dict)]


class Dashboards(Model):
    """Grafana dashboards as a ConfigMap."""

    enabled: Annotated[Bool, Field(description="Whether the ConfigMap <name>-dashboards is written.")] = True
    labels: Annotated[
        Labels,
        Field(
            description="Labels by which Grafana's sidecar finds it.",
            default_factory=lambda: {"grafana_dashboard": "1"},
        ),
    ]


class Monitoring(Model):
    """What is handed to Prometheus and Grafana."""

    service_monitor: Annotated[ServiceMonitor, Field(description="Scraping of every workload.")] = ServiceMonitor()
    prometheus_rule: Annotated[PrometheusRule, Field(description="Alerts.")] = PrometheusRule()
    dashboards: Annotated[Dashboards, Field(description="Grafana dashboards.")] = Dashboards()


class Security(Model):
    """Hardening that depends on the nodes' runtime, hence off by default; everything else is always on."""

    app_armor: Annotated[
        Literal["Unset", "RuntimeDefault"],
        Field(description="AppArmor profile of every pod; a node without AppArmor refuses RuntimeDefault."),
    ] = "Unset"
    user_namespaces: Annotated[
        Bool, Field(description="Own user namespace for every pod (hostUsers: false); needs a runtime with id mapping.")
    ] = False
    strict_supplemental_groups: Annotated[
        Bool,
        Field(description="Only the groups of the pod, none of the image (supplementalGroupsPolicy: Strict)."),
    ] = False


class ServiceAccount(Model):
    """The service accounts of the workloads; each has its own, without a token."""

    annotations: Annotated[
        Annotations,
        Field(
            description="Annotations for every workload's service account, e.g. eks.amazonaws.com/role-arn.",
            default_factory=dict,
        ),
    ]
