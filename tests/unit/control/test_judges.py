"""Who judges a rollout is in the journal; another one proves nothing with the former's."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.control.live import Note
from gateway.domain.evaluation import DRAWS
from gateway.domain.rollout import MetricRule, OnFailure, PauseReason, Phase
from tests.unit.control.release import Release, SqliteRelease, plan
from tests.unit.control.test_scores_as_evidence import BAD, GUARDED, JUDGE
from tests.unit.proxy.test_units import record

FIRST, SECOND = "llm_judge one at h", "llm_judge two at h"
WARNED = plan(metrics=(MetricRule(signal=BAD, on_failure=OnFailure.WARN),))


async def judged(release: Release, by: str = FIRST) -> Release:
    """Start a rollout that somebody judges."""
    await release.begins()
    release.judges.are("chat", {"judge": by})
    await release.starts()
    return release


async def told(release: Release) -> list[dict[str, Any]]:
    """Give what the journal says of judges, when all evidence is kept."""
    await release.passes(2.0)
    entries = await release.entries()
    return [json.loads(each.body or b"") for each in entries if each.kind == "judges"]


async def is_replayed(release: Release) -> bool:
    made = await release.replayed()
    return {each.again for each in made} == {None}


async def test_the_journal_says_who_judges_an_attempt_that_begins() -> None:
    release = await judged(Release(GUARDED))

    (entry,) = await told(release)

    assert entry["said"] == f"judge judges: {FIRST}."
    assert (entry["attempt"], entry["examination"]) == (1, 1)
    assert (entry["judges"], entry["before"]) == ({"judge": FIRST}, {})
    assert not entry["voids"]


async def test_each_attempt_is_told_of() -> None:
    release = await judged(Release(GUARDED))
    await told(release)
    await release.does("abort")
    release.judges.are("chat", {"judge": SECOND})
    await release.does("retry")

    entries = await told(release)

    assert [each["judges"]["judge"] for each in entries] == [FIRST, SECOND]
    assert release.phase() is Phase.PROGRESSING


async def test_another_judge_voids_what_is_under_way_and_the_journal_says_so() -> None:
    release = await judged(Release(GUARDED))
    await told(release)
    release.judges.are("chat", {"judge": SECOND, "other": "of no metric"})

    _, entry = await told(release)

    assert release.standing.pause is PauseReason.INTEGRITY
    assert "judge was defined anew" in (release.standing.void or "")
    assert entry["said"].startswith(f"judge was {FIRST}, and is {SECOND}. Nothing can")
    assert (entry["before"], entry["judges"]) == ({"judge": FIRST}, {"judge": SECOND})
    assert entry["voids"]
    kinds = [each.kind for each in await release.entries() if each.kind != "block"]
    assert kinds[-2:] == ["judges", "moved"]
    assert await is_replayed(release)


async def test_one_that_only_warns_voids_nothing() -> None:
    release = await judged(Release(replace(GUARDED, rollout=WARNED)))
    await told(release)
    release.judges.are("chat", {"judge": SECOND})

    _, entry = await told(release)

    assert "It only warns" in entry["said"]
    assert not entry["voids"]
    assert release.standing.void is None


async def test_one_that_was_gone_and_comes_back_as_another_is_another() -> None:
    release = await judged(Release(GUARDED))
    await told(release)
    release.judges.are("chat", {})
    await told(release)
    assert release.standing.void is None

    release.judges.are("chat", {"judge": SECOND})
    await told(release)

    assert release.standing.void is not None


async def test_nothing_is_said_before_anybody_is_known() -> None:
    release = Release(GUARDED)
    await release.begins()
    await release.starts()

    assert await told(release) == []


async def test_a_judge_that_changed_while_no_controller_ran_is_another(
    tmp_path: Path,
) -> None:
    release = await judged(SqliteRelease(tmp_path, GUARDED))
    assert isinstance(release, SqliteRelease)
    await told(release)
    await release.is_killed_and_begins(with_last=True)
    release.judges.are("chat", {"judge": SECOND})

    _, entry = await told(release)

    assert release.standing.pause is PauseReason.INTEGRITY
    assert (entry["before"], entry["judges"]) == ({"judge": FIRST}, {"judge": SECOND})
    assert await is_replayed(release)
    await release.is_killed_and_begins(with_last=True)
    release.judges.are("chat", {"judge": SECOND})
    assert len(await told(release)) == 2, "it is written down"


async def test_the_same_judge_goes_on_after_a_restart(tmp_path: Path) -> None:
    release = await judged(SqliteRelease(tmp_path, GUARDED))
    assert isinstance(release, SqliteRelease)
    await told(release)
    await release.is_killed_and_begins()
    release.judges.are("chat", {"judge": FIRST})

    assert len(await told(release)) == 1
    assert release.standing.void is None


async def test_evidence_of_the_release_before_goes_on_with_whoever_judges() -> None:
    """It does not say who judged."""
    release = await judged(Release(GUARDED))
    await release.passes(2.0)
    kept = await release.durable.evidence("chat")
    assert kept is not None
    note = msgspec.msgpack.decode(kept.book)
    assert note.pop("judges") == {"judge": FIRST}
    former = msgspec.msgpack.decode(msgspec.msgpack.encode(note), type=Note)

    assert former.judges == {}


async def test_a_larger_sample_counts_from_the_reload_on() -> None:
    release = await judged(Release(GUARDED))
    scored = release.live.examination.book.later.scored
    more = replace(JUDGE, sample=0.9)

    async def comes(number: int) -> int:
        made = record(number)
        made.arrived, made.draw = release.now, int(0.7 * DRAWS)
        made.bucket, made.is_candidate = None, False
        release.hears([made])
        await release.passes()
        return len(scored)

    assert await comes(1) == 0
    await release.reloads_with(evaluators=(more,))
    await release.passes()
    assert await comes(2) == 1


async def test_what_is_said_of_a_judge_again_and_again_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A rollout that begins in between hears of it all the same."""
    release = Release(GUARDED)
    await release.begins()
    for said in ("It is useless.", "It is useless.", "It is another.") * 2:
        release.decisions.judge_changed("chat", BAD, said)
    assert caplog.messages.count("chat: It is useless.") == 2, "once per change"
    assert caplog.messages.count("chat: It is another.") == 2

    await release.starts()
    release.decisions.judge_changed("chat", BAD, "It is another.")
    await release.settles()

    assert release.standing.void == "It is another."
    assert caplog.messages.count("chat: It is another.") == 2
