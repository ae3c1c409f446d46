"""What was known of attempts when they ended: all that is kept of their evidence then.

What ended is examined no more: its keys, by far the most of it, are of no use to anybody,
neither here nor in the store.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from gateway.control.durable import Durable
from gateway.control.live import Live, loaded
from gateway.domain.segment import Segment
from gateway.domain.verdict import Assessment, Finding
from gateway.state.store import KeptEvidence

_NO_TRIAL: Final = b""


class Ended(msgspec.Struct, kw_only=True, frozen=True):
    """The last of an attempt.

    Attributes:
        attempt: Its number.
        at: Unix time in seconds, for display.
        alpha: See design.Design.
        by_request: See design.Design.
        examination: See Live.number.
        sampled: Part of the keys that was looked at, 0 to 1.
        newest: Unix time of the last unit of evidence; None: there was none.
        assessment: At the last look.
        findings: By metric and segment, with what was counted since.
        split_checked: Part of the keys that the split was checked on, 0 to 1.

    """

    attempt: int
    at: float
    alpha: float
    by_request: bool
    examination: int
    sampled: float
    newest: float | None
    assessment: Assessment
    findings: tuple[Finding, ...]
    split_checked: float = 1.0

    def log_es(self) -> dict[str, float]:
        """Give the highest ln E of each metric."""
        highest: dict[str, float] = {}
        for found in self.findings:
            before = highest.get(found.metric, found.log_e)
            highest[found.metric] = max(before, found.log_e)
        return highest


class Endings:
    """Knows how the last attempt of each service ended.

    Args:
        durable: Keeps it.
        clock: Monotonic, seconds.
        now: Unix time in seconds, for display.

    """

    def __init__(
        self, durable: Durable, clock: Callable[[], float], now: Callable[[], float]
    ) -> None:
        self._durable = durable
        self._clock = clock
        self._now = now
        self._endings: dict[str, Ended] = {}
        self._unkept: set[str] = set()

    def of(self, service: str) -> Ended | None:
        """Give how the last attempt ended; None: it did not, or nobody knows."""
        return self._endings.get(service)

    def age(self, service: str) -> float | None:
        """Tell how old its last unit of evidence is, in seconds; None: there is none."""
        last = self._endings.get(service)
        if last is None or last.newest is None:
            return None
        return max(0.0, self._now() - last.newest)

    def end(self, live: Live) -> None:
        """Sum up what is known of an attempt now; `keep` keeps it."""
        design, at = live.examination.design, self._now()
        age = None if live.newest is None else self._clock() - live.newest
        self._unkept.add(live.service)
        self._endings[live.service] = Ended(
            attempt=live.attempt,
            at=at,
            alpha=design.alpha,
            by_request=design.by_request,
            examination=live.number,
            sampled=live.examination.sampled,
            newest=None if age is None else at - age,
            assessment=live.assessment,
            findings=tuple(live.examination.findings()),
            split_checked=live.examination.split_checked,
        )

    def forget(self, service: str) -> None:
        """Let go of it: another attempt begins."""
        self._endings.pop(service, None)
        self._unkept.discard(service)

    def take_up(
        self, service: str, found: KeptEvidence, segments: Sequence[Segment]
    ) -> None:
        """Know again what was kept.

        Where an attempt ended before that could be, its evidence is summed up now.

        Args:
            service: Its name.
            found: What was kept.
            segments: Of the service.

        Raises:
            ValueError: It cannot be read.
            msgspec.MsgspecError: The same.

        """
        if found.trial != _NO_TRIAL:
            live, _note = loaded(service, found, segments, self._clock())
            live.assessment = live.examination.trial.look()
            self.end(live)
            live.examination.forget_keys()
        else:
            known = msgspec.msgpack.decode(found.book, type=Ended)
            self._endings[service] = known

    async def keep(self) -> None:
        """Keep what is not kept yet, in place of the evidence.

        Raises:
            StoreUnavailable: Call again when it is back.

        """
        for service in sorted(self._unkept):
            last = self._endings.get(service)
            if last is None:  # another attempt has begun meanwhile
                continue
            await self._durable.save_evidence(_written(service, last))
            if self._endings.get(service) is last:
                self._unkept.discard(service)


def _written(service: str, last: Ended) -> KeptEvidence:
    return KeptEvidence(
        service=service,
        attempt=last.attempt,
        trial=_NO_TRIAL,
        book=msgspec.msgpack.encode(last),
        keys={},
        is_new=True,
    )
