"""Whether the candidate is proven to be no worse than its margin, in the current step.

Begun afresh at each step: load is what the next weight probes, and as steps have units of
their own, a candidate that is worse passes n of them with probability beta**n at most. All
metrics must pass, so beta needs no sharing out (an intersection-union test).

A unit is a whole key with its mean loss. For a quantile the loss is the part of its
exchanges beyond a threshold: the baseline's past quantile, and for the candidate the same
with the margin on it. Thresholds are fixed for a step, from what was there before; where
they are made inside it, keys that came before prove nothing of them (fixing).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, inf, log
from typing import Final

import msgspec

from gateway.analysis.bets import Bets, Mixture
from gateway.analysis.counts import Pair, Place
from gateway.analysis.design import LOSS_BINS, Design, Kind, Metric
from gateway.analysis.geometric import FAILED_BIN, bin_of, upper_bound
from gateway.analysis.lessons import KeptLessons, Lessons
from gateway.analysis.noninferiority import PROOF_PRIOR, moved, proof_bets
from gateway.analysis.past import Past
from gateway.analysis.payoffs import Spread, mean_of
from gateway.analysis.trial_process import KeptTally, Tally
from gateway.domain.rollout import Margin, Worse

_ENOUGH: Final = 50
"""Units of the baseline from which a threshold may be made."""

_WORTH_OF_GUESS: Final = 8.0
"""Whole keys that are thought of before any is known: their losses are 0 or 1."""

_WORTH_OF_MEAN: Final = 200.0
"""Whole keys that the mean of first exchanges is worth. Without it a few keys that did not
fail made stakes as if none ever did: a proof of x1.5 + 1 pp by keys of one exchange, with
0.5 % errors, took 14 % more keys on average."""

_MOVED: Final = 0.1
"""By which part a guess must move to be followed."""

_TOP: Final = LOSS_BINS - 1


class KeptProof(msgspec.Struct, array_like=True, frozen=True):
    """See Proof."""

    lessons: KeptLessons
    wealths: list[float]
    reached: float
    tally: KeptTally
    guess: float
    equal: float | None
    thresholds: tuple[float, float] | None


@dataclass(slots=True)
class _Guess:
    """What whole keys are thought to be like, from the units of the fresh process.

    Attributes:
        mean: Of the baseline's losses.
        equal: Of a quantile: the mean loss of a candidate that is like the baseline.

    """

    mean: float
    equal: float | None = None

    def is_far_from(self, other: "_Guess") -> bool:
        return _is_far(self.mean, other.mean) or _is_far(self.equal, other.equal)


def _is_far(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is not other
    return abs(one - other) > _MOVED * other


class Proof:
    """The proof of one metric, or of one of its quantiles.

    Args:
        metric: See design.Metric.
        place: Of the quantile; 0 of what has none.

    Attributes:
        thresholds: Of a quantile: the baseline's and the candidate's, in the metric's
            unit; None: not fixed yet.
        reached: The highest that ln E was at the end of a block of this step.
        tally: Whole keys of this step.

    """

    def __init__(self, metric: Metric, place: int) -> None:
        self._metric = metric
        self._place = place
        self._lessons = Lessons(LOSS_BINS, self._make)
        self._guess = _Guess(0.5)
        self._margin = metric.margins[0]
        self._mixture = Mixture(PROOF_PRIOR)
        self.thresholds: tuple[float, float] | None = None
        self.reached = 0.0
        self.tally = Tally()

    def step_begins(self, margin: Margin, past: Past) -> None:
        """Begin afresh.

        Args:
            margin: As the metric has it at this step's rung.
            past: Of the fresh process, over all.

        """
        self._margin = margin
        self._mixture = Mixture(PROOF_PRIOR)
        self.thresholds = None
        self.reached = 0.0
        self.tally = Tally()
        self._lessons.begin_again()
        self._follow(past)

    def add(self, coin: float, pair: Pair) -> None:
        """Settle bets on whole keys."""
        self._mixture.add(self._lessons.bets(coin), *pair)
        self.tally.add(coin, pair)

    def learn(self, pair: Pair) -> None:
        """Remember whole keys of the block that closes."""
        self._lessons.learn(pair[0])

    def block_ends(self, past: Past) -> None:
        """Learn: the bets of the next block may be other ones."""
        self.reached = max(self.reached, self.log_e)
        self._lessons.settle()
        self._follow(past)

    @property
    def log_e(self) -> float:
        """The log of the wealth against "worse by the margin or more"."""
        return self._mixture.total()

    def is_proven(self, beta: float) -> bool:
        """Tell whether the wealth has reached 1 / beta, and has not been lost since.

        Ville's inequality is about its ever reaching that. What was lost since can only
        hold the step, which costs no validity.
        """
        return max(self.reached, self.log_e) >= -log(beta) and self.log_e >= 0

    def units_needed(self, beta: float) -> int | None:
        """Estimate how many more candidate keys prove it, if all stays as it is.

        Returns:
            n = (ln(1/beta) - ln E_k) / g_k for the alternative k that is there first, with
            its growth g for each candidate key at the commonest coin. None: it does not
            grow, or there is too little to tell by.

        """
        coin, pair = max(
            self.tally.by_coin.items(),
            key=lambda item: _units(item[1]),
            default=(0, None),
        )
        if pair is None or not pair[0]:
            return None
        bets = self._lessons.bets(coin)
        beside = (1 - coin) / coin
        likely = (
            pair[1] or pair[0]
        )  # with no key of the candidate yet: like the baseline
        needed = []
        for place, (won, lost) in enumerate(zip(*bets, strict=True)):
            growth = _mean(won, likely) + beside * _mean(lost, pair[0])
            if growth > 0:
                short = -log(beta) - self._mixture.log_wealths[place]
                needed.append(max(short, 0.0) / growth)
        return ceil(min(needed)) if needed else None

    def kept(self) -> KeptProof:
        """Give all that must be kept."""
        return KeptProof(
            self._lessons.kept(),
            self._mixture.dump(),
            self.reached,
            self.tally.kept(),
            self._guess.mean,
            self._guess.equal,
            self.thresholds,
        )

    def load(self, kept: KeptProof, margin: Margin) -> None:
        """Go on with what was kept."""
        self._margin = margin
        self._lessons.load(kept.lessons)
        self._mixture = Mixture.load(PROOF_PRIOR, kept.wealths)
        self.reached = kept.reached
        self.tally = kept.tally.tally()
        self._guess = _Guess(kept.guess, kept.equal)
        self.thresholds = kept.thresholds

    def _make(self, past: Past, coin: float) -> Bets:
        losses = _losses(past, self._guess.mean)
        if self._metric.kind is not Kind.DISTRIBUTION:
            return proof_bets(losses, coin, self._margin)
        equal = self._guess.equal
        rarer = None if equal is None else moved(losses, equal)
        return proof_bets(losses, coin, Margin(), equal=rarer)

    def _follow(self, past: Past) -> None:
        """Fix the thresholds when they can be, and follow the guess when it has moved."""
        if self._metric.kind is Kind.DISTRIBUTION:
            if self.thresholds is None and past.total >= _ENOUGH:
                self.thresholds = self._fixed(past)
            tail = 1 - self._quantile
            guess = _Guess(
                self._beyond(past, 0, tail) or tail, self._beyond(past, 1, tail / 2)
            )
        else:
            guess = _Guess(
                past.rate() if self._metric.kind is Kind.RATE else past.mean()
            )
        if guess.is_far_from(self._guess):
            self._guess = guess
            self._lessons.begin_again()

    @property
    def _quantile(self) -> float:
        return self._metric.quantiles[self._place]

    def _fixed(self, past: Past) -> tuple[float, float]:
        """Make the thresholds; where less is worse, what is below one is beyond it.

        The quantile's own bin lies beyond: of amounts that are all alike nothing lies
        above it, and a candidate cannot have less than nothing.
        """
        last = min(past.quantile_bin(self._quantile), FAILED_BIN - 1) - 1
        smallest, margin = self._metric.smallest, self._margin
        if self._metric.worse is Worse.HIGHER:
            least = upper_bound(last, smallest) if last >= 0 else 0.0
            return least, least * (1 + margin.relative) + margin.absolute
        lowest = FAILED_BIN - 2 - last
        least = upper_bound(lowest, smallest) if lowest >= 0 else 0.0
        return least, max(least * (1 - margin.relative) - margin.absolute, 0.0)

    def _beyond(self, past: Past, which: int, before: float) -> float | None:
        """Give the part of the baseline's past that is beyond a threshold.

        Args:
            past: Of the fresh process.
            which: 0, the baseline's; 1, the candidate's.
            before: What is thought before there is data.

        """
        if self.thresholds is None:
            return None
        place = bin_of(self.thresholds[which], self._metric.smallest)
        if self._metric.worse is Worse.LOWER:
            place = FAILED_BIN - 2 - place
        place = min(max(place, 0), FAILED_BIN - 1)
        return past.share_above(place, before)


def _losses(past: Past, guess: float) -> Spread:
    """Give the losses of whole keys with their chances, beside a guess of them."""
    units = past.total + _WORTH_OF_GUESS
    certain = _WORTH_OF_GUESS * guess / units  # as if of losses of 0 and 1
    losses = [
        (place / _TOP, count / units)
        for place, count in enumerate(past.counts)
        if count
    ]
    losses += [(0.0, _WORTH_OF_GUESS / units - certain), (1.0, certain)]
    found = mean_of(losses) * units + _WORTH_OF_MEAN * guess
    return moved(losses, found / (units + _WORTH_OF_MEAN))


def _units(pair: Pair) -> int:
    return sum(pair[0].values()) + sum(pair[1].values())


def _mean(table: tuple[float, ...], bins: Mapping[int, int]) -> float:
    return sum(table[place] * n for place, n in bins.items()) / sum(bins.values())


class Proofs:
    """Every proof of a step.

    Args:
        design: Frozen.

    Attributes:
        rung: Of the ladder; None: nothing has to be proven now.

    """

    def __init__(self, design: Design) -> None:
        self._design = design
        self.rung: int | None = None
        self._proofs = {
            (number, place): Proof(metric, place)
            for number, metric in enumerate(design.metrics)
            for place in range(max(len(metric.quantiles), 1))
        }

    def step_begins(self, rung: int | None, pasts: Mapping[int, Past]) -> None:
        """Begin all afresh; pasts by metric."""
        self.rung = rung
        for (number, _place), proof in self._proofs.items():
            proof.step_begins(self._margin(number), pasts[number])

    def add(self, place: Place, pair: Pair) -> None:
        """Settle bets on whole keys, where something has to be proven."""
        if self.rung is not None:
            self._proofs[place.metric, place.cell].add(place.coin, pair)

    def learn(self, place: Place, pair: Pair) -> None:
        """Remember whole keys of the block that closes; `block_ends` follows."""
        self._proofs[place.metric, place.cell].learn(pair)

    def block_ends(self, pasts: Mapping[int, Past]) -> None:
        """Learn; see Proof."""
        for (number, _place), proof in self._proofs.items():
            proof.block_ends(pasts[number])

    def of(self, metric: int) -> list[Proof]:
        """Give the proofs of a metric, one for each quantile."""
        places = range(max(len(self._design.metrics[metric].quantiles), 1))
        return [self._proofs[metric, place] for place in places]

    def thresholds(self) -> dict[tuple[int, int], tuple[float, float]]:
        """Give those that are fixed, by metric and place of the quantile."""
        if self.rung is None:
            return {}
        return {
            key: proof.thresholds
            for key, proof in self._proofs.items()
            if proof.thresholds is not None
        }

    def log_e(self, metric: int) -> float:
        """Give the lowest ln E of a metric's proofs: what is slowest."""
        return min((proof.log_e for proof in self.of(metric)), default=-inf)

    def is_proven(self, metric: int) -> bool:
        """Tell whether all proofs of a metric are made."""
        beta = self._design.beta
        return all(proof.is_proven(beta) for proof in self.of(metric))

    def kept(self) -> list[KeptProof]:
        """Give all that must be kept."""
        return [proof.kept() for proof in self._proofs.values()]

    def load(self, rung: int | None, kept: list[KeptProof]) -> None:
        """Go on with what was kept."""
        self.rung = rung
        for ((number, _), proof), each in zip(self._proofs.items(), kept, strict=True):
            proof.load(each, self._margin(number))

    def _margin(self, metric: int) -> Margin:
        return self._design.metrics[metric].margins[self.rung or 0]
