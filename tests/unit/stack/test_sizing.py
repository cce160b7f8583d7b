"""What is made of the pods of ml and their Deployment: whose kill counts, and since when a limit is tried."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.api.v1alpha1 import NovaCron, validate
from novacron.core.manifest import Manifest, Ref, ref
from novacron.ml import status as ml
from novacron.ml.status import Facts
from novacron.stack import sizing
from tests.support import resources
from tests.unit.stack import pod_states as states

MI = 1 << 20
NOTHING: Manifest = {}
LIMITED = {"limits": {"memory": "128Mi"}}


def resource(**changes: Any) -> NovaCron:
    """Of 128Mi, which may grow to 512Mi."""
    body = resources.minimal("nc", "shop")
    body["metadata"]["uid"] = "u"
    wanted: Manifest = {
        "ml.resources": {"requests": {"memory": "128Mi"}, "limits": {"memory": "128Mi"}},
        "ml.memory.rightSizing": {"enabled": True, "maxMemory": "512Mi"},
    }
    return validate(resources.changed(body, {f"spec.{path}": value for path, value in (wanted | changes).items()}))


def status(limit: str, given: str = "128Mi") -> Manifest:
    return {"status": {"ml": {"memoryLimit": limit, "learnedFor": given}}}


@pytest.mark.parametrize(
    ("of", "body", "limit"),
    [
        pytest.param(resource(), NOTHING, "128Mi", id="nothing-learned"),
        pytest.param(resource(), status("192Mi"), "192Mi", id="learned"),
        pytest.param(resource(), status("192Mi", "134217728"), "192Mi", id="the-same-size-in-bytes"),
        pytest.param(resource(), status("192Mi", "120Mi"), "128Mi", id="learned-for-another"),
        pytest.param(resource(), status("1Gi"), "512Mi", id="bound-lowered-since"),
        pytest.param(resource(), status("64Mi"), "128Mi", id="never-less-than-given"),
        pytest.param(
            resource(**{"ml.memory.rightSizing": {"enabled": False, "maxMemory": "512Mi"}}),
            status("192Mi"),
            "128Mi",
            id="switched-off",
        ),
        pytest.param(resource(**{"ml.enabled": False}), status("192Mi"), "192Mi", id="kept-while-ml-is-off"),
    ],
)
def test_the_limit_of_the_pods(of: NovaCron, body: Manifest, limit: str) -> None:
    assert sizing.limit(of, body, {}) == limit


@pytest.mark.parametrize(
    ("most", "limit"), [("1Gi", "300Mi"), ("300Mi", "300Mi"), ("200Mi", "200Mi"), ("64Mi", "128Mi")]
)
def test_a_limit_range_that_came_later_bounds_what_was_learned_before(most: str, limit: str) -> None:
    """Else every new pod would be refused, and those that serve would go one by one."""
    around = {"LimitRange": [limit_range("house", max={"memory": most})]}
    assert sizing.limit(resource(), status("300Mi"), around) == limit
    known = sizing.facts(resource(), status("300Mi"), around)
    assert known is not None
    assert ml.size(known.limit) == limit


def deployment(
    *,
    replicas: int = 2,
    updated: int = 2,
    observed: int = 1,
    progressed: str | None = "",
    image: str = states.IMAGE,
    **more: Any,
) -> dict[Ref, Manifest]:
    """Args:
    progressed: when its rollout last made a step; None: it tells of none.
    image: of its template.
    """
    condition = {"type": "Progressing", "status": "True", "lastUpdateTime": progressed or states.ago(hours=1)}
    found: Manifest = {
        "kind": "Deployment",
        "metadata": {"name": "nc-ml", "namespace": "shop", "generation": 1},
        "spec": {
            "replicas": replicas,
            "template": {"spec": {"containers": [{"name": "ml", "image": image, "resources": LIMITED}]}},
        },
        "status": {
            "observedGeneration": observed,
            "replicas": replicas,
            "updatedReplicas": updated,
            "conditions": [] if progressed is None else [condition],
            **more,
        },
    }
    return {ref(found): found}


def pod(number: int = 0, limit: str = "128Mi", *, ready: bool = True, **container: Any) -> Manifest:
    shown = states.container(state={"running": {"startedAt": states.ago(minutes=5)}}, role="ml")
    found = states.pod(f"nc-ml-{number}", "ml")
    found["status"] |= {
        "containerStatuses": [shown | {"ready": ready, **container}],
        "conditions": states.conditions(ready=ready),
    }
    found["spec"]["containers"][0]["resources"] = {"limits": {"memory": limit}}
    return found


def killed(finished: str = "", reason: str = "OOMKilled") -> Manifest:
    return {"terminated": states.ended(137, reason, finished=finished)}


def seen(*pods: Manifest, body: Manifest = NOTHING, live: dict[Ref, Manifest] | None = None) -> Facts:
    known = sizing.facts(resource(), body, {})
    assert known is not None
    return sizing.seen(known, resource(), deployment() if live is None else live, pods, states.NOW)


COUNTS: dict[str, Manifest] = {
    "runs-again": pod(lastState=killed()),
    "is-down": pod(ready=False, state=killed()),
    "waits-to-start-again": pod(
        ready=False, state={"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}, lastState=killed()
    ),
    "cannot-even-start": pod(
        ready=False,
        state={"waiting": {"reason": "CreateContainerError", "message": "runc: container init was OOM-killed"}},
    ),
    "a-start-that-failed": pod(
        state={"terminated": states.ended(128, "StartError", "container init was OOM-killed (memory limit too low?)")}
    ),
    "the-same-limit-in-other-units": pod(limit="134217728", lastState=killed()),
    "yesterday-evening": pod(lastState=killed(states.ago(hours=23))),
}
DOES_NOT: dict[str, Manifest] = {
    "no-kill": pod(),
    "another-end": pod(lastState=killed(reason="Error")),
    "an-earlier-limit": pod(limit="64Mi", lastState=killed()),
    "a-larger-limit": pod(limit="192Mi", lastState=killed()),
    "no-limit-at-all": pod(limit="0", lastState=killed()),
    "too-long-ago": pod(lastState=killed(states.ago(hours=25))),
    "another-container": pod(name="sidecar", lastState=killed()),
    "a-pod-that-leaves": pod(lastState=killed()),
}
DOES_NOT["a-pod-that-leaves"]["metadata"]["deletionTimestamp"] = states.ago(seconds=1)


@pytest.mark.parametrize("shown", COUNTS.values(), ids=COUNTS)
def test_a_kill_under_the_present_limit_counts(shown: Manifest) -> None:
    assert seen(pod(1), shown).killed


@pytest.mark.parametrize("shown", DOES_NOT.values(), ids=DOES_NOT)
def test_anything_else_does_not(shown: Manifest) -> None:
    assert not seen(pod(1), shown).killed


def test_a_kill_under_what_was_learned_counts_and_one_from_before_does_not() -> None:
    grown = status("192Mi")
    assert not seen(pod(lastState=killed()), pod(1, "192Mi"), body=grown).killed
    assert seen(pod(), pod(1, "192Mi", lastState=killed()), body=grown).killed


def test_pods_with_less_are_told_only_after_right_sizing_raised_the_limit() -> None:
    assert seen(pod(), pod(1, "64Mi"), pod(2, "192Mi"), body=status("192Mi")).smaller == 128 * MI
    assert seen(pod(1, "192Mi"), body=status("192Mi")).smaller == 0
    assert seen(pod(limit="64Mi"), pod(1)).smaller == 0, "a person raised it"


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_a_pod_that_is_over_is_not_replaced(phase: str) -> None:
    """What a node evicted lies about for days: nothing removes it but the collection of garbage."""
    over = pod()
    over["status"]["phase"] = phase
    assert seen(over, pod(1, "192Mi"), body=status("192Mi")).smaller == 0


@pytest.mark.parametrize(
    ("live", "pods", "tried"),
    [
        pytest.param(deployment(progressed=states.ago(seconds=90)), [pod()], 90.0, id="rolled-out"),
        pytest.param(deployment(updated=1), [pod()], None, id="older-pods-are-left"),
        pytest.param(deployment(observed=0), [pod()], None, id="not-begun"),
        pytest.param(deployment(progressed=None), [pod()], None, id="tells-of-no-step"),
        pytest.param({}, [pod()], None, id="no-deployment"),
        pytest.param(deployment(updated=1), [pod(lastState=killed())], None, id="killed-and-back-in-a-rollout"),
        pytest.param(
            deployment(replicas=3, updated=1, progressed=states.ago(seconds=200)),
            [pod(ready=False, lastState=killed())],
            200.0,
            id="a-rollout-that-kills-hold-up",
        ),
        pytest.param(
            deployment(replicas=3, updated=1, progressed=states.ago(seconds=200)),
            [pod(ready=False)],
            None,
            id="a-rollout-that-something-else-holds-up",
        ),
        pytest.param(
            deployment(observed=0), [pod(ready=False, lastState=killed())], None, id="held-up-but-another-has-begun"
        ),
        pytest.param(
            deployment(replicas=3, updated=1, image="of.another/version"),
            [pod(ready=False, lastState=killed())],
            None,
            id="a-kill-of-an-older-template-holds-nothing-up",
        ),
    ],
)
def test_since_when_the_limit_is_tried(live: dict[Ref, Manifest], pods: list[Manifest], tried: float | None) -> None:
    assert seen(*pods, live=live).tried == tried


def quota(name: str, hard: Manifest, used: Manifest, **spec: Any) -> Manifest:
    return {"metadata": {"name": name}, "spec": spec, "status": {"hard": hard, "used": used}}


def short(
    *quotas: Manifest, own: list[Manifest] | None = None, replicas: int = 2, of: NovaCron | None = None, limit: str = ""
) -> Facts:
    """Two pods of 128Mi, one of which was killed."""
    listed = [pod(lastState=killed()), pod(1)] if own is None else own
    known = sizing.facts(of or resource(), status(limit) if limit else NOTHING, {})
    assert known is not None
    return sizing.within_quotas(
        known, of or resource(), {"ResourceQuota": quotas}, deployment(replicas=replicas), listed
    )


SWITCH = "spec.ml.memory.rightSizing.maxMemory"
MEMORY = "what is left of ResourceQuota house (limits.memory)"


@pytest.mark.parametrize(
    ("changes", "bound", "by"),
    [
        pytest.param({}, 512, SWITCH, id="none"),
        # two pods of 128Mi and 100Mi of somebody else: two of 192Mi and, until the end, one of 128Mi
        pytest.param({"hard": "612Mi"}, 192, MEMORY, id="as-much-as-both-need-and-one-that-is-replaced"),
        pytest.param({"hard": "611Mi"}, 176, MEMORY, id="whole-steps-only"),
        pytest.param({"hard": "400Mi"}, 128, MEMORY, id="nothing"),
        pytest.param({"hard": "200Mi"}, 128, MEMORY, id="lowered-below-what-is-used"),
        pytest.param({"hard": "10Gi"}, 512, SWITCH, id="enough"),
        pytest.param({"hard": "612Mi", "scopes": ["BestEffort"]}, 512, SWITCH, id="of-other-pods"),
        pytest.param({"hard": "612Mi", "scopes": ["NotTerminating"]}, 192, MEMORY, id="of-pods-that-stay"),
    ],
)
def test_how_far_a_quota_lets_it_grow(changes: Any, bound: int, by: str) -> None:
    more = dict(changes)
    hard = {"limits.memory": more.pop("hard")} if changes else {}
    found = short(quota("house", hard, {"limits.memory": "356Mi"}, **more))
    assert (found.bound, found.bounded_by) == (bound * MI, by)


def test_a_quota_without_room_for_one_pod_more_lets_no_rollout_end() -> None:
    full = quota("house", {"pods": "9", "limits.memory": "10Gi"}, {"pods": "9", "limits.memory": "256Mi"})
    found = short(full)
    assert (found.bound, found.bounded_by) == (128 * MI, "what is left of ResourceQuota house (pods)")
    assert short(quota("house", {"pods": "10"}, {"pods": "9"})).bound == 512 * MI
    assert short(quota("house", {"cpu": "3"}, {"cpu": "2500m"})).bounded_by.endswith("(cpu)")
    gpus = resource(**{"ml.gpus": 1})
    assert short(full, of=gpus).bound == 512 * MI, "with GPUs one pod goes before another comes"


def test_a_quota_that_nobody_has_counted_yet_is_no_bound() -> None:
    assert short({"metadata": {"name": "house"}, "spec": {"hard": {"limits.memory": "1Mi"}}}).bound == 512 * MI


def test_what_other_pods_of_the_namespace_have_is_theirs() -> None:
    leaving, over = pod(2), pod(3)
    leaving["metadata"]["deletionTimestamp"] = states.ago(seconds=1)
    over["status"]["phase"] = "Failed"
    own = [pod(lastState=killed()), pod(1), leaving, over]
    found = short(quota("house", {"limits.memory": "612Mi"}, {"limits.memory": "484Mi"}), own=own)
    assert found.bound == 128 * MI, "the pod that leaves still counts in a quota"


def test_the_words_say_whose_bound_it_is() -> None:
    found = dataclasses.replace(
        short(quota("house", {"limits.memory": "300Mi"}, {"limits.memory": "256Mi"})), killed=True
    )
    told = ml.memory_adequate(dataclasses.replace(found, tried=600.0), None)
    assert (told.reason, told.message) == (
        "LimitAtMost",
        "A pod of ml was killed for want of memory (OOMKilled) at its limit of 128Mi; what is left of ResourceQuota"
        " house (limits.memory) allows 128Mi: not raised any more: raise that, or give pods less to do at once",
    )


def rolls_out(hard: int, others: int, old: int, new: int, replicas: int) -> bool:
    """Whether a Deployment with maxSurge 25 % and maxUnavailable 0 gets every pod replaced under a quota."""
    surge, olds, news = -(-replicas // 4), replicas, 0
    while olds or news < replicas:
        used = others + olds * old + news * new
        if news < replicas and olds + news < replicas + surge and used + new <= hard:
            news += 1
        elif olds and olds + news > replicas:
            olds -= 1
        else:
            return False
    return True


@given(
    st.integers(1, 12), st.integers(0, 4096), st.integers(16, 512).map(lambda steps: 16 * steps), st.integers(0, 40_000)
)
def test_what_a_quota_allows_can_be_rolled_out_and_a_step_more_can_not(
    replicas: int, others: int, limit: int, left: int
) -> None:
    own = [pod(number, f"{limit}Mi") for number in range(replicas)]
    used = others + replicas * limit
    whole = quota("house", {"limits.memory": f"{used + left}Mi"}, {"limits.memory": f"{used}Mi"})
    changes = {"requests": {"memory": "128Mi"}, "limits": {"memory": f"{limit}Mi"}}
    of = resource(**{"ml.resources": changes, "ml.memory.rightSizing.maxMemory": "1Ti"})
    found = short(whole, own=own, replicas=replicas, of=of)
    most = found.bound // MI
    assert most >= limit
    if most > limit:
        assert rolls_out(used + left, others, limit, most, replicas)
    assert not rolls_out(used + left, others, limit, most + 16, replicas)


def limit_range(name: str, **bound: Any) -> Manifest:
    return {"metadata": {"name": name}, "spec": {"limits": [{"type": "Container", **bound}]}}


@pytest.mark.parametrize(
    ("around", "bound"),
    [
        pytest.param([], (512, "spec.ml.memory.rightSizing.maxMemory"), id="none"),
        pytest.param([limit_range("a", max={"memory": "8Gi"})], (512, "spec.ml.memory.rightSizing.maxMemory"), id="no"),
        pytest.param([limit_range("a", max={"memory": "300Mi"})], (300, "max of LimitRange a"), id="max"),
        pytest.param(
            [limit_range("a", type="Pod", max={"memory": "300Mi"}), limit_range("b", max={"memory": "200Mi"})],
            (200, "max of LimitRange b"),
            id="the-smallest",
        ),
        pytest.param(
            [limit_range("a", maxLimitRequestRatio={"memory": "2"})],
            (256, "maxLimitRequestRatio 2 of LimitRange a"),
            id="ratio",
        ),
        pytest.param(
            [limit_range("nc-limits", max={"memory": "1Mi"}), limit_range("c", type="PersistentVolumeClaim")],
            (512, "spec.ml.memory.rightSizing.maxMemory"),
            id="ours-follows-and-others-are-not-about-it",
        ),
    ],
)
def test_what_bounds_it(around: list[Manifest], bound: tuple[int, str]) -> None:
    found = sizing.facts(resource(), NOTHING, {"LimitRange": around})
    assert found is not None
    assert (found.bound, found.bounded_by) == (bound[0] * MI, bound[1])
    assert found.limit == 128 * MI


def test_ml_that_is_off_has_no_memory() -> None:
    assert sizing.facts(resource(**{"ml.enabled": False}), NOTHING, {}) is None


def test_only_what_pods_of_the_present_limit_use_is_told() -> None:
    known = sizing.facts(resource(), NOTHING, {})
    assert known is not None
    pods = [pod(1), pod(2), pod(3, "192Mi")]
    assert sizing.used(known, pods, {"nc-ml-1": 5, "nc-ml-2": 7, "nc-ml-3": 9, "other": 11}) == 7
    assert sizing.used(known, pods, {}) == 0


def test_a_moment_that_the_clock_has_not_reached_is_no_time_tried() -> None:
    """The controller-manager's clock may be a little ahead."""
    ahead = (states.NOW + timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert seen(pod(lastState=killed()), live=deployment(progressed=ahead)).tried == -5.0
