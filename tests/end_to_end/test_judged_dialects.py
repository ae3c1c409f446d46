"""What judges are shown of each dialect, whole answers and streams; and what they find there."""

import http.client
import json
import re
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import pytest

from tests.end_to_end.judges import (
    HALLUCINATION,
    JudgeServer,
    judged_release,
    readers,
    results,
    running_judge,
)
from tests.end_to_end.releases import Json, moment, plant, running_release
from tests.end_to_end.running import (
    PATIENCE_S,
    Gateway,
    ModelServer,
    configuration,
    running_gateway,
    tell,
    until,
)
from tests.end_to_end.spoken import DIALECTS, Spoken, Talk, answering

Models = tuple[ModelServer, ModelServer]

WAYS = tuple(product(DIALECTS, (False, True)))
IN_DOCUMENTS = {"json": "/documents"}
KEY = "sk-proj-" + "Ab3" * 12
MAIL = "ann@example.com"

PLAIN = Talk(
    question=("Wann öffnet das Tor? 🌊", "答えは日本語で。"),
    found=("Das Tor öffnet um sechs. 🕕", "第二の文書。"),
    said=("Um", " se", "chs Uhr. 六時", "です🕕", "\n", "Ende."),
)
SECRET = Talk(
    question=("Here is my token", KEY),
    found=(f"It belongs to {MAIL}, whose key is {KEY}.", f"Call {MAIL}."),
    said=(
        "Use ",
        "sk-",
        "proj-",
        *("Ab3" for _ in range(12)),
        " or ann@exa",
        "mple.com",
    ),
)
"""Secrets: cut by a stream, and in a block of their own behind another."""


@pytest.fixture(scope="module")
def judge() -> Iterator[JudgeServer]:
    with running_judge(sensitivity=1.0, specificity=1.0) as server:
        yield server


@contextmanager
def judged(
    talk: Talk, judge: JudgeServer, folder: Path, **pace: int
) -> Generator[Gateway]:
    """Run a gateway before servers that give the talk's answer, with two judges."""
    with answering(talk.said, **pace) as url:
        document = configuration([url, url])
        chat = document["services"]["chat"]
        chat["evaluators"] = [
            _evaluator("reader", kind="http", url=f"{judge.url}/score"),
            _evaluator("judge", kind="llm_judge", url=f"{judge.url}/v1", model="m"),
        ]
        document["services"] = {
            "older": {
                **chat,
                "match": {"paths": ["/v1/completions"]},
                "context": IN_DOCUMENTS,
            },
            "chat": chat,
        }
        with running_gateway(document, folder) as gateway:
            yield gateway


def _evaluator(name: str, **settings: object) -> Json:
    scores = ["hallucination"]
    return {"name": name, "scores": scores, "sample": 1.0, "deadline": "9s", **settings}


