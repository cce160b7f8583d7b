"""Properties of every pod template of every valid combination of options."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from novacron.api.v1alpha1 import validate
from novacron.core import labels, quantity
from novacron.core.capabilities import Capabilities
from novacron.stack.desired import wanted
from tests.support import resources


def _fitting(changes: dict[str, Any]) -> dict[str, Any]:
    """A user namespace maps uids below 65536 only."""
    mapped = "spec.security" in changes and "spec.api.uid" in changes
    return changes | {"spec.api.uid": min(changes["spec.api.uid"], 65535)} if mapped else changes


_CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "spec.security": st.just(
            {"appArmor": "RuntimeDefault", "userNamespaces": True, "strictSupplementalGroups": True}
        ),
        "spec.api.uid": st.integers(1000, 2**31 - 1),
        "spec.api.env": st.just([{"name": "LEVEL", "value": "1"}]),
        "spec.api.image": st.just({"repository": "a/b", "digest": "sha256:" + "0" * 64}),
        "spec.image": st.just({"registry": "r.example.com", "pullSecrets": [{"name": "pull"}]}),
        "spec.ml.gpus": st.integers(0, 2),
        "spec.ml.scratch": st.just({"size": "1Gi"}),
        "spec.auth.enabled": st.booleans(),
        "spec.query.autoscaling": st.just({"enabled": False}),
        "spec.secrets": st.just({"provider": "Existing"}),
        "spec.api.podLabels": st.just({"team": "x"}),
        "spec.api.tolerations": st.just([{"key": "a", "operator": "Exists"}]),
        "spec.api.terminationGracePeriodSeconds": st.integers(1, 60),
    },
).map(_fitting)
_SERVERS = st.sampled_from([(1, minor) for minor in range(31, 38)])


def _children(changes: dict[str, Any], server: tuple[int, int], *kinds: str) -> list[dict[str, Any]]:
    body = resources.changed(resources.minimal(), changes)
    body["metadata"]["uid"] = "u"
    return [item for item in wanted(validate(body), Capabilities(server)).manifests if item["kind"] in kinds]


def _deployments(changes: dict[str, Any], server: tuple[int, int]) -> list[dict[str, Any]]:
    return _children(changes, server, "Deployment")


def _pods(changes: dict[str, Any], server: tuple[int, int]) -> list[dict[str, Any]]:
    """Specs of all pods."""
    owners = [item["spec"] for item in _children(changes, server, "Deployment", "Job", "CronJob")]
    found = [spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec for spec in owners]
    assert len(found) > 2
    return [spec["template"]["spec"] for spec in found]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(_CHANGES, _SERVERS)
def test_every_pod_is_hardened(changes: dict[str, Any], server: tuple[int, int]) -> None:
    """What Pod Security and the judges of manifests ask for, as far as it can be read off a pod."""
    for pod in _pods(changes, server):
        (container,) = pod["containers"]
        context = container["securityContext"]
        assert pod["securityContext"]["runAsNonRoot"] is context["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == context["runAsUser"] >= 1000
        assert pod["securityContext"]["seccompProfile"] == context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert context["allowPrivilegeEscalation"] is context["privileged"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert [pod[name] for name in ("hostNetwork", "hostPID", "hostIPC", "automountServiceAccountToken")] == [
            False
        ] * 4
        assert set(container["resources"]["requests"]) >= {"cpu", "memory", "ephemeral-storage"}
        assert container["resources"]["requests"].keys() == container["resources"]["limits"].keys()
        probes = {"startupProbe", "livenessProbe", "readinessProbe"}
        assert probes & container.keys() == (probes if pod["restartPolicy"] == "Always" else set())
        mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
        assert {name for name, mount in mounts.items() if not mount.get("readOnly")} <= {"tmp", "scratch"}
        assert mounts.keys() == {volume["name"] for volume in pod["volumes"]}
        assert all(volume["secret"]["defaultMode"] == 0o440 for volume in pod["volumes"] if "secret" in volume)
        assert not any(volume["secret"].get("optional") for volume in pod["volumes"] if "secret" in volume)
        assert not {"hostPath", "nfs"} & {key for volume in pod["volumes"] for key in volume}
        assert all("valueFrom" not in entry for entry in container.get("env", []))
        assert ("hostUsers" in pod) <= ("spec.security" in changes and server >= (1, 33))
        if "hostUsers" in pod:
            assert pod["hostUsers"] is False
            assert context["runAsUser"] < 65536
        slept = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        assert slept < pod["terminationGracePeriodSeconds"] / 2


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40)
@given(_CHANGES)
def test_a_tmpfs_never_eats_the_memory(changes: dict[str, Any]) -> None:
    for pod in _pods(changes, (1, 36)):
        limit = quantity.parse(pod["containers"][0]["resources"]["limits"]["memory"])
        (tmp,) = [volume["emptyDir"] for volume in pod["volumes"] if volume["name"] == "tmp"]
        assert quantity.parse(tmp["sizeLimit"]) <= min(limit / 8, quantity.parse("100Mi"))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=20)
@given(_CHANGES)
def test_what_right_sizing_learned_is_the_limit_of_ml_and_changes_nothing_else(changes: dict[str, Any]) -> None:
    """Neither its request nor its tmpfs, and no other object (docs/decisions/0035)."""
    body = resources.changed(resources.minimal(), changes)
    body["metadata"]["uid"] = "u"
    plain = wanted(validate(body), Capabilities()).manifests
    grown = wanted(validate(body), Capabilities(), memory_limit="24Gi").manifests
    differing = [item for item in grown if item not in plain]
    assert [(item["kind"], item["metadata"]["name"]) for item in differing] == [("Deployment", "novacron-ml")]
    container = differing[0]["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"]["memory"] == "24Gi"
    container["resources"]["limits"]["memory"] = "16Gi"
    assert differing[0] in plain


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40)
@given(_CHANGES)
def test_selectors_find_their_own_pods_and_never_change(changes: dict[str, Any]) -> None:
    for deployment in _deployments(changes, (1, 36)):
        selector = deployment["spec"]["selector"]["matchLabels"]
        assert selector.keys() == {labels.INSTANCE, labels.COMPONENT}
        assert selector.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
        assert labels.APP_VERSION not in deployment["spec"]["template"]["metadata"]["labels"]


def _template(changes: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = _deployments(changes, (1, 36))[1]["spec"]["template"]
    return found


def test_a_change_of_settings_restarts_and_a_pool_size_does_not() -> None:
    """The pool size is read again by the process."""
    plain = _template({})
    assert _template({"spec.auth.jwt.issuer": "other"})["metadata"]["annotations"] != plain["metadata"]["annotations"]
    assert _template({"spec.database.connectionBudget": 400}) == plain


def test_images() -> None:
    def image(changes: dict[str, Any]) -> tuple[str, str]:
        container = _deployments(changes, (1, 36))[0]["spec"]["template"]["spec"]["containers"][0]
        return container["image"], container["imagePullPolicy"]

    digest = "sha256:" + "0" * 64
    assert image({}) == ("novacron/novacron:v10.0.0", "Always")
    assert image({"spec.image.registry": "r.example.com"}) == ("r.example.com/novacron/novacron:v10.0.0", "Always")
    assert image({"spec.api.image": {"repository": "a/b", "digest": digest}}) == (f"a/b@{digest}", "IfNotPresent")
    assert image({"spec.api.image": {"repository": "h.example.com/b", "tag": "1"}, "spec.image.registry": "r"}) == (
        "h.example.com/b:1",
        "Always",
    )


def test_gpus_are_asked_for_where_they_are_and_rolled_without_a_spare() -> None:
    (ml,) = [item for item in _deployments({"spec.ml.gpus": 2}, (1, 36)) if item["metadata"]["name"].endswith("-ml")]
    pod = ml["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "2"
    assert pod["nodeSelector"] == {"workload-type": "ml"}
    assert {"key": "nvidia.com/gpu", "operator": "Equal", "value": "true", "effect": "NoSchedule"} in pod["tolerations"]
    assert ml["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}


def test_auth_alone_mounts_what_signs_and_all_know_each_other() -> None:
    mounted = {}
    for deployment in _deployments({}, (1, 36)):
        pod = deployment["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        secrets = {volume["name"]: volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
        where = {mount["mountPath"]: secrets.get(mount["name"]) for mount in container["volumeMounts"]}
        assert where["/etc/novacron/secrets/internal-key"] == "novacron-internal-key"
        mounted[container["name"]] = where.get("/etc/novacron/secrets/signing-keys")
    assert mounted == {"api": None, "auth": "novacron-signing-keys", "query": None, "ml": None}


def test_the_signing_keys_are_mounted_whole() -> None:
    """Their names are known only once they are made."""
    (auth,) = [item for item in _deployments({}, (1, 36)) if item["metadata"]["name"].endswith("-auth")]
    (volume,) = [
        volume["secret"]
        for volume in auth["spec"]["template"]["spec"]["volumes"]
        if volume.get("secret", {}).get("secretName") == "novacron-signing-keys"
    ]
    assert volume == {"secretName": "novacron-signing-keys", "defaultMode": 0o440}
