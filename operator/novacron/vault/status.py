"""Secrets that External Secrets holds to be written, and pods miss: when it is asked to write them again. Pure.

A NovaCron that is deleted and applied again at once has new ExternalSecrets before garbage collection has removed the
Secrets of the old ones. If External Secrets looks in between, it finds a Secret that is as it should be, counts itself
as synced, and looks again after refreshInterval. It syncs at once when an annotation changes (its
``pkg/controllers/util``, GetResourceVersion).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from novacron.core import labels
from novacron.core.manifest import Manifest, at

SPACING = timedelta(minutes=1)
"""Between two requests for one Secret."""


def forgotten(external_secrets: Iterable[Manifest], missing: Mapping[str, datetime], now: datetime) -> list[Manifest]:
    """Those that are to be asked for a sync now.

    Args:
        missing: Secret -> when a kubelet last said that it is not there; if that was before the last sync, it may be by
            now.
    """
    return [item for item in external_secrets if _is_forgotten(item, missing) and _may_be_asked(item, now)]


def requested(now: datetime) -> dict[str, str]:
    """The annotation by which a sync is asked for."""
    return {labels.SYNC_REQUESTED: now.strftime("%Y-%m-%dT%H:%M:%SZ")}


def _is_forgotten(item: Manifest, missing: Mapping[str, datetime]) -> bool:
    said = missing.get(at(item, "spec", "target", "name", default=""))
    synced = _moment(at(item, "status", "refreshTime"))
    ready = any(
        condition.get("type") == "Ready" and condition.get("status") == "True"
        for condition in at(item, "status", "conditions", default=[])
    )
    return ready and said is not None and synced is not None and said >= synced


def _may_be_asked(item: Manifest, now: datetime) -> bool:
    before = _moment(at(item, "metadata", "annotations", labels.SYNC_REQUESTED))
    return before is None or not now - SPACING < before <= now


def _moment(text: object) -> datetime | None:
    """RFC 3339 of somebody else's; None: it is none."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
