"""What a unit book knows of an attempt beside its keys; it is kept with them."""

from typing import Final

import msgspec

from gateway.analysis.exchange import Exchange
from gateway.analysis.fixing import Fixing
from gateway.analysis.settling import Settling
from gateway.analysis.window_numbers import WindowNumbers
from gateway.domain.units import BUCKETS, Share

_LOW: Final = 0xFFFFFFFF


class Epoch(msgspec.Struct, array_like=True):
    """The time under one weight.

    Attributes:
        share: The candidate's weight.
        since: When it began; monotonic clock.
        step: The latest step that it belongs to.
        revision: Of the split.

    """

    share: Share
    since: float
    step: int
    revision: int


class State(msgspec.Struct, array_like=True, kw_only=True):
    """What is kept of an attempt beside its keys.

    Attributes:
        epochs: By revision of the split.
        revision: The highest; -1 before the first.
        step: Grows by one with each.
        step_since: When it began, where no epoch began with it; else 0.
        windows: See WindowNumbers.
        latest: When keys were closed last.
        settling: Units that the sample ratio does not count yet.
        always: Keys whose low bits are below have been told of whenever they came; of
            the others some came and were not, and who of them comes back may depend on
            the version that it met.
        fixing: See Fixing.

    """

    epochs: dict[int, Epoch] = {}
    revision: int = -1
    step: int = 0
    step_since: float = 0.0
    windows: WindowNumbers = msgspec.field(default_factory=WindowNumbers)
    latest: float = 0.0
    settling: Settling = msgspec.field(default_factory=Settling)
    always: int = 1 << 32
    fixing: Fixing = msgspec.field(default_factory=Fixing)

    def is_always_told(self, fingerprint: int) -> bool:
        """Whether a key was told of whenever it came; see `always`."""
        return fingerprint & _LOW < self.always

    def settle(self, exchange: Exchange, coin: float) -> None:
        """Count a unit that has ended for the sample ratio, later."""
        if self.is_always_told(exchange.fingerprint):
            side = exchange.is_candidate
            self.settling.note(exchange.arrived, coin, is_candidate=side)

    def clock_restarts(self, now: float) -> None:
        """Forget moments: none of before a reboot compares with one of now."""
        self.windows = self.windows.after_restart()
        self.step_since = 0.0
        self.settling, self.fixing = Settling(), self.fixing.after_restart()
        for epoch in self.epochs.values():
            epoch.since = now

    def epoch_of(self, revision: int, share: Share) -> Epoch | None:
        """Give the epoch of what was assigned; None: it is not known, or decides nothing."""
        epoch = self.epochs.get(revision)
        if epoch is None or epoch.share != share or not 0 < share < BUCKETS:
            return None
        return epoch


class Kept(msgspec.Struct, array_like=True):
    """What is kept: State, and the limits of the samples of keys and of late units."""

    state: State
    limit: int
    late_limit: int
