"""A drain ends in time: by the clock, and through controllers that come and go."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.control.drains import Drains
from gateway.domain.rollout import OnRollback, Phase
from gateway.domain.units import Seconds
from tests.unit.control.release import CHAT, Release, SqliteRelease, plan

DRAINING = replace(
    CHAT,
    rollout=replace(plan(), on_rollback=OnRollback.DRAIN, drain_timeout=Seconds(10.0)),
)


def drains_of(release: Release) -> Drains:
    return Drains(release.gate, release.moves, release._clock, release._spawn)


def is_draining(release: Release) -> bool:
    return release.routed.is_draining


async def rolled_back(release: Release) -> Drains:
    """Take a candidate back by evidence; give what counts down its drain."""
    await release.begins()
    await release.starts()
    assert release.routed.notes_keys
    release.sees(60, errors=["v2"])
    await release.passes()
    assert release.phase() is Phase.ROLLED_BACK
    drains = drains_of(release)
    await pass_by(release, drains, 0)
    return drains


async def pass_by(release: Release, drains: Drains, seconds: float) -> None:
    release.now += seconds
    drains.look()
    await release.settles()


async def test_workers_are_told_when_a_drain_begins_and_when_it_ends() -> None:
    release = Release(DRAINING)
    drains = await rolled_back(release)
    assert (release.share, is_draining(release)) == (0, True)
    assert not release.routed.notes_keys
    told = len(release.told)

    for _ in range(9):
        await pass_by(release, drains, 1)
    assert release.told[told:] == []
    assert is_draining(release)
    await pass_by(release, drains, 1)

    assert release.told[told] == "published 0"
    assert release.told[-1] == "kept rolled_back 0"
    told = len(release.told)
    assert not is_draining(release)
    await pass_by(release, drains, 100)
    assert len(release.told) == told


async def test_the_journal_has_its_end_and_replays_it() -> None:
    release = Release(DRAINING)
    drains = await rolled_back(release)
    await pass_by(release, drains, 10)

    last = (await release.replayed())[-1]

    assert last.said == "Conversations on v2 had 10 s to end there: over."
    assert last.again is None
    assert not last.is_open


async def test_a_store_that_is_away_holds_up_no_end() -> None:
    release = Release(DRAINING)
    drains = await rolled_back(release)
    release.store.is_gone = True

    await pass_by(release, drains, 10)

    assert not is_draining(release)


async def test_another_attempt_ends_it(tmp_path: Path) -> None:
    release = SqliteRelease(tmp_path, DRAINING)
    await rolled_back(release)

    await release.does("retry")

    assert not is_draining(release)
    await release.durable.close()


async def test_the_next_controller_goes_on_with_what_was_left(tmp_path: Path) -> None:
    release = SqliteRelease(tmp_path, DRAINING)
    drains = await rolled_back(release)
    await pass_by(release, drains, 4)

    await release.is_killed_and_begins(with_last=True)

    assert is_draining(release)
    assert release.standing.drain_left == pytest.approx(6)
    drains = drains_of(release)
    await pass_by(release, drains, 0)
    await pass_by(release, drains, 6)
    assert not is_draining(release)
    await release.durable.close()


async def test_the_next_gateway_drains_nothing(tmp_path: Path) -> None:
    """It knows nothing of the conversations that there were."""
    release = SqliteRelease(tmp_path, DRAINING)
    await rolled_back(release)

    await release.is_killed_and_begins(with_last=False)

    assert release.phase() is Phase.ROLLED_BACK
    assert not is_draining(release)
    await release.durable.close()


async def test_a_candidate_that_is_another_one_does_not_drain(tmp_path: Path) -> None:
    release = SqliteRelease(tmp_path, DRAINING)
    await rolled_back(release)

    await release.reloads_with(candidate="v3")

    assert not is_draining(release)
    await release.durable.close()


async def test_time_passes_for_a_service_that_is_gone_and_comes_back() -> None:
    release = Release(DRAINING)
    drains = await rolled_back(release)
    there = release.file
    other = replace(CHAT, name="other", rollout=None)
    release.file = replace(there, services=(other,))
    await release.rollouts.reload()

    await pass_by(release, drains, 11)
    release.file = there
    await release.rollouts.reload()

    assert not is_draining(release)


async def test_after_a_promotion_the_version_before_is_still_asked() -> None:
    release = Release()
    await release.begins()
    await release.starts()

    await release.does("promote", full=True)

    assert release.routed.service.baseline == "v2"
    assert release.routed.outlived == ("v1",)
