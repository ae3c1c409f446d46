"""Judges that err and are late: what they prove, and how soon they find what is worse.

With the units, the queue and the trial as they run in the gateway. The candidate answers
more slowly and is judged later; how the judge errs does not depend on the version.
"""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random

import pytest

from gateway.analysis.counts import FRESH
from gateway.analysis.design import Design, JudgedBy, Kind, Metric
from gateway.analysis.expected import Assumed
from gateway.analysis.faults import Fault, event_times, units_to_detect
from gateway.analysis.judged import Judged, Sampled
from gateway.analysis.shares import log_threshold
from gateway.analysis.trial import Trial
from gateway.analysis.unit_book import UnitBook
from gateway.domain.rollout import Margin
from gateway.domain.units import BUCKETS, Seconds, Share
from gateway.domain.verdict import Assessment
from tests.calibration.figures import four_sigma, note, quantile
from tests.unit.analysis.exchanges import Seen

ALPHA, SHARE, SAMPLE, DEADLINE = 0.05, Share(25_000), 0.3, Seconds(30.0)
BAD = "judge:hallucination"
DESIGN = Design(
    metrics=(
        Metric(
            name=BAD,
            signal=BAD,
            kind=Kind.RATE,
            share=1.0,
            margins=(Margin(relative=0.5, absolute=0.02),) * 4,
        ),
    ),
    cell_shares=((1.0,),),
    alpha=ALPHA,
    evaluators=(JudgedBy(name="judge", sample=SAMPLE, deadline=DEADLINE),),
)
TRUE = Assumed(bad=0.05, sensitivity=0.8, specificity=0.9)
TRIPLED = Fault(kind=Kind.RATE, name="5 to 15 %", apply=event_times(3.0))

A_SECOND, TICK = 20, 5.0
LASTS = (1.0, 8.0)
"""Mean seconds of an answer, by version."""


@dataclass
class Judge:
    """One that errs.

    Attributes:
        assumed: How often, and what the baseline is like.
        factor: Times the truth on the candidate.
        delays: Mean seconds until a verdict, by version.
        fails: Chance that there is none.

    """

    assumed: Assumed = TRUE
    factor: float = 1.0
    delays: tuple[float, float] = (1.0, 6.0)
    fails: float = 0.05

    def value(self, dice: Random, *, is_candidate: bool) -> float | None:
        """Say whether an answer is bad; None: it fails."""
        if dice.random() < self.fails:
            return None
        factor = self.factor if is_candidate else 1.0
        is_bad = dice.random() < self.assumed.bad * factor
        noticed = self.assumed.sensitivity if is_bad else 1 - self.assumed.specificity
        return float(dice.random() < noticed)


class Rollout:
    """A step of a rollout, whose requests have no key."""

    def __init__(self, judge: Judge, seed: int, design: Design = DESIGN) -> None:
        self._judge, self._dice = judge, Random(seed)
        self._book, self.trial = UnitBook(design), Trial(design)
        self._book.epoch_begins(1, SHARE, 0.0, is_new_step=True)
        self.trial.step_begins(1)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._running: set[float] = set()
        self._number = 0
        self.now = 0.0

    def look(self) -> Assessment:
        """Let a tick pass, and close its block."""
        end = self.now + TICK
        while self.now < end:
            self.now += self._dice.expovariate(A_SECOND)
            self._comes(self.now)
            self._happen(self.now)
        self._book.close(min(self._running, default=self.now))
        self.trial.add(self._book.drain())
        assessment = self.trial.look()
        self.trial.close_block()
        return assessment

    @property
    def judged(self) -> int:
        """Units of the candidate that have a value, and of which nobody else knows."""
        (finding,) = self.trial.findings(intervals=False)
        return finding.candidate_units

    def _comes(self, arrived: float) -> None:
        dice = self._dice
        is_candidate = dice.random() < SHARE / BUCKETS
        lasts = dice.expovariate(1 / LASTS[is_candidate])
        seen = Seen(
            fingerprint=dice.getrandbits(64),
            bucket=None,
            is_candidate=is_candidate,
            arrived=arrived,
            duration=lasts,
            window=int(arrived / 600.0),
        )
        self._running.add(arrived)
        self._at(arrived + lasts, lambda: self._ends(seen))

    def _ends(self, seen: Seen) -> None:
        self._running.discard(seen.arrived)
        self._book.take(seen, revision=1, share=SHARE, names=(), cells={})
        if self._dice.random() >= SAMPLE:
            return
        sampled = Sampled(
            evaluator="judge",
            fingerprint=seen.fingerprint,
            epoch=1,
            arrived=seen.arrived,
        )
        self._book.later.sample(sampled)
        value = self._judge.value(self._dice, is_candidate=seen.is_candidate)
        judged = Judged(
            signal=BAD,
            fingerprint=seen.fingerprint,
            epoch=1,
            exchange=0,
            is_candidate=seen.is_candidate,
            arrived=seen.arrived,
            value=value,
            has_failed=value is None,
        )
        delay = self._dice.expovariate(1 / self._judge.delays[seen.is_candidate])
        due = seen.arrived + seen.duration + min(delay, DEADLINE)
        self._at(due, lambda: self._book.later.judge(judged))

    def _at(self, due: float, act: Callable[[], None]) -> None:
        self._number += 1
        heappush(self._events, (due, self._number, act))

    def _happen(self, now: float) -> None:
        while self._events and self._events[0][0] <= now:
            heappop(self._events)[2]()


