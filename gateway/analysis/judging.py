"""Whether judging is fair: a candidate that breaks the judge must not be able to hide.

A unit that was sampled and has no value counts for nobody. That is fair as long as values
are missing on both versions alike: then those that are there still went to the candidate as
often as the coin says. If not, the version of which fewer are there looks better or worse
than it is, whatever was judged. So what came of judging is compared by the same coin, with
an alpha of its own, both ways: do judgements fail more on one version, are more values
missing for whatever reason, and was one version sampled more often than its coin says? Like
the sample ratio it is no verdict on the candidate: it says that none can be given.

A judge that fails on both versions alike is silence: nothing is fair or unfair about it.
"""

from collections.abc import Sequence
from math import log
from typing import Final

import msgspec

from gateway.analysis import control_pairs
from gateway.analysis.bets import Bets, Mixture
from gateway.analysis.control_pairs import ControlPairs, preferred
from gateway.analysis.counts import (
    CONTROL,
    JUDGING,
    Bins,
    Came,
    Counts,
    Pair,
    Place,
    add_bins,
)
from gateway.analysis.design import Design
from gateway.analysis.past import Past
from gateway.analysis.payoffs import Payoff, bets_of, binary_payoffs, times_odds
from gateway.analysis.sample_ratio import Dumped, SampleRatio
from gateway.analysis.trial_process import Restarts
from gateway.domain.rollout import Margin, OnFailure
from gateway.domain.verdict import Judgements

_EVENTS: Final = (
    frozenset({Came.FAILED}),
    frozenset({Came.FAILED, Came.LACKING, Came.UNSAID}),
)
"""What may happen more often on one version than on the other."""

_FACTORS: Final = (1 / 8, 1 / 2, 2.0, 8.0)
"""Times the odds, on the candidate."""

_STAKE: Final = 0.8
_PRIOR: Final = (_STAKE / len(_EVENTS) / len(_FACTORS),) * len(_EVENTS) * len(_FACTORS)

_RATE_BEFORE: Final = 0.02
_WORTH_OF_RATE: Final = 50.0
"""Units that the rate before any data is worth."""

_TESTS: Final = 2
"""Tests of a metric that share its alpha: what came, and how many were sampled."""

_MANY_FAILURES: Final = 10
"""In a row, at whole blocks: then the judge is down."""

_MOST_BROKEN: Final = 0.1
"""Part of the pairs that a judge may fail on: nobody knows which half broke it, and a tenth
that were all worse would use up what most margins allow."""


class KeptJudging(msgspec.Struct, array_like=True, frozen=True):
    """See MetricJudging.

    Attributes:
        metric: Its number.
        wealths: Mixture.dump.
        past: Past.dump.
        ratio: SampleRatio.dump.
        restarts: Restarts.kept.
        sums: See MetricJudging.
        pairs: The same.
        noise: ControlPairs.served.
        failed_since: See MetricJudging.
        pairs_failed_since: Of those, pairs.
        broken: See MetricJudging.
        shown: ControlPairs.shown.

    """

    metric: int
    wealths: list[float]
    past: list[float]
    ratio: Dumped
    restarts: tuple[int, int]
    sums: tuple[Bins, Bins]
    pairs: Bins
    noise: Bins
    failed_since: int
    pairs_failed_since: int
    broken: int
    shown: Bins = {}


