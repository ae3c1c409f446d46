"""Who came first counts, over all workers; and where units went is known when they come."""

from collections.abc import Sequence

import pytest

from gateway.analysis.counts import FRESH, Place
from gateway.control.designs import design_for
from gateway.control.examination import Examination, Stage
from gateway.domain.rollout import PauseReason, Phase
from gateway.domain.units import BUCKETS, Share
from gateway.handoff.evidence import Arrival, Block, Record
from tests.unit.control.release import CHAT, Release, plan
from tests.unit.control.test_life_of_a_decision import _on
from tests.unit.proxy.test_units import record

SHARE = Share(50_000)
ERRORS = Place(FRESH, 0.5, 0, 0)


class Heard:
    """An examination that hears workers."""

    def __init__(self) -> None:
        self.examination = Examination(design_for(CHAT, plan()), ())
        self.examination.epoch_begins(1, SHARE, 0.0, step=Stage(number=1, rung=1))

    def hears(
        self,
        worker: int,
        *records: Record,
        arrivals: Sequence[Arrival] = (),
        revision: int = 1,
    ) -> None:
        block = Block(
            service="chat",
            revision=revision,
            versions=("v1", "v2"),
            share=SHARE,
            names=(),
            segments=0,
            arrivals=list(arrivals),
            records=list(records),
        )
        self.examination.take(block, worker=worker)

    def looks(self, settled: float, until: float) -> dict[int, int]:
        """Give the candidate's units by whether they failed."""
        self.examination.look(settled, until, lambda: None)
        found = self.examination.close_block().bins.get(ERRORS)
        return {} if found is None else found[1]


def ended(arrived: float, outcome: str = "complete") -> Record:
    made = record(7)
    made.arrived, made.outcome = arrived, outcome
    return made


def came(at: float, fingerprint: int = 7) -> Arrival:
    return Arrival(fingerprint, at, 0, True)


def test_what_fails_quickly_does_not_take_the_place_of_who_came_first() -> None:
    """One key, two workers: the second one's exchange fails while the first one's runs."""
    heard = Heard()
    heard.hears(1, arrivals=[came(10.0)])
    heard.hears(2, ended(11.0, "upstream_error"), arrivals=[came(11.0)])
    assert heard.looks(10.0, 12.0) == {}
    heard.hears(1, ended(10.0))
    assert heard.looks(12.0, 13.0) == {0: 1}


def test_what_fails_and_came_first_counts_while_others_are_running() -> None:
    heard = Heard()
    heard.hears(1, ended(11.0, "upstream_error"), arrivals=[came(11.0)])
    heard.hears(2, arrivals=[came(11.5)])
    assert heard.looks(2.0, 12.0) == {1: 1}


def test_whose_message_is_read_first_does_not_matter() -> None:
    heard = Heard()
    heard.hears(2, ended(11.0, "upstream_error"), arrivals=[came(11.0)])
    assert heard.looks(2.0, 11.0) == {}  # until then the other worker has told
    heard.hears(1, ended(10.0), arrivals=[came(10.0)])
    assert heard.looks(12.0, 12.0) == {0: 1}


def test_a_worker_may_know_of_a_weight_before_its_epoch_has_begun() -> None:
    heard = Heard()
    heard.hears(1, arrivals=[came(11.0)], revision=2)
    heard.examination.epoch_begins(2, SHARE, 11.5, step=None)
    heard.examination.look(11.0, 12.0, lambda: None)
    assert heard.examination.close_block().came == {0.5: [0, 1]}


def test_keys_count_in_the_order_in_which_they_came() -> None:
    """Under the first weight, at one worker, and then under the second, at another."""
    heard = Heard()
    heard.examination.epoch_begins(2, SHARE, 11.0, step=None)
    heard.hears(2, arrivals=[came(11.2)], revision=2)
    heard.examination.look(11.0, 11.1, lambda: None)
    heard.hears(1, arrivals=[came(10.9)])
    heard.examination.look(11.0, 12.0, lambda: None)
    assert heard.examination.close_block().came == {
        0.5: [0, 1]
    }  # once: no coin is left
    key = heard.examination.book._keys.get(7)
    assert key is not None
    assert key.came == 2


