"""What every dialect owes, held against the registry: a new plug is tested by being listed.

A dialect raises nothing, whatever it is given; and what it has read at the end does not
depend on how the network cut the bytes. The transcripts are in transcripts/.
"""

from collections.abc import Iterator
from importlib import import_module

import pytest
from msgspec.structs import replace

from gateway.answers.answer import Answer
from gateway.answers.dialect import Dialect, Framing
from gateway.answers.dialects import DIALECTS
from gateway.answers.events import JsonLines, ServerSentEvents
from tests.contracts.transcripts.transcript import Request, Transcript

EVERY = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda d: d.name)


def transcripts_of(dialect: Dialect) -> tuple[Transcript, ...]:
    found = import_module(f"tests.contracts.transcripts.{dialect.name}").TRANSCRIPTS
    assert isinstance(found, tuple)
    return found


def requests_of(dialect: Dialect) -> tuple[Request, ...]:
    found = import_module(f"tests.contracts.transcripts.{dialect.name}").REQUESTS
    assert isinstance(found, tuple)
    return found


def every_transcript(*, is_stream: bool) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("dialect", "transcript"),
        [
            pytest.param(dialect, each, id=f"{dialect.name}-{each.name}")
            for dialect in DIALECTS.values()
            for each in transcripts_of(dialect)
            if (each.framing is not None) is is_stream
        ],
    )


every_request = pytest.mark.parametrize(
    ("dialect", "request_"),
    [
        pytest.param(dialect, each, id=f"{dialect.name}-{each.name}")
        for dialect in DIALECTS.values()
        for each in requests_of(dialect)
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
    assert transcripts_of(dialect)
    assert requests_of(dialect)


@every_request
def test_a_request_asks_what_its_transcript_says(
    dialect: Dialect, request_: Request
) -> None:
    assert dialect.read_request(request_.body, True) == request_.asked


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
