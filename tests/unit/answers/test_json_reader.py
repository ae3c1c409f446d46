"""Many JSON texts at once read as each would be alone."""

from typing import Any

import msgspec
import pytest

from gateway.answers.answer import Answer
from gateway.answers.json_reader import (
    LONGEST_VALUE,
    MOST_SIGNS,
    NO_JSON,
    Content,
    JsonReader,
    Leaf,
    Skipped,
    object_text,
    parts_of,
    value_of,
)


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


def test_what_is_in_an_array_or_an_object_that_no_leaf_can_be_is_not_built() -> None:
    read = msgspec.json.Decoder(Leaf).decode

    assert read(b'[[1], {"a": []}]') == Skipped()
    assert read(b'{"a": [[1], [2]]}') == {}
    assert read(b"1") == 1


def test_a_value_beyond_the_bound_is_not_built() -> None:
    assert value_of(msgspec.Raw(b'["a"]')) == ["a"]
    assert value_of(msgspec.Raw(b'["%b"]' % (b"a" * LONGEST_VALUE))) is not None
    many = b",".join([b"{}"] * MOST_SIGNS)
    assert value_of(msgspec.Raw(b'[%b, "%b"]' % (many, b"a" * LONGEST_VALUE))) is None
    half = rb"\ud83d"  # to be mended, which takes long
    assert value_of(msgspec.Raw(b'["%b"]' % (half * LONGEST_VALUE))) is None


def test_of_a_content_the_first_parts_are_read() -> None:
    content = msgspec.json.decode(
        b'[{"text": "a", "other": [[]]}, [[]]' + b', {"text": "b"}' * 100 + b"]",
        type=Content,
    )

    assert len(parts_of(content)) == 64
    assert parts_of(content)[:3] == [{"text": "a"}, Skipped(), {"text": "b"}]
