"""Share of the prompt's content words that the answer takes up.

Lexical: a right and short answer ("Paris.") scores low, an answer that only repeats the
question scores high. It is not response relevance, which needs a model or embeddings.
None without content words in the prompt, or without a text.
"""

from typing import Final

from gateway.answers.answer import Answer
from gateway.answers.asked import Asked
from gateway.answers.signal import Kind, Signal, Worse
from gateway.answers.terms import MOST_PROMPT, terms_of


def _measure(asked: Asked, answer: Answer) -> float | None:
    if not asked.prompt or not answer.text.length:
        return None
    wanted = set(terms_of(asked.prompt[:MOST_PROMPT]))
    if not wanted:
        return None
    return len(wanted.intersection(terms_of(answer.text.kept))) / len(wanted)


RELEVANCE_PROXY: Final = Signal(
    name="relevance_proxy",
    kind=Kind.SCORE,
    worse=Worse.LOWER,
    measure=_measure,
    is_costly=True,
    needs_prompt=True,
)
