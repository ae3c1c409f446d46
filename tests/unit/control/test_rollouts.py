"""Rollouts as operators and the configuration lead them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.admin.rollout_view import analysis_view
from gateway.domain.errors import (
    BadConfiguration,
    BadWeights,
    NotAllowedNow,
    NotFound,
    RevisionConflict,
    StoreUnavailable,
)
from gateway.domain.rollout import (
    HeaderMatch,
    MetricRule,
    Pause,
    PauseReason,
    Phase,
    SetHeaderRoute,
    SetWeight,
)
from gateway.domain.service import Service
from gateway.domain.units import Seconds, Share
from tests.unit.control.release import CHAT, Release, SqliteRelease, plan, version

AUTOSTART = replace(CHAT, rollout=replace(plan(), autostart=True))


async def _on(service: Service = CHAT) -> Release:
    """Give a release that is in its first step, at 20 %."""
    release = Release(service)
    await release.begins()
    await release.starts()
    return release


async def _promoted() -> Release:
    release = await _on()
    await release.does("promote", full=True)
    return release


async def test_an_action_tells_what_it_came_to() -> None:
    release = Release()
    await release.begins()

    acted = await release.does("start")

    assert (acted.standing.phase, acted.protection) == (Phase.PROGRESSING, "analysing")
    assert acted.said == "Attempt 1 begins: v2 against v1."
    assert (acted.receipt.durable, acted.receipt.in_force) == (True, 1)


@pytest.mark.parametrize(
    ("action", "possible"),
    [
        ("pause", "start, weights, kill"),
        ("resume", "start, weights, kill"),
        ("promote", "start, weights, kill"),
        ("abort", "start, weights, kill"),
        ("retry", "start, weights, kill"),
        ("unkill", "start, weights, kill"),
    ],
)
async def test_what_an_idle_rollout_cannot_do_says_what_it_can(
    action: str, possible: str
) -> None:
    release = Release()
    await release.begins()
    release.told.clear()

    with pytest.raises(NotAllowedNow, match=f"Possible now: {possible}"):
        await release.does(action)

    assert release.told == []


@pytest.mark.parametrize("action", ["start", "resume", "retry", "unkill"])
async def test_what_a_rollout_that_is_on_cannot_do_says_what_it_can(
    action: str,
) -> None:
    release = await _on()

    with pytest.raises(NotAllowedNow, match="Possible now: pause, promote"):
        await release.does(action)


async def test_what_is_so_already_says_so() -> None:
    release = await _on()
    await release.does("pause")
    with pytest.raises(NotAllowedNow, match=r"paused already\. Possible now: resume"):
        await release.does("pause")
    await release.does("kill")

    with pytest.raises(NotAllowedNow, match=r"killed already.*unkill"):
        await release.does("kill")


async def test_no_service_of_that_name_is_not_found() -> None:
    release = Release()
    await release.begins()

    with pytest.raises(NotFound, match="Did you mean 'chat'"):
        await release.rollouts.act("chta", "kill", by="ann", reason="", full=False)


async def test_no_kill_fails_for_want_of_words(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    release = await _on()

    def fails(_service: str, _action: str) -> tuple[str, ...]:
        assert release.share == 0, "it is in force before anything is said"
        raise ZeroDivisionError

    monkeypatch.setattr(release.rollouts, "_notes", fails)
    acted = await release.does("kill")

    assert (acted.notes, release.share) == ((), 0)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("service", "words"),
    [
        (replace(CHAT, rollout=None), "no `rollout`"),
        (replace(CHAT, candidate=None), "no candidate"),
    ],
)
async def test_what_has_no_plan_or_no_candidate_does_not_start(
    service: Service, words: str
) -> None:
    release = Release(service)
    await release.begins()

    with pytest.raises(NotAllowedNow, match=words):
        await release.does("start")


async def test_a_plan_that_cannot_be_analysed_does_not_start() -> None:
    """And nothing is changed by the attempt."""
    rules = (MetricRule(signal="no_such_signal"),)
    release = Release(replace(CHAT, rollout=plan(metrics=rules)))
    await release.begins()

    with pytest.raises(BadConfiguration, match="no_such_signal"):
        await release.does("start")

    assert (release.phase(), release.standing.attempt) == (Phase.IDLE, 0)


async def test_every_attempt_has_a_salt_of_its_own() -> None:
    release = await _on()
    first = release.routed.salt
    await release.does("abort")

    await release.does("retry")
    await release.passes()

    assert release.routed.salt != first
    assert (release.standing.attempt, release.share) == (2, 20_000)


async def test_a_weight_does_not_rise_to_who_cannot_be_reached() -> None:
    release = Release()
    await release.begins()
    release.is_up = False

    await release.does("start")
    await release.passes(3)
    assert release.share == 0
    release.is_up = True
    await release.passes()

    assert release.share == 20_000


async def test_a_hand_set_weight_pauses_and_resume_returns_to_the_plan() -> None:
    release = await _on()

    await release.sets(35)
    paused = (release.share, release.standing.pause)
    await release.does("resume")

    assert paused == (35_000, PauseReason.OPERATOR)
    assert (release.share, release.phase()) == (20_000, Phase.PROGRESSING)


async def test_a_hand_set_weight_is_read_as_ever() -> None:
    release = await _on()

    with pytest.raises(BadWeights):
        await release.sets(130)
    with pytest.raises(BadWeights, match="v9"):
        await release.sets(1, "v9")
    with pytest.raises(RevisionConflict):
        await release.rollouts.set_weights(
            "chat", {"v2": 1}, revision=1, by="ann", reason=""
        )

    assert (release.share, release.phase()) == (20_000, Phase.PROGRESSING)


@pytest.mark.parametrize("end", ["abort", "kill"])
async def test_a_candidate_that_was_taken_back_gets_no_weight_by_hand(end: str) -> None:
    release = await _on()
    await release.does(end)

    with pytest.raises(NotAllowedNow, match="retry" if end == "abort" else "unkill"):
        await release.sets(5)

    assert release.share == 0


async def test_before_any_rollout_hands_set_weights() -> None:
    release = Release()
    await release.begins()

    await release.sets(30)

    assert (release.share, release.phase()) == (30_000, Phase.IDLE)
    await release.does("kill")
    assert release.share == 0


async def test_after_a_promotion_was_forgotten_hands_set_weights_again() -> None:
    """Its version is gone from the file: the file's baseline and weights count."""
    release = await _promoted()
    await release.reloads_with(versions=(version("v1"), version("v3")), candidate="v3")
    assert (release.phase(), release.routed.service.baseline) == (Phase.IDLE, "v1")

    await release.sets(15, "v3")

    assert release.share == 15_000