class MetricJudging:
    """What came of judging, in one score.

    Args:
        restarts: See Restarts; new.

    Attributes:
        sums: Units by what came, of the baseline and of the candidate.
        pairs: Mirrored pairs by what came.
        controls: See ControlPairs.
        failed_since: Failures since the last value, by closed blocks.
        broken: Pairs that the judge failed on while it was not down, by closed blocks.

    """

    def __init__(self, restarts: Restarts) -> None:
        self._restarts = restarts
        self._mixture = Mixture(_PRIOR)
        self._past = Past(len(Came))
        self._ratio = SampleRatio()
        self._tables: dict[float, Bets] = {}
        self.sums: Pair = ({}, {})
        self.pairs: Bins = {}
        self.controls = ControlPairs()
        self.failed_since = 0
        self._pairs_failed_since = 0
        self.broken = 0

    def add(self, coin: float, pair: Pair) -> None:
        """Count units, and settle bets on which version they are of."""
        if not coin:
            add_bins(self.pairs, pair[1])
            return
        bets = self._tables.get(coin)
        if bets is None:
            bets = self._tables[coin] = _bets(self._past, coin)
        self._mixture.add(bets, *pair)
        units = [sum(bins.values()) for bins in pair]
        self._ratio.add(coin, *units)
        self._restarts.counts(sum(units))
        for sums, more in zip(self.sums, pair, strict=True):
            add_bins(sums, more)

    def block_ends(self, counted: Sequence[tuple[float, Pair]]) -> None:
        """Learn what a block counted, by coin: bets on the next one may be other ones."""
        both: Bins = {}
        pairs = 0
        for coin, (baseline, candidate) in counted:
            if coin:
                self._past.add(baseline)
            else:
                pairs += candidate.get(Came.FAILED, 0)
            add_bins(both, baseline)
            add_bins(both, candidate)
        if both:
            self._tables = {}
            self._follow(both, pairs)
        if self._restarts.counts(0):
            self._mixture.share(self._restarts.part())

    def _follow(self, both: Bins, pairs: int) -> None:
        """Tell failures one by one from those of a judge that is down."""
        if not both.get(Came.VALUE):
            self.failed_since += both.get(Came.FAILED, 0)
            self._pairs_failed_since += pairs
            return
        self.broken += pairs + (0 if self.is_down else self._pairs_failed_since)
        self.failed_since = self._pairs_failed_since = 0

    @property
    def breaks(self) -> bool:
        """Whether pairs without a verdict are too many to prove anything by the others."""
        judged = self.pairs.get(Came.VALUE, 0)
        return self.broken > _MOST_BROKEN * (self.broken + judged)

    @property
    def log_e(self) -> float:
        """Ln E of whichever test is furthest, against "missing on both alike"."""
        return max(self._mixture.total(), self._ratio.log_e)

    @property
    def is_down(self) -> bool:
        """Whether nothing but failures has come for a while."""
        return self.failed_since >= _MANY_FAILURES

    def units(self, came: Came) -> int:
        """Give how many units and pairs of this kind there were."""
        counted = (*self.sums, self.pairs)
        return sum(bins.get(came, 0) for bins in counted)

    def kept(self, metric: int) -> KeptJudging:
        """Give all that must be kept."""
        return KeptJudging(
            metric=metric,
            wealths=self._mixture.dump(),
            past=self._past.dump(),
            ratio=self._ratio.dump(),
            restarts=self._restarts.kept(),
            sums=self.sums,
            pairs=self.pairs,
            noise=self.controls.served,
            failed_since=self.failed_since,
            pairs_failed_since=self._pairs_failed_since,
            broken=self.broken,
            shown=self.controls.shown,
        )

    def load(self, kept: KeptJudging) -> None:
        """Go on with what was kept."""
        self._mixture = Mixture.load(_PRIOR, kept.wealths)
        self._past = Past.load(kept.past)
        self._ratio = SampleRatio.load(kept.ratio)
        self._restarts.load(kept.restarts)
        self.sums, self.pairs = kept.sums, kept.pairs
        self.controls.served, self.controls.shown = kept.noise, kept.shown
        self.failed_since = kept.failed_since
        self._pairs_failed_since = kept.pairs_failed_since
        self.broken = kept.broken


