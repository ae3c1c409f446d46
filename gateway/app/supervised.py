"""The controller's end of a reload that concerns sockets and workers; see orders."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from gateway.app.orders import LONGEST, Answered, Step, Wanted
from gateway.control.reload import demand_no_restart
from gateway.domain.deployment import Deployment
from gateway.domain.errors import BadConfiguration

_log: Final = logging.getLogger("sluicegate.controller")

_DEADLINE_S: Final = 5.0


class Supervised:
    """Has the supervisor bind what is configured, and run so many workers.

    Args:
        fd: The line to it; negative: there is no supervisor, and nothing is done.

    """

    def __init__(self, fd: int) -> None:
        self._line = None if fd < 0 else socket.socket(fileno=fd)
        if self._line is not None:
            self._line.setblocking(False)
        self._number = time.monotonic_ns()  # beyond what a controller before asked with

    async def adopt(self, deployment: Deployment) -> None:
        """Have things be as configured: a controller may have died between two steps."""
        try:
            await self._ask(Step.PREPARE, deployment)
            await self._ask(Step.TAKE, deployment)
        except BadConfiguration as error:
            _log.error("Not all listeners are as configured. %s", error)

    @asynccontextmanager
    async def arranged(self, old: Deployment, new: Deployment) -> AsyncGenerator[None]:
        """Prepare for *new*; use it if the block succeeds, forget it if it fails.

        Raises:
            BadConfiguration: It needs a restart, or an address cannot be bound. Nothing
                was changed.

        """
        demand_no_restart(old, new)
        if (old.listen, old.workers) == (new.listen, new.workers):
            yield
            return
        await self._ask(Step.PREPARE, new)
        try:
            yield
        except BaseException:
            await self._ask(Step.DROP, old)
            raise
        await self._ask(Step.TAKE, new)

    async def _ask(self, step: Step, wanted: Deployment) -> None:
        if self._line is None:
            return
        self._number += 1
        question = Wanted(
            number=self._number,
            step=step,
            listen=wanted.listen,
            workers=wanted.workers,
        )
        try:
            async with asyncio.timeout(_DEADLINE_S):
                self._line.send(msgspec.json.encode(question))
                answer = await self._answer(self._line)
        except OSError as error:  # a TimeoutError is one
            raise BadConfiguration(
                f"The supervisor did not answer to '{step.value}': {error!r}.",
                remedy="Look at its log, then reload again.",
            ) from None
        if answer.refused:
            raise BadConfiguration(
                f"{answer.refused} Nothing was changed.", remedy=answer.remedy
            )

    async def _answer(self, line: socket.socket) -> Answered:
        """Give the answer to the last question; one to an older is nobody's."""
        loop = asyncio.get_running_loop()
        while True:
            text = await loop.sock_recv(line, LONGEST)
            answer = msgspec.json.decode(text, type=Answered)
            if answer.number == self._number:
                return answer
