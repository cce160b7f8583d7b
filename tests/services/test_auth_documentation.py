"""docs/auth.md does what it says: its commands, in its order, on a pod of auth with an empty database."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.services.conftest import REDIS_PASSWORD
from tests.support import documented
from tests.support.auth_pods import AuthPods
from tests.support.postgres import Postgres
from tests.support.redis_server import RedisServer

PAGE = Path(__file__).parents[2] / "docs" / "auth.md"


def test_the_page_leads_from_an_empty_database_to_the_audit_log(
    postgres: Postgres, redis_server: RedisServer, tmp_path: Path
) -> None:
    files: dict[str, str | bytes] = {"password": REDIS_PASSWORD, "ca.crt": redis_server.ca}
    with AuthPods(tmp_path, postgres, redis_server, files) as auth:
        first = next(documented.commands(PAGE, "kubectl"))
        ours = [*first[first.index("--") + 1 :], f"--config={auth.pod.config.path}", "--output=json"]
        made = json.loads(subprocess.run([sys.executable, "-m", *ours], capture_output=True, check=True).stdout)
        known = {"AUTH": ""}
        given = {
            "THE-ONE-TIME-PASSWORD": made["one_time_password"],
            "ID-OF-THE-ORGANIZATION": made["organization_id"],
        }
        answers: list[dict[str, Any]] = []
        for words in documented.commands(PAGE, "curl"):
            answer = documented.Request.parsed(documented.filled(words, known, given)).send(auth.pod)
            assert answer.status in (200, 201), (words, answer)
            answers.append(answer.json())
            if "session_id" in answers[-1]:
                known["TOKEN"] = answers[-1]["access_token"]
            if "client_secret" in answers[-1]:
                known |= {"CLIENT_ID": answers[-1]["id"], "CLIENT_SECRET": answers[-1]["client_secret"]}
        assert len(answers) == 6
        assert answers[2]["email"] == "grace@example.org"
        assert answers[4]["scope"] == "metrics:write"
