"""What is known of each sticky key in one attempt: where its bucket lies, what it counted as.

A key that was seen on the baseline at a weight has a bucket at or above it; one that was
seen on the candidate, below. So when the weight moves, the coin of a known key is no longer
the weight: it is the part of what its bucket's interval [low, high) leaves open. Losing
what is known would make later coins wrong; therefore the table is kept with the rollout,
and where it is full, keys are let go by a hash that knows nothing of the version, and never
taken back in this attempt.

A key is heard of twice: when it comes, and when an exchange of it is over. Each has an interval
of its own. Keys that came are known sooner, and would take from what ends later its coin.
"""

from collections.abc import Mapping
from math import inf
from typing import Final

import msgspec

from gateway.analysis.exchange import Came, Exchange
from gateway.domain.units import BUCKETS, Share

MOST_KEYS: Final = 200_000

_FULL: Final = 1 << 32
_LOW: Final = 0xFFFFFFFF
_NOWHERE: Final = -1
_NOBODY: Final = 0
_SEVERAL: Final = -1


class Key(msgspec.Struct, array_like=True, gc=False):
    """One key. Masks have a bit for each cell of the design; bit 0 is everything.

    Attributes:
        low: Its bucket is here or above.
        high: Its bucket is below.
        revision: Of the latest epoch it was heard of in.
        coin: The probability that it is on the candidate in that epoch, given what was
            known of it before; 0: it can only be on one side, and is no evidence.
        fresh: Cells in which it was counted in this epoch.
        fresh_timing: The same for timing metrics.
        window: The latest window it was heard of in, in this epoch.
        in_window: Cells in which it was counted in this window.
        in_window_timing: The same for timing metrics.
        step: The latest step it was counted in.
        in_step: Cells in which it was counted in this step.
        proven: The step in which it was closed as a whole key, in this epoch.
        rows: Its exchanges until it is closed; see whole_keys.
        worker: Process that recorded them.
        came: The latest epoch in which it came.
        came_low: Its bucket is here or above, as far as it is known from where it came.
        came_high: Its bucket is below, as far as that.
        came_window: The latest window of that epoch in which it came.
        came_to: Process that it came to first in that window; 0: not known.
        came_at: When; monotonic clock.
        came_elsewhere: When it came next to another, or again to one that had forgotten it.
        came_before: The one process that it came to in earlier windows of that epoch;
            0: to none; -1: to several, or it is not known.

    """

    low: int = 0
    high: int = BUCKETS
    revision: int = _NOWHERE
    coin: float = 0.0
    fresh: int = 0
    fresh_timing: int = 0
    window: int = _NOWHERE
    in_window: int = 0
    in_window_timing: int = 0
    step: int = _NOWHERE
    in_step: int = 0
    proven: int = _NOWHERE
    rows: bytes = b""
    worker: int = 0
    came: int = _NOWHERE
    came_low: int = 0
    came_high: int = BUCKETS
    came_window: int = _NOWHERE
    came_to: int = 0
    came_at: float = 0.0
    came_elsewhere: float = inf
    came_before: int = _SEVERAL

    def comes(self, arrival: Came, revision: int, share: Share, worker: int) -> float:
        """Note that it came to a worker for the first time in an epoch or a window.

        Returns:
            Its coin, the first time in the epoch; 0 else, and where it could only be on
            one side.

        """
        coin = 0.0
        if revision > self.came:
            coin = _coin(share, self.came_low, self.came_high)
            self.came, self.came_before = revision, _NOBODY
            self._comes_first(arrival, worker)
        elif revision == self.came and arrival.window > self.came_window:
            is_one = self.came_elsewhere == inf
            known = {self.came_to if is_one else _SEVERAL, self.came_before}
            known.discard(_NOBODY)
            self.came_before = known.pop() if len(known) == 1 else _SEVERAL
            self._comes_first(arrival, worker)
        elif revision == self.came:
            self._comes_again(arrival, worker)
        if arrival.is_candidate:
            self.came_high = min(self.came_high, share)
        else:
            self.came_low = max(self.came_low, share)
        return coin

    def _comes_first(self, arrival: Came, worker: int) -> None:
        self.came_window, self.came_to = arrival.window, worker
        self.came_at, self.came_elsewhere = arrival.arrived, inf

    def _comes_again(self, arrival: Came, worker: int) -> None:
        """Note where it came first, and when it came next."""
        at = arrival.arrived
        if at < self.came_at:
            self.came_elsewhere = self.came_at
            self.came_to, self.came_at = worker, at
        else:
            self.came_elsewhere = min(self.came_elsewhere, at)

    def is_first(self, exchange: Exchange, revision: int, worker: int) -> bool:
        """Whether no other worker is known to have seen it before, in its window."""
        return (
            self.came == revision
            and self.came_window == exchange.window
            and self.came_to == worker
            and exchange.arrived < self.came_elsewhere
        )

    def is_first_in_epoch(self, worker: int) -> bool:
        """Whether no other worker is known to have seen it in earlier windows."""
        return self.came_before in {_NOBODY, worker}

    def begin(self, revision: int, share: Share, *, is_candidate: bool) -> None:
        """Toss its coin for an epoch, and only then look at what fell."""
        self.coin = _coin(share, self.low, self.high)
        self.revision = revision
        self.fresh = self.fresh_timing = self.in_window = self.in_window_timing = 0
        self.window = self.proven = _NOWHERE
        self.rows = b""
        self.reveal(share, is_candidate=is_candidate)

    def reveal(self, share: Share, *, is_candidate: bool) -> None:
        """Learn on which side of a weight its bucket lies."""
        if is_candidate:
            self.high = min(self.high, share)
        else:
            self.low = max(self.low, share)

    def is_in(self, window: int) -> bool:
        """Go on to a window; False where it is older than the latest one."""
        if window > self.window:
            self.window = window
            self.in_window = self.in_window_timing = 0
        return window == self.window

    def newly_in_step(self, step: int, mask: int) -> int:
        """Mark cells as counted in a step; give those that were not."""
        if step != self.step:
            self.step, self.in_step = step, 0
        new = mask & ~self.in_step
        self.in_step |= new
        return new


