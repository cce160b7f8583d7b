"""What becomes of a plan when the API server refuses, fails, or answers with something else than was written."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from novacron.adapters.credentials import Credentials
from novacron.adapters.kube import (
    ApiError,
    Conflict,
    Failed,
    Forbidden,
    Invalid,
    Kube,
    NamespaceTerminating,
    NotFound,
    Unreachable,
)
from novacron.core.manifest import Kind, Manifest, Ref
from novacron.core.plan import Apply, Delete, Scale, Scrub, Step
from novacron.stack.act import Outcome, act


def manifest(kind: str = "Deployment", name: str = "nc-api", **spec: Any) -> Manifest:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "n"}, "spec": spec}


def live(body: Manifest, version: str = "7") -> Manifest:
    copied = copy.deepcopy(body)
    copied["metadata"] |= {"uid": "u1", "resourceVersion": version}
    return copied


class Server(Kube):
    """An API server in memory that answers as it is told.

    Args:
        answer: from the request, as verb, name and body, to what is raised or what the object then is; None: as sent.
    """

    def __init__(self, answer: Callable[[str, str, Any], ApiError | Manifest | None] = lambda *_: None) -> None:
        super().__init__(Credentials("http://127.0.0.1:1", "x"))
        self.calls: list[tuple[str, str, Any]] = []
        self._answer = answer

    def _do(self, verb: str, name: str, body: Any) -> Manifest:
        self.calls.append((verb, name, body))
        answer = self._answer(verb, name, body)
        if isinstance(answer, ApiError):
            raise answer
        if answer is not None:
            return answer
        return live(body, "8") if isinstance(body, dict) else {"metadata": {"name": name, "resourceVersion": "8"}}

    async def apply(
        self,
        kind: Kind,
        manifest: Manifest,
        *,
        manager: str = "novacron",
        force: bool = True,
        dry_run: bool = False,
        uid: str = "",
    ) -> Manifest:
        return self._do("apply", manifest["metadata"]["name"], {**manifest, "kind": kind.kind})

    async def json_patch(
        self, kind: Kind, namespace: str, name: str, operations: Sequence[Mapping[str, Any]]
    ) -> Manifest:
        return self._do("patch", name, list(operations))

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        self._do("delete", name, None)


def nobody(_manifest: Manifest) -> None:
    return None


def failing(verb: str, error: ApiError) -> Callable[[str, str, Any], ApiError | None]:
    return lambda called, _name, _body: error if called == verb else None


def refusing_removals(verb: str, _name: str, body: Any) -> ApiError | None:
    removes = verb == "patch" and any(operation["op"] == "remove" for operation in body)
    return Invalid(422, "Invalid", "must specify a handler type") if removes else None


TEMPLATE = {"metadata": {}, "spec": {"containers": [{"name": "api", "livenessProbe": {"httpGet": {"path": "/"}}}]}}


async def test_what_cannot_be_scrubbed_is_put_back_as_a_whole() -> None:
    """A probe turned into ``exec``: without its ``exec`` it would be none, so the server refuses that step."""
    wanted = manifest(template=TEMPLATE)
    found = live(wanted)
    restarted = {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}
    found["spec"]["template"]["metadata"] = restarted
    server, outcome = Server(refusing_removals), Outcome()
    addition = ("spec", "template", "spec", "containers", 0, "livenessProbe", "exec")
    await act(server, [Scrub(wanted, (addition,), found), Apply(wanted, "drifted", ("x",), found)], nobody, outcome)
    assert [(verb, name) for verb, name, _body in server.calls] == [
        ("patch", "nc-api"),
        ("patch", "nc-api"),
        ("apply", "nc-api"),
    ]
    assert server.calls[0][2][0] == {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}
    identity, restored = server.calls[1][2]
    assert identity == {"op": "test", "path": "/metadata/uid", "value": "u1"}
    assert (restored["op"], restored["path"]) == ("add", "/spec/template")
    assert restored["value"] == {**TEMPLATE, "metadata": restarted}
    assert outcome.failures == {}


@pytest.mark.parametrize(
    "error",
    [
        Invalid(422, "Invalid", "no"),
        Forbidden(403, "Forbidden", "no"),
        Failed(500, "InternalError", "webhook is down"),
        ApiError(413, "RequestEntityTooLarge", "too large"),
    ],
    ids=["invalid", "forbidden", "webhook", "too-large"],
)
async def test_a_refused_write_is_told_and_stops_no_other(error: ApiError) -> None:
    refused, fine = manifest("ConfigMap", "refused"), manifest("Deployment", "fine")

    def answer(_verb: str, name: str, _body: Any) -> ApiError | None:
        return error if name == "refused" else None

    server, outcome = Server(answer), Outcome()
    await act(server, [Apply(refused, "created"), Apply(fine, "created")], nobody, outcome)
    assert outcome.failures == {Ref("ConfigMap", "n", "refused"): str(error)}
    assert outcome.written.keys() == {Ref("Deployment", "n", "fine")}


async def test_a_refused_wish_is_told_and_not_half_done() -> None:
    """A policy that refuses ten replicas: the new image must not slip in beside the refusal."""
    wanted = manifest(template=TEMPLATE, replicas=10)
    server, outcome = Server(failing("apply", Invalid(422, "Invalid", "at most 5 replicas"))), Outcome()
    await act(server, [Apply(wanted, "changed", ("spec.replicas",), live(wanted))], nobody, outcome)
    assert outcome.failures == {Ref("Deployment", "n", "nc-api"): "at most 5 replicas"}
    assert [verb for verb, _name, _body in server.calls] == ["apply"]


async def test_a_repair_that_stays_refused_is_told_in_the_servers_words() -> None:
    wanted = manifest(template=TEMPLATE)
    server, outcome = Server(failing("apply", Invalid(422, "Invalid", "no"))), Outcome()
    await act(server, [Apply(wanted, "drifted", ("x",), live(wanted))], nobody, outcome)
    assert outcome.failures == {Ref("Deployment", "n", "nc-api"): "no"}
    assert [verb for verb, _name, _body in server.calls] == ["apply", "patch", "apply"]


async def test_an_addition_that_is_put_back_between_our_writes_is_not_taken_for_admission() -> None:
    """Else somebody quick would be left alone: the answer to the scrub itself was clean."""
    wanted = manifest(template=TEMPLATE, progressDeadlineSeconds=600)

    def answer(verb: str, _name: str, _body: Any) -> Manifest:
        return live(wanted, "8") if verb == "patch" else sidecar(wanted)

    outcome = Outcome()
    steps: list[Step] = [
        Scrub(wanted, (("spec", "template", "spec", "containers", 1),), sidecar(wanted)),
        Apply(wanted, "drifted", ("spec.progressDeadlineSeconds",), sidecar(wanted)),
    ]
    await act(Server(answer), steps, nobody, outcome)
    assert outcome.persistent == {}


async def test_a_scrub_that_may_not_be_made_is_told() -> None:
    wanted = manifest("NetworkPolicy", "nc-deny", egress=[])
    server, outcome = Server(failing("patch", Forbidden(403, "Forbidden", "no right"))), Outcome()
    await act(server, [Scrub(wanted, (("spec", "x"),), live(wanted))], nobody, outcome)
    assert outcome.failures == {Ref("NetworkPolicy", "n", "nc-deny"): "no right"}


async def test_a_name_that_is_taken_is_told_apart_from_a_failure() -> None:
    wanted = manifest("Deployment")
    server, outcome = Server(failing("apply", Conflict(409, "Conflict", "exists"))), Outcome()
    steps: list[Step] = [Apply(wanted, "created"), Scale(Ref("Deployment", "n", "nc-api"), 3)]
    await act(server, steps, nobody, outcome)
    assert (outcome.taken, outcome.failures) == ({Ref("Deployment", "n", "nc-api"): "exists"}, {})
    assert len(server.calls) == 1, "replicas of somebody else's Deployment"


@pytest.mark.parametrize("error", [Conflict(409, "Conflict", "changed"), NotFound(404, "NotFound", "gone")])
async def test_what_changed_meanwhile_makes_the_pass_begin_again(error: ApiError) -> None:
    wanted = manifest("ConfigMap", "nc-a")
    server, outcome = Server(failing("apply", error)), Outcome()
    with pytest.raises(Conflict, match="ConfigMap/nc-a changed meanwhile"):
        await act(server, [Apply(wanted, "drifted", ("data.a",), live(wanted))], nobody, outcome)


@pytest.mark.parametrize("error", [Conflict(409, "Conflict", "other uid"), NotFound(404, "NotFound", "gone")])
async def test_what_is_gone_already_is_deleted(error: ApiError) -> None:
    outcome = Outcome()
    step = Delete(Ref("Service", "n", "nc-ml"), "u1")
    await act(Server(failing("delete", error)), [step], nobody, outcome)
    assert (outcome.done, outcome.failures) == ([], {})


@pytest.mark.parametrize(
    "error", [Unreachable(503, "ServiceUnavailable", "away"), NamespaceTerminating(403, "Forbidden", "leaving")]
)
async def test_what_no_other_write_would_survive_ends_the_pass(error: ApiError) -> None:
    later = manifest("Deployment", "later")
    server, outcome = Server(failing("apply", error)), Outcome()
    with pytest.raises(type(error)):
        await act(server, [Apply(manifest("ConfigMap", "a"), "created"), Apply(later, "created")], nobody, outcome)
    assert [name for _verb, name, _body in server.calls] == ["a"]


def sidecar(body: Manifest, **spec: Any) -> Manifest:
    """The body as the server keeps it, with a container that somebody else owns."""
    found = live(body, "9")
    found["spec"] |= spec
    found["spec"]["template"]["spec"]["containers"].append({"name": "mesh"})
    fields: Manifest = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"mesh"}': {".": {}}}}}}}
    found["metadata"]["managedFields"] = [{"manager": "mesh", "operation": "Update", "fieldsV1": fields}]
    return found


async def test_all_that_admission_takes_back_is_remembered_of_both_steps() -> None:
    """A webhook that injects a sidecar and changes a field: forgetting either would begin a fight."""
    wanted = manifest(template=TEMPLATE, progressDeadlineSeconds=600)
    mutated = sidecar(wanted, progressDeadlineSeconds=77)
    outcome = Outcome()
    steps: list[Step] = [
        Scrub(wanted, (("spec", "template", "spec", "containers", 1),), mutated),
        Apply(wanted, "drifted", ("spec.progressDeadlineSeconds",), mutated),
    ]
    await act(Server(lambda *_: mutated), steps, nobody, outcome)
    assert outcome.persistent == {
        Ref("Deployment", "n", "nc-api"): ("/spec/template/spec/containers/1", "spec.progressDeadlineSeconds")
    }


async def test_an_addition_made_between_reading_and_writing_stays_news() -> None:
    """The answer carries its version: taken for an echo of ours, the watch's word of it would be lost."""
    wanted = manifest(template=TEMPLATE)
    told: list[Manifest] = []
    step = Apply(wanted, "drifted", ("x",), live(wanted))
    await act(Server(lambda *_: sidecar(wanted)), [step], told.append, Outcome())
    assert told == []
    await act(Server(), [step], told.append, Outcome())
    assert len(told) == 1
