"""A rollout that is guarded by a judge: from its verdicts, which come late, to decisions."""

import random
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from gateway.analysis.judged import Judged, JudgedPair, Sampled
from gateway.domain.evaluation import Evaluator, EvaluatorKind, Score
from gateway.domain.rollout import (
    MetricRule,
    PauseReason,
    Phase,
    SetMirrorRoute,
    SetWeight,
    Worse,
)
from gateway.domain.service import Service
from gateway.domain.units import BUCKETS, Seconds, Share
from gateway.domain.verdict import Judgements
from gateway.handoff.evidence import PairRecord, Record
from tests.unit.control.release import CHAT, Release, SqliteRelease, plan
from tests.unit.proxy.test_units import record

Rates: TypeAlias = tuple[float, float]
"""Of the baseline, and of the candidate."""

DEADLINE = 3.0
BAD = "judge:hallucination"
JUDGE = Evaluator(
    name="judge",
    kind=EvaluatorKind.LLM_JUDGE,
    scores=(Score(name="hallucination", is_flag=True, worse=Worse.HIGHER),),
    sample=0.5,
    deadline=Seconds(DEADLINE),
)
GUARDED: Service = replace(
    CHAT,
    evaluators=(JUDGE,),
    rollout=plan(25, 50, metrics=(MetricRule(signal=BAD),), dwell=Seconds(60.0)),
)


