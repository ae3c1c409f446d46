"""Answers that differ from each other: spread, tails, and faults of some requests alone."""

import math
from collections.abc import Callable
from dataclasses import replace
from statistics import NormalDist
from typing import Final

from loadtest.upstreams.behaviour import Behaviour

_NORMAL: Final = NormalDist()
_LEAST: Final = 1e-6


def varied(
    how: Behaviour, dice: Callable[[], float], request_bytes: int
) -> tuple[Behaviour, bool]:
    """Give what one request gets, and whether it fails.

    Args:
        how: The server's behaviour.
        dice: From 0 to 1.
        request_bytes: Length of the request's body.

    """
    fails = how.error > 0 and dice() < how.error
    if not how.varies:
        return how, fails
    if how.spread:
        length = _spread(how.spread, dice)
        how = replace(
            how,
            first_token=how.first_token * _spread(how.spread, dice),
            text_bytes=max(4, round(how.text_bytes * length)),
            events=max(3, round(how.events * length)),
        )
    if request_bytes < how.beyond:
        return how, fails and not how.beyond
    if how.slow and dice() < how.slow:
        how = replace(how, first_token=how.first_token + how.slow_by)
    if how.refusals and dice() < how.refusals:
        how = replace(how, refusal=True)
    if how.wrong and dice() < how.wrong:
        how = replace(how, is_wrong=True)
    return how, fails


def _spread(sigma: float, dice: Callable[[], float]) -> float:
    """Give a factor, lognormal around 1."""
    share = min(max(dice(), _LEAST), 1 - _LEAST)
    return math.exp(sigma * _NORMAL.inv_cdf(share))
