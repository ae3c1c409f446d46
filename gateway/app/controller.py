"""The controller process: the control plane and the admin API, joined.

`python -m gateway.app.controller START`, started by the supervisor. It may die at any
time: the workers go on with their table, and its successor adopts it.
"""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
import uvloop
from aiohttp import web

from gateway.admin.application import make_application
from gateway.admin.ports import Condition, Ports
from gateway.app.admin_listener import AdminListener
from gateway.app.certificates import Certificates
from gateway.app.export import Export
from gateway.app.installed import installed_version, is_compiled
from gateway.app.judging import Judging
from gateway.app.leading import Leading
from gateway.app.reading import read_deployment
from gateway.app.start import BAD_START, ControllerStart
from gateway.app.supervised import Supervised
from gateway.app.told import percents, places, ready_line, signals, together
from gateway.control.aggregate import Aggregate
from gateway.control.durable import Durable
from gateway.control.feedback import FeedbackDesk
from gateway.control.gatekeeper import Gatekeeper
from gateway.control.publish import Publisher
from gateway.control.switchboard import Switchboard
from gateway.control.unharmed import unharmed
from gateway.domain.errors import GatewayError
from gateway.handoff.last_table import Last, read_last, write_last
from gateway.handoff.link import Link
from gateway.handoff.routing_table import RoutingTable
from gateway.state.stores import store_at
from gateway.telemetry.prometheus import Exposition, GatewayCollector
from gateway.telemetry.traffic import Picture

_log: Final = logging.getLogger("sluicegate.controller")

_HELLO_WITHIN_S: Final = 1.0
_GOODBYE_S: Final = 0.25  # aiohttp takes it twice
_KEYS_EVERY_S: Final = 3600.0
_WRITTEN_EVERY_S: Final = 15.0
_STDOUT: Final = 1

COLLECTS: Final = (5_000, 10, 50)
"""Thresholds of the garbage collector. By Python's own, whole collections of what a large
rollout knows took 25 to 35 ms each, several in a second, in the middle of looks."""


