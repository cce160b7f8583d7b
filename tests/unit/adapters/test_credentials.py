"""Kubeconfigs as they are found: usable, or refused with the file, the field and the remedy. No cluster."""

from __future__ import annotations

import base64
import json
import logging
import sys
import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from novacron.adapters import clock, credentials
from novacron.adapters.credentials import Credentials, CredentialsMissing, CredentialsUnusable, RenewedToken
from tests.support.waiting import until

_SERVER = {"server": "https://127.0.0.1:1"}
_NO_PEM = base64.b64encode(b"no certificate").decode()


def written(
    directory: Path, cluster: Mapping[str, Any] = _SERVER, user: Mapping[str, Any] | None = None, **context: Any
) -> str:
    """Path of a kubeconfig with the contexts x and y."""
    file = directory / "kubeconfig"
    contexts = [{"name": name, "context": {"cluster": "c", "user": "u", **context}} for name in ("x", "y")]
    content = {
        "current-context": "x",
        "clusters": [{"name": "c", "cluster": dict(cluster)}],
        "users": [{"name": "u", "user": {"token": "hunter2"} if user is None else dict(user)}],
        "contexts": contexts,
    }
    file.write_text(yaml.safe_dump(content))
    return str(file)


def unusable(file: str, context: str = "") -> str:
    """What is said of it: one line, without a secret."""
    with pytest.raises(CredentialsUnusable) as caught:
        credentials.find(file, context)
    text = str(caught.value)
    assert text.startswith(f"{file}: ")
    assert "hunter2" not in text
    assert "\n" not in text
    return text


def test_a_kubeconfig_is_read(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    cluster = {"server": "https://127.0.0.1:1/", "certificate-authority": "ca.pem"}
    found = credentials.find(written(tmp_path, cluster, namespace="here"))
    assert (found.server, found.namespace, found.insecure) == ("https://127.0.0.1:1", "here", False)
    assert found.headers() == {"Authorization": "Bearer hunter2"}
    assert found.tls()


def test_the_namespace_is_default_where_the_context_has_none(tmp_path: Path) -> None:
    assert credentials.find(written(tmp_path, namespace=None), "y").namespace == "default"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "not a url",
        "127.0.0.1:1",
        "https://",
        "https://h:99999",
        "https://h:x",
        "ftp://h",
        "HTTPS://h",
        "https://h/x",
    ],
)
def test_an_address_that_is_none_is_refused(address: str, tmp_path: Path) -> None:
    """Upper case as well: the client would take it for one without TLS. And a path, which would be dropped."""
    assert "server of the cluster: must be https://" in unusable(written(tmp_path, {"server": address}))


def test_a_cluster_without_an_address_is_no_localhost(tmp_path: Path) -> None:
    assert "server of the cluster" in unusable(written(tmp_path, {}))


CLUSTERS = {
    "a CA that is none": ({"certificate-authority-data": _NO_PEM}, ("certificate-authority: ", "PEM")),
    "a CA that is not base64": ({"certificate-authority-data": "a"}, ("certificate-authority-data: ", "base64")),
    "a CA file that is not there": ({"certificate-authority": "/nowhere.pem"}, ("/nowhere.pem", "correct it")),
    "another name of the server": ({"tls-server-name": "other"}, ("tls-server-name", "not supported")),
    "a proxy": ({"proxy-url": "http://proxy:1"}, ("proxy-url", "not supported")),
    "a quoted boolean": ({"insecure-skip-tls-verify": "false"}, ("insecure-skip-tls-verify", "quotes")),
}


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_cluster_that_cannot_be_used_is_refused(name: str, tmp_path: Path) -> None:
    cluster, words = CLUSTERS[name]
    text = unusable(written(tmp_path, {**_SERVER, **cluster}))
    for word in words:
        assert word in text


