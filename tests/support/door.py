"""The way into a living NovaCron: an administrator who logs in, and a service account with its tokens."""

from __future__ import annotations

import json
import time
from base64 import b64decode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Unpack

from tests.support.lodging import Lodging
from tests.support.node.exchange import Answer, Sent, ask

ORGANIZATION = "Example"
_EMAIL = "admin@example.com"
_PASSWORD = "four unlikely words beside a lighthouse"


@dataclass
class Door:
    """A NovaCron with an administrator, and what its clients do."""

    lodging: Lodging
    organization: str = ""

    def ask(self, role: str, method: str, path: str, **sent: Unpack[Sent]) -> Answer:
        """Asks through the Service of a workload."""
        return ask(self.lodging.living.node.box, self.service(role), 80, method, path, **sent)

    def service(self, role: str) -> str:
        found = self.lodging.client.get("Service", self.lodging.namespace, f"{self.lodging.name}-{role}")
        assert found is not None
        return str(found["spec"]["clusterIP"])

    def post(self, path: str, **sent: Unpack[Sent]) -> Any:
        """Of auth; the body of a good answer."""
        answer = self.ask("auth", "POST", f"/api/v1/auth/{path}", **sent)
        assert answer.status in (200, 201, 204), answer
        return answer.json if answer.text else None

    def login(self, email: str = _EMAIL) -> dict[str, Any]:
        found: dict[str, Any] = self.post("login", body={"email": email, "password": _PASSWORD})
        return found

    def person(self, email: str, role: str) -> None:
        """One more, of the administrator's making; the password is changed at first login."""
        made = {"email": email, "role": role, "organization_id": self.organization}
        said = self.post("users", body=made, bearer=self.login()["access_token"])
        self._first_login(email, said["one_time_password"])

    def first_administrator(self) -> None:
        """As the README says: made by command, with a one-time password that is changed at first login."""
        deployment = f"deploy/{self.lodging.name}-auth"
        command = ("novacron", "auth", "create-admin", "--email", _EMAIL, "--organization", ORGANIZATION, "-o", "json")
        said = json.loads(self.lodging.living.kubectl("-n", self.lodging.namespace, "exec", deployment, "--", *command))
        self.organization = said["organization_id"]
        self._first_login(_EMAIL, said["one_time_password"])

    def _first_login(self, email: str, password: str) -> None:
        once = {"email": email, "password": password}
        assert self.ask("auth", "POST", "/api/v1/auth/login", body=once).status == 403
        self.post("login", body=once | {"new_password": _PASSWORD})

    def ring(self) -> dict[str, str]:
        """kid -> state of the signing keys."""
        secret = self.lodging.client.get("Secret", self.lodging.namespace, "novacron-signing-keys")
        assert secret is not None
        document = json.loads(b64decode(secret["data"]["ring.json"]))
        return {key["kid"]: key["state"] for key in document["keys"]}

    def published(self) -> set[str]:
        """kids that a client of auth is told."""
        return {key["kid"] for key in self.ask("auth", "GET", "/.well-known/jwks.json").json["keys"]}


@dataclass
class Machine:
    """A service account whose tokens of every age are in use."""

    door: Door
    file: Path
    client: dict[str, Any] = field(repr=False, default_factory=dict)
    tokens: list[tuple[float, str]] = field(repr=False, default_factory=list)

    def __post_init__(self) -> None:
        wanted = {"name": "load", "scopes": ["metrics:write"], "organization_id": self.door.organization}
        self.client = self.door.post("service-accounts", body=wanted, bearer=self.door.login()["access_token"])
        self.another()

    def another(self) -> None:
        """One more token; those near their end are no longer used."""
        asked = {
            "grant_type": "client_credentials",
            "client_id": self.client["id"],
            "client_secret": self.client["client_secret"],
        }
        answer = self.door.ask("auth", "POST", "/api/v1/auth/token", form=asked)
        assert answer.status == 200, answer
        now = time.monotonic()
        self.tokens.append((now + answer.json["expires_in"] - 3, answer.json["access_token"]))
        self.tokens = [(end, token) for end, token in self.tokens if end > now]
        written = self.file.with_suffix(".new")
        written.write_text("\n".join(token for _end, token in self.tokens))
        written.rename(self.file)
