"""The controller process: the control plane and the admin API, joined.

`python -m gateway.app.controller START`, started by the supervisor. It may die at any
time: the workers go on with their table, and its successor adopts it.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Final

import msgspec
import uvloop
from aiohttp import web

from gateway.admin.application import make_application
from gateway.admin.ports import Condition, Ports
from gateway.app.start import BAD_START, ControllerStart
from gateway.control.aggregate import Aggregate
from gateway.control.durable import Durable
from gateway.control.gatekeeper import Gatekeeper
from gateway.control.publish import Publisher
from gateway.control.switchboard import Switchboard
from gateway.domain.deployment import Address, Deployment
from gateway.domain.errors import GatewayError
from gateway.handoff.last_table import read_last_table, write_last_table
from gateway.handoff.link import Link
from gateway.handoff.routing_table import RoutedService, RoutingTable
from gateway.settings.load import load_document, load_file
from gateway.state.stores import store_at
from gateway.telemetry.prometheus import Exposition, GatewayCollector
from gateway.telemetry.traffic import Picture

_log: Final = logging.getLogger("sluicegate.controller")

_HELLO_WITHIN_S: Final = 1.0
_GOODBYE_S: Final = 1.0
_STDOUT: Final = 1


class Controller:
    """Everything of this process, built but not running.

    Args:
        start: From the supervisor.

    """

    def __init__(self, start: ControllerStart) -> None:
        self._start = start
        self._is_first = os.fstat(start.table_fd).st_size == 0
        self._stopped = asyncio.Event()
        self._aggregate = Aggregate()
        self._publisher = Publisher(self._keep_table)
        self._durable = Durable(store_at)
        self._gate = Gatekeeper(
            self._publisher,
            self._durable,
            lambda: asyncio.to_thread(_read, start),
            time.time,  # ruff: ignore[banned-api]: the one clock that is for people
        )
        self._switchboard = Switchboard(self._publisher, self._aggregate)

    async def run(self) -> None:
        """Serve until told to stop.

        Raises:
            BadConfiguration: There is nothing to serve.

        """
        async with asyncio.TaskGroup() as tasks:
            links = await self._accept_links()
            try:
                await self._serve(tasks)
            finally:
                links.close()
                self._switchboard.close()

    async def _serve(self, tasks: asyncio.TaskGroup) -> None:
        self._watch(tasks)
        await self._gate.start(
            workers=self._start.workers,
            last=read_last_table(self._start.table_fd),
            hello_within_s=0 if self._is_first else _HELLO_WITHIN_S,
        )
        admin = await self._serve_admin()
        endless = [
            tasks.create_task(self._durable.keep_open(self._gate.store_returned)),
            tasks.create_task(self._announce()),
        ]
        await self._stopped.wait()
        for task in endless:
            task.cancel()
        await admin.cleanup()
        await self._durable.close()

    async def _accept_links(self) -> asyncio.Server:
        board = self._switchboard
        return await asyncio.get_running_loop().create_unix_server(
            lambda: Link(board.received, board.lost, board.made),
            sock=socket.socket(fileno=self._start.link_fd),
        )

    def _watch(self, tasks: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stopped.set)
        loop.add_signal_handler(
            signal.SIGHUP, lambda: tasks.create_task(self._reload())
        )
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

    async def _reload(self) -> None:
        try:
            receipt = await self._gate.reload()
        except GatewayError as error:
            _log.error("Reload refused. %s", error)
        else:
            _log.info("Reloaded: epoch %d is in force.", receipt.table.epoch)

    async def _serve_admin(self) -> web.AppRunner:
        exposition = Exposition(GatewayCollector(self._picture, version=_version()))
        ports = Ports(
            gate=self._gate,
            traffic=self._aggregate.traffic,
            condition=self._condition,
            exposition=exposition,
        )
        runner = web.AppRunner(
            make_application(ports), access_log=None, shutdown_timeout=_GOODBYE_S
        )
        await runner.setup()
        await web.SockSite(runner, socket.socket(fileno=self._start.admin_fd)).start()
        return runner

    async def _announce(self) -> None:
        table = self._gate.table
        await self._publisher.everywhere(table.epoch, workers=self._start.workers)
        _log.info("Epoch %d is in force on all workers.", self._publisher.epoch)
        if self._is_first:
            line = _ready_line(self._start, self._gate.table)
            with suppress(OSError):  # nobody has to listen
                os.write(_STDOUT, f"{line}\n".encode())

    def _keep_table(self, table: RoutingTable) -> None:
        write_last_table(self._start.table_fd, table)
        self._aggregate.forget_all_but(_percents(table).keys())

    def _condition(self) -> Condition:
        epoch, publisher = self._gate.table.epoch, self._publisher
        serving = publisher.in_force(0)
        reasons = [] if serving else ["No worker has a routing table in force."]
        return Condition(
            reasons=tuple(reasons),
            degraded=tuple(self._troubles()),
            workers=self._start.workers,
            connected=publisher.connected,
            in_force=publisher.in_force(epoch),
            epoch=epoch,
        )

    def _troubles(self) -> list[str]:
        troubles = [self._gate.trouble, self._durable.trouble, self._publisher.trouble]
        told = [str(trouble) for trouble in troubles if trouble is not None]
        missing = self._start.workers - self._publisher.connected
        if missing > 0:
            told.append(f"{missing} of {self._start.workers} workers are not linked.")
        return told

    def _picture(self) -> Picture:
        return Picture(
            traffic=self._aggregate.traffic(),
            percents=_percents(self._gate.table),
            workers=self._publisher.connected,
            epoch=self._gate.table.epoch,
        )


def _percents(table: RoutingTable) -> dict[tuple[str, str], float]:
    return {
        (routed.service.name, version): percent
        for routed in table.services
        for version, percent in routed.percents().items()
    }


def _read(start: ControllerStart) -> Deployment:
    cores = len(os.sched_getaffinity(0))
    if start.config_path is not None:
        path = Path(start.config_path)
        return load_file(path, environment=os.environ, cores=cores)
    return load_document(
        start.document or {},
        source="command line",
        environment=os.environ,
        cores=cores,
    )


def _ready_line(start: ControllerStart, table: RoutingTable) -> str:
    data = ", ".join(f"http://{address}" for address in start.data_addresses)
    admin_socket = socket.socket(fileno=os.dup(start.admin_fd))
    with admin_socket:
        host, port = admin_socket.getsockname()[:2]
    services = ", ".join(_told(routed) for routed in table.services)
    admin = Address(host=host, port=port)
    return f"ready: data {data} · admin http://{admin} · services: {services}"


def _told(routed: RoutedService) -> str:
    weights = ", ".join(f"{name} {p:g} %" for name, p in routed.percents().items())
    return f"{routed.service.name} ({weights})"


def _version() -> str:
    try:
        return metadata.version("sluicegate")
    except metadata.PackageNotFoundError:
        return "unknown"


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
