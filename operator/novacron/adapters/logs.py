"""Logging for the whole process: JSON lines in a pod, readable lines on a terminal. Constant text plus fields."""

from __future__ import annotations

import logging
import os
import sys

import structlog

_SILENT = logging.CRITICAL + 1


def configure(level: str = "INFO") -> None:
    """Routes structlog and the standard library's logging (kopf, aiohttp, uvicorn) through one formatter."""
    terminal = sys.stderr.isatty()
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    ending: list[structlog.types.Processor] = (
        [structlog.dev.ConsoleRenderer(colors=_colours())]
        if terminal
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(sort_keys=True)]
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("kopf", "aiohttp.access", "asyncio"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    for talkative in (
        "psycopg",
        "uvicorn.error",
        "yoyo",
    ):  # their texts hold users, hosts, statements, what clients sent
        logging.getLogger(talkative).setLevel(_SILENT)


def _colours() -> bool:
    return not os.environ.get("NO_COLOR")
