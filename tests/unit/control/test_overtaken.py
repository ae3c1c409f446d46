"""What is lowered while a raise is stored stays lowered, over every restart."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from gateway.domain.errors import (
    GatewayError,
    NotAllowedNow,
    RevisionConflict,
    StoreUnavailable,
)
from gateway.domain.rollout import Phase
from gateway.state.store import KeptEvidence
from tests.unit.control.release import Release
from tests.unit.control.test_lanes import Comparison, ab, single

Begin = Callable[[Comparison], Coroutine[Any, Any, object]]


async def _until(claim: Callable[[], object]) -> None:
    for _ in range(1000):
        if claim():
            return
        await asyncio.sleep(0)
    raise AssertionError


async def _overtakes(compared: Comparison, raise_: Begin, lower: Begin) -> None:
    """Let *lower* happen while *raise_* is being stored."""
    store = compared.release.store
    store.may_save.clear()
    store.saving.clear()
    raising = asyncio.create_task(raise_(compared))  # ruff: ignore[banned-api]: awaited
    await store.saving.wait()
    lowering = asyncio.create_task(lower(compared))  # ruff: ignore[banned-api]: awaited
    await _until(lambda: compared.release.gate.lanes("chat")[0].share == 0)
    store.may_save.set()
    with pytest.raises(RevisionConflict):
        await raising
    await lowering


async def _promotes(compared: Comparison) -> object:
    return await compared.one_does("chat:A", "promote", full=True)


async def _stays_so(compared: Comparison) -> None:
    """Demand that no restart changes what is in force."""
    before = compared.percents()
    for with_last in (True, False):
        await compared.release.begins(with_last=with_last)
        assert compared.percents() == before


@pytest.mark.parametrize("action", ["kill", "abort"])
async def test_what_overtakes_a_promotion_outlives_a_restart(action: str) -> None:
    compared = Comparison(Release(), ab("A", "B"))
    await compared.begins()

    await _overtakes(compared, _promotes, lambda on: on.all_do(action))

    assert compared.percents()["base"] == 100
    await _stays_so(compared)


async def test_a_kill_outlives_a_promotion_that_was_kept_and_said_to_have_failed() -> (
    None
):
    compared = Comparison(Release(), ab("A", "B"))
    await compared.begins()
    compared.release.store.keeps_and_fails = True
    with pytest.raises(StoreUnavailable):
        await _promotes(compared)

    await compared.all_do("kill")
    await compared.release.begins(with_last=True)

    assert compared.percents() == {"base": 100, "A": 0, "B": 0, "C": 0}


@pytest.mark.parametrize("action", ["kill", "abort", "pause"])
async def test_what_overtakes_the_first_step_outlives_a_restart(action: str) -> None:
    """The weight was 0 already, and the one that was stored is not."""
    compared = Comparison(Release(), single("A"))
    await compared.release.begins()
    await compared.release.does("start")
    compared.release.store.may_save.clear()
    compared.release.store.saving.clear()
    compared.release.look()
    await compared.release.store.saving.wait()

    acting = asyncio.create_task(compared.release.does(action))  # ruff: ignore[banned-api]: awaited
    await _until(
        lambda: (
            compared.standing("chat").phase is not Phase.PROGRESSING
            or (compared.standing("chat").is_killed)
        )
    )
    compared.release.store.may_save.set()
    await acting
    await compared.release.settles()

    assert compared.percents()["A"] == 0
    await _stays_so(compared)


async def test_of_two_promotions_at_once_the_one_that_was_accepted_stays() -> None:
    compared = Comparison(Release(), ab("A", "B"))
    await compared.begins()
    compared.release.moves.lives.pop("chat:B")
    _slows_down(compared)

    async def promotes(lane: str) -> str:
        try:
            return (await compared.one_does(lane, "promote", full=True)).said
        except GatewayError as error:
            return type(error).__name__

    said = await asyncio.gather(promotes("chat:A"), promotes("chat:B"))

    assert said[0].startswith("Promoted")
    assert not said[1].startswith("Promoted")
    assert compared.percents() == {"base": 0, "A": 100, "B": 0, "C": 0}
    await _stays_so(compared)


def _slows_down(compared: Comparison) -> None:
    store = compared.release.store
    save, save_evidence = store.save, store.save_evidence

    async def saves(*weights: Any, **more: Any) -> None:
        await asyncio.sleep(0.01)
        await save(*weights, **more)

    async def saves_evidence(*evidence: Any, **more: Any) -> None:
        await asyncio.sleep(0.01)
        await save_evidence(*evidence, **more)

    store.save = saves  # type: ignore[method-assign]
    store.save_evidence = saves_evidence  # type: ignore[method-assign]


async def test_a_promotion_ends_the_others_though_nothing_can_be_kept_of_it() -> None:
    """What it ended with is written for as long as it takes; the others have no traffic."""
    compared = Comparison(Release(), ab("A", "B", "C"))
    await compared.begins()
    never, save_evidence = asyncio.Event(), compared.release.store.save_evidence

    async def hangs(evidence: KeptEvidence, **more: Any) -> None:
        if not evidence.trial:  # the sum of what was known
            await never.wait()
        await save_evidence(evidence, **more)

    compared.release.store.save_evidence = hangs  # type: ignore[method-assign]
    promoting = asyncio.create_task(_promotes(compared))  # ruff: ignore[banned-api]: awaited
    lanes = ("chat:B", "chat:C")
    await _until(lambda: Phase.PROGRESSING not in compared.phases(*lanes))

    assert not promoting.done()
    assert compared.percents() == {"base": 0, "A": 100, "B": 0, "C": 0}
    never.set()
    await promoting


async def test_who_was_beaten_while_its_promotion_waited_is_not_promoted() -> None:
    """Even where ending it did not succeed."""
    compared = Comparison(Release(), ab("A", "B"))
    await compared.begins()
    _slows_down(compared)
    compared.release.gate.beside = lambda name: [name][1:]  # type: ignore[method-assign]

    said = await asyncio.gather(
        _promotes(compared),
        compared.one_does("chat:B", "promote", full=True),
        return_exceptions=True,
    )

    assert isinstance(said[1], NotAllowedNow)
    assert "A was promoted in the place of B" in str(said[1])
    assert compared.percents() == {"base": 0, "A": 80, "B": 20, "C": 0}
