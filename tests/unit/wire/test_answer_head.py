"""How an answer's body ends, and which of its fields pass."""

import pytest

from gateway.wire.answer_head import (
    ANSWER_LINES,
    AnswerHead,
    BadAnswer,
    Body,
    read_answer_head,
)


def read(
    *fields: tuple[bytes, bytes], status: int = 200, to_head: bool = False
) -> AnswerHead:
    understood = [ANSWER_LINES.field(*field) for field in fields]
    return read_answer_head(status, b"", understood, to_head)


LENGTH = (b"Content-Length", b"7")
CHUNKED = (b"Transfer-Encoding", b"chunked")


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (read(LENGTH), Body.LENGTH),
        (read(CHUNKED), Body.CHUNKED),
        (read(), Body.UNTIL_CLOSE),
        (read(LENGTH, status=204), Body.NONE),
        (read(LENGTH, status=304), Body.NONE),
        (read(CHUNKED, to_head=True), Body.NONE),
        (read(status=100), Body.NONE),
    ],
)
def test_the_end_of_the_body_is_known_from_the_head(
    head: AnswerHead, body: Body
) -> None:
    assert head.body is body


def test_the_length_is_kept_for_head_requests() -> None:
    assert read(LENGTH, to_head=True).content_length == 7


@pytest.mark.parametrize("coding", [b"gzip", b"gzip, chunked", b"identity"])
def test_unknown_codings_are_a_bad_answer(coding: bytes) -> None:
    with pytest.raises(BadAnswer):
        read((b"Transfer-Encoding", coding))


@pytest.mark.parametrize("status", [101, 99, 1000])
def test_a_status_nobody_asked_for_is_a_bad_answer(status: int) -> None:
    with pytest.raises(BadAnswer):
        read(status=status)


def test_hop_by_hop_and_our_own_fields_do_not_pass() -> None:
    head = read(
        (b"Connection", b"x-hop"),
        (b"X-Hop", b"1"),
        (b"Keep-Alive", b"timeout=5"),
        (b"X-Sluicegate-Version", b"forged"),
        (b"Set-Cookie", b"a=1"),
        (b"Set-Cookie", b"b=2"),
        LENGTH,
    )

    assert head.block == b"".join([b"Set-Cookie: a=1\r\n", b"Set-Cookie: b=2\r\n"])


@pytest.mark.parametrize("framing", [LENGTH, CHUNKED])
def test_an_interim_answer_has_no_body(framing: tuple[bytes, bytes]) -> None:
    """What the parser takes for one would stand before the answer that follows."""
    with pytest.raises(BadAnswer):
        read(framing, status=104)

    assert read((b"Content-Length", b"0"), status=103).is_interim
