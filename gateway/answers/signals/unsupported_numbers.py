"""Share of the answer's numbers that stand neither in the context nor in the prompt.

A number that was rightly computed from others counts as unsupported, and one that is
taken from the wrong place as supported. Marks of a list's items and of citations are no
numbers. None without a context, or without a number in the answer.
"""

import re
from typing import Final

from gateway.answers.answer import Answer
from gateway.answers.asked import Asked
from gateway.answers.signal import Kind, Signal, Worse
from gateway.answers.terms import MOST_PROMPT, joined_context

_NUMBER: Final = re.compile(r"[0-9]+(?:[.,][0-9]+)*")
_MARK: Final = re.compile(
    r"^[ \t]{0,8}[0-9]{1,3}[.)][ \t]|\[[0-9]{1,3}\]", re.MULTILINE
)
_GROUPED: Final = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")


def _plain(number: str) -> str:
    """Write "1,250.50", "1250,5" and "1250.50" alike; "1.250" stays what it may be."""
    if "," in number:
        is_grouped = _GROUPED.fullmatch(number) is not None
        number = number.replace(",", "" if is_grouped else ".")
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    return number.lstrip("0") or "0"


def _numbers(text: str) -> set[str]:
    return set(map(_plain, _NUMBER.findall(text)))


def _measure(asked: Asked, answer: Answer) -> float | None:
    if not asked.context:
        return None
    said = _numbers(_MARK.sub("", answer.text.kept))
    if not said:
        return None
    known = _numbers(joined_context(asked.context))
    known |= _numbers((asked.prompt or "")[:MOST_PROMPT])
    return len(said - known) / len(said)


UNSUPPORTED_NUMBERS: Final = Signal(
    name="unsupported_numbers",
    kind=Kind.SCORE,
    worse=Worse.HIGHER,
    measure=_measure,
    is_costly=True,
    needs_prompt=True,
)
