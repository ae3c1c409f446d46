"""How numbers are written for people."""

import pytest

from gateway.cli.figures import many


@pytest.mark.parametrize(
    ("count", "written"),
    [
        (0, "0"),
        (9_999, "9999"),
        (10_000, "10k"),
        (93_229, "93.2k"),
        (1_500_000, "1.5M"),
        (2_340_000_000, "2.34G"),
    ],
)
def test_a_large_count_is_written_short_and_keeps_its_size(
    count: int, written: str
) -> None:
    assert many(count) == written
