"""Every state of every NovaCron that the suites pass through, for the judges of tests/live/test_zz_verdicts.py."""

from __future__ import annotations

import copy
import http.client
import json
import threading
from types import TracebackType

from tests.support.api_client import Client, Manifest, Refused

STATES: dict[str, Manifest] = {}
"""Distinct states of this session, by their content without names and times."""


class StateRecorder:
    """Watches the NovaCrons of one API server between entering and leaving; waits for one that is away."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._record, name="states", daemon=True)

    def __enter__(self) -> StateRecorder:
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop.set()

    def _record(self) -> None:
        while not self._stop.is_set():
            try:
                for event, body in self._client.watch("NovaCron", 60):
                    if event in ("ADDED", "MODIFIED"):
                        keep(body)
                    if self._stop.is_set():
                        return
            except (OSError, http.client.HTTPException, Refused, ValueError):
                self._stop.wait(0.5)


def keep(body: Manifest) -> None:
    """Adds a state unless an equal one is known."""
    STATES.setdefault(_content(body), body)


def _content(body: Manifest) -> str:
    copied = copy.deepcopy(body)
    meta = copied["metadata"]
    kept = {key: bool(meta.get(key)) for key in ("deletionTimestamp", "annotations")}
    behind = meta["generation"] != copied.get("status", {}).get("observedGeneration")
    conditions = copied.get("status", {}).get("conditions", [])
    for condition in conditions:
        condition.pop("lastTransitionTime")
        condition["observedGeneration"] = condition.get("observedGeneration") == meta["generation"]
    text = json.dumps([kept, behind, conditions], sort_keys=True)
    return text.replace(meta["namespace"], "")
