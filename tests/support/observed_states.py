"""Every state of every NovaCron that a suite passes through; at its end kstatus, Flux, Argo CD and kubectl judge."""

from __future__ import annotations

import copy
import http.client
import json
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType

from tests.support import judges
from tests.support.api_client import Client, Manifest, Refused
from tests.support.controlplane.plane import ControlPlane

Judged = Callable[[ControlPlane, str], AbstractContextManager[None]]
"""The fixture of tests/conftest.py: takes a control plane and the suite's name."""


class ObservedStates:
    """Watches the NovaCrons of one API server between entering and leaving; waits for one that is away.

    Leaving judges what was seen, and fails where the judges disagree.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._seen: dict[str, Manifest] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="states", daemon=True)

    def __enter__(self) -> ObservedStates:
        self._thread.start()
        return self

    def __exit__(
        self, type_: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if type_ is None:
            self.judge()

    def judge(self) -> Counter[str]:
        """kstatus' words and how many distinct states got them. Raises ``AssertionError`` where judges disagree."""
        return Counter(verdict.kstatus for verdict in judges.assert_agree(list(self._seen.values())))

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                for event, body in self._client.watch("NovaCron", 60):
                    if event in ("ADDED", "MODIFIED"):
                        self._seen.setdefault(_content(body), body)
                    if self._stop.is_set():
                        return
            except (OSError, http.client.HTTPException, Refused, ValueError):
                self._stop.wait(0.5)


def _content(body: Manifest) -> str:
    """What tells two states apart: no names, no times."""
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
