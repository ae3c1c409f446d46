"""When the body of an answer is read: where it is what was asked for, and there is one."""

from typing import Final

from gateway.answers.reading import Reading
from gateway.wire.answer_head import AnswerHead, Body

_FIRST_GOOD: Final = 200
_FIRST_OTHER: Final = 300
_RESET: Final = 205  # has no body, though its head may announce one of no length
_NO_BODY: Final = Body.NONE


def is_good(head: AnswerHead) -> bool:
    """Whether a status says that this is what was asked for."""
    status = head.status
    return _FIRST_GOOD <= status < _FIRST_OTHER and status != _RESET


def begin_reading(reading: Reading, head: AnswerHead) -> None:
    """Prepare for an answer's body, if it has one and is no error."""
    if is_good(head) and head.body is not _NO_BODY:
        fields = head.fields
        reading.begin(
            fields,
            fields.get(b"content-type", b""),
            fields.get(b"content-encoding", b""),
        )
