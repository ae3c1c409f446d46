"""The answer ends in the middle: a token limit cut it, or no reason came why it stopped.

A content filter's cut is not counted: that is an outcome of its own. An answer that
never began has no middle.
"""

from typing import Final

from gateway.answers.answer import Answer, Finish
from gateway.answers.asked import Asked
from gateway.answers.signal import Kind, Signal, Worse

_MISSING: Final = frozenset({None, Finish.LENGTH})


def _measure(asked: Asked, answer: Answer) -> float | None:
    finishes = answer.finishes
    if not answer.content_events and not finishes:
        return None
    is_whole = finishes and _MISSING.isdisjoint(finishes.values())
    return 0.0 if is_whole else 1.0


TRUNCATION: Final = Signal(
    name="truncation", kind=Kind.FLAG, worse=Worse.HIGHER, measure=_measure
)
