"""Every way a candidate can take over, and be taken back, with the running command.

test_rollouts.py has what the evidence decides of a canary; here is what the plan can ask
for besides: previews, switches, routes, pauses, ways down, and what operators do.
"""

import http.client
import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.end_to_end.audience import Audience
from tests.end_to_end.releases import (
    Json,
    Release,
    moment,
    plant,
    release,
    running_release,
)
from tests.end_to_end.running import (
    CHAT,
    COMMAND,
    PATIENCE_S,
    ModelServer,
    call,
    running_gateway,
    tell,
    until,
)

pytestmark = pytest.mark.slow  # two and a half minutes of rollouts

Models = tuple[ModelServer, ModelServer]

STAFF = {"x-staff": "1"}
TO_STAFF: Json = {
    "setHeaderRoute": {
        "name": "staff",
        "match": [{"headerName": "x-staff", "headerValue": {"exact": "1"}}],
    }
}
COPIES: Json = {"setMirrorRoute": {"name": "shadow", "percentage": 100}}
PREVIEW = [TO_STAFF, COPIES, {"analysis": {}}]
BLUE_GREEN: Json = {
    "strategy": "blue_green",
    "steps": PREVIEW,
    "mirror": {"concurrency": 64, "tokens_per_minute": None},
}
HARD = [{"signal": "error_rate", "margin": {"relative": 0.25, "absolute": 0.004}}]
"""What no test is long enough to prove."""

_AFTER_S = 1.0


def ask(port: int, headers: dict[str, str] | None = None, text: str = "hello") -> str:
    """Ask once, on a connection of its own; give the version that answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]})
    sent = {"content-type": "application/json"} | (headers or {})
    try:
        connection.request("POST", CHAT, body, sent)
        answer = connection.getresponse()
        answer.read()
        return answer.getheader("x-sluicegate-version", "")
    finally:
        connection.close()


def lately(audience: Audience) -> Counter[str]:
    """Count by version what was asked in the last half of the time that is waited."""
    return audience.since(time.monotonic() - _AFTER_S / 2)


def assert_unasked(server: ModelServer) -> None:
    """Demand that nothing is sent to a server any more, copies included."""
    asked = server.stats()["requests"]
    time.sleep(_AFTER_S)
    assert server.stats()["requests"] == asked


def said(running: Release) -> list[str]:
    """Give what the journal says, tell it, and demand that it can be said again."""
    told = [entry["body"]["said"] for entry in running.journal("begun", "moved")]
    tell("\n".join(told))
    admin = f"http://127.0.0.1:{running.gateway.admin}"
    again = subprocess.run(
        [COMMAND, "replay", "--admin", admin],
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stdout + again.stderr
    return told


def weights(running: Release) -> list[float]:
    """Give the candidate's weights one after the other, from the journal."""
    moves = [e["body"]["weight"][1] for e in running.journal("begun", "moved")]
    return [
        to for to, before in zip(moves, [None, *moves], strict=False) if to != before
    ]


def test_a_blue_green_candidate_is_previewed_by_pairs_and_takes_over_at_once(
    models: Models, tmp_path: Path
) -> None:
    analysis = {"watch": "3s", "holdback": 10}
    document = release(models, rollout=BLUE_GREEN, analysis=analysis, workers=2)
    with (
        running_release(document, tmp_path) as running,
        Audience(running.gateway.data) as audience,
    ):
        running.start()
        until("a mirror", lambda: bool(running.analysis()["rollout"]["step"]))
        assert ask(running.gateway.data, STAFF) == "v2"
        assert ask(running.gateway.data) == "v1"

        running.until_phase("baking", within_s=20)
        switched = moment(running.decision())
        early = [v for v in audience.visits if v.ended < switched]
        assert {visit.version for visit in early} == {"v1"}
        assert running.gateway.candidate_weight() == 90

        running.until_phase("promoted", within_s=20)
        time.sleep(_AFTER_S)
        assert set(lately(audience)) == {"v2"}
        assert weights(running) == [0, 90, 100]
        assert not audience.unhappy()
        said(running)


