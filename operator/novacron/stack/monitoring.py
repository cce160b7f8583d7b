"""What others watch a resource with: its alert rules and its dashboard. Pure."""

from __future__ import annotations

import orjson

from novacron.api.v1alpha1 import NovaCron
from novacron.core import kinds, names
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Manifest
from novacron.stack.alerts import rules
from novacron.stack.dashboard import dashboard
from novacron.workload.component import manifest

_READABLE = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE


def children(resource: NovaCron, capabilities: Capabilities) -> list[Manifest]:
    wanted, found = resource.spec.monitoring, []
    namespace, name = resource.metadata.namespace, resource.metadata.name
    if wanted.prometheus_rule.enabled and capabilities.serves(kinds.PROMETHEUS_RULE):
        spec = {"groups": [{"name": f"novacron.{namespace}.{name}", "rules": rules(resource)}]}
        extra = wanted.prometheus_rule.labels
        found.append(manifest(resource, kinds.PROMETHEUS_RULE, name, extra_labels=extra, spec=spec))
    if wanted.dashboards.enabled:
        data = {f"{namespace}-{name}.json": orjson.dumps(dashboard(resource), option=_READABLE).decode()}
        config_map = names.component(name, "dashboards")
        extra = wanted.dashboards.labels
        found.append(manifest(resource, kinds.CONFIG_MAP, config_map, extra_labels=extra, data=data))
    return found
