"""Where a sticky key lands: one hash for routing and for flags.

The `fractional` rule of flagd, version 2: murmur3_x86_32 of the UTF-8 seed, taken as a
share of the total by multiplication, so that every bucket is as wide as the next.
"""

from typing import Final

import mmh3

from gateway.domain.units import BUCKETS

_BITS: Final = 32


def bucket_of(seed: bytes) -> int:
    """Give the bucket, 0 to BUCKETS - 1, of a salted key.

    Args:
        seed: Salt and sticky key, one after the other, in UTF-8.

    """
    return (mmh3.hash(seed, 0, False) * BUCKETS) >> _BITS


def place_of(seed: bytes, places: int) -> int:
    """Give one of *places* equal places, 0 to places - 1, of a salted key; see above."""
    return (mmh3.hash(seed, 0, False) * places) >> _BITS
