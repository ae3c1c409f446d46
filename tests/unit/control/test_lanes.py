"""Several candidates: each is a rollout by itself, and together they are one service."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.control.rollouts import Acted
from gateway.control.side_by_side import Tried
from gateway.domain.errors import (
    BadWeights,
    NotAllowedNow,
    NotFound,
    RevisionConflict,
    StoreUnavailable,
)
from gateway.domain.lane import lane_name
from gateway.domain.rollout import Phase, RolloutPlan, SetWeight, Standing, Strategy
from gateway.domain.service import Service
from gateway.domain.units import Share
from gateway.handoff.routing_table import RoutedService, percents_of
from tests.unit.control.release import CHAT, Release, SqliteRelease, plan, version

VERSIONS = tuple(version(name) for name in ("base", "A", "B", "C"))


def ab(*candidates: str, percent: float = 20, **more: Any) -> tuple[Service, ...]:
    """Make the lanes of a service, as settings/ does."""
    usual = plan(percent, alpha=0.01 / len(candidates))
    asked: dict[str, Any] = {
        "strategy": Strategy.AB,
        "steps": (SetWeight(share=Share(round(percent * 1000))),),
        "analysis": usual.analysis,
        "lanes": candidates,
        **more,
    }
    alone = Service(name="chat", versions=VERSIONS, baseline="base")
    return tuple(
        replace(
            alone,
            name=lane_name("chat", name),
            candidate=name,
            rollout=RolloutPlan(**asked),
        )
        for name in candidates
    )


def single(candidate: str, baseline: str = "base") -> tuple[Service, ...]:
    return (
        Service(
            name="chat",
            versions=VERSIONS,
            baseline=baseline,
            candidate=candidate,
            rollout=plan(),
        ),
    )


class Comparison:
    """A release of several candidates; what is asked of the service or of one lane."""

    def __init__(self, release: Release, services: Sequence[Service]) -> None:
        self.release = release
        self.writes(services)

    def writes(self, services: Sequence[Service]) -> None:
        self.release.file = replace(self.release.file, services=tuple(services))

    async def reloads(self, services: Sequence[Service]) -> None:
        self.writes(services)
        await self.release.rollouts.reload()

    async def begins(self) -> None:
        """Start both, and let them enter their step."""
        await self.release.begins()
        await self.all_do("start")
        await self.release.passes()

    async def all_do(self, action: str) -> dict[str, str]:
        """Give what came of it: by lane, "done" or why not."""
        tried = await self.release.rollouts.act_in_lanes(
            "chat", action, by="ann", reason="", full=False
        )
        return {each.lane: _told(each) for each in tried}

    async def one_does(self, lane: str, action: str, *, full: bool = False) -> Acted:
        return await self.release.rollouts.act(
            lane, action, by="ann", reason="", full=full
        )

    async def sets(self, _seen: int | None = None, /, **percents: object) -> None:
        await self.release.rollouts.set_weights(
            "chat", percents, revision=_seen, by="ann", reason=""
        )

    def percents(self) -> dict[str, float]:
        return percents_of(self.release.gate.lanes("chat"))

    def routed(self, lane: str) -> RoutedService:
        return self.release.gate.routed(lane)

    def standing(self, lane: str) -> Standing:
        return self.release.gate.standings.of(lane)

    def phases(self, *lanes: str) -> list[Phase]:
        return [self.standing(lane).phase for lane in lanes or ("chat:A", "chat:B")]

    def fails(self, candidate: str, keys: int = 400) -> None:
        """Let keys come to a lane whose candidate fails."""
        lane = lane_name("chat", candidate)
        routed = self.routed(lane)
        records = [self.release._record(routed, {candidate}) for _ in range(keys)]
        self.release.hears(
            records,
            routed=routed,
            service=lane,
            versions=(routed.service.baseline, candidate),
        )


def _told(tried: Tried[Acted]) -> str:
    return "done" if tried.refused is None else str(tried.refused)


async def _on(services: Sequence[Service] = ab("A", "B")) -> Comparison:
    compared = Comparison(Release(), services)
    await compared.begins()
    return compared


# Weights are of the whole service.


async def test_the_weight_of_a_plan_is_of_the_whole_service() -> None:
    compared = await _on()

    assert compared.percents() == {"base": 60, "A": 20, "B": 20, "C": 0}
    assert compared.routed("chat:A").share == 40_000
    assert (
        compared.standing("chat:A").cause == "Begun. Step 1 of 1: weight 0 % to 20 %."
    )


async def test_weights_are_set_together_and_pause_each_rollout() -> None:
    compared = await _on()

    await compared.sets(A=30, B=10)

    assert compared.percents() == {"base": 60, "A": 30, "B": 10, "C": 0}
    assert compared.phases() == [Phase.PAUSED, Phase.PAUSED]


async def test_a_candidate_that_is_not_named_keeps_its_weight() -> None:
    compared = await _on()

    await compared.sets(B=50)

    assert compared.percents() == {"base": 30, "A": 20, "B": 50, "C": 0}
    assert compared.phases() == [Phase.PROGRESSING, Phase.PAUSED]


async def test_with_the_baseline_named_the_others_get_nothing() -> None:
    compared = await _on()

    await compared.sets(base=90, A=10)

    assert compared.percents() == {"base": 90, "A": 10, "B": 0, "C": 0}


@pytest.mark.parametrize(
    ("percents", "words"),
    [
        ({"A": 60}, "60 percent for 'A' is more than one of 2 candidates.*at most 50"),
        ({"C": 1}, "'C' is neither the baseline nor the candidate"),
        ({"base": 70, "A": 20}, "add up to 90, not 100"),
        ({"D": 1}, "no version 'D'"),
        ({"A": "x"}, "no percentage"),
        ({}, "No weights"),
    ],
)
async def test_what_is_no_split_is_refused_and_changes_nothing(
    percents: dict[str, object], words: str
) -> None:
    compared = await _on()
    before = compared.percents()

    with pytest.raises(BadWeights, match=words):
        await compared.sets(None, **percents)

    assert compared.percents() == before


async def test_who_has_seen_another_revision_is_refused() -> None:
    compared = await _on()
    seen = sum(lane.revision for lane in compared.release.gate.lanes("chat"))
    await compared.sets(A=10)

    with pytest.raises(RevisionConflict, match=f"not {seen}"):
        await compared.sets(seen, B=10)

    await compared.sets(seen + 1, B=10)
    assert compared.percents()["B"] == 10


async def test_what_loses_weight_loses_it_though_the_other_cannot_gain() -> None:
    compared = await _on()
    compared.release.store.is_gone = True

    with pytest.raises(StoreUnavailable, match=r"chat:B was set as you said.*chat:A"):
        await compared.sets(A=30, B=10)

    assert compared.percents() == {"base": 70, "A": 20, "B": 10, "C": 0}


# Commands act on all lanes, each as far as it goes.


async def test_a_kill_takes_all_candidates_back_at_once() -> None:
    compared = await _on()
    compared.release.store.is_gone = True

    assert await compared.all_do("kill") == {"chat:A": "done", "chat:B": "done"}

    assert compared.percents() == {"base": 100, "A": 0, "B": 0, "C": 0}


async def test_a_lane_that_is_killed_already_stops_no_kill() -> None:
    compared = await _on()
    await compared.one_does("chat:B", "kill")

    told = await compared.all_do("kill")

    assert told["chat:A"] == "done"
    assert "killed already" in told["chat:B"]
    assert compared.percents()["base"] == 100


async def test_a_lane_that_breaks_stops_no_kill(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compared = await _on()
    of_hand = compared.release.rollouts._wishes.of_hand

    def breaks(name: str, action: str, *, full: bool) -> object:
        if name == "chat:A":
            raise ZeroDivisionError
        return of_hand(name, action, full=full)

    monkeypatch.setattr(compared.release.rollouts._wishes, "of_hand", breaks)
    told = await compared.all_do("kill")

    assert told["chat:B"] == "done"
    assert "ZeroDivisionError" in told["chat:A"]
    assert compared.percents()["B"] == 0


async def test_what_no_lane_can_do_is_refused_with_the_words_of_each() -> None:
    compared = await _on()

    with pytest.raises(NotAllowedNow, match=r"chat:A: .*progressing.*chat:B: "):
        await compared.all_do("start")


async def test_one_lane_is_aborted_alone() -> None:
    compared = await _on()
    before = compared.routed("chat:A")

    await compared.one_does("chat:B", "abort")

    assert compared.phases() == [Phase.PROGRESSING, Phase.ABORTED]
    assert compared.routed("chat:A") == before


async def test_a_lane_that_is_retried_moves_no_key_of_another() -> None:
    compared = await _on()
    before = compared.routed("chat:A")
    await compared.one_does("chat:B", "abort")

    await compared.one_does("chat:B", "retry")
    await compared.release.passes()

    assert compared.routed("chat:A") == before
    assert compared.standing("chat:B").attempt == 2


async def test_no_lane_of_that_name_is_not_found() -> None:
    compared = await _on()

    with pytest.raises(NotFound, match="chat:A"):
        await compared.one_does("chat:a", "kill")


# Evidence is each lane's own.


async def test_a_candidate_that_fails_is_rolled_back_alone() -> None:
    compared = await _on()
    for _ in range(3):
        compared.fails("B")
        await compared.release.passes(6)

    assert compared.phases() == [Phase.PROGRESSING, Phase.ROLLED_BACK]
    assert compared.percents() == {"base": 80, "A": 20, "B": 0, "C": 0}
    assert all(one.again is None for one in await compared.release.replayed())


async def test_each_lane_has_its_part_of_alpha() -> None:
    compared = await _on()

    found = [await compared.release.rollouts.examined(f"chat:{name}") for name in "AB"]

    assert [None if one is None else one.alpha for one in found] == [0.005, 0.005]


# One is promoted, and the comparison is over.


async def test_one_is_promoted_and_the_others_end() -> None:
    compared = await _on()

    acted = await compared.one_does("chat:A", "promote", full=True)

    assert compared.percents() == {"base": 0, "A": 100, "B": 0, "C": 0}
    assert percents_of(acted.receipt.table.services)["A"] == 100
    assert compared.phases() == [Phase.PROMOTED, Phase.ABORTED]
    assert compared.standing("chat:B").cause.startswith(
        "A was promoted in its place. Aborted: weight 20 % to 0 %"
    )


async def test_a_promotion_says_of_which_candidate() -> None:
    compared = await _on()

    with pytest.raises(NotAllowedNow, match="`promote chat:A --full`, `promote chat:B"):
        await compared.all_do("promote")


@pytest.mark.parametrize("action", ["start", "retry"])
async def test_after_a_promotion_nothing_is_left_to_compare(action: str) -> None:
    compared = await _on()
    await compared.one_does("chat:A", "promote", full=True)

    with pytest.raises(NotAllowedNow, match="Write `baseline: A`"):
        await compared.one_does("chat:B", action)


async def test_a_kill_after_a_promotion_goes_back_to_the_first_baseline() -> None:
    compared = await _on()
    await compared.one_does("chat:A", "promote", full=True)

    await compared.all_do("kill")
    assert compared.percents() == {"base": 100, "A": 0, "B": 0, "C": 0}

    await compared.all_do("unkill")
    assert compared.percents()["base"] == 100
    await compared.one_does("chat:B", "retry")


async def test_a_candidate_without_a_next_step_bakes_in_its_lane() -> None:
    """All of its lane but the hold-back; promoted by time, it ends the others."""
    compared = await _on()

    await compared.one_does("chat:A", "promote")

    assert compared.percents() == {"base": 32.5, "A": 47.5, "B": 20, "C": 0}
    for _ in range(5):
        compared.release.hears(
            [
                compared.release._record(compared.routed("chat:A"), set())
                for _ in range(200)
            ],
            routed=compared.routed("chat:A"),
            service="chat:A",
        )
        await compared.release.passes(2)
    assert compared.phases() == [Phase.PROMOTED, Phase.ABORTED]
    assert compared.percents()["A"] == 100


# Restarts and reloads.


async def test_a_restart_keeps_each_lane_as_it_was(tmp_path: Path) -> None:
    release = SqliteRelease(tmp_path)
    compared = Comparison(release, ab("A", "B"))
    await compared.begins()
    await compared.one_does("chat:B", "abort")
    routed, standings = release.gate.lanes("chat"), release.gate.standings.items()

    await release.is_killed_and_begins()

    assert [(lane.share, lane.salt) for lane in release.gate.lanes("chat")] == [
        (lane.share, lane.salt) for lane in routed
    ]
    assert [(name, s.phase, s.salt) for name, s in release.gate.standings.items()] == [
        (name, s.phase, s.salt) for name, s in standings
    ]
    assert release.moves.lives["chat:A"].attempt == 1


async def test_a_promotion_outlives_a_restart(tmp_path: Path) -> None:
    release = SqliteRelease(tmp_path)
    compared = Comparison(release, ab("A", "B"))
    await compared.begins()
    await compared.one_does("chat:A", "promote", full=True)

    await release.is_killed_and_begins()

    assert compared.percents() == {"base": 0, "A": 100, "B": 0, "C": 0}


async def test_a_crash_between_a_promotion_and_the_others_end_is_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = SqliteRelease(tmp_path)
    compared = Comparison(release, ab("A", "B"))
    await compared.begins()

    monkeypatch.setattr(release.gate, "beside", lambda _name: [])
    await compared.one_does("chat:A", "promote", full=True)
    assert compared.phases() == [Phase.PROMOTED, Phase.PROGRESSING]
    await release.is_killed_and_begins()

    assert compared.phases() == [Phase.PROMOTED, Phase.ABORTED]
    assert compared.percents()["A"] == 100


async def test_the_winner_stays_the_baseline_of_what_comes_next() -> None:
    """Whatever the file still calls it, and whether one candidate comes or several."""
    compared = await _on()
    await compared.one_does("chat:A", "promote", full=True)

    await compared.reloads(ab("B", "C"))
    assert compared.percents() == {"base": 0, "A": 100, "B": 0, "C": 0}
    await compared.one_does("chat:C", "start")
    await compared.release.passes()
    assert compared.percents() == {"base": 0, "A": 80, "B": 0, "C": 20}

    await compared.reloads(single("C"))
    assert compared.percents() == {"base": 0, "A": 100, "B": 0, "C": 0}
    assert compared.standing("chat:C").phase is Phase.ABORTED
    await compared.release.does("retry")
    await compared.release.passes()
    assert compared.percents() == {"base": 0, "A": 80, "B": 0, "C": 20}
    await compared.release.does("promote", full=True)

    await compared.reloads(ab("A", "B"))
    assert compared.percents() == {"base": 0, "A": 0, "B": 0, "C": 100}


async def test_other_candidates_are_another_comparison() -> None:
    """Their keys are cut anew, so that what was on goes back to the baseline."""
    compared = await _on()

    await compared.reloads(ab("A", "C"))

    assert compared.percents() == {"base": 100, "A": 0, "B": 0, "C": 0}
    assert compared.phases() == [Phase.ABORTED, Phase.ABORTED]
    assert "keys are cut anew" in compared.standing("chat:A").cause
    assert compared.standing("chat:B").cause.startswith("The configuration has no B")
    await compared.one_does("chat:A", "retry")
    await compared.one_does("chat:C", "start")


async def test_a_rollout_of_one_candidate_ends_when_there_are_several() -> None:
    compared = Comparison(Release(), single("A"))
    await compared.release.begins()
    await compared.release.starts()

    await compared.reloads(ab("A", "B"))

    assert compared.standing("chat").phase is Phase.ABORTED
    assert compared.percents() == {"base": 100, "A": 0, "B": 0, "C": 0}


async def test_a_service_that_is_killed_stays_killed_whatever_its_candidates() -> None:
    compared = await _on()
    await compared.all_do("kill")

    await compared.reloads(single("A"))
    with pytest.raises(NotAllowedNow, match="killed"):
        await compared.release.does("start")

    await compared.reloads(ab("A", "B"))
    with pytest.raises(NotAllowedNow, match="is killed"):
        await compared.all_do("start")
    await compared.all_do("unkill")
    await compared.reloads(ab("A", "B"))
    assert not compared.standing("chat:A").is_killed


async def test_a_kill_of_one_candidate_is_not_handed_down() -> None:
    compared = await _on()
    await compared.one_does("chat:B", "kill")

    await compared.reloads(ab("A", "C"))

    assert not compared.standing("chat:C").is_killed


async def test_one_candidate_of_a_list_is_as_it_always_was() -> None:
    """No lane, no other name, no other weights."""
    release = Release(replace(CHAT, candidate="v2"))
    await release.begins()
    await release.starts()

    assert release.gate.lanes("chat") == (release.routed,)
    assert release.routed.service.lanes == 1
    assert (release.share, release.routed.percents()["v2"]) == (20_000, 20)


async def test_autostart_begins_with_all() -> None:
    compared = Comparison(Release(), ab("A", "B", autostart=True))
    await compared.release.begins()
    await compared.release.passes()

    assert compared.percents() == {"base": 60, "A": 20, "B": 20, "C": 0}


async def test_three_candidates_have_a_third_of_the_keys_each() -> None:
    compared = await _on(ab("A", "B", "C", percent=25))

    assert compared.percents() == {"base": 25, "A": 25, "B": 25, "C": 25}
    await compared.sets(A=33.333)
    assert compared.percents()["A"] == pytest.approx(33.333)
