"""The CustomResourceDefinition on a real API server: what it refuses, with which words, and what it keeps.

Every bad resource goes through the server and through ``validate``: where a rule of ours refuses, both say the same.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from novacron.api.v1alpha1 import InvalidResource, NovaCronSpec, Problem, validate
from novacron.api.v1alpha1.crd import crd_yaml
from novacron.api.v1alpha1.shape import Shape
from novacron.core import kinds
from novacron.core.capabilities import Capabilities
from novacron.stack.desired import wanted
from tests.support.controlplane.plane import ControlPlane, KubectlError
from tests.support.refusals import ACCEPTED, REFUSALS, Refusal
from tests.support.resources import Manifest, changed, full, minimal, place, steps
from tests.support.schema import Leaf, fields, leaves

NAMESPACE = "admission"
RESOURCES = "/apis/novacron.io/v1alpha1/namespaces/{}/novacrons"
CONTRACT = Path(__file__).parents[1] / "unit" / "api" / "contract.yaml"
OWNER = "00000000-0000-0000-0000-000000000000"
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server said to one resource."""

    accepted: bool
    stored: Manifest
    message: str
    causes: tuple[tuple[str, str], ...]

    def blames(self, path: str, words: str) -> bool:
        """Whether one cause names the field and ends with, or holds, the words."""
        return any(field == path and words in message for field, message in self.causes)


@dataclass(frozen=True, slots=True)
class Server:
    """Asks the API server to create resources without keeping them, as strictly as kubectl does."""

    url: str
    context: ssl.SSLContext

    def ask(self, resources: Sequence[Manifest]) -> list[Answer]:
        """One answer for each resource, in order."""
        return asyncio.run(self._ask(resources))

    async def _ask(self, resources: Sequence[Manifest]) -> list[Answer]:
        connector = aiohttp.TCPConnector(ssl=self.context, limit=AT_ONCE)
        async with aiohttp.ClientSession(self.url, connector=connector) as session:
            return await asyncio.gather(*(self._create(session, resource) for resource in resources))

    async def _create(self, session: aiohttp.ClientSession, resource: Manifest) -> Answer:
        path = RESOURCES.format(resource["metadata"]["namespace"])
        query = {"dryRun": "All", "fieldValidation": "Strict"}
        async with session.post(path, params=query, json=resource) as response:
            body = await response.json()
        if body["kind"] == "NovaCron":
            return Answer(True, body, "", ())
        causes = body.get("details", {}).get("causes", ())
        found = tuple((cause.get("field", ""), cause["message"]) for cause in causes)
        return Answer(False, {}, body["message"], found)

    def apply(self, children: Sequence[Manifest]) -> list[str]:
        """What the server says against each child, in order; nothing where it takes it as the operator sends it."""
        return asyncio.run(self._apply(children))

    async def _apply(self, children: Sequence[Manifest]) -> list[str]:
        connector = aiohttp.TCPConnector(ssl=self.context, limit=AT_ONCE)
        async with aiohttp.ClientSession(self.url, connector=connector) as session:
            return await asyncio.gather(*(self._patch(session, child) for child in children))

    async def _patch(self, session: aiohttp.ClientSession, child: Manifest) -> str:
        metadata, version = child["metadata"], child["apiVersion"]
        base = f"/{'apis' if '/' in version else 'api'}/{version}/namespaces/{metadata['namespace']}"
        path = f"{base}/{kinds.BY_KIND[child['kind']].plural}/{metadata['name']}"
        query = {"dryRun": "All", "fieldValidation": "Strict", "fieldManager": "admission", "force": "true"}
        # JSON is YAML
        headers = {"Content-Type": "application/apply-patch+yaml"}
        async with session.patch(path, params=query, headers=headers, data=json.dumps(child)) as response:
            body = await response.json()
        return "" if response.ok else f"{child['kind']}/{metadata['name']}: {body['message']}"


@pytest.fixture(scope="session")
def novacron_crd(control_plane: ControlPlane) -> ControlPlane:
    """The control plane, with our definition installed and served."""
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=crd_yaml())
    deadline = time.monotonic() + 60
    # `kubectl wait` fails on a definition whose status has no conditions yet.
    while not _is_served(control_plane):
        assert time.monotonic() < deadline, "the definition is not served after 60 s"
        time.sleep(0.1)
    return control_plane


