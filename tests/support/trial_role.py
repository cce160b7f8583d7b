"""The shell as every role runs on it, with routes that tests need: slow ones, large ones, ones that break.

``python -m tests.support.trial_role ml --config DIR``; with a database in its settings it asks that too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import click
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from novacron.core.dependencies import Unusable
from novacron.roles import serving
from novacron.workload.service import database, redis
from novacron.workload.service.context import Context, Role, Service
from novacron.workload.service.settings import Limits

CANARY = "canary-of-a-defect"


async def _slow(request: Request) -> Response:
    await asyncio.sleep(float(request.path_params["seconds"]))
    return JSONResponse({"slept": request.path_params["seconds"]})


async def _echo(request: Request) -> Response:
    return Response(await request.body())


async def _crash(_request: Request) -> Response:
    raise ValueError(CANARY)


async def _refuse(_request: Request) -> Response:
    raise HTTPException(409, "that is taken")


async def _half(_request: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"half"
        raise ValueError(CANARY)

    return StreamingResponse(chunks())


_ROUTES: list[BaseRoute] = [
    Route("/slow/{seconds}", _slow),
    Route("/echo", _echo, methods=["POST"]),
    Route("/large", _echo, methods=["POST"]),
    Route("/crash", _crash),
    Route("/refuse", _refuse),
    Route("/half", _half),
]


def _build(context: Context) -> Service:
    routes = [*_ROUTES]
    if context.settings.database is not None:
        sessions = database.opened(context)

        async def user(_request: Request) -> Response:
            """Who the database thinks that we are, after a little work."""
            try:
                async with sessions.connection() as connection:
                    cursor = await connection.execute("SELECT current_user, pg_sleep(0.02)")
                    row = await cursor.fetchone()
            except Unusable as error:
                raise HTTPException(503, error.reason) from error
            return JSONResponse({"user": row[0] if row else ""})

        routes.append(Route("/user", user))
    if context.settings.redis is not None:
        commands = redis.opened(context)

        async def count(_request: Request) -> Response:
            async with commands.client() as client:
                return JSONResponse({"count": await client.incr("count")})

        routes.append(Route("/count", count))
    return Service(routes, limits={"/large": Limits(body_bytes=4 << 20)})


@click.command()
@click.argument("name")
@serving.options
def main(name: str, config: Path, bind_address: str, log_level: str) -> None:
    serving.serve(Role(name, _build), config, bind_address, log_level)


if __name__ == "__main__":
    main()