def ask(gateway: Gateway, dialect: Spoken, talk: Talk, *, is_stream: bool) -> str:
    """Ask once, as somebody who never asked before; give the whole body."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", gateway.data, timeout=PATIENCE_S
    )
    body = json.dumps({**dialect.asks(talk), "stream": is_stream}, ensure_ascii=False)
    who = f"{dialect.name}-{is_stream}"
    headers = {"content-type": "application/json", "x-user-id": who}
    try:
        connection.request("POST", dialect.path, body.encode(), headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.status == 200, text
        return text
    finally:
        connection.close()


def shown(judge: JudgeServer, before: int) -> tuple[list[Json], list[str]]:
    """Wait until both judges were asked about one exchange; give what each was shown."""
    until("two judges", lambda: judge.stats()["calls"] >= before + 2)
    asked = judge.asked()[-2:]
    return (
        [body for body in asked if "scores" in body],
        [body["messages"][-1]["content"] for body in asked if "messages" in body],
    )


def sections(sheet: str) -> dict[str, str]:
    """Give the texts that a model is shown, by name."""
    found = re.findall(
        r"\[\[BEGIN ([a-z0-9 ]+) \w{32}\]\]\n(.*?)\n\[\[END", sheet, re.DOTALL
    )
    return dict(found)


def question_in(dialect: Spoken, talk: Talk) -> str:
    return "\n".join(talk.question) if dialect.has_blocks else talk.question[0]


def test_judges_are_shown_what_was_asked_found_and_said_in_any_dialect(
    judge: JudgeServer, tmp_path: Path
) -> None:
    """And nothing else of the conversation; whatever the pieces it came in."""
    with judged(PLAIN, judge, tmp_path) as gateway:
        for dialect, is_stream in WAYS:
            before = judge.stats()["calls"]
            ask(gateway, dialect, PLAIN, is_stream=is_stream)

            [given], [sheet] = shown(judge, before)

            name = f"{dialect.name}, {is_stream=}"
            assert given["prompt"] == question_in(dialect, PLAIN), name
            assert given["context"] == [*PLAIN.found], name
            assert given["answer"] == PLAIN.answer, name
            assert given["reference"] is None, name
            texts = sections(sheet)
            assert texts["question"] == given["prompt"], name
            assert [texts["passage 1"], texts["passage 2"]] == given["context"], name
            assert texts["answer"] == given["answer"], name
            assert "EARLIER" not in sheet + str(given), name
            assert "SYSTEM" not in sheet + str(given), name


def test_no_secret_of_any_dialect_reaches_a_judge(
    judge: JudgeServer, tmp_path: Path
) -> None:
    """Neither one that a stream cuts, nor one in a block of its own."""
    with judged(SECRET, judge, tmp_path) as gateway:
        for dialect, is_stream in WAYS:
            before = judge.stats()["calls"]
            talk = SECRET
            if not dialect.has_blocks:
                talk = Talk((f"My token: {KEY}",), SECRET.found, SECRET.said)
            told = ask(gateway, dialect, talk, is_stream=is_stream)
            assert told.count("Ab3") >= 12, "clients get it"

            [given], [sheet] = shown(judge, before)

            name = f"{dialect.name}, {is_stream=}"
            assert given["prompt"].endswith("[API_KEY]"), name
            assert given["context"] == [
                "It belongs to [EMAIL], whose key is [API_KEY].",
                "Call [EMAIL].",
            ], name
            assert given["answer"] == "Use [API_KEY] or [EMAIL]", name
            assert "Ab3" not in sheet + str(given), name
            assert "example" not in sheet + str(given), name


def test_of_a_long_exchange_a_judge_is_shown_the_question_and_told_that_it_is_cut(
    judge: JudgeServer, tmp_path: Path
) -> None:
    """The question stands behind what it is about; the passages are long as well."""
    question = "Read this. " + "word " * 8_000 + "Is it so?"
    found = tuple(f"{number}. " + "fact " * 6_000 for number in range(9))
    talk = Talk((question,), found, ("No. ", "really " * 9_000, "The end."))
    with judged(talk, judge, tmp_path, at_once=1_000) as gateway:
        for dialect in DIALECTS:
            before = judge.stats()["calls"]
            ask(gateway, dialect, talk, is_stream=True)

            [given], [sheet] = shown(judge, before)

            texts = sections(sheet)
            for text in (given["prompt"], texts["question"]):
                assert text.startswith("Read this. word"), dialect.name
                assert text.endswith("word Is it so?"), dialect.name
            for text in (given["answer"], texts["answer"]):
                assert text.startswith("No. really"), dialect.name
                assert text.endswith("really The end."), dialect.name
            heads = [text[:7] for text in given["context"]]
            assert heads == [f"{number}. fact" for number in range(4)], dialect.name
            assert given["cut"], dialect.name
            assert "The material is not whole" in sheet, dialect.name
        until("counted", lambda: cut_samples(gateway) == {"reader": 5, "judge": 5})


@pytest.mark.slow  # five to ten seconds each
@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_a_candidate_that_hallucinates_in_any_dialect_is_taken_back(
    models: Models,
    judge: JudgeServer,
    tmp_path: Path,
    dialect: Spoken,
    *,
    is_stream: bool,
) -> None:
    """5 -> 60 %, by a judge that is always right."""
    plant(models[0], wrong=0.05)
    document = judged_release(
        models,
        judge,
        rollout={"steps": [{"setWeight": 50}, {"pause": {}}]},
        service={"context": IN_DOCUMENTS} if dialect.older else {},
    )
    with (
        running_release(document, tmp_path) as running,
        readers(
            running,
            streamed=is_stream,
            path=dialect.path,
            asks=lambda prompt: told_in(dialect, prompt),
        ) as audience,
    ):
        running.start()
        running.until_step(1)
        planted = plant(models[1], wrong=0.6)

        running.until_phase("rolled_back", within_s=60)

        [worst, *_] = running.decision()["body"]["findings"]
        took = moment(running.decision()) - planted
        tell(
            f"{dialect.name}, {is_stream=}: {took:.1f} s after its onset,"
            f" {worst['candidate_units']} units; {results(running)}"
        )
        assert worst["metric"] == HALLUCINATION
        assert not audience.unhappy()


def told_in(dialect: Spoken, prompt: str) -> Json:
    return dialect.asks(Talk((prompt,), PLAIN.found, ()))


def cut_samples(gateway: Gateway) -> dict[str, int]:
    """Count those of both services."""
    found = gateway.metric("sluicegate_evaluations_cut_total")
    counts = Counter[str]()
    for labels, value in found:
        counts[labels["evaluator"]] += int(value)
    return dict(counts)
