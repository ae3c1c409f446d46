"""A worker survives what goes wrong in its regular tasks, and sends judges what may wait."""

import asyncio
from typing import cast

import pytest

from gateway.app import worker
from gateway.app.start import WorkerStart
from gateway.app.worker import Worker
from gateway.domain.evaluation import Sampling
from gateway.domain.units import Bytes
from gateway.handoff import endpoint_health
from gateway.handoff.held_states import make_shared
from gateway.handoff.link import Link, Message
from gateway.handoff.samples import Samples
from tests.unit.proxy.test_sampling import sample


async def test_what_fails_once_is_logged_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(worker, "_REST", 0.0)
    calls: list[int] = []
    enough = asyncio.Event()

    def act() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError("injected")
        enough.set()

    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        ticking = tasks.create_task(Worker._tick(0.0, act))
        await enough.wait()
        ticking.cancel()

    assert "ZeroDivisionError: injected" in caplog.text


class Wire:
    """A link whose other side reads when it is told to."""

    def __init__(self) -> None:
        self.is_idle = True
        self.sent: list[Message] = []

    def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def samples(self) -> list[Samples]:
        return [message for message in self.sent if isinstance(message, Samples)]


async def holding(number: int, sampling: Sampling) -> tuple[Worker, Wire]:
    """Give a worker that has sampled something, and its link."""
    start = WorkerStart(
        number=3,
        link_path="",
        table_fd=0,
        lifeline_fd=0,
        states_fd=make_shared(),
        health_fd=endpoint_health.make_shared(),
    )
    wire = Wire()
    async with asyncio.TaskGroup() as tasks:
        made = Worker(start, tasks)
    made._link = cast("Link", wire)
    held = made._plane.samples
    held.use({"chat": sampling})
    for _ in range(number):
        if held.has_room("chat"):
            held.add(sample("x" * 1_000))
    return made, wire


QUICK = Sampling(queued=Bytes(100_000), per_second=Bytes(10_000_000))


async def test_samples_are_sent_in_small_messages_with_what_was_lost() -> None:
    made, wire = await holding(100, QUICK)

    made._send_samples()

    lost = 100 - sum(len(message.samples) for message in wire.samples)
    assert lost > 0
    assert len(wire.samples) > 1
    assert [message.sequence for message in wire.samples] == [1, 2]
    assert {message.worker for message in wire.samples} == {3}
    assert wire.samples[-1].dropped == {"chat": lost}
    made._send_samples()
    assert len(wire.samples) == 2


async def test_samples_wait_while_anything_else_waits_to_be_sent() -> None:
    made, wire = await holding(1, QUICK)
    wire.is_idle = False

    made._send_samples()
    assert not wire.samples

    wire.is_idle = True
    made._send_samples()
    assert wire.samples


async def test_samples_wait_for_a_controller() -> None:
    made, wire = await holding(1, QUICK)
    made._link = None

    made._send_samples()
    made._link = cast("Link", wire)
    made._send_samples()

    assert wire.samples


async def test_at_the_end_all_samples_are_sent_whatever_the_rate() -> None:
    made, wire = await holding(50, Sampling(per_second=Bytes(1)))
    wire.is_idle = False

    made._send_samples(is_last=True)

    assert sum(len(message.samples) for message in wire.samples) == 50
