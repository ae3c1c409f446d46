"""What simulations found, kept for the report at the end of the tests."""

from collections.abc import Sequence
from math import sqrt

FOUND: list[str] = []


def note(line: str) -> None:
    """Keep a line for the report."""
    FOUND.append(line)


def quantile(values: Sequence[float], share: float) -> float:
    """Give a sample quantile; of no values infinity."""
    ordered = sorted(values)
    if not ordered:
        return float("inf")
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def four_sigma(rate: float, runs: int) -> float:
    """Give how far a simulated rate may lie from a true one."""
    return 4 * sqrt(max(rate * (1 - rate), 1 / runs) / runs)
