"""Keys that are added up until they close: what promotion goes by.

A key's part in a step is its mean loss over its first exchanges, by arrival. When it
closes depends on arrivals alone, never on what became of an exchange or on the version.

Each worker records a key's first exchanges. Only those of one worker are added up, of the
first that is heard of: among the exchanges of several, those that end soonest would fill
the place of those that last. With two workers, a candidate that broke off a tenth of its
answers after a minute was proven to fail in none.
"""

from collections.abc import Sequence
from heapq import heappop, heappush
from struct import Struct
from typing import Final

from gateway.analysis.design import Design
from gateway.analysis.key_table import Key
from gateway.analysis.observe import EARLY, UNKNOWN, columns_of

_ARRIVED: Final = Struct(">d")
"""Big-endian, so that rows in the order of their bytes are in the order of arrival: times
of a monotonic clock are not below 0."""


class WholeKeys:
    """Gathers rows (an arrival and its losses) in keys, and closes keys in time.

    Args:
        design: Of the analysis.

    Attributes:
        worker: Process that recorded what is added next.

    """

    __slots__ = ("_closes", "_design", "_enough", "_timing", "_width", "worker")

    def __init__(self, design: Design) -> None:
        self._design = design
        columns = columns_of(design.metrics)
        self._timing = [design.metrics[number].is_timing for number, _ in columns]
        self._width = _ARRIVED.size + len(columns)
        self._enough = self._width * design.closes_exchanges
        self._closes: list[tuple[float, int]] = []
        self.worker = 0

    def add(self, fingerprint: int, key: Key, arrived: float, losses: bytes) -> None:
        """Add an exchange to a key that has not closed, if it is of the key's worker."""
        if not key.rows:
            key.worker = self.worker
            self._close_at(arrived + self._design.closes_after, fingerprint)
        elif key.worker != self.worker:
            return
        key.rows += _ARRIVED.pack(arrived) + losses
        if len(key.rows) == self._enough:
            self._close_at(self._last_arrival(key), fingerprint)
        elif len(key.rows) > 2 * self._enough:  # windows add to them
            key.rows = b"".join(self._rows(key)[: self._design.closes_exchanges])

    def take_up(self, fingerprint: int, key: Key) -> None:
        """Know when a key closes that was kept."""
        first = _ARRIVED.unpack_from(self._rows(key)[0])[0]
        self._close_at(first + self._design.closes_after, fingerprint)
        if len(key.rows) >= self._enough:
            self._close_at(self._last_arrival(key), fingerprint)

    def forget(self) -> None:
        """Await no key any more."""
        self._closes = []

    def due(self, now: float) -> list[int]:
        """Give the fingerprints of keys whose time is up, each once or twice."""
        due: list[int] = []
        while self._closes and self._closes[0][0] <= now:
            due.append(heappop(self._closes)[1])
        return due

    def close(self, key: Key) -> list[int | None]:
        """Give a key's mean loss on the grid, by column; None where nothing is known.

        Nor where the key came before a threshold was fixed, to which it may have given
        something: it is known on which side it is.
        """
        rows = self._rows(key)
        until = _ARRIVED.unpack_from(rows[0])[0] + self._design.closes_after
        last = _ARRIVED.pack(until)
        rows = [row for row in rows if row[: _ARRIVED.size] <= last]
        losses = [row[_ARRIVED.size :] for row in rows[: self._design.closes_exchanges]]
        washout = self._design.washout
        return [
            _mean_of_all([row[place] for row in losses], washout if timing else 0)
            for place, timing in enumerate(self._timing)
        ]

    def single(self, losses: bytes, *, is_washed: bool) -> list[int | None]:
        """Give the losses of an exchange that is a unit of its own, by column."""
        return [
            None if loss >= EARLY or (timing and not is_washed) else loss
            for loss, timing in zip(losses, self._timing, strict=True)
        ]

    def _rows(self, key: Key) -> list[bytes]:
        """Give the rows in the order of arrival."""
        rows, width = key.rows, self._width
        return sorted(rows[at : at + width] for at in range(0, len(rows), width))

    def _last_arrival(self, key: Key) -> float:
        row = self._rows(key)[self._design.closes_exchanges - 1]
        return float(_ARRIVED.unpack_from(row)[0])

    def _close_at(self, arrived: float, fingerprint: int) -> None:
        heappush(self._closes, (arrived + self._design.grace, fingerprint))


def _mean_of_all(losses: Sequence[int], washout: int) -> int | None:
    return None if EARLY in losses else mean_loss(losses[washout:])


def mean_loss(losses: Sequence[int]) -> int | None:
    """Give the mean of losses on the grid, on the grid; None when none is known."""
    known = [loss for loss in losses if loss != UNKNOWN]
    return round(sum(known) / len(known)) if known else None
