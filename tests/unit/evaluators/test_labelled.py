"""Examples with labels: what is wrong is named by its line, and every one is tried."""

import asyncio
import time
from pathlib import Path

import pytest

from gateway.domain.errors import BadConfiguration
from gateway.evaluators.evaluator import Why
from gateway.evaluators.labelled import read_examples, try_examples
from gateway.evaluators.plugs import judge_of
from gateway.evaluators.rubrics import RUBRICS
from loadtest.judge_server import Behaviour, judging
from tests.unit.evaluators.exchanges import llm

BUNDLED = Path(__file__).parents[3] / "gateway" / "evaluators" / "examples.jsonl"
GOOD = b'{"answer": "a", "labels": {"relevance": true}}\n'


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "examples.jsonl"
    path.write_bytes(content)
    return path


def test_the_bundled_examples_are_good_ones() -> None:
    examples = read_examples(BUNDLED)

    assert len(examples) >= 12
    for example in examples:
        assert {*example.labels} <= {*RUBRICS}
    for name in ("hallucination", "relevance", "faithfulness", "correctness"):
        labels = {one.labels.get(name) for one in examples}
        assert {0.0, 1.0} <= labels


def test_an_example_needs_no_more_than_an_answer_and_labels(tmp_path: Path) -> None:
    [example] = read_examples(written(tmp_path, b"\n" + GOOD))

    assert example.line == 2
    assert example.labels == {"relevance": 1.0}
    assert example.texts.prompt is None
    assert example.texts.context == ()


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b"\xff",
        b'{"labels": {"relevance": 1}}',
        b'{"answer": "a"}',
        b'{"answer": "a", "labels": {}}',
        b'{"answer": "a", "labels": {"relevance": 2}}',
        b'{"answer": "a", "labels": {"relevance": "yes"}}',
        b'{"answer": "a", "labels": {"relevance": 1}, "contxt": []}',
        b'{"answer": "a", "labels": {"relevance": 1}, "context": "one"}',
        b'{"answer": ' + b"[" * 100_000,
    ],
)
def test_a_bad_line_is_named_by_its_number(tmp_path: Path, line: bytes) -> None:
    path = written(tmp_path, GOOD + line + b"\n" + GOOD)

    with pytest.raises(BadConfiguration, match=r"examples\.jsonl: line 2: "):
        read_examples(path)


def test_of_many_bad_lines_some_are_named_and_all_are_counted(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration) as caught:
        read_examples(written(tmp_path, b"x\n" * 25))

    assert caught.value.what.count(": line ") == 10
    assert "15 more lines" in caught.value.what


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_a_file_without_examples_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadConfiguration, match="no examples"):
        read_examples(written(tmp_path, content))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="cannot be read"):
        read_examples(tmp_path / "nothing.jsonl")


async def test_each_is_tried_and_a_slow_one_ends_at_its_deadline() -> None:
    examples = read_examples(BUNDLED)
    async with judging() as server:
        judge = judge_of(llm(server.url, "hallucination"))

        async def trying(deadline: float) -> list[Why | None]:
            found = await try_examples(
                judge,
                examples,
                concurrency=4,
                deadline=deadline,
                monotonic=time.monotonic,
            )
            assert [one.example for one in found] == examples
            return [None if (f := one.failure) is None else f.why for one in found]

        assert await trying(5.0) == [None] * len(examples)
        server.how = Behaviour(delay=30)
        async with asyncio.timeout(5):
            assert {*await trying(0.05)} == {Why.DEADLINE}
        await judge.close()
