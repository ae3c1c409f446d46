"""Tells the collector again and again, if one is configured; it may be dead.

The calls block, so a thread of their own makes them, each with a deadline. Totals that
did not get through are said again the next time; steps of traces, and what judges said, are
dropped and counted.
"""

import asyncio
import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.control.unharmed import unharmed
from gateway.domain.deployment import Otlp
from gateway.domain.evaluated import Evaluated
from gateway.domain.span import Span
from gateway.proxy.seldom import Seldom
from gateway.state.thread import OneThread
from gateway.telemetry.traffic import Picture

if TYPE_CHECKING:
    from gateway.telemetry.otlp import Collector

_log: Final = logging.getLogger("sluicegate.telemetry")

MOST_SPANS: Final = 4096
"""Steps of traces that wait for the next time; the newest are dropped."""

MOST_EVALUATED: Final = 4096
"""The same of what judges said."""

_LOOK_AGAIN_S: Final = 1.0  # whether there is a collector by now
_DEADLINE_S: Final = 5.0
_LAST_S: Final = 1.0
_SELDOM_S: Final = 60.0
_CALLS: Final = 3

SPAN: Final = "span"
EVALUATED: Final = "evaluated"


class _Waiting(NamedTuple):
    """What is told once, or never."""

    spans: list[Span]
    evaluated: list[Evaluated]


class _Taken(NamedTuple):
    """How much the collector took; of totals, whether it did."""

    totals: bool = False
    spans: int = 0
    evaluated: int = 0


class Export:
    """See the module.

    Args:
        collector: Gives the one configured now.
        look: Gives the totals.
        drop: Counts what does not get through, by what it is: SPAN or EVALUATED.
        version: The gateway's own.
        since: Unix time since when things are counted.
        now: Unix time.

    """

    def __init__(
        self,
        collector: Callable[[], Otlp | None],
        look: Callable[[], Picture],
        drop: Callable[[str, int], None],
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
        self._waiting = _Waiting([], [])
        self._known: tuple[Otlp, Collector] | None = None
        self._seldom = Seldom(_SELDOM_S)

    def record(self, spans: Sequence[Span]) -> None:
        """Keep steps of traces until the next time."""
        room = MOST_SPANS - len(self._waiting.spans)
        self._waiting.spans.extend(spans[:room])
        self._drop(SPAN, len(spans[room:]))

    def evaluated(self, told: Evaluated) -> None:
        """Keep what a judge said until the next time; without a collector nothing."""
        if self._configured() is None:
            return
        if len(self._waiting.evaluated) < MOST_EVALUATED:
            self._waiting.evaluated.append(told)
        else:
            self._drop(EVALUATED, 1)

    async def run(self) -> None:
        """Tell the collector at every interval, for ever."""
        while True:
            otlp = self._configured()
            await asyncio.sleep(_LOOK_AGAIN_S if otlp is None else otlp.interval)
            if otlp is not None:
                await self._tell(otlp, _CALLS * _DEADLINE_S)

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
        picture, waiting, self._waiting = self._look(), self._waiting, _Waiting([], [])
        taken = _Taken()
        with _told_in_debug():
            taken = await self._thread.call(
                lambda: self._send(otlp, picture, waiting), deadline_s=deadline_s
            )
        lost_spans = len(waiting.spans) - taken.spans
        lost_evaluated = len(waiting.evaluated) - taken.evaluated
        self._drop(SPAN, lost_spans)
        self._drop(EVALUATED, lost_evaluated)
        is_all = taken.totals and not (lost_spans or lost_evaluated)
        if not is_all and self._seldom.allow(monotonic()):
            _log.warning(
                "The collector %s does not take what it is sent. Traffic goes on; look"
                " whether it runs, and at telemetry.otlp.",
                otlp.endpoint,
            )

    # In the thread.

    def _send(self, otlp: Otlp, picture: Picture, waiting: _Waiting) -> _Taken:
        """Send all; some collectors take only one kind, and say so of the others."""
        collector = self._collector(otlp)
        is_taken, recorded, evaluated = False, 0, 0
        with _told_in_debug():
            is_taken = collector.tell(picture, self._now())
        with _told_in_debug():
            recorded = collector.record(waiting.spans)
        with _told_in_debug():
            evaluated = collector.evaluated(waiting.evaluated)
        return _Taken(is_taken, recorded, evaluated)

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
