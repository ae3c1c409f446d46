"""The design of an analysis, frozen when a rollout begins: what is compared, and how.

Everything that a later look could be tempted to choose by what it saw is chosen here.
"""

from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.rollout import Margin, OnFailure, Worse
from gateway.domain.units import Seconds


class Kind(StrEnum):
    """How values of a metric are binned and compared."""

    RATE = "rate"  # bins: 0 no event, 1 event
    MEAN = "mean"  # loss from 0 to 1 on a grid of LOSS_BINS points
    DISTRIBUTION = "distribution"  # geometric bins, the last one for what failed


LOSS_BINS = 41
"""Points of the grid for losses in [0, 1]: point b is b / (LOSS_BINS - 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric of a design.

    Attributes:
        name: Unique: the signal, or signal:statistic where one signal has several.
        signal: See domain.rollout.MetricRule.signal.
        kind: See Kind.
        quantiles: Of a distribution: those that must hold to pass; ceilings too.
        whole: Of a distribution: whether its shift is tested besides the tails.
        is_timing: Whether it is read from the exchange after the washout.
        worse: Which way is bad news.
        smallest: Of a distribution: where its first bin ends, in its unit.
        on_failure: See OnFailure.
        share: Of its alpha, over all segments: what its fresh process gets is half.
        margins: To pass, by the rung of the ladder; the plan's own margin is all four.
        tolerance: Of the rollback, strictly inside the margins.
        ceiling: Absolute limit of the statistic; None: none.

    """

    name: str
    signal: str
    kind: Kind
    quantiles: tuple[float, ...] = ()
    whole: bool = True
    is_timing: bool = False
    worse: Worse = Worse.HIGHER
    smallest: float = 0.001
    on_failure: OnFailure = OnFailure.ROLLBACK
    share: float
    margins: tuple[Margin, Margin, Margin, Margin]
    tolerance: Margin = Margin(relative=0.05, absolute=0.0005)
    ceiling: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What is compared in one rollout.

    Attributes:
        metrics: In order; places in it are the numbers of metrics everywhere else.
        cells: (segment, value) pairs that are looked at one by one; cell number
            1 + place, and 0 is everything.
        cell_shares: By metric, by cell number: the part of alpha of (metric, cell).
            All of one on_failure add up to at most 1.
        alpha: Of the whole rollout, and again of all `pause` and of all `warn` metrics.
        beta: Of each step.
        sample_ratio_alpha: Of the sample-ratio test, which has an action of its own.
        windows: How many windows there may be; each has 1 / (2 * windows) of its share.
        restart_share: J of the fixed-share restarts, at each window and each change of
            the weight.
        minimum_units: Of the candidate in a step; and in each of required_cells.
        required_cells: Cell numbers.
        washout: See AnalysisPlan.
        warmup: See AnalysisPlan; seconds.
        by_request: Whether each request is its own unit.
        closes_after: Seconds.
        closes_exchanges: See AnalysisPlan.
        grace: Seconds after its close that a key's running exchanges are waited for.

    """

    metrics: tuple[Metric, ...]
    cells: tuple[tuple[str, str], ...] = ()
    cell_shares: tuple[tuple[float, ...], ...]
    alpha: float = 0.01
    beta: float = 0.05
    sample_ratio_alpha: float = 0.001
    windows: int = 200
    restart_share: float = 0.01
    minimum_units: int = 30
    required_cells: tuple[int, ...] = ()
    washout: int = 1
    warmup: Seconds = Seconds(0.0)
    by_request: bool = False
    closes_after: Seconds = Seconds(600.0)
    closes_exchanges: int = 20
    grace: Seconds = Seconds(30.0)
