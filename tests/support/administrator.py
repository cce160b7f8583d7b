"""Somebody who administers a pod of auth over HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.support.auth_pods import AuthPods, Machine, Somebody, form
from tests.support.service_process import Answer, ServiceProcess

ROOT = "/api/v1/auth"
USERS, ORGANIZATIONS, ACCOUNTS = f"{ROOT}/users", f"{ROOT}/organizations", f"{ROOT}/service-accounts"
AUDIT = f"{ROOT}/audit"


@dataclass(frozen=True, slots=True)
class Caller:
    """Args:
    bearer: the header Authorization; empty: none.
    """

    pod: ServiceProcess
    bearer: str
    id: str = ""
    organization: str | None = None

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """JSON, where there is a body."""
        sent: dict[str, Any] = {"Authorization": self.bearer} if self.bearer else {}
        content = None if body is None else json.dumps(body).encode()
        if body is not None:
            sent["Content-Type"] = "application/merge-patch+json" if method == "PATCH" else "application/json"
        return self.pod.ask(path, method, body=content, **{**sent, **headers})

    def get(self, path: str, **query: Any) -> Answer:
        return self.ask("GET", path + (f"?{urlencode(query)}" if query else ""))

    def post(self, path: str, **members: Any) -> Answer:
        return self.ask("POST", path, members)

    def patch(self, path: str, **members: Any) -> Answer:
        return self.ask("PATCH", path, members)

    def delete(self, path: str) -> Answer:
        return self.ask("DELETE", path)

    def made(self, path: str, **members: Any) -> dict[str, Any]:
        """What a creation answers. Fails the test where there is none."""
        answer = self.post(path, **members)
        assert answer.status == 201, answer
        found: dict[str, Any] = answer.json()
        return found

    def events(self, **query: Any) -> list[dict[str, Any]]:
        """Of the audit log."""
        answer = self.get(AUDIT, **query)
        assert answer.status == 200, answer
        found: list[dict[str, Any]] = answer.json()["items"]
        return found


def person(auth: AuthPods, role: str, pod: ServiceProcess | None = None, **columns: Any) -> Caller:
    """A new one, logged in.

    Args:
        columns: of the row, ``organization_id`` say.
    """
    return logged_in(auth, auth.person(role, **columns), pod, columns.get("organization_id"))


def logged_in(
    auth: AuthPods, somebody: Somebody, pod: ServiceProcess | None = None, organization: str | None = None
) -> Caller:
    where = pod or auth.pod
    tokens = auth.log_in(somebody, where)
    return Caller(where, tokens.bearer, somebody.id, organization or somebody.organization)


def machine(auth: AuthPods, account: Machine) -> Caller:
    """With a token of its own."""
    answer = form(auth.pod, f"{ROOT}/token", {"Authorization": account.basic}, grant_type="client_credentials")
    assert answer.status == 200, answer
    return Caller(auth.pod, f"Bearer {answer.json()['access_token']}", account.id, account.organization)
