"""`operator/` is a source root: a package of that name would shadow the standard library's."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.service_process import ML_SETTINGS, TOKEN

_ROOT = Path(__file__).parents[2]
_HEAVY = {
    "kopf",
    "kubernetes",
    "aiohttp",
    "yaml",
    "novacron.api",
    "novacron.stack",
    "psycopg",
    "redis",
    "numpy",
    "pyarrow",
}


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
        "heavy = {'kopf', 'kubernetes', 'aiohttp', 'prometheus_client', 'numpy'} & sys.modules.keys();"
        "print(sorted(heavy), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    ("role", "used"),
    [("api", {"redis"}), ("auth", {"psycopg", "redis"}), ("query", {"psycopg", "redis", "numpy"}), ("ml", {"numpy"})],
)
def test_a_workload_holds_no_operator_and_nothing_that_it_does_not_use(
    role: str, used: set[str], tmp_path: Path
) -> None:
    """Up to the moment at which it would begin to serve: the port is taken."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        store = {"host": "h", "port": 1, "credentials": "/none", "secret": "s"}
        settings = {
            "role": role,
            "ports": {"http": taken.getsockname()[1], "metrics": taken.getsockname()[1]},
            "instance": "i",
            "namespace": "n",
            "shutdown_grace_seconds": 1,
            "jwks_file": "/none/jwks.json",
            "token": TOKEN,
            "internal_key_file": "/none/key",
            "signing_keys": "/none/keys",
            "access_token_seconds": 1,
            "refresh_token_seconds": 1,
            "jwks_max_age_seconds": 1,
            "session": {"rotation_seconds": 1, "idle_seconds": 1, "lifetime_seconds": 1, "per_user": 1},
            "rate_limit": {"requests_per_minute": 1, "logins_per_minute": 1},
            "peers": {"auth": {"internal": "http://auth:8081"}},
            "retention_seconds": 3600,
            "statement_timeout_seconds": 1,
            "cache_seconds": 0,
            "page_size": {"default": 1, "max": 1},
            **ML_SETTINGS,
            "spill_directory": "/none",
            "database": {**store, "name": "n", "ssl_mode": "disable"},
            "redis": {**store, "tls": False},
        }
        (tmp_path / "settings.json").write_text(json.dumps(settings))
        (tmp_path / "reloaded.json").write_text("{}")
        program = (
            f"import sys; sys.argv = ['novacron', '{role}', '--config', '{tmp_path}', '--bind-address', '127.0.0.1']\n"
            "from novacron.__main__ import main\n"
            "try:\n  main()\n"
            "finally:\n"
            f"  print(*sorted({_HEAVY} & sys.modules.keys()))\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "Address already in use" in done.stderr
    assert set(done.stdout.split()) == used
