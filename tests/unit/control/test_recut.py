"""Another list of candidates: kills are handed down, and nobody gets more by the new cut."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.errors import NotAllowedNow
from gateway.domain.rollout import Phase
from gateway.domain.service import Service
from gateway.domain.units import Share
from gateway.handoff.routing_table import percents_of
from gateway.state.store import KeptEvidence
from tests.unit.control.release import Release, SqliteRelease
from tests.unit.control.test_lanes import VERSIONS, Comparison, ab, single


def configured(candidate: str = "A", percent: int = 10) -> tuple[Service, ...]:
    """Make a service whose file gives a candidate weight, with no rollout."""
    [service] = single(candidate)
    share = Share(percent * 1000)
    return (replace(service, rollout=None, configured_share=share),)


async def _on(services: Sequence[Service]) -> Comparison:
    compared = Comparison(Release(), services)
    await compared.begins()
    return compared


def _published(compared: Comparison) -> list[dict[str, float]]:
    """Collect the weights of every table from now on."""
    publisher, tables = compared.release.publisher, list[dict[str, float]]()
    publish = publisher.publish

    def publishes(table: Any) -> Any:
        tables.append(percents_of(table.services))
        return publish(table)

    publisher.publish = publishes  # type: ignore[method-assign]
    return tables


async def test_a_kill_is_on_in_the_first_table_that_has_another_list() -> None:
    compared = await _on(ab("A", "B"))
    await compared.all_do("kill")
    tables = _published(compared)

    await compared.reloads(configured())

    assert {table["A"] for table in tables} == {0}
    assert compared.standing("chat").is_killed
    assert not compared.standing("chat:A").is_killed
    told = await compared.release.replayed()
    assert [one.said for one in told if one.service == "chat"] == [
        "Killed: all to the baseline, the weight stays 0 %."
    ]
    assert all(one.again is None for one in told)


async def test_a_candidate_of_an_older_list_keeps_no_kill_from_being_handed_down() -> (
    None
):
    compared = await _on(ab("C", "B"))
    await compared.all_do("abort")
    await compared.reloads(ab("A", "C"))
    await compared.all_do("kill")

    await compared.reloads(configured())

    assert compared.percents()["A"] == 0
    assert compared.standing("chat").is_killed


async def test_who_was_killed_in_its_lane_is_killed_when_it_is_alone() -> None:
    compared = await _on(ab("A", "B"))
    await compared.one_does("chat:A", "kill")

    await compared.reloads(configured("A"))

    assert compared.percents()["A"] == 0


async def test_a_kill_is_on_in_the_first_table_after_a_restart_with_another_list() -> (
    None
):
    """However long the evidence of another service takes to be read."""
    other = replace(single("A")[0], name="other")
    compared = Comparison(Release(), (*ab("A", "B"), other))
    await compared.begins()
    await compared.one_does("other", "start")
    await compared.all_do("kill")
    compared.writes((*configured(), other))
    never, reading = asyncio.Event(), asyncio.Event()
    evidence = compared.release.store.evidence

    async def hangs(service: str) -> KeptEvidence | None:
        reading.set()
        await never.wait()
        return await evidence(service)

    compared.release.store.evidence = hangs  # type: ignore[method-assign]
    beginning = asyncio.create_task(compared.release.begins())  # ruff: ignore[banned-api]: awaited
    await reading.wait()

    assert compared.percents()["A"] == 0
    assert compared.standing("chat").is_killed
    never.set()
    await beginning


async def test_a_kill_that_a_returning_store_knows_is_handed_down_with_it() -> None:
    compared = await _on(ab("A", "B"))
    await compared.all_do("kill")
    compared.release.store.is_gone = True
    compared.writes(configured())
    await compared.release.begins()
    tables = _published(compared)

    await compared.release.store_returns()

    assert {table["A"] for table in tables} <= {0}
    assert compared.standing("chat").is_killed


async def test_a_rollout_without_a_place_ends_before_evidence_is_read() -> None:
    other = replace(single("A")[0], name="other")
    compared = Comparison(Release(), (other, *ab("A", "B")))
    await compared.begins()
    await compared.one_does("other", "start")
    compared.writes((other, *ab("A", "C")))
    never, reading = asyncio.Event(), asyncio.Event()
    evidence = compared.release.store.evidence

    async def hangs(service: str) -> KeptEvidence | None:
        reading.set()
        await never.wait()
        return await evidence(service)

    compared.release.store.evidence = hangs  # type: ignore[method-assign]
    beginning = asyncio.create_task(compared.release.begins())  # ruff: ignore[banned-api]: awaited
    await reading.wait()

    assert compared.phases() == [Phase.ABORTED, Phase.ABORTED]
    never.set()
    await beginning


async def test_a_new_cut_gives_nobody_more_before_it_takes_everything() -> None:
    compared = await _on(ab("A", "B", "C"))
    assert compared.percents() == {"base": 40, "A": 20, "B": 20, "C": 20}
    tables = _published(compared)

    await compared.reloads(ab("A", "B"))

    assert {(table["A"], table["B"]) for table in tables} == {(0, 0)}


async def test_another_order_of_the_candidates_is_another_cut() -> None:
    compared = await _on(ab("A", "B"))
    tables = _published(compared)

    await compared.reloads(ab("B", "A"))

    assert {(table["A"], table["B"]) for table in tables} == {(0, 0)}
    assert compared.phases() == [Phase.ABORTED, Phase.ABORTED]


@pytest.mark.parametrize("is_restart", [False, True])
async def test_a_weight_set_by_hand_is_not_one_of_the_next_cut(
    tmp_path: Path, is_restart: bool
) -> None:
    release = SqliteRelease(tmp_path)
    compared = Comparison(release, ab("A", "B", "C"))
    await release.begins()
    await compared.sets(A=20)

    if is_restart:
        compared.writes(ab("A", "B"))
        await release.is_killed_and_begins()
    else:
        await compared.reloads(ab("A", "B"))

    assert compared.percents() == {"base": 100, "A": 0, "B": 0, "C": 0}
    await release.durable.close()


@pytest.mark.parametrize("is_restart", [False, True])
async def test_a_candidate_whose_lane_comes_back_has_no_weight_from_before(
    tmp_path: Path, is_restart: bool
) -> None:
    release = SqliteRelease(tmp_path)
    compared = Comparison(release, ab("A", "B"))
    await compared.begins()

    for services in (single("C"), ab("A", "B")):
        if is_restart:
            compared.writes(services)
            await release.is_killed_and_begins()
        else:
            await compared.reloads(services)

    assert compared.percents() == {"base": 100, "A": 0, "B": 0, "C": 0}
    await release.durable.close()


async def test_a_configured_weight_is_in_force_again_when_there_is_one_candidate() -> (
    None
):
    compared = Comparison(Release(), configured("A"))
    await compared.release.begins()
    assert compared.percents()["A"] == 10

    await compared.reloads(ab("A", "B"))
    assert compared.percents()["A"] == 0
    await compared.reloads(configured("A"))

    assert compared.percents()["A"] == 10


# What was promoted, and who was judged, under another name.


async def test_a_kill_takes_a_promotion_back_that_the_list_before_had() -> None:
    compared = await _on(ab("A", "B"))
    await compared.one_does("chat:A", "promote", full=True)
    await compared.reloads(ab("B", "C"))
    compared.release.store.is_gone = True

    tried = await compared.release.rollouts.act_in_lanes(
        "chat", "kill", by="ann", reason="", full=False
    )

    assert compared.percents() == {"base": 100, "A": 0, "B": 0, "C": 0}
    for each in tried:
        assert each.done is not None
        assert each.done.said.startswith("Killed: all to the baseline (base)")


async def test_a_kill_of_one_lane_names_the_baseline_there_is() -> None:
    compared = await _on(ab("A", "B"))
    await compared.one_does("chat:A", "promote", full=True)
    await compared.reloads(ab("B", "C"))

    acted = await compared.one_does("chat:B", "kill")

    assert acted.said.startswith("Killed: all to the baseline (A)")
    assert compared.percents()["A"] == 100


async def test_the_end_of_a_kill_is_one_for_what_was_promoted_before_too() -> None:
    compared = await _on(ab("A", "B"))
    await compared.one_does("chat:A", "promote", full=True)
    await compared.reloads(ab("B", "C"))
    await compared.all_do("kill")

    await compared.all_do("unkill")
    await compared.reloads(configured("C"))

    assert compared.percents() == {"base": 90, "A": 0, "B": 0, "C": 10}


async def test_a_kill_goes_back_one_promotion_and_no_further() -> None:
    """The lane of the first one is in the list once more."""
    compared = await _on(ab("A", "B"))
    await compared.one_does("chat:A", "promote", full=True)
    await compared.reloads(single("C"))
    await compared.one_does("chat", "start")
    await compared.one_does("chat", "promote", full=True)
    await compared.reloads(ab("A", "B"))
    assert compared.percents()["C"] == 100

    await compared.all_do("kill")

    assert compared.percents()["A"] == 100


async def test_what_was_promoted_and_left_the_file_does_not_come_back_to_serve() -> (
    None
):
    compared = await _on(ab("A", "B", "C", percent=10))
    await compared.one_does("chat:A", "promote", full=True)
    without = tuple(v for v in VERSIONS if v.name != "A")
    await compared.reloads([
        replace(service, versions=without) for service in ab("B", "C")
    ])

    await compared.reloads(ab("A", "B"))

    assert compared.percents() == {"base": 100, "A": 0, "B": 0, "C": 0}
    await compared.one_does("chat:A", "start")


async def test_who_was_judged_alone_is_not_begun_with_by_itself_among_others() -> None:
    compared = await _on_alone()

    await compared.reloads(ab("A", "B", autostart=True))
    await compared.release.passes()

    assert compared.phases() == [Phase.IDLE, Phase.PROGRESSING]
    with pytest.raises(NotAllowedNow, match=r"A was aborted.*`retry chat:A`"):
        await compared.one_does("chat:A", "start")
    await compared.one_does("chat:A", "retry")
    await compared.release.passes()
    assert compared.percents()["A"] == 20


async def test_who_was_judged_among_others_is_not_begun_with_by_itself_alone() -> None:
    compared = await _on(ab("A", "B"))
    await compared.one_does("chat:A", "abort")
    [alone] = single("A")

    await compared.reloads([_autostarting(alone)])
    await compared.release.passes()

    assert compared.phases("chat") == [Phase.IDLE]


async def _on_alone() -> Comparison:
    """Let a candidate that is alone be begun with by itself, and given up."""
    [alone] = single("A")
    compared = Comparison(Release(), [_autostarting(alone)])
    await compared.release.begins()
    await compared.release.passes()
    await compared.one_does("chat", "abort")
    return compared


def _autostarting(service: Service) -> Service:
    assert service.rollout is not None
    return replace(service, rollout=replace(service.rollout, autostart=True))