class Controller:
    """Everything of this process, built but not running.

    Args:
        start: From the supervisor.

    """

    def __init__(self, start: ControllerStart) -> None:
        self._start = start
        self._is_first = os.fstat(start.table_fd).st_size == 0
        self._last = read_last(start.table_fd)
        self._stopped, self._wished = asyncio.Event(), asyncio.Event()
        self._aggregate = Aggregate()
        self._publisher = Publisher(self._keep)
        self._durable = Durable(store_at)
        self._supervised = Supervised(start.orders_fd)
        now = time.time  # ruff: ignore[banned-api]: the one clock people and ids share
        self._gate = self._make_gate(now)
        self._certificates = Certificates(lambda: self._gate.deployment, now)
        self._admin: AdminListener | None = None
        self._since = now() if self._last is None else self._last.since
        self._leading = Leading(
            self._gate, self._durable, self._aggregate, now, self._since
        )
        self._feedback = FeedbackDesk(
            lambda: self._gate.table,
            lambda: self._gate.ticket_keys,
            now,
            self._leading.hear_feedback,
        )
        self._export = self._make_export(now)
        self._judging = Judging(
            self._leading.decisions,
            self._leading.decisions.judge_changed,
            self._leading.judges.are,
            self._durable,
            self._export.evaluated,
            now,
        )
        self._switchboard = Switchboard(
            self._publisher,
            self._aggregate,
            self._leading.hear,
            self._export.record,
            self._judging.take,
        )

    def _make_gate(self, now: Callable[[], float]) -> Gatekeeper:
        return Gatekeeper(
            self._publisher,
            self._durable,
            lambda: read_deployment(self._start),
            now,
            self._supervised.arranged,
        )

    def _make_export(self, now: Callable[[], float]) -> Export:
        return Export(
            lambda: self._gate.deployment.telemetry.otlp,
            self._picture,
            self._aggregate.drop,
            version=installed_version() or "unknown",
            since=self._since,
            now=now,
        )

    async def run(self) -> None:
        """Serve until told to stop.

        Raises:
            BadConfiguration: There is nothing to serve.

        """
        gc.set_threshold(*COLLECTS)
        async with asyncio.TaskGroup() as tasks:
            links = await self._accept_links()
            self._watch()
            serving = tasks.create_task(self._serve())
            try:
                await self._stopped.wait()
                serving.cancel()
                await asyncio.wait({serving})
            finally:
                links.close()
                self._switchboard.close()

    async def _serve(self) -> None:
        try:
            await self._start_gate()
            admin = await self._serve_admin()
            try:
                await self._work()
            finally:
                await self._export.last()
                await admin.cleanup()
        finally:
            await self._durable.close()

    async def _start_gate(self) -> None:
        if self._last is not None:
            self._aggregate.go_on_from(self._last.counted)
            self._feedback.sums = self._last.feedback
        before = None if self._last is None else self._last.judged
        self._judging.begin(self._aggregate.traffic(), before)
        await self._gate.start(
            last=self._last,
            hello_within_s=0 if self._is_first else _HELLO_WITHIN_S,
        )
        await self._supervised.adopt(self._gate.deployment)

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._leading.run())
            tasks.create_task(self._judging.run())
            tasks.create_task(self._durable.keep_open(self._leading.store_returned))
            tasks.create_task(self._announce())
            tasks.create_task(self._obey())
            tasks.create_task(self._turn_keys())
            tasks.create_task(self._write_down())
            tasks.create_task(self._export.run())
            tasks.create_task(self._certificates.keep())
            if self._admin is not None:
                tasks.create_task(self._admin.keep())
            if self._last is not None:
                tasks.create_task(self._compare())

    async def _accept_links(self) -> asyncio.Server:
        board = self._switchboard
        return await asyncio.get_running_loop().create_unix_server(
            lambda: Link(board.received, self._lost, board.made),
            sock=socket.socket(fileno=self._start.link_fd),
        )

    def _lost(self, link: Link) -> None:
        self._switchboard.lost(link)
        with unharmed("Writing down what a worker had counted"):
            self._publisher.keep()  # for our successor

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stopped.set)
        loop.add_signal_handler(signal.SIGHUP, self._wished.set)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        loop.add_reader(self._start.lifeline_fd, self._lifeline_moved)

    def _lifeline_moved(self) -> None:
        if not os.read(self._start.lifeline_fd, 1):
            asyncio.get_running_loop().remove_reader(self._start.lifeline_fd)
            self._tidy()
            self._stopped.set()

    def _tidy(self) -> None:
        """Remove the link and its folder: the supervisor is gone and cannot."""
        with socket.socket(fileno=os.dup(self._start.link_fd)) as link:
            path = Path(link.getsockname())
        with suppress(OSError):
            path.unlink()
            path.parent.rmdir()

    async def _obey(self) -> None:
        """Reload for each SIGHUP, one after another; one that came early is kept."""
        while True:
            await self._wished.wait()
            self._wished.clear()
            with unharmed("A reload"):
                await self._reload()

    async def _turn_keys(self) -> None:
        while True:
            await asyncio.sleep(_KEYS_EVERY_S)
            with unharmed("Turning the key of request ids"):
                await self._gate.turn_keys()

    async def _write_down(self) -> None:
        """Write down what judges have done, where nobody asks for it."""
        while True:
            await asyncio.sleep(_WRITTEN_EVERY_S)
            if self._judging.so_far() is not None:
                with unharmed("Writing down what judges have done"):
                    self._publisher.keep()

    async def _compare(self) -> None:
        with unharmed("Comparing the configuration with what runs"):
            await self._gate.compare()

    async def _reload(self) -> None:
        try:
            receipt = await self._leading.rollouts.reload()
        except GatewayError as error:
            _log.error("Reload refused. %s", error)
        else:
            _log.info("Reloaded: epoch %d is in force.", receipt.table.epoch)

    async def _serve_admin(self) -> web.AppRunner:
        exposition = Exposition(
            GatewayCollector(
                self._picture,
                version=installed_version() or "unknown",
                is_compiled=is_compiled(),
            )
        )
        ports = Ports(
            gate=self._gate,
            traffic=self._aggregate.traffic,
            slices=self._aggregate.slices,
            condition=self._condition,
            exposition=exposition,
            feedback=self._feedback,
            evidence=self._leading.evidence,
            rollouts=self._leading.rollouts,
            judging=self._judging,
            warnings=self._certificates.warnings,
        )
        runner = web.AppRunner(
            make_application(ports), access_log=None, shutdown_timeout=_GOODBYE_S
        )
        await runner.setup()
        self._admin = AdminListener(
            runner, self._start.admin_fd, lambda: self._gate.deployment.admin.tls
        )
        await self._admin.start()
        return runner

    async def _announce(self) -> None:
        table = self._gate.table
        workers = self._gate.deployment.workers
        await self._publisher.everywhere(table.epoch, workers=workers)
        _log.info("Epoch %d is in force on all workers.", self._publisher.epoch)
        if self._is_first:
            line = ready_line(self._start, self._gate.table, self._gate.deployment)
            with suppress(OSError):  # nobody has to listen
                os.write(_STDOUT, f"{line}\n".encode())

    def _keep(self, table: RoutingTable) -> None:
        self._aggregate.forget_all_but(places(table))
        self._leading.evidence.forget_all_but(percents(table).keys())
        self._judging.use(routed.service for routed in table.services)
        last = Last(
            table=table,
            deployment=self._gate.deployment,
            counted=self._aggregate.counted(),
            ticket_keys=tuple(self._gate.ticket_keys.values()),
            feedback=self._feedback.sums,
            standings=self._gate.standings.left(),
            since=self._since,
            judged=self._judging.so_far(),
        )
        self._certificates.look()
        if self._admin is not None:
            self._admin.look()
        write_last(self._start.table_fd, last)

    def _condition(self) -> Condition:
        epoch, publisher = self._gate.table.epoch, self._publisher
        serving = publisher.in_force(0)
        reasons = [] if serving else ["No worker has a routing table in force."]
        return Condition(
            reasons=tuple(reasons),
            degraded=tuple(self._troubles()),
            workers=self._gate.deployment.workers,
            connected=publisher.connected,
            in_force=publisher.in_force(epoch),
            epoch=epoch,
            taking_up=self._leading.rollouts.taking_up,
        )

    def _troubles(self) -> list[str]:
        troubles = [self._durable.trouble, self._publisher.trouble]
        told = [str(trouble) for trouble in troubles if trouble is not None]
        told += [*self._gate.troubles, *self._certificates.expiring()]
        missing = self._gate.deployment.workers - self._publisher.connected
        if missing > 0:
            workers = self._gate.deployment.workers
            told.append(f"{missing} of {workers} workers are not linked.")
        return told

    def _picture(self) -> Picture:
        self._publisher.keep()  # so that no successor shows less than this
        return Picture(
            traffic=self._aggregate.traffic(),
            percents=percents(self._gate.table),
            workers=self._publisher.connected,
            epoch=self._gate.table.epoch,
            feedback=together(self._feedback.sums, self._judging.book.sums),
            signals=signals(self._gate.table),
            units={key: c.units for key, c in self._leading.evidence.counts.items()},
            evidence_age=self._leading.evidence.ages(),
            rollouts=self._leading.rollouts.figures(),
            evaluators=self._judging.figures(),
            certificates=self._certificates.expiry(),
        )


async def _run(start: ControllerStart) -> int:
    code = 0
    try:
        await Controller(start).run()
    except* GatewayError as group:
        for error in group.exceptions:
            _log.error("%s", error)
        code = BAD_START
    return code


def main() -> int:
    """Run the controller; give the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's
    logging.basicConfig(
        format="%(asctime)s %(name)s: %(message)s",
        level=logging.INFO,
        stream=sys.stderr,
    )
    start = msgspec.json.decode(sys.argv[1], type=ControllerStart)
    return uvloop.run(_run(start))


if __name__ == "__main__":
    sys.exit(main())
