"""The absolute ceilings of a plan: what is left to go by where nothing is compared.

No part of alpha protects them; each has a wealth of its own, against "within the ceiling".
"""

from math import log
from typing import Final

import msgspec

from gateway.analysis.ceiling import CeilingWealth
from gateway.analysis.counts import Bins
from gateway.analysis.design import LOSS_BINS, Design, Kind, Metric
from gateway.analysis.pairs import PairWealth
from gateway.analysis.trial_process import Restarts

_TOP: Final = LOSS_BINS - 1


class KeptLimit(msgspec.Struct, array_like=True, frozen=True):
    """See Limit.

    Attributes:
        metric: Its number.
        wealths: Of its wealth.
        restarts: Restarts.kept.
        units: See Limit.
        events: See Limit.

    """

    metric: int
    wealths: list[float]
    restarts: tuple[int, int]
    units: int
    events: float


class Limit:
    """The ceiling of one metric.

    A rate's events, and amounts beyond a quantile's ceiling, are counted by who reads the
    exchanges. The mean of losses is bet on as the pairs are, against a loss of 0.

    Args:
        metric: Which has a ceiling.
        restarts: See Restarts; new.

    Attributes:
        units: Of the candidate.
        events: Over the ceiling; of a mean the sum of losses.

    """

    def __init__(self, metric: Metric, restarts: Restarts) -> None:
        self._metric = metric
        self._restarts = restarts
        self._wealth = self._made()
        self.units = 0
        self.events = 0.0

    def add(self, units: int, events: int) -> None:
        """Count units, and those over the ceiling."""
        if isinstance(self._wealth, CeilingWealth):
            self._wealth.add(units, events)
            self._count(units, events)

    def add_losses(self, bins: Bins) -> None:
        """Count losses of a mean; of others they are counted by `add`."""
        if isinstance(self._wealth, PairWealth):
            self._wealth.add({place + _TOP: count for place, count in bins.items()})
            losses = sum(place * n for place, n in bins.items()) / _TOP
            self._count(sum(bins.values()), losses)

    def share(self) -> None:
        """Split part of the wealth by the prior again; see Restarts."""
        self._wealth.share(self._restarts.part())

    def block_ends(self) -> None:
        """Split wealth anew if it is time."""
        if self._restarts.counts(0):
            self.share()

    @property
    def log_e(self) -> float:
        """Ln E against "within the ceiling"."""
        return self._wealth.log_e

    @property
    def estimate(self) -> float | None:
        """The candidate's rate or mean; None of a quantile, and without units."""
        if not self.units or self._metric.kind is Kind.DISTRIBUTION:
            return None
        return self.events / self.units

    def kept(self, metric: int) -> KeptLimit:
        """Give all that must be kept."""
        restarts = self._restarts.kept()
        return KeptLimit(metric, self._wealth.dump(), restarts, self.units, self.events)

    def load(self, kept: KeptLimit) -> None:
        """Go on with what was kept."""
        self._wealth = self._made(kept.wealths)
        self._restarts.load(kept.restarts)
        self.units, self.events = kept.units, kept.events

    def _count(self, units: int, events: float) -> None:
        self.units += units
        self.events += events
        self._restarts.counts(units)

    def _made(self, wealths: list[float] | None = None) -> CeilingWealth | PairWealth:
        """Make the wealth: a quantile's ceiling is one for the rate beyond it."""
        ceiling = self._metric.ceiling or 0.0
        if self._metric.kind is Kind.MEAN:
            if wealths is None:
                return PairWealth(ceiling, is_proof=False)
            return PairWealth.load(ceiling, wealths, is_proof=False)
        if self._metric.kind is Kind.DISTRIBUTION:
            ceiling = 1 - self._metric.quantiles[-1]
        if wealths is None:
            return CeilingWealth(ceiling)
        return CeilingWealth.load(ceiling, wealths)


class Limits:
    """Every ceiling of a plan.

    Args:
        design: Frozen.

    Attributes:
        log_threshold: Of each.

    """

    def __init__(self, design: Design) -> None:
        self.log_threshold = -log(design.alpha)
        self.by_metric = {
            number: Limit(metric, Restarts(design.restart_share))
            for number, metric in enumerate(design.metrics)
            if metric.ceiling is not None
        }

    def add(self, ceilings: dict[int, list[int]]) -> None:
        """Count units by metric; see Counts.ceilings."""
        for number, (units, events) in ceilings.items():
            if number in self.by_metric:
                self.by_metric[number].add(units, events)

    def add_losses(self, metric: int, bins: Bins) -> None:
        """Count the candidate's units of the fresh process, for a mean's ceiling."""
        if metric in self.by_metric:
            self.by_metric[metric].add_losses(bins)

    def share(self) -> None:
        """See Restarts."""
        for limit in self.by_metric.values():
            limit.share()

    def block_ends(self) -> None:
        """See Limit."""
        for limit in self.by_metric.values():
            limit.block_ends()

    def crossed(self) -> list[int]:
        """Give the metrics whose ceiling was passed."""
        return [
            number
            for number, limit in self.by_metric.items()
            if limit.log_e >= self.log_threshold
        ]

    def kept(self) -> list[KeptLimit]:
        """Give all that must be kept."""
        return [limit.kept(number) for number, limit in self.by_metric.items()]

    def load(self, kept: list[KeptLimit]) -> None:
        """Go on with what was kept."""
        for each in kept:
            self.by_metric[each.metric].load(each)
