"""``novacron status`` against an API server in memory; the real one is asked in tests/cluster."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from novacron.adapters.kube import path as api_path
from novacron.core import kinds, labels, names
from novacron.core.manifest import Manifest
from tests.support.resources import minimal
from tests.unit.roles.command import ApiServer, novacron, refused, stored

_MESSAGE = "Deployment/novacron-api: containers.[api].image comes back; [/bold] and [red] are no markup, :warning: too"


def condition(type_: str, status: str, message: str, reason: str = "Reason") -> Manifest:
    return {"type": type_, "status": status, "reason": reason, "message": message}


def ready(name: str = "novacron", **status: Any) -> Manifest:
    return stored(minimal(name), conditions=[condition("Ready", "True", "All is well")], **status)


def asked(server: ApiServer, *arguments: str) -> tuple[int, str, str]:
    return novacron("status", "-n", "novacron", *arguments, "--kubeconfig", server.kubeconfig)


def test_values_go_out_as_they_are(server: ApiServer) -> None:
    found = [condition("Ready", "False", _MESSAGE), condition("Stalled", "True", _MESSAGE)]
    component = {"name": "api", "ready": 1, "desired": 2, "image": "registry/[api]:v1"}
    server.holds(kinds.NOVACRON, "novacron", stored(minimal(), conditions=found, components=[component], version="v1"))
    meta = {"name": "a-[b]", "labels": {labels.INSTANCE: "gone"}}
    server.holds(kinds.CONFIG_MAP, "novacron", {"metadata": meta})
    code, output, error = asked(server)
    assert (code, error) == (1, "")
    assert output.count(_MESSAGE) == 3, "two conditions and what to do next"
    assert "  api: 1 of 2 ready, registry/[api]:v1\n" in output
    assert "ConfigMap/a-[b]\n" in output


def test_lines_are_whole_in_a_pipe(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    long = "word " * 100 + "end"
    server.holds(kinds.NOVACRON, "novacron", stored(minimal(), conditions=[condition("Ready", "False", long)]))
    lines = asked(server)[1].splitlines()
    assert any(line.startswith("Ready") and line.endswith(long) for line in lines)
    assert [line for line in lines if line != line.rstrip()] == []


def test_another_name_is_told(server: ApiServer) -> None:
    server.holds(kinds.NOVACRON, "novacron", ready("one"), ready("two"))
    code, output, _error = asked(server, "three")
    assert (code, output) == (1, "No NovaCron in namespace novacron of that name; there is one, two.\n")
    code, output, _error = asked(server, "three", "-o", "json")
    assert (code, json.loads(output)["others"]) == (1, ["one", "two"])
    code, output, _error = asked(server, "one", "-o", "json")
    assert (code, json.loads(output)["others"]) == (0, ["two"])


def test_an_empty_namespace_is_told(server: ApiServer) -> None:
    server.holds(kinds.NOVACRON, "novacron")
    assert asked(server)[:2] == (1, "No NovaCron in namespace novacron.\n")


@pytest.mark.parametrize("command", [("status",), ("diff", "-f", "-")])
def test_a_cluster_without_the_definition_is_told_how_to_get_it(command: tuple[str, ...], server: ApiServer) -> None:
    error = refused(*command, "--kubeconfig", server.kubeconfig, given=minimal(), code=1)
    assert "kubectl apply --server-side -f crds/novacron.yaml" in error


def test_an_answer_on_several_lines_is_told_on_one(server: ApiServer) -> None:
    server.answers["/apis/novacron.io/v1alpha1/namespaces/novacron/novacrons"] = 403
    error = refused("status", "-n", "novacron", "--kubeconfig", server.kubeconfig, code=1)
    assert "answer 403 on two lines" in error


def test_watching_outlasts_a_silence(server: ApiServer) -> None:
    server.holds(kinds.NOVACRON, "novacron", ready())
    listed = "/apis/novacron.io/v1alpha1/namespaces/novacron/novacrons"
    arguments = ["status", "-n", "novacron", "--watch", "-o", "json", "--kubeconfig", server.kubeconfig]
    command = [sys.executable, "-m", "novacron", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        assert watching.stderr is not None
        assert json.loads(watching.stdout.readline())["resources"][0]["ready"] is True
        before, server.answers[listed] = server.answers[listed], 503
        assert watching.stderr.readline() == "novacron: answer 503 on two lines; still watching\n"
        server.answers[listed] = before
        assert json.loads(watching.stdout.readline())["resources"][0]["ready"] is True, "shown again after the silence"
        watching.send_signal(signal.SIGINT)
        assert (watching.communicate(timeout=20)[1], watching.returncode) == ("", 0)


def test_watching_what_never_answers_ends(server: ApiServer) -> None:
    server.answers["/apis/novacron.io/v1alpha1/namespaces/novacron/novacrons"] = 503
    refused("status", "-n", "novacron", "--watch", "--kubeconfig", server.kubeconfig, code=3)


def test_keys_that_a_deleted_novacron_left_are_named(server: ApiServer) -> None:
    server.holds(kinds.NOVACRON, "novacron")
    server.answers[api_path(kinds.SECRET, "novacron", names.SIGNING_KEYS)] = {"metadata": {"name": names.SIGNING_KEYS}}
    assert "Kept for the next NovaCron: Secret/novacron-signing-keys\n" in asked(server)[1]
    assert json.loads(asked(server, "-o", "json")[1])["kept"] == ["Secret/novacron-signing-keys"]
