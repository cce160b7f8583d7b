"""The kinds that the operator reads or writes: one table for discovery, lists, watches and RBAC."""

from __future__ import annotations

from novacron.core import labels
from novacron.core.manifest import Kind

NOVACRON = Kind(labels.API_VERSION, labels.KIND, labels.PLURAL)
LEASE = Kind("coordination.k8s.io/v1", "Lease", "leases")
EVENT = Kind("events.k8s.io/v1", "Event", "events")
CORE_EVENT = Kind("v1", "Event", "events")
NODE = Kind("v1", "Node", "nodes", namespaced=False)
ACCESS_REVIEW = Kind("authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", namespaced=False)
POD = Kind("v1", "Pod", "pods")
POD_METRICS = Kind("metrics.k8s.io/v1beta1", "PodMetrics", "pods")
SECRET = Kind("v1", "Secret", "secrets")

SERVICE_ACCOUNT = Kind("v1", "ServiceAccount", "serviceaccounts")
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
SERVICE = Kind("v1", "Service", "services")
LIMIT_RANGE = Kind("v1", "LimitRange", "limitranges")
RESOURCE_QUOTA = Kind("v1", "ResourceQuota", "resourcequotas")
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
AUTOSCALER = Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
DISRUPTION_BUDGET = Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
NETWORK_POLICY = Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
INGRESS = Kind("networking.k8s.io/v1", "Ingress", "ingresses")
JOB = Kind("batch/v1", "Job", "jobs")
CRON_JOB = Kind("batch/v1", "CronJob", "cronjobs")
SECRET_STORE = Kind("external-secrets.io/v1", "SecretStore", "secretstores")
EXTERNAL_SECRET = Kind("external-secrets.io/v1", "ExternalSecret", "externalsecrets")
HTTP_ROUTE = Kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes")
SERVICE_MONITOR = Kind("monitoring.coreos.com/v1", "ServiceMonitor", "servicemonitors")
PROMETHEUS_RULE = Kind("monitoring.coreos.com/v1", "PrometheusRule", "prometheusrules")

CORE_CHILDREN = (
    SERVICE_ACCOUNT,
    CONFIG_MAP,
    SERVICE,
    LIMIT_RANGE,
    RESOURCE_QUOTA,
    DEPLOYMENT,
    AUTOSCALER,
    DISRUPTION_BUDGET,
    NETWORK_POLICY,
    INGRESS,
    JOB,
    CRON_JOB,
)
OPTIONAL_CHILDREN = (SECRET_STORE, EXTERNAL_SECRET, HTTP_ROUTE, SERVICE_MONITOR, PROMETHEUS_RULE)
"""Kinds of neighbours that may be absent from a cluster."""

CHILDREN = (*CORE_CHILDREN, *OPTIONAL_CHILDREN)
BY_KIND = {kind.kind: kind for kind in CHILDREN}
