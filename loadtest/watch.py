"""Samples the memory of a proxy's data path while some work goes on."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass

from loadtest.processes import cpu_s, rss_bytes
from loadtest.stage import Performer

_EVERY_S = 0.1
_SETTLE_S = 1.0
_MEBI = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Resident memory in MiB, of the worker where there is one to tell apart."""

    before_mib: float
    peak_mib: float
    after_mib: float
    samples: int
    seconds: float
    cpu_s: float  # of all processes of the proxy

    @property
    def growth_mib(self) -> float:
        """How far the peak lies over the start."""
        return self.peak_mib - self.before_mib


class Watch:
    """Watches one performer."""

    def __init__(self, performer: Performer) -> None:
        self._performer = performer
        self._workers = performer.worker_pids()
        self._samples: list[float] = []

    async def over(self, work: Awaitable[None]) -> Watched:
        """Do the work and sample all the while."""
        before = self._sample()
        cpu_before, started = cpu_s(self._performer.pids()), time.monotonic()
        over = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_sampling(over))
            try:
                await work
            finally:
                over.set()
        seconds = time.monotonic() - started
        spent = cpu_s(self._performer.pids()) - cpu_before
        await asyncio.sleep(_SETTLE_S)
        after = self._sample()
        return Watched(
            before_mib=before,
            peak_mib=max(self._samples),
            after_mib=after,
            samples=len(self._samples),
            seconds=seconds,
            cpu_s=spent,
        )

    def _sample(self) -> float:
        found = rss_bytes(self._workers) / _MEBI
        self._samples.append(found)
        return found

    async def _keep_sampling(self, over: asyncio.Event) -> None:
        while not over.is_set():
            self._sample()
            await asyncio.sleep(_EVERY_S)
