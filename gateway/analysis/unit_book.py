"""Who counts, when, and with which coin: records of exchanges become counts of units.

The unit is what was randomised: a sticky key, or a request without one. What counts is
decided by what an exchange was found to be the first of on arrival, in its worker; never by
what became of it, and never by the version. Of several workers' firsts the one that arrived
first is taken first (control.arrivals), and no other. In each epoch (the time under one
weight) a key counts

- once in the fresh process, with its first exchange: the coin is conditional on all earlier
  epochs, so that this is one running product;
- once in each window, with the same coin, for a process of that window alone;
- in each cell (segment and value) once more, with its first exchange in it;
- of timing metrics, with the first exchange after the washout;
- once in the proof of a step, with the mean of its first exchanges (whole_keys);
- of feedback once, when its deadline has passed, with what was said by then (late).

Only what was tossed by the coin comes here. An exchange on another side than its bucket's
(pinned, or drained) counts for nothing and reveals nothing.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

import msgspec

from gateway.analysis.assigned import Assigned
from gateway.analysis.counts import Counts
from gateway.analysis.design import Design
from gateway.analysis.exchange import Exchange, MirroredPair, firsts_of
from gateway.analysis.fixing import came
from gateway.analysis.key_table import MOST_KEYS, Key, KeyTable
from gateway.analysis.late import EPOCH, LateUnits, Said, is_unit
from gateway.analysis.observe import Thresholds
from gateway.analysis.unit_notes import EVERYTHING, Cells, UnitNotes, fresh_and
from gateway.analysis.unit_state import Epoch, Kept, State
from gateway.analysis.whole_keys import WholeKeys
from gateway.domain.units import BUCKETS, Share

MOST_EPOCHS: Final = 64
"""Epochs whose late records still count; those of earlier ones are left out."""

_NO_CELLS: Final[Cells] = {}
_NO_STEP: Final = -1


class UnitBook:
    """The units of one attempt.

    Args:
        design: Frozen at its start.
        most_keys: That are known at once; where there are more, half of them are let go.

    """

    def __init__(self, design: Design, *, most_keys: int = MOST_KEYS) -> None:
        self._design = design
        self._most_keys = most_keys
        self._first_timing = design.washout + 1
        self._settles_after = design.closes_after + design.grace
        self.attempt_begins()

    @property
    def sampled(self) -> float:
        """Part of the keys that is looked at (and awaited for feedback), by a hash."""
        return min(self._keys.sampled, self._late.sampled)

    @property
    def known_keys(self) -> int:
        """How many keys are known."""
        return len(self._keys)

    @property
    def assigned(self) -> Assigned:
        """Take units when they come."""
        return Assigned(self._state, self._keys, self._notes, self._first_timing)

    def attempt_begins(self) -> None:
        """Forget everything: the salt is another one, and no bucket is known."""
        self._state = State()
        self._keys = KeyTable(self._most_keys)
        self._whole = WholeKeys(self._design)
        self._notes = UnitNotes(self._design)
        self._late = LateUnits(self._design)

    def epoch_begins(
        self, revision: int, share: Share, at: float, *, is_new_step: bool
    ) -> None:
        """Begin another weight, or another step, or both.

        Keys that have not closed are dropped: those of another step prove nothing for
        this one, and those of another weight had another coin.

        Args:
            revision: Of the split from now on; one that is known begins no epoch.
            share: The candidate's weight.
            at: Now; monotonic clock.
            is_new_step: Whether proofs begin afresh. Drain before.

        """
        state = self._state
        is_new = revision not in state.epochs
        if is_new_step:
            state.step += 1
            state.step_since = 0.0 if is_new else at
            state.fixing.step_begins()
            self._notes.step_begins()
        if is_new:
            state.epochs[revision] = Epoch(share, at, state.step, revision)
            state.revision = max(state.revision, revision)
            if len(state.epochs) > MOST_EPOCHS:
                del state.epochs[min(state.epochs)]
        else:
            state.epochs[revision].step = state.step
        if is_new or is_new_step:
            self._whole.forget()
            self._keys.forget_rows()

    def set_thresholds(self, thresholds: Thresholds) -> None:
        """Know beyond which amounts an exchange is an event, for proofs of quantiles.

        They hold for one step, and are not kept by `dump`: set them after a step begins
        and after `load`. Keys that came before one was fixed prove nothing of it.
        """
        self._state.fixing.fix(self._notes.set_thresholds(thresholds))

    def listen_to(self, worker: int) -> None:
        """Know which process recorded the exchanges that are taken next."""
        self._whole.worker = worker

    def take(
        self,
        exchange: Exchange,
        *,
        revision: int,
        share: Share,
        names: tuple[str, ...],
        cells: Cells,
    ) -> None:
        """Take one record; each is heard once.

        Args:
            exchange: See Exchange.
            revision: Of the split it was assigned under; unknown ones are left out.
            share: The candidate's weight then.
            names: Of the signals in its values.
            cells: See Cells; the same object for as long as it says the same.

        """
        epoch = self._state.epoch_of(revision, share)
        if epoch is None:
            return
        bucket, is_candidate = exchange.bucket, exchange.is_candidate
        self._state.fixing.hears(exchange.arrived)
        notes = self._notes
        notes.use(cells)
        if bucket is None:
            if exchange.arrived >= epoch.since + self._design.warmup:
                coin = share / BUCKETS
                self._state.settle(exchange, coin)
                self._take_single(exchange, coin, epoch, names)
                self._open(
                    exchange, coin, epoch, notes.mask(exchange.cell) | EVERYTHING
                )
            return
        if (bucket < share) is not is_candidate:
            return
        key = self._keys.heard(
            exchange.fingerprint, revision, share, is_candidate=is_candidate
        )
        if self._design.by_request:
            self._count_key(key, exchange, epoch)
            self._take_single(exchange, share / BUCKETS, epoch, names)
        elif key is not None and (key.coin or (is_candidate and notes.has_ceilings)):
            self._take_keyed(key, exchange, epoch, names)

    def take_pair(
        self,
        pair: MirroredPair,
        *,
        names: tuple[str, ...],
        revision: int | None = None,
        cells: Cells = _NO_CELLS,
    ) -> None:
        """Take a mirrored pair; where there is no coin, it is a unit of both versions.

        Args:
            pair: See exchange.MirroredPair.
            names: Of the signals in their values.
            revision: Of the split it came under; None: the current one.
            cells: See `take`.

        """
        state, notes = self._state, self._notes
        epoch = state.epochs.get(state.revision if revision is None else revision)
        if epoch is None:
            return
        notes.use(cells)
        mask, half = notes.pair(pair, names), pair.baseline
        is_coin = 0 < epoch.share < BUCKETS
        if mask and half is not None and not is_coin and self._is_in_step(epoch, half):
            notes.in_step(mask, is_candidate=False)
            notes.in_step(mask, is_candidate=True)

    def hear(self, said: Said, *, cells: Cells, at: float) -> None:
        """Take feedback on an exchange that was evidence.

        Args:
            said: See Said; of another attempt's epoch it says nothing.
            cells: See `take`.
            at: When it came; monotonic clock.

        """
        if self._late.is_needed:
            self._notes.use(cells)
            mask = self._notes.mask(said.cell) | EVERYTHING
            epochs = {revision & EPOCH for revision in self._state.epochs}
            self._late.hear(said, mask, at, is_known=said.epoch in epochs)

    def close(self, now: float) -> None:
        """Close the keys and late units whose time is up; monotonic clock."""
        state = self._state
        if now < state.latest:
            self._clock_restarted(now)
        state.latest = now
        for fingerprint in self._whole.due(now):
            key = self._keys.get(fingerprint)
            if key is not None and key.rows:
                self._close(key)
                self._keys.changed.add(fingerprint)
        self._keys.bound()
        for coin, units in state.settling.settled(now - self._settles_after):
            self._notes.units(coin, units)
        for closed in self._late.close(now):
            self._notes.late(closed, is_in_step=closed.step == state.step)

    def drain(self) -> Counts:
        """Give what was counted since the last time."""
        return self._notes.drain()

    def dump(self, *, whole: bool) -> tuple[bytes, dict[int, bytes]]:
        """Write it down, but for thresholds, and for counts that were not drained.

        Args:
            whole: All keys, and not only those that have changed since the last time.

        Returns:
            The book, and keys and late units by number; empty ones of what is over.

        """
        kept = Kept(self._state, self._keys.limit, self._late.limit)
        rows = self._keys.dump(whole=whole) | self._late.dump(whole=whole)
        return msgspec.msgpack.encode(kept), rows

    def load(self, dumped: bytes, keys: Mapping[int, bytes]) -> None:
        """Take up what `dump` gave, with the latest of each key.

        Raises:
            msgspec.ValidationError: It is something else.

        """
        kept = msgspec.msgpack.decode(dumped, type=Kept)
        self.attempt_begins()
        self._state = kept.state
        known = {each: row for each, row in keys.items() if row and not is_unit(row)}
        self._keys.load(known, kept.limit)
        self._late.load(keys, kept.late_limit)
        for fingerprint, key in self._keys.unclosed().items():
            self._whole.take_up(fingerprint, key)

    def _clock_restarted(self, now: float) -> None:
        """Go on after a reboot: no time of before compares with one of now."""
        self._state.clock_restarts(now)
        self._whole.forget()
        self._keys.forget_rows()
        self._keys.forget_windows()
        self._late.forget()

    def _count_key(self, key: Key | None, exchange: Exchange, epoch: Epoch) -> None:
        """Count a key where requests are units, for the sample ratio and for feedback."""
        if key is None or not key.coin or exchange.nth != 1 or key.fresh & EVERYTHING:
            return
        key.fresh |= EVERYTHING
        self._keys.changed.add(exchange.fingerprint)
        self._state.settle(exchange, key.coin)
        mask = self._notes.mask(exchange.cell) | EVERYTHING
        self._open(exchange, key.coin, epoch, mask)

    def _open(self, exchange: Exchange, coin: float, epoch: Epoch, cells: int) -> None:
        """Await feedback on a unit."""
        step = epoch.step if self._is_in_step(epoch, exchange) else _NO_STEP
        self._late.open(
            exchange, revision=epoch.revision, coin=coin, cells=cells, step=step
        )

    def _take_single(
        self, exchange: Exchange, coin: float, epoch: Epoch, names: tuple[str, ...]
    ) -> None:
        """Count an exchange that is a unit of its own, in everything."""
        notes, is_candidate = self._notes, exchange.is_candidate
        observer = notes.observer(names)
        mask = notes.mask(exchange.cell) | EVERYTHING
        places = fresh_and(mask, self._state.windows.number(exchange.window), mask)
        is_washed = exchange.bucket is None or exchange.nth >= self._first_timing
        codes = observer.outcomes(exchange)
        if is_washed:
            codes += observer.timings(exchange)
        notes.count(exchange, codes, coin, places)
        if is_candidate and notes.has_ceilings:
            notes.over_ceilings(exchange, observer, is_timing=False)
            if is_washed:
                notes.over_ceilings(exchange, observer, is_timing=True)
        if self._is_in_step(epoch, exchange):
            notes.in_step(mask, is_candidate=is_candidate)
            notes.visit(EVERYTHING)
            losses = self._state.fixing.of(observer.losses(exchange), exchange.arrived)
            means = self._whole.single(losses, is_washed=is_washed)
            notes.prove(coin, means, is_candidate=is_candidate)

    def _take_keyed(
        self, key: Key, exchange: Exchange, epoch: Epoch, names: tuple[str, ...]
    ) -> None:
        """Count an exchange of a key, in whatever it is the first of."""
        mask, firsts = partial(self._notes.mask, exchange.cell), firsts_of(exchange)
        nth, is_first_in_window = exchange.nth, exchange.nth_in_window == 1
        first = mask(firsts.in_epoch) | (nth == 1)
        window_first = mask(firsts.in_window) | is_first_in_window
        is_window = key.is_in(exchange.window)
        fresh = first & ~key.fresh
        window = window_first & ~key.in_window if is_window else 0
        visit = window
        if fresh or window:
            key.fresh |= fresh
            key.in_window |= window
            self._count(key, exchange, names, fresh, window, is_timing=False)
            self._open(exchange, key.coin, epoch, fresh)
        if nth >= self._first_timing and self._notes.has_timing:
            is_first = nth == self._first_timing
            fresh = (mask(firsts.washed) | is_first) & ~key.fresh_timing
            window = mask(firsts.washed_in_window) | is_first_in_window | is_first
            window = window & ~key.in_window_timing if is_window else 0
            if fresh or window:
                key.fresh_timing |= fresh
                key.in_window_timing |= window
                self._count(key, exchange, names, fresh, window, is_timing=True)
        if key.coin and self._is_in_step(epoch, exchange):
            self._notes.visit(visit)
            self._take_in_step(key, exchange, first | window_first, names)

    def _count(
        self,
        key: Key,
        exchange: Exchange,
        names: tuple[str, ...],
        fresh: int,
        window: int,
        *,
        is_timing: bool,
    ) -> None:
        """Count an exchange in the fresh process, and in its window's, by masks."""
        notes, coin, is_candidate = self._notes, key.coin, exchange.is_candidate
        self._keys.changed.add(exchange.fingerprint)
        observer = notes.observer(names)
        if coin:
            if fresh & EVERYTHING and not is_timing:
                self._state.settle(exchange, coin)
            read = observer.timings if is_timing else observer.outcomes
            number = self._state.windows.number(exchange.window)
            places = fresh_and(fresh, number, window)
            notes.count(exchange, read(exchange), coin, places)
        if window & EVERYTHING and is_candidate and notes.has_ceilings:
            notes.over_ceilings(exchange, observer, is_timing=is_timing)

    def _is_in_step(self, epoch: Epoch, exchange: Exchange) -> bool:
        state = self._state
        return epoch.step == state.step and exchange.arrived >= state.step_since

    def _take_in_step(
        self, key: Key, exchange: Exchange, mask: int, names: tuple[str, ...]
    ) -> None:
        """Count a key in the step, and add an exchange to it until it closes."""
        state, notes = self._state, self._notes
        since = came(key, exchange.arrived, state.step, EVERYTHING)
        new = key.newly_in_step(state.step, mask)
        if new:
            notes.in_step(new, is_candidate=exchange.is_candidate)
        if key.revision == state.revision and key.proven != state.step:
            losses = state.fixing.of(notes.observer(names).losses(exchange), since)
            self._whole.add(exchange.fingerprint, key, exchange.arrived, losses)
            self._keys.changed.add(exchange.fingerprint)

    def _close(self, key: Key) -> None:
        """Count a whole key, once in a step and epoch."""
        state = self._state
        means = self._whole.close(key)
        key.rows, key.proven = b"", state.step
        side = key.high <= state.epochs[key.revision].share
        self._notes.prove(key.coin, means, is_candidate=side)
