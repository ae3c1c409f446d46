"""The gateway's data plane in a thread of its own, under uvloop as in production."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import TypeVar

import pytest
import uvloop

from gateway.domain.deployment import ClientLimits
from gateway.domain.service import (
    Endpoint,
    Service,
    StickyKind,
    StickySource,
    Version,
)
from gateway.domain.ticket_key import TicketKey
from gateway.domain.units import Share
from gateway.handoff.evidence import Block, PairRecord
from gateway.handoff.observations import Series
from gateway.handoff.routing_table import RoutedService, RoutingTable
from gateway.handoff.samples import Sample
from gateway.proxy.deadlines import SWEEP
from gateway.proxy.listen import Listener
from gateway.proxy.plane import Plane
from gateway.proxy.pool import Pool
from tests.flows.scripted import PATIENCE_S, Client, Upstream, encryption

T = TypeVar("T")

ALL = Share(100_000)
USUAL = ClientLimits()
over_tls_too = pytest.mark.parametrize(
    "stage", [False, True], ids=["clear", "tls"], indirect=True
)
"""Marks a flow that is proven once more with TLS on both sides of the gateway."""
BY_HEADER = (StickySource(kind=StickyKind.HEADER, name="x-user-id"),)


def endpoint(port: int, base_path: str = "") -> Endpoint:
    is_tls = encryption.server is not None
    return Endpoint(
        url=f"http{'s' if is_tls else ''}://127.0.0.1:{port}{base_path}",
        host="127.0.0.1",
        port=port,
        tls=is_tls,
        base_path=base_path,
    )


def version(name: str, *upstreams: Upstream, **settings: object) -> Version:
    """Make a version; *settings* are Version's own."""
    endpoints = tuple(endpoint(upstream.port) for upstream in upstreams)
    own = {"endpoints": endpoints, "tls": encryption.to_endpoints}
    return Version(name=name, **{**own, **settings})  # type: ignore[arg-type]


def service(*versions: Version, **settings: object) -> Service:
    """Make a service of a baseline and perhaps a candidate."""
    candidate = versions[1].name if len(versions) > 1 else None
    own: dict[str, object] = {
        "name": "chat",
        "baseline": versions[0].name,
        "candidate": candidate,
        "sticky": BY_HEADER,
    }
    return Service(versions=versions, **{**own, **settings})  # type: ignore[arg-type]


def table(
    *services: Service,
    share: int = 0,
    limits: ClientLimits = USUAL,
    trusted: Iterable[str] = (),
    ticket_key: TicketKey | None = None,
    epoch: int = 1,
    **routed: object,
) -> RoutingTable:
    """Write a table; *routed* are RoutedService's own, of every service."""
    return RoutingTable(
        epoch=epoch,
        ticket_key=ticket_key,
        services=tuple(
            RoutedService(
                service=s,
                share=Share(share),
                salt=s.name,
                revision=1,
                **routed,  # type: ignore[arg-type]
            )
            for s in services
        ),
        limits=limits,
        trusted_proxies=tuple(trusted),
        listen_tls={"here": encryption.listener},
    )


