"""A steady load of requests from inside the box, and what became of each of them; with access tokens if wanted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.node.box import Box

_SCRIPT = """
import asyncio, collections, datetime, json, signal, sys, time
host, port, path, rate, connections, keep, tokens, body = sys.argv[1:]
port, rate, connections, kept = int(port), float(rate), int(connections), keep == "keep"
seen, taken, ending, bearers = collections.Counter(), [], False, []
lines = [f"{'POST' if body else 'GET'} {path} HTTP/1.1", "Host: load"]
lines += [f"Connection: {'keep-alive' if kept else 'close'}"]
def questions():
    number = 0
    while True:
        number += 1
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
        sent = body.replace("@now@", now)
        more = [f"Authorization: Bearer {bearers[number % len(bearers)]}"] if bearers else []
        more += ["Content-Type: application/json", f"Content-Length: {len(sent)}"] if body else []
        yield now, "\\r\\n".join((*lines, *more, "", sent)).encode()
turn = questions()
async def reread():
    while tokens:
        with open(tokens) as listed:
            bearers[:] = listed.read().split()
        await asyncio.sleep(0.5)
class Client:
    def __init__(self): self.reader = self.writer = None
    async def ask(self):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(host, port)
        now, question = next(turn)
        self.writer.write(question)
        head = await self.reader.readuntil(b"\\r\\n\\r\\n")
        lines = head.decode().lower().split("\\r\\n")
        fields = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        await self.reader.readexactly(int(fields.get("content-length", 0)))
        if not kept or fields.get("connection") == "close":
            self.drop()
        status = lines[0].split()[1]
        if body and status == "200": taken.append(now)
        return status
    def drop(self):
        if self.writer is not None: self.writer.close()
        self.writer = None
    async def run(self, number):
        due = time.monotonic() + number / rate
        while not ending:
            await asyncio.sleep(max(0, due - time.monotonic()))
            due += connections / rate
            try:
                seen[await asyncio.wait_for(self.ask(), 5)] += 1
            except Exception as error:
                seen[f"{type(error).__name__}: {error}"] += 1
                self.drop()
async def main():
    global ending
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    reading = asyncio.create_task(reread())
    await asyncio.sleep(0)
    # kube-proxy hears of a Service's first pods up to a second after they are ready
    for _ in range(100):
        try:
            first = Client()
            await first.ask()
            first.drop()
            break
        except OSError:
            await asyncio.sleep(0.1)
    work = [asyncio.create_task(Client().run(number)) for number in range(connections)]
    print("begun", flush=True)
    await told.wait()
    ending = True
    await asyncio.gather(*work)
    print(json.dumps({"answers": seen, "taken": taken}), flush=True)
asyncio.run(main())
"""


@dataclass
class Load:
    """What was answered so far is known at the end of the block.

    Args:
        answers: status, or the kind of failure, and how often.
        taken: of requests with a body that were answered well, the times that they were sent with.
    """

    answers: dict[str, int] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)

    @property
    def sent(self) -> int:
        return sum(self.answers.values())

    @property
    def failed(self) -> dict[str, int]:
        return {what: count for what, count in self.answers.items() if what != "200"}


@contextmanager
def steady(
    box: Box,
    address: str,
    port: int,
    path: str,
    *,
    rate: float = 50,
    connections: int = 4,
    keep_alive: bool = True,
    tokens: Path | None = None,
    body: str = "",
) -> Iterator[Load]:
    """Asks at a rate (requests a second, over some connections) until the block ends.

    Args:
        keep_alive: whether a connection serves many requests, or each one has its own.
        tokens: a file of access tokens, one a line, that requests carry in turn; read again twice a second.
        body: JSON of ASCII that is sent, by POST then; each request has its own time for ``@now@`` in it.
    """
    load = Load()
    kept, listed = "keep" if keep_alive else "close", str(tokens) if tokens else ""
    words: tuple[Any, ...] = (address, port, path, rate, connections, kept, listed, body)
    # not in the box's process namespace: a signal to nsenter would not reach the script behind it
    command = (*box.enter(processes=False), sys.executable, "-I", "-S", "-c", _SCRIPT, *map(str, words))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        try:
            yield load
        finally:
            process.send_signal(signal.SIGTERM)
            said = process.stdout.readline()
        assert said, "the load ended by itself, so nothing is known of its requests; its own error is above"
        known = json.loads(said)
        load.answers, load.taken = known["answers"], known["taken"]
