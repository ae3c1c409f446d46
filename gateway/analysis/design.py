"""The design of an analysis, frozen when a rollout begins: what is compared, and how.

Everything that a later look could be tempted to choose by what it saw is chosen here.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.domain.rollout import FEEDBACK, Margin, OnFailure, Worse
from gateway.domain.units import Seconds


class Kind(StrEnum):
    """How values of a metric are binned and compared."""

    RATE = "rate"  # bins: 0 no event, 1 event
    MEAN = "mean"  # loss from 0 to 1 on a grid of LOSS_BINS points
    DISTRIBUTION = "distribution"  # geometric bins, the last one for what failed


_LEAVING: Final = frozenset({"cancel_rate", "client_cancelled"})

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
        margins: To pass, by the rung of the ladder (metrics.rung_of); the plan's own
            margin is all four. Of RATE and MEAN they are of losses, of which more is
            worse; where less of the signal is worse, relative may be below 0
            (ladder.as_losses). Of a distribution they are of its amount.
        tolerance: Of the rollback, strictly inside the margins; of losses, or of a
            distribution's bins, of which a higher one is worse.
        ceiling: Absolute limit of the statistic; None: none.
        is_default: Nobody listed it. It is left out of what must be proven in a step in
            which it is never measured (Assessment.left_out); a listed one holds the step.

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
    is_default: bool = False

    @property
    def is_late(self) -> bool:
        """Whether it counts feedback, which comes later than the answer (analysis.late)."""
        return self.signal.startswith(FEEDBACK)

    @property
    def has_pairs(self) -> bool:
        """Whether mirrored pairs are judged by it.

        Outcome and quality are; amounts never, doubled load changes them by itself; nor
        what comes from who sees the answer, as nobody sees the one to a copy: feedback,
        and leaving. Only the half with a client can be left.
        """
        is_amount = self.kind is Kind.DISTRIBUTION or self.is_timing
        return not (is_amount or self.is_late or self.signal in _LEAVING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What is compared in one rollout.

    Attributes:
        metrics: In order; places in it are the numbers of metrics everywhere else.
        cells: (segment, value) pairs that are looked at one by one; cell number
            1 + place, and 0 is everything.
        cell_shares: By metric, by cell number: the part of alpha of (metric, cell).
            All of one on_failure add up to at most 1.
        alpha: Of the whole rollout, and again of all `pause` and of all `warn` metrics;
            of an examination that began from nothing, its part (shares.designed_for).
        beta: Of each step.
        sample_ratio_alpha: Of all that questions integrity (shares.INTEGRITY_TESTS), which
            has an action of its own.
        window: How long one is; seconds.
        windows: How many are planned; each has 1 / (2 * windows) of its share, and what
            comes after them lives on the reserve (shares.window_part).
        pairs_part: Of the share of each metric that has pairs, what they get; the fresh
            process has it less. 0: nothing is mirrored.
        restart_share: J of the fixed-share restarts; see trial_process.Restarts.
        minimum_units: Of the candidate in a step; and in each of required_cells.
        required_cells: Cell numbers.
        washout: See AnalysisPlan.
        warmup: See AnalysisPlan; seconds.
        by_request: Whether each request is its own unit.
        closes_after: Seconds.
        closes_exchanges: See AnalysisPlan.
        grace: Seconds after its close that a key's running exchanges are waited for.
        feedback_deadline: Seconds after its assignment for which feedback on a unit
            counts; then it closes.

    """

    metrics: tuple[Metric, ...]
    cells: tuple[tuple[str, str], ...] = ()
    cell_shares: tuple[tuple[float, ...], ...]
    alpha: float = 0.01
    beta: float = 0.05
    sample_ratio_alpha: float = 0.001
    window: Seconds = Seconds(600.0)
    windows: int = 200
    pairs_part: float = 0.0
    restart_share: float = 0.01
    minimum_units: int = 30
    required_cells: tuple[int, ...] = ()
    washout: int = 1
    warmup: Seconds = Seconds(0.0)
    by_request: bool = False
    closes_after: Seconds = Seconds(600.0)
    closes_exchanges: int = 20
    grace: Seconds = Seconds(35.0)
    feedback_deadline: Seconds = Seconds(86_400.0)
