"""What every dialect owes, held against the registry: a new plug is tested by being listed.

A dialect raises nothing, whatever it is given; and what it has read at the end does not
depend on how the network cut the bytes. The transcripts are in transcripts/.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from types import NoneType
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.answers.answer import Answer, Finish
from gateway.answers.asked import NOTHING, Asked
from gateway.answers.dialect import Dialect, Framing
from gateway.answers.dialects import DIALECTS
from gateway.answers.events import JsonLines, ServerSentEvents
from gateway.answers.usage import Usage
from tests.contracts.transcripts.transcript import Request, Transcript

EVERY = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda d: d.name)


def of(dialect: Dialect, kind: str) -> tuple[Any, ...]:
    """Give what a dialect's file of transcripts exports; nothing when it has no file."""
    name = f"tests.contracts.transcripts.{dialect.name}"
    found = getattr(import_module(name), kind) if find_spec(name) else ()
    assert isinstance(found, tuple)
    return found


def every_transcript(*, is_stream: bool) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("dialect", "transcript"),
        [
            pytest.param(dialect, each, id=f"{dialect.name}-{each.name}")
            for dialect in DIALECTS.values()
            for each in of(dialect, "TRANSCRIPTS")
            if (each.framing is not None) is is_stream
        ],
    )


every_request = pytest.mark.parametrize(
    ("dialect", "request_"),
    [
        pytest.param(dialect, each, id=f"{dialect.name}-{each.name}")
        for dialect in DIALECTS.values()
        for each in of(dialect, "REQUESTS")
    ],
)


def read(dialect: Dialect, framing: Framing | None, pieces: list[bytes]) -> Answer:
    """Read an answer as the gateway does: cut into events, as often as bytes come."""
    answer = Answer()
    events = ServerSentEvents() if framing is Framing.SSE else JsonLines()
    for piece in pieces:
        dialect.read_events(answer, events.feed(piece))
    dialect.read_events(answer, events.rest())
    return answer


def told(answer: Answer) -> dict[str, object]:
    """Give everything an answer says, to be compared."""
    return {
        "text": answer.text.kept,
        "finishes": answer.finishes,
        "calls": tuple((c.name, c.arguments) for c in answer.calls.values()),
        "usage": answer.usage,
        "model": answer.model,
        "content_events": answer.content_events,
        "has_error": answer.has_error,
        "has_refusal": answer.has_refusal,
        "is_terminated": answer.is_terminated,
        "is_garbled": answer.is_garbled,
    }


def expected(transcript: Transcript) -> dict[str, object]:
    return {name: getattr(transcript, name) for name in told(Answer())}


@EVERY
def test_every_dialect_has_transcripts(dialect: Dialect) -> None:
    assert of(dialect, "TRANSCRIPTS")
    assert of(dialect, "REQUESTS")


@every_request
def test_a_request_asks_what_its_transcript_says(
    dialect: Dialect, request_: Request
) -> None:
    assert dialect.read_request(request_.body, True) == request_.asked


@EVERY
def test_a_request_that_could_be_read_is_not_nothing(dialect: Dialect) -> None:
    """By NOTHING itself a request is known as unread, and it is shared by all."""
    first = of(dialect, "REQUESTS")[0]

    is_nothing = dialect.read_request(first.body, True) is NOTHING

    assert is_nothing is (dialect.family == "plain")


@every_request
def test_a_prompt_is_read_only_where_it_is_wanted(
    dialect: Dialect, request_: Request
) -> None:
    asked = dialect.read_request(request_.body, False)

    assert (asked.prompt, asked.context) == (None, ())
    assert asked == replace(request_.asked, prompt=None, context=())


@every_transcript(is_stream=False)
def test_a_whole_answer_is_what_its_transcript_says(
    dialect: Dialect, transcript: Transcript
) -> None:
    answer = Answer()
    dialect.read_whole(answer, transcript.body)

    assert told(answer) == expected(transcript)


@every_transcript(is_stream=True)
def test_a_stream_is_what_its_transcript_says(
    dialect: Dialect, transcript: Transcript
) -> None:
    assert transcript.framing is dialect.framing
    assert told(read(dialect, transcript.framing, [transcript.body])) == expected(
        transcript
    )


@every_transcript(is_stream=True)
def test_a_stream_is_the_same_byte_by_byte(
    dialect: Dialect, transcript: Transcript
) -> None:
    body = transcript.body
    single = [body[at : at + 1] for at in range(len(body))]

    assert told(read(dialect, transcript.framing, single)) == expected(transcript)


@every_transcript(is_stream=True)
def test_a_stream_is_the_same_wherever_it_is_cut_in_two(
    dialect: Dialect, transcript: Transcript
) -> None:
    for pieces in in_two(transcript.body):
        answer = read(dialect, transcript.framing, pieces)
        assert told(answer) == expected(transcript), pieces[0]


def in_two(body: bytes) -> Iterator[list[bytes]]:
    for cut in range(1, len(body)):
        yield [body[:cut], body[cut:]]


# Nothing that is sent raises anything.

DEEP = b"[" * 100_000
ODD: tuple[object, ...] = (
    None,
    True,
    -1,
    10**30,
    1.5,
    "",
    "x",
    [],
    {},
    [[]],
    [{}],
    {"type": {}},
    ["x"],
)
HOSTILE = (
    DEEP,
    b'{"a":' * 100_000,
    b"[" * 900 + b"]" * 900,
    b'{"usage": ' + b"9" * 10_000 + b"}",
    b'{"usage": 1e999}',
    b'{"model": NaN}',
    b'{"model": "\xff"}',
    b'{"\xff": "\xff", "tools": [{"name": "\xff"}]}',
    b'{"model": "\\ud83d"}',
    b"\\ud83d" * 10,
    b"\x00",
    b"\xef\xbb\xbf{}",
    b"\n",
    b" ",
    b"[DONE][DONE]",
    b"{}{}",
    b"}\n{",
)


