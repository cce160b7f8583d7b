"""What must stand in the environment before numpy and pyarrow are imported: they read it once, at their import.

What somebody has set himself stays.
"""

from __future__ import annotations

import os
import re
from collections.abc import MutableMapping
from pathlib import Path

_INFORMATION = Path("/proc/cpuinfo")
_FEATURES = "NPY_DISABLE_CPU_FEATURES"
_SLOW = "X86_V4 AVX512_ICL"
"""Vectors by which numpy sorts five times more slowly on Zen 4 than by those before them (docs/decisions/0025)."""
_THREADS = "OPENBLAS_NUM_THREADS"
"""numpy would start a thread for each processor of the node, for algebra that nothing here does."""

_POOL = "ARROW_DEFAULT_MEMORY_POOL"
"""pyarrow's own allocators keep what is free, up to as much again as a table took; malloc gives it back."""


def prepare(environment: MutableMapping[str, str] = os.environ, information: Path = _INFORMATION) -> None:
    """Called by a role that is about to import numpy.

    Args:
        information: of the kernel, about the processors.
    """
    environment.setdefault(_THREADS, "1")
    environment.setdefault(_POOL, "system")
    try:
        text = information.read_text(errors="replace")
    except OSError:  # no Linux; whatever numpy finds is as good as we know
        return
    if is_zen4(text):
        environment.setdefault(_FEATURES, _SLOW)


def is_zen4(text: str) -> bool:
    """By what the kernel says of the first processor. Family 19h is Zen 3 and Zen 4; only the latter has AVX-512."""
    first = dict(re.findall(r"^(.+?)[ \t]*:[ \t]*(.*)$", text.partition("\n\n")[0], re.MULTILINE))
    known = (first.get("vendor_id"), first.get("cpu family"))
    return known == ("AuthenticAMD", "25") and "avx512f" in first.get("flags", "").split()
