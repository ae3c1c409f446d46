"""How a model is asked: what its server takes, what is retried, what it costs."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from gateway.domain.evaluation import Evaluator
from gateway.evaluators.evaluator import JudgeFailed, Why
from gateway.evaluators.plugs import judge_of
from gateway.evaluators.rubrics import RUBRICS
from loadtest.judge_server import Behaviour, JudgeServer, judging
from loadtest.judge_truth import marked
from tests.unit.evaluators.exchanges import ANSWER, exchange, llm

ALL_WELL = {
    "relevance": 1.0,
    "faithfulness": 1.0,
    "hallucination": 0.0,
    "correctness": 1.0,
    "context_relevance": 1.0,
    "context_precision": 1.0,
    "answer_in_context": 1.0,
    "toxicity": 0.0,
}


@pytest.fixture
async def server() -> AsyncIterator[JudgeServer]:
    """Give a judge that is always right."""
    async with judging() as made:
        yield made


async def judged(evaluator: Evaluator, answer: str = ANSWER) -> dict[str, float | None]:
    judge = judge_of(evaluator)
    try:
        return dict((await judge.judge(exchange(answer))).scores)
    finally:
        await judge.close()


async def test_one_call_gives_all_scores(server: JudgeServer) -> None:
    assert await judged(llm(server.url)) == ALL_WELL
    assert server.calls == 1


async def test_what_a_request_lacks_is_not_asked_about(server: JudgeServer) -> None:
    judge = judge_of(llm(server.url))

    verdict = await judge.judge(exchange(context=(), reference=None))

    asked = str(server.asked[-1])
    assert {name for name, v in verdict.scores.items() if v is not None} == {
        "relevance",
        "toxicity",
    }
    assert "hallucination" not in asked
    await judge.close()


async def test_a_flag_may_be_counted_as_a_score(server: JudgeServer) -> None:
    score = replace(RUBRICS["hallucination"].score, is_flag=False)
    evaluator = replace(llm(server.url), scores=(score,))

    assert await judged(evaluator, marked(ANSWER, "hallucination")) == {
        "hallucination": 0.5  # one of two passages
    }


@pytest.mark.parametrize("status", [400, 422, 500])
@pytest.mark.parametrize(
    ("refuses", "calls"),
    [
        (("json_schema",), 2),
        (("json_schema", "schema"), 3),
        (("response_format",), 4),
        (("max_tokens",), 2),
        (("temperature",), 2),
        (("system",), 2),
        (("response_format", "max_tokens", "temperature", "system"), 7),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else None,
)
async def test_what_a_server_does_not_take_is_left_out_and_remembered(
    server: JudgeServer, refuses: tuple[str, ...], calls: int, status: int
) -> None:
    server.how = Behaviour(refuses=refuses, refuses_by=status)
    judge = judge_of(llm(server.url))

    first = await judge.judge(exchange())
    assert dict(first.scores) == ALL_WELL
    assert server.calls == calls

    await judge.judge(exchange())
    assert server.calls == calls + 1
    await judge.close()


async def test_what_a_server_refused_of_one_request_alone_is_not_remembered(
    server: JudgeServer,
) -> None:
    """Its complaint may quote the texts, and they may name a format to spoil it."""
    judge = judge_of(llm(server.url))
    server.how = Behaviour(refuses=("response_format", "model"))
    with pytest.raises(JudgeFailed) as caught:
        await judge.judge(exchange())
    assert caught.value.why is Why.REFUSED

    server.how = Behaviour()
    await judge.judge(exchange())

    assert "json_schema" in str(server.asked[-1])
    await judge.close()


async def test_a_reply_without_a_verdict_is_asked_for_once_more(
    server: JudgeServer,
) -> None:
    server.how = Behaviour(garbage=1.0)
    judge = judge_of(llm(server.url, "relevance"))

    with pytest.raises(JudgeFailed) as caught:
        await judge.judge(exchange())

    assert caught.value.why is Why.GARBAGE
    assert server.calls == 2
    assert caught.value.used.input > 0
    assert server.asked[0] != server.asked[1]
    await judge.close()


async def test_one_bad_reply_costs_a_call_and_no_verdict(server: JudgeServer) -> None:
    server.how = Behaviour(garbage=0.5)
    judge = judge_of(llm(server.url, "relevance"))
    used = []

    for _ in range(12):
        before = server.calls
        try:
            verdict = await judge.judge(exchange())
        except JudgeFailed:
            continue
        used.append((server.calls - before, verdict.used.input))

    assert {calls for calls, _ in used} == {1, 2}
    one = min(tokens for calls, tokens in used if calls == 1)
    assert all(tokens >= calls * one for calls, tokens in used)
    await judge.close()


async def test_a_reply_that_was_cut_names_the_limit(server: JudgeServer) -> None:
    server.how = Behaviour(cut=1.0)

    with pytest.raises(JudgeFailed, match="max_tokens"):
        await judged(llm(server.url))


async def test_a_reply_in_prose_is_read(server: JudgeServer) -> None:
    server.how = Behaviour(prose=True)

    assert await judged(llm(server.url)) == ALL_WELL


async def test_a_server_that_reports_no_tokens_is_charged_the_most(
    server: JudgeServer,
) -> None:
    server.how = Behaviour(usage=False)
    judge = judge_of(llm(server.url, "relevance"))
    most = judge.most(exchange())

    used = (await judge.judge(exchange())).used

    assert used == most
    await judge.close()


async def test_judging_a_few_marked_answers_finds_as_many_as_it_should(
    server: JudgeServer,
) -> None:
    server.how = Behaviour(sensitivity=0.8, specificity=0.9)
    judge = judge_of(llm(server.url, "hallucination"))
    bad = marked(ANSWER, "hallucination")

    async def part(answer: str) -> float:
        texts = exchange(answer)
        found = [await judge.judge(texts) for _ in range(200)]
        return sum(verdict.scores["hallucination"] or 0.0 for verdict in found) / 200

    assert 0.7 < await part(bad) < 0.9
    assert 0.03 < await part(ANSWER) < 0.2
    await judge.close()


def test_its_identity_names_rubrics_model_and_host() -> None:
    identity = judge_of(llm("https://user:pw@judge.example:8443", "relevance")).identity

    assert identity.startswith("llm_judge relevance/1 sha256:")
    assert identity.endswith(" a-model at judge.example:8443")


def test_another_deployment_on_the_same_server_is_another_judge() -> None:
    """Its path may be all that names the model, as at Azure."""
    judge, server = llm("", "relevance"), "https://judge.example"
    places = ("", "/", "/v1", "/v1/", "/deployments/small", "/deployments/large")
    found = [judge_of(replace(judge, url=server + place)).identity for place in places]

    assert len(set(found[:4])) == 1
    assert len(set(found)) == 3
    assert not any("deployments" in identity for identity in found)
