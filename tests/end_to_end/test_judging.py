"""Releases that are guarded by a judge: what it finds, and what happens when it fails.

The judge is simulated, and known: it finds 80 % of what is bad and leaves alone 90 % of
what is not. Figures are told, not asserted (pytest -rP).
"""

import http.client
import json
import os
import signal
import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from time import time as unix  # ruff: ignore[banned-api]: hours are of its clock
from typing import Any

import pytest

from gateway.analysis.scored import GRACE
from loadtest.judge_truth import marked
from tests.end_to_end.audience import Audience
from tests.end_to_end.judges import (
    FOUND,
    HALLUCINATION,
    JudgeServer,
    judged_release,
    readers,
    results,
    running_judge,
)
from tests.end_to_end.releases import Json, Release, moment, plant, running_release
from tests.end_to_end.running import (
    CHAT,
    COMMAND,
    PATIENCE_S,
    ModelServer,
    tell,
    until,
)

Models = tuple[ModelServer, ModelServer]

HALVES: list[Json] = [{"setWeight": 50}, {"pause": {}}]
_QUIET_S = 150.0
_HELD_S = 5.0
_FEW = 10
_BUDGET = 300_000
_DEATHS = 4


@pytest.fixture
def judge() -> Iterator[JudgeServer]:
    with running_judge() as server:
        yield server


@contextmanager
def reading(
    document: Json, folder: Path, **audience: Any
) -> Generator[tuple[Release, Audience]]:
    """Run a release before readers, in its first step."""
    with (
        running_release(document, folder) as running,
        readers(running, **audience) as visitors,
    ):
        running.start()
        running.until_step(1)
        yield running, visitors


def test_a_candidate_that_hallucinates_is_taken_back(
    models: Models, judge: JudgeServer, tmp_path: Path
) -> None:
    """5 -> 60 %: nothing in status codes and latencies shows it."""
    for server in models:
        plant(server, wrong=0.05)
    document = judged_release(models, judge, rollout={"steps": HALVES})
    with reading(document, tmp_path) as (running, audience):
        time.sleep(2.0)
        planted = plant(models[1], wrong=0.6)

        running.until_phase("rolled_back", within_s=40)

        decision = running.decision()
        worst = decision["body"]["findings"][0]
        tell(
            f"hallucination 5 -> 60 %: {moment(decision) - planted:.1f} s after its onset,"
            f" {worst['candidate_units']} units; {decision['body']['said']}; {results(running)}"
        )
        assert worst["metric"] == HALLUCINATION
        assert running.gateway.candidate_weight() == 0
        assert not audience.unhappy()


@pytest.mark.slow
def test_a_quarter_of_the_keys_is_judged_without_awaiting_the_others(
    models: Models, judge: JudgeServer, tmp_path: Path
) -> None:
    """5 -> 60 %. Each used to wait ten seconds for those who are in no sample."""
    for server in models:
        plant(server, wrong=0.05)
    document = judged_release(
        models, judge, evaluator={"sample": 0.25}, rollout={"steps": HALVES}
    )
    with reading(document, tmp_path, rate=300, keys=200_000) as (running, audience):
        began = time.monotonic()
        until("what counts", lambda: _judged(running) > 0, within_s=40)
        first = time.monotonic() - began
        planted = plant(models[1], wrong=0.6)

        running.until_phase("rolled_back", within_s=60)

        took = moment(running.decision()) - planted
        tell(
            f"a quarter judged: counts after {first:.1f} s, decided {took:.1f} s after"
        )
        assert first < GRACE
        assert took < GRACE
        assert not audience.unhappy()


@pytest.mark.slow  # half a minute
def test_three_times_as_many_hallucinations_take_as_long_as_was_foretold(
    models: Models, judge: JudgeServer, tmp_path: Path
) -> None:
    """5 -> 15 %, from the first request on, and a judge that errs."""
    plant(models[0], wrong=0.05)
    plant(models[1], wrong=0.15)
    document = judged_release(models, judge, rollout={"steps": HALVES})
    with reading(document, tmp_path, rate=300, keys=200_000) as (running, audience):
        foretold = _foretold(running)
        began = time.monotonic()

        running.until_phase("rolled_back", within_s=100)

        decision = running.decision()
        worst = decision["body"]["findings"][0]
        tell(
            f"hallucination 5 -> 15 %: {moment(decision) - began:.1f} s,"
            f" {worst['candidate_units']} units, foretold {foretold};"
            f" {decision['body']['said']}; {results(running)}"
        )
        assert worst["metric"] == HALLUCINATION
        assert worst["candidate_units"] < 3 * foretold
        assert not audience.unhappy()


