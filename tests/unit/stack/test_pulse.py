"""The ears between passes: when a pass is asked for, and when not; without a network, and without waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from novacron.adapters.workloads import NoAnswer
from novacron.core.conditions import Condition
from novacron.core.readiness import Dependency
from novacron.ml.status import Facts
from novacron.stack import dependencies, pulse
from novacron.stack.asking import Target
from novacron.stack.dependencies import Question
from novacron.stack.pulse import PERIOD, Pulse
from novacron.stack.queue import Key

KEY = ("shop", "nc")
QUESTION = Question(("query",), within_reach=True)
WELL = Dependency("queries", "ok", False, "", "Reached", "")
ILL = Dependency("queries", "degraded", False, "", "PartitionMissing", "tomorrow's")
FINE = (Dependency("database", "ok", True, "nc-database", "Reached", ""), WELL)
REFUSED = (Dependency("database", "degraded", True, "nc-database", "AuthenticationFailed", "no"), WELL)
REWORDED = (Dependency("database", "degraded", True, "nc-database", "AuthenticationFailed", "no, at 10:01"), WELL)
IMPAIRED = (FINE[0], ILL)
ALL_WELL = {"CredentialsCurrent": {"query": ()}, "QueriesHealthy": {"query": ()}}
SILENT = None


class Said:
    """A workload that says what it is told to; the last thing again and again."""

    def __init__(self, *answers: Sequence[Dependency] | None) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int, str]] = []

    async def ask(self, address: str, port: int, path: str) -> tuple[Dependency, ...]:
        self.asked.append((address, port, path))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            raise NoAnswer("silence")
        return tuple(answer)


class World:
    """A pulse over one workload, and the passes that it asked for."""

    def __init__(self, said: Said, pods: int = 1) -> None:
        self.passes: list[Key] = []
        self.pulse = Pulse(said, self.passes.append)
        self.targets = [Target("query", "10.96.0.7", 80, "/ready", pods)]
        self.queries: Condition | None = None

    def judged(self, question: Question = QUESTION) -> str:
        """What a pass does at its end."""
        shown = dependencies.conditions(question, self.pulse.heard(KEY))
        self.pulse.follow(KEY, self.targets, question, shown)
        self.queries = shown[1]
        return f"{shown[0].status} {shown[0].message}"

    async def look(self, times: int = 1) -> int:
        """How many passes were asked for."""
        before = len(self.passes)
        for _ in range(times):
            await self.pulse.look(KEY)
        return len(self.passes) - before


async def test_a_service_is_asked_by_its_address() -> None:
    said = Said(FINE)
    world = World(said)
    world.judged()
    await world.look()
    assert said.asked == [("10.96.0.7", 80, "/ready")]


async def test_the_first_answer_and_each_change_ask_for_one_pass_and_the_same_answer_for_none() -> None:
    said = Said(FINE)
    world = World(said)
    assert world.judged().startswith("Unknown")
    assert await world.look(5) == 1
    assert world.judged().startswith("True")
    assert await world.look(50) == 0
    said.answers = [REFUSED]
    assert await world.look(5) == 1
    assert world.judged().startswith("False")
    assert await world.look(50) == 0
    said.answers = [FINE]
    assert await world.look(5) == 1
    assert world.judged().startswith("True")


async def test_the_same_complaint_in_other_words_is_no_news() -> None:
    world = World(Said(REFUSED, REWORDED))
    world.judged()
    assert await world.look() == 1
    assert "no; pods go on" in world.judged()
    assert await world.look(10) == 0


async def test_after_a_start_of_the_operator_an_answer_that_fits_what_stands_asks_for_no_pass() -> None:
    world = World(Said(FINE))
    standing = {item.type: item for item in dependencies.conditions(QUESTION, ALL_WELL)}
    question = Question(("query",), within_reach=True, standing=standing)
    assert world.judged(question).startswith("True")
    assert await world.look(5) == 0


async def test_one_lost_answer_is_no_silence_and_three_in_a_row_are() -> None:
    said = Said(FINE)
    world = World(said)
    world.judged()
    await world.look()
    world.judged()
    said.answers = [SILENT, SILENT, FINE, SILENT, SILENT, FINE]
    assert await world.look(6) == 0
    said.answers = [SILENT]
    assert await world.look(2) == 0
    assert await world.look() == 1
    assert world.judged().startswith("Unknown")


@pytest.mark.parametrize(("pods", "looks"), [(1, 1), (3, 3), (50, 3)])
async def test_with_many_pods_all_is_well_only_when_it_was_heard_often(pods: int, looks: int) -> None:
    """A Service leads to any pod: three good answers for each, at most twelve, four of them in one look."""
    said = Said(REFUSED)
    world = World(said, pods)
    world.judged()
    await world.look()
    world.judged()
    said.answers = [FINE]
    assert await world.look(looks - 1) == 0
    assert await world.look() == 1


async def test_one_bad_pod_among_good_ones_does_not_flap() -> None:
    world = World(Said(REFUSED, FINE), pods=3)
    world.judged()
    await world.look()
    world.judged()
    world.pulse.workloads = Said(*[FINE, FINE, FINE, REFUSED] * 10, REFUSED)
    assert await world.look(20) == 0


async def test_queries_that_do_not_do_well_ask_for_a_pass_and_say_nothing_of_credentials() -> None:
    world = World(Said(IMPAIRED))
    world.judged()
    assert await world.look() == 1
    assert world.judged().startswith("True")
    assert world.queries is not None
    assert (world.queries.status, world.queries.message) == ("False", "PartitionMissing: tomorrow's")
    assert await world.look(10) == 0


async def test_one_pod_that_is_refused_and_another_whose_queries_do_not_do_well_take_nothing_from_each_other() -> None:
    """Each answer settles neither complaint: both are told until nobody has them."""
    world = World(Said(REFUSED, IMPAIRED), pods=2)
    world.judged()
    await world.look()
    world.judged()
    await world.look()
    assert world.judged().startswith("False")
    assert world.queries is not None
    assert world.queries.status == "False"
    world.pulse.workloads = Said(*[REFUSED, IMPAIRED] * 10, REFUSED)
    assert await world.look(4) == 0
    world.pulse.workloads = Said(FINE)
    assert await world.look(5) == 1
    assert world.judged().startswith("True")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(FINE[:1], id="a-version-without-the-word"),
        pytest.param((FINE[0], Dependency("queries", "down", False, "", "TimedOut", "")), id="nobody-could-look"),
    ],
)
async def test_pods_that_cannot_tell_how_their_queries_do_leave_it_unknown(answer: tuple[Dependency, ...]) -> None:
    world = World(Said(answer))
    world.judged()
    await world.look(5)
    assert world.judged().startswith("True")
    await world.look(5)
    world.judged()
    assert world.queries is not None
    assert (world.queries.status, world.queries.reason) == ("Unknown", "NotReachable")


async def test_a_memory_that_is_critical_asks_for_one_pass_and_is_forgotten_once_ml_is_not_asked_any_more() -> None:
    """As in the rollout of a higher limit: what pods of the lower one said is old news."""
    short = Dependency("memory", "degraded", False, "", "MemoryCritical", "97 % for a minute")
    world = World(Said((short,)))
    world.targets = [Target("ml", "10.96.0.8", 80, "/ready", 1)]
    question = Question((), within_reach=True, memory=Facts(128, 128, 256, "maxMemory", allowed=True, tried=1e3))
    assert world.judged(question)
    assert await world.look() == 1
    assert world.pulse.heard(KEY) == {"CredentialsCurrent": {"ml": ()}, "MemoryAdequate": {"ml": (short,)}}
    world.judged(question)
    assert await world.look(10) == 0
    world.targets = []
    world.judged(question)
    assert world.pulse.heard(KEY) == {}


async def test_what_pods_said_in_the_pass_counts_until_the_next_one() -> None:
    world = World(Said(FINE))
    standing = {item.type: item for item in dependencies.conditions(QUESTION, ALL_WELL)}
    question = Question(("auth", "query"), within_reach=True, said={"auth": REFUSED}, standing=standing)
    assert world.judged(question).startswith("False auth")
    assert await world.look(5) == 0


async def test_a_pass_under_way_is_not_disturbed() -> None:
    world = World(Said(FINE))
    world.judged()
    world.pulse.leave(KEY)
    assert await world.look() == 0


async def test_an_answer_that_comes_after_a_pass_began_is_dropped() -> None:
    began = asyncio.Event()

    class Slow(Said):
        async def ask(self, address: str, port: int, path: str) -> tuple[Dependency, ...]:
            await began.wait()
            return await super().ask(address, port, path)

    world = World(Slow(REFUSED))
    world.judged()
    looking = asyncio.create_task(world.pulse.look(KEY))
    await asyncio.sleep(0)
    world.pulse.leave(KEY)
    began.set()
    await looking
    assert world.passes == []
    assert world.pulse.heard(KEY) == {}


async def test_what_is_gone_is_forgotten_and_a_new_leader_begins_anew() -> None:
    world = World(Said(FINE))
    world.judged()
    await world.look()
    assert world.pulse.heard(KEY) == ALL_WELL
    world.pulse.forget(KEY)
    assert world.pulse.heard(KEY) == {}
    world.judged()
    await world.look()
    world.pulse.reset()
    assert world.pulse.heard(KEY) == {}
    assert await world.look() == 0


class Clock:
    """Time that passes as somebody sleeps; ends what sleeps past a moment."""

    def __init__(self, end: float) -> None:
        self.now = 0.0
        self.end = end

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)
        if self.now > self.end:
            raise asyncio.CancelledError


def many(count: int) -> Iterator[Key]:
    return ((f"n{number}", "nc") for number in range(count))


async def running(clock: Clock, said: Said, count: int) -> None:
    """A pulse over many resources at rest, until the clock's end."""
    ears = Pulse(said, lambda key: pytest.fail(f"a pass over {key}"), clock.sleep, lambda: 1.0)
    shown = dependencies.conditions(QUESTION, ALL_WELL)
    question = Question(("query",), within_reach=True, standing={item.type: item for item in shown})
    for key in many(count):
        ears.follow(key, [Target("query", "10.96.0.7", 80, "/ready", 1)], question, shown)
    with pytest.raises(asyncio.CancelledError):
        await ears.run()


@pytest.mark.parametrize(("count", "asked"), [(1, 40), (10, 400), (300, 12_000), (1000, 12_000)])
async def test_each_is_asked_once_a_period_and_all_together_no_faster_than_one_limit(count: int, asked: int) -> None:
    said = Said(FINE)
    await running(Clock(40 * PERIOD), said, count)
    assert len(said.asked) == pytest.approx(asked, rel=0.05)


async def test_nothing_to_ask_costs_nothing_and_is_looked_for_again() -> None:
    clock = Clock(10 * PERIOD)
    await running(clock, Said(FINE), 0)
    assert clock.now == pytest.approx(11 * PERIOD)


async def test_a_defect_over_one_resource_does_not_deafen_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    async def look(self: Pulse, key: Key) -> None:
        nonlocal looks
        looks += 1
        raise ValueError(key)

    monkeypatch.setattr(pulse.Pulse, "look", look)
    await running(Clock(5 * PERIOD), Said(FINE), 1)
    assert looks >= 5
