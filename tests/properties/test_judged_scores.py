"""Judged scores: each unit once, with the verdict on its own exchange, in whatever order.

Verdicts come when they come, again, and over restarts: what is counted depends on the units
and on the verdicts alone, and never on when they came.
"""

from dataclasses import dataclass
from random import Random
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.analysis.counts import FRESH, JUDGING, Came, Counts
from gateway.analysis.design import Design, JudgedBy, Metric
from gateway.analysis.judged import Judged, Sampled
from gateway.analysis.trial import Trial
from gateway.analysis.unit_book import UnitBook
from gateway.domain.evaluation import DRAWS
from gateway.domain.rollout import Margin
from gateway.domain.units import BUCKETS, Seconds, Share
from tests.unit.analysis.exchanges import Seen, design, metric

KEYS, DEADLINE, TICK = 6, 20.0, 1.0
OUTSIDE = DRAWS // 2
SHARE = Share(50_000)
JUDGE = JudgedBy(name="judge", sample=0.5, deadline=Seconds(DEADLINE))
DESIGN = design(metric("error_rate"), metric("judge:bad"), evaluators=(JUDGE,))
NUMBER = 1

_Planned: TypeAlias = tuple[int, bool, float | None, float, int, float]
_First: TypeAlias = tuple[float, bool, float | None]
"""Of a key's first exchange in the sample: arrival, side, and the verdict on it."""

_values = st.sampled_from([0.0, 1.0, None])
_plans = st.lists(
    st.tuples(
        st.integers(0, KEYS - 1),
        st.booleans(),  # in the sample
        _values,
        st.floats(0.0, 15.0),  # from the end to the verdict
        st.integers(1, 3),  # how often it is told
        st.floats(0.0, 3.0),  # how long the answer takes
    ),
    max_size=25,
)


@dataclass
class Told:
    """Something that happens at a time."""

    at: float
    what: Seen | Sampled | Judged


def _happens(
    plan: list[_Planned], dice: Random
) -> tuple[list[Told], dict[int, _First]]:
    """Give all that happens, and the verdict on the first exchange of each key."""
    told: list[Told] = []
    asked: set[int] = set()
    firsts: dict[int, _First] = {}
    for place, (key, is_sampled, value, delay, times, lasts) in enumerate(plan):
        arrived = 100.0 + 2.0 * place + dice.random()
        ended, bucket = arrived + lasts, key * BUCKETS // KEYS
        is_first = key not in asked
        asked.add(key)
        seen = Seen(
            fingerprint=key,
            bucket=bucket,
            is_candidate=bucket < SHARE,
            arrived=arrived,
            duration=lasts,
            nth=1 if is_first else 2,
            nth_in_window=1 if is_first else 2,
            draw=dice.choice([None, 0 if is_sampled else OUTSIDE]),
        )
        told.append(Told(ended + 0.5 * dice.random(), seen))
        if is_first and is_sampled:
            firsts[key] = arrived, seen.is_candidate, value
        if not is_sampled:
            continue
        sampled = Sampled(evaluator="judge", fingerprint=key, epoch=1, arrived=arrived)
        verdict = Judged(
            signal="judge:bad",
            fingerprint=key,
            epoch=1,
            exchange=place,
            is_candidate=seen.is_candidate,
            arrived=arrived,
            value=value,
            has_failed=value is None,
        )
        for _ in range(times):
            told.append(Told(ended + 0.5 * dice.random(), sampled))
            told.append(Told(ended + 0.5 + delay * dice.random(), verdict))
    return sorted(told, key=lambda each: each.at), firsts


def _played(
    told: list[Told], restarts: set[int], *, settles: float
) -> tuple[list[tuple[bool, int, int]], list[tuple[bool, int, int]]]:
    """Play it; give what was counted of values, and of what came of judging."""
    book, kept, sums, now = UnitBook(DESIGN), dict[int, bytes](), Counts(), 100.0
    book.epoch_begins(1, SHARE, now, is_new_step=True)
    for place, each in enumerate(told):
        while now + TICK < each.at:
            now += TICK
            book.close(now - settles)
            sums.merge(book.drain())
        match each.what:
            case Seen() as seen:
                book.take(seen, revision=1, share=SHARE, names=(), cells={})
            case Sampled() as sampled:
                book.later.sample(sampled)
            case Judged() as judged:
                book.later.judge(judged)
        if place in restarts:
            written, rows = book.dump(whole=False)
            kept |= rows
            sums.merge(book.drain())
            book = UnitBook(DESIGN)
            book.load(written, {number: row for number, row in kept.items() if row})
    book.close(now + 200.0)
    sums.merge(book.drain())
    return _counted(sums, FRESH), _counted(sums, JUDGING)


