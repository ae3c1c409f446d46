"""A worker process: the data plane, its link to the controller, and nothing else.

Started by the supervisor as `python -m gateway.app.worker START`.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec
import uvloop

from gateway.app.own_setup import OwnSetup
from gateway.app.start import WorkerStart, when_lifeline_ends
from gateway.handoff.endpoint_health import EndpointHealth
from gateway.handoff.evidence import Evidence
from gateway.handoff.held_states import HeldStates
from gateway.handoff.last_table import read_last_table
from gateway.handoff.link import Applied, Hello, Link, Message, Publish, Spans
from gateway.handoff.routing_table import RoutingTable
from gateway.handoff.samples import Samples
from gateway.proxy.deadlines import SWEEP
from gateway.proxy.listen import Listener
from gateway.proxy.plane import Plane

_logger: Final = logging.getLogger("sluicegate.worker")

_REPORT: Final = 0.25  # seconds between two frames of observations
_SEND_SAMPLES: Final = 0.05  # seconds between two looks at what is to be judged
_FAREWELL: Final = (
    0.5  # seconds between two looks at who came by a listener that is gone
)
_RECONNECT: Final = 0.1
_REST: Final = 1.0  # seconds after something regular failed: its traceback is long
_PATIENCE: Final = (
    1.0  # seconds to wait for the controller before the last table is used
)


class Worker:
    """One worker: takes tables from the controller, tells it what it has seen."""

    def __init__(self, start: WorkerStart, tasks: asyncio.TaskGroup) -> None:
        self._start = start
        self._tasks = tasks
        self._plane = Plane(
            lambda coroutine: tasks.create_task(coroutine),
            asyncio.get_running_loop().call_soon,
            workers=start.workers,
            held=HeldStates(start.states_fd),
            health=EndpointHealth(start.health_fd),
        )
        self._listener = Listener(self._plane, start.listening)
        self._link: Link | None = None
        self._lost = asyncio.Event()
        self._table: RoutingTable | None = None
        self._has_table = asyncio.Event()
        self._is_stopping = asyncio.Event()
        self._own = OwnSetup(start.setup_fd, self._plane, self._listener)
        self._sequence = self._samples_sequence = 0

    async def run(self) -> None:
        """Serve until told to stop, then drain."""
        background = [
            self._tasks.create_task(self._keep_linked()),
            self._tasks.create_task(self._tick(SWEEP, self._plane.sweep)),
            self._tasks.create_task(self._tick(_REPORT, self._report)),
            self._tasks.create_task(self._tick(_SEND_SAMPLES, self._send_samples)),
            self._tasks.create_task(self._tick(_FAREWELL, self._listener.say_farewell)),
            self._tasks.create_task(self._fall_back()),
            self._tasks.create_task(self._own.follow()),
        ]
        stopped = self._tasks.create_task(self._is_stopping.wait())
        ready = self._tasks.create_task(self._has_table.wait())
        await asyncio.wait({stopped, ready}, return_when=asyncio.FIRST_COMPLETED)
        if self._table is not None:
            await self._listener.open()
            self._settle()
            retired = self._tasks.create_task(self._own.retire())
            background.append(retired)
            await asyncio.wait({stopped, retired}, return_when=asyncio.FIRST_COMPLETED)
            await self._listener.drain(self._table.drain)
        self._plane.close()
        self._report(is_last=True)
        self._send_samples(is_last=True)
        await asyncio.sleep(0)
        for task in (*background, stopped, ready):
            task.cancel()

    def stop(self) -> None:
        """Drain and end."""
        self._is_stopping.set()

    def _settle(self) -> None:
        """Take what start-up made out of the garbage collector's way."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)

    def _use(self, table: RoutingTable) -> None:
        if self._table is None or table.epoch > self._table.epoch:
            self._plane.use(table)
            self._listener.use(table.listen_tls)
            self._table = table
            self._has_table.set()

    # The link.

    async def _keep_linked(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._lost.clear()
            with suppress(OSError):
                await loop.create_unix_connection(
                    lambda: Link(self._on_message, self._on_lost, self._on_made),
                    self._start.link_path,
                )
                await self._lost.wait()
            await asyncio.sleep(_RECONNECT)

    def _on_made(self, link: Link) -> None:
        self._link = link
        link.send(Hello(worker=self._start.number, pid=os.getpid(), table=self._table))
        self._report()

    def _on_lost(self, link: Link) -> None:
        if self._link is link:
            self._link = None
        self._lost.set()

    def _on_message(self, link: Link, message: Message) -> None:
        if isinstance(message, Publish):
            self._use(message.table)
            link.send(Applied(epoch=message.table.epoch))

    def _report(self, *, is_last: bool = False) -> None:
        link = self._link
        can_send = link is not None and not link.is_congested
        if link is None or not can_send:
            self._plane.units.take(can_send=False)
            return  # totals: the next frame says everything again
        number, pid = self._start.number, os.getpid()
        self._sequence += 1
        link.send(self._plane.observe(number, pid, self._sequence, slices=is_last))
        if spans := self._plane.recorder.take():
            link.send(Spans(spans=spans))
        units, now = self._plane.units, self._plane.wheel.now
        sampled = units.sampled
        blocks = units.take(can_send=True)
        if blocks or self._plane.is_tossing:
            link.send(
                Evidence(
                    worker=number,
                    pid=pid,
                    sequence=self._sequence,
                    sampled=sampled,
                    since=units.since(now),
                    until=now,
                    blocks=blocks,
                )
            )

    def _send_samples(self, *, is_last: bool = False) -> None:
        """Send some of what is to be judged, while nothing else waits to be sent."""
        samples, link = self._plane.samples, self._link
        samples.earn(self._plane.wheel.now)
        while link is not None and (link.is_idle or is_last):
            some = samples.take(all_at_once=is_last)
            if not some:
                return
            self._samples_sequence += 1
            link.send(
                Samples(
                    worker=self._start.number,
                    pid=os.getpid(),
                    sequence=self._samples_sequence,
                    dropped=dict(samples.dropped),
                    samples=some,
                )
            )

    async def _fall_back(self) -> None:
        """Start on the last published table when there is no controller to ask."""
        await asyncio.sleep(_PATIENCE)
        if self._table is None:
            table = read_last_table(self._start.table_fd)
            if table is not None:
                self._use(table)

    @staticmethod
    async def _tick(seconds: float, act: Callable[[], None]) -> None:
        """Act again and again. What goes wrong once must not end all connections."""
        while True:
            await asyncio.sleep(seconds)
            try:
                act()
            except Exception:
                _logger.exception("What is done regularly failed, and is tried again.")
                await asyncio.sleep(_REST)


async def _run(start: WorkerStart) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        worker = Worker(start, tasks)
        loop.add_signal_handler(signal.SIGTERM, worker.stop)
        loop.add_signal_handler(signal.SIGINT, lambda: None)  # the supervisor decides
        loop.add_signal_handler(signal.SIGHUP, lambda: None)  # the controller reloads
        when_lifeline_ends(loop, start.lifeline_fd, worker.stop)
        await worker.run()


def main() -> None:
    """Run the process."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it is the controller's
    logging.basicConfig(
        format="%(asctime)s %(name)s: %(message)s",
        level=logging.INFO,
        stream=sys.stderr,
    )
    start = msgspec.json.decode(sys.argv[1], type=WorkerStart)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(start))


if __name__ == "__main__":
    main()
