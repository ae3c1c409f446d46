"""Who judges answers, what may leave a worker for them, and what their scores guard."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.answers.redaction import BUILT_IN
from gateway.domain.deployment import Deployment
from gateway.domain.evaluation import (
    DEFAULT_REDACTED,
    Budget,
    Evaluator,
    EvaluatorKind,
    Sampling,
    Score,
)
from gateway.domain.price import Price
from gateway.domain.rollout import Statistic, Worse
from gateway.domain.units import Bytes, Seconds
from gateway.settings.load import load_file
from gateway.settings.schema import json_schema
from gateway.settings.scores import KNOWN

Write = Callable[[str, str], dict[str, Any]]
Load = Callable[[dict[str, Any]], Deployment]
Lines = Callable[[dict[str, Any]], list[str]]
WriteFile = Callable[[str | bytes], Path]

CHAT = "services.chat"
JUDGES = f"{CHAT}.evaluators"
JUDGE = """
  - name: judge
    kind: llm_judge
    url: http://127.0.0.1:9009/v1
    model: small
    scores: [relevance, hallucination]
"""


def judging(more: str = "", rest: str = "") -> str:
    """Write a judge, with more keys of it, and what stands beside it."""
    return f"evaluators:{JUDGE}{more}\n{rest}"


def guarded(*signals: str, rest: str = "") -> str:
    metrics = ", ".join(f'{{signal: "{signal}"}}' for signal in signals)
    return f"rollout: {{analysis: {{metrics: [{metrics}]{rest}}}}}"


def test_a_judge_is_what_is_written_and_the_rest_has_defaults(
    written: Write, load: Load
) -> None:
    (service,) = load(written("service", judging())).services

    assert service.evaluators == (
        Evaluator(
            name="judge",
            kind=EvaluatorKind.LLM_JUDGE,
            scores=(KNOWN["relevance"], KNOWN["hallucination"]),
            url="http://127.0.0.1:9009/v1",
            model="small",
        ),
    )
    assert service.sampling == Sampling()


def test_every_key_of_a_judge_is_read(written: Write, load: Load) -> None:
    more = """
    api_key: {env: KEY}
    headers: {X-Team: a}
    sample: 0.2
    deadline: 30s
    concurrency: 8
    per_minute: 100
    budget: {tokens_per_hour: 200000, usd_per_hour: 5}
    price: {input: 0.15, output: 0.60}
    max_tokens: 256
"""
    (service,) = load(written("service", judging(more))).services

    (found,) = service.evaluators
    assert found.headers == (
        ("Authorization", "Bearer a-secret-of-the-environment"),
        ("X-Team", "a"),
    )
    assert (found.sample, found.deadline, found.concurrency) == (0.2, Seconds(30.0), 8)
    assert (found.per_minute, found.max_tokens) == (100, 256)
    assert found.budget == Budget(tokens_per_hour=200_000, usd_per_hour=5.0)
    assert found.price == Price(input=0.15, output=0.6)


def test_a_price_is_looked_up_by_the_judges_own_model(
    written: Write, load: Load
) -> None:
    text = judging("    price: auto").replace("small", "gpt-4o-mini")
    (service,) = load(written("service", text)).services

    (found,) = service.evaluators
    assert found.price is not None
    assert found.price.output > found.price.input > 0


def test_a_key_that_says_bearer_is_not_told_twice(written: Write, load: Load) -> None:
    text = judging("    api_key: Bearer abc")
    (service,) = load(written("service", text)).services

    assert service.evaluators[0].headers == (("Authorization", "Bearer abc"),)


OTHERS = {
    "embedding": "{name: e, kind: embedding, model: m, scores: [relevance]}",
    "http": "{name: h, kind: http, url: 'http://a/score', scores: [toxicity, "
    "{name: polite, kind: score, worse: lower}]}",
    "python": "{name: p, kind: python, entry: 'a.b:c', scores: [{name: rude, kind: "
    "flag, worse: higher}]}",
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_kinds_need_less_and_may_name_scores_of_their_own(
    written: Write, load: Load, kind: str
) -> None:
    text = f"evaluators: [{OTHERS[kind]}]"
    (service,) = load(written("service", text)).services

    assert service.evaluators[0].kind.value == kind
    if kind == "http":
        polite = Score(name="polite", is_flag=False, worse=Worse.LOWER)
        assert service.evaluators[0].scores == (KNOWN["toxicity"], polite)


def test_a_known_score_may_be_wanted_as_a_flag(written: Write, load: Load) -> None:
    text = judging().replace("[relevance,", "[{name: relevance, kind: flag},")
    (service,) = load(written("service", text)).services

    assert service.evaluators[0].scores[0] == Score(name="relevance", is_flag=True)


def test_canaries_are_found_beside_the_file(file: WriteFile) -> None:
    path = file(
        "listen: 127.0.0.1:8080\nadmin: {listen: '127.0.0.1:8081'}\n"
        "services: {chat: {versions: {v1: {endpoints: [http://a:1]}}, evaluators: [{"
        "name: judge, kind: llm_judge, url: 'http://j', model: m, scores: [relevance], "
        "canaries: c.jsonl}]}}"
    )
    (path.parent / "c.jsonl").write_text("{}")
    (service,) = load_file(path, environment={}, cores=1).services

    assert service.evaluators[0].canaries == str(path.parent / "c.jsonl")


def test_scores_guard_a_rollout_as_what_they_are(written: Write, load: Load) -> None:
    text = judging(rest=guarded("judge:hallucination", "judge:relevance"))
    (service,) = load(written("service", text)).services

    assert service.rollout is not None
    flag, score = service.rollout.analysis.metrics
    assert (flag.statistic, flag.worse) == (Statistic.RATE, Worse.HIGHER)
    assert (score.statistic, score.worse) == (Statistic.MEAN, Worse.LOWER)


def test_what_may_leave_a_worker_is_read(written: Write, load: Load) -> None:
    text = """
