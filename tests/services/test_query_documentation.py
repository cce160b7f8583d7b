"""docs/query.md does what it says: its commands, in its order, on a pod of query with an empty database."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.services.conftest import REDIS_PASSWORD
from tests.support import documented
from tests.support.postgres import Postgres
from tests.support.query_pods import QueryPods
from tests.support.redis_server import RedisServer

PAGE = Path(__file__).parents[2] / "docs" / "query.md"
_ANSWERS = {
    "/api/v1/dashboard": 200,
    "/api/v1/users": 200,
    "/api/v1/vms": 200,
    "/api/v1/vms/6f1d7a9e-2c57-4f0e-9c37-0f6f4d9c2b11": 201,
    "/api/v1/vms/metrics": 200,
    "/api/v1/vms/metrics/query": 200,
    "/api/v1/percentiles": 200,
}


def run(words: Sequence[str], home: Path) -> Any:
    """What a command of ours prints."""
    done = subprocess.run([sys.executable, "-m", *words], cwd=home, capture_output=True, check=False, text=True)
    assert done.returncode == 0, (words, done.stderr)
    return json.loads(done.stdout)


def test_the_page_leads_from_an_empty_database_to_a_dashboard_and_percentiles(
    tmp_path: Path, postgres: Postgres, redis_server: RedisServer
) -> None:
    files: dict[str, str | bytes] = {"password": REDIS_PASSWORD, "ca.crt": redis_server.ca}
    now = datetime.now(UTC)
    answers: dict[str, Any] = {}
    with QueryPods(tmp_path, postgres, redis_server, files, level="INFO") as query:
        organization = query.organization()
        variables = {
            "QUERY": "",
            "TOKEN": query.token("operator", organization),
            "ADMIN": query.token("admin", organization),
            "AGENT": query.machine_token(organization, "metrics:write"),
            "NOW": now.isoformat(),
            "HOUR_AGO": (now - timedelta(hours=1)).isoformat(),
        }
        for words in documented.commands(PAGE, "kubectl", "curl"):
            if words[0] == "curl":
                request = documented.Request.parsed(documented.filled(words, variables, {}))
                answer = request.send(query.pod)
                assert answer.status == _ANSWERS[request.path], (words, answer)
                answers[request.path] = answer.json()
            elif "--" in words:
                ours = words[words.index("--") + 1 :]
                run([*ours, f"--config={query.pod.config.path}", "--output=json"], tmp_path)
    assert answers.keys() == _ANSWERS.keys()
    assert answers["/api/v1/dashboard"]["summary"]["total"] == 200
    assert len(answers["/api/v1/dashboard"]["items"]) == 20
    assert answers["/api/v1/vms/metrics"] == {"accepted": 1, "duplicate": 0, "rejected": []}
    (interval,) = answers["/api/v1/vms/metrics/query"]["items"]
    assert (interval["cpu_usage"], interval["samples"]) == (12.5, 1)
    (results,) = answers["/api/v1/percentiles"]["results"].values()
    assert results[0] == {"percentile": 50, "value": 13, "method": "exact", "error": {"rank": 0, "value": 0}}


def test_the_same_percentiles_on_the_own_machine(tmp_path: Path) -> None:
    (tmp_path / "latencies.txt").write_text("12\n15\n11\n90\n13\n")
    (words,) = documented.commands(PAGE, "novacron")
    found = run(words, tmp_path)
    exact = {"method": "exact", "error": {"rank": 0, "value": 0}}
    assert found["count"] == 5
    assert found["percentiles"][0] == {"percentile": 50, "value": 13, **exact}
    assert [one["percentile"] for one in found["percentiles"]] == [50, 95, 99]
