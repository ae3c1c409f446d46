"""Judging as people see it: the real controller process, a scorer over HTTP."""

import signal
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.handoff.samples import Sample, Samples, Texts
from tests.flows.collector import attributes, receiving
from tests.flows.test_admin_api import _until
from tests.flows.test_rollouts_api import CHAT, _Release

SCORES = {"Good.": 0.9, "Bad.": 0.25, "Steers \x1b[2J screens.": 0.1}
VIEWER = {"Authorization": "Bearer see-see-see-see-1"}
OPERATOR = {"Authorization": "Bearer do-do-do-do-do-do"}
TOKENS = (
    ", tokens: [{name: eyes, role: viewer, value: see-see-see-see-1},"
    " {name: hands, role: operator, value: do-do-do-do-do-do}]"
)


async def _score(request: web.Request) -> web.Response:
    """Score what it knows; of anything else say nothing that could be read."""
    asked = await request.json()
    value = SCORES.get(asked["answer"])
    if value is None:
        return web.Response(text="What?")
    return web.json_response({"scores": {"grounded": value}, "reason": "It said so."})


class _Judged(_Release):
    """A controller whose service chat is judged by a scorer of this test."""

    scorer = ""

    def configure_judged(
        self, *, keep_worst: int = 0, admin: str = "", sample: float = 1.0
    ) -> None:
        judge = {
            "name": "scorer",
            "kind": "http",
            "url": self.scorer,
            "scores": [{"name": "grounded", "kind": "score", "worse": "lower"}],
            "sample": sample,
        }
        self.configure_rollout(
            admin=admin, evaluators=[judge], samples={"keep_worst": keep_worst}
        )

    async def begin(self) -> None:
        self.start_workers()
        await self.start()
        await self.ready_line()

    def said(self, *answers: str) -> None:
        """Let the played worker tell of answers of v1."""
        now = time.monotonic()
        samples = [
            Sample(
                service="chat",
                versions=("v1", "v2"),
                revision=1,
                is_candidate=False,
                fingerprint=number << 8,
                draw=0,
                exchange=number,
                arrived=now,
                ended=now,
                is_evidence=False,
                segments=0,
                cell=b"",
                outcome="complete",
                texts=Texts(
                    prompt="Why?",
                    context=("Ask me@example.org.",),
                    reference=None,
                    answer=answer,
                    is_cut=False,
                ),
                trace=f"{number + 1:032x}",
                span=f"{number + 1:016x}",
            )
            for number, answer in enumerate(answers)
        ]
        self.workers[0].send(
            Samples(worker=0, pid=1000, sequence=1, dropped={}, samples=samples)
        )

    async def evaluator(self, **headers: str) -> Any:
        _, view = await self.get(CHAT, **headers)
        (one,) = view["evaluators"]
        return one

    async def has_done(self, **results: int) -> None:
        async def is_done() -> bool:
            done = (await self.evaluator())["results"]
            return bool(done.items() >= results.items())

        await _until(is_done)


@pytest.fixture
async def stage() -> AsyncIterator[_Judged]:
    """Give a controller that is not started, and a scorer that runs."""
    application = web.Application()
    application.router.add_post("/score", _score)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    with tempfile.TemporaryDirectory(prefix="sg") as folder:
        async with _Judged(Path(folder)) as made:
            made.port = runner.addresses[0][1]
            made.scorer = f"http://127.0.0.1:{made.port}/score"
            yield made
    await runner.cleanup()


async def test_a_service_shows_who_judges_it_and_what_came_of_it(
    stage: _Judged,
) -> None:
    """And of each version its scores, beside what people told."""
    stage.configure_judged()
    await stage.begin()
    stage.said("Good.", "Bad.", "Odd.")
    await stage.has_done(judged=2, failed=1)

    one = await stage.evaluator()
    assert (one["name"], one["kind"]) == ("scorer", "http")
    assert one["scores"] == ["scorer:grounded"]
    assert one["failures"] == {"garbage": 1}
    assert one["queued"] == 0
    assert 0 < one["seconds_per_verdict"] < 5
    assert one["identity"]
    assert one["cost_usd"] is None
    assert one["budget"]["tokens_left"] is None
    _, view = await stage.get(CHAT)
    sums = view["versions"]["v1"]["scores"]["scorer:grounded"]
    assert (sums["count"], sums["mean"]) == (2, pytest.approx(0.575))
    assert view["versions"]["v2"]["scores"] == {}

    code, out = await stage.command("status", "chat")
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert ["scorer:grounded", "v1", "2", "0.575"] in rows
    row, _costs = [row for row in rows if row[:1] == ["scorer"]]
    assert row[1:5] == ["2", "1", "0", "0"]


