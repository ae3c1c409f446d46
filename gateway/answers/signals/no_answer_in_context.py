"""The model says that the passages it was given do not hold the answer.

Often that is right, and then the retrieval is to blame; more of it under one version,
with the same retrieval, means a version that gives up earlier. English phrases in the
first 1,000 characters. None without a context, or without a text.
"""

import re
from typing import Final

from gateway.answers.answer import Answer
from gateway.answers.asked import Asked
from gateway.answers.signal import Kind, Signal, Worse

_LOOKED_AT: Final = 1_000

_SOURCES: Final = (
    r"(?:context|documents?|passages?|sources?|excerpts?|articles?|text|materials?"
    r"|information(?: (?:provided|given|available|above))?|search results|knowledge base)"
)
_PHRASES: Final = re.compile(
    _SOURCES + r"\b[^.!?\n]{0,40}?"
    r"\b(?:do(?:es)?|did)(?: not|n't) (?:\w+ )?(?:contain|include|mention|provide|specify"
    r"|state|say|have|address|cover|give|discuss|answer|indicate)"
    r"|\b(?:can(?:not|'t)|could(?: not|n't)|did(?: not|n't)|unable to|not able to) "
    r"(?:find|locate|see|determine|answer)\b[^.!?\n]{0,80}"
    r"\b(?:in|from|on|within|using|based on) (?:the|your|these|this) (?:\w+ ){0,2}"
    + _SOURCES
    + r"|\b(?:no|not (?:any|enough|sufficient)|insufficient) (?:\w+ ){0,2}"
    r"(?:information|mention|answer|details?|data|reference)\b[^.!?\n]{0,60}"
    r"\b(?:in|from|within) (?:the|your|these|this) (?:\w+ ){0,2}" + _SOURCES
)


def _measure(asked: Asked, answer: Answer) -> float | None:
    if not asked.context or not answer.text.length:
        return None
    head = answer.text.head[:_LOOKED_AT].lower().replace("\u2019", "'")
    return 1.0 if _PHRASES.search(head) else 0.0


NO_ANSWER_IN_CONTEXT: Final = Signal(
    name="no_answer_in_context",
    kind=Kind.FLAG,
    worse=Worse.HIGHER,
    measure=_measure,
    is_costly=True,
    needs_prompt=True,
)
