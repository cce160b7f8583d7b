"""``POST /api/v1/features``: of a table that a client streams, of any length, in the memory and the disk of one job.

The event loop hands the body to the job's thread, piece by piece and no faster than it reads, and sees whether the
client is still there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated

from pydantic import Field
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from novacron.ml.domain.features import Counting, Median
from novacron.ml.service import jobs, media
from novacron.ml.service.admission import Admission, Full, Place
from novacron.ml.service.body import Pipe
from novacron.ml.service.counts import Counts
from novacron.ml.service.document import Features
from novacron.ml.service.jobs import Answer, Job, Jobs
from novacron.workload.service import answers
from novacron.workload.service.answers import Query
from novacron.workload.service.operations import Access, Operation, Stream
from novacron.workload.service.settings import Limits

PATH = "/api/v1/features"
PEOPLE = Access(role="viewer")
"""The word is auth's (auth/domain/roles.py), and a test compares them."""
PIECE_SECONDS = 30.0
"""Time for each piece of a body."""
ANSWER_SECONDS = 900.0
"""Time for the answer, from the last piece on: medians read again what was spilled."""
HELD_BYTES = 512 << 10
"""Of a body, before the thread reads it: a block, so that the next one is there when it has done the last."""
_LARGEST_BODY = 1 << 50
"""The disk ends before."""


class Question(Query):
    """What is asked of a table."""

    strict: Annotated[bool, Field(description="A line that cannot be read ends the job, and is not passed over.")] = (
        False
    )
    median: Annotated[
        Median,
        Field(description="exact: all numbers are on disk meanwhile; kll: within a bound, and without disk."),
    ] = "exact"
    categories: Annotated[
        Counting,
        Field(description="exact: many different texts are on disk meanwhile; misra-gries: within a bound."),
    ] = "exact"


class FeaturesOfTables:
    """The operation.

    Args:
        organization: of who asks, by a request that has passed the wall.
    """

    def __init__(
        self, running: Jobs, admission: Admission, counts: Counts, organization: Callable[[Request], str | None]
    ) -> None:
        self._jobs = running
        self._admission = admission
        self._counts = counts
        self._organization = organization

    def operations(self) -> list[Operation]:
        stream = Stream({name: text for name, (_format, text) in media.TYPES.items()}, tuple(media.CODINGS))
        refusals = {
            408: f"No piece of the body came for {PIECE_SECONDS:g} s.",
            413: "It would take more memory than there is; the detail says what to do.",
            429: "Too many jobs run and wait; Retry-After says when to try again.",
            507: "It would take more disk than it may; the detail says what to do.",
        }
        summary = "Features of a table that is streamed"
        return [
            Operation(
                "POST",
                PATH,
                self._answer,
                summary,
                PEOPLE,
                stream=stream,
                query=Question,
                answer=Features,
                refusals=refusals,
            )
        ]

    def limits(self, base: Limits) -> Mapping[str, Limits]:
        changes = {
            "body_bytes": _LARGEST_BODY,
            "request_seconds": ANSWER_SECONDS,
            "piece_seconds": base.piece_seconds or PIECE_SECONDS,
        }
        return {PATH: base.model_copy(update=changes)}

    async def _answer(self, request: Request) -> Response:
        question, sent = answers.query(request, Question), media.of(request)
        place = await self._admitted(self._organization(request))
        pipe = Pipe(HELD_BYTES)
        job = Job(sent, question.strict, question.median, question.categories, place.share, self._counts.took)
        working = self._jobs.begin(job, pipe, place)
        feeding = asyncio.create_task(self._fed(request, pipe))
        given: Response = _Unsaid()
        try:
            await asyncio.wait((feeding, working), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                await feeding
            given = _Given(working.result())
        except ClientDisconnect:
            pass
        finally:
            pipe.abandon()
            await _cancelled(feeding)
            if not isinstance(given, _Given):
                jobs.drop(working)
        return given

    async def _admitted(self, organization: str | None) -> Place:
        """Raises ``Refusal``."""
        try:
            return await self._admission.enter(organization)
        except Full as error:
            self._counts.turned_away()
            raise jobs.later(f"There is no place for one job more: {error}.") from None

    async def _fed(self, request: Request, pipe: Pipe) -> None:
        """The body into the pipe, to its end. Then waits for the client to leave. Raises ``ClientDisconnect``."""
        async for piece in request.stream():
            self._counts.came(len(piece))
            await pipe.put(piece)
        pipe.end()
        while (await request.receive())["type"] != "http.disconnect":
            pass
        raise ClientDisconnect


class _Given(Response):
    """The answer, which is closed when it was sent, or could not be."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(media_type=answers.JSON, headers={**answers.UNCACHED, "Content-Length": str(answer.size)})
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            for piece in self._answer.pieces():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._answer.close()


class _Unsaid(Response):
    """To a client that has left."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        return None


async def _cancelled(task: asyncio.Task[None]) -> None:
    """Returns when it has ended: what it waits for, others may read next."""
    task.cancel()
    await asyncio.wait((task,))
    if not task.cancelled():
        task.exception()  # that the client has left: told already, or of no interest any more
