"""Writes docs/reference.md from the constants in the code; a test compares the two."""

from __future__ import annotations

import re
from pathlib import Path

import click
import yaml
from prometheus_client import CollectorRegistry
from pydantic_core import PydanticUndefined

from novacron.adapters.telemetry import Telemetry
from novacron.api.v1alpha1 import validate
from novacron.auth.domain import refusal
from novacron.auth.service import audit, counts
from novacron.auth.service import wall_metrics as wall
from novacron.core import conditions, dependencies, events, migration
from novacron.ml.service import counts as ml
from novacron.query.service import counts as query
from novacron.roles import serving
from novacron.stack import alerts
from novacron.workload.service import telemetry as workload
from novacron.workload.service.settings import Limits
from tests.support.resources import minimal

_ROOT = Path(__file__).parents[2]
PATH = _ROOT / "docs" / "reference.md"
_OPERATORS_RULES = _ROOT / "manifests" / "monitoring" / "rules.yaml"


def text() -> str:
    """The whole page."""
    return "\n".join(
        [
            "# Reference",
            "",
            "Made from the code by `make generate`. These words are contracts: scripts and alerts may match them.",
            "",
            "## Condition types",
            "",
            *_table(("type", "says"), conditions.TYPES),
            "",
            "`Ready` is gated by SchemaCurrent, WorkloadsAvailable, SecretsSynced, AuthReady, ExposureReady, a valid",
            "spec, free names and a namespace of its own. While Ready is not True, exactly one of Reconciling and",
            "Stalled is True.",
            "",
            "## Condition reasons",
            "",
            *_table(("reason", "means"), conditions.REASONS),
            "",
            "## Events",
            "",
            *_table(("reason", "means"), events.REASONS),
            "",
            "## Alerts",
            "",
            "Of a resource, then of the operator (manifests/monitoring); each carries what to do as its description.",
            "",
            *_table(("alert", "says"), _alerts()),
            "",
            "## Metrics of the operator",
            "",
            *_table(("metric", "says"), _metrics(Telemetry().registry)),
            "",
            "## Metrics of every workload",
            "",
            *_table(("metric", "says"), _metrics(workload.Telemetry("api").registry)),
            "",
            "## Metrics of the wall",
            "",
            "Of every workload: what comes before its routes (docs/decisions/0022-the-wall.md).",
            "",
            *_table(("metric", "says"), _wall_metrics()),
            "",
            "## Metrics of auth",
            "",
            "Of auth alone, beside those of the wall (docs/decisions/0018-sessions-and-passwords.md).",
            "",
            *_table(("metric", "says"), _auth_metrics()),
            "",
            "## Metrics of query",
            "",
            "Of query alone, beside those of the wall. `query` is the name of a question of ours.",
            "",
            *_table(("metric", "says"), _query_metrics()),
            "",
            "Label `outcome` of `novacron_query_queries_total`.",
            "",
            *_table(("outcome", "means"), {str(name): text for name, text in query.OUTCOMES.items()}),
            "",
            "## Metrics of ml",
            "",
            "Of ml alone, beside those of the wall; rows per second: `rate(novacron_ml_rows_total[1m])`.",
            "",
            *_table(("metric", "says"), _ml_metrics()),
            "",
            "Label `outcome` of `novacron_ml_jobs_total`.",
            "",
            *_table(("outcome", "means"), {str(name): text for name, text in ml.OUTCOMES.items()}),
            "",
            "## Reasons of refusal",
            "",
            "Label `reason` of `novacron_auth_refused_total`.",
            "",
            *_table(("reason", "means"), wall.REASONS),
            "",
            "## Audit events",
            "",
            "Lines of the logger `novacron.audit`: `event` is the type, `count` how many there were.",
            "",
            *_table(("type", "says"), audit.TYPES),
            "",
            "Query adds a line for each question to its database, whose `event` is `query`: `query` (its name),",
            "`subject`, `organization`, `arguments` (texts only as `given`, lists as their length), `outcome`",
            "(as above, or the word for why), `rows`, `duration_ms`.",
            "",
            "## What a workload says of its dependencies",
            "",
            "`/ready` of a workload answers 200 or 503; both hold `state` (ready, draining, down) and `dependencies`:",
            "a list of `name`, `state` (ok, degraded, down), `required`, `secret`, `reason`, `message`. The status is",
            "503 while a required one is down, or the process ends. Never does it hold what a Secret holds.",
            "",
            *_table(("reason", "means"), dependencies.REASONS),
            "",
            "## What a run of novacron migrate says",
            "",
            "Its last line, and the container's termination message: JSON with `outcome` (migrated, current, kept,",
            "skipped, refused, failed, unreachable), `reason`, `message`, `schemas` (schema -> id of its last",
            "migration) and `applied`. Never does it hold what a Secret or a row holds. Exit codes: 0, 1 refused or",
            "failed, 2 settings that cannot be used, 3 unreachable. Why so: [0016](decisions/0016-migrations.md).",
            "",
            *_table(("reason", "means"), migration.REASONS),
            "",
            "## Why an access token is refused",
            "",
            "In audit lines, and as `code` in what `novacron token verify` prints; the list is closed. A client is",
            "told `invalid_token` and no more. A message names the part or claim at fault before these words.",
            "",
            *_table(("code", "means"), refusal.CODES),
            "",
            "## Environment of a workload",
            "",
            "All else comes from mounted files. `spec.<workload>.env` may set:",
            "",
            *_table(("variable", "says"), _environment()),
            "",
            "## Limits of a workload",
            "",
            "Members of `limits` in `settings.json`, for trying a workload by hand; the operator leaves the defaults.",
            "",
            *_table(("limit", "says"), _limits()),
            "",
        ]
    )


