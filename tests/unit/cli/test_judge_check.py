"""`sluicegate judge check`: what it prints, and how it ends."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli.main import main
from gateway.evaluators.labelled import read_examples
from loadtest.judge_server import Behaviour, JudgeServer, judging
from loadtest.judge_truth import marked

BUNDLED = Path(__file__).parents[3] / "gateway" / "evaluators" / "examples.jsonl"


@pytest.fixture
def server() -> Iterator[JudgeServer]:
    """Serve from another thread: the command has a loop of its own."""
    ready, found = threading.Event(), list[JudgeServer]()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with judging(Behaviour(sensitivity=0.5)) as made:
            found.append(made)
            ready.set()
            await stop.wait()

    def run() -> None:
        loop.run_until_complete(serve())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(10)
    yield found[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """Mark the bundled examples for the simulated judge, several times over."""
    path = tmp_path / "examples.jsonl"
    with path.open("w") as file:
        for example in read_examples(BUNDLED) * 10:
            bad = [
                name
                for name, label in example.labels.items()
                if (label >= 0.5) is (name == "hallucination")
            ]
            line = {
                "prompt": example.texts.prompt,
                "context": example.texts.context,
                "answer": marked(example.texts.answer or "", *bad),
                "labels": example.labels,
            }
            file.write(json.dumps(line) + "\n")
    return path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["judge", "check", *arguments])
    return int(ended.value.code or 0)


def options(server: JudgeServer) -> list[str]:
    return ["--url", f"{server.url}/v1", "--model", "m"]


def test_it_says_what_a_judge_is_worth(
    server: JudgeServer, examples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(str(examples), *options(server), "--score", "hallucination", "--json")
    told = json.loads(capsys.readouterr().out)
    score = told["scores"]["hallucination"]

    assert code == 0
    assert told["examples"] == 120
    assert score["specificity"]["rate"] == 1
    assert 0.3 < score["sensitivity"]["rate"] < 0.7
    assert score["units_factor"] == pytest.approx(1 / score["j"] ** 2)
    assert told["tokens"]["input"] > 0
    assert told["failures"] == {}


def test_it_says_so_to_people_too(
    server: JudgeServer, examples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(str(examples), *options(server))
    told = capsys.readouterr().out

    assert code == 0
    assert "hallucination: a difference between versions shows as" in told
    assert "times the units" in told
    assert "Tokens: " in told


def test_without_any_verdict_it_fails_and_says_why(
    server: JudgeServer, examples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.how = Behaviour(garbage=1.0)

    code = run(str(examples), *options(server), "--score", "relevance")

    assert code == 1
    told = capsys.readouterr().out
    assert "relevance: no verdict on any of its " in told
    assert "No verdict, garbage: 120." in told
    assert "Try a larger model" in told


def test_a_token_comes_from_the_environment_and_is_not_shown(
    server: JudgeServer,
    examples: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run(str(examples), *options(server), "--key-env", "JUDGE_KEY") == 2
    assert "JUDGE_KEY" in capsys.readouterr().err

    monkeypatch.setenv("JUDGE_KEY", "s3cret")
    assert run(str(examples), *options(server), "--key-env", "JUDGE_KEY") == 0
    told = capsys.readouterr()
    assert "s3cret" not in told.out + told.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--kind", "oracle"], "Known: llm_judge, embedding, http, python"),
        ([], "needs --url and --model"),
        (["--kind", "http"], "needs --url"),
        (["--url", "http://u", "--model", "m", "--score", "x"], "no rubric for x"),
        (["--url", "localhost:8000", "--model", "m"], "Begin it with http://"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_asked(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(BUNDLED), *arguments) == 2
    assert expected in capsys.readouterr().err


def test_a_bad_line_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"answer": 5}\n')

    assert run(str(path), "--url", "http://u", "--model", "m") == 2
    assert "line 1" in capsys.readouterr().err


def test_a_configuration_without_evaluators_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(
        "listen: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\nservices: {chat: {baseline: v1, versions: "
        "{v1: {endpoints: [http://127.0.0.1:9]}}}}\n"
    )

    assert run(str(BUNDLED), "--config", str(path)) == 2
    assert "evaluators" in capsys.readouterr().err


def lines(path: Path, *examples: dict[str, object]) -> str:
    path.write_text("".join(json.dumps(one) + "\n" for one in examples))
    return str(path)


GOOD: dict[str, object] = {
    "answer": "At nine.",
    "context": ["At nine."],
    "labels": {"hallucination": 0},
}
ALONE: dict[str, object] = {"answer": "At nine.", "labels": {"hallucination": 1}}


@pytest.mark.parametrize(
    ("examples", "code", "expected"),
    [
        ([GOOD], 0, "no bad answer is among those with a verdict"),
        ([GOOD, ALONE], 0, "it has nothing to say of 1 of them"),
        ([ALONE, ALONE], 1, "no verdict on any of its 2 examples"),
    ],
)
def test_what_is_lacking_in_the_examples_is_said(
    server: JudgeServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    examples: list[dict[str, object]],
    code: int,
    expected: str,
) -> None:
    assert run(lines(tmp_path / "few.jsonl", *examples), *options(server)) == code
    assert expected in capsys.readouterr().out


def test_no_more_begin_than_a_minute_allows(
    server: JudgeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = lines(tmp_path / "few.jsonl", *[GOOD] * 6)

    began = time.monotonic()
    assert run(file, *options(server), "--per-minute", "600", "--json") == 0

    assert time.monotonic() - began >= 0.5  # a tenth between each and the next
    assert json.loads(capsys.readouterr().out)["seconds"]["p95"] < 0.5


@pytest.mark.parametrize("arguments", [[], ["--per-minute", "1200"]])
def test_the_rate_of_a_configuration_is_kept_or_replaced(
    server: JudgeServer, tmp_path: Path, arguments: list[str]
) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(
        "listen: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\nservices: {chat: {baseline: v1,"
        " versions: {v1: {endpoints: [http://127.0.0.1:9]}}, evaluators: [{name: judge,"
        f" kind: llm_judge, url: {server.url}/v1, model: m, scores: [hallucination],"
        " per_minute: 120}]}}\n"
    )
    file = lines(tmp_path / "few.jsonl", *[GOOD] * 3)

    began = time.monotonic()
    assert run(file, "--config", str(config), *arguments) == 0

    assert (time.monotonic() - began >= 1.0) is (not arguments)


def test_canaries_that_nobody_can_be_tried_on_are_no_valid_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else the log alone would say that the judge is not watched."""
    canaries = tmp_path / "canaries.jsonl"
    config = tmp_path / "gateway.yaml"
    config.write_text(
        "listen: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\n"
        "services: {chat: {versions: {v1: {endpoints: ['http://127.0.0.1:1']}}, "
        "evaluators: [{name: judge, kind: llm_judge, url: 'http://127.0.0.1:2', model: m,"
        " scores: [relevance], canaries: canaries.jsonl}]}}"
    )
    for text, code in ((BUNDLED.read_text(), 0), ("no JSON\n", 2), ("", 2)):
        canaries.write_text(text)
        with pytest.raises(SystemExit) as ended:
            main(["check", str(config)])
        assert int(ended.value.code or 0) == code
    assert "canaries.jsonl has no examples" in capsys.readouterr().err
