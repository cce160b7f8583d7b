"""``novacron features`` as a contender of the features' bench: the command itself, in this process."""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from tests.bench.features_answers import Answers, Category, Number
from tests.bench.features_data import CATEGORIES, NUMBERS

_IMPORTED = (
    "novacron.adapters.memory",
    "novacron.ml.service.pipeline",
    "novacron.ml.service.sources.opened",
    "novacron.roles.progress",
    "orjson",
)
"""By the command itself, when it needs them: its imports, not its work."""


def work(path: Path, folder: Path) -> Callable[[], Answers]:
    from novacron.roles.features import features

    for module in _IMPORTED:
        importlib.import_module(module)

    def run() -> Answers:
        printed = io.BytesIO()
        with redirect_stdout(io.TextIOWrapper(printed, write_through=True)):
            features.main([str(path), "--spill-dir", str(folder)], standalone_mode=False)
            return answers(json.loads(printed.getvalue()))

    return run


def answers(document: Mapping[str, Any]) -> Answers:
    """From what the command prints."""
    columns = document["columns"]
    return Answers(
        {name: _number(columns[name]) for name in NUMBERS}, {name: _category(columns[name]) for name in CATEGORIES}
    )


def _number(column: Mapping[str, Any]) -> Number:
    return Number(
        count=column["count"],
        nulls=column["nulls"],
        mean=column["mean"],
        std=column["std"],
        minimum=column["min"],
        maximum=column["max"],
        bounds=column["histogram_bounds"],
    )


def _category(column: Mapping[str, Any]) -> Category:
    return Category(column["distinct"], [(value, count) for value, count in column["categories"]])
