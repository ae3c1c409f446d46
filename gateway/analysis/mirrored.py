"""Mirrored pairs of a rollout: whether the candidate is worse, and whether it is proven not.

Both versions saw the same request, so no coin is needed. What is worse is only said above
a slack, which depends on the baseline's own loss: the wealth begins when 50 pairs, which
are not bet on, have told it, and the slack stays.
"""

from math import log
from typing import Final

import msgspec

from gateway.analysis.counts import PAIRS, Bins, Pair, Place, add_bins
from gateway.analysis.design import LOSS_BINS, Design, Metric
from gateway.analysis.pairs import PairWealth
from gateway.analysis.payoffs import boundary
from gateway.analysis.shares import log_threshold
from gateway.analysis.trial_process import Restarts
from gateway.domain.rollout import Margin, Worse

_ENOUGH: Final = 50
"""Pairs that tell what the baseline's loss is."""

_MOST_SLACK: Final = 0.99
_TOP: Final = LOSS_BINS - 1


class KeptPairs(msgspec.Struct, array_like=True, frozen=True):
    """See Pairs.

    Attributes:
        metric: Its number.
        cell: Its number.
        losses: See Pairs.
        differences: See Pairs.
        seen: Of losses, those of closed blocks.
        worse: Slack and wealth against "not worse"; None: not begun.
        proof: The same of the proof.
        reached: See Pairs.
        restarts: Restarts.kept, of the wealth against "not worse".

    """

    metric: int
    cell: int
    losses: Bins
    differences: Bins
    seen: Bins
    worse: tuple[float, list[float]] | None
    proof: tuple[float, list[float]] | None
    reached: float
    restarts: tuple[int, int]


class Pairs:
    """Pairs of one metric in one cell.

    Args:
        metric: See design.Metric.
        restarts: See Restarts; new.

    Attributes:
        losses: The baseline's, on the grid of losses, since the rollout began.
        differences: Of the pairs, on their grid, since then.
        reached: The highest that ln E of the proof was at the end of a block of this step.

    """

    def __init__(self, metric: Metric, restarts: Restarts) -> None:
        self._metric = metric
        self._restarts = restarts
        self._margin: Margin | None = None
        self._seen: Bins = {}
        self._worse: PairWealth | None = None
        self._proof: PairWealth | None = None
        self._slacks = [0.0, 0.0]
        self.reached = 0.0
        self.losses: Bins = {}
        self.differences: Bins = {}

    def step_begins(self, margin: Margin | None) -> None:
        """Begin the proof afresh; None: nothing is proven by pairs in this step."""
        self._margin = margin
        self._proof = None
        self.reached = 0.0
        self._begin()

    def add(self, pair: Pair) -> None:
        """Count pairs."""
        losses, differences = pair
        for wealth in (self._worse, self._proof):
            if wealth is not None:
                wealth.add(differences)
        self._restarts.counts(sum(differences.values()))
        add_bins(self.losses, losses)
        add_bins(self.differences, differences)

    def add_lost(self, pair: Pair) -> None:
        """Count pairs with a lost half by what is worst for each bet; see lost_halves."""
        least, most = pair
        if self._worse is not None:
            self._worse.add(least)
        if self._proof is not None:
            self._proof.add(most)

    def block_ends(self) -> None:
        """Begin what can be begun now, with slacks from what was there before."""
        self.reached = max(self.reached, self.log_proof)
        if self._restarts.counts(0):
            self.share()
        self._seen = dict(self.losses)
        self._begin()

    def share(self) -> None:
        """Split part of the wealth by the prior again; see Restarts."""
        if self._worse is not None:
            self._worse.share(self._restarts.part())

    @property
    def units(self) -> int:
        """How many pairs there were."""
        return sum(self.differences.values())

    @property
    def log_e(self) -> float:
        """Ln E against "not worse"; 0 until it has begun."""
        return 0.0 if self._worse is None else self._worse.log_e

    @property
    def log_proof(self) -> float:
        """Ln E of this step's proof; 0 until it has begun."""
        return 0.0 if self._proof is None else self._proof.log_e

    def is_proven(self, beta: float) -> bool:
        """See proofs.Proof.is_proven."""
        return max(self.reached, self.log_proof) >= -log(beta) and self.log_proof >= 0

    def estimates(self) -> tuple[float | None, float | None]:
        """Give the baseline's and the candidate's mean, in the metric's own unit."""
        known, pairs = sum(self.losses.values()), self.units
        if not known or not pairs:
            return None, None
        loss = sum(place * n for place, n in self.losses.items()) / (known * _TOP)
        more = sum((p - _TOP) * n for p, n in self.differences.items()) / (pairs * _TOP)
        if self._metric.worse is Worse.LOWER:
            return 1 - loss, 1 - loss - more
        return loss, loss + more

    def kept(self, metric: int, cell: int) -> KeptPairs:
        """Give all that must be kept."""
        worse, proof = (
            None if wealth is None else (slack, wealth.dump())
            for wealth, slack in zip(
                (self._worse, self._proof), self._slacks, strict=True
            )
        )
        return KeptPairs(
            metric=metric,
            cell=cell,
            losses=self.losses,
            differences=self.differences,
            seen=self._seen,
            worse=worse,
            proof=proof,
            reached=self.reached,
            restarts=self._restarts.kept(),
        )

    def load(self, kept: KeptPairs, margin: Margin | None) -> None:
        """Go on with what was kept."""
        self._margin = margin
        self.losses, self.differences = kept.losses, kept.differences
        self._seen, self.reached = kept.seen, kept.reached
        self._restarts.load(kept.restarts)
        if kept.worse is not None:
            slack, wealths = kept.worse
            self._worse = PairWealth.load(slack, wealths, is_proof=False)
            self._slacks[0] = slack
        if kept.proof is not None:
            slack, wealths = kept.proof
            self._proof = PairWealth.load(slack, wealths, is_proof=True)
            self._slacks[1] = slack

    def _begin(self) -> None:
        if self._worse is None:
            slack = self._slack(self._metric.tolerance)
            if slack is not None:
                self._worse = PairWealth(slack, is_proof=False)
                self._slacks[0] = slack
        if self._proof is None and self._margin is not None:
            slack = self._slack(self._margin)
            if slack is not None:
                self._proof = PairWealth(slack, is_proof=True)
                self._slacks[1] = slack

    def _slack(self, margin: Margin) -> float | None:
        """Give how much higher a loss may be; None: not known yet."""
        units = sum(self._seen.values())
        if not margin.relative:
            loss = 0.0
        elif units < _ENOUGH:
            return None
        else:
            loss = sum(place * n for place, n in self._seen.items()) / (units * _TOP)
        return min(max(boundary(loss, margin) - loss, 0.0), _MOST_SLACK)