samples:
  redact: [phone, {name: ticket, pattern: "TICKET-[0-9]{1,9}"}, email]
  longest: 2000
  queued: 1MiB
  per_second: 64KiB
  keep_worst: 5
  reference: /metadata/expected
"""
    (service,) = load(written("service", text)).services

    assert service.sampling == Sampling(
        redact=("phone", "email"),
        patterns=(("ticket", "TICKET-[0-9]{1,9}"),),
        longest=2000,
        queued=Bytes(1024 * 1024),
        per_second=Bytes(64 * 1024),
        keep_worst=5,
        reference="/metadata/expected",
    )


def test_what_is_redacted_unasked_is_known() -> None:
    assert set(DEFAULT_REDACTED) <= set(BUILT_IN)
    assert Sampling().redact == DEFAULT_REDACTED


def test_an_editor_offers_kinds_scores_and_rules() -> None:
    shapes: dict[str, Any] = json_schema()["$defs"]  # type: ignore[assignment]
    judge, samples = shapes["EvaluatorShape"], shapes["SamplesShape"]

    assert judge["properties"]["kind"]["enum"] == [kind.value for kind in EvaluatorKind]
    assert judge["properties"]["scores"]["items"]["anyOf"][0]["enum"] == list(KNOWN)
    assert judge["required"] == ["name", "kind", "scores"]
    assert samples["properties"]["redact"]["default"] == list(DEFAULT_REDACTED)
    assert samples["properties"]["redact"]["items"]["anyOf"][0]["enum"] == [*BUILT_IN]


def test_the_scores_of_language_models_are_those_that_there_are_rubrics_for() -> None:
    rubrics = pytest.importorskip("gateway.evaluators.rubrics")

    assert {name: rubric.score for name, rubric in rubrics.RUBRICS.items()} == KNOWN


REFUSED = [
    (judging().replace("llm_judge", "llm-judge"), "[0].kind", "unknown kind"),
    (judging("    concurency: 3"), "[0]", "Did you mean 'concurrency'?"),
    (judging().replace("relevance", "relevence"), "[0].scores[0]", "'relevance'?"),
    (judging().replace("relevance, h", "hallucination, h"), "[0].scores[1]", "again"),
    (judging().replace("[relevance, hallucination]", "[]"), "[0].scores", "at least"),
    (judging().replace("model: small", "sample: 0.1"), "[0].model", "missing"),
    (judging().replace("url: http://127.0.0.1:9009/v1", ""), "[0].url", "missing"),
    (judging().replace("/v1", "/v1/chat/completions"), "[0].url", "once more"),
    (judging().replace("/v1", "/v1?a=b"), "[0].url", "with a query"),
    (judging().replace("name: judge", "name: feedback"), "[0].name", "users say"),
    (judging().replace("name: judge", "name: 'a:b'"), "[0].name", "found the name"),
    (judging("    sample: 0"), "[0].sample", "nobody would be judged"),
    (judging("    sample: 5"), "[0].sample", "from 0 to 1"),
    (judging("    deadline: 0s"), "[0].deadline", "no duration"),
    (judging("    concurrency: 0"), "[0].concurrency", "from 1 to 256"),
    (judging("    entry: a:b"), "[0].entry", "means nothing"),
    (judging("    canaries: none.jsonl"), "[0].canaries", "no file"),
    (judging("    budget: {usd_per_hour: 5}"), "[0].budget.usd_per_hour", "`price`"),
    (judging("    budget: {usd_an_hour: 5}"), "[0].budget", "'usd_per_hour'?"),
    (judging("    api_key: {env: NONE}"), "[0].api_key.env", "not set"),
    (
        judging("    api_key: k\n    headers: {authorization: b}"),
        "[0].api_key",
        "Keep one",
    ),
    (
        judging().replace("[relevance,", "[{name: relevance, worse: higher},"),
        "[0].scores[0].worse",
        "bad news when it is lower",
    ),
    (
        "evaluators: [{name: h, kind: http, url: 'http://a', scores: [polite]}]",
        "[0].scores[0]",
        "{name: politeness, kind: score, worse: lower}",
    ),
    (
        "evaluators: [{name: h, kind: http, url: 'http://a', scores: [{name: polite, "
        "kind: flag}]}]",
        "[0].scores[0].worse",
        "worse: higher",
    ),
    (
        "evaluators: [{name: e, kind: embedding, model: m, scores: [faithfulness]}]",
        "[0].scores[0]",
        "Known: relevance",
    ),
    (
        "evaluators: [{name: p, kind: python, entry: a.b.c, scores: [toxicity]}]",
        "[0].entry",
        "package.module:function",
    ),
    (judging(JUDGE.replace("\n", "", 1)), "[1].name", "again"),
    (judging(rest="dialect: plain"), "", "dialect"),
]


@pytest.mark.parametrize(("text", "place", "words"), REFUSED)
def test_a_judge_that_cannot_be_is_refused(
    written: Write, lines: Lines, text: str, place: str, words: str
) -> None:
    (found,) = lines(written("service", text))

    assert found.startswith(f"{JUDGES}{place}: ")
    assert words in found


def test_a_secret_in_the_wrong_form_is_not_repeated(
    written: Write, lines: Lines
) -> None:
    (found,) = lines(written("service", judging("    api_key: [hunter2]")))

    assert "hunter2" not in found


def test_a_secret_in_the_query_of_a_url_is_not_repeated(
    written: Write, lines: Lines
) -> None:
    (found,) = lines(written("service", judging().replace("/v1", "/v1?key=hunter2")))

    assert "'http://127.0.0.1:9009/v1', with a query" in found
    assert "hunter2" not in found


@pytest.mark.parametrize(
    ("signal", "words"),
    [
        ("judge:relevence", "Did you mean 'judge:relevance'?"),
        ("juge:relevance", "Did you mean 'judge:relevance'?"),
        ("judge:toxicity", "Known: judge:relevance, judge:hallucination."),
    ],
)
def test_a_metric_on_a_score_that_nobody_gives_is_refused(
    written: Write, lines: Lines, signal: str, words: str
) -> None:
    (found,) = lines(written("service", judging(rest=guarded(signal))))

    assert found.startswith(f"{CHAT}.rollout.analysis.metrics[0].signal: ")
    assert f"unknown score '{signal}'" in found
    assert words in found


def test_a_metric_on_a_score_without_evaluators_says_what_is_missing(
    written: Write, lines: Lines
) -> None:
    (found,) = lines(written("service", guarded("judge:relevance")))

    assert "The service has no `evaluators`" in found


def test_a_step_that_would_be_over_before_its_scores_come_is_refused(
    written: Write, lines: Lines, load: Load
) -> None:
    late = judging("    deadline: 2h", guarded("judge:relevance", rest=", {}"))
    late = late.replace(", {}", ", step_timeout: 1h")

    (found,) = lines(written("service", late))
    assert found.startswith(f"{JUDGES}[0].deadline: ")
    assert "step_timeout" in found

    load(written("service", late.replace("judge:relevance", "error_rate")))


@pytest.mark.parametrize(
    ("entries", "place", "words"),
    [
        ("emial", "[0]", "Did you mean 'email'?"),
        ("email, email", "[1]", "again"),
        ("{name: email, pattern: abc}", "[0].name", "built-in"),
        ("{name: A-B, pattern: abc}", "[0].name", "a-z"),
        ("{name: x}", "[0]", "found name"),
        ("{nam: x, pattern: abc}", "[0]", "'name'?"),
        ("{name: x, pattern: 'a*b'}", "[0].pattern", "without a limit"),
        ("{name: x, pattern: '('}", "[0].pattern", "cannot be compiled"),
        ("{name: x, pattern: 'a{0,3}'}", "[0].pattern", "fewer than 3 characters"),
        ("{name: x, pattern: '(a|b){1,90}ccc'}", "[0].pattern", "200 are allowed"),
        (
            "{name: x, pattern: 'a[0-9]{3,120}'}, {name: y, pattern: 'b[0-9]{3,120}'}",
            "",
            "those before it included",
        ),
    ],
)
def test_what_cannot_be_redacted_is_refused(
    written: Write, lines: Lines, entries: str, place: str, words: str
) -> None:
    (found,) = lines(written("service", f"samples: {{redact: [{entries}]}}"))

    assert found.startswith(f"{CHAT}.samples.redact{place}: ")
    assert words in found
