"""Many JSON texts at once read as each would be alone."""

from typing import Any

import msgspec
import pytest

from gateway.answers.answer import Answer
from gateway.answers.json_reader import NO_JSON, JsonReader, object_text


class Shape(msgspec.Struct):
    a: Any = None
    kept: msgspec.Raw = NO_JSON


READER = JsonReader(Shape, b"[DONE]")


def read(*events: bytes) -> tuple[list[object], bool, bool]:
    answer = Answer()
    found = [shape.a for shape in READER.each(answer, events)]
    return found, answer.is_terminated, answer.is_garbled


@pytest.mark.parametrize(
    ("events", "found", "is_terminated", "is_garbled"),
    [
        ([], [], False, False),
        ([b'{"a":1}'], [1], False, False),
        ([b'{"a":1}', b'{"a":2}'], [1, 2], False, False),
        ([b'{"a":1}', b"[DONE]"], [1], True, False),
        ([b'{"a":1}', b"[DONE]\t", b'{"a":2}'], [1, 2], True, False),
        ([b'{"a":1}', b"", b" ", b'{"a":2}'], [1, 2], False, False),
        ([b'{"a":1}', b"no", b'{"a":2}'], [1, 2], False, True),
        ([b'{"a":\n1}', b'{"a":2}'], [1, 2], False, False),
        ([b'{"a":1', b"}"], [], False, True),
        ([b"[]", b'{"a":2}'], [2], False, True),
    ],
)
def test_each_event_is_read_or_noted(
    events: list[bytes], found: list[object], is_terminated: bool, is_garbled: bool
) -> None:
    assert read(*events) == (found, is_terminated, is_garbled)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"a":"\\ud83d"}', "\ufffd"),
        (b'{"a":"\\uDE00x"}', "\ufffdx"),
        (b'{"a":"\\ud83d\\ud83d\\ude00\\ude00"}', "\ufffd\U0001f600\ufffd"),
        (b'{"a":"\\ud83d\\ude00"}', "\U0001f600"),
        (b'{"a":"\\\\ud83d\\ud83d"}', "\\ud83d\ufffd"),
    ],
)
def test_half_of_a_surrogate_pair_is_one_unknown_character(
    text: bytes, expected: str
) -> None:
    assert read(text) == ([expected], False, False)


def test_a_reader_without_an_end_mark_ends_nothing() -> None:
    answer = Answer()
    JsonReader(Shape).each(answer, [b"", b"[DONE]"])

    assert not answer.is_terminated
    assert answer.is_garbled


def test_only_an_object_is_the_text_of_one() -> None:
    kept = READER.one(b'{"kept": {"b": [1, 2]} }')

    assert kept is not None
    assert object_text(kept.kept) == b'{"b": [1, 2]}'
    assert object_text(NO_JSON) == b""
    assert object_text(msgspec.Raw(b"[1]")) == b""
