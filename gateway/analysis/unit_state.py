"""What a unit book knows of an attempt beside its keys; it is kept with them."""

import msgspec

from gateway.analysis.fixing import Fixing
from gateway.analysis.settling import Settling
from gateway.analysis.window_numbers import WindowNumbers
from gateway.domain.units import Share


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
        fixing: See Fixing.

    """

    epochs: dict[int, Epoch] = {}
    revision: int = -1
    step: int = 0
    step_since: float = 0.0
    windows: WindowNumbers = msgspec.field(default_factory=WindowNumbers)
    latest: float = 0.0
    settling: Settling = msgspec.field(default_factory=Settling)
    fixing: Fixing = msgspec.field(default_factory=Fixing)


class Kept(msgspec.Struct, array_like=True):
    """What is kept: State, and the limits of the samples of keys and of late units."""

    state: State
    limit: int
    late_limit: int
