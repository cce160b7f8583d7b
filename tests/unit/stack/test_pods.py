"""Every state of a pod that a person has to do with: reason, cause and remedy, in words that stay the same."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novacron.core import conditions
from novacron.core.manifest import Manifest
from novacron.stack import pods
from novacron.stack.problem import CAUSES, Problem
from tests.unit.stack import pod_states as states
from tests.unit.stack.pod_states import IMAGE, NOW, ago, ended, event, failed, held, homeless, pod, runs_again, starting


def problems(*found: Manifest, events: tuple[Manifest, ...] = ()) -> dict[str, Problem]:
    return pods.problems(found, events, {"api": states.TEMPLATE}, NOW)


_BACK_OFF = "back-off 2m40s restarting failed container=api pod=nc-api-7d9c5b6f4-x2x9k_shop(0b5c3f0e-6c2e-4f0e-9d0e)"
_OOM = ended(137, "OOMKilled")
_PULL = f'failed to pull and unpack image "{IMAGE}": failed to resolve reference "{IMAGE}": {IMAGE}: not found'
_RAISE = "raise spec.api.resources.limits.memory"
_KILLED = "its container was killed for want of memory (OOMKilled, exit code 137, limit 512Mi)"
_LOGS = "kubectl logs -n shop deploy/nc-api --previous"
_STATES = {
    "oom-back-off": (held("CrashLoopBackOff", _BACK_OFF, last=_OOM, restarts=4), "OutOfMemory", _KILLED, _RAISE),
    "oom-just-now": (
        pod(containerStatuses=[states.container(state={"terminated": _OOM})], conditions=[]),
        "OutOfMemory",
        _KILLED,
        _RAISE,
    ),
    "oom-runs-again": (runs_again(_OOM, ready=False), "OutOfMemory", _KILLED, _RAISE),
    "oom-ready-again": (runs_again(_OOM, ready=True), "OutOfMemory", _KILLED, _RAISE),
    "oom-at-start": (
        held(
            "RunContainerError",
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create "
            "failed: unable to start container process: container init was OOM-killed (memory limit too low?)",
        ),
        "OutOfMemory",
        "its container was killed for want of memory (OOMKilled, as it started, limit 512Mi)",
        _RAISE,
    ),
    "crash": (
        held("CrashLoopBackOff", _BACK_OFF, last=ended(1, "Error", "Traceback: password=hunter2"), restarts=7),
        "CrashLoop",
        "its container ended with exit code 1 (Error) and is started again and again",
        _LOGS,
    ),
    "crash-with-137-is-not-for-memory": (
        held("CrashLoopBackOff", _BACK_OFF, last=ended(137, "Error"), restarts=2),
        "CrashLoop",
        "exit code 137 (Error)",
        _LOGS,
    ),
    "ends-without-error": (
        held("CrashLoopBackOff", _BACK_OFF, last=ended(0, "Completed")),
        "CrashLoop",
        "exit code 0 (Completed)",
        _LOGS,
    ),
    "crashed-and-runs": (runs_again(ended(1, "Error"), ready=False), "CrashLoop", "exit code 1", _LOGS),
    "no-executable": (
        held(
            "CrashLoopBackOff",
            _BACK_OFF,
            last=ended(128, "StartError", 'failed to create containerd task: exec: "api": executable file not found'),
        ),
        "ContainerConfigError",
        'its container cannot start: failed to create containerd task: exec: "api": executable file not found',
        "check spec.api.image",
    ),
    "pull-error": (
        held("ErrImagePull", f"rpc error: code = NotFound desc = {_PULL}"),
        "ImageUnavailable",
        f"the image {IMAGE} cannot be pulled",
        "check spec.image.registry, spec.api.image and spec.image.pullSecrets",
    ),
    "pull-back-off": (
        held("ImagePullBackOff", f'Back-off pulling image "{IMAGE}": ErrImagePull: rpc error: desc = {_PULL}'),
        "ImageUnavailable",
        f"the image {IMAGE} cannot be pulled",
        "spec.api.image",
    ),
    "never-pulled": (
        held("ErrImageNeverPull", f'Container image "{IMAGE}" is not present with pull policy of Never'),
        "ImageUnavailable",
        "is not on the node, and is never pulled",
        "spec.image.pullPolicy",
    ),
    "bad-name": (
        held("InvalidImageName", f'Failed to apply default image tag "{IMAGE}": couldn\'t parse image reference'),
        "ImageUnavailable",
        f"{IMAGE} is no name of an image",
        "correct spec.image.registry, spec.api.image or spec.version",
    ),
    "config-secret": (
        held("CreateContainerConfigError", 'secret "nc-redis" not found'),
        "SecretMissing",
        'secret "nc-redis" not found',
        "correct spec.secrets",
    ),
    "config-key": (
        held("CreateContainerConfigError", "couldn't find key password in Secret shop/nc-redis"),
        "SecretMissing",
        "key password is not in Secret nc-redis",
        "correct spec.secrets",
    ),
    "config-map": (
        held("CreateContainerConfigError", 'configmap "nc-jwks" not found'),
        "ConfigMissing",
        'configmap "nc-jwks" not found',
        "spec.api",
    ),
    "root": (
        held(
            "CreateContainerConfigError",
            'container has runAsNonRoot and image will run as root (pod: "nc-api-7d9c5b6f4-x2x9k_shop(0b5c)", '
            "container: api)",
        ),
        "ContainerConfigError",
        "CreateContainerConfigError: container has runAsNonRoot and image will run as root",
        "check spec.api.image, .uid and .env",
    ),
    "no-container": (
        held(
            "CreateContainerError",
            f'failed to reserve container name "api_nc-api-7d9c5b6f4-x2x9k_shop_{states.UID}_0": name is reserved for '
            f'"{"ab" * 32}"',
        ),
        "ContainerConfigError",
        'failed to reserve container name "api_..._shop_..._0": name is reserved for "..."',
        "check spec.api.image",
    ),
}


@pytest.mark.parametrize(("found", "reason", "cause", "remedy"), _STATES.values(), ids=_STATES)
def test_a_state_has_a_reason_a_cause_and_a_remedy(found: Manifest, reason: str, cause: str, remedy: str) -> None:
    problem = problems(found)["api"]
    assert (problem.reason, problem.reason in conditions.REASONS) == (reason, True)
    assert cause in problem.cause
    assert remedy in problem.remedy
    assert "hunter2" not in str(problem), "last words of a process are its own"


_FINE = {
    "runs": pod(containerStatuses=[states.container(state={"running": {}}) | {"ready": True}]),
    "starts": starting(),
    "initializes": held("PodInitializing", ""),
    "is-being-removed": {
        **(leaving := held("CrashLoopBackOff", _BACK_OFF, last=_OOM)),
        "metadata": {**leaving["metadata"], "deletionTimestamp": ago(seconds=5)},
    },
    "was-killed-for-memory-long-ago": runs_again(ended(137, "OOMKilled", finished=ago(minutes=11)), ready=True),
    "crashed-once-and-is-ready": runs_again(ended(1, "Error"), ready=True),
    "waits-for-others-hours-after-a-crash": runs_again(ended(1, "Error", finished=ago(hours=3)), ready=False),
    "was-evicted-yesterday": failed("Evicted", "The node was low on resource: memory.", at=ago(days=1)),
    "was-preempted": failed("Preempted", "Preempted in order to admit critical pod"),
    "has-no-status-yet": pod(phase="Pending", startTime=None),
}


@pytest.mark.parametrize("found", _FINE.values(), ids=_FINE)
def test_what_is_no_trouble_is_not_told(found: Manifest) -> None:
    assert problems(found) == {}


_MOUNTS = {
    "secret": (
        'MountVolume.SetUp failed for volume "secret-database" : secret "nc-database" not found',
        "SecretMissing",
        'secret "nc-database" not found',
    ),
    "secret-key": (
        'MountVolume.SetUp failed for volume "secret-database" : references non-existent secret key: password',
        "SecretMissing",
        "a Secret lacks the key password (volume secret-database)",
    ),
    "config-map": (
        'MountVolume.SetUp failed for volume "jwks" : configmap "nc-jwks" not found',
        "ConfigMissing",
        'configmap "nc-jwks" not found',
    ),
    "config-key": (
        'MountVolume.SetUp failed for volume "config" : references non-existent config key: settings.json',
        "ConfigMissing",
        "a ConfigMap lacks the key settings.json (volume config)",
    ),
    "other": (
        f'MountVolume.SetUp failed for volume "scratch" : mkdir /var/lib/kubelet/pods/{states.UID}: no space left',
        "FailedMount",
        'a volume cannot be mounted: MountVolume.SetUp failed for volume "scratch" : mkdir /var/lib/kubelet/pods/...: '
        "no space left",
    ),
}


@pytest.mark.parametrize(("message", "reason", "cause"), _MOUNTS.values(), ids=_MOUNTS)
def test_a_failed_mount_is_told_by_its_event(message: str, reason: str, cause: str) -> None:
    problem = problems(starting(), events=(event(message),))["api"]
    assert (problem.reason, problem.cause) == (reason, cause)


def test_of_several_mount_failures_the_one_that_names_what_is_missing_is_told() -> None:
    words = (
        "Unable to attach or mount volumes: unmounted volumes=[secret-database]: timed out waiting for the condition",
        _MOUNTS["secret"][0],
    )
    for order in (words, words[::-1]):
        assert problems(starting(), events=tuple(map(event, order)))["api"].reason == "SecretMissing"


@pytest.mark.parametrize(
    "later",
    [
        pytest.param({"conditions": states.conditions(ready=False)}, id="sandbox-stands-and-the-image-is-pulled"),
        pytest.param({"containerStatuses": [states.container(state={"running": {}})]}, id="runs"),
    ],
)
def test_a_mount_that_failed_before_is_history(later: Manifest) -> None:
    found = starting()
    found["status"] |= later
    assert problems(found, events=(event(_MOUNTS["secret"][0]),)) == {}


SECRET = _MOUNTS["secret"][0]


def test_a_secret_that_pods_wait_for_is_known_with_when_that_was_last_said() -> None:
    events = [event(SECRET, last=states.ago(seconds=seconds)) for seconds in (90, 10, 40)]
    assert pods.missing_secrets([starting()], events) == {"nc-database": states.NOW - timedelta(seconds=10)}


def test_a_key_that_is_missing_is_no_missing_secret() -> None:
    assert pods.missing_secrets([starting()], [event(_MOUNTS["secret-key"][0])]) == {}


@pytest.mark.parametrize(
    "later",
    [
        pytest.param({"status": {"conditions": states.conditions(ready=False)}}, id="it-is-mounted-by-now"),
        pytest.param({"metadata": {"deletionTimestamp": states.ago(seconds=1)}}, id="the-pod-goes"),
        pytest.param({"metadata": {"uid": "another"}}, id="said-of-an-earlier-pod-of-that-name"),
    ],
)
def test_what_no_pod_waits_for_any_more_is_not_missing(later: Manifest) -> None:
    found = starting()
    for part, values in later.items():
        found[part] |= values
    assert pods.missing_secrets([found], [event(SECRET)]) == {}


def test_the_gravest_of_several_pods_is_told() -> None:
    image, memory = _STATES["pull-error"][0], _STATES["oom-back-off"][0]
    assert problems(image, memory)["api"] == problems(memory, image)["api"] == problems(memory)["api"]


def test_what_lasts_is_graver_than_what_is_over() -> None:
    found = problems(runs_again(_OOM, ready=True, name="a"), _STATES["crash"][0])
    assert found["api"].reason == "CrashLoop"


def test_trouble_of_older_pods_counts_only_where_newer_ones_have_none() -> None:
    older, newer = _STATES["oom-back-off"][0], held("ErrImagePull", "no")
    older = copy.deepcopy(older)
    older["metadata"]["annotations"]["novacron.io/config-checksum"] = "c0"
    assert problems(older, newer)["api"].reason == "ImageUnavailable"
    assert problems(older, starting())["api"].older


@pytest.mark.parametrize(
    ("change", "current"),
    [
        pytest.param(lambda body: None, True, id="as-it-is"),
        pytest.param(lambda body: body["spec"]["containers"][0].update(image="other"), False, id="image"),
        pytest.param(
            lambda body: body["spec"]["containers"][0]["resources"]["limits"].update(memory="1Gi"), False, id="memory"
        ),
        pytest.param(lambda body: body["metadata"]["annotations"].clear(), False, id="settings"),
        pytest.param(lambda body: body["spec"].update(nodeSelector={"a": "b"}), False, id="node-selector"),
        pytest.param(lambda body: body["spec"]["containers"].append({"name": "x", "image": "y"}), True, id="sidecar"),
    ],
)
def test_a_pod_of_the_current_template_is_known(change: Any, current: bool) -> None:
    body = pod()
    change(body)
    assert pods.is_current(body, states.TEMPLATE) is current


_RUNNING = states.container(state={"running": {"startedAt": ago(minutes=1)}})


@pytest.mark.parametrize(
    ("found", "asked"),
    [
        pytest.param({}, True, id="runs-and-is-not-ready"),
        pytest.param({"conditions": states.conditions(ready=True)}, False, id="ready"),
        pytest.param({"podIP": ""}, False, id="no-address"),
        pytest.param({"containerStatuses": [_RUNNING | {"started": False}]}, False, id="has-not-come-up"),
        pytest.param({"containerStatuses": []}, False, id="no-container"),
        pytest.param({"containerStatuses": [_RUNNING | {"state": {"waiting": {}}}]}, False, id="waits"),
    ],
)
def test_only_a_pod_that_runs_and_is_not_ready_is_asked(found: dict[str, Any], asked: bool) -> None:
    status = {"podIP": "10.1.2.3", "containerStatuses": [_RUNNING], "conditions": states.conditions(ready=False)}
    assert pods.may_be_asked(pod(**(status | found))) is asked


def test_a_pod_that_goes_or_shares_its_nodes_network_is_not_asked() -> None:
    status: Manifest = {"podIP": "10.1.2.3", "containerStatuses": [_RUNNING]}
    status["conditions"] = states.conditions(ready=False)
    leaving, sharing = pod(**status), pod(**status)
    leaving["metadata"]["deletionTimestamp"] = ago(seconds=1)
    sharing["spec"]["hostNetwork"] = True
    assert not pods.may_be_asked(leaving)
    assert not pods.may_be_asked(sharing)


_ALL = {
    **{name: state[0] for name, state in _STATES.items()},
    "homeless": homeless("0/3 nodes are available: 3 Insufficient cpu."),
    "evicted": failed("Evicted", 'Usage of EmptyDir volume "tmp" exceeds the limit "64Mi". '),
}


@settings(deadline=None)
@given(
    st.sampled_from(sorted(_ALL)),
    st.from_regex(r"nc-api-[0-9a-f]{9}-[a-z0-9]{5}", fullmatch=True),
    st.integers(0, 500),
    st.sampled_from(["10s", "20s", "40s", "1m20s", "2m40s", "5m0s"]),
    st.uuids(version=4),
)
def test_words_stay_the_same_whatever_counts_on(state: str, name: str, restarts: int, back_off: str, uid: Any) -> None:
    """Another pod of the same fate, another restart, another back-off: no write to the status."""
    text = json.dumps(_ALL[state])
    for before, after in (("nc-api-7d9c5b6f4-x2x9k", name), ("2m40s", back_off), (states.UID, str(uid))):
        text = text.replace(before, after)
    other = json.loads(text)
    for one in other["status"].get("containerStatuses", []):
        one["restartCount"] = restarts
    assert problems(other) == problems(_ALL[state])


def test_every_cause_is_a_documented_reason() -> None:
    assert conditions.REASONS.keys() >= CAUSES