def test_a_blue_green_candidate_that_errs_is_taken_back_before_and_after_the_switch(
    models: Models, tmp_path: Path
) -> None:
    """On copies it harms nobody; what errs later meets the hold-back."""
    document = release(models, rollout=BLUE_GREEN, analysis={"watch": "1m"})
    with (
        running_release(document, tmp_path) as running,
        Audience(running.gateway.data) as audience,
    ):
        plant(models[1], error=0.1)
        running.start()
        running.until_phase("rolled_back", within_s=25)
        assert set(audience.since(0)) == {"v1"}
        assert not audience.unhappy()
        assert running.decision()["body"]["findings"][0]["metric"] == "error_rate"
        assert ask(running.gateway.data, STAFF) == "v1"
        assert_unasked(models[1])

        plant(models[1], error=0)
        assert running.act("retry")[0] == 200
        until("the analysis", lambda: running.standing["step"] == 2)
        assert running.act("promote")[0] == 200
        running.until_phase("baking")
        time.sleep(_AFTER_S)
        planted = plant(models[1], error=0.3)
        took = running.until_phase("rolled_back")
        time.sleep(_AFTER_S)
        assert set(lately(audience)) == {"v1"}
        tell(f"switched back {took:.2f} s after it erred: {audience.since(planted)}")
        assert [w for w in weights(running) if w] == [95]
        said(running)


def test_a_candidate_that_hangs_on_copies_is_taken_back(
    models: Models, tmp_path: Path
) -> None:
    """By few copies at a time: one that is late makes room for the next."""
    plan = {"strategy": "blue_green", "steps": PREVIEW}
    document = release(models, rollout=plan, deadline="500ms")
    with (
        running_release(document, tmp_path) as running,
        Audience(running.gateway.data) as audience,
    ):
        plant(models[1], hang=True)
        running.start()
        running.until_phase("rolled_back", within_s=20)
        plant(models[1], hang=False)

        assert set(audience.since(0)) == {"v1"}
        assert not audience.unhappy()
        said(running)


def test_two_versions_side_by_side_are_read_out_and_stay(
    models: Models, tmp_path: Path
) -> None:
    """Requests without a key are units of their own, and close when they end."""
    plan = {"strategy": "ab", "steps": [{"setWeight": 50}]}
    analysis = {"metrics": [{"signal": "error_rate"}]}
    document = release(models, rollout=plan, analysis=analysis)
    with (
        running_release(document, tmp_path) as running,
        Audience(running.gateway.data, keys=0),
    ):
        running.start()
        running.until_step(1)
        until("a readout", lambda: "Readout" in running.decision()["body"]["said"])
        time.sleep(_AFTER_S)
        assert running.standing["weight"] == 50
        assert said(running)[-1].startswith("Readout")

        assert running.act("promote")[0] == 200
        running.until_phase("promoted")


def test_a_preview_goes_on_after_a_restart(models: Models, tmp_path: Path) -> None:
    """With the pairs that there were: by the counts, and by what is proven."""
    plan = BLUE_GREEN | {"steps": [TO_STAFF, COPIES, {"analysis": {}}, {"pause": {}}]}
    metrics = [{"signal": "error_rate", "margin": {"absolute": 0.004}}]
    analysis = {"metrics": metrics}
    document = release(models, rollout=plan, analysis=analysis, state="sqlite:state.db")
    with (
        running_release(document, tmp_path) as running,
        Audience(running.gateway.data, rate=100),
    ):
        running.start()
        until("pairs", lambda: _pairs(running) > 150)
        time.sleep(_AFTER_S)  # evidence is kept once a second
        counted = _pairs(running)
    with running_gateway(document, tmp_path) as gateway:
        running = Release(gateway)
        assert running.standing["step"] == 2
        until("what was kept", lambda: _pairs(running) > 0)
        kept = _pairs(running)
        assert counted - 150 < kept
        assert ask(gateway.data, STAFF) == "v2"
        with Audience(gateway.data):
            until("proof", lambda: running.standing["step"] == 3, within_s=30)
        tell(f"{kept} of {counted} pairs were kept, {_pairs(running)} proved it")
        said(running)


def _pairs(running: Release) -> int:
    return int(running.analysis()["evidence"]["units"]["candidate"])


