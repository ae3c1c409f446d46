"""`sluicegate judge check`: what it prints, and how it ends."""

import asyncio
import json
import threading
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
    assert "No verdict, garbage: 120." in capsys.readouterr().out


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
        (["--url", "u", "--model", "m", "--score", "charm"], "no rubric for charm"),
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

    assert run(str(path), "--url", "u", "--model", "m") == 2
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
