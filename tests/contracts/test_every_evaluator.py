"""What every evaluator owes, held against the registry: a new plug is tested by being listed.

Each judges the same answers, whose truth is marked in them, by the simulated judge or by
a function that can read the marks.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.domain.errors import BadConfiguration
from gateway.domain.evaluation import Evaluator, EvaluatorKind, Score
from gateway.domain.units import Seconds
from gateway.evaluators.comparing import BETTER, SAME, WORSE
from gateway.evaluators.evaluator import Judge, JudgeFailed, Used, Why
from gateway.evaluators.plugs import EVALUATORS, judge_of
from gateway.evaluators.rubrics import RUBRICS
from gateway.handoff.samples import Texts
from loadtest.judge_server import Behaviour, JudgeServer, judging
from loadtest.judge_truth import marked
from tests.unit.evaluators.exchanges import ANSWER, exchange

ROOT = Path(__file__).parents[2]
HALLUCINATION = RUBRICS["hallucination"].score
RELEVANCE = RUBRICS["relevance"].score
OFF_SUBJECT = "Bananas keep best in a cool and dark place."

DESCRIBED: Mapping[EvaluatorKind, Callable[[str], Evaluator]] = {
    EvaluatorKind.LLM_JUDGE: lambda url: Evaluator(
        name="j",
        kind=EvaluatorKind.LLM_JUDGE,
        scores=(HALLUCINATION,),
        url=f"{url}/v1",
        model="m",
    ),
    EvaluatorKind.EMBEDDING: lambda url: Evaluator(
        name="j",
        kind=EvaluatorKind.EMBEDDING,
        scores=(RELEVANCE,),
        url=f"{url}/v1",
        model="m",
    ),
    EvaluatorKind.HTTP: lambda url: Evaluator(
        name="j", kind=EvaluatorKind.HTTP, scores=(HALLUCINATION,), url=f"{url}/score"
    ),
    EvaluatorKind.PYTHON: lambda _url: Evaluator(
        name="j",
        kind=EvaluatorKind.PYTHON,
        scores=(HALLUCINATION,),
        entry="tests.unit.evaluators.scorers:scores",
    ),
}
HAS_SERVER = [kind for kind in EVALUATORS if kind is not EvaluatorKind.PYTHON]


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes find the function, as if it were a user's."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
async def server() -> AsyncIterator[JudgeServer]:
    """Give a judge that is always right."""
    async with judging() as made:
        yield made


@pytest.fixture(params=EVALUATORS, ids=lambda kind: kind.value)
def evaluator(request: pytest.FixtureRequest, server: JudgeServer) -> Evaluator:
    """Each kind of the registry."""
    kind: EvaluatorKind = request.param
    return DESCRIBED[kind](server.url)


@pytest.fixture
async def judge(evaluator: Evaluator) -> AsyncIterator[Judge]:
    """Each evaluator of the registry, closed afterwards."""
    made = judge_of(evaluator)
    yield made
    await made.close()


def worse_answer(evaluator: Evaluator) -> str:
    """Give an answer that each of them is to dislike."""
    is_cosine = evaluator.kind is EvaluatorKind.EMBEDDING
    return OFF_SUBJECT if is_cosine else marked(ANSWER, "hallucination")


class Counting:
    """Allows all that is asked for, and counts it."""

    def __init__(self) -> None:
        self.given = Used()

    async def more(self, most: Used) -> bool:
        self.given += most
        return True


def score_of(evaluator: Evaluator) -> Score:
    return evaluator.scores[0]


def test_every_kind_of_the_configuration_is_there() -> None:
    assert {*EVALUATORS} == {*EvaluatorKind}


@pytest.mark.parametrize("kind", EVALUATORS, ids=lambda kind: kind.value)
def test_it_is_documented(kind: EvaluatorKind) -> None:
    text = (ROOT / "gateway" / "evaluators" / "README.md").read_text()

    assert re.search(rf"^\| `{kind.value}` \|", text, re.MULTILINE)


async def test_it_tells_a_bad_answer_from_a_good_one(
    judge: Judge, evaluator: Evaluator
) -> None:
    name = score_of(evaluator).name

    good = (await judge.judge(exchange())).scores[name]
    bad = (await judge.judge(exchange(worse_answer(evaluator)))).scores[name]

    assert good is not None
    assert bad is not None
    assert 0 <= min(good, bad) <= max(good, bad) <= 1
    assert (bad > good) is (score_of(evaluator) is HALLUCINATION)


@pytest.mark.parametrize("is_swapped", [False, True])
async def test_comparing_does_not_depend_on_the_order(
    judge: Judge, evaluator: Evaluator, is_swapped: bool
) -> None:
    name, worse = score_of(evaluator).name, worse_answer(evaluator)

    async def compared(one: str, other: str) -> float | None:
        verdict = await judge.compare(exchange(one), other, is_swapped=is_swapped)
        return verdict.scores[name]

    assert await compared(ANSWER, worse) == WORSE
    assert await compared(worse, ANSWER) == BETTER
    assert await compared(ANSWER, ANSWER) == SAME


@pytest.mark.parametrize("answer", [None, ""])
async def test_no_answer_has_no_scores_and_costs_nothing(
    judge: Judge, evaluator: Evaluator, server: JudgeServer, answer: str | None
) -> None:
    verdict = await judge.judge(exchange(answer))

    assert verdict.scores == {score.name: None for score in evaluator.scores}
    assert verdict.used.input == verdict.used.output == server.calls == 0


@pytest.mark.parametrize(
    "texts",
    [
        exchange(),
        exchange("\ud800\x00 \u2028 é" * 50),
        exchange("字" * 30_000, context=("é" * 30_000,) * 30, prompt="😀" * 9_000),
        exchange('"\\\n' * 9_000, reference="\x01" * 100),
    ],
    ids=["usual", "no text", "long", "escaped"],
)
async def test_what_it_used_is_within_the_bound_it_gave(
    judge: Judge, server: JudgeServer, texts: Texts
) -> None:
    for garbage, usage in ((0.0, True), (0.0, False), (1.0, False)):
        server.how = Behaviour(garbage=garbage, usage=usage)
        allowance = Counting()
        most = judge.most(texts)
        try:
            used = (await judge.judge(texts, allowance)).used
        except JudgeFailed as failure:
            used = failure.used
        most += allowance.given

        assert used.input <= most.input
        assert used.output <= most.output


async def test_a_comparison_is_within_its_bound(
    judge: Judge, server: JudgeServer
) -> None:
    server.how = Behaviour(usage=False)

    used = (await judge.compare(exchange(), "b" * 20_000, is_swapped=True)).used

    most = judge.most(exchange(), "b" * 20_000)
    assert used.input <= most.input
    assert used.output <= most.output


async def test_the_bound_covers_every_byte_that_is_sent(
    judge: Judge, server: JudgeServer
) -> None:
    """A token is at least a byte, so this bounds the tokens of any tokenizer."""
    texts = exchange("字" * 5_000)
    await judge.judge(texts)

    sent = sum(len(str(body).encode()) for body in server.asked)

    assert judge.most(texts).input * 2 >= sent or not judge.most(texts).input


def test_its_identity_says_how_it_judges_and_no_secret(
    evaluator: Evaluator,
) -> None:
    secret = replace(evaluator, headers=(("Authorization", "Bearer s3cret"),))
    same, other = judge_of(secret), judge_of(replace(secret, model="another"))

    assert same.identity == judge_of(evaluator).identity
    assert same.identity != other.identity
    assert "s3cret" not in same.identity
    assert "\n" not in same.identity


async def test_it_can_be_closed_unused_and_twice(evaluator: Evaluator) -> None:
    judge = judge_of(evaluator)

    await judge.close()
    await judge.close()


async def test_it_judges_several_at_once(judge: Judge, evaluator: Evaluator) -> None:
    name = score_of(evaluator).name
    answers = [ANSWER, worse_answer(evaluator)] * 4

    verdicts = await asyncio.gather(*(judge.judge(exchange(a)) for a in answers))

    values = [verdict.scores[name] for verdict in verdicts]
    assert values == values[:2] * 4
    assert len({*values}) == 2


@pytest.mark.parametrize("kind", HAS_SERVER, ids=lambda kind: kind.value)
class TestAServerInTrouble:
    """Whatever goes wrong with a server is a JudgeFailed that says which."""

    @pytest.mark.parametrize(
        ("how", "why"),
        [
            (Behaviour(status=503), Why.UNREACHABLE),
            (Behaviour(status=500), Why.UNREACHABLE),
            (Behaviour(status=429), Why.UNREACHABLE),
            (Behaviour(status=302), Why.REFUSED),
            (Behaviour(status=400), Why.REFUSED),
            (Behaviour(status=401), Why.REFUSED),
            (Behaviour(status=204), Why.REFUSED),
            (Behaviour(delay=30), Why.UNREACHABLE),
        ],
        ids=str,
    )
    async def test_it_fails_by_name(
        self, server: JudgeServer, kind: EvaluatorKind, how: Behaviour, why: Why
    ) -> None:
        server.how = how
        described = replace(DESCRIBED[kind](server.url), deadline=Seconds(0.2))

        assert (await failing(described)).why is why

    async def test_one_that_is_not_there_has_used_nothing(
        self, server: JudgeServer, kind: EvaluatorKind
    ) -> None:
        failure = await failing(DESCRIBED[kind]("http://127.0.0.1:1"))

        assert failure.why is Why.UNREACHABLE
        assert failure.used.input == failure.used.output == 0

    async def test_a_secret_and_a_text_are_in_no_message(
        self, server: JudgeServer, kind: EvaluatorKind
    ) -> None:
        server.how = Behaviour(status=401)
        headers = (("Authorization", "Bearer s3cret"),)

        failure = await failing(replace(DESCRIBED[kind](server.url), headers=headers))

        assert "s3cret" not in str(failure)
        assert ANSWER not in str(failure)


async def failing(evaluator: Evaluator) -> JudgeFailed:
    judge = judge_of(evaluator)
    try:
        with pytest.raises(JudgeFailed) as caught:
            await judge.judge(exchange())
    finally:
        await judge.close()
    return caught.value


@pytest.mark.parametrize(
    "kind", [EvaluatorKind.LLM_JUDGE, EvaluatorKind.EMBEDDING], ids=lambda k: k.value
)
def test_a_score_it_cannot_give_is_refused_with_those_it_can(
    kind: EvaluatorKind,
) -> None:
    odd = replace(DESCRIBED[kind]("http://a"), scores=(Score(name="charm"),))

    with pytest.raises(BadConfiguration, match="charm"):
        judge_of(odd)