async def test_a_promoted_candidate_is_the_baseline_and_stays_so(
    tmp_path: Path,
) -> None:
    release = SqliteRelease(tmp_path)
    await release.begins()
    await release.starts()
    await release.does("promote", full=True)
    assert release.routed.percents() == {"v1": 0, "v2": 100, "v3": 0}

    await release.rollouts.reload()
    await release.is_killed_and_begins()

    assert release.routed.percents() == {"v1": 0, "v2": 100, "v3": 0}
    assert release.phase() is Phase.PROMOTED
    await release.durable.close()


@pytest.mark.parametrize("with_last", [False, True])
async def test_a_kill_takes_a_promotion_back_after_a_restart_too(
    tmp_path: Path, *, with_last: bool
) -> None:
    """A controller that dies alone leaves a table that calls the promoted the baseline."""
    release = SqliteRelease(tmp_path)
    await release.begins()
    await release.starts()
    await release.does("promote", full=True)
    await release.is_killed_and_begins(with_last=with_last)
    assert release.routed.percents() == {"v1": 0, "v2": 100, "v3": 0}

    await release.does("kill")

    assert release.routed.percents() == {"v1": 100, "v2": 0, "v3": 0}
    await release.is_killed_and_begins(with_last=with_last)
    assert release.routed.percents() == {"v1": 100, "v2": 0, "v3": 0}
    await release.durable.close()


async def test_the_next_rollout_is_against_the_promoted_version() -> None:
    """At no moment does the version before get anything back."""
    release = await _promoted()
    await release.reloads_with(candidate="v3")

    await release.starts()

    assert release.routed.percents() == {"v1": 0, "v2": 80, "v3": 20}
    assert (release.standing.baseline, release.standing.candidate) == ("v2", "v3")
    await release.does("abort")
    assert release.routed.percents() == {"v1": 0, "v2": 100, "v3": 0}
    await release.does("retry")
    await release.passes()
    await release.does("promote", full=True)
    assert release.routed.percents() == {"v1": 0, "v2": 0, "v3": 100}


async def test_a_kill_after_a_promotion_gives_everything_to_the_version_before() -> (
    None
):
    release = await _promoted()

    await release.does("kill")
    assert release.routed.percents() == {"v1": 100, "v2": 0, "v3": 0}
    await release.does("unkill")

    assert release.routed.percents() == {"v1": 100, "v2": 0, "v3": 0}