def _foretold(running: Release) -> int:
    """Give the keys on the candidate after which three times as much is found."""
    command = [COMMAND, "simulate", str(running.gateway.config), "--json"]
    judge = ["--bad-rate", "5", "--sensitivity", "0.8", "--specificity", "0.9"]
    traffic = ["--keys-per-hour", "400000"]
    found = subprocess.run(
        command + judge + traffic, capture_output=True, text=True, check=True
    )
    [metric] = [
        metric
        for metric in json.loads(found.stdout)["steps"][0]["metrics"]
        if metric["metric"] == HALLUCINATION
    ]
    [units] = [f["units"] for f in metric["finds"] if f["fault"] == "3 times as often"]
    return int(units)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_equal_candidates_are_left_alone_by_a_judge_that_errs(
    models: Models, judge: JudgeServer, tmp_path: Path
) -> None:
    """Also when it begins to toss coins on the way."""
    for server in models:
        plant(server, wrong=0.05)
    document = judged_release(models, judge, rollout={"steps": HALVES})
    with reading(document, tmp_path, rate=200, keys=200_000) as (running, audience):
        time.sleep(_QUIET_S / 2)
        assert running.phase in {"progressing", "paused"}
        judge.behave(sensitivity=0.5, specificity=0.5)
        time.sleep(_QUIET_S / 2)

        assert running.phase in {"progressing", "paused"}
        found = running.analysis()
        assert not found["assessment"]["regressed"]
        assert found["assessment"]["integrity"] is None
        assert not audience.unhappy()
        highest = max(found["metrics"], key=lambda one: one["log_e"])
        tell(f"quiet for {_QUIET_S:.0f} s: {results(running)}")
        tell(f"highest evidence: {highest['metric']} {highest['log_e']:.2f}")
        tell(str(_finding(running)["judgements"]))


def _finding(running: Release) -> Json:
    """Give what is known of hallucination, over all."""
    [found] = [
        one
        for one in running.analysis()["metrics"]
        if one["metric"] == HALLUCINATION and one["segment"] is None
    ]
    return dict(found)


@pytest.mark.slow  # half a minute each
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503},
        {"status": 429, "retry_after": "1"},
        {"delay": 20.0},
        {"garbage": 1.0},
        {"cut": 1.0},
    ],
    ids=["down", "429", "slow", "garbage", "cut"],
)
def test_a_release_waits_for_a_judge_that_fails_and_goes_on_after_it(
    models: Models, judge: JudgeServer, tmp_path: Path, fault: Json
) -> None:
    document = judged_release(
        models,
        judge,
        evaluator={"deadline": "2s"},
        metrics=[{"signal": HALLUCINATION, "margin": {"absolute": 0.2}}],
        rollout={"steps": [{"setWeight": 50}, {"setWeight": 60}, {"pause": {}}]},
    )
    judge.behave(**fault)
    with reading(document, tmp_path) as (running, audience):
        until("no data", lambda: _has_no_data(running), within_s=40)
        time.sleep(_HELD_S)
        assert running.standing["weight"] == 50
        assert running.phase in {"progressing", "paused"}
        tell(f"{fault}: {results(running)} {_finding(running)['judgements']}")

        tell(f"p99 of clients {_p99_ms(audience):.1f} ms")

        well = judge.behave(status=0, delay=0.0, garbage=0.0, cut=0.0)
        running.until_step(2, within_s=60)

        tell(f"{fault}: went on {time.monotonic() - well:.1f} s after it was well")
        assert not audience.unhappy()


@pytest.mark.slow  # it is said every 20 seconds
@pytest.mark.parametrize("lies", [True, False], ids=["lies", "errs"])
def test_a_judge_that_lies_about_its_canaries_proves_nothing(
    models: Models, judge: JudgeServer, tmp_path: Path, *, lies: bool
) -> None:
    """Equal to it are all versions; one that only errs goes on."""
    judge.behave(lies=lies)
    canaries = tmp_path / "canaries.jsonl"
    canaries.write_text("".join(_labelled(is_bad=n % 2 > 0) for n in range(30)))
    document = judged_release(
        models,
        judge,
        evaluator={"canaries": str(canaries)},
        rollout={"steps": HALVES},
    )
    with running_release(document, tmp_path) as running, readers(running, rate=50):
        running.start()  # it may be said before the first step has begun
        if lies:
            took = until("integrity", lambda: _is_void(running), within_s=30)
            tell(f"paused after {took:.1f} s: {running.decision()['body']['said']}")
            assert "hardly better than a coin" in running.decision()["body"]["said"]
        else:
            until("verdicts", lambda: results(running).get("judged", 0) > 4 * _FEW)
            assert not _is_void(running)


