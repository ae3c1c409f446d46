"""How long one callback holds the event loop: the CPU time of each, under load.

    python -m loadtest.callbacks --workload J,S,A

A worker's data plane runs in this process, on the proxy's core, as it does in a worker;
CPU time of the thread is read before and after each callback of its protocols. What one
takes, every other connection waits. Reading the clock costs about a microsecond.
"""

import argparse
import asyncio
import gc
import os
import socket
import time
from array import array
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

import uvloop

from gateway.domain.price import Price
from gateway.domain.service import (
    Endpoint,
    Service,
    StickyKind,
    StickySource,
    Version,
)
from gateway.domain.units import Share
from gateway.handoff.routing_table import RoutedService, RoutingTable
from gateway.proxy.deadlines import SWEEP
from gateway.proxy.downstream import Downstream
from gateway.proxy.listen import Listener
from gateway.proxy.plane import Plane
from gateway.proxy.upstream import Upstream
from loadtest.processes import find_program
from loadtest.stage import Cores, add_stage_options, cores_asked
from loadtest.workloads import workloads
from loadtest.workloads.aborts import Aborts
from loadtest.workloads.workload import Amount, Pressure, Workload

_CALLBACKS: Final = (
    "connection_made",
    "data_received",
    "connection_lost",
    "pause_writing",
    "resume_writing",
)
_REPORT: Final = 0.25  # as gateway.app.worker does
_MICRO: Final = 1e3  # of nanoseconds
_SHARES: Final = (0.5, 0.99, 0.999, 1.0)


Result = TypeVar("Result")


class Times:
    """CPU nanoseconds of callbacks, by name."""

    def __init__(self) -> None:
        self._taken: dict[str, array[int]] = {}
        self._collecting_since = 0

    def clear(self) -> None:
        """Forget what the warm-up took."""
        for taken in self._taken.values():
            del taken[:]

    def timed(self, name: str, act: Callable[..., Result]) -> Callable[..., Result]:
        """Give the same callback, timed."""
        note, clock = (
            self._taken.setdefault(name, array("q")).append,
            time.thread_time_ns,
        )

        @wraps(act)
        def timed(*given: object) -> Result:
            began = clock()
            try:
                return act(*given)
            finally:
                note(clock() - began)

        return timed

    def watch(self, protocol: type) -> None:
        """Time what the event loop calls of a protocol, from now on."""
        for callback in _CALLBACKS:
            act = getattr(protocol, callback)
            name = f"{protocol.__name__}.{callback}"
            setattr(protocol, callback, self.timed(name, act))

    def collecting(self, phase: str, _what: dict[str, int]) -> None:
        """Time the garbage collector (gc.callbacks); it runs inside of callbacks."""
        if phase == "start":
            self._collecting_since = time.thread_time_ns()
            return
        taken = time.thread_time_ns() - self._collecting_since
        self._taken.setdefault("(of it the collector)", array("q")).append(taken)

    def rows(self) -> list[str]:
        """Write a table row for each name that was called, and for all together."""
        every = array("q")
        rows = []
        for name, taken in self._taken.items():
            if not name.startswith("("):
                every += taken
            rows += [_row(name, taken)] if taken else []
        return [*rows, _row("all", every)]


def _row(name: str, taken: Sequence[int]) -> str:
    ordered = sorted(taken)
    last = len(ordered) - 1
    at = [ordered[min(last, int(share * len(ordered)))] / _MICRO for share in _SHARES]
    figures = "".join(f"{each:11,.1f}" for each in at)
    return f"{name:<28}{len(ordered):10,}{figures}"


def _table(ports: Sequence[int]) -> RoutingTable:
    versions = tuple(
        Version(
            name=f"v{number}",
            endpoints=(
                Endpoint(url=f"http://127.0.0.1:{port}", host="127.0.0.1", port=port),
            ),
            price=Price(input=0.15, output=0.60),
        )
        for number, port in enumerate(ports, start=1)
    )
    service = Service(
        name="chat",
        versions=versions,
        baseline="v1",
        candidate="v2",
        sticky=(StickySource(kind=StickyKind.HEADER, name="x-user-id"),),
    )
    routed = RoutedService(
        service=service, share=Share(50_000), salt="chat", revision=1
    )
    return RoutingTable(epoch=1, services=(routed,))


@asynccontextmanager
async def _worker(ports: Sequence[int], times: Times) -> AsyncGenerator[int]:
    """Run a data plane as a worker does; give its port."""
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        plane = Plane(
            tasks.create_task,
            lambda act: loop.call_soon(times.timed("counting", act)),
        )
        plane.use(_table(ports))
        listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
        port = listening.getsockname()[1]
        listener = Listener(plane, [(1, "here", listening.detach())])
        listener.use({"here": None})
        await listener.open()
        report = times.timed("report", lambda: plane.observe(0, 1, 1))
        regular = [
            tasks.create_task(_again(SWEEP, times.timed("sweep", plane.sweep))),
            tasks.create_task(_again(_REPORT, report)),
        ]
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)  # as gateway.app.worker does
        try:
            yield port
        finally:
            await listener.drain(0.0)
            for pool in plane.pools():
                pool.retire()
            for task in regular:
                task.cancel()


async def _again(seconds: float, act: Callable[[], object]) -> None:
    while True:
        await asyncio.sleep(seconds)
        act()


def _press(act: Callable[[int], Result], port: int, core: int) -> Result:
    """Press from another thread: its processes run on the load's core, as it does."""
    os.sched_setaffinity(0, {core})
    return act(port)


async def _measure(workload: Workload, cores: Cores, times: Times) -> Pressure:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="loadtest-")))
        ports = stack.enter_context(workload.upstreams(folder, cores.load))
        os.sched_setaffinity(0, {cores.proxy})
        port = await stack.enter_async_context(_worker(ports, times))
        await asyncio.to_thread(_press, workload.warm_up, port, cores.load)
        times.clear()
        return await asyncio.to_thread(_press, workload.press, port, cores.load)


def _known(asked: argparse.Namespace) -> Mapping[str, Workload]:
    wrk = find_program("wrk", asked.wrk, "LOADTEST_WRK") or "wrk"
    amount = Amount(asked.seconds, asked.streams, wrk)
    return {**workloads(amount), "A": Aborts(amount)}


def _read_command_line() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workload", default="J,S,A", help="J, J2, S, A (aborts)")
    parser.add_argument("--seconds", type=int, default=10, help="of J and J2")
    parser.add_argument("--streams", type=int, default=1000, help="of S; A: ten times")
    parser.add_argument("--wrk", metavar="PATH", help="of the program")
    add_stage_options(parser)
    return parser.parse_args()


def main() -> None:
    """Read the command line, press, print a table for each workload."""
    asked = _read_command_line()
    cores = cores_asked(asked)
    times = Times()
    times.watch(Downstream)
    times.watch(Upstream)
    gc.callbacks.append(times.collecting)
    known = _known(asked)
    for name in asked.workload.split(","):
        workload = known[name]
        pressure = uvloop.run(_measure(workload, cores, times))
        print(f"{workload.title}\n{pressure.units:,} {workload.unit}s,", end=" ")
        print(f"{pressure.failures} failures; CPU time of a callback in microseconds")
        titles = "".join(f"{title:>11}" for title in ("p50", "p99", "p99.9", "max"))
        print(f"{'callback':<28}{'calls':>10}{titles}", *times.rows(), sep="\n")
        print(flush=True)


if __name__ == "__main__":
    main()