def _is_served(plane: ControlPlane) -> bool:
    try:
        plane.kubectl("get", "novacrons", "--all-namespaces")
    except KubectlError:
        return False
    return True


@pytest.fixture(scope="module")
def plane(novacron_crd: ControlPlane) -> Iterator[ControlPlane]:
    novacron_crd.kubectl("create", "namespace", NAMESPACE)
    yield novacron_crd
    novacron_crd.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.fixture(scope="module")
def server(plane: ControlPlane) -> Server:
    user = yaml.safe_load(plane.kubeconfig.read_text(encoding="utf-8"))["users"][0]["user"]
    context = ssl.create_default_context(cafile=str(plane.ca_path))
    context.load_cert_chain(user["client-certificate"], user["client-key"])
    return Server(plane.url, context)


def _here(resource: Manifest) -> Manifest:
    return changed(resource, {"metadata.namespace": NAMESPACE})


def _verdict(resource: Manifest) -> tuple[Problem, ...]:
    try:
        validate(resource)
    except InvalidResource as error:
        return error.problems
    return ()


# --- listed cases -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def refused(server: Server) -> dict[str, Answer]:
    answers = server.ask([_here(refusal.resource) for refusal in REFUSALS])
    return {refusal.id: answer for refusal, answer in zip(REFUSALS, answers, strict=True)}


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.id)
def test_bad_resource_is_refused_with_field_and_words(refusal: Refusal, refused: dict[str, Answer]) -> None:
    answer = refused[refusal.id]
    assert not answer.accepted
    if refusal.words == "unknown field":
        assert f'unknown field "{refusal.path}"' in answer.message
    else:
        assert answer.blames(refusal.path, refusal.words), answer.message


@pytest.mark.parametrize(
    "refusal", [refusal for refusal in REFUSALS if not refusal.server], ids=lambda refusal: refusal.id
)
def test_server_and_operator_say_the_same(refusal: Refusal, refused: dict[str, Answer]) -> None:
    for problem in _verdict(refusal.resource):
        assert refused[refusal.id].blames(problem.path, problem.message), problem
    assert len(refused[refusal.id].causes) == len(_verdict(refusal.resource))


def test_kubectl_apply_shows_field_and_remedy(plane: ControlPlane) -> None:
    bad = changed(minimal(namespace=NAMESPACE), {"spec.database.connectionBudget": 10, "spec.redis.tls": False})
    for extra in ([], ["--server-side"]):
        with pytest.raises(KubectlError) as caught:
            plane.kubectl("apply", *extra, "-f", "-", input=json.dumps(bad))
        for problem in _verdict(bad):
            assert problem.path in str(caught.value)
            assert problem.message in str(caught.value)


def test_server_side_apply_refuses_unknown_and_repeated_entries(plane: ControlPlane) -> None:
    for changes, words in (
        ({"spec.ml.memory.surprise": 1}, ".spec.ml.memory.surprise: field not declared in schema"),
        ({"spec.api.env": [{"name": "A"}, {"name": "A"}]}, "duplicate entries for key"),
        ({"spec.database.cidrs": ["10.0.0.0/8", "10.0.0.0/8"]}, "duplicate entries for key"),
    ):
        bad = changed(minimal(namespace=NAMESPACE), changes)
        with pytest.raises(KubectlError, match=words):
            plane.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(bad))


@pytest.fixture(scope="module")
def accepted(server: Server) -> dict[str, Answer]:
    return dict(zip(ACCEPTED, server.ask([_here(resource) for resource in ACCEPTED.values()]), strict=True))


@pytest.mark.parametrize("name", ACCEPTED)
def test_resource_at_the_right_side_of_the_edge_is_accepted(name: str, accepted: dict[str, Answer]) -> None:
    assert accepted[name].accepted, accepted[name].message


@pytest.mark.parametrize("name", ACCEPTED)
def test_server_fills_in_what_the_operator_reads(name: str, accepted: dict[str, Answer]) -> None:
    stored = accepted[name].stored
    assert validate(stored).spec == validate(ACCEPTED[name]).spec
    assert {**stored, "spec": _with_text_cpu(stored["spec"])}["spec"] == validate(stored).spec.manifest()


