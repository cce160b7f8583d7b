"""What the Job controller reports of a Job that has ended, where nobody runs its pods."""

from __future__ import annotations

from novacron.core import labels
from tests.support.api_client import Client, Manifest

_AT = "2026-01-01T00:00:00Z"


def complete() -> Manifest:
    """Status of a Job whose pod succeeded."""
    times = {"startTime": _AT, "completionTime": _AT}
    return {**times, "succeeded": 1, "ready": 0, "conditions": [_true("SuccessCriteriaMet"), _true("Complete")]}


def failed(reason: str) -> Manifest:
    """Status of a Job that has failed for good."""
    conditions = [_true("FailureTarget", reason), _true("Failed", reason)]
    return {"startTime": _AT, "failed": 1, "ready": 0, "conditions": conditions}


def play(client: Client, namespace: str) -> None:
    """Lets every Job of ours end well."""
    for body in client.list("Job", namespace, labels.OWNED_SELECTOR):
        if not body.get("status", {}).get("succeeded"):
            report(client, body, complete())


def report(client: Client, job: Manifest, status: Manifest) -> None:
    meta = job["metadata"]
    client.patch("Job", meta["namespace"], meta["name"], {"status": status}, subresource="status")


def _true(type_: str, reason: str = "CompletionsReached") -> Manifest:
    times = {"lastProbeTime": _AT, "lastTransitionTime": _AT}
    return {"type": type_, "status": "True", "reason": reason, "message": "played by a test", **times}
