"""``novacron auth create-admin`` as a process on a real PostgreSQL: who is made, when it is refused, how it fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.services.conftest import REDIS_PASSWORD
from tests.support.auth_pods import AuthPods, post
from tests.support.database import Database
from tests.support.postgres import Postgres
from tests.support.redis_server import RedisServer
from tests.support.volume import Volume

EMAIL, ORGANIZATION = "ada@example.org", "Example"
PASSWORD = "canary of several words that are kept"
EXPIRE = "UPDATE auth.users SET password_expires_at = now() - interval '1 s' WHERE email = %s"


@pytest.fixture
def auth(postgres: Postgres, redis_server: RedisServer, tmp_path: Path) -> AuthPods:
    """A database with its schema and nobody in it; its pod does not run."""
    files: dict[str, str | bytes] = {"password": REDIS_PASSWORD, "ca.crt": redis_server.ca}
    return AuthPods(tmp_path, postgres, redis_server, files)


class Done:
    """Exit code and what was said."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code, self.output, self.error = done.returncode, done.stdout, done.stderr

    def document(self) -> dict[str, Any]:
        assert (self.code, self.error) == (0, ""), self.error
        found: dict[str, Any] = json.loads(self.output)
        return found

    def refused(self, code: int) -> str:
        """The one line, which quotes no password."""
        assert (self.code, self.output, self.error.count("\n")) == (code, "", 1), (self.code, self.output, self.error)
        assert "canary" not in self.error
        return self.error


def command(config: Path, *more: str, email: str = EMAIL, organization: str = ORGANIZATION) -> list[str]:
    where = [f"--config={config}", f"--email={email}", f"--organization={organization}"]
    return [sys.executable, "-m", "novacron", "auth", "create-admin", *where, *more]


def create(config: Path, *more: str, email: str = EMAIL, organization: str = ORGANIZATION, given: str = "") -> Done:
    line = command(config, *more, email=email, organization=organization)
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False, input=given)
    return Done(done)


def config(auth: AuthPods) -> Path:
    return auth.pod.config.path


def test_the_first_administrator_logs_in_and_manages(auth: AuthPods) -> None:
    made = create(config(auth), "-o", "json").document()
    assert (made["email"], made["role"], made["organization"]) == (EMAIL, "platform-admin", ORGANIZATION)
    assert auth.database.sql("SELECT id::text, name FROM auth.organizations") == [
        (made["organization_id"], ORGANIZATION)
    ]
    ((left, hash_),) = auth.database.sql(
        "SELECT extract(epoch FROM password_expires_at - now())::int, password_hash FROM auth.users"
    )
    assert 86_300 < left <= 86_400
    assert hash_.startswith("$argon2id$")
    events = auth.database.sql("SELECT type, subject, object, details FROM auth.audit ORDER BY id")
    by = "novacron auth create-admin"
    assert events == [
        ("organization_created", None, made["organization_id"], {"by": by}),
        ("user_created", None, made["id"], {"by": by, "role": "platform-admin"}),
    ]
    with auth:
        login = {"email": EMAIL, "password": made["one_time_password"]}
        assert post(auth.pod, "/api/v1/auth/login", **login).status == 403
        answer = post(auth.pod, "/api/v1/auth/login", **login, new_password=PASSWORD)
        assert answer.status == 200, answer
        bearer = f"Bearer {answer.json()['access_token']}"
        listed = auth.pod.ask("/api/v1/auth/organizations", Authorization=bearer)
        assert [one["id"] for one in listed.json()["items"]] == [made["organization_id"]]


def test_a_person_reads_the_password_once(auth: AuthPods) -> None:
    done = create(config(auth))
    assert done.code == 0, done.error
    first, second, third, fourth = done.output.splitlines()
    assert first == f"platform-admin {EMAIL} is there"
    assert second.startswith(f"organization {ORGANIZATION} has the id ")
    assert third.startswith("one-time password, shown this once: ")
    assert "docs/auth.md" in fourth


def test_there_is_one_first_administrator(auth: AuthPods) -> None:
    assert create(config(auth)).code == 0
    for email in (EMAIL, "grace@example.org"):
        assert "is there already" in create(config(auth), email=email, organization="Other").refused(1)
    assert auth.database.sql("SELECT count(*) FROM auth.users") == [(1,)]
    assert auth.database.sql("SELECT name FROM auth.organizations") == [(ORGANIZATION,)]


def test_of_two_at_once_one_makes_an_administrator(auth: AuthPods) -> None:
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda name: create(config(auth), email=f"{name}@example.org"), ("ada", "grace", "ada")))
    assert sorted(one.code for one in done) == [0, 1, 1]
    assert auth.database.sql("SELECT count(*), count(DISTINCT role) FROM auth.users") == [(1, 1)]
    assert auth.database.sql("SELECT count(*) FROM auth.organizations") == [(1,)]