def _children(resource: Manifest) -> dict[str, Manifest]:
    """What the operator would apply where every neighbour is there; each under its own text."""
    body = changed(_here(resource), {"metadata.uid": OWNER})
    found = wanted(validate(body), Capabilities((1, 36), custom_metrics=True)).manifests
    return {json.dumps(child, sort_keys=True): child for child in found}


@pytest.fixture(scope="module")
def complaints(server: Server) -> dict[str, list[str]]:
    """What the server says against the children of each accepted resource; most of them are alike and sent once."""
    children = {name: _children(resource) for name, resource in ACCEPTED.items()}
    distinct = {text: child for found in children.values() for text, child in found.items()}
    said = dict(zip(distinct, server.apply(list(distinct.values())), strict=True))
    return {name: [said[text] for text in found if said[text]] for name, found in children.items()}


@pytest.mark.parametrize("name", ACCEPTED)
def test_server_takes_every_child_of_what_it_accepts(name: str, complaints: dict[str, list[str]]) -> None:
    assert complaints[name] == []


def test_new_resource_reads_as_not_seen(accepted: dict[str, Answer]) -> None:
    assert accepted["minimal"].stored["status"] == {"observedGeneration": -1}


def _with_text_cpu(spec: Manifest) -> Manifest:
    document = {"spec": spec}
    for leaf in leaves(spec, Shape("object", model=NovaCronSpec), "spec"):
        if leaf.shape.kind == "string" and isinstance(leaf.value, int):
            place(document, steps(leaf.path), str(leaf.value))
    return document["spec"]


# --- every field --------------------------------------------------------------------------------------------------

NONSENSE: dict[str, tuple[Any, ...]] = {
    "integer": (-1, 0, 1, 1023, 1024, 65536, 2**40),
    "number": (-0.1, 0, 0.85, 1, 1.01),
    "boolean": (True, False),
    "string": (
        "",
        "-",
        "a b",
        "x",
        "Ü",
        "0",
        "9",
        "1e3",
        "64Mi",
        "1m",
        "40d",
        "10.0.0.0/8",
        "::/0",
        "https://a/",
        "a/b:c",
    ),
    "": (0, 65535, 65536, "http", "HTTP", ""),
}


def _own_leaves() -> list[Leaf]:
    """Every scalar of the full resource, the shape that the workloads share only once."""
    shape = Shape("object", model=NovaCronSpec)
    found = list(leaves(full()["spec"], shape, "spec"))
    shared = {leaf.path.removeprefix("spec.api.") for leaf in found if leaf.path.startswith("spec.api.")}
    return [leaf for leaf in found if not (leaf.path.startswith(_OTHERS) and leaf.path.split(".", 2)[2] in shared)]


_OTHERS = ("spec.auth.", "spec.query.", "spec.ml.")


def test_server_and_operator_agree_on_odd_values_of_every_field(server: Server) -> None:
    # Every third value of a kind for each field, in turn: fields that share a shape see them all.
    cases = [
        (leaf.path, value)
        for number, leaf in enumerate(_own_leaves())
        for turn, value in enumerate(NONSENSE[leaf.shape.kind])
        if (number + turn) % 3 == 0
    ]
    resources = [_here(changed(full(), {path: value})) for path, value in cases]
    for (path, value), resource, answer in zip(cases, resources, server.ask(resources), strict=True):
        verdict = _verdict(resource)
        assert answer.accepted == (not verdict), f"{path}={value!r}: {answer.message or verdict}"
        ours = {(problem.path, problem.message) for problem in verdict}
        assert all(answer.blames(*problem) for problem in ours) or _is_structural(answer), f"{path}={value!r}: {ours}"


def _is_structural(answer: Answer) -> bool:
    """Whether the server stopped at the form, which it words itself."""
    own = ("Unsupported value", "Too long", "Required value", "should be", "Duplicate value", "of type")
    return any(word in answer.message for word in own)