class Gateway:
    """A worker's data plane, listening on a port of its own."""

    def __init__(self) -> None:
        self.port = 0
        self.errors: list[str] = []
        self._pools: set[Pool] = set()
        self._plane: Plane | None = None
        self._listener: Listener | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self, first: RoutingTable) -> None:
        self._first = first
        self._thread.start()
        assert self._is_ready.wait(PATIENCE_S)

    def stop(self) -> None:
        assert self._loop is not None
        assert self._stopping is not None
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(PATIENCE_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._note)
        self._stopping = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            self._plane = Plane(tasks.create_task, self._loop.call_soon)
            listening = socket.create_server(("127.0.0.1", 0), backlog=512)
            self.port = listening.getsockname()[1]
            one = (1, "here", listening.detach())
            self._listener = listener = Listener(self._plane, [one])
            self._use(self._first)
            await listener.open()
            ticking = tasks.create_task(self._tick())
            self._is_ready.set()
            await self._stopping.wait()
            await listener.drain(0.0)
            for pool in self._pools:
                pool.retire()
            await until(lambda: not any(pool.idle for pool in self._pools))
            ticking.cancel()

    async def _tick(self) -> None:
        assert self._plane is not None
        while True:
            await asyncio.sleep(SWEEP)
            self._plane.sweep()

    def _note(
        self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]
    ) -> None:
        self.errors.append(repr(context))

    def _use(self, new: RoutingTable) -> None:
        assert self._plane is not None
        assert self._listener is not None
        self._plane.use(new)
        self._listener.use(new.listen_tls)
        self._pools |= set(self._plane.pools())

    def _do(self, act: Callable[[], T]) -> T:
        """Run in the gateway's thread."""
        assert self._loop is not None
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(act())
            except BaseException as error:  # ruff: ignore[blind-except]: goes to the test
                done.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return done.result(PATIENCE_S)

    def use(self, new: RoutingTable) -> None:
        """Swap the routing table."""
        self._do(lambda: self._use(new))

    def series(self, name: str = "v1", of: str = "chat") -> Series:
        """Give what was counted for one version."""
        plane = self._plane
        assert plane is not None
        frame = self._do(lambda: plane.observe(0, 1, 1))
        return next(s for s in frame.series if (s.service, s.version) == (of, name))

    def mirrored(self) -> Series:
        """Give what was counted of copies."""
        plane = self._plane
        assert plane is not None
        (series,) = self._do(lambda: plane.observe(0, 1, 1)).mirrored
        return series

    def copies_to(self, name: str) -> Series:
        """Give what was counted of the copies to a version."""
        plane = self._plane
        assert plane is not None
        frame = self._do(lambda: plane.observe(0, 1, 1))
        return next(series for series in frame.mirrored if series.version == name)

    def pairs(self) -> list[PairRecord]:
        """Give the pairs there are since the last time."""
        return [pair for block in self.blocks() for pair in block.pairs]

    def abandon_copies(self) -> None:
        """Give up on copies, as a worker does that stops."""
        listener = self._listener
        assert listener is not None
        self._do(listener._mirrors.abandon)

    def drain(self, seconds: float) -> None:
        """Begin to stop: accept nothing, and cut what still runs after *seconds*."""
        listener, loop = self._listener, self._loop
        assert listener is not None
        assert loop is not None
        asyncio.run_coroutine_threadsafe(listener.drain(seconds), loop)

    def drain_copies(self, seconds: float) -> None:
        """Wait for copies, as a worker does that stops."""
        listener, loop = self._listener, self._loop
        assert listener is not None
        assert loop is not None
        waiting = asyncio.run_coroutine_threadsafe(
            listener._mirrors.drain(seconds), loop
        )
        waiting.result(PATIENCE_S)

    def copies_being_answered(self) -> int:
        """Tell how many copies run whose answer has begun."""
        listener = self._listener
        assert listener is not None
        running = self._do(lambda: tuple(listener._mirrors._copies))
        return sum(copy._status is not None for copy in running)

    def let_pass(self, seconds: float) -> None:
        """Look at the copies as if it were so much later."""
        listener, plane = self._listener, self._plane
        assert listener is not None
        assert plane is not None
        self._do(lambda: listener._mirrors.sweep(plane.wheel.read_clock() + seconds))

    def slices(
        self, name: str = "v1", of: str = "chat"
    ) -> dict[tuple[str, str], Series]:
        """Give what was counted for the slices of one version's traffic."""
        plane = self._plane
        assert plane is not None
        found = self._do(lambda: plane.observe(0, 1, 1)).slices
        assert found is not None
        own = [s for s in found if (s.service, s.version) == (of, name)]
        return {s.slice[:2]: s for s in own if s.slice is not None}

    def outcomes(self, name: str = "v1") -> dict[str, int]:
        """Give the outcomes that happened, by name."""
        return {o: n for o, n in self.series(name).outcomes.items() if n}

    def blocks(self) -> list[Block]:
        """Give the evidence there is since the last time."""
        plane = self._plane
        assert plane is not None
        return self._do(lambda: plane.units.take(can_send=True))

    def samples(self) -> list[Sample]:
        """Give what was sampled for evaluators since the last time."""
        plane = self._plane
        assert plane is not None
        return self._do(lambda: plane.samples.take(all_at_once=True))

    def dropped_samples(self) -> dict[str, int]:
        """Give the samples there was no room for, by service."""
        plane = self._plane
        assert plane is not None
        return self._do(lambda: dict(plane.samples.dropped))

    def refused(self) -> dict[int, int]:
        plane = self._plane
        assert plane is not None
        return self._do(lambda: dict(plane.refused))

    def clients(self) -> int:
        plane = self._plane
        assert plane is not None
        return self._do(lambda: len(plane.clients))

    def unrest(self) -> dict[str, int]:
        """Tell what is not as in a gateway without requests; empty when all is quiet."""
        plane = self._plane
        assert plane is not None
        return self._do(lambda: self._unrest(plane))

    def _unrest(self, plane: Plane) -> dict[str, int]:
        frame = plane.observe(0, 1, 1)
        signs = {
            "in flight": sum(
                series.in_flight for series in (*frame.series, *frame.mirrored)
            ),
            "busy": sum(abs(pool.busy) for pool in self._pools),
            "pending": sum(pool.pending for pool in self._pools),
        }
        return {sign: number for sign, number in signs.items() if number}


async def until(claim: Callable[[], object], *, within: float = PATIENCE_S) -> bool:
    """Wait until *claim* is true; False when it never was."""
    loop = asyncio.get_running_loop()
    gives_up = loop.time() + within
    while not claim():
        if loop.time() > gives_up:
            return False
        await asyncio.sleep(0.005)
    return True


class Stage:
    """A gateway between the clients and upstreams of one test."""

    def __init__(self) -> None:
        self.gateway = Gateway()
        self._upstreams: list[Upstream] = []
        self._clients: list[Client] = []

    def serve(self, first: RoutingTable, *upstreams: Upstream) -> None:
        """Start the gateway; *upstreams* are stopped with it."""
        self._upstreams += upstreams
        self.gateway.start(first)

    def serve_one(self, upstream: Upstream, **settings: object) -> None:
        """Start the gateway before a single version."""
        self.serve(table(service(version("v1", upstream, **settings))), upstream)

    async def client(self, *, receive_buffer: int | None = None) -> Client:
        made = await Client.connect(self.gateway.port, receive_buffer=receive_buffer)
        self._clients.append(made)
        return made

    async def leave_quiet(self) -> None:
        """Close everything; nothing may still be running, and nothing may have leaked."""
        for client in self._clients:
            client.writer.transport.abort()
        if self.gateway.port:
            await until(lambda: not self.gateway.unrest())
            unrest = self.gateway.unrest()
            left = not await until(lambda: not self.gateway.clients())
            await asyncio.to_thread(self.gateway.stop)
            assert not unrest
            assert not left, "a client connection is still open"
        for upstream in self._upstreams:
            await upstream.stop()
        errors = [error for upstream in self._upstreams for error in upstream.errors]
        assert not errors
        assert not self.gateway.errors, self.gateway.errors
