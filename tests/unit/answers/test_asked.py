"""What is read of a request, however long it is and however many blocks it has."""

import json

import pytest

from gateway.answers.asked import LONGEST_END, LONGEST_PASSAGE, Asked
from gateway.answers.dialects import dialect_of
from gateway.answers.json_reader import LONGEST_VALUE, MOST_SIGNS

CHAT = b"/v1/chat/completions"
MESSAGES = b"/v1/messages"
RESPONSES = b"/v1/responses"
OLLAMA = b"/api/chat"
TALKS = (CHAT, MESSAGES, RESPONSES, OLLAMA)


def asked(path: bytes, **body: object) -> Asked:
    return dialect_of("auto", path).read_request(json.dumps(body).encode(), True)


def conversation(path: bytes, *said: str) -> Asked:
    """Let a user and a model speak in turn; the user begins."""
    messages = [
        {"role": ("user", "assistant")[place % 2], "content": text}
        for place, text in enumerate(said)
    ]
    return asked(path, **{"input" if path == RESPONSES else "messages": messages})


@pytest.mark.parametrize("path", TALKS)
def test_of_a_long_question_both_ends_are_kept(path: bytes) -> None:
    text = "BEGIN " + "word " * 20_000 + "And what is the question?"

    read = conversation(path, text)

    assert read.prompt == text[:LONGEST_PASSAGE]
    assert read.prompt_end == text[-LONGEST_END:]


@pytest.mark.parametrize("length", [1, LONGEST_PASSAGE, LONGEST_PASSAGE + 7])
def test_what_is_hardly_longer_is_kept_whole(length: int) -> None:
    text = "".join(str(place % 10) for place in range(length))

    read = conversation(CHAT, text)

    assert (read.prompt or "") + read.prompt_end == text


@pytest.mark.parametrize("path", TALKS)
def test_a_question_behind_a_long_conversation_is_read(path: bytes) -> None:
    earlier = "Earlier, in a long \\ conversation.\n" * 400

    read = conversation(path, *[earlier] * 40, "And now?")

    assert 40 * len(earlier) > 4 * LONGEST_VALUE
    assert read.prompt == "And now?"


def test_passages_that_are_long_together_are_read() -> None:
    found = [f"{place} " + "x" * 100_000 for place in range(5)]
    messages = [
        {"role": "user", "content": "Why?"},
        *({"role": "tool", "content": text} for text in found),
    ]

    read = asked(CHAT, messages=messages)

    assert read.prompt == "Why?"
    assert read.context == tuple(text[:LONGEST_PASSAGE] for text in found)


def test_many_small_values_are_no_conversation() -> None:
    """They cost more to build than a long text does."""
    messages = [{"role": "user", "content": "Why?"}, *[{}] * (2 * MOST_SIGNS)]
    padding = "x" * LONGEST_VALUE

    assert asked(CHAT, messages=[padding, *messages]).prompt is None


def test_blocks_of_a_question_are_texts_of_their_own() -> None:
    blocks = [{"type": "text", "text": text} for text in ("My token", "sk-1234")]

    for path in (CHAT, MESSAGES):
        read = asked(path, messages=[{"role": "user", "content": blocks}])
        assert read.prompt == "My token\nsk-1234"