USERS: dict[str, tuple[Mapping[str, Any], tuple[str, ...]]] = {
    "a certificate that is none": (
        {"client-certificate-data": _NO_PEM, "client-key-data": _NO_PEM},
        ("client-certificate and client-key: ", "PEM"),
    ),
    "a certificate that is not base64": (
        {"client-certificate-data": "hunter2!"},
        ("client-certificate-data: ", "base64"),
    ),
    "a key that is not base64": ({"client-key-data": "hunter2!"}, ("client-key-data: ", "base64")),
}


@pytest.mark.parametrize("name", USERS)
def test_a_user_that_cannot_be_used_is_refused(name: str, tmp_path: Path) -> None:
    user, words = USERS[name]
    text = unusable(written(tmp_path, user=user))
    for word in words:
        assert word in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "empty"),
        ("kind: Config", "current-context: nothing is named"),
        ("users: [{name: u, token: hunter2}]\ntoken: [hunter2", "line 2"),
        ("[]", "correct it"),
        ("a: " + "[" * 3000, "correct it"),
        ("contexts: [hunter2]\ncurrent-context: x", "correct it"),
        ("contexts: [{name: x, context: {cluster: c}}]\ncurrent-context: x", "clusters that are there: none"),
    ],
    ids=range(7),
)
def test_what_is_no_kubeconfig_is_refused(content: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(content)
    assert words in unusable(str(file))


def test_an_entry_without_its_body_is_refused_without_being_quoted(tmp_path: Path) -> None:
    file = Path(written(tmp_path))
    content = yaml.safe_load(file.read_text())
    content["users"] = [{"name": "u", "token": "hunter2"}]
    file.write_text(yaml.safe_dump(content))
    assert "users[u].user: must be an object" in unusable(str(file))


def test_a_namespace_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    """It becomes part of the path of every request."""
    assert "contexts[x].context.namespace" in unusable(written(tmp_path, namespace="a/../b"))
    unusable(written(tmp_path, namespace=5))


def test_an_unknown_context_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    text = unusable(written(tmp_path), "staging")
    assert text.endswith("--context: staging is named; the contexts that are there: x, y")


def test_a_file_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = str(tmp_path / "missing")
    assert "no such file" in unusable(missing)
    monkeypatch.setenv("KUBECONFIG", missing)
    with pytest.raises(CredentialsUnusable, match=f"^{missing}: no such file"):
        credentials.find()


def test_none_at_all_is_another_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(CredentialsMissing, match="--kubeconfig"):
        credentials.find()


def test_a_certificate_that_vanishes_later_is_told_in_the_same_words(tmp_path: Path) -> None:
    found = Credentials("https://127.0.0.1:1", "x", ca_file=str(tmp_path / "gone"), source="kubeconfig")
    with pytest.raises(CredentialsUnusable, match=r"^kubeconfig: certificate-authority: No such file or directory; "):
        found.tls()


# Credential plugins


def plugin(directory: Path, program: str) -> Mapping[str, Any]:
    """A user whose credentials a Python program prints."""
    file = directory / "plugin.py"
    file.write_text(program)
    version = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": version, "command": sys.executable, "args": [str(file)], "interactiveMode": "Never"}}


def printing(status: Mapping[str, Any]) -> str:
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    return f"print({json.dumps(json.dumps(answer))})"


def test_a_plugin_gives_the_token(tmp_path: Path) -> None:
    user = plugin(tmp_path, printing({"token": "t1", "expirationTimestamp": "2100-01-01T00:00:00Z"}))
    assert credentials.find(written(tmp_path, user=user)).token() == "t1"


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import sys; sys.exit('not logged in')", "process returned 1. not logged in"),
        ("print('no JSON')", "failed to decode"),
        (printing({}), "missing token"),
    ],
    ids=["exit code", "no JSON", "no token"],
)
def test_a_plugin_that_fails_is_one_line(
    program: str, words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert words in unusable(written(tmp_path, user=plugin(tmp_path, program)))
    assert capfd.readouterr() == ("", ""), "the client's own log is kept from the terminal"


def test_a_plugin_that_is_not_installed_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    handlers = list(logging.getLogger().handlers)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin"}}
    text = unusable(written(tmp_path, user=user))
    assert "exec of the user" in text
    assert "no-such-plugin" in text
    assert "install it" in text
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger().handlers == handlers


class _Plugin:
    """Fetches numbered tokens; waits while ``may_go`` is clear, and fails while ``fails`` is set."""

    def __init__(self, life: timedelta | None) -> None:
        self.life = life
        self.runs = 0
        self.threads: set[str] = set()
        self.fails = False
        self.may_go = threading.Event()
        self.may_go.set()

    def __call__(self) -> tuple[str, Any]:
        self.runs += 1
        self.threads.add(threading.current_thread().name)
        assert self.may_go.wait(20)
        if self.fails:
            raise CredentialsUnusable("the plugin failed")
        return f"t{self.runs}", None if self.life is None else clock.now() + self.life


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> list[timedelta]:
    """Time that has passed beyond the real one, as its only item."""
    beyond, now = [timedelta()], clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + beyond[0])
    return beyond


