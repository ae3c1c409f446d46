"""Which margins can be proven, and with how many keys."""

from math import log
from statistics import NormalDist
from typing import Final

from gateway.analysis.design import Kind, Metric
from gateway.analysis.expected import (
    GRID,
    Assumed,
    Chances,
    bell,
    gains,
    shares_of_events,
    units_until,
)
from gateway.analysis.noninferiority import PROOF_PRIOR, proof_bets
from gateway.domain.rollout import Margin

_WIDEST: Final = 0.5
_HALVINGS: Final = 20
_normal: Final = NormalDist()


def units_to_prove(
    metric: Metric, assumed: Assumed, margin: Margin, coin: float, beta: float
) -> int | None:
    """Give the whole keys on the candidate that prove an equal one within a margin.

    For distributions the slowest of the metric's quantiles; every metric of a plan has to
    pass, so a step takes what its slowest metric takes (no correction: an
    intersection-union test).

    Args:
        metric: Whose margin it is.
        assumed: Of the baseline, and of the candidate as well.
        margin: See proof_bets; of a distribution only the relative part.
        coin: Inside (0, 1).
        beta: Chance of passing a candidate that is worse by the margin.

    Returns:
        None: never; there is no room below the margin.

    """
    needed: list[int] = []
    for equal, beyond in key_losses(metric, assumed, margin):
        is_quantile = metric.kind is Kind.DISTRIBUTION
        bets = proof_bets(
            tuple(zip(GRID, equal, strict=True)),
            coin,
            Margin() if is_quantile else margin,
            equal=tuple(zip(GRID, beyond, strict=True)) if is_quantile else None,
        )
        units = units_until(-log(beta), PROOF_PRIOR, gains(bets, equal, beyond, coin))
        if units is None:
            return None
        needed.append(units)
    return max(needed)


def smallest_margin(
    metric: Metric,
    assumed: Assumed,
    margin: Margin,
    coin: float,
    beta: float,
    units: float,
) -> Margin | None:
    """Give the narrowest margin that so many candidate keys can be expected to prove.

    Args:
        metric: See units_to_prove.
        assumed: See units_to_prove.
        margin: Its relative part is kept, and its absolute part varied; of distributions
            the relative part is varied.
        coin: Inside (0, 1).
        beta: See units_to_prove.
        units: Whole keys on the candidate.

    Returns:
        None: not even a margin of 0.5.

    """

    def varied(width: float) -> Margin:
        if metric.kind is Kind.DISTRIBUTION:
            return Margin(relative=width)
        return Margin(relative=margin.relative, absolute=width)

    def suffices(width: float) -> bool:
        needed = units_to_prove(metric, assumed, varied(width), coin, beta)
        return needed is not None and needed <= units

    least, most = 0.0, _WIDEST
    if not suffices(most):
        return None
    for _ in range(_HALVINGS):
        middle = (least + most) / 2
        least, most = (least, middle) if suffices(middle) else (middle, most)
    return varied(most)


def key_losses(
    metric: Metric, assumed: Assumed, margin: Margin
) -> list[tuple[Chances, Chances]]:
    """Give the chances of a key's loss, of the baseline and of an equal candidate.

    They differ for quantiles: a candidate's exceedance is one of a threshold that has the
    margin inside.
    """
    is_single = metric.is_late or metric.evaluator is not None
    exchanges = 1 if is_single else assumed.exchanges
    match metric.kind:
        case Kind.RATE:
            equal = shares_of_events(assumed.rate_of(metric), exchanges)
            return [(equal, equal)]
        case Kind.MEAN:
            equal = bell(assumed.loss, assumed.spread / exchanges**0.5)
            return [(equal, equal)]
        case Kind.DISTRIBUTION:
            far = log(1 + margin.relative) / assumed.sigma
            return [
                (
                    shares_of_events(1 - q, assumed.exchanges),
                    shares_of_events(
                        1 - _normal.cdf(_normal.inv_cdf(q) + far), assumed.exchanges
                    ),
                )
                for q in metric.quantiles
            ]
