"""One line of the audit log for each question that was put to the database: who asked what, and what came of it.

What was asked for is redacted: numbers, times and ids stay, of texts only that they were given, of lists their length.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from novacron.query.domain.caller import Caller

LOGGER = "novacron.audit"
_TYPE = "query"
_log = structlog.get_logger(LOGGER)


def enable() -> None:
    """Lines come whatever LOG_LEVEL keeps of the rest."""
    logging.getLogger(LOGGER).setLevel(logging.INFO)


def record(
    name: str, caller: Caller, arguments: Mapping[str, Any], *, outcome: str, rows: int, milliseconds: float
) -> None:
    """Args:
    name: of the question, one of ours.
    outcome: ok, or why there was no answer, in one word of ours or an error's class.
    """
    known = {"organization": caller.organization} if caller.organization else {}
    _log.info(
        _TYPE,
        query=name,
        subject=caller.subject,
        **known,
        arguments=redacted(arguments),
        outcome=outcome,
        rows=rows,
        duration_ms=round(milliseconds, 1),
    )


def redacted(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Of those that are given."""
    return {name: _redacted(value) for name, value in arguments.items() if value is not None}


def _redacted(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, list | tuple | set | frozenset | dict):
        return len(value)
    return "given"
