"""Socket: a comparison tells, of one kind of metric, whether the candidate is worse.

To add one: write comparisons/<name>.py with one constant, list it in
comparisons/__init__.py. tests/contracts/test_every_comparison.py then holds it to the
rules: in expectation no bet gains while the versions are alike, or the candidate better;
no payoff is 0; the number of alternatives never changes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.analysis.bets import Bets
from gateway.analysis.design import Kind
from gateway.analysis.past import Past
from gateway.domain.rollout import Margin

AT_STAKE: Final = 0.8
"""What is bet of a wealth; the rest is cash, which a late fault finds untouched."""


class MakeBets(Protocol):
    """Makes bets from the past."""

    def __call__(
        self,
        past: Past,
        coin: float,
        tolerance: Margin,
        *,
        whole: bool,
        quantiles: tuple[float, ...],
    ) -> Bets:
        """Make a bet for each alternative, in the order of the prior.

        Args:
            past: Of the baseline, before the units that will be bet on.
            coin: Inside (0, 1): the probability with which they went to the candidate.
            tolerance: How much worse the candidate may be; neither part below 0.
            whole: Of a distribution: its shift and its far tails are tested, and not
                only *quantiles*. Other kinds do not look at it.
            quantiles: See *whole*.

        Raises:
            ValueError: The coin decides nothing.

        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How one kind of metric is compared.

    Attributes:
        kind: See Kind.
        bin_count: Bins of its units; a higher one is worse.
        prior: Gives, for `whole` and `quantiles`, what each alternative begins with.
        bets: See MakeBets.

    """

    kind: Kind
    bin_count: int
    prior: Callable[[bool, tuple[float, ...]], tuple[float, ...]]
    bets: MakeBets


def at_stake(weights: tuple[float, ...], stake: float = AT_STAKE) -> tuple[float, ...]:
    """Scale weights so that they add up to *stake*."""
    total = sum(weights)
    return tuple(stake * weight / total for weight in weights)
