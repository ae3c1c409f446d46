"""Whatever happens to a release, its controller and its store, in whatever order.

The real control plane: what was decided is in force, outlives every restart, and comes
out the same when the journal is replayed.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.analysis.shares import examination_part
from gateway.control.replay import Replay
from gateway.control.standings import is_running, is_same, share_of
from gateway.domain.errors import GatewayError
from gateway.domain.rollout import TERMINAL, Phase, Standing
from gateway.state.journal import Entry, first_break
from tests.unit.control.release import Release

ACTIONS = ("start", "pause", "resume", "promote", "abort", "retry", "kill", "unkill")
TAKEN_BACK = {Phase.ROLLED_BACK, Phase.ABORTED}
DOWN = ("abort", "kill")
ALPHA = 0.01


def _is_as_before(standing: Standing, before: Standing) -> bool:
    """Whether nothing has moved; what is examined from nothing is counted on."""
    counted = replace(before, examinations=standing.examinations)
    return is_same(standing, counted) and standing.examinations >= before.examinations


def _is_taken_back(standing: Standing) -> bool:
    return standing.is_killed or standing.phase in TAKEN_BACK


async def _acts(release: Release, action: str) -> None:
    before = release.share
    with contextlib.suppress(GatewayError):
        await release.does(action, full=action == "promote" and release.keys % 3 == 0)
        assert action not in DOWN or release.share <= before


async def _is_set(release: Release, percent: int) -> None:
    if release.routed.service.candidate == "v2":
        with contextlib.suppress(GatewayError):
            await release.sets(percent)


async def _is_seen(release: Release, keys: int, *, is_bad: bool) -> None:
    release.sees(keys, errors=["v2"] if is_bad else [])
    was_on = is_running(release.standing) and release.share
    await release.passes(0.5)
    if is_bad and was_on and keys >= 100 and release.standing.share > 10_000:
        live, ended = release.moves.lives.get("chat"), release.moves.endings.of("chat")
        if live is None:
            assert ended is not None
            assert ended.assessment.regressed
        else:
            assert live.number > 1 or live.assessment.regressed


async def _loses_store(release: Release) -> None:
    release.store.is_gone = True
    await release.settles()


async def _finds_store(release: Release) -> None:
    if release.durable.trouble is not None:
        before = release.standing
        await release.store_returns()
        assert _is_as_before(release.standing, before)
    release.store.is_gone = False


async def _restarts(release: Release, *, with_last: bool) -> None:
    """Lose the controller; what it left is lost too where the store has everything."""
    await release.settles()
    is_whole = not release.store.is_gone and release.durable.trouble is None
    before = release.standing
    await release.begins(with_last=with_last or not is_whole)
    if is_whole or _is_taken_back(before):
        assert _is_as_before(release.standing, before)
    # Else a move upwards may be in the store, of which its controller did not know it.


async def _restarts_spoilt(release: Release, *, loses_all: bool) -> None:
    """Lose the controller, and what it has kept of the evidence, or let it be unreadable."""
    await release.settles()
    if loses_all:
        release.store._evidence.pop("chat", None)
    elif (kept := release.store._evidence.get("chat")) is not None:
        release.store._evidence["chat"] = replace(kept, trial=b"?")
    is_away = release.store.is_gone or release.durable.trouble is not None
    before = release.standing
    await release.begins(with_last=is_away)
    if is_running(before) and is_running(release.standing):
        assert release.live.number > 1


async def _saves_and_fails(release: Release) -> None:
    """Let the store keep the next thing, and its answer be lost."""
    await release.settles()
    release.store.keeps_and_fails = True


Happening = tuple[Callable[..., Awaitable[None]], dict[str, object]]

happenings: st.SearchStrategy[Happening] = st.one_of(*[
    st.tuples(st.just(act), st.fixed_dictionaries(more))
    for act, more in (
        (_acts, {"action": st.sampled_from(ACTIONS)}),
        (_acts, {"action": st.sampled_from(("start", "retry", "promote"))}),
        (_is_set, {"percent": st.sampled_from([0, 3, 40])}),
        (_is_seen, {"keys": st.sampled_from([20, 120]), "is_bad": st.booleans()}),
        (_is_seen, {"keys": st.just(60), "is_bad": st.just(False)}),
        (_loses_store, {}),
        (_finds_store, {}),
        (_restarts, {"with_last": st.booleans()}),
        (_restarts_spoilt, {"loses_all": st.booleans()}),
        (_saves_and_fails, {}),
    )
])


async def _play(story: list[Happening]) -> None:
    release = Release()
    await release.begins()
    for act, more in story:
        await act(release, **more)
        _holds(release)
    release.store.keeps_and_fails = False
    await _finds_store(release)
    await release.passes(0.5)
    entries = await release.entries()
    assert first_break(entries) is None
    _demand_alpha_is_not_overspent(entries)
    assert [one for one in Replay().all_of(entries) if one.again is not None] == []


def _demand_alpha_is_not_overspent(entries: list[Entry]) -> None:
    """Demand that all examinations of one attempt have no more than alpha together."""
    spent: dict[int, float] = {}
    for entry in entries:
        said = json.loads(entry.body or b"{}")
        if entry.kind == "begun":
            spent[said["after"]["attempt"]] = said["design"]["alpha"] * 0.95
        elif entry.kind == "anew" and said["attempt"] in spent:
            spent[said["attempt"]] += said["design"]["alpha"] * 0.95
    assert all(alpha <= ALPHA for alpha in spent.values())


def _holds(release: Release) -> None:
    """Demand what is true at every moment."""
    standing, routed = release.standing, release.routed
    live, ended = release.moves.lives.get("chat"), release.moves.endings.of("chat")
    if standing.phase in TERMINAL:
        assert live is None, "its keys are of no use any more"
        assert ended is None or ended.attempt == standing.attempt
    elif standing.attempt:
        assert live is not None, "somebody looks"
        assert ended is None
        design = live.examination.design
        assert live.number <= standing.examinations
        assert design.alpha == ALPHA * examination_part(live.number)
    if _is_taken_back(standing):
        assert routed.share == 0
        assert not (routed.header_routes or routed.mirror_routes)
    if is_running(standing):
        assert routed.share == share_of(standing)
    if standing.phase is Phase.PROMOTED:
        assert (routed.service.baseline, routed.share) == ("v2", 0)


@settings(max_examples=150, deadline=None)
@given(story=st.lists(happenings, max_size=30))
def test_what_was_decided_is_in_force_and_outlives_everything(
    story: list[Happening],
) -> None:
    asyncio.run(_play(story))
