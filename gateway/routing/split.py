"""Which version a key gets: candidate first, so that a rising weight moves nobody back.

The candidate owns the buckets from 0 up to its share, the baseline all others. A key
keeps its bucket, so raising the share only moves the border over new keys, and
lowering it gives back the last that came.
"""

from gateway.domain.units import Share
from gateway.flags.bucket import bucket_of


def is_candidate(salt: bytes, key: bytes, share: Share) -> bool:
    """Whether the candidate gets *key* at this *share*."""
    return bucket_of(salt + key) < share
