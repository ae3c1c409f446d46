"""Which version a key gets: candidate first, so that a rising weight moves nobody back.

The candidate owns the buckets from 0 up to its share, the baseline all others. A key
keeps its bucket, so raising the share only moves the border over new keys, and
lowering it gives back the last that came.

Where there are several candidates, each has a lane: an equal part of the keys, cut by a
hash of its own, in which nobody else is but the baseline. So what one candidate gains it
gains from the baseline, and what it gives back the baseline gets.
"""

from typing import Final

from gateway.domain.units import Share
from gateway.flags.bucket import bucket_of, place_of

_LANES: Final = "/lanes"  # no name has a slash: the salt of no service and no lane


def is_candidate(salt: bytes, key: bytes, share: Share) -> bool:
    """Whether the candidate gets *key* at this *share*."""
    return bucket_of(salt + key) < share


def lane_salt(service: str) -> bytes:
    """Give what keys are salted with to find their lane: fixed, whatever lanes do.

    A lane's own salt is fresh in each attempt. This one is not: it would move the keys of
    the other lanes, whose rollouts go on.
    """
    return f"{service}{_LANES}".encode()


def lane_of(salt: bytes, key: bytes, lanes: int) -> int:
    """Give the number of the lane that *key* belongs to, below *lanes*."""
    return place_of(salt + key, lanes)
