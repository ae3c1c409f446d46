"""Where keys land: golden values of flagd's fractional rule, version 2."""

import mmh3
import pytest

from gateway.flags.bucket import bucket_of


@pytest.mark.parametrize(
    ("seed", "hashed", "bucket"),
    [
        (b"ejOoVL", 0x00000000, 0),
        (b"bY9fO-", 0x00000001, 0),
        (b"SI7p-", 0x7FFFFFFF, 49_999),
        (b"6LvT0", 0x80000000, 50_000),
        (b"ceQdGm", 0xFFFFFFFF, 99_999),
        (b"", 0x00000000, 0),
        (b"test", 0xBA6BD213, 72_820),
        (b"Hello, world!", 0xC0363E43, 75_082),
    ],
)
def test_known_keys_land_where_flagd_puts_them(
    seed: bytes, hashed: int, bucket: int
) -> None:
    assert mmh3.hash(seed, 0, signed=False) == hashed
    assert bucket_of(seed) == bucket == (hashed * 100_000) >> 32
