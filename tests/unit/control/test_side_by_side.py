"""Weights and promotions of several candidates: what is asked of all, and of one alone."""

from collections.abc import Mapping

import pytest

from gateway.control.side_by_side import revision_of
from gateway.domain.errors import (
    BadWeights,
    NotAllowedNow,
    RevisionConflict,
    StoreUnavailable,
)
from gateway.domain.rollout import Phase
from gateway.domain.units import Share
from tests.unit.control.release import Release
from tests.unit.control.test_lanes import Comparison, ab, single


async def _on(*candidates: str, percent: float = 20, **more: object) -> Comparison:
    lanes = ab(*candidates or ("A", "B"), percent=percent, **more)
    compared = Comparison(Release(), lanes)
    await compared.begins()
    return compared


async def _sets(
    compared: Comparison, name: str, percents: Mapping[str, object]
) -> None:
    await compared.release.rollouts.set_weights(
        name, percents, revision=None, by="ann", reason=""
    )


def _revision(compared: Comparison) -> int:
    return revision_of(compared.release.gate.lanes("chat"))


@pytest.mark.parametrize(
    ("percents", "words"),
    [
        ({"B": 0}, "'B' has no weight of its own in chat:A.*Name A alone"),
        ({"base": 70, "A": 30}, "'base' has no weight of its own in chat:A"),
        ({"base": 100}, "'base' has no weight of its own"),
    ],
)
async def test_in_a_lane_only_its_own_candidate_is_given_weight(
    percents: dict[str, object], words: str
) -> None:
    compared = await _on()
    before = compared.percents()

    with pytest.raises(BadWeights, match=words):
        await _sets(compared, "chat:A", percents)

    assert compared.percents() == before


async def test_a_weight_of_nobody_gives_nobody_weight() -> None:
    """Nothing of another version says what the candidate is to have."""
    compared = Comparison(Release(), single("A"))
    await compared.release.begins()
    await compared.release.starts()

    with pytest.raises(BadWeights, match="Name it: `A=PERCENT`"):
        await _sets(compared, "chat", {"C": 0})

    assert compared.percents()["A"] == 20


async def test_nothing_for_who_is_no_candidate_is_refused_with_who_is_one() -> None:
    compared = await _on()

    with pytest.raises(BadWeights, match="Name one or more of A, B"):
        await compared.sets(C=0)


async def test_a_lane_that_has_ended_is_no_obstacle_to_the_others() -> None:
    compared = await _on()
    await compared.one_does("chat:A", "abort")

    await compared.sets(base=90, B=10)
    assert compared.percents() == {"base": 90, "A": 0, "B": 10, "C": 0}

    await compared.sets(A=0, B=15)
    assert compared.percents() == {"base": 85, "A": 0, "B": 15, "C": 0}


async def test_where_all_have_ended_it_is_said_of_each() -> None:
    compared = await _on()
    await compared.all_do("abort")

    with pytest.raises(NotAllowedNow, match=r"chat:A: .*chat:B: "):
        await compared.sets(base=100)


async def test_all_that_lose_are_lowered_though_one_of_them_refuses() -> None:
    compared = await _on("A", "B", "C", rollback_steps=(Share(10_000),))
    await compared.one_does("chat:A", "abort")
    assert compared.standing("chat:A").phase is Phase.ROLLING_BACK

    with pytest.raises(NotAllowedNow, match=r"^chat:B was set.*Not so chat:A: ") as no:
        await compared.sets(base=75, B=0, C=25)

    assert str(no.value).count("chat:C did not gain then.") == 1
    assert compared.percents() == {"base": 70, "A": 10, "B": 0, "C": 20}


async def test_a_refusal_names_the_lane_though_nothing_was_set_before() -> None:
    compared = await _on()
    compared.release.store.is_gone = True

    with pytest.raises(StoreUnavailable, match=r"^chat:A: "):
        await compared.sets(A=30)


async def test_a_promotion_is_offered_of_those_that_are_on() -> None:
    compared = await _on()
    await compared.one_does("chat:A", "abort")

    with pytest.raises(NotAllowedNow, match="Name it: `promote chat:B --full`"):
        await compared.all_do("promote")

    await compared.one_does("chat:B", "abort")
    with pytest.raises(NotAllowedNow, match=r"chat:B is aborted.*`retry` one first"):
        await compared.all_do("promote")


async def test_after_a_promotion_other_candidates_are_asked_for() -> None:
    compared = await _on()
    await compared.one_does("chat:A", "promote", full=True)

    with pytest.raises(NotAllowedNow, match=r"chat:A is promoted.*Name other cand"):
        await compared.all_do("promote")


async def test_a_new_cut_gives_the_service_a_revision_that_nobody_has_seen() -> None:
    """Whoever looked before it meant other candidates."""
    compared = await _on()
    seen = {_revision(compared)}
    for services in (
        ab("A", "C"),
        ab("A", "B"),
        single("A"),
        ab("B", "C", "A"),
        single("A"),
        ab("A", "B"),
    ):
        before = max(seen)
        await compared.reloads(services)
        assert _revision(compared) > before
        seen.add(_revision(compared))

        with pytest.raises(RevisionConflict):
            await compared.sets(before, A=1)


async def test_the_same_candidates_in_another_order_are_no_other_split() -> None:
    compared = Comparison(Release(), ab("A", "B"))
    await compared.release.begins()
    seen = _revision(compared)

    await compared.reloads(ab("B", "A"))

    assert _revision(compared) == seen
