"""A function of somebody else's, in a process of its own that may hang, grow and die.

Started when it is first needed; killed when a call takes too long, and when it is no
longer needed. One that dies is started again by the next call, after a pause that grows
while it keeps dying: until then calls fail at once. The other side is process.py.
"""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import orjson

from gateway.evaluators.evaluator import JudgeFailed, Why
from gateway.evaluators.process import READY
from gateway.handoff.environment import child_environment

_LONGEST_LINE: Final = 1024 * 1024
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 60.0
_START_S: Final = 60.0
_ERROR: Final = 3
"""Members of a line that tells an error."""


class LocalProcess:
    """See the module. One call at a time; others wait.

    Args:
        entry: `package.module:function`, called with what JSON can write.
        seconds: What a call may take; the first also waits for the start.
        most_bytes: Of memory.
        monotonic: Seconds.

    """

    def __init__(
        self,
        entry: str,
        *,
        seconds: float,
        most_bytes: int,
        monotonic: Callable[[], float],
    ) -> None:
        self._entry = entry
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._now = monotonic
        self._turn = asyncio.Lock()
        self._running: asyncio.subprocess.Process | None = None
        self._number = READY
        self._busy_until = 0.0
        self._pause = 0.0
        self._paused_until = 0.0
        self._is_closed = False

    async def call(self, argument: object) -> object:
        """Call the function.

        A caller that gives up leaves the call running, for as long as it may: it is cheaper
        than another start.

        Raises:
            JudgeFailed: DIED: there is no process, or none any more; DEADLINE: it was
                killed; GARBAGE: the function raised something.

        """
        async with self._turn:
            process = await self._started()
            self._number += 1
            number = self._number
            limit = max(self._now(), self._busy_until) + self._seconds
            self._busy_until = limit
            answer = await self._asked(process, number, argument, limit)
            self._busy_until = 0.0
            self._pause = 0.0
            if len(answer) == _ERROR:
                raise JudgeFailed(Why.GARBAGE, f"{self._entry} raised {answer[2]}.")
            return answer[1]

    async def close(self) -> None:
        """Kill the process, also in the middle of a call; there is no other after it."""
        self._is_closed = True
        await self._end()

    async def _asked(
        self,
        process: asyncio.subprocess.Process,
        number: int,
        argument: object,
        limit: float,
    ) -> list[object]:
        """Send a call and wait for its answer; kill what gives none in time."""
        try:
            async with asyncio.timeout(limit - self._now()):
                await _send(process, [number, argument])
                return await self._answer(process, number)
        except TimeoutError:
            await self._end()
            told = f"{self._entry} took more than {self._seconds:g} s, and was killed."
            raise JudgeFailed(Why.DEADLINE, told) from None
        except (OSError, EOFError, ValueError) as error:
            raise await self._died(type(error).__name__) from None

    async def _started(self) -> asyncio.subprocess.Process:
        """Give the process that runs, or a new one that has loaded the function."""
        if self._running is not None and self._running.returncode is None:
            return self._running
        await self._end()
        if self._is_closed:
            raise JudgeFailed(Why.DIED, f"The process of {self._entry} was closed.")
        if (left := self._paused_until - self._now()) > 0:
            told = f"{self._entry} died, and is started again in {left:.1f} s."
            raise JudgeFailed(Why.DIED, told)
        try:
            self._running = await self._spawned()
        except OSError as error:
            raise await self._died(str(error)) from None
        if self._is_closed:  # meanwhile
            raise await self._died("closed")
        try:
            async with asyncio.timeout(_START_S):
                ready = await self._answer(self._running, READY)
        except (OSError, EOFError, ValueError) as error:  # TimeoutError is an OSError
            raise await self._died(type(error).__name__) from None
        if len(ready) == _ERROR:
            raise await self._died(str(ready[2]))
        return self._running

    async def _spawned(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # a folder named gateway where the user stands is not ours
            "-m",
            "gateway.evaluators.process",
            self._entry,
            str(self._most_bytes),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
            env=child_environment(),
            start_new_session=True,  # Ctrl-C reaches the gateway alone
        )

    async def _answer(
        self, process: asyncio.subprocess.Process, number: int
    ) -> list[object]:
        """Read the answer to one call; of those that were given up, too, unseen."""
        if process.stdout is None:
            raise EOFError
        while True:
            line = await process.stdout.readline()
            if not line:
                raise EOFError
            answer = orjson.loads(line)
            if not isinstance(answer, list) or not answer:
                raise ValueError
            if answer[0] == number:
                return answer

    async def _died(self, why: str) -> JudgeFailed:
        """End what is left of the process, and wait longer each time it happens."""
        code = await self._end()
        self._pause = min(max(2 * self._pause, _FIRST_PAUSE), _LONGEST_PAUSE)
        self._paused_until = self._now() + self._pause
        told = f"The process of {self._entry} ended ({why}, exit code {code})."
        return JudgeFailed(Why.DIED, told)

    async def _end(self) -> int | None:
        process, self._running = self._running, None
        self._busy_until = 0.0
        if process is None:
            return None
        with suppress(ProcessLookupError):
            process.kill()
        if process.stdin is not None:
            process.stdin.close()
        return await process.wait()


async def _send(process: asyncio.subprocess.Process, call: list[object]) -> None:
    if process.stdin is None:
        raise EOFError
    process.stdin.write(orjson.dumps(call) + b"\n")
    await process.stdin.drain()
