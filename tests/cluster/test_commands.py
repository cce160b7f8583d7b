"""The commands that a person types, against a real API server with a running operator: render, diff, status, doctor."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from novacron.core import drift, kinds, labels
from novacron.core.manifest import ref
from tests.support.api_client import Client, Manifest
from tests.support.controlplane import crds
from tests.support.controlplane.plane import ControlPlane
from tests.support.fault_proxy import FaultProxy
from tests.support.installation import install
from tests.support.neighbours import Neighbours
from tests.support.operator_process import OperatorProcess
from tests.support.place import Place, small
from tests.support.waiting import until

pytestmark = pytest.mark.simulated_node
_COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7][0-9;]*m")


@dataclass(frozen=True, slots=True)
class Said:
    """What a command answered."""

    code: int
    output: str
    error: str

    @property
    def json(self) -> Any:
        return json.loads(self.output)


@dataclass(frozen=True, slots=True)
class World:
    """A control plane with an operator.

    Args:
        bare: what `doctor` said before anything was installed.
        bare_status: what `status` said then.
    """

    plane: ControlPlane
    client: Client
    proxy: FaultProxy
    bare: Said
    bare_status: Said
    directory: Path

    def place(self, namespace: str) -> Place:
        return Place(self.client, self.proxy, namespace)

    def novacron(self, *arguments: str, kubeconfig: Path | None = None, **environment: str) -> Said:
        return said(kubeconfig or self.plane.kubeconfig, *arguments, **environment)

    def written(self, name: str, body: Manifest) -> str:
        file = self.directory / f"{name}.yaml"
        file.write_text(yaml.safe_dump(body))
        return str(file)


def command_line(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "novacron", *arguments]


def said(kubeconfig: Path, *arguments: str, **environment: str) -> Said:
    clean = {key: value for key, value in os.environ.items() if key not in ("KUBECONFIG", "NO_COLOR", "FORCE_COLOR")}
    done = subprocess.run(
        [*command_line(*arguments), f"--kubeconfig={kubeconfig}"],
        capture_output=True,
        text=True,
        check=False,
        env=clean | {"COLUMNS": "200"} | environment,
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """On a control plane of its own: whether there is an operator must be known."""
    directory = tmp_path_factory.mktemp("commands")
    with ControlPlane() as plane:
        bare = said(plane.kubeconfig, "doctor", "-o", "json")
        bare_status = said(plane.kubeconfig, "status")
        crds.install(plane)
        account = install(plane)
        with (
            Neighbours(plane.kubeconfig),
            FaultProxy(account, directory) as proxy,
            OperatorProcess(proxy.kubeconfig, directory) as operator,
        ):
            operator.until_leading().until_ready()
            yield World(plane, Client(plane.kubeconfig), proxy, bare, bare_status, directory)


@pytest.fixture(scope="module")
def place(world: World) -> Place:
    """A namespace with a NovaCron that is Ready; tests of this module only look at it, or put it back."""
    made = world.place("commands")
    made.submit(resource())
    made.until_ready()
    return made


def resource(name: str = "novacron", namespace: str = "commands") -> Manifest:
    """With autoscaling, secrets from Vault, monitoring and a route: most kinds of children."""
    return small(
        namespace,
        name,
        secrets={"vault": {"server": "https://vault.example.com"}},
        exposure={"type": "Gateway", "hosts": ["a.example.com"], "gateway": {"name": "g", "namespace": "gw"}},
        api={"autoscaling": {"minReplicas": 2, "maxReplicas": 3}},
    )


# render


def test_render_equals_what_the_operator_applies(world: World, place: Place) -> None:
    """But for the data of the JWKS, which is cluster state."""
    live = place.children()
    version = ".".join(map(str, world.plane.server_version))
    file = world.written("live", place.novacron())
    done = subprocess.run(
        command_line("render", "-f", file, "--server-version", version), capture_output=True, text=True, check=True
    )
    rendered = {ref(item): item for item in yaml.safe_load_all(done.stdout)}
    assert rendered.keys() == live.keys()
    assert {item.kind for item in rendered} == kinds.BY_KIND.keys() - {"Ingress"}
    for child, manifest in rendered.items():
        if child.name.endswith("-jwks"):
            del manifest["data"]
        assert drift.changed(manifest, live[child]) == [], child
        beyond = [name for name in drift.dropped(manifest, live[child]) if not child.name.endswith("-jwks")]
        assert beyond == [], f"{child}: applied, but not rendered"


# diff


def test_diff_of_what_is_there_says_nothing(world: World, place: Place) -> None:
    for body in (place.novacron(), resource()):
        answer = world.novacron("diff", "-f", world.written("same", body), "-o", "json")
        assert (answer.code, answer.json) == (0, []), answer


def test_diff_names_objects_and_fields_and_writes_nothing(world: World, place: Place) -> None:
    body = resource()
    body["spec"] |= {"query": {**body["spec"]["query"], "replicas": 2}, "ml": {"enabled": False}}
    file = world.written("changed", body)
    generation = place.novacron()["metadata"]["generation"]
    before = {child: item["metadata"]["resourceVersion"] for child, item in place.children().items()}
    answer = world.novacron("diff", "-f", file, "-o", "json")
    assert answer.code == 1
    found = {(change["action"], change["object"]): change["fields"] for change in answer.json}
    changed = ["-spec.ml.replicas", "spec.ml.enabled", "spec.query.replicas"]
    assert sorted(found["change", "NovaCron/novacron"]) == changed
    assert found["change", "Deployment/novacron-query"] == ["spec.replicas"]
    assert ("delete", "Deployment/novacron-ml") in found
    added = {(action, name) for action, name in found if action not in ("change", "delete")}
    assert added == {("create", "PodDisruptionBudget/novacron-query")}, "one pod needs none, two do"
    text = world.novacron("diff", "-f", file)
    assert (text.code, text.error) == (1, f"{len(found)} objects would change\n")
    assert "change   Deployment/novacron-query: spec.replicas\n" in text.output
    after = {child: item["metadata"]["resourceVersion"] for child, item in place.children().items()}
    assert {child for child in before if child.kind != "Deployment" and before[child] != after.get(child)} == set()
    assert place.novacron()["metadata"]["generation"] == generation


def test_diff_tells_of_what_the_file_sets_no_longer(world: World) -> None:
    place = world.place("shorter")
    body = small(place.namespace)
    variables = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    body["spec"]["api"] = {"replicas": 2, "autoscaling": {"enabled": False}, "env": variables}
    place.submit(body)
    body["spec"]["api"] = {"autoscaling": {"enabled": False}, "env": variables[:1]}
    answer = world.novacron("diff", "-f", world.written("shorter", body), "-o", "json")
    (found,) = (change for change in answer.json if change["object"] == "NovaCron/novacron")
    assert (answer.code, found["action"], sorted(found["fields"])) == (
        1,
        "change",
        ["-spec.api.replicas", "spec.api.env"],
    )
    place.leave()


def test_diff_tells_that_another_resource_holds_the_namespace(world: World, place: Place) -> None:
    answer = world.novacron("diff", "-f", world.written("second", small(place.namespace, "second")), "-o", "json")
    assert (answer.code, [change["action"] for change in answer.json]) == (1, ["create", "refuse"])
    assert answer.json[1]["fields"][0].startswith("NovaCron/novacron came first in namespace commands")


def test_diff_of_a_new_resource_creates_and_refuses_what_is_somebody_elses(world: World) -> None:
    place = world.place("fresh")
    taken = {"name": "novacron-jwks", "namespace": place.namespace}
    world.client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": taken})
    answer = world.novacron("diff", "-f", world.written("new", resource(namespace=place.namespace)), "-o", "json")
    assert answer.code == 1
    found = {change["object"]: change["action"] for change in answer.json}
    assert found.pop("NovaCron/novacron") == "create"
    assert found.pop("ConfigMap/novacron-jwks") == "refuse"
    assert set(found.values()) == {"create"}
    assert len(found) > 30


def test_diff_shows_what_a_pass_would_repair_in_a_paused_resource(world: World) -> None:
    place = world.place("paused")
    body = small(place.namespace)
    place.submit(body)
    place.until_ready()
    place.annotate(novacron_io__paused="true")
    place.until_condition("Paused", "True")
    edit = {"spec": {"sessionAffinity": "ClientIP"}, "metadata": {"labels": {labels.COMPONENT: "else"}}}
    place.client.patch("Service", place.namespace, "novacron-api", edit)
    place.client.delete("ConfigMap", place.namespace, "novacron-ml-config")
    answer = world.novacron("diff", "-f", world.written("paused", body), "-o", "json")
    found = {(change["action"], change["object"]): change["fields"] for change in answer.json}
    assert answer.code == 1
    assert found.keys() == {("change", "Service/novacron-api"), ("create", "ConfigMap/novacron-ml-config")}
    assert "metadata.labels.app.kubernetes.io/component" in found["change", "Service/novacron-api"]
    place.leave()


# status


def test_status_of_a_ready_resource(world: World, place: Place) -> None:
    answer = world.novacron("status", "novacron", "-n", place.namespace, "-o", "json")
    assert answer.code == 0, answer
    assert (answer.json["namespace"], answer.json["leftovers"], answer.json["simulated"]) == ("commands", [], True)
    (item,) = answer.json["resources"]
    assert (item["name"], item["ready"], item["observed"], item["version"]) == ("novacron", True, True, "v10.0.0")
    assert [part["name"] for part in item["components"]] == ["api", "auth", "query", "ml"]
    text = world.novacron("status", "-n", place.namespace)
    assert text.code == 0
    for word in ("NovaCron/novacron", "AllWorkloadsAvailable", "Next: ", "All nodes are simulated", "query: 1 of 1"):
        assert word in text.output


@pytest.mark.parametrize("arguments", [("-n", "nowhere"), ("other", "-n", "commands")])
def test_status_of_nothing_is_exit_code_1(world: World, place: Place, arguments: tuple[str, ...]) -> None:
    answer = world.novacron("status", *arguments, "-o", "json")
    assert (answer.code, answer.json["resources"]) == (1, [])
    text = world.novacron("status", *arguments)
    assert text.code == 1
    assert "No NovaCron" in text.output
    assert ("there is novacron" in text.output) == ("other" in arguments)


def test_status_of_what_is_not_ready_says_what_to_do(world: World) -> None:
    place = world.place("waiting")
    body = resource(namespace=place.namespace)
    body["spec"]["api"]["nodeSelector"] = {"example.com/no": "node"}
    place.submit(body)
    place.until_condition("Ready", "False")
    answer = world.novacron("status", "-n", place.namespace, "-o", "json")
    assert answer.code == 1
    (item,) = answer.json["resources"]
    assert item["ready"] is False
    assert item["next"].startswith("Wait: ")
    place.leave()


def test_status_with_colours_only_where_they_are_wanted(world: World, place: Place) -> None:
    asked = ("status", "-n", place.namespace)
    assert "\x1b" not in world.novacron(*asked).output
    assert _COLOUR.search(world.novacron(*asked, FORCE_COLOR="1").output)
    assert not _COLOUR.search(world.novacron(*asked, FORCE_COLOR="1", NO_COLOR="1").output)


def test_status_watches_until_interrupted(world: World, place: Place) -> None:
    command = command_line("status", "-n", place.namespace, "--watch", "-o", "json")
    with subprocess.Popen(
        [*command, f"--kubeconfig={world.plane.kubeconfig}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as watching:
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["resources"][0]["ready"] is True
        place.annotate(novacron_io__paused="true")
        for line in watching.stdout:
            if '"PausedByAnnotation"' in line:
                break
        place.annotate(novacron_io__paused=None)
        watching.send_signal(signal.SIGINT)
        _rest, error = watching.communicate(timeout=30)
        assert (watching.returncode, error) == (0, "")
    place.until_ready()


def test_what_a_deleted_resource_left_is_listed(world: World) -> None:
    place = world.place("left")
    place.submit(small(place.namespace))
    place.until_ready()
    held = ("ConfigMap", place.namespace, "novacron-api-config")
    place.client.patch(*held, {"metadata": {"finalizers": ["example.com/held"]}})
    place.client.delete("NovaCron", place.namespace, "novacron")
    until(
        lambda: [str(child) for child in place.children()] == ["ConfigMap/novacron-api-config"], "all else is gone", 90
    )
    answer = world.novacron("status", "-n", place.namespace, "-o", "json")
    assert answer.code == 1
    assert len(answer.json["leftovers"]) == 1
    assert "ConfigMap/novacron-api-config" in answer.json["leftovers"][0]
    doctor = world.novacron("doctor", "-n", place.namespace, "-o", "json")
    (left,) = (check for check in doctor.json if check["name"] == "leftovers")
    assert (doctor.code, left["verdict"]) == (1, "bad")
    place.client.patch(*held, {"metadata": {"finalizers": None}})
    until(lambda: not place.children(), "nothing is left", 30)
    assert world.novacron("status", "-n", place.namespace, "-o", "json").json["leftovers"] == []


def test_status_on_a_bare_cluster_says_what_to_install(world: World) -> None:
    answer = world.bare_status
    assert (answer.code, answer.output, answer.error.count("\n")) == (1, "", 1), answer
    assert "kubectl apply --server-side -f crds/novacron.yaml" in answer.error


# doctor


def verdicts(answer: Said) -> dict[str, tuple[str, str]]:
    return {check["name"]: (check["verdict"], check["text"]) for check in answer.json}


def test_doctor_on_a_bare_cluster_names_every_absence(world: World) -> None:
    found = verdicts(world.bare)
    assert world.bare.code == 1
    assert found["kubernetes"][0] == "ok"
    assert {name for name, (verdict, _text) in found.items() if verdict == "bad"} == {"novacron.io", "operator"}
    assert "novacron crd | kubectl apply --server-side -f -" in found["novacron.io"][1]
    for name, word in {
        "external-secrets": "use Existing",
        "gateway-api": "install Gateway API",
        "prometheus-operator": "switch monitoring off",
        "resource metrics": "install metrics-server",
        "custom metrics": "pods/http_requests_per_second",
    }.items():
        assert found[name][0] == "absent"
        assert word in found[name][1]


def test_doctor_on_an_installed_cluster_is_content(world: World, place: Place) -> None:
    answer = world.novacron("doctor", "-n", place.namespace, "-o", "json")
    found = verdicts(answer)
    assert answer.code == 0, answer
    assert {name for name, (verdict, _text) in found.items() if verdict != "ok"} == {
        "resource metrics",
        "custom metrics",
    }
    assert found["operator"][1].startswith("led by ")
    assert found["leftovers"] == ("ok", "none")
    text = world.novacron("doctor", "-n", place.namespace)
    assert text.code == 0
    assert "absent  custom metrics: " in text.output


def test_doctor_tells_a_person_without_rights_which_are_missing(world: World, place: Place) -> None:
    """It is what such a person calls first; a refusal is an answer, no cluster that cannot be reached."""
    stranger = world.plane.kubeconfig_for("stranger")
    answer = world.novacron("doctor", "-n", place.namespace, "-o", "json", kubeconfig=stranger)
    assert answer.code == 1, answer
    missing = [check["text"] for check in answer.json if check["name"] == "rights" and check["verdict"] == "absent"]
    assert missing == [f"you may not {verb} novacrons in commands" for verb in ("get", "create", "patch")]


def test_status_for_a_person_without_rights_is_a_refusal(world: World, place: Place) -> None:
    answer = world.novacron("status", "-n", place.namespace, kubeconfig=world.plane.kubeconfig_for("stranger"))
    assert (answer.code, answer.output, answer.error.count("\n")) == (1, "", 1), answer
    assert "novacrons" in answer.error
    assert labels.GROUP in answer.error
