"""Why pods do not start or do not stay: from their states, as the kubelet writes them, and FailedMount events. Pure.

Names Secrets and keys, never values; quotes no log. The same state of the world gives the same words: a pod's name, a
count or a back-off time in them would be a write to the status each time.
Source: pkg/kubelet/{kuberuntime,images,container}, pkg/volume.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from novacron.core import labels, names
from novacron.core.manifest import Manifest, at
from novacron.stack import placement
from novacron.stack.problem import Problem, gravest, steady

RECENT = timedelta(minutes=10)
"""How long what is over counts: the kubelet forgets a container's back-off after as long a run."""
_USUAL = frozenset({"ContainerCreating", "PodInitializing"})
_PULLING = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed"}
)
_OOM_AT_START = "OOM-killed"
"""runc's word where the limit is too small even for the start of the container."""
_SECRET_MISSING = re.compile(
    r'secrets? "(?P<secret>[^"]+)" not found|references non-existent secret key: (?P<path>\S+)'
    r"|couldn't find key (?P<key>\S+) in Secret \S*?/?(?P<of>[^/\s]+)(?:\s|$)"
)
_CONFIG_MISSING = re.compile(
    r'configmaps? "(?P<config>[^"]+)" not found|references non-existent config key: (?P<path>\S+)'
)
_VOLUME = re.compile(r'for volume "([^"]+)"')


@dataclass(frozen=True, slots=True)
class _Pod:
    """One pod of a workload.

    Args:
        mounts: what FailedMount events say of it.
    """

    role: str
    body: Manifest
    mounts: tuple[str, ...]
    now: datetime

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])

    @property
    def field(self) -> str:
        """Field of the spec that says what the pod is like: a migration is of query's size and place."""
        return "query" if self.role == names.MIGRATE else self.role

    @property
    def image_field(self) -> str:
        schemas = "spec.auth.image or spec.query.image"
        return schemas if self.role == names.MIGRATE else f"spec.{self.role}.image"

    def containers(self) -> list[Manifest]:
        status = self.body.get("status", {})
        return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]

    def spec_of(self, container: Manifest) -> Manifest:
        listed = at(self.body, "spec", "containers", default=[])
        return next((item for item in listed if item.get("name") == container.get("name")), {})

    def condition(self, type_: str) -> Manifest:
        listed = at(self.body, "status", "conditions", default=[])
        return next((item for item in listed if item.get("type") == type_), {})

    def recent(self, moment: str | None) -> bool:
        return bool(moment) and self.now - datetime.fromisoformat(str(moment)) < RECENT

    @property
    def logs(self) -> str:
        meta = self.body["metadata"]
        instance = at(meta, "labels", labels.INSTANCE, default="")
        return f"kubectl logs -n {meta.get('namespace', '')} deploy/{names.component(instance, self.role)} --previous"


def problems(
    pods: Iterable[Manifest], mount_failures: Iterable[Manifest], templates: Mapping[str, Manifest], now: datetime
) -> dict[str, Problem]:
    """Workload -> the gravest thing that keeps a pod of it from serving.

    Args:
        templates: pod template of each workload's Deployment: trouble of older pods counts only where the newer ones
            have none, as a rollout removes them.
    """
    said: dict[str, list[str]] = {}
    for event in mount_failures:
        said.setdefault(event["involvedObject"]["name"], []).append(event.get("message", ""))
    found: dict[str, list[Problem]] = {}
    for body in pods:
        role = at(body, "metadata", "labels", labels.COMPONENT, default="")
        problem = _problem(_Pod(role, body, tuple(said.get(body["metadata"]["name"], ())), now))
        if problem is not None:
            older = not is_current(body, templates.get(role, {}))
            found.setdefault(role, []).append(dataclasses.replace(problem, older=older))
    return {role: min(listed, key=lambda problem: problem.rank) for role, listed in sorted(found.items())}


def is_current(pod: Manifest, template: Manifest) -> bool:
    """Whether a pod was made from this template, as far as a pod shows."""
    wanted = at(template, "spec", "containers", default=[])
    made = {item["name"]: item for item in at(pod, "spec", "containers", default=[])}
    annotations = at(pod, "metadata", "annotations", default={})
    return (
        all(made.get(item["name"], {}).get(key) == item.get(key) for item in wanted for key in ("image", "resources"))
        and at(template, "metadata", "annotations", default={}).items() <= annotations.items()
        and at(template, "spec", "nodeSelector", default={}) == at(pod, "spec", "nodeSelector", default={})
    )