def test_a_late_fault_counts_at_once_whichever_worker_meets_it() -> None:
    """The key's firsts were counted at another worker, and a long exchange runs."""
    heard = Heard()
    early = [ended(10.0), ended(11.0)]
    for nth, made in enumerate(early, 1):
        made.nth = made.nth_in_window = nth
    heard.hears(1, *early, arrivals=[came(10.0)])
    assert heard.looks(12.0, 12.0) == {0: 1}

    late = ended(700.0, "upstream_error")
    late.window = 1
    heard.hears(2, late, arrivals=[Arrival(7, 700.0, 1, True)])
    heard.examination.look(13.0, 701.0, lambda: None)

    bins = heard.examination.close_block().bins
    errors = {at.process: pair for at, pair in bins.items() if at.metric == 0}
    assert [pair for process, pair in errors.items() if process >= 0] == [({}, {1: 1})]


# A restart while the quicker version's exchanges wait for the slower one's


def restarted(heard: Heard) -> Heard:
    trial, kept, keys = heard.examination.dump(whole=True)
    heard.examination = Examination.load(
        heard.examination.design, (), trial, kept, keys
    )
    return heard


def quicker(keys: int) -> list[Record]:
    """Give the baseline's records, which have ended; all of the candidate's run."""
    records = [record(number) for number in range(keys)]
    for number, made in enumerate(records):
        made.bucket, made.is_candidate = 80_000, False
        made.arrived = 10.0 + number / keys
    return records


def settled_units(heard: Heard) -> dict[float, list[int]]:
    """Let a candidate's exchange end too, and all be settled; give the units by coin."""
    late = ended(10.5)
    late.fingerprint = 1 << 20
    heard.hears(1, late)
    heard.looks(20.0, 20.0)
    heard.examination.look(10_000.0, 10_000.0, lambda: None)
    return heard.examination.close_block().units


def test_all_that_wait_outlive_a_restart() -> None:
    heard = Heard()
    heard.hears(1, *quicker(6_000))
    assert settled_units(restarted(heard)) == {0.5: [6_000, 1]}


def test_where_more_wait_than_are_kept_neither_version_is_counted_for_the_split(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is lost is the quicker version's: the slower one's would look like too many."""
    monkeypatch.setattr("gateway.control.arrivals.MOST_KEPT", 5)
    heard = Heard()
    heard.hears(1, *quicker(20))
    heard.looks(10.06, 10.06)  # two of them, which would be settled some day
    assert settled_units(restarted(heard)) == {}


# A rollout whose split is not as tossed


def _arrivals(release: Release, keys: int, share: int) -> list[Arrival]:
    """Let keys come that are split as if the weight were another one."""
    buckets = [number * 7919 % BUCKETS for number in range(keys)]
    return [Arrival(bucket, release.now, 0, bucket < share) for bucket in buckets]


async def test_a_split_that_is_not_as_tossed_is_told_within_a_look() -> None:
    release = await _on(rollout=plan(20, 50))
    release.hears([], arrivals=_arrivals(release, 3_000, share=10_000))

    await release.passes(0.25)

    assert release.phase() is Phase.PAUSED
    assert release.standing.pause is PauseReason.INTEGRITY
    assert "were sent to the candidate" in (release.standing.void or "")
    assert {made.again for made in await release.replayed()} == {None}


async def test_a_split_that_is_as_tossed_goes_on() -> None:
    release = await _on(rollout=plan(20, 50))
    release.hears(
        [], arrivals=_arrivals(release, 3_000, share=20_000), keyless=(80, 20)
    )

    await release.passes(0.25)

    assert release.phase() is Phase.PROGRESSING
    baseline, candidate, expected = release.live.examination.trial._came.totals()
    assert baseline + candidate == 3_100
    assert candidate == pytest.approx(expected, rel=0.05)


async def test_keys_that_were_left_out_do_not_count_in_the_split() -> None:
    release = await _on(rollout=plan(20, 50))
    release.decisions.tell(1, release.now, release.now, sampled=1e-6)
    release.hears([], arrivals=_arrivals(release, 3_000, share=20_000))

    await release.passes(0.25)

    assert release.live.examination.trial._came.totals()[:2] == (0, 0)