def test_staff_and_a_mirror_meet_a_canary_before_any_user(
    models: Models, tmp_path: Path
) -> None:
    """Both end with it: after a rollback nothing but the weight could be forgotten."""
    steps = [TO_STAFF, COPIES, {"pause": {}}, {"setWeight": 20}, {"pause": {}}]
    document = release(models, rollout={"steps": steps})
    with (
        running_release(document, tmp_path) as running,
        Audience(running.gateway.data) as audience,
    ):
        running.start()
        running.until_phase("paused")
        assert running.standing["weight"] == 0
        assert ask(running.gateway.data, STAFF) == "v2"
        assert ask(running.gateway.data, {"x-staff": "2"}) == "v1"
        until("copies", lambda: models[1].stats()["requests"] > 50)
        assert set(audience.since(0)) == {"v1"}

        assert running.act("resume")[0] == 200
        until("20 %", lambda: running.gateway.candidate_weight() == 20)
        plant(models[1], error=0.3)
        running.until_phase("rolled_back")

        assert ask(running.gateway.data, STAFF) == "v1"
        assert_unasked(models[1])
        said(running)


def test_time_alone_advances_where_the_plan_says_so(
    models: Models, tmp_path: Path
) -> None:
    """By so narrow a margin that nothing is ever proven."""
    pause = {"pause": {"duration": "2s"}}
    steps = [{"setWeight": 20}, pause, {"setWeight": 50}, pause]
    analysis = {"metrics": HARD, "bake": "2s", "holdback": 10}
    plan = {"advance": "time", "steps": steps}
    document = release(models, rollout=plan, analysis=analysis)
    with (
        running_release(document, tmp_path) as running,
        Audience(running.gateway.data) as audience,
    ):
        running.start()
        running.until_phase("promoted", within_s=20)

        assert weights(running) == [0, 20, 50, 90, 100]
        moved = {e["body"]["weight"][1]: e for e in reversed(running.journal("moved"))}
        times = [moment(moved[weight]) for weight in (20, 50, 90, 100)]
        gaps = [b - a for a, b in pairwise(times)]
        assert min(gaps) >= 2 - 0.3
        assert not audience.unhappy()
        said(running)


def test_metrics_that_warn_are_told_and_those_that_pause_hold(
    models: Models, tmp_path: Path
) -> None:
    metrics = [
        {"signal": "client_error_rate", "on_failure": "warn"},
        {"signal": "error_rate", "on_failure": "pause"},
    ]
    steps = [{"setWeight": 20}, {"pause": {}}]
    document = release(models, rollout={"steps": steps}, analysis={"metrics": metrics})
    with (
        running_release(document, tmp_path) as running,
        Audience(running.gateway.data),
    ):
        running.start()
        running.until_step(1)
        plant(models[1], error=0.3, error_status=404)
        until("a warning", lambda: "warning" in running.decision()["body"]["said"])
        assert running.standing["pause_reason"] in {None, "step"}

        plant(models[1], error=0.3, error_status=500)
        until("a pause", lambda: running.standing["pause_reason"] == "metric")
        assert running.standing["weight"] == 20
        assert "Paused at 20 %" in running.decision()["body"]["said"]

        assert running.act("resume")[0] == 200
        time.sleep(_AFTER_S)
        assert running.standing["pause_reason"] != "metric", "who resumes has seen it"
        said(running)


def test_a_ceiling_pauses_though_both_versions_are_alike(
    models: Models, tmp_path: Path
) -> None:
    """It protects where there is nothing to compare with, and no alpha protects it."""
    for server in models:
        plant(server, error=0.2)
    metrics = [{"signal": "error_rate", "ceiling": 0.05}]
    steps = [{"setWeight": 50}, {"pause": {}}]
    document = release(models, rollout={"steps": steps}, analysis={"metrics": metrics})
    with (
        running_release(document, tmp_path) as running,
        Audience(running.gateway.data),
    ):
        running.start()
        until("a pause", lambda: running.standing["pause_reason"] == "metric")

        assert running.standing["weight"] == 50
        decision = running.decision()["body"]
        assert "not protected by alpha" in decision["said"]
        assert [found["is_ceiling"] for found in decision["findings"]] == [True]
        said(running)