def may_be_asked(pod: Manifest) -> bool:
    """Whether it runs, has come up and is not ready: then it can say itself what it misses."""
    status = pod.get("status", {})
    listed = status.get("containerStatuses") or ()
    return (
        not is_ready(pod)
        and at(pod, "metadata", "deletionTimestamp") is None
        and not at(pod, "spec", "hostNetwork", default=False)
        and bool(status.get("podIP"))
        and bool(listed)
        and all(at(item, "state", "running") is not None and item.get("started") for item in listed)
    )


def is_ready(pod: Manifest) -> bool:
    listed = at(pod, "status", "conditions", default=[])
    return any(item["type"] == "Ready" and item["status"] == "True" for item in listed)


def killed_for_memory(pod: Manifest, role: str, since: datetime) -> bool:
    """Whether the container of a workload is down for want of memory, or was since then, as far as its pod shows."""
    for container in at(pod, "status", "containerStatuses", default=[]):
        if container.get("name") != role:
            continue
        if _OOM_AT_START in at(container, "state", "waiting", "message", default=""):
            return True
        for ended in (at(container, "state", "terminated"), at(container, "lastState", "terminated")):
            if ended and _for_memory(ended) and _since(ended.get("finishedAt"), since):
                return True
    return False


def _for_memory(ended: Manifest) -> bool:
    return ended.get("reason") == "OOMKilled" or _OOM_AT_START in ended.get("message", "")


def _since(moment: str | None, since: datetime) -> bool:
    return bool(moment) and datetime.fromisoformat(str(moment)) >= since


def _problem(pod: _Pod) -> Problem | None:
    if at(pod.body, "metadata", "deletionTimestamp") is not None:
        return None
    if at(pod.body, "status", "phase") == "Failed":
        if not pod.recent(_ended(pod)):
            return None
        status = pod.body["status"]
        return placement.sent_away(pod.field, status.get("reason", ""), status.get("message", ""))
    scheduled = pod.condition("PodScheduled")
    if scheduled.get("status") == "False":
        return placement.unschedulable(pod.field, scheduled.get("reason", ""), scheduled.get("message", ""))
    found = [problem for item in pod.containers() if (problem := _container(pod, item)) is not None]
    return gravest(found) or _mount(pod)


def _ended(pod: _Pod) -> str | None:
    """When a failed pod failed, as far as it says."""
    ends = [at(item, "state", "terminated", "finishedAt") for item in pod.containers()]
    moments = [*ends, pod.condition("DisruptionTarget").get("lastTransitionTime"), at(pod.body, "status", "startTime")]
    return max((str(moment) for moment in moments if moment), default=None)


def _container(pod: _Pod, container: Manifest) -> Problem | None:
    """Of a container that waits, has ended, or runs again after an end that was not long ago."""
    waiting, ended = at(container, "state", "waiting"), at(container, "state", "terminated")
    last = at(container, "lastState", "terminated")
    if waiting is not None:
        usual = not waiting.get("reason") or waiting["reason"] in _USUAL
        return None if usual else _waiting(pod, container, waiting, last)
    if ended is not None:
        return _end(pod, container, ended, lingering=False)
    if last is None or not pod.recent(last.get("finishedAt")):
        return None
    ready = bool(container.get("ready"))
    problem = _end(pod, container, last, lingering=ready)
    if problem.reason == "OutOfMemory":
        return problem
    return None if ready else dataclasses.replace(problem, lingering=True)


def _waiting(pod: _Pod, container: Manifest, waiting: Manifest, last: Manifest | None) -> Problem:
    reason, message = waiting["reason"], waiting.get("message", "")
    if reason == "CrashLoopBackOff":
        return _end(pod, container, last or {}, lingering=False)
    if _OOM_AT_START in message:
        return _out_of_memory(pod, container, "as it started", lingering=False)
    image = pod.spec_of(container).get("image") or container.get("image", "")
    return _image(pod.image_field, reason, image) or _missing(pod.field, message) or _unmade(pod, reason, message)


def _image(field: str, reason: str, image: str) -> Problem | None:
    """In the same words while it is tried and while it is waited."""
    if reason in _PULLING:
        remedy = f"check spec.image.registry, {field} and spec.image.pullSecrets, and that the image is there"
        return Problem("ImageUnavailable", f"the image {image} cannot be pulled", remedy)
    if reason == "ErrImageNeverPull":
        remedy = "put it there, or change spec.image.pullPolicy"
        return Problem("ImageUnavailable", f"the image {image} is not on the node, and is never pulled", remedy)
    if reason == "InvalidImageName":
        remedy = f"correct spec.image.registry, {field} or spec.version"
        return Problem("ImageUnavailable", f"{image} is no name of an image", remedy)
    return None