async def test_a_retry_is_of_the_same_candidate() -> None:
    release = await _on()
    await release.does("abort")
    await release.reloads_with(candidate="v3")

    with pytest.raises(NotAllowedNow, match="`start`"):
        await release.does("retry")
    await release.starts()

    assert (release.standing.candidate, release.share) == ("v3", 20_000)


async def test_a_retry_is_against_whatever_is_the_baseline_now() -> None:
    release = await _on()
    await release.does("abort")
    await release.reloads_with(baseline="v3")

    await release.does("retry")
    await release.does("promote", full=True)

    assert release.standing.baseline == "v3"
    assert release.routed.percents() == {"v1": 0, "v2": 100, "v3": 0}


@pytest.mark.parametrize("side", [0, 1])
async def test_a_version_that_is_defined_anew_voids_the_comparison(side: int) -> None:
    release = await _on()
    versions = list(CHAT.versions)
    versions[side] = replace(versions[side], set_json=(("/model", '"other"'),))

    await release.reloads_with(versions=tuple(versions))

    assert (release.phase(), release.share) == (Phase.PAUSED, 20_000)
    assert release.standing.pause is PauseReason.INTEGRITY
    assert "defined anew" in str(release.standing.void)


async def test_another_baseline_voids_the_comparison() -> None:
    release = await _on()

    await release.reloads_with(baseline="v3")

    assert release.standing.pause is PauseReason.INTEGRITY


async def test_a_version_that_only_moved_is_the_same() -> None:
    release = await _on()
    moved = tuple(
        replace(v, endpoints=(replace(v.endpoints[0], port=2),)) for v in CHAT.versions
    )

    await release.reloads_with(versions=moved)

    assert release.phase() is Phase.PROGRESSING


@pytest.mark.parametrize("changed", [{"candidate": "v3"}, {"rollout": None}])
async def test_a_candidate_that_is_gone_ends_its_rollout(
    changed: dict[str, object],
) -> None:
    release = await _on()

    await release.reloads_with(**changed)

    assert (release.phase(), release.share) == (Phase.ABORTED, 0)
    entry = (await release.entries())[-1]
    assert json.loads(entry.body or b"")["by"] == "configuration"


async def test_without_a_rollout_the_configured_weight_counts_again() -> None:
    release = await _on()

    await release.reloads_with(rollout=None, configured_share=Share(7_000))
    assert release.share == 7_000
    await release.sets(9)

    assert release.share == 9_000


async def test_the_routes_of_a_candidate_are_never_those_of_its_successor() -> None:
    """Not even between the reload and what follows from it."""
    staff = SetHeaderRoute(name="s", match=(HeaderMatch(name="x", exact="1"),))
    steps = (staff, SetWeight(share=Share(20_000)), Pause())
    release = await _on(replace(CHAT, rollout=replace(plan(), steps=steps)))
    await release.passes(0.5)
    assert release.routed.header_routes == (staff,)
    release.file = replace(
        release.file, services=(replace(release.file.services[0], candidate="v3"),)
    )

    await release.gate.reload()

    assert release.routed.service.candidate == "v3"
    assert not release.routed.header_routes


async def test_autostart_starts_once_for_each_definition() -> None:
    release = Release(AUTOSTART)
    await release.begins()
    assert (release.phase(), release.standing.attempt) == (Phase.PROGRESSING, 1)
    await release.does("abort")

    await release.rollouts.reload()
    assert (release.phase(), release.standing.attempt) == (Phase.ABORTED, 1)
    anew = tuple(replace(v, set_json=(("/model", '"b"'),)) for v in CHAT.versions)
    await release.reloads_with(versions=anew)

    assert (release.phase(), release.standing.attempt) == (Phase.PROGRESSING, 2)


async def test_autostart_waits_for_a_store_that_is_away() -> None:
    release = Release(AUTOSTART)
    release.store.is_gone = True
    await release.begins()
    assert release.phase() is Phase.IDLE

    await release.store_returns()

    assert release.phase() is Phase.PROGRESSING


async def test_a_reload_says_what_is_in_force_behind_all_that_followed() -> None:
    release = await _on()

    receipt = await release.rollouts.reload()

    assert receipt.table == release.gate.table


async def test_a_rollout_of_a_service_that_is_gone_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    release = await _on()
    other = replace(CHAT, name="other")
    release.file = replace(release.file, services=(other,))

    await release.rollouts.reload()
    await release.passes(2)

    assert not caplog.records
    with pytest.raises(NotFound):
        await release.does("abort")


