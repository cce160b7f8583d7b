"""ml on living pods: a stream beyond its memory, a limit that grows, and a table in parts on many pods."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.growing import EDITED, GIVEN, GROWN, MOST, Growth
from tests.e2e.spreading import PARTS, Spread
from tests.support.door import Door
from tests.support.known_table import known_table
from tests.support.living import Living
from tests.support.lodging import Lodging
from tests.support.node.exchange import Answer, stream
from tests.support.node.memory import ContainerMemory
from tests.support.waiting import until
from tests.support.whole_table import assert_agree, judge

pytestmark = [pytest.mark.real_node, pytest.mark.timeout(900)]
_FEATURES = "/api/v1/features"
_JSON_LINES = "application/x-ndjson"
_BYTES = 2_000_000_000
_LIMIT = 128
"""MiB."""
_SCRATCH = "2Gi"
_ANSWER_SECONDS = 600.0


@dataclass(frozen=True)
class Served:
    """A NovaCron with one small pod of ml, and somebody who may ask it."""

    lodging: Lodging
    door: Door

    def memory(self) -> ContainerMemory:
        (pod,) = self.lodging.pods("ml")
        return ContainerMemory(self.lodging.living.node.box, pod, "ml")

    def restarts(self) -> dict[str, int]:
        """Pod of ml -> how often its container was started again."""
        pods = self.lodging.pods("ml")
        return {pod["metadata"]["uid"]: pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods}

    def features(self, file: Path, times: int = 1) -> Answer:
        """Of what a file holds, so many times, in one stream."""
        box, token = self.lodging.living.node.box, self.door.login()["access_token"]
        service = self.door.service("ml")
        sent: dict[str, Any] = {"kind": _JSON_LINES, "bearer": token, "seconds": _ANSWER_SECONDS}
        return stream(box, service, 80, _FEATURES, file, times=times, **sent)


def _fitted(spec: dict[str, Any]) -> None:
    for role in ("api", "query"):
        spec[role] = spec[role] | {"enabled": False}
    ml, memory = spec["ml"], {"memory": f"{_LIMIT}Mi"}
    ml["scratch"] = {"size": _SCRATCH}
    requests, limits = (ml["resources"][side] | memory for side in ("requests", "limits"))
    ml["resources"] = {"requests": requests, "limits": limits | {"cpu": "2"}}


@pytest.fixture(scope="module", autouse=True)
def growing(living: Living) -> Iterator[Future[Growth]]:
    """A story that is mostly waiting goes on while other tests run."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(Growth(living).watch)


@pytest.fixture(scope="module")
def served(living: Living) -> Iterator[Served]:
    with Lodging(living, _fitted) as lodging:
        lodging.until_ready()
        door = Door(lodging)
        door.first_administrator()
        yield Served(lodging, door)


