"""Tells the collector again and again, if one is configured; it may be dead.

The calls block, so a thread of their own makes them, each with a deadline. Totals that
did not get through are said again the next time; steps of traces are dropped and counted.
"""

import asyncio
import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Final

from gateway.control.unharmed import unharmed
from gateway.domain.deployment import Otlp
from gateway.domain.span import Span
from gateway.proxy.seldom import Seldom
from gateway.state.thread import OneThread
from gateway.telemetry.traffic import Picture

if TYPE_CHECKING:
    from gateway.telemetry.otlp import Collector

_log: Final = logging.getLogger("sluicegate.telemetry")

MOST_SPANS: Final = 4096
"""Steps of traces that wait for the next time; the newest are dropped."""

_LOOK_AGAIN_S: Final = 1.0  # whether there is a collector by now
_DEADLINE_S: Final = 5.0
_LAST_S: Final = 1.0
_SELDOM_S: Final = 60.0


class Export:
    """See the module.

    Args:
        collector: Gives the one configured now.
        look: Gives the totals.
        drop: Counts steps of traces that do not get through.
        version: The gateway's own.
        since: Unix time since when things are counted.
        now: Unix time.

    """

    def __init__(
        self,
        collector: Callable[[], Otlp | None],
        look: Callable[[], Picture],
        drop: Callable[[int], None],
        *,
        version: str,
        since: float,
        now: Callable[[], float],
    ) -> None:
        self._configured = collector
        self._look = look
        self._drop = drop
        self._version = version
        self._since = since
        self._now = now
        self._thread = OneThread("telemetry")
        self._spans: list[Span] = []
        self._known: tuple[Otlp, Collector] | None = None
        self._seldom = Seldom(_SELDOM_S)

    def record(self, spans: Sequence[Span]) -> None:
        """Keep steps of traces until the next time."""
        room = MOST_SPANS - len(self._spans)
        self._spans += spans[:room]
        self._drop(len(spans[room:]))

    async def run(self) -> None:
        """Tell the collector at every interval, for ever."""
        while True:
            otlp = self._configured()
            await asyncio.sleep(_LOOK_AGAIN_S if otlp is None else otlp.interval)
            if otlp is not None:
                await self._tell(otlp, 2 * _DEADLINE_S)  # two calls

    async def last(self, within_s: float = _LAST_S) -> None:
        """Tell it what there is, before the end."""
        otlp = self._configured()
        if otlp is not None:
            await self._tell(otlp, within_s)
        self._thread.stop()

    async def _tell(self, otlp: Otlp, deadline_s: float) -> None:
        with unharmed("Telling the collector"):
            await self._tell_all(otlp, deadline_s)

    async def _tell_all(self, otlp: Otlp, deadline_s: float) -> None:
        picture, spans, self._spans = self._look(), self._spans, []
        is_taken, recorded = False, 0
        with _told_in_debug():
            is_taken, recorded = await self._thread.call(
                lambda: self._send(otlp, picture, spans), deadline_s=deadline_s
            )
        self._drop(len(spans) - recorded)
        if not (is_taken and recorded == len(spans)) and self._seldom.allow(
            monotonic()
        ):
            _log.warning(
                "The collector %s does not take what it is sent. Traffic goes on; look"
                " whether it runs, and at telemetry.otlp.",
                otlp.endpoint,
            )

    # In the thread.

    def _send(
        self, otlp: Otlp, picture: Picture, spans: list[Span]
    ) -> tuple[bool, int]:
        """Send both; some collectors take only one, and say so of the other."""
        collector = self._collector(otlp)
        is_taken, recorded = False, 0
        with _told_in_debug():
            is_taken = collector.tell(picture, self._now())
        with _told_in_debug():
            recorded = collector.record(spans)
        return is_taken, recorded

    def _collector(self, otlp: Otlp) -> "Collector":
        if self._known is not None and self._known[0] == otlp:
            return self._known[1]
        from gateway.telemetry.otlp import Collector

        if self._known is not None:
            self._known[1].close()
        made = Collector(
            otlp, version=self._version, since=self._since, deadline_s=_DEADLINE_S
        )
        self._known = otlp, made
        return made


@contextmanager
def _told_in_debug() -> Generator[None]:
    """Go on behind what failed; that the collector takes nothing is told seldom."""
    try:
        yield
    except Exception as error:  # ruff: ignore[blind-except]: a stranger's code; told
        _log.debug("Telling the collector failed.", exc_info=error)