def test_a_password_that_nobody_used_in_time_is_made_anew(auth: AuthPods) -> None:
    first = create(config(auth), "-o", "json").document()
    auth.database.sql(EXPIRE, EMAIL)
    second = create(config(auth), "-o", "json").document()
    assert (second["id"], second["organization_id"]) == (first["id"], first["organization_id"])
    assert second["one_time_password"] != first["one_time_password"]
    assert [one for (one,) in auth.database.sql("SELECT type FROM auth.audit ORDER BY id")] == [
        "organization_created",
        "user_created",
        "password_reset",
    ]
    assert create(config(auth)).code == 1


def test_a_password_that_is_given_is_kept(auth: AuthPods, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    made = create(config(auth), "-o", "json", f"--password-file={file}").document()
    assert (made["one_time_password"], made["password_expires_at"]) == (None, None)
    with auth:
        login = {"email": EMAIL.upper(), "password": PASSWORD}
        assert post(auth.pod, "/api/v1/auth/login", **login).status == 200


def test_a_password_comes_from_standard_input_and_is_not_printed(auth: AuthPods) -> None:
    done = create(config(auth), "--password-file=-", given=PASSWORD)
    assert done.code == 0, done.error
    assert "password" not in done.output
    assert PASSWORD not in done.output + done.error


@pytest.mark.parametrize(
    ("options", "given", "said"),
    [
        ({"email": "canary"}, "", "--email: must be a plain"),
        ({"organization": " "}, "", "--organization: must not begin"),
        ({}, "canary", "--password-file: is shorter than 15"),
        ({}, "canary" * 30, "--password-file: is longer than 128"),
        ({}, "canary of novacron itself", "--password-file: holds the word"),
        ({}, "canary\n" * 200, "--password-file"),
        ({}, "", "--password-file"),
    ],
    ids=["address", "organization", "short", "long", "ours", "a whole file", "empty"],
)
def test_bad_input_is_refused_before_anything_is_asked(
    auth: AuthPods, options: dict[str, str], given: str, said: str
) -> None:
    more = () if options else ("--password-file=-",)
    assert said in create(config(auth), *more, given=given, **options).refused(2)
    assert auth.database.sql("SELECT count(*) FROM auth.users") == [(0,)]


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    ("output", "code", "said"),
    [
        (
            "/dev/full",
            2,
            "novacron: standard output: No space left on device; write to a file or a pipe that has room\n",
        ),
        ("&-", 2, "novacron: standard output is closed; write to a file or a pipe\n"),
        ("&0", 1, ""),
    ],
    ids=["full", "closed", "a pipe that nobody reads"],
)
def test_a_password_that_cannot_be_shown_makes_nobody(
    auth: AuthPods, output: str, code: int, said: str, form: str
) -> None:
    line = ["/bin/sh", "-c", f'exec "$@" >{output}', "sh", *command(config(auth), "-o", form)]
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as nobody:
        done = subprocess.run(line, stdin=nobody, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (code, said)
    assert auth.database.sql("SELECT id FROM auth.users UNION SELECT id FROM auth.organizations") == []
    assert auth.database.sql("SELECT count(*) FROM auth.audit") == [(0,)]
    assert create(config(auth)).code == 0


def test_an_address_of_somebody_else_is_refused(auth: AuthPods) -> None:
    somebody = auth.person("admin")
    assert "--email" in create(config(auth), email=somebody.email).refused(1)
    assert auth.database.sql("SELECT count(*) FROM auth.organizations WHERE name = %s", ORGANIZATION) == [(0,)]


def test_an_organization_that_ended_is_refused(auth: AuthPods) -> None:
    auth.database.sql("INSERT INTO auth.organizations (name, active) VALUES (%s, false)", ORGANIZATION.upper())
    assert "--organization" in create(config(auth)).refused(1)


def test_without_the_schema_it_says_what_to_run(auth: AuthPods, postgres: Postgres, tmp_path: Path) -> None:
    empty = Database(postgres, tmp_path / "empty")
    settings = {**auth.pod.settings, "database": empty.settings(empty.login())}
    folder = Volume(tmp_path / "other", {"settings.json": json.dumps(settings), "reloaded.json": "{}"})
    assert "run novacron migrate" in create(folder.path).refused(1)


def test_a_database_that_is_not_reached_is_named(auth: AuthPods, tmp_path: Path) -> None:
    database = {**auth.pod.settings["database"], "port": 1}
    settings = {**auth.pod.settings, "database": database}
    folder = Volume(tmp_path / "other", {"settings.json": json.dumps(settings), "reloaded.json": "{}"})
    assert "127.0.0.1:1" in create(folder.path).refused(3)


def test_without_settings_it_says_where_they_are_looked_for(tmp_path: Path) -> None:
    assert "--config" in create(tmp_path / "none").refused(2)
