"""One metric's wealth as the gateway keeps it: bets of earlier units, blocks, restarts."""

from collections.abc import Mapping

from gateway.analysis.bets import Bets, Mixture
from gateway.analysis.comparisons import COMPARISONS
from gateway.analysis.counts import Bins
from gateway.analysis.design import Kind
from gateway.analysis.past import Past
from gateway.domain.rollout import Margin

RESTART_SHARE = 0.01


class Wealth:
    """Counts units and bets on them; learns the baseline only at the end of a block.

    Args:
        kind: See Kind.
        history: The baseline's units before the rollout.
        tolerance: Of a rollback.
        restart_share: At each block; 0: none.

    """

    def __init__(
        self,
        kind: Kind,
        history: Mapping[int, int],
        *,
        tolerance: Margin | None = None,
        restart_share: float = RESTART_SHARE,
    ) -> None:
        self._comparison = COMPARISONS[kind]
        self._tolerance = tolerance or Margin()
        self._restart_share = restart_share
        self._past = Past(self._comparison.bin_count)
        self._past.add(dict(history))
        self._mixture = Mixture(self._comparison.prior(True, ()))
        self._tables: dict[float, Bets] = {}
        self._block: Bins = {}

    def add(self, coin: float, baseline: Bins, candidate: Bins) -> float:
        """Count units that were tossed with one coin; give the log of the wealth."""
        bets = self._tables.get(coin)
        if bets is None:
            bets = self._tables[coin] = self._comparison.bets(
                self._past, coin, self._tolerance, whole=True, quantiles=()
            )
        self._mixture.add(bets, baseline, candidate)
        for place, count in baseline.items():
            self._block[place] = self._block.get(place, 0) + count
        return self._mixture.total()

    def close_block(self) -> None:
        """Learn what the baseline was like in this block; share the wealth out anew."""
        self._past.add(self._block)
        self._block = {}
        self._tables = {}
        if self._restart_share:
            self._mixture.share(self._restart_share)
