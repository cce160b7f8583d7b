"""The neighbours' manifests hold together before a cluster sees them, and keep what is secret where it belongs."""

from __future__ import annotations

import json
import ssl
from dataclasses import replace
from typing import Any

import kubernetes_validate
import pytest
from cryptography import x509

from novacron.core.manifest import Manifest
from tests.support.node.neighbours import access, binaries, openbao, real
from tests.support.node.neighbours.access import Access
from tests.support.node.neighbours.pods import IMAGES


@pytest.fixture(scope="module")
def opened() -> Access:
    return replace(access.issued(real.SERVICES), unseal_key="key-of-the-seal", root_token="token-of-the-root")


@pytest.fixture(scope="module")
def manifests(opened: Access) -> list[Manifest]:
    return real.manifests(opened, "10.96.0.10", "PEM of kubelets", "novacron")


def pod_specs(manifests: list[Manifest]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (body["metadata"]["namespace"], body["spec"]["template"]["spec"])
        for body in manifests
        if body["kind"] == "Deployment"
    ]


def secrets_of(opened: Access) -> list[str]:
    keys = [certificate.key for certificate in opened.certificates.values()]
    passwords = [opened.superuser_password, opened.database_password, opened.redis_password]
    return [*keys, *passwords, opened.unseal_key, opened.root_token]


def test_schemas_are_met_strictly(manifests: list[Manifest]) -> None:
    for body in manifests:
        kubernetes_validate.validate(body, "1.36.0", strict=True)


def test_what_a_pod_mounts_and_who_it_runs_as_is_made(manifests: list[Manifest]) -> None:
    made = {(body["kind"], body["metadata"].get("namespace"), body["metadata"]["name"]) for body in manifests}
    for namespace, spec in pod_specs(manifests):
        for volume in spec["volumes"]:
            if "secret" in volume:
                assert ("Secret", namespace, volume["secret"]["secretName"]) in made
            if "configMap" in volume:
                assert ("ConfigMap", namespace, volume["configMap"]["name"]) in made
        if "serviceAccountName" in spec:
            assert ("ServiceAccount", namespace, spec["serviceAccountName"]) in made


def test_bindings_name_accounts_and_own_roles_that_are_made(manifests: list[Manifest]) -> None:
    accounts = {
        (body["metadata"]["namespace"], body["metadata"]["name"])
        for body in manifests
        if body["kind"] == "ServiceAccount"
    }
    roles = {body["metadata"]["name"] for body in manifests if body["kind"] == "ClusterRole"}
    bindings = [body for body in manifests if body["kind"].endswith("Binding")]
    assert roles <= {body["roleRef"]["name"] for body in bindings}
    for body in bindings:
        assert {(subject["namespace"], subject["name"]) for subject in body["subjects"]} <= accounts


def test_no_object_is_made_twice(manifests: list[Manifest]) -> None:
    keys = [(body["kind"], body["metadata"].get("namespace"), body["metadata"]["name"]) for body in manifests]
    assert len(keys) == len(set(keys))


def test_services_lead_to_ports_of_their_pods(manifests: list[Manifest]) -> None:
    ports = {
        body["metadata"]["name"]: {
            port["name"] for port in body["spec"]["template"]["spec"]["containers"][0].get("ports", ())
        }
        for body in manifests
        if body["kind"] == "Deployment"
    }
    for body in manifests:
        if body["kind"] == "Service":
            assert {port["targetPort"] for port in body["spec"]["ports"]} <= ports[body["metadata"]["name"]]


def test_images_come_from_the_node_alone(manifests: list[Manifest]) -> None:
    for _namespace, spec in pod_specs(manifests):
        for container in (*spec["containers"], *spec.get("initContainers", ())):
            assert container["image"].startswith(f"{IMAGES}/")
            assert container["imagePullPolicy"] == "Never"


def test_only_secrets_hold_what_is_secret(manifests: list[Manifest], opened: Access) -> None:
    shown = json.dumps([body for body in manifests if body["kind"] != "Secret"])
    assert not [secret for secret in secrets_of(opened) if json.dumps(secret)[1:-1] in shown]


def test_nothing_secret_is_in_a_representation(opened: Access) -> None:
    assert not [secret for secret in secrets_of(opened) if secret in repr(opened) or secret in str(opened)]
    assert opened.root_token not in repr(openbao.OpenBao("10.0.0.1", opened.authority, opened.root_token))


def test_what_was_stored_comes_back_whole(opened: Access) -> None:
    assert access.restored(opened.stored()) == opened


def test_each_cluster_has_its_own(opened: Access) -> None:
    other = access.issued(real.SERVICES)
    assert not set(secrets_of(other)) & set(secrets_of(opened))


@pytest.mark.parametrize("service", real.SERVICES)
def test_a_certificate_is_for_every_name_of_its_service_and_is_trusted(opened: Access, service: str) -> None:
    certificate = x509.load_pem_x509_certificate(opened.certificates[service].chain.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    expected = {f"{service}.{real.SERVICES[service]}{suffix}" for suffix in ("", ".svc", ".svc.cluster.local")}
    assert expected <= set(names.get_values_for_type(x509.DNSName))
    authority = x509.load_pem_x509_certificate(opened.authority.encode())
    certificate.verify_directly_issued_by(authority)
    ssl.create_default_context(cadata=opened.authority)


@pytest.mark.parametrize(
    "program", [one for one in binaries.PROGRAMS if one != binaries.OPENBAO], ids=lambda one: one.name
)
def test_a_program_is_of_the_version_that_its_module_asks_for(program: binaries.Program) -> None:
    """OpenBao's has no version in the proxy, only the commit of its tag."""
    assert f" v{program.version}" in (program.module / "go.mod").read_text()
