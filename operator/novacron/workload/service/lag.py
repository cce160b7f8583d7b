"""How late the event loop comes back: what blocks it shows here before it shows in answers."""

from __future__ import annotations

import asyncio

from novacron.adapters import clock
from novacron.workload.service.telemetry import Telemetry

_SECONDS = 0.25


async def measure(telemetry: Telemetry) -> None:
    """Until cancelled."""
    while True:
        asked = clock.monotonic()
        await asyncio.sleep(_SECONDS)
        telemetry.lag.observe(max(0.0, clock.monotonic() - asked - _SECONDS))
