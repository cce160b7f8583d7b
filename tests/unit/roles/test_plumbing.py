"""What the operator's process loads, seen in a fresh one."""

from __future__ import annotations

import subprocess
import sys


def _loaded(program: str) -> list[str]:
    program += "\nimport sys\nprint(*(name for name in sys.modules if name.partition('.')[0] == 'kubernetes'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_operator_starts_without_the_official_client() -> None:
    assert _loaded("import novacron.roles.manager") == []


def test_kubeconfigs_find_the_client_afterwards() -> None:
    assert "kubernetes.config" in _loaded("import novacron.roles.manager, kubernetes.config")


def test_a_client_that_is_loaded_already_stays() -> None:
    assert "kubernetes.config" in _loaded("import kubernetes.config, novacron.roles.manager")
