"""Plays rollouts of two versions that are alike: whoever is taken back was taken back wrongly.

With the analyzer as it runs in the gateway, and a plan's own metrics, shares and steps;
the exchanges are drawn by dice. A/A on the traffic that comes: start a rollout whose
candidate is defined as its baseline is.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from random import Random
from typing import Final

from gateway.analysis.counts import FRESH, PROOF, Bins, Counts, Place
from gateway.analysis.design import Design
from gateway.analysis.expected import Assumed, Chances, baseline_bins
from gateway.analysis.ladder import rung_of
from gateway.analysis.margins import key_losses
from gateway.analysis.plan import StepOutlook, outlook
from gateway.analysis.trial import Trial
from gateway.control.outlook import plan_of
from gateway.domain.errors import BadConfiguration
from gateway.domain.rollout import RolloutPlan
from gateway.domain.service import Service

_BLOCK: Final = 100
_PATIENCE: Final = 4.0
"""Times the units that a proof is expected to take, until a step is given up."""

_FEWEST: Final = 2_000
"""Units of a step at least, so that there is something to take back."""

_MOST: Final = 50_000


@dataclass(slots=True)
class Played:
    """What came of many rollouts of equal versions.

    Attributes:
        rollouts: How many.
        alpha: Of each, what was promised.
        taken_back: How many were.
        proven: How many had every step proven within four times the expected units.
        by_metric: What took them back, by metric.

    """

    rollouts: int
    alpha: float
    taken_back: int = 0
    proven: int = 0
    by_metric: Counter[str] = field(default_factory=Counter)


def play(service: Service, assumed: Assumed, rollouts: int, seed: int) -> Played:
    """Play rollouts.

    Args:
        service: With a rollout.
        assumed: What both versions are like.
        rollouts: How many.
        seed: Of the dice.

    Raises:
        BadConfiguration: The service has no rollout, or none that can be designed.

    """
    found = plan_of(service)
    if found is None:
        raise BadConfiguration(
            f"{service.name} has no rollout.", remedy="Give it one to simulate."
        )
    plan, design = found
    steps = outlook(plan, design, assumed, None).steps
    played = Played(rollouts, design.alpha)
    for number in range(rollouts):
        dice = Random(seed * 1_000_003 + number)  # ruff: ignore[suspicious-non-cryptographic-random-usage]
        _Rollout(plan, design, assumed, dice).play(steps, played)
    return played


def tell(played: Played) -> Iterator[str]:
    """Say what came of them."""
    share = played.taken_back / played.rollouts
    what = ", ".join(
        f"{name} {count}" for name, count in played.by_metric.most_common()
    )
    yield (
        f"{played.rollouts:,} rollouts of two equal versions: {played.taken_back} taken "
        f"back ({share:.1%}; at most {played.alpha:.1%} was promised)"
        + (f", by {what}." if what else ".")
    )
    yield (
        f"{played.proven / played.rollouts:.0%} had every step proven within "
        f"{_PATIENCE:.0f} times the units that are expected."
    )


def as_document(played: Played) -> dict[str, object]:
    """Give it as JSON values."""
    return asdict(played)


class _Rollout:
    def __init__(
        self, plan: RolloutPlan, design: Design, assumed: Assumed, dice: Random
    ) -> None:
        self._plan = plan
        self._design = design
        self._assumed = assumed
        self._dice = dice
        self._trial = Trial(design)
        self._values = [
            _added_up(baseline_bins(metric, assumed)) for metric in design.metrics
        ]

    def play(self, steps: tuple[StepOutlook, ...], played: Played) -> None:
        all_proven = True
        for step in steps:
            is_proven = self._step(step, is_last=step is steps[-1])
            if is_proven is None:
                played.taken_back += 1
                found = self._trial.look().regressed[0]
                played.by_metric[found.metric] += 1
                return
            all_proven &= is_proven
        played.proven += all_proven

    def _step(self, step: StepOutlook, *, is_last: bool) -> bool | None:
        """Play a step: whether all was proven; None when it was taken back."""
        rung = rung_of(
            step.share,
            is_last_comparative=is_last,
            strict=self._plan.analysis.strict,
        )
        self._trial.epoch_begins()
        self._trial.step_begins(rung)
        losses = self._losses(rung)
        slowest = max((metric.units or 0 for metric in step.metrics), default=0)
        units = min(max(_PATIENCE * slowest / step.coin, _FEWEST), _MOST)
        is_proven = False
        for _ in range(0, int(units), _BLOCK):
            self._trial.add(self._block(step.coin, losses))
            assessment = self._trial.look()
            if assessment.regressed:
                return None
            is_proven |= assessment.proven
            self._trial.close_block()
        return is_proven

    def _losses(self, rung: int) -> list[list[tuple[Chances, Chances]]]:
        """Give by metric and quantile how keys' losses add up, of both versions."""
        return [
            [
                (_added_up(baseline), _added_up(candidate))
                for baseline, candidate in key_losses(
                    metric, self._assumed, metric.margins[rung]
                )
            ]
            for metric in self._design.metrics
        ]

    def _block(
        self, coin: float, losses: list[list[tuple[Chances, Chances]]]
    ) -> Counts:
        counts = Counts()
        sent = sum(self._dice.random() < coin for _ in range(_BLOCK))
        stayed = _BLOCK - sent
        for number, values in enumerate(self._values):
            ours, theirs = self._read(number, stayed), self._read(number, sent)
            counts.bins[Place(FRESH, coin, number, 0)] = (
                self._draw(values, ours),
                self._draw(values, theirs),
            )
            for place, (baseline, candidate) in enumerate(losses[number]):
                counts.bins[Place(PROOF, coin, number, place)] = (
                    self._draw(baseline, ours),
                    self._draw(candidate, theirs),
                )
        counts.units[coin] = [stayed, sent]
        counts.in_step = [stayed, sent]
        return counts

    def _read(self, number: int, units: int) -> int:
        """Give how many units a metric reads: those in its evaluator's sample, or all."""
        evaluator = self._design.evaluator_of(self._design.metrics[number])
        if evaluator is None:
            return units
        return sum(self._dice.random() < evaluator.sample for _ in range(units))

    def _draw(self, cumulative: Chances, units: int) -> Bins:
        last, roll = len(cumulative) - 1, self._dice.random
        return Counter(bisect_right(cumulative, roll(), 0, last) for _ in range(units))


def _added_up(chances: Chances) -> Chances:
    return tuple(accumulate(chances))