def _coin(share: Share, low: int, high: int) -> float:
    return (share - low) / (high - low) if low < share < high else 0.0


class _Written(msgspec.Struct, array_like=True, gc=False):
    """A key's attributes in order; masks as bytes: they may have more bits than 64.

    The last three are not in rows of the release before; what is known of such a key from
    where it ended is true of where it came, too.
    """

    low: int
    high: int
    revision: int
    coin: float
    fresh: bytes
    fresh_timing: bytes
    window: int
    in_window: bytes
    in_window_timing: bytes
    step: int
    in_step: bytes
    proven: int
    rows: bytes
    came: int | None = None
    came_low: int = 0
    came_high: int = BUCKETS


def _written(key: Key) -> _Written:
    return _Written(
        key.low,
        key.high,
        key.revision,
        key.coin,
        _packed(key.fresh),
        _packed(key.fresh_timing),
        key.window,
        _packed(key.in_window),
        _packed(key.in_window_timing),
        key.step,
        _packed(key.in_step),
        key.proven,
        key.rows,
        key.came,
        key.came_low,
        key.came_high,
    )


def _key(row: _Written) -> Key:
    is_old = row.came is None
    return Key(
        low=row.low,
        high=row.high,
        revision=row.revision,
        coin=row.coin,
        fresh=_mask(row.fresh),
        fresh_timing=_mask(row.fresh_timing),
        window=row.window,
        in_window=_mask(row.in_window),
        in_window_timing=_mask(row.in_window_timing),
        step=row.step,
        in_step=_mask(row.in_step),
        proven=row.proven,
        rows=row.rows,
        came=row.revision if row.came is None else row.came,
        came_low=row.low if is_old else row.came_low,
        came_high=row.high if is_old else row.came_high,
    )


