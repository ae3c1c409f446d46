"""The text parses as JSON (1.0), where the request wanted JSON.

A fence of backticks around it is not JSON. None when no JSON was wanted, and when the
answer was cut or refused; and when it is longer than what is kept, which is counted.
"""

from typing import Final

from gateway.answers.answer import Answer
from gateway.answers.asked import Asked
from gateway.answers.signal import JSON_WANTED, Kind, Signal, Worse
from gateway.answers.wanted import is_json, is_kept, wanted_json
from gateway.domain.outcome import Outcome


def _measure(asked: Asked, answer: Answer) -> float | None:
    text = wanted_json(asked, answer)
    if text is None:
        return None
    return 1.0 if is_json(text) else 0.0


JSON_VALIDITY: Final = Signal(
    name="json_validity",
    kind=Kind.FLAG,
    worse=Worse.LOWER,
    measure=_measure,
    only=JSON_WANTED,
    verdict=(0.0, Outcome.INVALID),
    can_measure=is_kept,
)