def test_unknown_field_is_refused_at_any_depth(server: Server) -> None:
    objects = {path.replace("[]", "[0]") for path, member, _model in fields() if member.shape.model is not None}
    paths = sorted(path for path in objects if "[0]" not in path)
    resources = [_here(changed(full(), {f"{path}.surprise": 1})) for path in paths]
    for path, answer, resource in zip(paths, server.ask(resources), resources, strict=True):
        assert f'unknown field "{path}.surprise"' in answer.message
        assert [problem.path for problem in _verdict(resource)] == [f"{path}.surprise"]


def _contract() -> Manifest:
    """The contract with administrators (novacron.yaml), complete: every field that it names, with its default."""
    spec = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))["spec"]
    return changed(minimal(**spec), {"metadata.annotations": {"novacron.io/paused": "false"}})


def _kept(given: Any, stored: Any) -> bool:
    """Whether all that was given is there as it was given, empty lists and maps included."""
    if isinstance(given, dict):
        return isinstance(stored, dict) and all(key in stored and _kept(given[key], stored[key]) for key in given)
    if isinstance(given, list):
        return isinstance(stored, list) and len(stored) == len(given) and all(map(_kept, given, stored))
    return bool(given == stored) and type(given) is type(stored)


@pytest.mark.parametrize("resource", [minimal(), full(), _contract()], ids=["minimal", "full", "contract"])
def test_resource_comes_back_as_applied(
    plane: ControlPlane, resource: Manifest, request: pytest.FixtureRequest
) -> None:
    namespace = f"round-trip-{request.node.callspec.id}"
    plane.kubectl("create", "namespace", namespace)
    try:
        applied = changed(resource, {"metadata.namespace": namespace})
        plane.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(applied))
        stored = json.loads(plane.kubectl("get", "novacron", "novacron", "-n", namespace, "-o", "json"))
        for leaf in leaves(applied["spec"], Shape("object", model=NovaCronSpec), "spec"):
            assert changed(stored, {leaf.path: leaf.value}) == stored, leaf.path
        assert _kept(applied["spec"], stored["spec"])
        assert _kept(applied["metadata"], stored["metadata"])
        assert validate(stored).spec == validate(resource).spec
    finally:
        plane.kubectl("delete", "namespace", namespace, "--wait=false")


# --- what people see ----------------------------------------------------------------------------------------------


def test_kubectl_explains_every_field_of_autoscaling(plane: ControlPlane) -> None:
    text = " ".join(plane.kubectl("explain", "novacron.spec.api.autoscaling").split())
    for path, member, _model in fields():
        if path.startswith("spec.api.autoscaling.") and path.count(".") == 3:
            assert member.alias in text
            assert member.info.description is not None
            assert " ".join(member.info.description.split()) in text, path
    assert "Default: 20." in text


def test_kubectl_explain_reaches_every_object(plane: ControlPlane) -> None:
    text = plane.kubectl("explain", "novacron.spec", "--recursive")
    for _path, member, _model in fields():
        assert member.alias in text


def test_columns_short_name_category_and_field_selectors(plane: ControlPlane) -> None:
    namespace = "columns"
    plane.kubectl("create", "namespace", namespace)
    try:
        for name, environment in (("one", "staging"), ("two", "production")):
            resource = minimal(name, namespace, environment=environment)
            plane.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(resource))
        head = plane.kubectl("get", "nc", "-n", namespace).splitlines()[0]
        assert head.split() == ["NAME", "READY", "REASON", "VERSION", "AGE"]
        assert plane.kubectl("get", "nc", "-n", namespace, "-o", "wide").splitlines()[0].split()[-1] == "MESSAGE"
        chosen = plane.kubectl(
            "get", "novacron", "-n", namespace, "-o", "name", "--field-selector", "spec.environment=staging"
        )
        assert chosen.split() == ["novacron.novacron.io/one"]
    finally:
        plane.kubectl("delete", "namespace", namespace, "--wait=false")


def test_definition_has_no_condition_that_warns(plane: ControlPlane) -> None:
    found = json.loads(plane.kubectl("get", "crd", "novacrons.novacron.io", "-o", "json"))
    conditions = {condition["type"]: condition["status"] for condition in found["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}


def test_checked_in_definition_applies_as_it_stands(plane: ControlPlane) -> None:
    path = Path(__file__).parents[2] / "crds" / "novacron.yaml"
    plane.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", str(path))