def test_silence_holds_and_so_does_what_cannot_be_proven(
    models: Models, tmp_path: Path
) -> None:
    """Neither promotes or takes back; silence ends by itself, doubt does not."""
    closes = {"after": "500ms", "grace": "500ms"}
    analysis = {"metrics": HARD, "step_timeout": "6s", "closes": closes}
    document = release(models, analysis=analysis)
    with running_release(document, tmp_path) as running:
        running.start()
        running.until_phase("paused")
        assert running.standing["pause_reason"] == "no_data"
        assert running.standing["weight"] == 20
        with Audience(running.gateway.data):
            running.until_phase("progressing")
            running.until_phase("paused")

        assert running.standing["pause_reason"] == "inconclusive"
        assert running.standing["weight"] == 20
        cause = running.decision()["body"]["said"]
        assert "It lacks: no proof yet of error_rate. About" in cause
        assert "units of the candidate more would prove it" in cause
        said(running)


def test_a_way_down_is_taken_step_by_step(models: Models, tmp_path: Path) -> None:
    """For a baseline that was scaled down; each step for the dwell."""
    plan = {"steps": [{"setWeight": 50}, {"pause": {}}], "rollback_steps": [30, 10]}
    document = release(models, rollout=plan)
    with (
        running_release(document, tmp_path) as running,
        Audience(running.gateway.data) as audience,
    ):
        running.start()
        running.until_step(1)
        plant(models[1], error=0.3)
        running.until_phase("rolling_back")
        running.until_phase("rolled_back")

        assert weights(running) == [0, 50, 30, 10, 0]
        downs = running.journal("moved")[-3:]
        gaps = [moment(b) - moment(a) for a, b in pairwise(downs)]
        assert min(gaps) >= 1 - 0.3
        time.sleep(_AFTER_S)
        assert set(lately(audience)) == {"v1"}
        said(running)


def climbs(running: Release) -> None:
    until("50 %", lambda: running.standing["weight"] == 50)


def is_paused(running: Release) -> None:
    climbs(running)
    running.act("pause")


def bakes(running: Release) -> None:
    climbs(running)
    running.act("promote")
    running.act("promote")
    assert running.phase == "baking"


def goes_down(running: Release) -> None:
    climbs(running)
    running.act("abort")
    assert running.phase == "rolling_back"


def is_promoted(running: Release) -> None:
    running.act("promote", full=True)
    assert ask(running.gateway.data) == "v2"


@pytest.mark.parametrize("comes", [climbs, is_paused, bakes, goes_down, is_promoted])
def test_the_kill_switch_stands_above_every_phase(
    models: Models, tmp_path: Path, comes: Callable[[Release], None]
) -> None:
    """Off again it brings nothing back: what was on is aborted, and can be retried."""
    steps = [TO_STAFF, COPIES, {"setWeight": 50}, {"pause": {}}]
    plan = {"steps": steps, "rollback_steps": [30]}
    analysis = {"dwell": "1m", "bake": "1h"}
    document = release(models, rollout=plan, analysis=analysis)
    with running_release(document, tmp_path) as running:
        running.start()
        comes(running)
        assert running.act("kill")[0] == 200
        asked = models[1].stats()["requests"]
        assert answering(running) == {"v1"}
        assert ask(running.gateway.data, STAFF) == "v1"
        assert models[1].stats()["requests"] == asked, "no copy either"
        for action in ("start", "resume", "promote", "retry"):
            assert running.act(action)[0] == 409, action

        assert running.act("unkill")[0] == 200
        assert running.phase == "aborted"
        assert answering(running) == {"v1"}
        assert running.act("retry")[0] == 200
        climbs(running)
        said(running)


def test_a_kill_before_anything_began_lets_nothing_begin(
    models: Models, tmp_path: Path
) -> None:
    with running_release(release(models), tmp_path) as running:
        assert running.act("kill")[0] == 200
        assert running.act("start")[0] == 409
        assert running.act("unkill")[0] == 200
        assert running.phase == "idle"
        running.start()


def test_a_retry_meets_other_users_first(models: Models, tmp_path: Path) -> None:
    plan = {"steps": [{"setWeight": 20}, {"pause": {}}]}
    with running_release(release(models, rollout=plan), tmp_path) as running:
        port = running.gateway.data
        met: list[set[int]] = []
        for action in ("start", "retry"):
            assert running.act(action)[0] == 200
            until("20 %", lambda: running.gateway.candidate_weight() == 20)
            answers = [ask(port, {"x-user-id": f"v-{n}"}) for n in range(300)]
            met.append({n for n, version in enumerate(answers) if version == "v2"})
            assert running.act("abort")[0] == 200

        first, second = met
        tell(f"{len(first)} and {len(second)} of 300; both: {len(first & second)}")
        assert 30 < len(first) < 90
        assert 30 < len(second) < 90
        assert len(first & second) < len(first) / 2


