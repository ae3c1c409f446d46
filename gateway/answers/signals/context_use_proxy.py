"""Share of the answer's content words that stand somewhere in the context.

Single words, where `grounding_proxy` takes pairs: it is easier to reach, and says less.
Lexical; synonyms and other languages count as not used. None without a context, or
without content words in the answer.
"""

from typing import Final

from gateway.answers.answer import Answer
from gateway.answers.asked import Asked
from gateway.answers.signal import Kind, Signal, Worse
from gateway.answers.terms import terms_of, terms_of_context


def _measure(asked: Asked, answer: Answer) -> float | None:
    if not asked.context:
        return None
    said = set(terms_of(answer.text.kept))
    if not said:
        return None
    return len(said & terms_of_context(asked.context)) / len(said)


CONTEXT_USE_PROXY: Final = Signal(
    name="context_use_proxy",
    kind=Kind.SCORE,
    worse=Worse.LOWER,
    measure=_measure,
    is_costly=True,
    needs_prompt=True,
)
