"""Alerts of one resource: what somebody should be woken or told for. Pure.

What concerns the operator itself is in manifests/monitoring. Every metric is one of docs/reference.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from novacron.api.v1alpha1 import NovaCron
from novacron.auth.domain.revocation import BELIEVED_SECONDS
from novacron.core import conditions, names
from novacron.core.manifest import Manifest
from novacron.stack import promql

_UPLOADS = ("/api/v1/features",)
"""Answered when the upload has ended (docs/decisions/0034): it lasts as long in api, which passes it on."""
_LEAST_RATE = 0.1
"""Requests per second from which a share or a percentile says something: 30 in five minutes."""


@dataclass(frozen=True, slots=True)
class _Alert:
    """Args:
    lasting: for how long the expression must hold.
    what: what is wrong, after the resource's name; may hold labels of the expression.
    """

    name: str
    expression: Callable[[NovaCron], str]
    lasting: str
    severity: str
    what: str
    remedy: str


def rules(resource: NovaCron) -> list[Manifest]:
    """Alerts that somebody should be woken or told for."""
    return [_rule(resource, alert) for alert in _ALERTS]


def _rule(resource: NovaCron, alert: _Alert) -> Manifest:
    """The labels by which alerts are routed are text: not every expression has them."""
    namespace, name = resource.metadata.namespace, resource.metadata.name
    return {
        "alert": alert.name,
        "expr": alert.expression(resource),
        "for": alert.lasting,
        "labels": {"severity": alert.severity, "namespace": namespace, "novacron": name},
        "annotations": {
            "summary": f"NovaCron {namespace}/{name} {alert.what}",
            "description": alert.remedy,
            "runbook": f"Run `novacron status {name} -n {namespace}`; its words are explained in docs/reference.md,"
            " section Condition reasons.",
        },
    }


def _status(type_: str, status: conditions.Status) -> Callable[[NovaCron], str]:
    """Without the pod: a new leader shows the same condition, and the alert must not begin anew."""

    def expression(resource: NovaCron) -> str:
        shown = f"novacron_condition{{{promql.mine(resource)},{promql.equal(type=type_, status=status)}}}"
        return f"max by (namespace, name, type) ({shown} == 1)"

    return expression


def _upkeep(resource: NovaCron) -> str:
    return f"max by (namespace, name) (novacron_upkeep_failed{{{promql.mine(resource)}}}) == 1"


def _errors(resource: NovaCron) -> str:
    requests, failed = promql.requests(resource), promql.requests(resource, promql.FAILED)
    return f"{failed} / {requests} > 0.01 and {requests} > {_LEAST_RATE}"


def _slow(resource: NovaCron) -> str:
    """Not ml, nor what waits for it: an upload is as slow as the client."""
    chosen, window = (
        promql.http(resource, ("api", "auth", "query"), (*promql.UNCOUNTED, *_UPLOADS)),
        promql.window(resource),
    )
    requests = promql.per_service(f"http_request_duration_seconds_count{{{chosen}}}", window)
    return f"{promql.percentile(chosen, 95, window)} > 1 and {requests} > {_LEAST_RATE}"


def _feed(resource: NovaCron) -> str:
    """A pod that has just started has read nothing yet: its age is endless until it has."""
    chosen = promql.services(resource, names.WORKLOADS)
    return f"max by (service) (novacron_auth_feed_age_seconds{{{chosen}}}) > {BELIEVED_SECONDS:g}"


def _fallback(resource: NovaCron) -> str:
    chosen = promql.services(resource, ("auth",))
    counter = f"novacron_auth_shared_limit_fallback_total{{{chosen}}}"
    return f"{promql.per_service(counter, promql.window(resource))} > 0"


def _audit_rows_lost(resource: NovaCron) -> str:
    counter = f"novacron_auth_audit_rows_lost_total{{{promql.services(resource, ('auth',))}}}"
    return f"{promql.per_service(counter, promql.window(resource))} > 0"


_ALERTS = (
    _Alert(
        "NovaCronNotReady",
        _status(conditions.READY, "False"),
        "15m",
        "critical",
        "is not Ready",
        "The condition's message says what is missing and what to do.",
    ),
    _Alert(
        "NovaCronStalled",
        _status(conditions.STALLED, "True"),
        "5m",
        "critical",
        "waits for a person",
        "The condition's message names the field or object, and the remedy.",
    ),
    _Alert(
        "NovaCronCapacityInconsistent",
        _status(conditions.CAPACITY_CONSISTENT, "False"),
        "15m",
        "warning",
        "does not fit its namespace",
        "Pods will be refused; the condition's message carries the sums.",
    ),
    _Alert(
        "NovaCronDrifted",
        _status(conditions.DRIFTED, "True"),
        "15m",
        "warning",
        "does not stay as the operator writes it",
        "Somebody else sets the same fields; the condition's message names them.",
    ),
    _Alert(
        "NovaCronCredentialsRefused",
        _status(conditions.CREDENTIALS_CURRENT, "False"),
        "5m",
        "critical",
        "works with a login that is not accepted any more",
        "Pods go on with the earlier login until it ends or they restart; the condition's message names the Secret.",
    ),
    _Alert(
        "NovaCronSigningKeysNotCurrent",
        _status(conditions.SIGNING_KEYS_CURRENT, "False"),
        "15m",
        "warning",
        "has a signing key that is overdue for rotation, or keys that cannot be kept",
        "Tokens are signed on with the key that there is; the condition's message says what to do.",
    ),
    _Alert(
        "NovaCronQueriesImpaired",
        _status(conditions.QUERIES_HEALTHY, "False"),
        "15m",
        "warning",
        "has queries that are slow, or samples that will be refused",
        "Pods of query say why in the condition's message; docs/query.md says what to do about each.",
    ),
    _Alert(
        "NovaCronMemoryInadequate",
        _status(conditions.MEMORY_ADEQUATE, "False"),
        "15m",
        "warning",
        "has pods of ml that are killed for want of memory, or have hardly any left",
        "Right-sizing is off, or at the most that it may give; the condition's message says what would help.",
    ),
    _Alert(
        "NovaCronUpkeepFailed",
        _upkeep,
        "5m",
        "warning",
        "did not keep the partitions of its database",
        "Partitions for samples are there for a week at most; the message of SchemaCurrent says what the last run met.",
    ),
    _Alert(
        "NovaCronRevocationsOld",
        _feed,
        "5m",
        "critical",
        "has pods of {{ $labels.service }} that do not learn what was revoked, so they answer 503",
        "Auth does not answer them, or the database does not answer auth; `/ready` of those pods says which.",
    ),
    _Alert(
        "NovaCronSharedLimitFallback",
        _fallback,
        "15m",
        "warning",
        "counts limits of logins in each pod of {{ $labels.service }} alone",
        "Redis does not answer in time, so whoever guesses passwords has the allowed tries once in each pod.",
    ),
    _Alert(
        "NovaCronAuditRowsLost",
        _audit_rows_lost,
        "0m",
        "warning",
        "has failed logins that its audit table lacks",
        "The database did not take them in time; pods of {{ $labels.service }} logged a line for each: keep those.",
    ),
    _Alert(
        "NovaCronErrors",
        _errors,
        "10m",
        "warning",
        "answers more than 1 % of the requests to {{ $labels.service }} with 5xx",
        "Look at the logs of that service's pods; each error has a line.",
    ),
    _Alert(
        "NovaCronSlow",
        _slow,
        "10m",
        "warning",
        "answers the slowest 5 % of the requests to {{ $labels.service }} in more than a second",
        "Compare that service's CPU with its limit, and its replicas with the most that its autoscaler may have.",
    ),
)