class Judging:
    """What came of judging, in every score of a rollout.

    Args:
        design: Frozen.

    """

    def __init__(self, design: Design) -> None:
        self._design = design
        self._by_metric = {
            number: MetricJudging(Restarts(design.restart_share))
            for number, metric in enumerate(design.metrics)
            if metric.evaluator is not None
        }
        tested = [number for number in self._by_metric if self._is_tested(number)]
        self._alpha = design.sample_ratio_alpha / max(len(tested), 1)

    @property
    def log_threshold(self) -> float:
        """Ln E from which judging is unfair."""
        return -log(self._alpha / _TESTS)

    def add(self, place: Place, pair: Pair) -> None:
        """Count what JUDGING or CONTROL counts."""
        judging = self._by_metric.get(place.metric)
        if judging is None:
            return
        if place.process == CONTROL:
            judging.controls.add(pair)
        else:
            judging.add(place.coin, pair)

    def block_ends(self, block: Counts) -> None:
        """See MetricJudging."""
        found: dict[int, list[tuple[float, Pair]]] = {}
        for place, pair in block.bins.items():
            if place.process == JUDGING:
                found.setdefault(place.metric, []).append((place.coin, pair))
        for number, judging in self._by_metric.items():
            judging.block_ends(found.get(number, []))

    def is_down(self, metric: int) -> bool:
        """Whether the judge of a metric has only failed for a while."""
        judging = self._by_metric.get(metric)
        return judging is not None and judging.is_down

    def breaks(self, metric: int) -> bool:
        """Whether pairs prove nothing of a metric, because its judge failed on many."""
        judging = self._by_metric.get(metric)
        return judging is not None and judging.breaks

    def says_nothing(self, metric: int, units: int) -> bool:
        """Whether so many units were judged, and none by this score."""
        judging = self._by_metric.get(metric)
        if judging is None or judging.units(Came.VALUE):
            return False
        return judging.units(Came.UNSAID) >= units

    def integrity(self) -> str | None:
        """Say why scores cannot be compared, in a sentence; None: they can."""
        for number, judging in self._by_metric.items():
            if self._is_tested(number) and judging.log_e >= self.log_threshold:
                return self._sentence(number, judging)
        return self._blind()

    def _blind(self) -> str | None:
        """Say which judge cannot tell two answers apart, by its control pairs."""
        for number, judging in self._by_metric.items():
            said = judging.controls.integrity(self._alpha)
            if said is not None and self._is_tested(number):
                return f"{self._design.metrics[number].name}: {said}."
        return None

    def judgements(self, metric: int) -> Judgements | None:
        """Say what came of judging, for people; None of what nobody judges."""
        judging = self._by_metric.get(metric)
        evaluator = self._design.evaluator_of(self._design.metrics[metric])
        if judging is None or evaluator is None:
            return None
        controls = judging.controls
        served, shown = preferred(controls.served), preferred(controls.shown)
        return Judgements(
            sample=evaluator.sample,
            sampled=sum(judging.units(came) for came in Came),
            judged=judging.units(Came.VALUE),
            failed=judging.units(Came.FAILED),
            unsaid=judging.units(Came.UNSAID),
            is_down=judging.is_down,
            log_e=judging.log_e,
            log_threshold=self.log_threshold,
            controls=served.total,
            noise=controls.noise,
            controls_won=served.first + served.second,
            served_first=served.first,
            served_second=served.second,
            shown_first=shown.first,
            shown_second=shown.second,
            shown_tied=shown.neither,
            log_e_controls=controls.log_e,
            log_threshold_controls=control_pairs.log_threshold(self._alpha),
        )

    def kept(self) -> list[KeptJudging]:
        """Give all that must be kept."""
        return [judging.kept(number) for number, judging in self._by_metric.items()]

    def load(self, kept: list[KeptJudging]) -> None:
        """Go on with what was kept."""
        for each in kept:
            self._by_metric[each.metric].load(each)

    def _is_tested(self, number: int) -> bool:
        """Whether it can stop anything: of a warning nobody need be sure."""
        return self._design.metrics[number].on_failure is not OnFailure.WARN

    def _sentence(self, number: int, judging: MetricJudging) -> str:
        (judged, sampled), (theirs, of_theirs) = (
            (bins.get(Came.VALUE, 0), sum(bins.values())) for bins in judging.sums
        )
        return (
            f"{self._design.metrics[number].name} could be judged in {judged} of"
            f" {sampled} units of the baseline and in {theirs} of {of_theirs} of the"
            f" candidate: odds of more than {_TESTS / self._alpha:.0f} : 1 that scores are"
            " not missing on both alike. The evaluator's failures say why."
        )


def _bets(past: Past, coin: float) -> Bets:
    return bets_of([
        _on(event, factor, past, coin) for event in _EVENTS for factor in _FACTORS
    ])


def _on(events: frozenset[Came], factor: float, past: Past, coin: float) -> Payoff:
    """Bet that these are so many times as likely on the candidate."""
    known = sum(past.counts[came] for came in events)
    rate = (known + _RATE_BEFORE * _WORTH_OF_RATE) / (past.total + _WORTH_OF_RATE)
    won, lost = binary_payoffs(rate, times_odds(rate, factor), coin, Margin())
    return Payoff(
        tuple(won[came in events] for came in Came),
        tuple(lost[came in events] for came in Came),
    )