def test_two_gigabytes_through_a_pod_of_128_mebibytes(served: Served, tmp_path: Path) -> None:
    table, file = known_table(seed=7), tmp_path / "block.jsonl"
    file.write_bytes(table.text)
    times = -(-_BYTES // len(table.text))
    before, memory = served.restarts(), served.memory()
    started = time.monotonic()
    answer = served.features(file, times)
    seconds = time.monotonic() - started
    assert answer.status == 200, answer.text[:2000]
    usage = memory.usage()
    judge(answer.json, table.rows, times)
    assert answer.json["rejected"]["count"] == times * table.broken
    assert served.restarts() == before == dict.fromkeys(before, 0)
    assert len(before) == 1
    assert usage.limit == _LIMIT
    sent = times * len(table.text)
    print(f"\n{sent:,} bytes, {answer.json['rows']:,} rows, {seconds:.1f} s: {sent / seconds / 1e6:.0f} MB/s; {usage}")


def test_a_pod_with_hardly_any_memory_left_says_so_and_its_words_reach_the_resource(served: Served) -> None:
    lodging = served.lodging
    with served.memory().held(0.95):
        until(lambda: lodging.condition("MemoryAdequate").get("reason") == "LimitTooSmall", "it is told", 90, every=0.5)
        said = lodging.condition("MemoryAdequate")["message"]
        for words in (
            f"A pod of ml says, at its limit of {_LIMIT}Mi",
            f"more than 90% of {_LIMIT}Mi for more than 30 s",
        ):
            assert words in said
        assert lodging.condition("Ready")["status"] == "True"
    until(lambda: lodging.condition("MemoryAdequate").get("status") == "True", "it is over", 90, every=0.5)
    assert set(served.restarts().values()) == {0}


def test_an_indexed_job_over_eight_parts_agrees_with_one_pod(served: Served, tmp_path: Path) -> None:
    tables = [known_table(seed) for seed in range(PARTS)]
    whole = tmp_path / "whole.jsonl"
    whole.write_bytes(b"".join(table.text for table in tables))
    answer = served.features(whole)
    assert answer.status == 200, answer.text[:2000]
    with Spread(served.lodging.living, tmp_path / "volume", [table.text for table in tables]) as spread:
        started = time.monotonic()
        merged = json.loads(spread.run())
        print(f"\n{PARTS} parts and their merge in {time.monotonic() - started:.1f} s")
        fine = "Succeeded after 0 restarts"
        assert spread.pods() == [("features-merge", fine), *[("features-parts", fine)] * PARTS]
    assert_agree(merged, answer.json)
    judge(merged, [row for table in tables for row in table.rows])


def test_a_part_that_cannot_be_read_is_named_and_not_tried_again(living: Living, tmp_path: Path) -> None:
    text = known_table(seed=1, amount=100).text
    with Spread(living, tmp_path / "volume", [text] * (PARTS - 1)) as spread:
        spread.begin()
        assert spread.failed() == str(PARTS - 1)
        fine, not_found = "Succeeded after 0 restarts", "Failed after 0 restarts"
        assert spread.pods() == [("features-parts", not_found), *[("features-parts", fine)] * (PARTS - 1)]


def test_a_limit_that_is_too_small_grows_within_its_bounds_and_a_person_has_the_last_word(
    growing: Future[Growth],
) -> None:
    growth = growing.result()
    given, grown, most, edited = (f"{size}Mi" for size in (GIVEN, GROWN, MOST, EDITED))
    arithmetic = f"1.5 x {given} in whole 16Mi is {grown}"
    bound = f"spec.ml.memory.rightSizing.maxMemory allows {most}"
    small = growth.small
    assert (small.limit, small.enforced, small.learned.get("memoryLimit", "")) == (given, GIVEN, "")
    for words in (
        f"OOMKilled) at its limit of {given}",
        arithmetic,
        f"raise spec.ml.resources.limits.memory to {grown}",
    ):
        assert words in small.told["LimitTooSmall"]
    assert arithmetic in growth.grown.told["LimitOnTrial"]
    assert bound in growth.grown.told["LimitOnTrial"]
    for stage, limit, size in ((growth.grown, grown, GROWN), (growth.bounded, most, MOST)):
        assert (stage.limit, stage.enforced) == (limit, size)
        assert stage.learned == {"memoryLimit": limit, "learnedFor": given}
        assert (
            f"learned by right-sizing, where spec.ml.resources.limits.memory gives {given}"
            in stage.told["MemoryAdequate"]
        )
    assert bound in growth.bounded.told["LimitOnTrial"]
    stopped = growth.stopped
    assert (stopped.limit, stopped.enforced, stopped.learned) == (most, MOST, growth.bounded.learned)
    assert f"{bound}: not raised any more" in stopped.told["LimitAtMost"]
    assert (growth.edited.limit, growth.edited.enforced) == (edited, EDITED)
    assert growth.edited.learned == {"memoryLimit": "", "learnedFor": ""}
    stages = (small, growth.grown, growth.bounded, stopped, growth.edited)
    assert {stage.asked for stage in stages} == {given}
