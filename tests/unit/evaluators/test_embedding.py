"""Cosines: of vectors that a server gives, or a model that is installed here."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.domain.evaluation import Evaluator, EvaluatorKind, Score
from gateway.evaluators.evaluator import JudgeFailed, Used, Why
from gateway.evaluators.plugs import judge_of
from gateway.evaluators.plugs.embedding import LONGEST
from loadtest.judge_server import JudgeServer, judging
from tests.unit.evaluators.exchanges import exchange
from tests.unit.evaluators.test_server import listening

RELEVANCE = (Score(name="relevance"),)
MODEL = '''
class Model:
    """Counts vowels."""

    def encode(self, texts):
        return [[float(text.count(vowel)) for vowel in "aeiou"] for text in texts]


def load_model():
    return Model()
'''


def cosines(url: str = "", model: str = "m") -> Evaluator:
    return Evaluator(
        name="e", kind=EvaluatorKind.EMBEDDING, scores=RELEVANCE, url=url, model=model
    )


@pytest.fixture
async def server() -> AsyncIterator[JudgeServer]:
    """Give a server that embeds words."""
    async with judging() as made:
        yield made


async def test_all_texts_go_in_one_call_each_once(server: JudgeServer) -> None:
    judge = judge_of(cosines(f"{server.url}/v1"))

    near = await judge.judge(exchange("same", prompt="same"))
    far = await judge.judge(exchange("other", prompt="same"))

    assert near.scores["relevance"] == pytest.approx(1)
    assert far.scores["relevance"] == pytest.approx(0)
    assert [body["input"] for body in server.asked] == [["same"], ["same", "other"]]
    await judge.close()


async def test_both_answers_of_a_pair_go_in_one_call(server: JudgeServer) -> None:
    judge = judge_of(cosines(f"{server.url}/v1"))

    await judge.compare(exchange("one"), "two", is_swapped=False)

    assert server.calls == 1
    await judge.close()


async def test_without_a_question_there_is_nothing_to_ask(
    server: JudgeServer,
) -> None:
    judge = judge_of(cosines(f"{server.url}/v1"))

    verdict = await judge.judge(exchange(prompt=None))

    assert verdict.scores == {"relevance": None}
    assert server.calls == 0
    await judge.close()


async def test_long_texts_are_cut_to_what_a_model_takes(server: JudgeServer) -> None:
    judge = judge_of(cosines(f"{server.url}/v1"))

    await judge.judge(exchange("字" * 50_000))

    [body] = server.asked
    texts: Any = body["input"]
    assert max(len(text.encode()) for text in texts) <= LONGEST
    await judge.close()


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        [{"index": 0, "embedding": [1.0]}],
        [{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [1.0]}],
        [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}],
        [{"index": 0, "embedding": []}, {"index": 1, "embedding": []}],
        [{"index": 0, "embedding": "AAAA"}, {"index": 1, "embedding": "AAAA"}],
        [{"index": 0, "embedding": [1e999]}, {"index": 1, "embedding": [1.0]}],
    ],
)
async def test_vectors_that_are_none_are_garbage(data: object) -> None:
    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response({"data": data})

    async with listening(answer) as url:
        judge = judge_of(cosines(url))
        with pytest.raises(JudgeFailed) as caught:
            await judge.judge(exchange())
        await judge.close()

    assert caught.value.why is Why.GARBAGE


async def test_a_model_that_is_installed_runs_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tiny_model.py").write_text(MODEL)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    judge = judge_of(cosines(model="tiny-model"))

    verdict = await judge.judge(exchange("aaa", prompt="a"))

    assert verdict.scores == {"relevance": 1.0}
    assert verdict.used == judge.most(exchange()) == Used()
    await judge.close()


async def test_a_model_that_is_not_there_says_so() -> None:
    judge = judge_of(cosines(model="no-such-model"))

    with pytest.raises(JudgeFailed, match="ModuleNotFoundError no_such_model"):
        await judge.judge(exchange())

    await judge.close()