def until_found(judge: Judge, seed: int, *, most: float) -> int | None:
    """Give the candidate's units until it is found to be worse; None: it is not."""
    on = Rollout(judge, seed)
    while on.now < most:
        if on.look().regressed:
            return on.judged
    return None


def predicted(assumed: Assumed) -> int:
    units = units_to_detect(
        DESIGN.metrics[0],
        assumed,
        TRIPLED,
        SHARE / BUCKETS,
        log_threshold(DESIGN, 0, 0, FRESH),
    )
    assert units is not None
    return units


@pytest.mark.parametrize(
    ("assumed", "runs"),
    [
        (Assumed(bad=0.05), 20),
        pytest.param(TRUE, 60, marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
def test_hallucinations_are_found_when_it_was_said(assumed: Assumed, runs: int) -> None:
    judge = Judge(assumed, factor=3.0)
    found = [until_found(judge, seed, most=6_000.0) for seed in range(runs)]

    units = [each for each in found if each is not None]
    mean, expected = sum(units) / len(units), predicted(assumed)
    note(
        f"hallucinations 5 to 15 %, judge {assumed.sensitivity}/{assumed.specificity}: "
        f"{mean:.0f} on average, median {quantile(units, 0.5)} "
        f"(expected {expected}, {runs} runs, {len(units)} found)"
    )
    assert len(units) >= 0.95 * runs
    assert 0.7 * expected <= mean <= 1.3 * expected


@pytest.mark.parametrize(
    ("delays", "runs"),
    [
        ((1.0, 20.0), 5),
        pytest.param(
            (1.0, 6.0), 150, marks=[pytest.mark.slow, pytest.mark.timeout(900)]
        ),
        pytest.param(
            (15.0, 1.0), 100, marks=[pytest.mark.slow, pytest.mark.timeout(900)]
        ),
    ],
)
def test_equal_versions_are_left_alone_and_proven_however_late_one_is_judged(
    delays: tuple[float, float], runs: int
) -> None:
    """In the order in which verdicts come, 33 of 60 were stopped with (1, 25) seconds."""
    false = stopped = proven = 0
    for seed in range(runs):
        on = Rollout(Judge(delays=delays), seed)
        known = Assessment()
        while on.now < 600.0 and not (known.regressed or known.integrity):
            known = on.look()
        false += bool(known.regressed)
        stopped += known.integrity is not None
        proven += known.proven

    note(
        f"equal versions judged after {delays} s: {false} taken back, {stopped} stopped,"
        f" {proven} proven of {runs}"
    )
    assert false / runs <= ALPHA + four_sigma(ALPHA, runs)
    assert stopped <= 1
    assert proven > 0.8 * runs


def test_a_judge_that_fails_more_on_the_candidate_is_found_out() -> None:
    """Those may have been the bad ones."""
    runs, found = 10, 0
    for seed in range(runs):
        on = Rollout(Breaks(), seed)
        known = Assessment()
        while on.now < 600.0 and not (known.regressed or known.integrity):
            known = on.look()
        found += known.integrity is not None
    assert found == runs


class Breaks(Judge):
    """Has no verdict on a third of the candidate's answers."""

    def value(self, dice: Random, *, is_candidate: bool) -> float | None:
        if is_candidate and dice.random() < 1 / 3:
            return None
        return super().value(dice, is_candidate=is_candidate)