async def test_what_is_judged_is_told_to_prometheus_and_to_a_collector(
    stage: _Judged,
) -> None:
    """With its place in a trace; reasons stay here, for no text may be kept."""
    async with receiving() as receiver:
        stage.configure_judged()
        with stage.config.open("a") as file:
            file.write(f"telemetry: {{otlp: {{endpoint: {receiver.url}}}}}\n")
        await stage.begin()
        stage.said("Good.", "Odd.")
        await stage.has_done(judged=1, failed=1)

        _, metrics, _ = await stage.ask("GET", "/metrics")
        assert await stage.end(signal.SIGTERM) == 0

    text = str(metrics["text"])
    mean = 'sluicegate_signal_sum{service="chat",signal="scorer:grounded",version="v1"}'
    assert f"{mean} 0.9" in text
    by = 'evaluator="scorer",result="judged",service="chat"'
    assert f"sluicegate_evaluations_total{{{by}}} 1.0" in text
    told = {event.trace_id.hex(): attributes(event) for event in receiver.events}
    assert len(told) == 2
    good, odd = told[f"{1:032x}"], told[f"{2:032x}"]
    assert good["gen_ai.evaluation.score.value"] == pytest.approx(0.9)
    assert "gen_ai.evaluation.explanation" not in good
    assert odd["error.type"] == "garbage"


async def test_what_judges_have_done_outlives_controller_and_reload(
    stage: _Judged,
) -> None:
    """Prometheus would take less for a restart and count everything again."""
    stage.configure_judged(keep_worst=1)
    await stage.begin()
    stage.said("Good.", "Bad.", "Odd.")
    await stage.has_done(judged=2, failed=1)
    before = await stage.evaluator()

    stage.configure_judged(keep_worst=1, sample=0.5)
    await stage.ask("POST", "/api/v1/reload")
    reloaded = await stage.evaluator()
    await stage.ask("GET", "/metrics")
    await stage.end(signal.SIGKILL)
    await stage.start()

    after = await stage.evaluator()
    for again in (reloaded, after):
        assert again["sample"] == pytest.approx(0.5)
        for figure in ("results", "failures", "tokens", "seconds_per_verdict"):
            assert again[figure] == before[figure]
    _, view = await stage.get(CHAT)
    assert view["versions"]["v1"]["scores"]["scorer:grounded"]["count"] == 2
    _, kept = await stage.get(f"{CHAT}/examples")
    assert not kept["versions"], "texts are written down nowhere"


async def test_the_worst_answers_are_shown_the_worst_first(stage: _Judged) -> None:
    """Without what would steer a terminal, and without secrets."""
    stage.configure_judged(keep_worst=2)
    await stage.begin()
    stage.said(*SCORES)
    await stage.has_done(judged=3)

    status, view = await stage.get(f"{CHAT}/examples")
    assert status == 200
    worst = view["versions"]["v1"]["scorer:grounded"]
    assert [each["value"] for each in worst] == [0.1, 0.25]
    assert worst[1]["answer"] == "Bad."
    assert worst[1]["said"] == "It said so."
    assert "example.org" not in str(view)

    code, out = await stage.command("judge", "examples", "chat")
    assert code == 0
    assert "\x1b" not in out
    told = out.splitlines()
    assert told[0] == "scorer:grounded of v1"
    assert out.index("Steers") < out.index("Bad.")
    code, out = await stage.command("judge", "examples", "chat", "--json")
    assert '"answer": "Bad."' in out


async def test_without_kept_texts_it_says_what_to_write(stage: _Judged) -> None:
    stage.configure_judged()
    await stage.begin()

    status, answer = await stage.get(f"{CHAT}/examples")
    assert status == 404
    assert "samples: {keep_worst: 5}" in answer["error"]["message"]
    code, out = await stage.command("judge", "examples", "chat")
    assert code == 1
    assert "keep_worst" in out

    stage.configure_rollout()
    await stage.ask("POST", "/api/v1/reload")
    status, answer = await stage.get(f"{CHAT}/examples")
    assert status == 404
    assert "evaluators" in answer["error"]["message"]


async def test_texts_are_for_operators_alone(stage: _Judged) -> None:
    """However the path is written; what judging costs, viewers may see."""
    stage.configure_judged(keep_worst=1, admin=TOKENS)
    await stage.begin()

    for path in (
        f"{CHAT}/examples",
        f"{CHAT}/%65xamples",
        "/api/v1/services//examples",
    ):
        status, _ = await stage.get(path, **VIEWER)
        assert status in {403, 404}
    seen, _ = await stage.get(f"{CHAT}/examples", **VIEWER)
    known, _ = await stage.get(f"{CHAT}/examples", **OPERATOR)
    assert (seen, known) == (403, 200)
    assert (await stage.evaluator(**VIEWER))["name"] == "scorer"
