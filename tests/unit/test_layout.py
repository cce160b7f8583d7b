"""`operator/` is a source root: a package of that name would shadow the standard library's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def test_the_source_root_holds_the_package_alone() -> None:
    found = {path.name for path in (_ROOT / "operator").iterdir() if path.name != "__pycache__"}
    assert {name for name in found if not name.endswith(".egg-info")} == {"novacron"}


def test_a_fresh_interpreter_in_the_root_still_finds_the_standard_library() -> None:
    program = "import operator, collections; print(operator.add(1, 1), operator.__file__)"
    done = subprocess.run([sys.executable, "-c", program], cwd=_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("2 ")
    assert str(_ROOT) not in done.stdout.replace(str(Path(sys.prefix)), "")


def test_a_role_imports_only_what_it_needs() -> None:
    """The operator is not in the memory of a command that prints a file."""
    program = (
        "import sys; sys.argv = ['novacron', 'crd'];"
        "from novacron.__main__ import main;"
        "main(standalone_mode=False);"
        "heavy = {'kopf', 'kubernetes', 'aiohttp', 'prometheus_client'} & sys.modules.keys();"
        "print(sorted(heavy), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
