"""Ours: the wealth of bets on the coin, of the metric error_rate.

The fresh process alone, with half of the alpha of a whole rollout: the other half is for
windows, in which keys count once more. It counts what was tossed a coin: requests without
a key, or the first of each key. Looked at every second (in the gateway, four times as
often). It starts from nothing: no history of the baseline is given.
"""

from math import log
from typing import Final

from gateway.analysis.bets import Bets, Mixture
from gateway.analysis.comparisons.rate import RATE
from gateway.analysis.past import Past
from gateway.domain.rollout import Margin
from loadtest.detection.traffic import Slice

_ALPHA: Final = 0.01
_FRESH: Final = 0.5
_TOLERANCE: Final = Margin(relative=0.05, absolute=0.0005)
_BLOCK: Final = 5
"""Seconds for which bets stand, as in the gateway."""

_WINDOW: Final = 600
"""Seconds after which wealth is shared out anew."""

_RESTART_SHARE: Final = 0.01


class Sluicegate:
    """The analyzer, given one metric.

    Args:
        alpha: Of the whole rollout.

    """

    def __init__(self, *, alpha: float = _ALPHA) -> None:
        self._past = Past(RATE.bin_count)
        self._wealth = Mixture(RATE.prior(True, ()))
        self._threshold = -log(alpha * _FRESH)
        self._seconds = 0
        self._weight = 0.0
        self._bets = Bets((), ())
        self._block = [0, 0]

    def condemns(self, second: Slice) -> bool:
        """See one more second."""
        if self._seconds % _BLOCK == 0 or second.weight != self._weight:
            self._block_begins(second.weight)
        self._seconds += 1
        stayed, stayed_bad = second.baseline_units
        sent, sent_bad = second.candidate_units
        self._wealth.add(
            self._bets,
            {0: stayed - stayed_bad, 1: stayed_bad},
            {0: sent - sent_bad, 1: sent_bad},
        )
        self._block[0] += stayed - stayed_bad
        self._block[1] += stayed_bad
        return self._wealth.total() >= self._threshold

    def _block_begins(self, weight: float) -> None:
        if self._seconds and (self._seconds % _WINDOW == 0 or weight != self._weight):
            self._wealth.share(_RESTART_SHARE)
        self._past.add(dict(enumerate(self._block)))
        self._block = [0, 0]
        self._weight = weight
        self._bets = RATE.bets(self._past, weight, _TOLERANCE, whole=True, quantiles=())