def reload(running: Release, document: Json) -> None:
    """Write another configuration, and put it in force."""
    running.gateway.write(document)
    status, answer = call(running.gateway.admin, "POST", "/api/v1/reload", {})
    assert status == 200, answer


def redefined(document: Json, model: str) -> Json:
    """Define the candidate anew."""
    changed: Json = json.loads(json.dumps(document))
    changed["services"]["chat"]["versions"]["v2"]["set_json"] = {"/model": model}
    return changed


def test_a_new_definition_begins_by_itself_once_and_voids_what_is_on(
    models: Models, tmp_path: Path
) -> None:
    plan = {"steps": [{"setWeight": 20}, {"pause": {}}], "autostart": True}
    document = release(models, rollout=plan, state="sqlite:state.db")
    with (
        running_release(document, tmp_path) as running,
        Audience(running.gateway.data),
    ):
        running.until_step(1)
        assert running.act("abort")[0] == 200
        reload(running, document)
        assert running.phase == "aborted"

        another = redefined(document, "m2")
        reload(running, another)
        running.until_step(1)
        assert running.standing["attempt"] == 2

        third = redefined(document, "m3")
        reload(running, third)
        assert running.standing["pause_reason"] == "integrity"
        assert running.standing["weight"] == 20
        assert running.act("resume")[0] == 409
        plant(models[1], error=0.3)
        running.until_phase("rolled_back")
        reload(running, third)
        assert running.phase == "rolled_back"
        said(running)


def test_another_candidate_begins_by_itself_in_the_place_of_the_last(
    models: Models, tmp_path: Path
) -> None:
    """One that is replaced is let go; so is what was promoted and is defined anew."""
    plan = {"steps": [TO_STAFF, {"setWeight": 20}, {"pause": {}}], "autostart": True}
    document = release(models, rollout=plan, state="sqlite:state.db")
    chat = document["services"]["chat"]
    chat["versions"]["v3"] = dict(chat["versions"]["v1"])
    with running_release(document, tmp_path) as running:
        running.until_step(2)
        chat["candidate"] = "v3"
        reload(running, document)
        running.until_step(2)
        assert running.standing["candidate"] == "v3"
        assert answering(running) == {"v1", "v3"}

        assert running.act("promote", full=True)[0] == 200
        assert answering(running) == {"v3"}
        chat["versions"]["v3"]["set_json"] = {"/model": "m3"}
        reload(running, document)
        running.until_step(2)
        assert running.standing["baseline"] == "v1"
        assert answering(running) == {"v1", "v3"}
        said(running)


def test_a_promotion_outlives_reloads_and_restarts(
    models: Models, tmp_path: Path
) -> None:
    """And the next candidate is compared with it, whatever the file calls baseline."""
    plan = {"steps": [{"setWeight": 50}, {"pause": {}}]}
    document = release(models, rollout=plan, state="sqlite:state.db")
    with running_release(document, tmp_path) as running:
        running.start()
        assert running.act("promote", full=True)[0] == 200
        reload(running, document)
        assert answering(running) == {"v2"}

    chat = document["services"]["chat"]
    chat["versions"]["v3"] = dict(chat["versions"]["v1"])
    chat["candidate"] = "v3"
    with running_gateway(document, tmp_path) as gateway:
        running = Release(gateway)
        assert answering(running) == {"v2"}
        running.start()
        assert running.standing["baseline"] == "v2"
        until("half", lambda: answering(running) == {"v2", "v3"})
    with running_gateway(document, tmp_path) as gateway:
        running = Release(gateway)
        assert answering(running) == {"v2", "v3"}
        assert running.act("abort")[0] == 200
        assert answering(running) == {"v2"}
        said(running)


def answering(running: Release) -> set[str]:
    """Give the versions that answer twenty visitors."""
    port = running.gateway.data
    return {ask(port, {"x-user-id": f"visitor-{n}"}) for n in range(20)}


@pytest.fixture(autouse=True)
def _behave(models: Models) -> None:
    for server in models:
        server.forget()