def _labelled(*, is_bad: bool) -> str:
    answer = "It opens at seven." if is_bad else "It opens at six."
    example = {
        "prompt": "When does it open?",
        "context": [FOUND["content"]],
        "answer": marked(answer, "hallucination") if is_bad else answer,
        "labels": {"hallucination": int(is_bad)},
    }
    return json.dumps(example) + "\n"


def _p99_ms(audience: Audience) -> float:
    took = sorted(visit.ended - visit.begun for visit in audience.visits)
    return 1000 * took[len(took) * 99 // 100]


def _has_no_data(running: Release) -> bool:
    return HALLUCINATION in running.analysis()["assessment"]["no_data"]


def test_a_candidate_that_breaks_the_judge_cannot_hide_behind_it(
    models: Models, judge: JudgeServer, tmp_path: Path
) -> None:
    judge.behave(breaks_on="xyzzy")
    plant(models[1], adds="xyzzy")
    document = judged_release(models, judge, rollout={"steps": HALVES})
    with reading(document, tmp_path) as (running, audience):
        took = until("integrity", lambda: _is_void(running), within_s=40)

        tell(f"paused after {took:.1f} s: {_finding(running)['judgements']}")
        tell(running.decision()["body"]["said"])
        assert running.phase == "paused"
        assert HALLUCINATION in running.analysis()["assessment"]["integrity"]
        assert not audience.unhappy()


def _is_void(running: Release) -> bool:
    return bool(running.standing["pause_reason"] == "integrity")


def test_another_model_behind_a_judge_ends_what_its_scores_can_prove(
    models: Models, judge: JudgeServer, tmp_path: Path
) -> None:
    document = judged_release(models, judge, rollout={"steps": HALVES})
    with reading(document, tmp_path) as (running, _audience):
        until("verdicts", lambda: results(running).get("judged", 0) > 0)
        [evaluator] = document["services"]["chat"]["evaluators"]
        evaluator["model"] = "another examiner"
        running.gateway.write(document)
        running.gateway.tell(signal.SIGHUP)

        until("integrity", lambda: _is_void(running))

        said = running.decision()["body"]["said"]
        tell(said)
        assert "judge was defined anew" in said


@pytest.mark.slow  # the gateway is started twice
def test_another_model_while_the_gateway_was_down_is_another_judge(
    models: Models, judge: JudgeServer, tmp_path: Path
) -> None:
    document = judged_release(
        models,
        judge,
        rollout={"steps": HALVES},
        state=f"sqlite:{tmp_path / 'state.db'}",
    )
    with reading(document, tmp_path) as (running, _audience):
        until("verdicts", lambda: _judged(running) > 0)
        time.sleep(2.0)  # evidence is kept once a second
    [evaluator] = document["services"]["chat"]["evaluators"]
    evaluator["model"] = "another examiner"
    with running_release(document, tmp_path) as running:
        until("integrity", lambda: _is_void(running))

        first, second = running.journal("judges")
        tell(f"{first['body']['said']} Then: {second['body']['said']}")
        assert "another examiner" in second["body"]["judges"]["judge"]
        assert second["body"]["voids"]


def test_what_is_secret_reaches_no_judge(
    models: Models, judge: JudgeServer, tmp_path: Path
) -> None:
    """Neither of what was asked, nor of what was found, nor of what was said."""
    secrets = [f"sk-proj-{'Ab3' * 12}{number}" for number in range(3)]
    people = [f"ann.{number}@example.com" for number in range(3)]
    said, found, asked = (
        f"Write to {person} with {secret}."
        for person, secret in zip(people, secrets, strict=True)
    )
    for server in models:
        plant(server, adds=said)
    document = judged_release(models, judge)
    with running_release(document, tmp_path) as running:
        running.start()
        running.until_step(1)
        for key in range(_FEW):
            for _ in range(3):
                _ask(running.gateway.data, f"key-{key}", asked, found)

        until("verdicts", lambda: judge.stats()["calls"] >= _FEW)
        time.sleep(1.0)
        shown = json.dumps(judge.asked())

        assert judge.stats()["calls"] == _FEW, "only the first exchange of a key"
        assert shown.count("Write to [EMAIL] with [API_KEY].") == 3 * _FEW
        assert not [secret for secret in secrets + people if secret in shown]


def _ask(port: int, key: str, prompt: str, passage: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    messages = [{"role": "user", "content": prompt}, FOUND | {"content": passage}]
    headers = {"content-type": "application/json", "x-user-id": key}
    body = json.dumps({"model": "m", "messages": messages})
    try:
        connection.request("POST", CHAT, body, headers)
        answer = connection.getresponse()
        assert answer.status == HTTPStatus.OK, answer.read()
        answer.read()
    finally:
        connection.close()


@pytest.mark.slow
def test_no_budget_is_exceeded_however_often_the_controller_dies(
    models: Models, judge: JudgeServer, tmp_path: Path
) -> None:
    """Also by what was asked and not answered when it died."""
    judge.behave(delay=0.05)
    document = judged_release(
        models,
        judge,
        evaluator={"budget": {"tokens_per_hour": _BUDGET}, "concurrency": 4},
        rollout={"steps": HALVES},
        state=f"sqlite:{tmp_path / 'state.db'}",
    )
    first = _hour()
    with reading(document, tmp_path) as (running, audience):
        gateway, used = running.gateway, []
        for _ in range(_DEATHS):
            time.sleep(2.0)
            used.append(judge.stats()["tokens"])
            before = gateway.controller()
            os.kill(before, signal.SIGKILL)
            until("a successor", partial(gateway.has_new, "controller", [before]))
            until("administered", gateway.is_administered)
        until(
            "no budget",
            lambda: results(running).get("no_budget", 0) > 0,
            within_s=60,
        )
        time.sleep(2.0)

        used.append(judge.stats()["tokens"])
        tell(f"budget {_BUDGET} tokens an hour; used, before each death: {used}")
        assert used[0] < used[-1] <= _BUDGET * (1 + _hour() - first)
        assert not audience.unhappy()


def _hour() -> int:
    return int(unix() // 3600)


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"sample": 0.3}], ids=["all", "three tenths"])
def test_scores_count_on_when_controller_or_worker_died(
    models: Models, judge: JudgeServer, tmp_path: Path, settings: Json
) -> None:
    for server in models:
        plant(server, wrong=0.05)
    document = judged_release(
        models,
        judge,
        evaluator=settings,
        rollout={"steps": HALVES},
        workers=2,
        state=f"sqlite:{tmp_path / 'state.db'}",
    )
    with reading(document, tmp_path, rate=300, keys=200_000) as (running, _audience):
        gateway = running.gateway
        until("verdicts", lambda: _judged(running) > _FEW)
        before = gateway.controller()
        os.kill(before, signal.SIGKILL)
        until("a successor", partial(gateway.has_new, "controller", [before]))
        until("administered", gateway.is_administered)
        until("what was kept", lambda: _judged(running) > _FEW)
        workers = gateway.workers()
        os.kill(workers[0], signal.SIGKILL)
        until("a worker", partial(gateway.has_new, "worker", workers[:1], count=2))
        time.sleep(1.0)
        assert running.phase in {"progressing", "paused"}, running.decision()
        tell(f"{_finding(running)['judgements']}")

        planted = plant(models[1], wrong=0.6)
        running.until_phase("rolled_back", within_s=60)

        decision = running.decision()
        tell(f"{moment(decision) - planted:.1f} s: {decision['body']['said']}")
        assert decision["body"]["findings"][0]["metric"] == HALLUCINATION