def _table(head: tuple[str, str], rows: dict[str, str]) -> list[str]:
    return [f"| {head[0]} | {head[1]} |", "|---|---|", *(f"| `{name}` | {text} |" for name, text in rows.items())]


def _alerts() -> dict[str, str]:
    """With severity, and how long it must hold."""
    own = alerts.rules(validate(minimal()))
    (group,) = yaml.safe_load(_OPERATORS_RULES.read_text(encoding="utf-8"))["spec"]["groups"]
    found = {}
    for rule in (*own, *group["rules"]):
        summary = rule["annotations"]["summary"].removeprefix("NovaCron novacron/novacron ")
        told = re.sub(r"{{ \$labels\.(\w+) }}", r"*\1*", summary)
        found[rule["alert"]] = f"{rule['labels']['severity']}, after {rule.get('for', '0m')}: {told}."
    return found


def _metrics(registry: CollectorRegistry) -> dict[str, str]:
    found = {}
    for family in registry.collect():
        suffix = "_total" if family.type == "counter" else ""
        found[family.name + suffix] = family.documentation
    return dict(sorted(found.items()))


def _auth_metrics() -> dict[str, str]:
    registry = CollectorRegistry()
    counts.Counts(registry)
    return _metrics(registry)


def _ml_metrics() -> dict[str, str]:
    registry = CollectorRegistry()
    ml.Counts(registry).watch(dict.fromkeys(ml.GAUGES, float))
    return _metrics(registry)


def _query_metrics() -> dict[str, str]:
    registry = CollectorRegistry()
    query.Counts(registry)
    query.CacheCounts(registry)
    return _metrics(registry)


def _wall_metrics() -> dict[str, str]:
    registry = CollectorRegistry()
    wall.WallMetrics(registry)
    return _metrics(registry)


def _environment() -> dict[str, str]:
    """Every variable that an option of the workloads' commands reads."""

    @click.command()
    @serving.options
    def command(**_options: object) -> None: ...

    found = {}
    for option in command.params:
        if isinstance(option, click.Option) and isinstance(option.envvar, str):
            choices = ", ".join(option.type.choices) if isinstance(option.type, click.Choice) else ""
            found[option.envvar] = f"As {option.opts[0]}: {choices}; default {option.default}."
    return found


def _limits() -> dict[str, str]:
    found = {}
    for name, about in Limits.model_fields.items():
        assert about.default is not PydanticUndefined
        default = "none" if about.default is None else f"{about.default:.0f}"
        found[name] = f"{about.description} Default {default}."
    return found


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
