"""What is gone after a deletion, what hangs, and what uninstalling leaves."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from novacron.core import labels, names
from tests.support.api_client import KINDS
from tests.support.living import HOME, OPERATOR_IMAGE, ROOT, Living
from tests.support.lodging import Lodging, Sample
from tests.support.waiting import until

pytestmark = pytest.mark.real_node


def _left(lodging: Lodging) -> list[str]:
    """Everything in the namespace that is NovaCron's, pods included."""
    return [
        f"{kind}/{item['metadata']['name']}"
        for kind, known in KINDS.items()
        if known.namespaced
        for item in lodging.client.list(kind, lodging.namespace)
        if item["metadata"].get("labels", {}).get(labels.INSTANCE) == lodging.name
    ]


def _until_store_secrets_are_gone(lodging: Lodging) -> None:
    """Those that External Secrets made: garbage collection takes them after their ExternalSecret.

    One that the next ExternalSecret finds just before it goes is believed to be synced until the next refresh.
    """

    def gone() -> bool:
        owners = [
            owner["kind"]
            for secret in lodging.client.list("Secret", lodging.namespace)
            for owner in secret["metadata"].get("ownerReferences", ())
        ]
        assert "ExternalSecret" not in owners, owners
        return True

    until(gone, "the Secrets from the store are gone", 60, every=0.5)


def _command(living: Living, *arguments: str) -> tuple[int, str]:
    """The novacron command against this cluster: exit code and what it printed for programs and people."""
    environment = {**os.environ, "KUBECONFIG": str(living.node.plane.kubeconfig), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "novacron", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout or done.stderr


def _keys(lodging: Lodging) -> dict[str, tuple[str, str]]:
    """Which of the Secrets that outlive a NovaCron are there: the identity and the content of each."""
    found = {name: lodging.client.get("Secret", lodging.namespace, name) for name in names.KEYS}
    return {
        name: (secret["metadata"]["uid"], json.dumps(secret["data"], sort_keys=True))
        for name, secret in found.items()
        if secret is not None
    }


def test_deleting_the_resource_removes_every_child_but_the_keys_and_the_next_takes_them_up(living: Living) -> None:
    with Lodging(living) as lodging:
        first = lodging.until_ready().resource()
        assert len(_left(lodging)) > 20
        keys = _keys(lodging)
        assert set(keys) == {"novacron-signing-keys", "novacron-internal-key"}
        lodging.client.delete("NovaCron", lodging.namespace, lodging.name, propagation="Foreground")
        until(lambda: _left(lodging) == [], "nothing is left", 90, every=0.5)
        assert _keys(lodging) == keys

        meta = {"name": lodging.name, "namespace": lodging.namespace}
        lodging.client.create({key: first[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": meta})
        second = lodging.until_ready().resource()
        assert second["metadata"]["uid"] != first["metadata"]["uid"]
        assert second["status"]["auth"] == first["status"]["auth"]
        assert _keys(lodging) == keys


@pytest.fixture
def without_external_secrets(living: Living) -> Iterator[None]:
    """Its controller away: ExternalSecrets carry a finalizer that nobody removes then."""
    deployment = ("-n", "neighbours", "scale", "deployment/external-secrets")
    living.kubectl(*deployment, "--replicas=0")
    until(
        lambda: living.client.list("Pod", "neighbours", "app.kubernetes.io/name=external-secrets") == [],
        "External Secrets is gone",
    )
    yield
    living.kubectl(*deployment, "--replicas=1")
    living.kubectl("-n", "neighbours", "rollout", "status", "deployment/external-secrets", "--timeout=90s")


def test_a_foreground_deletion_that_hangs_says_what_hangs(
    touched: Sample, without_external_secrets: None, living: Living
) -> None:
    touched.client.delete("NovaCron", touched.namespace, touched.name, propagation="Foreground")

    def told() -> bool:
        ready = touched.condition("Ready")
        assert ready.get("reason") == "Deleting", ready
        return {f"ExternalSecret/{touched.name}-{group}" in ready["message"] for group in ("database", "redis")} == {
            True
        }

    until(told, "the conditions name the ExternalSecrets", 60, every=0.5)
    code, said = _command(living, "status", "-n", touched.namespace)
    assert code == 1
    assert f"{touched.name}-database" in said
    living.kubectl("-n", "neighbours", "scale", "deployment/external-secrets", "--replicas=1")
    until(lambda: _left(touched) == [], "all of it is gone once the controller is back", 120, every=0.5)
    _until_store_secrets_are_gone(touched)


def test_after_a_plain_deletion_status_and_doctor_list_what_is_left(
    touched: Sample, without_external_secrets: None, living: Living
) -> None:
    touched.client.delete("NovaCron", touched.namespace, touched.name)
    until(lambda: touched.client.get("NovaCron", touched.namespace, touched.name) is None, "the resource is gone")
    for command in ("status", "doctor"):
        code, said = _command(living, command, "-n", touched.namespace, "-o", "json")
        assert code == 1
        assert f"{touched.name}-database" in json.dumps(json.loads(said)), command
    living.kubectl("-n", "neighbours", "scale", "deployment/external-secrets", "--replicas=1")
    until(lambda: _left(touched) == [], "all of it is gone once the controller is back", 120, every=0.5)
    _until_store_secrets_are_gone(touched)


def test_uninstalling_as_documented_leaves_the_definition_and_the_keys(touched: Sample, living: Living) -> None:
    """The commands of README.md, as they stand there; also those that remove what stays."""
    section = (ROOT / "README.md").read_text().partition("## Uninstall")[2].partition("\n## ")[0]
    commands = [line.partition(" #")[0].split() for line in section.split("```")[1].strip().splitlines()]
    assert all(command[0] == "kubectl" for command in commands)
    for command in commands:
        living.kubectl(*command[1:])
    assert _left(touched) == []
    assert living.client.get("Namespace", "", HOME) is None
    left = living.kubectl("get", "crd,clusterrole,clusterrolebinding,validatingadmissionpolicy", "-o", "name").split()
    assert [name for name in left if "novacron" in name] == [
        "customresourcedefinition.apiextensions.k8s.io/novacrons.novacron.io"
    ]
    assert set(_keys(touched)) == set(names.KEYS)
    _code, said = _command(living, "doctor", "-n", touched.namespace)
    assert all(f"Secret/{name}" in said for name in names.KEYS)
    for command in re.findall(r"`kubectl (delete [^`]+)`", section):
        living.kubectl(*command.replace("NAMESPACE", touched.namespace).split())
    assert _keys(touched) == {}
    _until_store_secrets_are_gone(touched)
    left = living.kubectl("get", "crd", "-o", "name").split()
    assert [name for name in left if "novacron" in name] == []
    living.install(OPERATOR_IMAGE)
