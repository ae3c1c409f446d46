"""Units when they come, before anything is known of their answers.

Where a unit went is known as soon as it has come. So whether the split is as the coins say
needs no answer, and no race between versions that answer slowly and quickly can look like
a fault. A key counts once in an epoch, with the first worker that tells of it: another one
that sees it later, or one that has forgotten it, says nothing new.

Only keys count that have been told of since the attempt began whenever they came. Where keys
come faster than they can be told, some are left out, and when they are taken again, those
come back sooner whose version answers sooner.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from gateway.analysis.exchange import Came, Exchange, firsts_of
from gateway.analysis.key_table import Key, KeyTable
from gateway.analysis.settling import Settling
from gateway.analysis.unit_notes import EVERYTHING, UnitNotes
from gateway.analysis.unit_state import State
from gateway.domain.units import BUCKETS, Share

_FULL: Final = 1 << 32


class Assigned:
    """The units that come to one attempt.

    Args:
        state: Of the book.
        keys: Of the book.
        notes: Of the book.
        first_timing: Number of a key's exchange that counts for its times.

    """

    __slots__ = ("_first_timing", "_keys", "_notes", "_state")

    def __init__(
        self, state: State, keys: KeyTable, notes: UnitNotes, first_timing: int
    ) -> None:
        self._state = state
        self._keys = keys
        self._notes = notes
        self._first_timing = first_timing

    @property
    def checked(self) -> float:
        """Part of the keys that the split is checked on, 0 to 1; it only falls."""
        return min(self._state.always, self._keys.limit) / _FULL

    def thin_out(self, sampled: float) -> None:
        """Note that a part of the keys only was told of, 0 to 1.

        After none the split is not checked any more: what is not settled would stay as it
        is, with more of whatever ends sooner.
        """
        self._state.always = min(self._state.always, int(sampled * _FULL))
        if not self._state.always:
            self._state.settling = Settling()

    def come(
        self,
        arrivals: Iterable[Came],
        *,
        revision: int,
        share: Share,
        worker: int,
    ) -> None:
        """Take keys that came to a worker, in order.

        Args:
            arrivals: Keys that the worker had not seen, or not in this window, or has
                forgotten.
            revision: Of the split they were assigned under; unknown ones are left out.
            share: The candidate's weight then, as the worker says.
            worker: Its process.

        """
        if self._state.epoch_of(revision, share) is None:
            return
        for arrival in arrivals:
            coin = self._keys.comes(arrival, revision, share, worker)
            if coin and self._state.is_always_told(arrival.fingerprint):
                is_candidate = arrival.is_candidate
                self._notes.came(coin, (not is_candidate, is_candidate))

    def come_without_key(
        self, units: Sequence[int], *, revision: int, share: Share
    ) -> None:
        """Take the numbers of requests without a key: the baseline's and the candidate's."""
        if self._state.epoch_of(revision, share) is not None:
            self._notes.came(share / BUCKETS, units)

    def is_ahead(self, exchange: Exchange, *, revision: int, worker: int) -> bool:
        """Whether no other worker can have what this exchange is the first of.

        That is: none has seen its key before, as far as is known, in the window; and in
        the epoch, if it may be the first of anything in that. What was counted of the key
        has no other first.

        Args:
            exchange: That worker's.
            revision: Of the split it was assigned under.
            worker: Process that recorded it.

        """
        if exchange.bucket is None:
            return True
        key = self._keys.get(exchange.fingerprint)
        if key is None or not key.is_first(exchange, revision, worker):
            return False
        firsts = firsts_of(exchange)
        is_open = exchange.nth <= self._first_timing and not self._is_counted(
            key, exchange, revision
        )
        is_of_epoch = is_open or firsts.in_epoch or firsts.washed
        return not is_of_epoch or key.is_first_in_epoch(worker)

    def _is_counted(self, key: Key, exchange: Exchange, revision: int) -> bool:
        """Whether the first was counted that an early exchange of the key could be."""
        if key.revision != revision or not key.fresh & EVERYTHING:
            return False
        has_times = exchange.nth == self._first_timing and self._notes.has_timing
        return not has_times or bool(key.fresh_timing & EVERYTHING)