def _judged(running: Release) -> int:
    if not running.analysis()["metrics"]:
        return 0  # what was known is being taken up
    return int(_finding(running)["judgements"]["judged"])


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [0.05, 0.6], ids=["as good", "worse"])
def test_a_preview_is_judged_before_any_user_is_exposed(
    models: Models, judge: JudgeServer, tmp_path: Path, wrong: float
) -> None:
    """Both answers side by side; what is worse stops there."""
    plant(models[0], wrong=0.05)
    plant(models[1], wrong=wrong)
    document = judged_release(
        models,
        judge,
        metrics=[{"signal": HALLUCINATION}],
        rollout={
            "strategy": "blue_green",
            "steps": [
                {"setMirrorRoute": {"name": "shadow", "percentage": 100}},
                {"analysis": {}},
                {"pause": {}},
            ],
            "mirror": {"concurrency": 64, "tokens_per_minute": None},
        },
    )
    with (
        running_release(document, tmp_path) as running,
        readers(running, rate=100) as audience,
    ):
        running.start()
        began = time.monotonic()
        until("a verdict", lambda: _is_previewed(running), within_s=60)

        tell(f"{time.monotonic() - began:.1f} s: {running.decision()['body']['said']}")
        tell(f"{results(running)} {_finding(running)['judgements']}")
        is_worse = running.phase == "rolled_back"
        assert is_worse is (wrong > 0.05)
        assert {visit.version for visit in audience.visits} == {"v1"}
        assert not audience.unhappy()


def _is_previewed(running: Release) -> bool:
    return running.phase == "rolled_back" or running.standing["step"] == 2


@pytest.fixture(autouse=True)
def _behave(models: Models) -> Iterator[None]:
    yield
    for server in models:
        server.forget()
