"""The development sample on a real node: it lives, with secrets from a real store, and then it rests."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode

import pytest

from novacron.core.manifest import at
from tests.e2e.idling import Idle
from tests.support.api_client import Manifest
from tests.support.living import HOME, IMAGE, OPERATOR_IMAGE
from tests.support.lodging import Sample

pytestmark = pytest.mark.real_node
_ROLES = ("api", "auth", "query", "ml")
_LOOK = """
import hashlib, json, os, pathlib
root = pathlib.Path("/etc/novacron/secrets")
files = [path for path in root.glob("*/*") if path.is_file()]
lines = pathlib.Path("/proc/self/status").read_text().splitlines()
status = dict(line.split(":\\t") for line in lines if ":\\t" in line)
def writable(path):
    try:
        (pathlib.Path(path) / "probe").touch()
    except OSError:
        return False
    return True
print(json.dumps({
    "secrets": {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
    "uid": os.getuid(), "groups": os.getgroups(), "capabilities": status["CapEff"].strip(),
    "no new privileges": status["NoNewPrivs"].strip(), "seccomp": status["Seccomp"].strip(),
    "writable": [path for path in ("/", "/etc", "/usr", "/tmp", "/var/tmp", "/etc/novacron/config") if writable(path)],
    "token": os.path.exists("/var/run/secrets/kubernetes.io"),
}))
"""


def _inside(sample: Sample, role: str) -> dict[str, object]:
    """What a process in the container of a workload sees; secrets as hashes."""
    command = ("exec", "-n", sample.namespace, f"deploy/{sample.name}-{role}", "--", "/usr/bin/python3", "-c", _LOOK)
    seen: dict[str, object] = json.loads(sample.living.kubectl(*command))
    return seen


def _keys(sample: Sample, group: str) -> dict[str, str]:
    """Files that the operator made itself, as hashes."""
    found = sample.client.get("Secret", sample.namespace, f"novacron-{group}")
    assert found is not None
    return {
        f"{group}/{name}": hashlib.sha256(b64decode(content)).hexdigest() for name, content in found["data"].items()
    }


def test_the_store_is_valid_and_every_secret_is_synced(sample: Sample) -> None:
    store = sample.client.get("SecretStore", sample.namespace, f"{sample.name}-vault")
    assert store is not None
    assert [(item["type"], item["status"]) for item in store["status"]["conditions"]] == [("Ready", "True")]
    synced = {
        item["metadata"]["name"]: item["status"]["conditions"][0]["reason"]
        for item in sample.client.list("ExternalSecret", sample.namespace)
    }
    assert synced == {f"{sample.name}-database": "SecretSynced", f"{sample.name}-redis": "SecretSynced"}
    assert sample.condition("SecretsSynced")["status"] == "True"


def test_the_pods_run_from_our_image_with_secrets_as_files(sample: Sample) -> None:
    access = sample.living.neighbours.access
    wanted = {
        "database/username": "novacron",
        "database/password": access.database_password,
        "database/ca.crt": access.authority,
        "redis/password": access.redis_password,
        "redis/ca.crt": access.authority,
    }
    hashes = {file: hashlib.sha256(content.encode()).hexdigest() for file, content in wanted.items()}
    hashes |= _keys(sample, "signing-keys") | _keys(sample, "internal-key")
    groups = {
        "api": ("redis", "internal-key"),
        "auth": ("database", "redis", "internal-key", "signing-keys"),
        "query": ("database", "redis", "internal-key"),
        "ml": ("internal-key",),
    }
    for role in _ROLES:
        (pod,) = sample.pods(role)
        (container,) = pod["status"]["containerStatuses"]
        assert pod["spec"]["containers"][0]["image"] == f"{IMAGE.removeprefix('docker.io/')}:v10.0.0"
        assert container["imageID"] == sample.living.image_id
        assert container["ready"]
        seen = _inside(sample, role)
        expected = {file: digest for file, digest in hashes.items() if file.split("/")[0] in groups[role]}
        assert seen == {
            "secrets": expected,
            "uid": 65532,
            "groups": [65532],
            "capabilities": "0000000000000000",
            "no new privileges": "1",
            "seccomp": "2",
            "writable": ["/tmp"],
            "token": False,
        }


def test_the_operator_runs_as_two_hardened_pods(sample: Sample) -> None:
    pods = [pod for pod in sample.client.list("Pod", HOME) if "deletionTimestamp" not in pod["metadata"]]
    assert len(pods) == 2
    for pod in pods:
        (container,) = pod["status"]["containerStatuses"]
        assert pod["spec"]["containers"][0]["image"] == OPERATOR_IMAGE
        assert container["imageID"] == sample.living.image_id
        assert container["ready"]
        assert pod["spec"]["serviceAccountName"] == "novacron-operator"
        security = pod["spec"]["containers"][0]["securityContext"]
        assert security["readOnlyRootFilesystem"]
        assert security["capabilities"] == {"drop": ["ALL"]}
    home = sample.client.get("Namespace", "", HOME)
    assert home is not None
    assert home["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_no_condition_is_left_in_doubt(sample: Sample) -> None:
    """On a real node everything can be known."""
    conditions: list[Manifest] = at(sample.resource(), "status", "conditions")
    assert {item["type"]: item["message"] for item in conditions if item["status"] == "Unknown"} == {}


def test_five_minutes_of_rest(rested: Idle) -> None:
    assert (rested.writes, rested.restarts, rested.warnings) == ([], [], [])
    assert rested.seconds >= 300
    # the lease is renewed every two seconds: the log was really read
    assert 100 <= rested.renewals <= 200
