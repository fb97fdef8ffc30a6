"""What is published reaches every subscriber, in order, from the start of the bus to its end."""

from __future__ import annotations

from supervice.events import Event, EventBus, EventType
from supervice.lean.loop import Loop


def test_events_are_delivered_from_before_the_start_until_the_stop() -> None:
    loop, bus, seen = Loop(), EventBus(), []

    async def note(event: Event) -> None:
        seen.append(event.payload["number"])

    def publish(number: int) -> None:
        bus.publish(Event(EventType.PROCESS_STATE_RUNNING, {"number": number}))

    async def scene() -> None:
        bus.subscribe(EventType.PROCESS_STATE_RUNNING, note)
        publish(1)
        bus.start()
        publish(2)
        publish(3)
        await bus.stop()
        assert seen == [1, 2, 3]
        publish(4)  # kept for another run
        assert seen == [1, 2, 3]
        bus.start()
        await bus.stop()
        assert seen == [1, 2, 3, 4]

    loop.run_until_complete(scene())
    loop.close()


def test_a_bus_without_events_takes_no_turn_of_the_loop() -> None:
    loop, bus = Loop(), EventBus()

    async def scene() -> None:
        bus.start()
        await bus.stop()

    coroutine = scene()
    task = loop.create_task(coroutine)
    loop._turn()
    assert task.done()
    loop.close()
