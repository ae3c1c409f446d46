"""Units when they come, before anything is known of their answers.

Where a unit went is known as soon as it has come. So whether the split is as the coins say
needs no answer, and no race between versions that answer slowly and quickly can look like
a fault. A key counts once in an epoch, with the first worker that tells of it: another one
that sees it later, or one that has forgotten it, says nothing new.
"""

from collections.abc import Iterable, Sequence

from gateway.analysis.exchange import Came, Exchange
from gateway.analysis.key_table import KeyTable
from gateway.analysis.unit_notes import UnitNotes
from gateway.analysis.unit_state import State
from gateway.domain.units import BUCKETS, Share


class Assigned:
    """The units that come to one attempt.

    Args:
        state: Of the book.
        keys: Of the book.
        notes: Of the book.

    """

    __slots__ = ("_keys", "_notes", "_state")

    def __init__(self, state: State, keys: KeyTable, notes: UnitNotes) -> None:
        self._state = state
        self._keys = keys
        self._notes = notes

    def come(
        self,
        arrivals: Iterable[Came],
        keyless: Sequence[int],
        *,
        revision: int,
        share: Share,
        worker: int,
    ) -> None:
        """Take what a worker tells of units that came; each is told once.

        Args:
            arrivals: Keys that the worker had not seen, or has forgotten.
            keyless: Requests without a key: the baseline's and the candidate's.
            revision: Of the split they were assigned under; unknown ones are left out.
            share: The candidate's weight then, as the worker says.
            worker: Its process.

        """
        if self._state.epoch_of(revision, share) is None:
            return
        for arrival in arrivals:
            if coin := self._keys.comes(arrival, revision, share, worker):
                is_candidate = arrival.is_candidate
                self._notes.came(coin, (not is_candidate, is_candidate))
        if any(keyless):
            self._notes.came(share / BUCKETS, keyless)

    def is_ahead(self, exchange: Exchange, *, revision: int, worker: int) -> bool:
        """Whether no other worker saw the exchange's key before, as far as is known.

        Args:
            exchange: That worker's.
            revision: Of the split it was assigned under.
            worker: Process that recorded it.

        """
        if exchange.bucket is None:
            return True
        key = self._keys.get(exchange.fingerprint)
        return key is not None and key.is_first(revision, worker, exchange.arrived)