@dataclass
class Desk:
    """Users that come to a release, and a judge who has opinions on half of them."""

    release: Release
    seed: int = 1
    delays: Rates = (0.5, 0.5)
    fails: Rates = (0.0, 0.0)
    due: list[tuple[float, Judged]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def come(self, count: int, rates: Rates) -> None:
        """Let new keys ask, each once; half of them are in the judge's sample."""
        split = self.release.routed
        records = []
        for _ in range(count):
            made = record(self.dice.getrandbits(64))
            made.bucket = self.dice.randrange(BUCKETS)
            made.is_candidate = made.bucket < split.share
            made.arrived, made.duration = self.release.now, 0.0
            records.append(made)
            if self.dice.random() < JUDGE.sample:
                self._samples(made, split.revision, rates)
        self.release.hears(records)

    def _samples(self, made: Record, revision: int, rates: Rates) -> None:
        where: dict[str, Any] = {
            "fingerprint": made.fingerprint,
            "epoch": revision,
            "arrived": made.arrived,
        }
        self.release.decisions.sampled("chat", Sampled(evaluator="judge", **where))
        has_failed = self.dice.random() < self.fails[made.is_candidate]
        value = float(self.dice.random() < rates[made.is_candidate])
        verdict = Judged(
            signal=BAD,
            exchange=self.dice.getrandbits(64),
            is_candidate=made.is_candidate,
            value=None if has_failed else value,
            has_failed=has_failed,
            **where,
        )
        delay = self.delays[made.is_candidate] * self.dice.uniform(0.5, 1.5)
        self.due.append((self.release.now + delay, verdict))

    def tells(self) -> None:
        """Tell of the verdicts that have been reached by now, in any order."""
        ready = [each for each in self.due if each[0] <= self.release.now]
        self.due = [each for each in self.due if each[0] > self.release.now]
        for _, verdict in self.dice.sample(ready, len(ready)):
            self.release.decisions.judged("chat", verdict)

    async def goes_on(self, rates: Rates, *, looks: int = 200, keys: int = 60) -> None:
        """Let keys come and be judged, until something is decided or it is enough."""
        for _ in range(looks):
            self.come(keys, rates)
            await self.release.passes()
            self.tells()
            if self.release.phase() is not Phase.PROGRESSING:
                return

    @property
    def judgements(self) -> Judgements:
        found = self.release.live.examination.trial.findings(intervals=False)[
            0
        ].judgements
        assert found is not None
        return found


async def guarded(release: Release | None = None, **told: Any) -> Desk:
    on = release or Release(GUARDED)
    await on.begins()
    await on.starts()
    return Desk(on, **told)


async def test_a_candidate_that_hallucinates_is_taken_back_by_what_a_judge_says() -> (
    None
):
    desk = await guarded()

    await desk.goes_on((0.05, 0.3))

    assert desk.release.phase() is Phase.ROLLED_BACK
    entry = (await desk.release.entries())[-1]
    assert BAD.encode() in (entry.body or b"")
    assert {made.again for made in await desk.release.replayed()} == {None}
    assert not any(made.is_open for made in await desk.release.replayed())


@pytest.mark.parametrize("delays", [(0.3, 2.0), (2.0, 0.3)])
async def test_an_equal_candidate_is_proven_however_late_it_is_judged(
    delays: Rates,
) -> None:
    desk = await guarded(delays=delays)

    await desk.goes_on((0.05, 0.05))

    known = desk.release.live.assessment
    assert desk.release.phase() is Phase.PROGRESSING
    assert (known.regressed, known.integrity, known.unproven) == ((), None, ())
    assert known.proven
    assert desk.judgements.judged == desk.judgements.sampled
    assert {made.again for made in await desk.release.replayed()} == {None}


async def test_a_judge_that_is_down_holds_and_afterwards_it_goes_on() -> None:
    desk = await guarded(fails=(1.0, 1.0))
    await desk.goes_on((0.05, 0.05))

    known = desk.release.live.assessment
    assert desk.release.phase() is Phase.PROGRESSING
    assert (known.no_data, known.proven, known.integrity) == ((BAD,), False, None)
    assert desk.judgements.is_down
    assert desk.judgements.failed == desk.judgements.sampled > 1000

    desk.fails = (0.0, 0.0)
    await desk.goes_on((0.05, 0.05))
    known = desk.release.live.assessment
    assert (known.no_data, known.regressed, known.integrity) == ((), (), None)
    assert known.proven
    assert {made.again for made in await desk.release.replayed()} == {None}


async def test_a_candidate_that_breaks_the_judge_cannot_hide() -> None:
    """All that could be judged of it is good."""
    desk = await guarded(fails=(0.02, 0.3))

    await desk.goes_on((0.05, 0.0))

    assert desk.release.standing.pause is PauseReason.INTEGRITY
    assert BAD in (desk.release.standing.void or "")
    assert {made.again for made in await desk.release.replayed()} == {None}


async def test_a_judge_that_is_never_heard_of_holds() -> None:
    """Nobody awaits its verdicts for ever."""
    desk = await guarded()
    for _ in range(80):
        desk.come(60, (0.05, 0.5))
        await desk.release.passes()

    known = desk.release.live.assessment
    assert desk.release.phase() is Phase.PROGRESSING
    assert (known.unproven, known.proven) == ((BAD,), False)
    assert len(desk.release.live.examination.book.later.scored) < 60 * 80
    assert desk.judgements.judged == 0


async def test_another_attempt_does_not_hear_of_the_last_ones_answers() -> None:
    desk = await guarded(delays=(2.0, 2.0))
    desk.come(400, (0.0, 1.0))
    await desk.release.does("abort")
    await desk.release.does("retry")
    await desk.release.passes(4.0)
    desk.tells()
    await desk.release.passes(4.0)

    assert desk.release.phase() is Phase.PROGRESSING
    assert desk.judgements.sampled == 0


@pytest.mark.parametrize("killed_after", [1.25, 2.75, 5.0])
async def test_a_controller_that_is_killed_counts_nothing_twice(
    tmp_path: Path, killed_after: float
) -> None:
    desk = await guarded(SqliteRelease(tmp_path, GUARDED), delays=(2.0, 2.0))
    desk.come(300, (0.2, 0.2))
    sampled = len(desk.due)
    bad = sum(verdict.value or 0.0 for _, verdict in desk.due)
    told = list(desk.due)
    for _ in range(round(killed_after / 0.25)):
        await desk.release.passes()
        desk.tells()

    await desk.release.is_killed_and_begins(with_last=True)  # type: ignore[attr-defined]
    desk.due = told  # whoever does not know what was told may tell it again
    for _ in range(80):
        await desk.release.passes()
        desk.tells()

    found = desk.release.live.examination.trial.findings(intervals=False)[0]
    assert found.baseline is not None
    assert found.candidate is not None
    units = found.baseline_units, found.candidate_units
    assert sum(units) == sampled == desk.judgements.sampled
    assert found.baseline * units[0] + found.candidate * units[1] == pytest.approx(bad)
    assert {made.again for made in await desk.release.replayed()} == {None}


async def test_a_preview_is_decided_by_pairs_before_anybody_is_exposed() -> None:
    steps = (
        SetMirrorRoute(name="shadow", share=Share(100_000)),
        SetWeight(share=Share(50_000)),
    )
    previewed = replace(plan(metrics=(MetricRule(signal=BAD),)), steps=steps)
    release = Release(replace(GUARDED, rollout=previewed))
    await release.begins()
    await release.starts()
    for number in range(400):
        made, copy = record(number), record(number)
        made.arrived = copy.arrived = release.now
        release.hears([], pairs=[PairRecord(baseline=made, candidate=copy)])
        release.decisions.judged_pair(
            "chat",
            JudgedPair(
                signal=BAD,
                fingerprint=number,
                epoch=release.routed.revision,
                arrived=release.now,
                baseline=0.0,
                candidate=float(number % 3 == 0),
            ),
        )
        if number % 10 == 0:
            await release.passes()

    assert release.phase() is Phase.ROLLED_BACK
    assert release.share == 0
    assert {made.again for made in await release.replayed()} == {None}
