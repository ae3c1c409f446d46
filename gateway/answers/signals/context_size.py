"""Characters of the retrieved passages in the request: a property of the retrieval.

It comes before the version has said anything. A difference between versions means that
the split is not even, or that the application itself knows the version.
"""

from typing import Final

from gateway.answers.answer import Answer
from gateway.answers.asked import Asked
from gateway.answers.signal import Kind, Signal, Worse


def _measure(asked: Asked, answer: Answer) -> float | None:
    if not asked.context:
        return None
    return float(sum(map(len, asked.context)))


CONTEXT_SIZE: Final = Signal(
    name="context_size",
    kind=Kind.AMOUNT,
    worse=Worse.NEITHER,
    measure=_measure,
    needs_prompt=True,
)
