"""Same key, same version, everywhere; a rising weight moves nobody back."""

import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.units import BUCKETS, Share
from gateway.flags.bucket import bucket_of
from gateway.routing.split import is_candidate

MASK = 0xFFFFFFFF
KEYS = [f"user-{number}" for number in range(100_000)]


def _rotate(value: int, by: int) -> int:
    return (value << by | value >> (32 - by)) & MASK


def _scramble(block: int) -> int:
    return _rotate(block * 0xCC9E2D51 & MASK, 15) * 0x1B873593 & MASK


def independent_murmur3(data: bytes) -> int:
    """MurmurHash3_x86_32 from its published description, seed 0."""
    hashed, whole = 0, len(data) // 4 * 4
    for start in range(0, whole, 4):
        hashed ^= _scramble(int.from_bytes(data[start : start + 4], "little"))
        hashed = (_rotate(hashed, 13) * 5 + 0xE6546B64) & MASK
    hashed ^= _scramble(int.from_bytes(data[whole:], "little"))
    hashed ^= len(data)
    hashed = (hashed ^ hashed >> 16) * 0x85EBCA6B & MASK
    hashed = (hashed ^ hashed >> 13) * 0xC2B2AE35 & MASK
    return hashed ^ hashed >> 16


@pytest.mark.parametrize("percent", [0.1, 10, 50, 99])
def test_100000_keys_split_as_an_independent_murmur3_says(percent: float) -> None:
    """Key by key the same, and in sum within 4 sigma of the weight."""
    share = Share(round(percent * 1000))
    chosen = 0
    for key in KEYS:
        bucket = (independent_murmur3(b"chat" + key.encode()) * BUCKETS) >> 32
        mine = is_candidate(b"chat", key.encode(), share)
        assert mine == (bucket < share)
        chosen += mine

    p = percent / 100
    sigma = math.sqrt(len(KEYS) * p * (1 - p))
    assert abs(chosen - len(KEYS) * p) <= 4 * sigma


@given(
    key=st.binary(max_size=40),
    salt=st.binary(max_size=10),
    low=st.integers(0, BUCKETS),
    high=st.integers(0, BUCKETS),
)
def test_raising_the_weight_never_moves_a_key_back(
    key: bytes, salt: bytes, low: int, high: int
) -> None:
    low, high = sorted((low, high))
    if is_candidate(salt, key, Share(low)):
        assert is_candidate(salt, key, Share(high))


@given(key=st.binary(max_size=40))
def test_nobody_at_zero_and_everybody_at_a_hundred_percent(key: bytes) -> None:
    assert not is_candidate(b"chat", key, Share(0))
    assert is_candidate(b"chat", key, Share(BUCKETS))


def test_another_process_puts_every_key_in_the_same_bucket() -> None:
    """No per-process seed: a restarted worker and another node agree."""
    script = (
        "from gateway.flags.bucket import bucket_of\n"
        "print([bucket_of(f'chatuser-{n}'.encode()) for n in range(2000)])"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, timeout=60
    )

    mine = [bucket_of(b"chat" + key.encode()) for key in KEYS[:2000]]
    assert told.stdout.decode().strip() == str(mine)
