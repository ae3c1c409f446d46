"""The official Python clients get the same objects and the same bytes as without us."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import anthropic
import ollama
import openai
import pytest
from pydantic import BaseModel

from tests.end_to_end.faults import (
    TOOLS,
    USAGE,
    WEATHER,
    Ledger,
    impatient,
)
from tests.end_to_end.recording import recording
from tests.end_to_end.running import ModelServer, running_gateway

Models = tuple[ModelServer, ModelServer]

HELLO: list[Any] = [{"role": "user", "content": "hello"}]
SIX = "events=6"
STREAMED = {"input": 12, "cached_input": 4, "output": 4}
WHOLE = {"input": 12, "cached_input": 4, "output": 10}
# Ollama does not tell what came from a cache.
LINES_STREAMED = {"input": 12, "output": 4}
LINES_WHOLE = {"input": 12, "output": 10}


class Person(BaseModel):
    """What the structured answer is to be."""

    name: str
    age: int


@pytest.fixture(scope="module")
def ledger(
    _running_models: Models, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ledger]:
    """Give one running gateway for all tests of this file, and its counts."""
    document = impatient(_running_models[0])
    with running_gateway(document, tmp_path_factory.mktemp("sdk")) as gateway:
        ledger = Ledger(gateway)
        yield ledger
        ledger.close()


def plain(found: Any) -> Any:
    """Give an object of any client as plain values."""
    return found.model_dump(warnings=False) if isinstance(found, BaseModel) else found


def all_of(found: Iterable[Any]) -> list[Any]:
    """Read a stream to its end."""
    return [plain(each) for each in found]


# openai.


def with_openai(port: int, wish: str) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"http://127.0.0.1:{port}/v1",
        api_key="sk-none",
        max_retries=0,
        default_headers={"x-misbehave": wish},
    )


def chat(port: int, wish: str) -> Any:
    with with_openai(port, wish) as client:
        answer = client.chat.completions.create(model="m", messages=HELLO)
    assert answer.choices[0].message.content
    return plain(answer)


def chat_streamed(port: int, wish: str, **more: Any) -> Any:
    with with_openai(port, wish) as client:
        chunks = all_of(
            client.chat.completions.create(
                model="m", messages=HELLO, stream=True, **more
            )
        )
    assert len(chunks) >= 6
    return chunks


def chat_streamed_with_usage(port: int, wish: str) -> Any:
    chunks = chat_streamed(port, wish, **USAGE)
    assert chunks[-1]["usage"]["completion_tokens"] == 4
    return chunks


def chat_tools(port: int, wish: str) -> Any:
    with with_openai(port, wish) as client:
        answer = client.chat.completions.create(
            model="m", messages=HELLO, tools=TOOLS["tools"]
        )
    assert answer.choices[0].finish_reason == "tool_calls"
    return plain(answer)


def chat_tools_streamed(port: int, wish: str) -> Any:
    with (
        with_openai(port, wish) as client,
        client.chat.completions.stream(
            model="m",
            messages=HELLO,
            tools=TOOLS["tools"],
            stream_options={"include_usage": True},
        ) as stream,
    ):
        events = all_of(stream)
        calls = stream.get_final_completion().choices[0].message.tool_calls
    assert calls
    assert calls[0].function.arguments == '{"city":"Paris","days":3}'
    return events


def chat_parsed(port: int, wish: str) -> Any:
    with with_openai(port, wish) as client:
        answer = client.chat.completions.parse(
            model="m", messages=HELLO, response_format=Person
        )
    assert answer.choices[0].message.parsed == Person(name="Ada", age=36)
    return plain(answer)


def embeddings(port: int, wish: str) -> Any:
    with with_openai(port, wish) as client:
        answer = client.embeddings.create(model="m", input="hello")
    assert len(answer.data[0].embedding) == 4
    return plain(answer)


def responses(port: int, wish: str) -> Any:
    with with_openai(port, wish) as client:
        answer = client.responses.create(model="m", input="hello")
    assert answer.output_text
    return plain(answer)


def responses_streamed(port: int, wish: str) -> Any:
    with with_openai(port, wish) as client:
        events = all_of(client.responses.create(model="m", input="hi", stream=True))
    assert events[-1]["type"] == "response.completed"
    return events


def responses_tools_streamed(port: int, wish: str) -> Any:
    tool: Any = {"type": "function", "name": "get_weather", "parameters": WEATHER}
    with with_openai(port, wish) as client:
        events = all_of(
            client.responses.create(model="m", input="hello", stream=True, tools=[tool])
        )
    assert events[-1]["response"]["output"][0]["name"] == "get_weather"
    return events


# anthropic.


def with_anthropic(port: int, wish: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(
        base_url=f"http://127.0.0.1:{port}",
        api_key="sk-none",
        max_retries=0,
        default_headers={"x-misbehave": wish},
    )


def messages(port: int, wish: str) -> Any:
    with with_anthropic(port, wish) as client:
        answer = client.messages.create(model="m", messages=HELLO, max_tokens=99)
    assert answer.stop_reason == "end_turn"
    return plain(answer)


def messages_streamed(port: int, wish: str) -> Any:
    with (
        with_anthropic(port, wish) as client,
        client.messages.stream(model="m", messages=HELLO, max_tokens=99) as stream,
    ):
        events = all_of(stream)
        text = stream.get_final_text()
    assert text == "tok0001 tok0002 tok0003 tok0004 "
    return events


def messages_tools_streamed(port: int, wish: str) -> Any:
    tool: Any = {"name": "get_weather", "input_schema": WEATHER}
    with (
        with_anthropic(port, wish) as client,
        client.messages.stream(
            model="m", messages=HELLO, max_tokens=99, tools=[tool]
        ) as stream,
    ):
        events = all_of(stream)
        [call] = stream.get_final_message().content
    assert call.type == "tool_use"
    assert call.input == {"city": "Paris", "days": 3}
    return events


def messages_tools(port: int, wish: str) -> Any:
    tool: Any = {"name": "get_weather", "input_schema": WEATHER}
    with with_anthropic(port, wish) as client:
        answer = client.messages.create(
            model="m", messages=HELLO, max_tokens=99, tools=[tool]
        )
    assert answer.stop_reason == "tool_use"
    return plain(answer)


# ollama.


def with_ollama(port: int, wish: str) -> ollama.Client:
    return ollama.Client(host=f"http://127.0.0.1:{port}", headers={"x-misbehave": wish})


def lines(port: int, wish: str) -> Any:
    with closing(with_ollama(port, wish)) as client:
        answer = client.chat(model="m", messages=HELLO)
    assert answer.done_reason == "stop"
    return plain(answer)


def lines_streamed(port: int, wish: str) -> Any:
    with closing(with_ollama(port, wish)) as client:
        parts = all_of(client.chat(model="m", messages=HELLO, stream=True))
    assert parts[-1]["eval_count"] == 4
    return parts


def lines_tools_streamed(port: int, wish: str) -> Any:
    with closing(with_ollama(port, wish)) as client:
        parts = all_of(
            client.chat(model="m", messages=HELLO, stream=True, tools=TOOLS["tools"])
        )
    [call] = parts[0]["message"]["tool_calls"]
    assert call["function"]["arguments"] == {"city": "Paris", "days": 3}
    return parts


def lines_tools(port: int, wish: str) -> Any:
    with closing(with_ollama(port, wish)) as client:
        answer = client.chat(model="m", messages=HELLO, tools=TOOLS["tools"])
    assert answer.message.tool_calls
    return plain(answer)


def lines_structured(port: int, wish: str) -> Any:
    with closing(with_ollama(port, wish)) as client:
        answer = client.chat(
            model="m", messages=HELLO, format=Person.model_json_schema()
        )
    assert Person.model_validate_json(answer.message.content or "").name == "Ada"
    return plain(answer)


@dataclass(frozen=True)
class Use:
    """One thing people do with a client, and what the gateway must count."""

    talk: Callable[[int, str], Any]
    wish: str
    tokens: dict[str, int]
    outcome: str = "complete"

    def __str__(self) -> str:
        return "-".join([self.talk.__name__, *self.wish.split(",")[1:]])


USES = [
    Use(chat, SIX, WHOLE),
    Use(chat_streamed, SIX, {"output_estimated": 4}),
    Use(chat_streamed_with_usage, SIX, STREAMED),
    Use(chat_tools, "tool=valid", WHOLE),
    Use(chat_tools_streamed, f"{SIX},tool=valid", STREAMED),
    Use(chat_parsed, "says=json", WHOLE),
    Use(embeddings, SIX, {"input": 12}),
    Use(responses, SIX, WHOLE),
    Use(responses_streamed, SIX, STREAMED),
    Use(responses_tools_streamed, f"{SIX},tool=valid", STREAMED),
    Use(messages, SIX, WHOLE),
    Use(messages_streamed, SIX, STREAMED),
    Use(messages_tools_streamed, f"{SIX},tool=valid", STREAMED),
    Use(messages_tools, "tool=valid", WHOLE),
    Use(lines, SIX, LINES_WHOLE),
    Use(lines_tools, "tool=valid", LINES_WHOLE),
    Use(lines_structured, "says=json", LINES_WHOLE),
    Use(lines_streamed, SIX, LINES_STREAMED),
    Use(lines_tools_streamed, f"{SIX},tool=valid", LINES_STREAMED),
]


@pytest.mark.parametrize("use", USES, ids=str)
def test_a_client_gets_the_same_objects_from_the_same_bytes(
    ledger: Ledger, models: Models, use: Use
) -> None:
    with recording(models[0].port) as direct:
        expected = use.talk(direct.port, use.wish)
    with (
        recording(ledger.gateway.data) as through,
        ledger.counts(use.outcome, use.tokens),
    ):
        found = use.talk(through.port, use.wish)
    assert found == expected
    assert through.bodies == direct.bodies
    assert len(through.bodies) == 1


# What goes wrong is raised as the same exception.

FAILED = "events=6,error=1,error_in_200,error_after=4"


@pytest.mark.parametrize(
    ("talk", "wish", "outcome"),
    [
        pytest.param(chat_streamed, FAILED, "stream_error", id="openai"),
        pytest.param(messages_streamed, FAILED, "stream_error", id="anthropic"),
        pytest.param(lines_streamed, FAILED, "stream_error", id="ollama"),
        pytest.param(chat, "status=429", "upstream_error", id="openai-429"),
        pytest.param(messages, "status=529", "upstream_error", id="anthropic-529"),
        pytest.param(lines, "status=404", "client_error", id="ollama-404"),
    ],
)
def test_a_client_raises_the_same_exception(
    ledger: Ledger, models: Models, talk: Any, wish: str, outcome: str
) -> None:
    with pytest.raises(Exception) as expected:
        talk(models[0].port, wish)
    with ledger.counts(outcome), pytest.raises(Exception) as found:
        talk(ledger.gateway.data, wish)
    assert found.type is expected.type
    assert str(found.value) == str(expected.value)
    assert not issubclass(found.type, AssertionError)


@pytest.mark.parametrize(
    ("talk", "wish", "error"),
    [
        pytest.param(chat_streamed, "cut=4", openai.APIError, id="openai"),
        pytest.param(messages_streamed, "cut=4", anthropic.APIError, id="anthropic"),
        pytest.param(lines_streamed, "cut=3", ollama.ResponseError, id="ollama"),
    ],
)
def test_a_client_is_told_in_its_own_terms_that_an_answer_broke_off(
    ledger: Ledger, models: Models, talk: Any, wish: str, error: type[Exception]
) -> None:
    """Directly it would see a connection that ends."""
    with pytest.raises(Exception) as direct:
        talk(models[0].port, wish)
    with ledger.counts("truncated"), pytest.raises(error, match="broke its answer off"):
        talk(ledger.gateway.data, wish)
    assert direct.type is not error


def test_clients_that_were_written_for_streams_of_lines_see_each_line_at_once(
    ledger: Ledger, models: Models
) -> None:
    client = with_ollama(ledger.gateway.data, "events=12,interval=0.05")
    ended = models[0].stats()["ended_clean"]
    with closing(client), ledger.counts("complete"):
        parts = client.chat(model="m", messages=HELLO, stream=True)
        first = next(iter(parts))
        asking_for_it = 1
        assert (
            models[0].stats()["ended_clean"] == ended + asking_for_it
        )  # it still speaks
        assert first.message.content == "tok0001 "
        assert len(list(parts)) == 10
