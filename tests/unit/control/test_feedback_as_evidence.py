"""A rollout that is guarded by what users say later: through the desk, to the decision."""

import random
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from gateway.answers.segments import code_of
from gateway.control.feedback import FeedbackDesk
from gateway.domain.rollout import MetricRule, Phase, Statistic, Worse
from gateway.domain.service import Feedback, Service
from gateway.domain.ticket_key import TicketKey
from gateway.domain.units import BUCKETS, Seconds
from gateway.handoff.evidence import Record
from gateway.handoff.routing_table import RoutedService
from gateway.handoff.ticket import TicketMaker, route_code
from tests.unit.control.release import CHAT, Release, SqliteRelease, plan
from tests.unit.proxy.test_units import record

KEY = TicketKey(number=3, secret=b"k" * 32, made_at=0.0)
DEADLINE = 2.0
THUMBS = "feedback:thumbs_down"
GUARD = MetricRule(signal=THUMBS, statistic=Statistic.RATE, worse=Worse.HIGHER)
GUARDED: Service = replace(
    CHAT,
    feedback=Feedback(deadline=Seconds(DEADLINE)),
    rollout=plan(25, 50, metrics=(GUARD,), dwell=Seconds(60.0)),
)


@dataclass
class Users:
    """Keys that come to a release, and may say something of what they were answered."""

    release: Release
    seed: int = 1
    ids: list[tuple[str, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.begins()

    def begins(self) -> None:
        """Open a desk; what another one remembered is lost with it."""
        release = self.release
        self.desk = FeedbackDesk(
            lambda: release.gate.table,
            lambda: {KEY.number: KEY},
            release._unix,
            release.decisions.hear,
        )

    def come(self, count: int, *, is_evidence: bool = True) -> None:
        """Let new keys ask, each once."""
        split, self.ids = self.release.routed, []
        records = [self._asks(split, is_evidence=is_evidence) for _ in range(count)]
        self.release.hears(records)

    def complain(self, rates: tuple[float, float], value: float = 1.0) -> list[str]:
        """Let some of those who came last say something, by what answered them."""
        said = []
        for request_id, is_candidate in self.ids:
            if self.dice.random() < rates[is_candidate]:
                self.desk.take(request_id, "thumbs_down", value)
                said.append(request_id)
        return said

    def _asks(self, split: RoutedService, *, is_evidence: bool) -> Record:
        fingerprint = self.dice.getrandbits(64)
        made = record(fingerprint)
        made.bucket = self.dice.randrange(BUCKETS)
        made.is_candidate = made.bucket < split.share
        made.arrived = self.release.now
        name = split.service.candidate if made.is_candidate else split.service.baseline
        maker = TicketMaker(
            KEY,
            route=route_code("chat", str(name)),
            segments=code_of(split.service.segments),
            epoch=split.revision,
        )
        issued, unique = int(self.release._unix()), self.dice.getrandbits(64)
        told = maker.make(issued, unique, fingerprint, is_evidence=is_evidence)
        self.ids.append((told.decode(), made.is_candidate))
        return made


async def guarded(release: Release | None = None, **changed: Any) -> Users:
    on = release or Release(replace(GUARDED, **changed))
    await on.begins()
    await on.starts()
    return Users(on)


async def goes_on(
    users: Users, rates: tuple[float, float], *, looks: int = 60
) -> Release:
    """Let keys come and complain, until something is decided or it is enough."""
    for _ in range(looks):
        users.come(60)
        users.complain(rates)
        await users.release.passes()
        if users.release.phase() is Phase.ROLLED_BACK:
            break
    return users.release


async def test_a_candidate_that_users_dislike_is_taken_back_by_what_they_say() -> None:
    users = await guarded()

    release = await goes_on(users, (0.02, 0.4))

    assert release.phase() is Phase.ROLLED_BACK
    entry = (await release.entries())[-1]
    assert entry.body is not None
    assert THUMBS.encode() in entry.body
    assert {made.again for made in await release.replayed()} == {None}


async def test_an_equal_candidate_is_left_alone_and_proven() -> None:
    users = await guarded()

    release = await goes_on(users, (0.1, 0.1), looks=60)

    assert release.phase() is Phase.PROGRESSING
    known = release.live.assessment
    assert (known.regressed, known.no_data, known.unproven) == ((), (), ())
    assert known.proven


async def test_nothing_is_known_before_the_deadline() -> None:
    """However many complain at once: both versions are judged after the same time."""
    users = await guarded()
    users.come(400)
    users.complain((0.0, 1.0))

    await users.release.passes(DEADLINE - 0.25)
    assert users.release.phase() is Phase.PROGRESSING
    assert users.release.live.assessment.unproven == (THUMBS,)
    assert users.release.live.assessment.no_data == ()

    await users.release.passes(0.5)
    assert users.release.phase() is Phase.ROLLED_BACK


async def test_what_was_no_evidence_is_none_by_feedback_either() -> None:
    """Pinned, overridden, or a key's hundredth exchange: counted for people alone."""
    users = await guarded()
    users.come(400, is_evidence=False)
    users.complain((0.0, 1.0))

    await users.release.passes(DEADLINE + 1)

    assert users.release.phase() is Phase.PROGRESSING
    assert users.desk.of("chat", "v2")["thumbs_down"].whole.count > 50


async def test_who_takes_it_back_in_time_has_not_complained() -> None:
    users = await guarded()
    users.come(400)
    users.complain((0.0, 1.0))
    await users.release.passes(1.0)
    users.complain((0.0, 1.0), value=0.0)

    await users.release.passes(DEADLINE)

    assert users.release.phase() is Phase.PROGRESSING


async def test_another_attempt_does_not_hear_of_the_last_ones_answers() -> None:
    users = await guarded()
    users.come(400)
    await users.release.does("abort")
    await users.release.does("retry")
    await users.release.passes()

    users.complain((0.0, 1.0))
    await users.release.passes(DEADLINE + 1)

    assert users.release.phase() is Phase.PROGRESSING
    assert len(users.release.live.examination.book.later.said) == 0


@pytest.mark.parametrize("killed_after", [1.25, 2.25, 4.0])
async def test_a_controller_that_is_killed_counts_nothing_twice(
    tmp_path: Path, killed_after: float
) -> None:
    """What its desk remembered is gone: who says it again changes nothing."""
    on = SqliteRelease(tmp_path, GUARDED)
    users = await guarded(on)
    users.come(300)
    complained = users.complain((0.2, 0.2))
    await on.passes(killed_after)

    await on.is_killed_and_begins(with_last=True)
    users.begins()
    if killed_after < DEADLINE:
        for request_id in complained:
            users.desk.take(request_id, "thumbs_down", 1.0)
    await on.passes(4.0)

    found = on.live.examination.trial.findings()[0]
    assert found.baseline is not None
    assert found.candidate is not None
    units = found.baseline_units, found.candidate_units
    assert sum(units) == 300
    assert found.baseline * units[0] + found.candidate * units[1] == pytest.approx(
        len(complained)
    )
