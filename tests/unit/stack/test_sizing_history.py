"""Right-sizing over any history: passes between kills, rollouts, edits, bounds that come and go, and a clock set back.

Each pass has nothing but what the cluster shows, so each is the first one of an operator that has just been started.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from novacron.api.v1alpha1 import NovaCron, validate
from novacron.core.manifest import Manifest, Ref, ref
from novacron.ml import status as ml
from novacron.ml.domain.sizing import COOL_DOWN, Verdict
from novacron.stack import sizing
from tests.support import resources
from tests.unit.stack import pod_states as states

MI = 1 << 20
REPLICAS = 2
NONE = 1 << 40
"""A bound that bounds nothing."""
limits = st.sampled_from((128, 160, 200, 333))
bounds = st.sampled_from((200, 333, 512, 1024, 4096))


@functools.cache
def resource(given: int, most: int, *, enabled: bool) -> NovaCron:
    body = resources.minimal("nc", "shop")
    body["metadata"]["uid"] = "u"
    changes: Manifest = {
        "ml.resources": {"requests": {"memory": "128Mi"}, "limits": {"memory": f"{given}Mi"}},
        "ml.memory.rightSizing": {"enabled": enabled, "maxMemory": f"{max(given, most)}Mi"},
    }
    return validate(resources.changed(body, {f"spec.{path}": value for path, value in changes.items()}))


class History(RuleBasedStateMachine):
    """A namespace with ml alone; all sizes in Mi but for the limit of the template, which is in bytes."""

    @initialize(given=limits, most=bounds, quota=st.sampled_from((NONE, 900, 1500)))
    def begin(self, given: int, most: int, quota: int) -> None:
        self.given, self.most, self.enabled = given, most, True
        self.limit_range, self.quota = NONE, quota
        self.time = self.rolled_out = datetime(2026, 11, 26, tzinfo=UTC)
        self.behind = timedelta()
        self.status: Manifest = {}
        self.judged = given
        self.template = given * MI
        self.pods = [given * MI] * REPLICAS
        self.kills: list[datetime | None] = [None] * REPLICAS

    @rule(which=st.integers(0, REPLICAS - 1))
    def kill(self, which: int) -> None:
        self.kills[which] = self.time

    @rule(seconds=st.sampled_from((1, 30, 119, 120, 700, 90_000)))
    def wait(self, seconds: int) -> None:
        self.time += timedelta(seconds=seconds)

    @rule(seconds=st.sampled_from((0, 1, 60)))
    def the_clock_of_the_operator_is_behind(self, seconds: int) -> None:
        self.behind = timedelta(seconds=seconds)

    @rule(which=st.integers(0, REPLICAS - 1))
    def a_pod_is_replaced(self, which: int) -> None:
        if self.pods[which] != self.template:
            self.pods[which], self.kills[which], self.rolled_out = self.template, None, self.time

    @rule(seconds=st.sampled_from((60, 119, 180, 500)), which=st.integers(0, REPLICAS - 1))
    def a_burst_of_work_after_a_rollout(self, seconds: int, which: int) -> None:
        self.look()
        for number in range(REPLICAS):
            self.a_pod_is_replaced(number)
        self.wait(seconds)
        self.kill(which)
        self.look()

    @rule(given=limits)
    def edit(self, given: int) -> None:
        self.given = given

    @rule(most=bounds)
    def bound(self, most: int) -> None:
        self.most = most

    @rule(enabled=st.booleans())
    def switch(self, enabled: bool) -> None:
        self.enabled = enabled

    @rule(most=st.sampled_from((96, 256, NONE)))
    def a_limit_range_of_somebody_else(self, most: int) -> None:
        self.limit_range = most

    @rule()
    def look(self) -> None:
        """A pass, and at once another one, which finds nothing to do."""
        learned, template = self.learned, self.template
        verdict = self.reconcile()
        short = any(kill and pod == self.template for pod, kill in zip(self.pods, self.kills, strict=True))
        assert short or verdict in (Verdict.ADEQUATE, Verdict.ROLLING), "a kill under another limit is old news"
        if self.given != self.judged or not self.enabled:
            assert self.template == self.given * MI, "whoever edits the limit or switches it off has the last word"
        self.judged = self.given
        if verdict is Verdict.GROWING:
            self.judge_growth(learned)
        elif template == self.template:
            stands = self.status
            assert self.reconcile() is verdict
            assert (self.status, self.template) == (stands, template)

    def judge_growth(self, learned: int) -> None:
        grown = self.learned
        assert self.enabled
        assert self.template < grown <= min(max(self.given, self.most), self.limit_range) * MI
        assert grown > learned or learned > self.template, "a bound held back what was learned before"
        assert (self.time - self.rolled_out).total_seconds() >= COOL_DOWN
        assert self.pods == [self.template] * REPLICAS, "only what every pod has was tried"
        assert REPLICAS * grown + self.template <= self.quota * MI, "its rollout would never end"

    @property
    def learned(self) -> int:
        return ml.learned({"ml": self.status}, self.given * MI) or 0

    def reconcile(self) -> Verdict:
        of, body = resource(self.given, self.most, enabled=self.enabled), {"status": {"ml": self.status}}
        around = self.around()
        known = sizing.facts(of, body, around)
        assert known is not None
        self.template = known.limit
        own = [self.pod(number) for number in range(REPLICAS)]
        found = sizing.seen(known, of, self.deployment(), own, self.time - self.behind)
        if ml.is_short(found, None):
            found = sizing.within_quotas(found, of, around, self.deployment(), own)
        step = ml.step(found, None)
        told = ml.memory_adequate(found, None)
        assert (told.status == "True") == (step.verdict is Verdict.ADEQUATE)
        self.status = sizing.component(of, body, step)
        return step.verdict

    def around(self) -> dict[str, list[Manifest]]:
        bound = {"type": "Container", "max": {"memory": f"{self.limit_range}Mi"}}
        used = {"limits.memory": str(sum(self.pods))}
        counted = {"hard": {"limits.memory": f"{self.quota}Mi"}, "used": used}
        return {
            "LimitRange": [{"metadata": {"name": "house"}, "spec": {"limits": [bound]}}],
            "ResourceQuota": [{"metadata": {"name": "house"}, "spec": {}, "status": counted}],
        }

    def pod(self, number: int) -> Manifest:
        killed = self.kills[number]
        last = states.ended(137, "OOMKilled", finished=written(killed)) if killed else None
        running = states.container(state={"running": {}}, last=last, role="ml")
        found = states.pod(
            f"nc-ml-{number}", "ml", containerStatuses=[running], conditions=states.conditions(ready=True)
        )
        found["spec"]["containers"][0]["resources"] = {"limits": {"memory": str(self.pods[number])}}
        return found

    def deployment(self) -> dict[Ref, Manifest]:
        updated = sum(pod == self.template for pod in self.pods)
        status: Any = {"observedGeneration": 1, "replicas": REPLICAS, "updatedReplicas": updated}
        status["conditions"] = [{"type": "Progressing", "status": "True", "lastUpdateTime": written(self.rolled_out)}]
        found: Manifest = {
            "kind": "Deployment",
            "metadata": {"name": "nc-ml", "namespace": "shop", "generation": 1},
            "spec": {"replicas": REPLICAS},
            "status": status,
        }
        return {ref(found): found}

    @invariant()
    def within_its_bounds(self) -> None:
        of = resource(self.given, self.most, enabled=self.enabled)
        limit = sizing.facts(of, {"status": {"ml": self.status}}, self.around())
        assert limit is not None
        assert self.given * MI <= limit.limit
        assert limit.limit <= max(self.given, min(max(self.given, self.most), self.limit_range)) * MI

    def teardown(self) -> None:
        """Left alone with work that is killed again and again, it comes to rest at a limit, and never gives less."""
        if not hasattr(self, "given"):
            return
        self.behind = timedelta()
        limits = []
        for _ in range(40):
            verdict = self.reconcile()
            limits.append(self.template)
            for which in range(REPLICAS):
                self.a_pod_is_replaced(which)
            self.time += timedelta(seconds=COOL_DOWN)
            self.kill(0)
        assert limits == sorted(limits)
        assert verdict is (Verdict.STOPPED if self.enabled else Verdict.SHORT)


def written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


TestHistory = History.TestCase
TestHistory.settings = settings(
    max_examples=300, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
