"""Characters of the answer's text; not tokens, and not good or bad by itself."""

from typing import Final

from gateway.answers.answer import Answer
from gateway.answers.asked import Asked
from gateway.answers.signal import Kind, Signal, Worse


def _measure(asked: Asked, answer: Answer) -> float | None:
    return float(answer.text.length)


OUTPUT_LENGTH: Final = Signal(
    name="output_length", kind=Kind.AMOUNT, worse=Worse.NEITHER, measure=_measure
)
