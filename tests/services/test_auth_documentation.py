"""docs/auth.md does what it says: its commands, in its order, on a pod of auth with an empty database."""

from __future__ import annotations

import base64
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.services.conftest import REDIS_PASSWORD
from tests.support.auth_pods import AuthPods
from tests.support.postgres import Postgres
from tests.support.redis_server import RedisServer
from tests.support.service_process import Answer, ServiceProcess

PAGE = (Path(__file__).parents[2] / "docs" / "auth.md").read_text()
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(program: str) -> Iterator[list[str]]:
    """Words of each command of the page that begins with a program."""
    for block in _BLOCK.findall(PAGE):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line)
            if words and words[0] == program:
                yield words


@dataclass(slots=True)
class Request:
    """What curl would send, of what the page uses of it."""

    path: str = ""
    headers: dict[str, Any] = field(default_factory=dict)
    data: list[str] = field(default_factory=list)
    in_query: bool = False

    @classmethod
    def parsed(cls, words: Sequence[str]) -> Request:
        found, rest = cls(), iter(words[1:])
        for word in rest:
            if word == "-H":
                name, _, value = next(rest).partition(": ")
                found.headers[name] = value
            elif word == "-d":
                found.data.append(next(rest))
            elif word == "-u":
                found.headers["Authorization"] = "Basic " + base64.b64encode(next(rest).encode()).decode()
            elif word.startswith("-"):
                assert word in ("-s", "-sG"), word
                found.in_query = "G" in word
            else:
                found.path = word
        return found

    def send(self, pod: ServiceProcess) -> Answer:
        data = "&".join(self.data)
        if self.in_query:
            return pod.ask(f"{self.path}?{data}", **self.headers)
        headers: dict[str, Any] = {"Content-Type": "application/x-www-form-urlencoded", **self.headers}
        return pod.ask(self.path, "POST", body=data.encode(), **headers)


def _filled(words: Sequence[str], known: Mapping[str, str]) -> list[str]:
    """With the shell's variables, and the page's placeholders."""
    found = [re.sub(r"\$(\w+)", lambda name: known[name[1]], word) for word in words]
    for placeholder in ("THE-ONE-TIME-PASSWORD", "ID-OF-THE-ORGANIZATION"):
        found = [word.replace(placeholder, known[placeholder]) for word in found]
    return found


def test_the_page_leads_from_an_empty_database_to_the_audit_log(
    postgres: Postgres, redis_server: RedisServer, tmp_path: Path
) -> None:
    files: dict[str, str | bytes] = {"password": REDIS_PASSWORD, "ca.crt": redis_server.ca}
    with AuthPods(tmp_path, postgres, redis_server, files) as auth:
        first = next(commands("kubectl"))
        ours = [*first[first.index("--") + 1 :], f"--config={auth.pod.config.path}", "--output=json"]
        made = json.loads(subprocess.run([sys.executable, "-m", *ours], capture_output=True, check=True).stdout)
        known = {
            "AUTH": "",
            "THE-ONE-TIME-PASSWORD": made["one_time_password"],
            "ID-OF-THE-ORGANIZATION": made["organization_id"],
        }
        answers: list[dict[str, Any]] = []
        for words in commands("curl"):
            answer = Request.parsed(_filled(words, known)).send(auth.pod)
            assert answer.status in (200, 201), (words, answer)
            answers.append(answer.json())
            if "session_id" in answers[-1]:
                known["TOKEN"] = answers[-1]["access_token"]
            if "client_secret" in answers[-1]:
                known |= {"CLIENT_ID": answers[-1]["id"], "CLIENT_SECRET": answers[-1]["client_secret"]}
        assert len(answers) == 6
        assert answers[2]["email"] == "grace@example.org"
        assert answers[4]["scope"] == "metrics:write"
