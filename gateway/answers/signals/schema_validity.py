"""The text is JSON that fits the request's schema (1.0).

None when there is no schema, and when the answer was cut or refused; and, which is
counted, when it is longer than what is kept or the schema cannot be checked (see
json_schema.py).
"""

from typing import Final

from gateway.answers.answer import Answer
from gateway.answers.asked import Asked
from gateway.answers.json_schema import fits, is_checkable
from gateway.answers.signal import JSON_WANTED, Kind, Signal, Worse
from gateway.answers.wanted import NOT_JSON, is_kept, parse, wanted_json
from gateway.domain.outcome import Outcome


def _measure(asked: Asked, answer: Answer) -> float | None:
    if asked.schema is None:
        return None
    text = wanted_json(asked, answer)
    if text is None:
        return None
    value = parse(text)
    if value is NOT_JSON:
        return 0.0
    does_fit = fits(asked.schema, value, len(text))
    return None if does_fit is None else float(does_fit)


def _can_measure(asked: Asked, answer: Answer) -> bool:
    if asked.schema is None:
        return True
    text = wanted_json(asked, answer)
    if text is None:
        return is_kept(asked, answer)
    return is_checkable(asked.schema, len(text))


SCHEMA_VALIDITY: Final = Signal(
    name="schema_validity",
    kind=Kind.FLAG,
    worse=Worse.LOWER,
    measure=_measure,
    only=JSON_WANTED,
    verdict=(0.0, Outcome.INVALID),
    can_measure=_can_measure,
)