def test_a_token_is_fetched_once_while_it_lives(passing: list[timedelta]) -> None:
    fetch = _Plugin(timedelta(hours=1))
    token = RenewedToken(fetch)
    passing[0] = timedelta(minutes=45)
    assert {token() for _ in range(10)} == {"t1"}
    assert fetch.runs == 1


def test_a_token_that_never_expires_is_fetched_once(passing: list[timedelta]) -> None:
    fetch = _Plugin(None)
    token = RenewedToken(fetch)
    passing[0] = timedelta(days=3650)
    assert (token(), fetch.runs) == ("t1", 1)


def test_a_token_is_renewed_once_and_nobody_waits(passing: list[timedelta]) -> None:
    """Who asks is an event loop, twice a request; a plugin takes seconds."""
    fetch = _Plugin(timedelta(hours=1))
    token = RenewedToken(fetch)
    fetch.may_go.clear()
    passing[0] = timedelta(minutes=50)
    assert {token() for _ in range(10)} == {"t1"}, "the last one, while its successor is fetched"
    fetch.may_go.set()
    until(lambda: token() == "t2", "the successor is there", every=0.01)
    assert {token() for _ in range(10)} == {"t2"}
    assert fetch.runs == 2
    assert fetch.threads == {threading.current_thread().name, "token"}


def test_a_short_life_is_no_reason_to_run_a_plugin_for_each_request(passing: list[timedelta]) -> None:
    fetch = _Plugin(timedelta(seconds=1))
    token = RenewedToken(fetch)
    passing[0] = timedelta(seconds=5)
    assert {token() for _ in range(10)} == {"t1"}
    assert fetch.runs == 1


def test_a_renewal_that_fails_is_told_and_tried_again(
    passing: list[timedelta], caplog: pytest.LogCaptureFixture
) -> None:
    fetch = _Plugin(timedelta(hours=1))
    token = RenewedToken(fetch)
    fetch.fails = True
    passing[0] = timedelta(minutes=50)
    assert token() == "t1"
    until(lambda: "the plugin failed" in caplog.text, "the failure is told", every=0.01)
    assert {token() for _ in range(10)} == {"t1"}
    assert fetch.runs == 2, "not again at once"
    fetch.fails = False
    passing[0] = timedelta(minutes=51)
    until(lambda: token() == "t3", "the successor is there", every=0.01)


def test_only_a_pods_own_account_tells_that_this_process_is_in_the_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kubeconfig may be anybody's: from where it is used, the addresses of pods may be somebody else's."""
    authority = trustme.CA()
    for name, content in (("token", b"t"), ("namespace", b"novacron-system"), ("ca.crt", authority.cert_pem.bytes())):
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(credentials, "_ACCOUNT", tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    assert credentials.find().in_cluster
    assert not credentials.find(written(tmp_path)).in_cluster
