from __future__ import annotations

import copy
from typing import Any

import pytest

from novacron.core import drift

_WANTED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "a", "namespace": "n", "labels": {"x": "y"}},
    "spec": {
        "template": {
            "metadata": {"annotations": {"ours": "1"}},
            "spec": {
                "containers": [
                    {
                        "name": "api",
                        "image": "i:1",
                        "args": ["api"],
                        "resources": {"limits": {"cpu": "1"}},
                        "ports": [{"containerPort": 8080, "protocol": "TCP", "name": "http"}],
                    }
                ],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
            },
        }
    },
}


def _live(**entries: dict[str, Any]) -> dict[str, Any]:
    """The object as the server keeps it: with its defaults, and with field owners."""
    live = copy.deepcopy(_WANTED)
    live["metadata"] |= {"resourceVersion": "5", "uid": "u"}
    live["spec"]["progressDeadlineSeconds"] = 600
    container = live["spec"]["template"]["spec"]["containers"][0]
    container |= {"terminationMessagePath": "/dev/termination-log"}
    live["metadata"]["managedFields"] = [
        {"manager": manager.replace("_", "-"), "operation": "Update", "fieldsV1": fields}
        for manager, fields in entries.items()
    ]
    return live


def _template(fields: dict[str, Any]) -> dict[str, Any]:
    return {"f:spec": {"f:template": fields}}


def test_server_defaults_are_not_drift() -> None:
    assert drift.changed(_WANTED, _live()) == []
    assert drift.contested(_WANTED, _live()) == ([], [])


def test_the_same_quantity_in_other_words_is_not_drift() -> None:
    live = _live()
    live["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"] = "1000m"
    assert drift.changed(_WANTED, live) == []


def test_equal_numbers_outside_quantities_are_drift() -> None:
    live = _live()
    live["spec"]["template"]["metadata"]["annotations"]["ours"] = "1.0"
    assert drift.changed(_WANTED, live) == ["spec.template.metadata.annotations.ours"]


def test_a_changed_field_is_named() -> None:
    live = _live()
    live["spec"]["template"]["spec"]["containers"][0]["image"] = "evil:1"
    assert drift.changed(_WANTED, live) == ["spec.template.spec.containers.[api].image"]


def test_a_missing_list_item_is_named() -> None:
    live = _live()
    live["spec"]["template"]["spec"]["volumes"] = []
    assert drift.changed(_WANTED, live) == ["spec.template.spec.volumes.[tmp]"]


def test_a_sidecar_is_an_addition() -> None:
    sidecar: dict[str, Any] = {"f:spec": {"f:containers": {'k:{"name":"spy"}': {".": {}, "f:image": {}}}}}
    live = _live(kubectl_edit=_template(sidecar))
    live["spec"]["template"]["spec"]["containers"].insert(0, {"name": "spy", "image": "x"})
    additions, overrides = drift.contested(_WANTED, live)
    assert additions == [("spec", "template", "spec", "containers", 0)]
    assert overrides == []


