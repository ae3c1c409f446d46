"""The one place that makes chance: seeded, so that two runs meet the same load."""

from collections.abc import Callable, Iterator
from random import Random


def shares(seed: int) -> Callable[[], float]:
    """Give a die that rolls 0 to 1."""
    return Random(seed).random


def arrivals(seed: int, per_s: float, seconds: float) -> Iterator[float]:
    """Give Poisson arrival times from 0 on, in seconds."""
    dice = Random(seed)
    due = dice.expovariate(per_s)
    while due < seconds:
        yield due
        due += dice.expovariate(per_s)
