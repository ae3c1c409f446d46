"""What goes wrong, when, and whom it may have hurt."""

import asyncio
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from loadtest.load.traffic import End
from loadtest.processes import environment
from tests.end_to_end.chaos.crowd import Seen
from tests.end_to_end.running import Gateway, call, until_soon

ANYBODY = ""
NOBODY = "nobody"


@dataclass(slots=True)
class Fault:
    """Something that was done on purpose; times of the monotonic clock.

    Attributes:
        what: Was done.
        whom: Version whose exchanges it may hurt; ANYBODY, or NOBODY.
        began: When.
        ended: When it was mended; infinity while it is not.

    """

    what: str
    whom: str
    began: float
    ended: float = float("inf")

    def explains(self, seen: Seen, slack_s: float) -> bool:
        """Tell whether an exchange may have been hurt by it.

        A worker that is killed takes along what runs in it: without a word, or in the
        middle of an answer. An endpoint's fault is told by a status, or cuts.
        """
        if self.began > seen.ended or seen.begun > self.ended + slack_s:
            return False
        if self.whom == ANYBODY:
            return seen.end in {End.LOST, End.CUT}
        return seen.version == self.whom and seen.end in {End.STATUS, End.CUT}


class Endpoint:
    """A model server that dies, and comes back on the same port.

    Args:
        version: Whose endpoint it is.
        port: Its own.

    """

    def __init__(self, version: str, port: int) -> None:
        self.version = version
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        module = "loadtest.upstreams.model_server"
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, "--port", str(self.port), "--name", "m"],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )

    def answers(self) -> bool:
        """Tell whether it is up."""
        with suppress(OSError, HTTPException):
            return call(self.port, "GET", "/health")[0] == 200
        return False

    def behave(self, how: dict[str, Any]) -> None:
        """Let it misbehave, as loadtest/README.md has it."""
        with suppress(OSError, HTTPException):
            call(self.port, "POST", "/_behave", how)

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def end(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class Trouble:
    """Makes trouble, one thing after another, some of it at the same time.

    Args:
        gateway: Is hurt.
        endpoints: Of both versions, several of each.
        documents: Configurations to reload in turn.
        seed: Of the dice.

    """

    def __init__(
        self,
        gateway: Gateway,
        endpoints: Sequence[Endpoint],
        documents: Sequence[dict[str, Any]],
        seed: int,
    ) -> None:
        self.faults: list[Fault] = []
        self._gateway = gateway
        self._endpoints = endpoints
        self._documents = documents
        self._dice = random.Random(seed)
        self._hurt: set[int] = set()

    async def make(self, seconds: float) -> None:
        """Make trouble for so long; give back a gateway that nothing is done to."""
        kinds: list[Callable[[], Awaitable[None]]] = [
            self._kill_endpoint,
            self._kill_endpoint,
            self._freeze_endpoint,
            self._freeze_endpoint,
            self._spoil_endpoint,
            self._kill_worker,
            self._kill_controller,
            self._freeze_controller,
            self._fill_the_disk,
            self._storm_of_reloads,
            self._change_weights,
        ]
        until = time.monotonic() + seconds
        self._dice.shuffle(kinds)
        turn = 0
        async with asyncio.TaskGroup() as tasks:
            while time.monotonic() < until:
                tasks.create_task(_run(kinds[turn % len(kinds)]))
                turn += 1
                await asyncio.sleep(0.2 + self._dice.random())

    def _begin(self, what: str, whom: str) -> Fault:
        self.faults.append(fault := Fault(what, whom, time.monotonic()))
        return fault

    # Endpoints. The other one of a version is left alone meanwhile or not, as it comes.

    def _victim(self) -> Endpoint | None:
        free = [each for each in self._endpoints if each.port not in self._hurt]
        return self._dice.choice(free) if free else None

    async def _kill_endpoint(self) -> None:
        victim = self._victim()
        if victim is None:
            return
        self._hurt.add(victim.port)
        fault = self._begin(f"killed endpoint {victim.port}", victim.version)
        await asyncio.to_thread(victim.end)
        await asyncio.sleep(self._dice.random() * 2)
        victim.start()
        await until_soon("the endpoint is back", victim.answers)
        self._mend(fault, victim)

    async def _freeze_endpoint(self) -> None:
        """Be half open: connections are taken by the kernel, and nobody answers."""
        victim = self._victim()
        if victim is None:
            return
        self._hurt.add(victim.port)
        fault = self._begin(f"froze endpoint {victim.port}", victim.version)
        victim.tell(signal.SIGSTOP)
        await asyncio.sleep(0.5 + self._dice.random() * 3)
        victim.tell(signal.SIGCONT)
        self._mend(fault, victim)

    async def _spoil_endpoint(self) -> None:
        victim = self._victim()
        if victim is None:
            return
        self._hurt.add(victim.port)
        how: dict[str, Any] = self._dice.choice([
            {"error": 0.5, "error_status": 503},
            {"cut": 5, "reset": True},
            {"stall": 4},
            {"garbage": 3},
            {"close_on_reuse": True},
        ])
        what = f"spoiled endpoint {victim.port} ({how})"
        fault = self._begin(what, victim.version)
        await asyncio.to_thread(victim.behave, how)
        await asyncio.sleep(1 + self._dice.random())
        await asyncio.to_thread(victim.behave, {"reset": True})
        self._mend(fault, victim)

    def _mend(self, fault: Fault, victim: Endpoint) -> None:
        fault.ended = time.monotonic()
        self._hurt.discard(victim.port)

    # Processes of the gateway.

    async def _kill_worker(self) -> None:
        pids = self._gateway.workers()
        if len(pids) > 1:
            fault = self._begin("killed a worker", ANYBODY)
            with suppress(ProcessLookupError):
                os.kill(self._dice.choice(pids), signal.SIGKILL)
            await asyncio.sleep(0.5)  # a client may write into it for so long
            fault.ended = time.monotonic()

    async def _kill_controller(self) -> None:
        with suppress(ValueError, ProcessLookupError):
            pid = self._gateway.controller()
            self._begin("killed the controller", NOBODY)
            os.kill(pid, signal.SIGKILL)

    async def _freeze_controller(self) -> None:
        with suppress(ValueError, ProcessLookupError):
            pid = self._gateway.controller()
            self._begin("froze the controller", NOBODY)
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(1 + self._dice.random())
            os.kill(pid, signal.SIGCONT)

    async def _fill_the_disk(self) -> None:
        """Let nothing that the controller writes grow: neither the store nor the table."""
        with suppress(ValueError, ProcessLookupError):
            pid = self._gateway.controller()
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            self._begin("filled the disk", NOBODY)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
            await asyncio.sleep(1 + self._dice.random() * 2)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))

    async def _storm_of_reloads(self) -> None:
        self._begin("a storm of reloads", NOBODY)
        for _ in range(12):
            self._gateway.write(self._dice.choice(self._documents))
            self._gateway.tell(signal.SIGHUP)
            await asyncio.sleep(self._dice.random() * 0.2)

    async def _change_weights(self) -> None:
        self._begin("changed weights", NOBODY)
        path = "/api/v1/services/chat/weights"
        for _ in range(5):
            wanted = {"v2": self._dice.choice([0, 25, 50, 100])}
            with suppress(OSError, HTTPException, ValueError):
                await asyncio.to_thread(call, self._gateway.admin, "PUT", path, wanted)


async def _run(make: Callable[[], Awaitable[None]]) -> None:
    await make()
