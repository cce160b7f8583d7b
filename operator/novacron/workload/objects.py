"""Everything of one workload but its policies: account, settings, Deployment, Service, autoscaler, budget, monitor."""

from __future__ import annotations

from novacron.core import kinds, names
from novacron.core.manifest import Manifest
from novacron.workload import pod
from novacron.workload.component import Component
from novacron.workload.paths import RELOADED_FILE, SETTINGS_FILE

_REVISIONS = 3
_DEADLINE_SECONDS = 600
_AFFINITY = {"internalTrafficPolicy": "Cluster", "sessionAffinity": "None"}
"""Defaults of a Service, said aloud: an edit of a field that we set is undone by one write and leaves no trace."""


def service_account(component: Component) -> Manifest:
    """Without a token: no workload speaks to the API server."""
    annotations = component.resource.spec.service_account.annotations
    return component.manifest(kinds.SERVICE_ACCOUNT, annotations=annotations, automountServiceAccountToken=False)


def config_map(component: Component) -> Manifest:
    name = names.config(component.resource.metadata.name, component.role)
    data = {SETTINGS_FILE: component.settings, RELOADED_FILE: component.reloaded}
    return component.manifest(kinds.CONFIG_MAP, name, data={file: text for file, text in data.items() if text})


def deployment(component: Component) -> Manifest:
    """Without ``replicas`` while an autoscaler owns them."""
    gpus = component.ml is not None and component.ml.gpus > 0
    # a rollout that needs one more GPU than there is never ends
    rolling = {"maxSurge": 0, "maxUnavailable": 1} if gpus else {"maxSurge": "25%", "maxUnavailable": 0}
    spec: Manifest = {
        "progressDeadlineSeconds": _DEADLINE_SECONDS,
        "revisionHistoryLimit": _REVISIONS,
        "selector": {"matchLabels": component.selector},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
        "template": pod.template(component),
    }
    if not component.spec.autoscaling.enabled:
        spec["replicas"] = component.spec.replicas
    return component.manifest(kinds.DEPLOYMENT, spec=spec)


def services(component: Component) -> list[Manifest]:
    """The Service, and where that one faces the outside, a second one for the ports that must not."""
    wanted = component.spec.service
    inner = {name: port for name, port in component.container_ports.items() if name != "http"}
    http = {"name": "http", "port": wanted.port, "targetPort": "http", "protocol": "TCP", "appProtocol": "http"}
    rest = [{"name": name, "port": port, "targetPort": name, "protocol": "TCP"} for name, port in inner.items()]
    outside = wanted.type == "LoadBalancer"
    ports = [http, *([] if outside else rest)]
    spec: Manifest = {"type": wanted.type, "selector": component.selector, "ports": ports, **_AFFINITY}
    if outside:
        spec["externalTrafficPolicy"] = "Cluster"
    found = [component.manifest(kinds.SERVICE, annotations=wanted.annotations, spec=spec)]
    if outside:
        spec = {"type": "ClusterIP", "selector": component.selector, "ports": rest, **_AFFINITY}
        found.append(component.manifest(kinds.SERVICE, f"{component.name}-internal", spec=spec))
    return found


def autoscaler(component: Component) -> Manifest:
    """ContainerResource metrics: a sidecar's use never scales the workload."""
    wanted = component.spec.autoscaling
    targets = {"cpu": wanted.target_cpu_utilization, "memory": wanted.target_memory_utilization}
    metrics: list[Manifest] = [
        {
            "type": "ContainerResource",
            "containerResource": {
                "name": resource,
                "container": component.role,
                "target": {"type": "Utilization", "averageUtilization": target},
            },
        }
        for resource, target in targets.items()
        if target
    ]
    if wanted.requests_per_second and component.capabilities.custom_metrics:
        target = {"type": "AverageValue", "averageValue": str(wanted.requests_per_second)}
        metrics.append({"type": "Pods", "pods": {"metric": {"name": "http_requests_per_second"}, "target": target}})
    up, down = wanted.scale_up, wanted.scale_down
    spec = {
        "scaleTargetRef": {"apiVersion": kinds.DEPLOYMENT.api_version, "kind": "Deployment", "name": component.name},
        "minReplicas": wanted.min_replicas,
        "maxReplicas": wanted.max_replicas,
        "metrics": metrics,
        "behavior": {
            "scaleUp": {
                "stabilizationWindowSeconds": up.stabilization_window_seconds,
                "selectPolicy": "Max",
                "policies": [
                    {"type": "Percent", "value": up.percent, "periodSeconds": up.period_seconds},
                    {"type": "Pods", "value": up.pods, "periodSeconds": up.period_seconds},
                ],
            },
            "scaleDown": {
                "stabilizationWindowSeconds": down.stabilization_window_seconds,
                "selectPolicy": "Min",
                "policies": [{"type": "Percent", "value": down.percent, "periodSeconds": down.period_seconds}],
            },
        },
    }
    return component.manifest(kinds.AUTOSCALER, spec=spec)


def disruption_budget(component: Component) -> Manifest:
    """AlwaysAllow: pods that are broken anyway never block a drain. One pod at least always stays."""
    spec = {
        "maxUnavailable": min(component.spec.pod_disruption_budget.max_unavailable, component.spec.min_replicas - 1),
        "selector": {"matchLabels": component.selector},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
    return component.manifest(kinds.DISRUPTION_BUDGET, spec=spec)


def service_monitor(component: Component) -> Manifest:
    wanted = component.resource.spec.monitoring.service_monitor
    spec = {
        "selector": {"matchLabels": component.selector},
        "namespaceSelector": {"matchNames": [component.resource.metadata.namespace]},
        "endpoints": [
            {"port": "metrics", "interval": f"{wanted.interval.seconds}s", "path": wanted.path, "scheme": "http"}
        ],
    }
    return component.manifest(kinds.SERVICE_MONITOR, extra_labels=wanted.labels, spec=spec)


def children(component: Component) -> list[Manifest]:
    """All of them, as far as the resource asks for them and the cluster serves them."""
    spec = component.spec
    found = [service_account(component), config_map(component), deployment(component), *services(component)]
    if spec.autoscaling.enabled:
        found.append(autoscaler(component))
    if spec.pod_disruption_budget.enabled and spec.min_replicas > 1:
        found.append(disruption_budget(component))
    monitor = component.resource.spec.monitoring.service_monitor.enabled
    if monitor and component.capabilities.serves(kinds.SERVICE_MONITOR):
        found.append(service_monitor(component))
    return found
