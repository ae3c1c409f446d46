"""Share of the answer's pairs of neighbouring content words that the context has too.

Lexical: a faithful paraphrase scores low, a false sentence made of the context's words
scores high. It is neither faithfulness nor the opposite of hallucination, which need a
model to judge them. None without a context, or without a pair in the answer.
"""

from itertools import pairwise
from typing import Final

from gateway.answers.answer import Answer
from gateway.answers.asked import Asked
from gateway.answers.signal import Kind, Signal, Worse
from gateway.answers.terms import joined_context, terms_of


def _measure(asked: Asked, answer: Answer) -> float | None:
    if not asked.context:
        return None
    pairs = set(pairwise(terms_of(answer.text.kept)))
    if not pairs:
        return None
    known = pairs.intersection(pairwise(terms_of(joined_context(asked.context))))
    return len(known) / len(pairs)


GROUNDING_PROXY: Final = Signal(
    name="grounding_proxy",
    kind=Kind.SCORE,
    worse=Worse.LOWER,
    measure=_measure,
    is_costly=True,
    needs_prompt=True,
)
