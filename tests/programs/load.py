"""200 connections a second to a port of this container while a command runs; says as JSON what became of each.

    load.py http|fcgi PORT COMMAND...

A connection is one request and its answer, whose body is who answered. The command starts when the server has
answered a hundred and keeps up, and the load goes on for half a second after its end.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time
from collections import Counter

EVERY = 1 / 200
HTTP = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def fcgi_record(kind: int, content: bytes) -> bytes:
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content


def fcgi_request(script: str) -> bytes:
    pairs = {"SCRIPT_FILENAME": script, "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/"}
    words = b"".join(bytes((len(k), len(v))) + k.encode() + v.encode() for k, v in pairs.items())
    begin = fcgi_record(1, struct.pack(">HB5x", 1, 0))
    return begin + fcgi_record(4, words) + fcgi_record(4, b"") + fcgi_record(5, b"")


def fcgi_output(data: bytes) -> bytes:
    """What the records of the standard output say."""
    output = b""
    while data:
        kind, length, padding = struct.unpack(">xB2xHBx", data[:8])
        output += data[8 : 8 + length] if kind == 6 else b""
        data = data[8 + length + padding :]
    return output


async def ask(protocol: str, port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(HTTP if protocol == "http" else fcgi_request("/srv/index.php"))
        answer = await asyncio.wait_for(reader.read(), 60)
    finally:
        writer.close()
    if protocol == "fcgi":
        answer = fcgi_output(answer)
        status = not answer.startswith(b"Status:")
    else:
        status = answer.startswith(b"HTTP/1.1 200 ")
    _, _, body = answer.partition(b"\r\n\r\n")
    if not status or not body.strip():
        raise ValueError(f"answer {answer[:60]!r}")
    return body.decode().strip()


async def main(protocol: str, port: int, *command: str) -> None:
    answers: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    slowest = 0.0

    async def one() -> None:
        nonlocal slowest
        began = time.monotonic()
        try:
            answers[await ask(protocol, port)] += 1
        except Exception as error:
            failures[f"{type(error).__name__}: {error}"] += 1
        slowest = max(slowest, time.monotonic() - began)

    async def run() -> None:
        began, most = time.monotonic(), 20
        while answers.total() < 100 or sum(not task.done() for task in asked) > most:
            waited = time.monotonic() - began
            if waited > 60:
                sys.exit(f"the server does not keep up: {answers}, {failures}")
            most = 20 if waited < 10 else 10000  # on a machine that is busy otherwise it never quite does
            await asyncio.sleep(0.05)
        child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        said, _ = await child.communicate()
        print(said.decode(), file=sys.stderr, end="")
        await asyncio.sleep(0.5)

    asked: set[asyncio.Task[None]] = set()
    running = asyncio.create_task(run())
    began = time.monotonic()
    count = 0
    while not running.done():
        asked.add(asyncio.create_task(one()))
        count += 1
        await asyncio.sleep(max(0.0, began + count * EVERY - time.monotonic()))
    took = time.monotonic() - began
    await running
    await asyncio.gather(*asked)
    print(json.dumps({"answers": answers, "failures": failures, "slowest": slowest, "rate": count / took}))


asyncio.run(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))