def read_all(dialect: Dialect, bodies: list[bytes]) -> None:
    """Read *bodies* as whatever they may be; each result must be of its types."""
    for body in bodies:
        for needs_prompt in (True, False):
            asked = dialect.read_request(body, needs_prompt)
            msgspec.convert(msgspec.to_builtins(asked), Asked)
        whole = Answer()
        dialect.read_whole(whole, body)
        assert_is_an_answer(whole)
        alone = Answer()
        dialect.read_events(alone, [body])
        assert_is_an_answer(alone)
    answer = Answer()
    dialect.read_events(answer, bodies)
    assert_is_an_answer(answer)


def assert_is_an_answer(answer: Answer) -> None:
    assert answer.model is None or isinstance(answer.model, str)
    assert isinstance(answer.text.kept, str)
    msgspec.convert(list(answer.finishes), list[int])
    assert set(map(type, answer.finishes.values())) <= {Finish, NoneType}
    for call in answer.calls.values():
        assert {type(call.name), type(call.arguments)} == {str}
    if answer.usage is not None:
        msgspec.convert(msgspec.to_builtins(answer.usage), Usage)
    for flag in ("has_error", "has_refusal", "is_terminated", "is_garbled"):
        assert type(getattr(answer, flag)) is bool
    assert type(answer.content_events) is int


def values_of(dialect: Dialect) -> list[Any]:
    """Give every JSON value in the transcripts of a dialect."""
    bodies = [request.body for request in of(dialect, "REQUESTS")]
    for transcript in of(dialect, "TRANSCRIPTS"):
        bodies += events_of(transcript)
    values = []
    for body in bodies:
        with suppress(ValueError):
            values.append(json.loads(body))
    return values


def events_of(transcript: Transcript) -> list[bytes]:
    if transcript.framing is None:
        return [transcript.body]
    is_sse = transcript.framing is Framing.SSE
    return (ServerSentEvents() if is_sse else JsonLines()).feed(transcript.body)


def places_in(value: Any) -> Iterator[tuple[Any, Any]]:
    """Give every place inside a JSON value: what holds it, and its key or index."""
    keys = range(len(value)) if isinstance(value, list) else list(value)
    for key in keys:
        yield value, key
        if isinstance(value[key], (list, dict)):
            yield from places_in(value[key])


def with_odd_values(value: Any, odd: Sequence[object]) -> Iterator[bytes]:
    """Give a JSON value with each of its places taken, in turn, by each odd value."""
    for holder, key in places_in(value) if isinstance(value, (list, dict)) else ():
        kept = holder[key]
        for one in odd:
            holder[key] = one
            yield json.dumps(value).encode()
        holder[key] = kept


@EVERY
@pytest.mark.parametrize("body", HOSTILE, ids=lambda body: repr(body[:12]))
def test_hostile_bytes_raise_nothing(dialect: Dialect, body: bytes) -> None:
    read_all(dialect, [body, b"{}"])


@EVERY
def test_odd_values_in_every_place_raise_nothing(dialect: Dialect) -> None:
    for value in values_of(dialect):
        read_all(dialect, list(with_odd_values(value, ODD)))


@EVERY
def test_deep_nesting_in_every_place_raises_nothing(dialect: Dialect) -> None:
    """At a depth that can be read, and at one that cannot."""
    deep = (b"[" * 400 + b"]" * 400, DEEP[:2000])
    for value in values_of(dialect):
        for body in with_odd_values(value, ["DEEP"]):
            read_all(dialect, [body.replace(b'"DEEP"', each) for each in deep])


@EVERY
@given(data=st.data())
@settings(
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_json_raises_nothing(dialect: Dialect, data: st.DataObject) -> None:
    """Made of the names the dialect knows, in places where it does not expect them."""
    names = sorted(names_in(values_of(dialect)) | {"error", "type", "x"})
    leaves = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(),
        st.sampled_from(names),
    )
    values = st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(names), inner, max_size=6)
        ),
    )
    read_all(
        dialect, [json.dumps(value).encode() for value in data.draw(st.lists(values))]
    )


def names_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | names_in(list(value.values()))
    if isinstance(value, list):
        return set().union(*map(names_in, value))
    return set()


@EVERY
@given(bodies=st.lists(st.binary()))
def test_any_bytes_raise_nothing(dialect: Dialect, bodies: list[bytes]) -> None:
    read_all(dialect, bodies)


@EVERY
@given(
    fields=st.dictionaries(
        st.sampled_from([b"x-prompt-tokens", b"x-generated-tokens", b"x-model"]),
        st.binary(max_size=20) | st.integers().map(lambda number: b"%d" % number),
    )
)
def test_any_head_raises_nothing(dialect: Dialect, fields: dict[bytes, bytes]) -> None:
    answer = Answer()
    if dialect.read_head is not None:
        dialect.read_head(answer, fields)
    assert_is_an_answer(answer)


@EVERY
def test_no_events_are_nothing(dialect: Dialect) -> None:
    """Bytes that complete no event are no news."""
    answer = Answer()
    dialect.read_events(answer, [])

    assert not answer.has_content
    assert not answer.is_garbled
    assert not answer.has_error