async def test_a_plan_that_can_be_analysed_no_more_stops_no_controller(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its evidence is lost as well: it is told, and abort and kill go on working."""
    rules = (MetricRule(signal="refusal"),)
    service = replace(CHAT, rollout=plan(metrics=rules))
    release = SqliteRelease(tmp_path, service)
    await release.begins()
    await release.does("start")
    bare = replace(service, signals=replace(service.signals, names=()))
    release.file = replace(release.file, services=(bare,))

    await release.is_killed_and_begins()

    assert release.rollouts.protection("chat") in {"off", "analysing"}
    await release.does("kill")
    assert release.share == 0
    await release.durable.close()


@pytest.mark.parametrize("window", [None, Seconds(45.0)])
async def test_workers_number_the_windows_that_the_analysis_has_alpha_for(
    window: Seconds | None,
) -> None:
    """Pauses for people are part of the longest that a plan may take, for both."""
    steps = (SetWeight(share=Share(20_000)), Pause(), *plan().steps, Pause())
    release = await _on(
        replace(CHAT, rollout=replace(plan(window=window), steps=steps))
    )

    assert release.routed.window == release.live.examination.design.window
    assert release.routed.window == pytest.approx(window or 2160.0, rel=0.01)


async def test_what_is_known_is_shown_from_the_start_to_after_the_end() -> None:
    release = Release()
    await release.begins()
    assert (await release.rollouts.examined("chat")) is None
    assert release.rollouts.protection("chat") == "off"
    await release.starts()
    release.sees(60, errors=["v2"])
    release.now += 1
    await release.passes()

    examined = await release.rollouts.examined("chat")

    assert examined is not None
    assert (examined.alpha, examined.unit, examined.sampled) == (0.01, "key", 1.0)
    assert examined.age == pytest.approx(1.25)
    assert examined.findings[0].verdict == "regressed"
    assert release.rollouts.protection("chat") == "off"


@pytest.mark.parametrize(
    ("sampled", "checked", "warnings"), [(1.0, 1.0, 0), (0.25, 0.25, 0), (0.0, 0.0, 1)]
)
async def test_on_which_part_of_the_keys_the_split_is_checked_is_shown(
    sampled: float, checked: float, warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    release = Release()
    await release.begins()
    await release.starts()
    for _ in range(2):
        release.decisions.tell(1, release.now, release.now, sampled=sampled)

    examined = await release.rollouts.examined("chat")

    assert examined is not None
    assert examined.split_checked == pytest.approx(checked)
    evidence = analysis_view(examined)["evidence"]
    assert isinstance(evidence, dict)
    assert evidence["split_checked"] == examined.split_checked
    said = [each for each in caplog.messages if "split is as tossed" in each]
    assert len(said) == warnings
    await release.does("abort")
    examined = await release.rollouts.examined("chat")
    assert examined is not None
    assert examined.split_checked == pytest.approx(checked)


async def test_a_rollout_that_is_on_says_why_it_waits_in_vain() -> None:
    release = Release()
    await release.begins()
    assert release.rollouts.shortage("chat") is None
    await release.starts()
    release.sees(60)
    await release.passes()
    assert release.rollouts.shortage("chat") is None
    dry = replace(release.live.assessment, is_dry=True)
    release.live.assessment = dry
    assert release.rollouts.shortage("chat") == dry.shortage is not None
    await release.does("abort")
    assert release.rollouts.shortage("chat") is None


async def test_figures_follow_the_rollout() -> None:
    release = Release()
    await release.begins()
    idle = release.rollouts.figures()["chat"]
    await release.starts()
    on = release.rollouts.figures()["chat"]
    release.sees(60, errors=["v2"])
    await release.passes()
    back = release.rollouts.figures()["chat"]
    await release.does("kill")
    killed = release.rollouts.figures()["chat"]

    assert (idle.phase, idle.step, idle.log_evalues) == ("idle", 0, {})
    assert (on.phase, on.step) == ("progressing", 1)
    assert back.phase == "rolled_back"
    assert back.log_evalues["error_rate"] > 4.6
    assert back.rollbacks == {"error_rate": 1}
    assert killed.phase == "killed"


async def test_the_journal_is_read_by_service_and_in_pages() -> None:
    release = await _on()
    await release.does("abort")
    entries = await release.entries()

    page = await release.rollouts.journal("chat", after=entries[0].seq, limit=2)

    assert list(page) == entries[1:3]
    assert await release.rollouts.journal("other", after=0, limit=9) == []


async def test_a_journal_that_cannot_be_read_says_so() -> None:
    release = await _on()
    release.store.is_gone = True
    await release.does("abort")

    with pytest.raises(StoreUnavailable):
        await release.rollouts.journal(None, after=0, limit=9)
