"""supervice as a library: a whole Supervisor with its events, then a single Process.

Needs no configuration file and no container: `python examples/embedding.py`.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from supervice import (
    RUNNING,
    STOPPED,
    Event,
    EventBus,
    EventType,
    Process,
    ProgramConfig,
    Supervisor,
    SupervisorConfig,
)

TICKER = f"{sys.executable} -c 'import time; time.sleep(1000)'"


async def a_supervisor(directory: Path) -> None:
    """Two programs; one dies and is replaced, then everything is stopped."""
    config = SupervisorConfig(
        socket_path=str(directory / "supervice.sock"),
        pidfile="none",
        programs=[
            ProgramConfig(name="web", command=TICKER, startsecs=0, group="site"),
            ProgramConfig(name="mailer", command=TICKER, startsecs=0, group="site"),
        ],
    )
    supervisor = Supervisor(config)
    running: asyncio.Queue[str] = asyncio.Queue()

    async def on_running(event: Event) -> None:
        name = event.payload["processname"]
        print(f"{name} is running, pid {event.payload['pid']}")
        running.put_nowait(name)

    async def on_exit(event: Event) -> None:
        print(f"{event.payload['processname']} ended: {event.payload['reason']}")

    supervisor.event_bus.subscribe(EventType.PROCESS_STATE_RUNNING, on_running)
    supervisor.event_bus.subscribe(EventType.PROCESS_STATE_EXITED, on_exit)
    run = asyncio.create_task(supervisor.run())

    assert {await running.get(), await running.get()} == {"web", "mailer"}
    print(f"groups: {supervisor.groups}")

    web = supervisor.processes["web"]
    assert web.process is not None
    web.process.kill()  # as if it had crashed
    assert await running.get() == "web"  # and there is its replacement

    await supervisor.shutdown()
    await run
    print(f"all stopped, exit code {supervisor.exit_code}")


async def a_process() -> None:
    """One supervised program; other children of the application are left to the application."""
    events = EventBus()
    changes: list[str] = []

    async def on_change(event: Event) -> None:
        changes.append(f"{event.payload['from_state']} -> {event.payload['to_state']}")

    for kind in EventType:
        if kind.name.startswith("PROCESS_STATE_"):
            events.subscribe(kind, on_change)
    events.start()

    process = Process(ProgramConfig(name="helper", command=TICKER, startsecs=0, autostart=False), events)
    await process.start()
    await process.start_process()
    assert process.state == RUNNING
    assert process.process is not None
    print(f"helper is running, pid {process.process.pid}")

    # A child of our own: its exit code comes to us, although supervice waits for children as well.
    ours = await asyncio.create_subprocess_exec(sys.executable, "-c", "raise SystemExit(42)")
    print(f"our own child ended with {await ours.wait()}")

    await process.stop()
    assert process.state == STOPPED
    await events.stop()
    print(f"helper went {', '.join(changes)}")


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        await a_supervisor(Path(directory))
    await a_process()


if __name__ == "__main__":
    asyncio.run(main())
