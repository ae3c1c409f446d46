"""The answer brought nothing: no content and no call of a tool, or only blanks.

Reasoning alone is content here, for some answers are none of text (pictures, sound). An
error that the server reports says nothing: it is counted as an error.
"""

from typing import Final

from gateway.answers.answer import Answer
from gateway.answers.asked import Asked
from gateway.answers.signal import Kind, Signal, Worse


def _measure(asked: Asked, answer: Answer) -> float | None:
    if answer.has_error:
        return None
    if answer.calls or answer.has_refusal:
        return 0.0
    if not answer.content_events:
        return 1.0
    text = answer.text
    is_blank = text.length > 0 and text.head.isspace() and not text.tail.strip()
    return 1.0 if is_blank else 0.0


EMPTY: Final = Signal(
    name="empty", kind=Kind.FLAG, worse=Worse.HIGHER, measure=_measure
)
