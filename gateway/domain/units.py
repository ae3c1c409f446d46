"""Units as types: a signature says what it measures, and mypy keeps them apart.

Durations are differences of the monotonic clock. Only the journal knows the date.
"""

from typing import Final, NewType

Seconds = NewType("Seconds", float)
Bytes = NewType("Bytes", int)

Share = NewType("Share", int)
"""A weight counted in buckets: 0 to BUCKETS. One bucket is a thousandth of a percent."""

BUCKETS: Final = 100_000
"""How many places a sticky key can land in; fixed, so that a ramp is monotone."""

_PER_PERCENT: Final = BUCKETS // 100
_NOISE: Final = 1e-6  # 12.345 * 1000 is not a whole number in floats


def share_from_percent(percent: float) -> Share:
    """Turn percent (0 to 100, three decimals kept) into buckets.

    Raises:
        ValueError: Not a number from 0 to 100, or finer than a thousandth.

    """
    scaled = percent * _PER_PERCENT
    whole = round(scaled)
    if not 0 <= percent <= BUCKETS / _PER_PERCENT or abs(scaled - whole) > _NOISE:
        raise ValueError(percent)
    return Share(whole)


def percent_from_share(share: Share) -> float:
    """Turn buckets into percent, exact to three decimals."""
    return share / _PER_PERCENT