def _unmade(pod: _Pod, reason: str, message: str) -> Problem:
    words = steady(re.sub(r" \(pod: .*\)$", "", message), pod.name)
    remedy = f"check {pod.image_field}, .uid and .env against what the image needs"
    return Problem("ContainerConfigError", f"its container cannot be made: {reason}: {words}".rstrip(": "), remedy)


def _end(pod: _Pod, container: Manifest, ended: Manifest, *, lingering: bool) -> Problem:
    code, reason = ended.get("exitCode", "?"), ended.get("reason", "Error")
    if _for_memory(ended):
        return _out_of_memory(pod, container, f"exit code {code}", lingering=lingering)
    if reason in ("StartError", "ContainerCannotRun"):
        words = steady(ended.get("message", ""), pod.name)
        remedy = f"check {pod.image_field}: does it hold NovaCron for the nodes' architecture?"
        return Problem("ContainerConfigError", f"its container cannot start: {words}".rstrip(": "), remedy)
    cause = f"its container ended with exit code {code} ({reason}) and is started again and again"
    remedy = f"read its last words (`{pod.logs}`); spec.version or {pod.image_field} may be wrong"
    return Problem("CrashLoop", cause, remedy, lingering=lingering)


def _out_of_memory(pod: _Pod, container: Manifest, how: str, *, lingering: bool) -> Problem:
    limit: Any = at(pod.spec_of(container), "resources", "limits", "memory", default="")
    words = f"{how}, limit {limit}" if limit else how
    cause = f"its container was killed for want of memory (OOMKilled, {words})"
    remedy = f"raise spec.{pod.field}.resources.limits.memory"
    if pod.role == "ml":
        remedy += "; condition MemoryAdequate says to what, and whether it is raised by itself"
    return Problem("OutOfMemory", cause, remedy, lingering=lingering)


def _missing(role: str, message: str) -> Problem | None:
    """A Secret or ConfigMap, or a key of it, that does not exist, in the kubelet's words for it."""
    secret = _SECRET_MISSING.search(message)
    if secret is not None:
        if secret["secret"]:
            cause = f'secret "{secret["secret"]}" not found'
        elif secret["key"]:
            cause = f"key {secret['key']} is not in Secret {secret['of']}"
        else:
            cause = f"a Secret lacks the key {secret['path']}"
            cause += _of_volume(message)
        remedy = "create it, or correct spec.secrets (secretName, remoteKey, keys); see condition SecretsSynced"
        return Problem("SecretMissing", cause, remedy)
    config = _CONFIG_MISSING.search(message)
    if config is None:
        return None
    cause = (
        f'configmap "{config["config"]}" not found'
        if config["config"]
        else f"a ConfigMap lacks the key {config['path']}{_of_volume(message)}"
    )
    return Problem("ConfigMissing", cause, f"the operator makes those of spec.{role}: see its other conditions")


def _of_volume(message: str) -> str:
    volume = _VOLUME.search(message)
    return f" (volume {volume[1]})" if volume else ""


def _mount(pod: _Pod) -> Problem | None:
    """From events."""
    return None if _is_mounted(pod.body) else gravest(_unmounted(pod, message) for message in pod.mounts if message)


def _is_mounted(pod: Manifest) -> bool:
    """Once the sandbox stands the volumes are mounted, whatever older events say."""
    status = pod.get("status", {})
    listed = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    sandbox = any(
        item["type"] == "PodReadyToStartContainers" and item["status"] == "True"
        for item in status.get("conditions", ())
    )
    return sandbox or any(item.get("started") or at(item, "state", "running") for item in listed)


def missing_secrets(pods: Iterable[Manifest], mount_failures: Iterable[Manifest]) -> dict[str, datetime]:
    """Secret that is not there at all -> when a kubelet last said so of a pod that still waits for it."""
    waiting = {
        body["metadata"].get("uid")
        for body in pods
        if at(body, "metadata", "deletionTimestamp") is None and not _is_mounted(body)
    }
    found: dict[str, datetime] = {}
    for event in mount_failures:
        said = _SECRET_MISSING.search(event.get("message", ""))
        moment = event.get("lastTimestamp") or event.get("eventTime")
        if said is None or not said["secret"] or not moment or event["involvedObject"].get("uid") not in waiting:
            continue
        at_last = datetime.fromisoformat(str(moment))
        found[said["secret"]] = max(found.get(said["secret"], at_last), at_last)
    return found


def _unmounted(pod: _Pod, message: str) -> Problem:
    words = steady(message, pod.name, str(at(pod.body, "metadata", "uid", default="no uid")))
    remedy = "see the events of the pod (kubectl describe); the node's kubelet tries again"
    return _missing(pod.field, message) or Problem("FailedMount", f"a volume cannot be mounted: {words}", remedy)
