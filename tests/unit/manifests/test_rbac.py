"""The rights in manifests/: the same rules for a cluster and for one namespace, and no more than the table of kinds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from novacron.core import kinds, labels, names
from novacron.core.manifest import Kind

MANIFESTS = Path(__file__).parents[3] / "manifests"
Right = tuple[str, str, str]
"""API group, resource with subresource, verb."""

OF_CHILDREN = ("list", "watch", "create", "patch", "delete")
OTHERS: set[Right] = {
    (labels.GROUP, "novacrons", "list"),
    (labels.GROUP, "novacrons", "watch"),
    (labels.GROUP, "novacrons/status", "patch"),
    (labels.GROUP, "novacrons/finalizers", "update"),
    ("", "pods", "list"),
    ("metrics.k8s.io", "pods", "list"),
    ("", "events", "list"),
    ("events.k8s.io", "events", "create"),
    ("events.k8s.io", "events", "patch"),
}
OF_KEYS: set[Right] = {("", "secrets", verb) for verb in ("get", "create", "patch")}
"""Of two Secrets, by name: a server-side apply of one is a patch, and a creation, that has a name; a POST has none."""


def documents(file: str) -> list[dict[str, Any]]:
    return [item for item in yaml.safe_load_all((MANIFESTS / file).read_text()) if item]


def rules(file: str, kind: str) -> list[dict[str, Any]]:
    (role,) = (item for item in documents(file) if item["kind"] == kind)
    found: list[dict[str, Any]] = role["rules"]
    return found


def rights(found: Iterable[dict[str, Any]]) -> list[Right]:
    return [
        (group, resource, verb)
        for rule in found
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]


def of(kind: Kind, verb: str) -> Right:
    return kind.group, kind.plural, verb


def test_both_ways_to_install_grant_the_same_rules() -> None:
    assert rules("install/rbac.yaml", "ClusterRole") == rules("install-namespaced/rbac.yaml", "Role")


def test_exactly_the_table_of_kinds_is_granted_and_nothing_twice() -> None:
    found = rules("install/rbac.yaml", "ClusterRole")
    listed = rights(found)
    assert len(listed) == len(set(listed))
    unnamed = rights(rule for rule in found if not rule.get("resourceNames"))
    assert set(unnamed) == {of(kind, verb) for kind in kinds.CHILDREN for verb in OF_CHILDREN} | OTHERS


def test_two_secrets_are_granted_by_name_and_can_be_neither_listed_nor_deleted() -> None:
    (rule,) = (rule for rule in rules("install/rbac.yaml", "ClusterRole") if rule.get("resourceNames"))
    assert sorted(rule["resourceNames"]) == sorted(names.KEYS)
    assert set(rights([rule])) == OF_KEYS


def test_the_lease_alone_is_granted_in_the_operators_own_namespace() -> None:
    found = rules("base/lease-rbac.yaml", "Role")
    assert {(right, tuple(rule.get("resourceNames", ()))) for rule in found for right in rights([rule])} == {
        (of(kinds.LEASE, "create"), ()),
        (of(kinds.LEASE, "get"), (labels.LEASE,)),
        (of(kinds.LEASE, "update"), (labels.LEASE,)),
    }


def test_no_wildcard_and_no_other_secret_anywhere() -> None:
    for path in MANIFESTS.rglob("*.yaml"):
        for item in yaml.safe_load_all(path.read_text()):
            if isinstance(item, dict) and item.get("kind") in ("Role", "ClusterRole"):
                assert "*" not in {word for right in rights(item["rules"]) for word in right}, path
                free = {word for rule in item["rules"] if not rule.get("resourceNames") for word in rule["resources"]}
                assert not any(word.startswith("secrets") and word != "secretstores" for word in free), path


def test_the_namespaced_install_binds_in_its_namespace_alone() -> None:
    found = documents("install-namespaced/rbac.yaml")
    assert {item["kind"] for item in found} == {"Namespace", "Role", "RoleBinding"}
    assert {item["metadata"].get("namespace", item["metadata"]["name"]) for item in found} == {"novacron"}
    (change,) = yaml.safe_load((MANIFESTS / "install-namespaced" / "patch.yaml").read_text())
    assert change["value"] == ["run", "--namespace=novacron"]


def test_the_policy_on_labels_guards_every_kind_of_child() -> None:
    policies = {
        item["metadata"]["name"]: item["spec"]
        for item in documents("base/policies.yaml")
        if item["kind"] == "ValidatingAdmissionPolicy"
    }
    guarded = {
        (group, resource)
        for rule in policies["novacron-labels"]["matchConstraints"]["resourceRules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert {(kind.group, kind.plural) for kind in kinds.CHILDREN} <= guarded