class Mirrored:
    """Every pair of a rollout.

    Args:
        design: Frozen.

    """

    def __init__(self, design: Design) -> None:
        self._design = design
        self._rung: int | None = None
        self._pairs: dict[tuple[int, int], Pairs] = {}
        self._changed: set[tuple[int, int]] = set()
        self._crossed: set[tuple[int, int]] = set()

    def step_begins(self, rung: int | None) -> None:
        """Begin proofs afresh; None: pairs prove nothing in this step."""
        self._rung = rung
        for (metric, cell), pairs in self._pairs.items():
            pairs.step_begins(self._margin(metric, cell))

    def add(self, place: Place, pair: Pair) -> None:
        """Count pairs of a metric that has any."""
        if self._design.metrics[place.metric].has_pairs:
            self.of(place.metric, place.cell).add(pair)
            self._changed.add((place.metric, place.cell))

    def add_lost(self, place: Place, pair: Pair) -> None:
        """Count pairs with a lost half."""
        if self._design.metrics[place.metric].has_pairs:
            self.of(place.metric, place.cell).add_lost(pair)
            self._changed.add((place.metric, place.cell))

    def block_ends(self) -> None:
        """See Pairs."""
        for pairs in self._pairs.values():
            pairs.block_ends()

    def share(self) -> None:
        """See Restarts."""
        for pairs in self._pairs.values():
            pairs.share()

    def of(self, metric: int, cell: int) -> Pairs:
        """Give the pairs of a metric in a cell."""
        pairs = self._pairs.get((metric, cell))
        if pairs is None:
            restarts = Restarts(self._design.restart_share)
            pairs = Pairs(self._design.metrics[metric], restarts)
            self._pairs[metric, cell] = pairs
            pairs.step_begins(self._margin(metric, cell))
        return pairs

    def is_there(self, metric: int, cell: int) -> bool:
        """Tell whether there was a pair."""
        return (metric, cell) in self._pairs

    def log_proof(self, metric: int) -> float:
        """Give ln E of a metric's proof; 0 without any pair."""
        return self.of(metric, 0).log_proof if self.is_there(metric, 0) else 0.0

    def is_proven(self, metric: int) -> bool:
        """Tell whether a metric is proven in this step."""
        beta = self._design.beta
        return self.is_there(metric, 0) and self.of(metric, 0).is_proven(beta)

    def crossed(self) -> set[tuple[int, int]]:
        """Give metric and cell of what is at its threshold now, or above it."""
        for place in self._changed:
            if self._pairs[place].log_e >= self.log_threshold(*place):
                self._crossed.add(place)
            else:
                self._crossed.discard(place)
        self._changed.clear()
        return self._crossed

    def log_threshold(self, metric: int, cell: int) -> float:
        """Give ln(1 / (alpha * a)) of the pairs of a metric in a cell."""
        return log_threshold(self._design, metric, cell, PAIRS)

    def kept(self) -> list[KeptPairs]:
        """Give all that must be kept."""
        return [pairs.kept(*place) for place, pairs in self._pairs.items()]

    def load(self, rung: int | None, kept: list[KeptPairs]) -> None:
        """Go on with what was kept."""
        self._rung = rung
        for each in kept:
            pairs = self.of(each.metric, each.cell)
            pairs.load(each, self._margin(each.metric, each.cell))
            self._changed.add((each.metric, each.cell))

    def _margin(self, metric: int, cell: int) -> Margin | None:
        """Give what is to be proven; over all only."""
        if self._rung is None or cell:
            return None
        return self._design.metrics[metric].margins[self._rung]