def _packed(mask: int) -> bytes:
    return mask.to_bytes((mask.bit_length() + 7) // 8, "little")


def _mask(packed: bytes) -> int:
    return int.from_bytes(packed, "little")


class KeyTable:
    """The keys of one attempt.

    Args:
        most: Keys that are known at once.

    Attributes:
        limit: Keys whose low bits are below it are known; it only falls.
        changed: Fingerprints of keys that have changed since they were dumped.

    """

    __slots__ = ("_keys", "_most", "changed", "limit")

    def __init__(self, most: int = MOST_KEYS) -> None:
        self._keys: dict[int, Key] = {}
        self._most = most
        self.limit = _FULL
        self.changed: set[int] = set()

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def sampled(self) -> float:
        """Part of the keys that is looked at, 0 to 1."""
        return self.limit / _FULL

    def get(self, fingerprint: int) -> Key | None:
        """Give a key; None of one that is not known."""
        return self._keys.get(fingerprint)

    def heard(
        self, fingerprint: int, revision: int, share: Share, *, is_candidate: bool
    ) -> Key | None:
        """Learn what an exchange reveals of its key.

        Returns:
            The key, in this epoch; None when it must not count: it is not in the sample,
            or it was heard of in a later epoch, so that its coin for this one is gone.

        """
        key = self._keys.get(fingerprint)
        if key is None:
            if fingerprint & _LOW >= self.limit:
                return None
            self._keys[fingerprint] = key = Key()
        if key.revision == revision:
            return key
        self.changed.add(fingerprint)
        if key.revision > revision:
            key.reveal(share, is_candidate=is_candidate)
            return None
        key.begin(revision, share, is_candidate=is_candidate)
        return key

    def comes(self, arrival: Came, revision: int, share: Share, worker: int) -> float:
        """Note that a key came; see Key.comes. 0 as well of one that is not in the sample."""
        fingerprint = arrival.fingerprint
        key = self._keys.get(fingerprint)
        if key is None:
            if fingerprint & _LOW >= self.limit:
                return 0.0
            self._keys[fingerprint] = key = Key()
        self.changed.add(fingerprint)
        return key.comes(arrival, revision, share, worker)

    def bound(self) -> None:
        """Let go of half of the keys where there are too many."""
        while len(self._keys) > self._most:
            self.limit //= 2
            self._sift()

    def forget_rows(self) -> None:
        """Drop what was gathered of keys that were not closed."""
        for fingerprint, key in self._keys.items():
            if key.rows:
                key.rows = b""
                self.changed.add(fingerprint)

    def forget_windows(self) -> None:
        """Let every window to come be later than those before."""
        for fingerprint, key in self._keys.items():
            key.window = _NOWHERE
            self.changed.add(fingerprint)

    def unclosed(self) -> dict[int, Key]:
        """Give the keys with rows."""
        return {each: key for each, key in self._keys.items() if key.rows}

    def dump(self, *, whole: bool) -> dict[int, bytes]:
        """Write keys down, and note that they are.

        Args:
            whole: All of them, and not only those that have changed.

        """
        wanted = self._keys.keys() if whole else self.changed & self._keys.keys()
        encode, keys = msgspec.msgpack.Encoder().encode, self._keys
        self.changed = set()
        return {each: encode(_written(keys[each])) for each in wanted}

    def load(self, keys: Mapping[int, bytes], limit: int) -> None:
        """Take up what was written down; keys that were let go are left out.

        Raises:
            msgspec.ValidationError: It is something else.

        """
        decode = msgspec.msgpack.Decoder(_Written).decode
        self._keys = {each: _key(decode(row)) for each, row in keys.items()}
        self.limit = limit
        self._sift()
        self.changed = set()

    def _sift(self) -> None:
        limit = self.limit
        self._keys = {
            each: key for each, key in self._keys.items() if each & _LOW < limit
        }