def test_an_environment_variable_is_an_addition() -> None:
    fields: dict[str, Any] = {
        "f:spec": {"f:containers": {'k:{"name":"api"}': {"f:env": {".": {}, 'k:{"name":"X"}': {".": {}}}}}}
    }
    live = _live(kubectl_edit=_template(fields))
    live["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "X", "value": "1"}]
    additions, _ = drift.contested(_WANTED, live)
    assert additions == [("spec", "template", "spec", "containers", 0, "env")]


def test_additions_are_removed_from_the_end_of_a_list() -> None:
    fields: dict[str, Any] = {"f:spec": {"f:volumes": {'k:{"name":"a"}': {".": {}}, 'k:{"name":"b"}': {".": {}}}}}
    live = _live(kubectl_edit=_template(fields))
    live["spec"]["template"]["spec"]["volumes"] += [{"name": "a"}, {"name": "b"}]
    additions, _ = drift.contested(_WANTED, live)
    assert [path[-1] for path in additions] == [2, 1]


def test_a_rewritten_atomic_list_is_an_override() -> None:
    fields: dict[str, Any] = {"f:spec": {"f:containers": {'k:{"name":"api"}': {"f:args": {}}}}}
    live = _live(kubectl_edit=_template(fields))
    live["spec"]["template"]["spec"]["containers"][0]["args"] = ["api", "--debug"]
    _, overrides = drift.contested(_WANTED, live)
    assert overrides == [("spec", "template", "spec", "containers", 0, "args")]


def test_a_restart_by_hand_is_allowed_where_we_set_no_annotations() -> None:
    fields: dict[str, Any] = {
        "f:metadata": {"f:annotations": {".": {}, "f:kubectl.kubernetes.io/restartedAt": {}, "f:x": {}}}
    }
    live = _live(kubectl_rollout=_template(fields))
    live["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "now", "x": "1"}
    wanted = copy.deepcopy(_WANTED)
    del wanted["spec"]["template"]["metadata"]["annotations"]
    additions, _ = drift.contested(wanted, live)
    assert additions == [("spec", "template", "metadata", "annotations", "x")]


def test_a_restart_by_hand_is_allowed() -> None:
    fields: dict[str, Any] = {"f:metadata": {"f:annotations": {"f:kubectl.kubernetes.io/restartedAt": {}}}}
    live = _live(kubectl_rollout=_template(fields))
    live["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = "now"
    assert drift.contested(_WANTED, live) == ([], [])


@pytest.mark.parametrize("path", [("spec", "replicas"), ("metadata", "annotations")])
def test_others_may_own_what_is_not_guarded(path: tuple[str, str]) -> None:
    live = _live(hpa={f"f:{path[0]}": {f"f:{path[1]}": {}}})
    live[path[0]][path[1]] = 7
    assert drift.contested(_WANTED, live) == ([], [])


def test_a_field_we_no_longer_set_is_dropped() -> None:
    live = _live()
    live["metadata"]["labels"]["old"] = "1"
    live["metadata"]["managedFields"].append(
        {
            "manager": "novacron",
            "operation": "Apply",
            "fieldsV1": {"f:metadata": {"f:labels": {"f:x": {}, "f:old": {}}}, "f:spec": {}},
        }
    )
    assert drift.dropped(_WANTED, live) == ["metadata.labels.old"]


def test_pointer_escapes() -> None:
    assert drift.pointer(("a/b", 0, "c~d")) == "/a~1b/0/c~0d"


def test_what_we_last_applied_is_read_with_its_present_values_and_without_what_others_added() -> None:
    live = _live(kubectl_edit={"f:spec": {"f:template": {"f:spec": {"f:hostAliases": {}}}}})
    template = live["spec"]["template"]
    template["spec"] |= {"hostAliases": [{"ip": "10.0.0.1"}], "restartPolicy": "Always"}
    template["spec"]["containers"].insert(0, {"name": "sidecar"})
    port: dict[str, Any] = {
        'k:{"containerPort":8080,"protocol":"TCP"}': {".": {}, "f:containerPort": {}, "f:protocol": {}, "f:name": {}}
    }
    container: dict[str, Any] = {
        ".": {},
        "f:name": {},
        "f:image": {},
        "f:args": {},
        "f:resources": {"f:limits": {"f:cpu": {}}},
    }
    container |= {"f:ports": port}
    spec = {
        "f:containers": {'k:{"name":"api"}': container},
        "f:volumes": {'k:{"name":"tmp"}': {".": {}, "f:name": {}, "f:emptyDir": {}}},
    }
    fields = _template({"f:metadata": {"f:annotations": {"f:ours": {}}}, "f:spec": spec})
    live["metadata"]["managedFields"].append({"manager": "novacron", "operation": "Apply", "fieldsV1": fields})
    assert drift.last_applied(live, "spec", "template") == _WANTED["spec"]["template"]
    template["spec"]["containers"][1]["image"] = "i:2"
    held = drift.last_applied(live, "spec", "template")
    assert held["spec"]["containers"][0]["image"] == "i:2"
    held["spec"]["containers"][0]["image"] = "i:3"
    assert template["spec"]["containers"][1]["image"] == "i:2", "a copy"


def test_without_the_record_of_our_apply_nothing_is_known_of_it() -> None:
    status = {"manager": "novacron", "operation": "Apply", "subresource": "status", "fieldsV1": _template({"f:x": {}})}
    live = _live(kubectl_edit=_template({"f:metadata": {"f:annotations": {"f:ours": {}}}}))
    live["metadata"]["managedFields"].append(status)
    assert drift.last_applied(live, "spec", "template") is None
