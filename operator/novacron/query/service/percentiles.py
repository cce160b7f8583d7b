"""``POST /api/v1/percentiles``: of the numbers that a client sends, by the calculator of ``novacron percentiles``.

One calculation at a time, in a thread of its own: what a parser makes of a large body takes many times its size.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import orjson
from pydantic import Field, SkipValidation
from starlette.requests import Request
from starlette.responses import Response

from novacron.quantiles.calculator import Percentiles
from novacron.quantiles.estimate import Method
from novacron.quantiles.values import InvalidInput
from novacron.query.domain.caller import Caller
from novacron.query.service.asking import PEOPLE
from novacron.query.service.intake import Intake
from novacron.workload.service import answers, outages
from novacron.workload.service.answers import Body, Refusal, Sent
from novacron.workload.service.operations import Operation
from novacron.workload.service.representation import Representation
from novacron.workload.service.settings import Limits

PATH = "/api/v1/percentiles"
LARGEST_BODY = 16 << 20
MOST_DATASETS = 1000
MOST_PERCENTILES = 100
MOST_RESULTS = 10_000
MOST_WAITING = 16
_HELD_BYTES = 2 * LARGEST_BODY
_MOST_BRACKETS = 8 * MOST_DATASETS
"""Of a body: two for each dataset, and some in names. Millions of empty lists would fill the memory."""

Name = Annotated[str, Field(max_length=200)]


class Question(Body):
    """Args:
    datasets: name -> numbers.
    percentiles: each from 0 to 100.
    method: a sketch answers within a bound; exact is the quicker one for what a body can hold.
    """

    datasets: Annotated[dict[Name, SkipValidation[list[float]]], Field(min_length=1, max_length=MOST_DATASETS)]
    percentiles: Annotated[list[float], Field(min_length=1, max_length=MOST_PERCENTILES)]
    method: Method = "exact"


class Error(Sent):
    """The answer is at most ``value`` off a number whose rank is at most ``rank`` off the one that was asked for.

    Args:
        rank: as a share of the count; with a confidence of at least 99 %.
        value: as a share of that number; between two numbers of the asked rank, of the greater of the two.
    """

    rank: float
    value: float


class Result(Sent):
    percentile: float
    value: float
    method: Method
    error: Error


class Results(Sent):
    """Args:
    results: name of the dataset -> one for each percentile, in the order of the question.
    """

    results: dict[str, list[Result]]


class PercentilesOfNumbers:
    """The operation.

    Args:
        caller: who asks, by a request that has passed the wall.
    """

    def __init__(self, caller: Callable[[Request], Caller]) -> None:
        self._caller = caller
        self._calculator = Percentiles()
        self._intake = Intake(_HELD_BYTES)
        self._thread = ThreadPoolExecutor(1, "percentiles")
        self._waiting = 0

    def operations(self) -> list[Operation]:
        summary = "Percentiles of numbers that are sent along"
        return [Operation("POST", PATH, self._answer, summary, PEOPLE, body=Question, answer=Results)]

    def limits(self, base: Limits) -> Mapping[str, Limits]:
        return {PATH: base.model_copy(update={"body_bytes": LARGEST_BODY})}

    async def _answer(self, request: Request) -> Response:
        organization = self._caller(request).organization
        async with self._intake.body(request, LARGEST_BODY, organization) as body:
            if self._waiting >= MOST_WAITING:
                raise outages.later("Too many calculations wait already; try again later.", outages.RETRY_SECONDS)
            self._waiting += 1
            try:
                found = await asyncio.get_running_loop().run_in_executor(self._thread, self._calculated, body)
            finally:
                self._waiting -= 1
        return await found.answer(request)

    def _calculated(self, body: bytearray) -> Representation:
        """Raises ``Refusal``."""
        question = _parsed(body)
        try:
            found = self._calculator.of_each(question.datasets, question.percentiles, question.method)
        except InvalidInput as error:
            raise Refusal(400, f"{error}.") from None
        return Representation(orjson.dumps({"results": found}))


def _parsed(body: bytearray) -> Question:
    """Raises ``Refusal``."""
    if body.count(b"[") + body.count(b"{") > _MOST_BRACKETS:
        raise Refusal(400, "datasets: hold lists or objects instead of numbers; send numbers.")
    question = answers.modelled(Question, answers.parsed(body))
    _refuse_many(question.datasets, question.percentiles)
    return question


def _refuse_many(datasets: Mapping[str, Sequence[float]], percentiles: Sequence[float]) -> None:
    for name, numbers in datasets.items():
        if not isinstance(numbers, list):
            raise Refusal(400, f"dataset {name!r} is no list; send a list of numbers.")
    if len(datasets) * len(percentiles) > MOST_RESULTS:
        raise Refusal(
            400, f"percentiles: make more than {MOST_RESULTS:,} answers; ask for fewer, or of fewer datasets."
        )