def _counted(sums: Counts, process: int) -> list[tuple[bool, int, int]]:
    return sorted(
        (bool(side), value, units)
        for place, pair in sums.bins.items()
        if (place.process, place.metric) == (process, NUMBER)
        for side, bins in enumerate(pair)
        for value, units in bins.items()
    )


def _forgotten(told: list[Told], restarts: set[int]) -> set[float]:
    """Give when the units arrived that a restart knew and nobody had told of."""
    known: dict[float, int] = {}
    said: dict[float, int] = {}
    for place, each in enumerate(told):
        (known if isinstance(each.what, Seen) else said).setdefault(
            each.what.arrived, place
        )
    return {
        arrived
        for arrived, place in known.items()
        if any(place <= at < said.get(arrived, len(told)) for at in restarts)
    }


@settings(max_examples=150)
@given(plan=_plans, seed=st.integers(0, 1000), restarts=st.sets(st.integers(0, 60)))
def test_each_unit_counts_once_with_the_verdict_on_its_own_exchange(
    plan: list[_Planned],
    seed: int,
    restarts: set[int],
) -> None:
    """Records are taken up to 4 s after their arrival: nothing is settled before that."""
    told, firsts = _happens(plan, Random(seed))
    forgotten = _forgotten(told, restarts)
    values, came = _played(told, restarts, settles=4.0)

    expected: dict[tuple[bool, int], int] = {}
    judged: dict[tuple[bool, int], int] = {}
    for arrived, side, value in firsts.values():
        if arrived in forgotten:
            continue
        kind = Came.FAILED if value is None else Came.VALUE
        judged[side, kind] = judged.get((side, kind), 0) + 1
        if value is not None:
            expected[side, int(value)] = expected.get((side, int(value)), 0) + 1
    assert values == sorted((*place, n) for place, n in expected.items())
    assert came == sorted((*place, n) for place, n in judged.items())


def _judging() -> Design:
    margins = (Margin(absolute=0.1),) * 4
    compared = metric("judge:bad")
    return Design(
        metrics=(
            Metric(
                name="bad",
                signal="judge:bad",
                kind=compared.kind,
                share=1.0,
                margins=margins,
                tolerance=Margin(),
            ),
        ),
        cell_shares=((1.0,),),
        alpha=0.05,
        evaluators=(JUDGE,),
    )


def _regresses(seed: int, delays: tuple[float, float], worse: float = 1.0) -> bool:
    """Play a rollout of four steps, whose keys differ much.

    Half of them are in the sample; how soon they are judged depends on the version.
    """
    dice, book, trial = Random(seed), UnitBook(_judging()), Trial(_judging())
    moods = [dice.lognormvariate(-2.5, 1.0) for _ in range(400)]
    buckets = [dice.randrange(BUCKETS) for _ in moods]
    revision, share, now, due = 0, Share(0), 100.0, list[tuple[float, Judged]]()
    for turn in range(200):
        if turn % 50 == 0:
            revision, share = revision + 1, Share(min(share + 12_000, 60_000))
            book.epoch_begins(revision, share, now, is_new_step=True)
            trial.epoch_begins()
            trial.step_begins(0)
        for _ in range(8):
            key = dice.randrange(len(moods))
            seen = Seen(
                fingerprint=key,
                bucket=buckets[key],
                is_candidate=buckets[key] < share,
                arrived=now + dice.random(),
                window=turn // 50,
            )
            book.take(seen, revision=revision, share=share, names=(), cells={})
            if key % 2:
                verdict = _verdict(dice, seen, revision, moods[key], worse)
                due.append((now + delays[seen.is_candidate] * dice.random(), verdict))
        now += 1.0
        for _at, verdict in filter(lambda each: each[0] <= now, due):
            book.later.judge(verdict)
        due = [each for each in due if each[0] > now]
        book.close(now)
        trial.add(book.drain())
        if turn % 5 == 0:
            trial.close_block()
        if trial.look().regressed:
            return True
    return False


def _verdict(
    dice: Random, seen: Seen, revision: int, mood: float, worse: float
) -> Judged:
    chance = min(mood * (worse if seen.is_candidate else 1.0), 1.0)
    return Judged(
        signal="judge:bad",
        fingerprint=seen.fingerprint,
        epoch=revision,
        exchange=dice.getrandbits(64),
        is_candidate=seen.is_candidate,
        arrived=seen.arrived,
        value=float(dice.random() < chance),
    )


@pytest.mark.parametrize("delays", [(1.0, 15.0), (15.0, 1.0)])
def test_equal_versions_are_rarely_told_apart_however_late_one_is_judged(
    delays: tuple[float, float],
) -> None:
    """At alpha 5 % one of 20 may; more than four never do."""
    assert sum(_regresses(seed, delays) for seed in range(20)) <= 4


def test_a_worse_candidate_is_told_by_judges() -> None:
    assert sum(_regresses(seed, (5.0, 5.0), 6.0) for seed in range(10)) >= 8
