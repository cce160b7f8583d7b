from __future__ import annotations

import copy
from typing import Any

import pytest

from novacron.core.manifest import Ref, ref
from novacron.core.plan import Apply, Delete, Refuse, Scale, Scrub, Wanted, plan, set_back

_OWNER = {"apiVersion": "novacron.io/v1alpha1", "kind": "NovaCron", "name": "nc", "uid": "me"}


_OURS = {"manager": "novacron", "operation": "Apply", "fieldsV1": {}}


def _manifest(kind: str = "ConfigMap", name: str = "nc-a", **fields: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": "n", "labels": {"x": "y"}, "ownerReferences": [_OWNER]}
    return {"apiVersion": "v1", "kind": kind, "metadata": meta, **fields}


def _live(manifest: dict[str, Any], **meta: Any) -> dict[str, Any]:
    live = copy.deepcopy(manifest)
    live["metadata"] |= {"uid": "child", "resourceVersion": "7", "managedFields": [_OURS]} | meta
    return live


def _plan(wanted: list[dict[str, Any]], live: list[dict[str, Any]], **options: Any) -> tuple[Any, ...]:
    return plan(
        Wanted(tuple(wanted), options.get("replicas", {})),
        {ref(item): item for item in live},
        {ref(item): item for item in options.get("taken", [])},
        "me",
        options.get("undisturbed", True),
        options.get("tolerated", ()),
    )


def test_what_is_missing_is_created() -> None:
    (step,) = _plan([_manifest()], [])
    assert isinstance(step, Apply)
    assert step.cause == "created"


def test_the_second_pass_writes_nothing() -> None:
    assert _plan([_manifest(data={"a": "1"})], [_live(_manifest(data={"a": "1"}))]) == ()


def test_a_hand_edit_is_repaired_and_called_drift() -> None:
    edited = _live(_manifest(data={"a": "2"}))
    edited["metadata"]["managedFields"] = [
        _OURS,
        {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:data": {"f:a": {}}}},
    ]
    (step,) = _plan([_manifest(data={"a": "1"})], [edited])
    assert isinstance(step, Apply)
    assert (step.cause, step.fields) == ("drifted", ("data.a",))


def test_a_difference_after_a_change_of_the_resource_is_an_update() -> None:
    (step,) = _plan([_manifest(data={"a": "1"})], [_live(_manifest(data={"a": "2"}))], undisturbed=False)
    assert isinstance(step, Apply)
    assert step.cause == "changed"


@pytest.mark.parametrize(("touched", "cause"), [(False, "changed"), (True, "drifted")])
def test_after_a_start_the_record_of_owners_tells_drift_from_an_upgrade(touched: bool, cause: str) -> None:
    live = _live(_manifest(data={"a": "old"}))
    if touched:
        edit = {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:data": {"f:a": {}}}}
        live["metadata"]["managedFields"].append(edit)
    (step,) = _plan([_manifest(data={"a": "new"})], [live], undisturbed=None)
    assert isinstance(step, Apply)
    assert step.cause == cause


def test_what_is_not_wanted_is_pruned_only_if_ours() -> None:
    other = _manifest(name="b")
    other["metadata"]["ownerReferences"] = []
    steps = _plan([], [_live(_manifest()), _live(other)])
    assert steps == (Delete(Ref("ConfigMap", "n", "nc-a"), "child"),)


def test_a_foreign_object_is_refused() -> None:
    foreign = {"kind": "ConfigMap", "metadata": {"name": "nc-a", "namespace": "n"}}
    assert _plan([_manifest()], [], taken=[foreign]) == (Refuse(Ref("ConfigMap", "n", "nc-a"), leaving=False),)


def test_our_labels_without_our_owner_are_refused() -> None:
    stolen = _live(_manifest(), ownerReferences=[])
    assert _plan([_manifest()], [stolen]) == (Refuse(Ref("ConfigMap", "n", "nc-a"), leaving=False),)


def test_our_own_object_without_its_labels_gets_them_back() -> None:
    unlabelled = _live(_manifest(), labels={})
    (step,) = _plan([_manifest()], [], taken=[unlabelled])
    assert isinstance(step, Apply)
    assert (step.cause, step.fields) == ("drifted", ("metadata.labels",))


def test_our_own_object_that_the_watch_has_not_seen_yet_is_no_drift() -> None:
    (step,) = _plan([_manifest()], [], taken=[_live(_manifest())])
    assert isinstance(step, Apply)
    assert (step.cause, step.fields) == ("changed", ())


def test_a_wiped_record_of_owners_is_written_again() -> None:
    (step,) = _plan([_manifest()], [_live(_manifest(), managedFields=[])])
    assert isinstance(step, Apply)
    assert step.fields == ("metadata.managedFields",)


def test_a_child_of_a_deleted_predecessor_is_waited_for() -> None:
    old = _live(_manifest(), ownerReferences=[{**_OWNER, "uid": "before"}])
    assert _plan([_manifest()], [old]) == (Refuse(Ref("ConfigMap", "n", "nc-a"), leaving=True),)


def test_what_is_being_deleted_is_left_alone() -> None:
    leaving = _live(_manifest(data={"a": "2"}), deletionTimestamp="2026-01-01T00:00:00Z")
    assert _plan([_manifest(data={"a": "1"})], [leaving]) == ()
    assert _plan([], [leaving]) == ()


def test_first_replicas_are_handed_over() -> None:
    deployment = _manifest("Deployment", "nc-api", spec={})
    key = ref(deployment)
    created, scaled = _plan([deployment], [], replicas={key: 3})
    assert isinstance(created, Apply)
    assert scaled == Scale(key, 3)


def test_replicas_are_handed_over_before_we_let_them_go() -> None:
    deployment = _manifest("Deployment", "nc-api", spec={})
    live = _live(_manifest("Deployment", "nc-api", spec={"replicas": 5}))
    live["metadata"]["managedFields"] = [
        {"manager": "novacron", "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    ]
    scaled, applied = _plan([deployment], [live], replicas={ref(deployment): 3})
    assert scaled == Scale(ref(deployment), 5, live)
    assert isinstance(applied, Apply)


def test_a_sidecar_goes_also_where_replicas_are_handed_over() -> None:
    deployment = _manifest("Deployment", "nc-api", spec={"template": {"spec": {}}})
    live = _live(_manifest("Deployment", "nc-api", spec={"replicas": 5, "template": {"spec": {"hostname": "theirs"}}}))
    live["metadata"]["managedFields"] = [
        {"manager": "novacron", "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        {
            "manager": "kubectl-edit",
            "operation": "Update",
            "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:hostname": {}}}}},
        },
    ]
    steps = _plan([deployment], [live], replicas={ref(deployment): 3})
    assert [type(step) for step in steps] == [Scrub, Scale, Apply]


def test_what_comes_back_after_every_write_is_left_alone() -> None:
    live = _live(_manifest(data={"a": "mutated"}))
    assert _plan([_manifest(data={"a": "1"})], [live], tolerated={(ref(live), "data.a")}) == ()


def test_a_foreign_rule_is_scrubbed_with_the_version_it_was_seen_at() -> None:
    policy = _manifest("NetworkPolicy", "nc-deny", spec={"podSelector": {"matchLabels": {"a": "b"}}})
    live = _live(policy)
    live["spec"]["podSelector"]["matchLabels"]["x"] = "y"
    fields: dict[str, Any] = {"f:spec": {"f:podSelector": {"f:matchLabels": {"f:x": {}}}}}
    live["metadata"]["managedFields"] = [
        _OURS,
        {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": fields},
    ]
    (step,) = _plan([policy], [live])
    assert step == Scrub(policy, (("spec", "podSelector", "matchLabels", "x"),), live)


def test_an_addition_is_removed_before_ours_is_applied() -> None:
    service = _manifest("Service", "nc-api", spec={"ports": [{"name": "http", "port": 80, "protocol": "TCP"}]})
    live = _live(service)
    live["spec"]["ports"][0]["port"] = 81
    edited: dict[str, Any] = {"f:spec": {"f:ports": {'k:{"port":81,"protocol":"TCP"}': {".": {}, "f:port": {}}}}}
    live["metadata"]["managedFields"].append({"manager": "kubectl-edit", "operation": "Update", "fieldsV1": edited})
    scrub, apply = _plan([service], [live])
    assert isinstance(scrub, Scrub)
    assert isinstance(apply, Apply)


def test_what_pods_need_comes_before_the_pods() -> None:
    wanted = [
        _manifest("Deployment", "d", spec={"replicas": 1}),
        _manifest("ConfigMap", "c"),
        _manifest("LimitRange", "l"),
    ]
    assert [step.ref.kind for step in _plan(wanted, [])] == ["LimitRange", "ConfigMap", "Deployment"]


@pytest.mark.parametrize(
    ("persistent", "fields"), [((), ("data.a", "data.b")), (("data.a",), ("data.b",)), (("data.a", "data.b"), ())]
)
def test_what_admission_takes_back_is_no_repair_and_the_rest_is(
    persistent: tuple[str, ...], fields: tuple[str, ...]
) -> None:
    step = Apply(_manifest(), "drifted", ("data.a", "data.b"))
    assert set_back(step, persistent) == fields
    assert set_back(Apply(_manifest(), "changed", ("data.a",))) == ()


def test_what_is_kept_is_neither_written_nor_pruned_nor_made() -> None:
    kept = Wanted((), {}, frozenset({ref(_manifest(name="nc-kept")), ref(_manifest(name="nc-absent"))}))
    live = _live(_manifest(name="nc-kept", data={"a": "edited"}))
    assert plan(kept, {ref(live): live}, {}, "me", undisturbed=True) == ()
