"""The judgement of an answer: what it turned out to be, however it was sent.

A 200 is no success, and neither is [DONE]: servers send an error event and then [DONE]
(vLLM, SGLang), and a proxy between may turn a cut into a clean end. A stream is complete
when as many choices came as were asked for, each has a reason why it stopped, the
dialect's own end mark came, and the transport ended well.
"""

from collections.abc import Collection
from enum import Enum, auto
from typing import Final

from gateway.answers.answer import Answer, Finish
from gateway.domain.outcome import Outcome


class Ending(Enum):
    """How the transport of an answer ended."""

    WHOLE = auto()
    CUT = auto()  # by the endpoint, or by its silence
    LEFT = auto()  # by the client


_WHOLE: Final = Ending.WHOLE
_STOP: Final = Finish.STOP
_COMPLETE: Final = Outcome.COMPLETE

_OUTCOMES: Final = {
    Finish.CONTENT_FILTER: Outcome.CONTENT_FILTER,
    Finish.REFUSAL: Outcome.REFUSED,
    Finish.LENGTH: Outcome.LENGTH,
}

_ORDER: Final = (
    Outcome.CONTENT_FILTER,
    Outcome.REFUSED,
    Outcome.LENGTH,
    Outcome.INVALID,
    Outcome.EMPTY,
    Outcome.DEGENERATE,
)
"""Of several, the first counts: it explains those behind it."""


def judge(
    answer: Answer,
    ending: Ending,
    found: Collection[Outcome],
    is_stream: bool,
    choices: int,
) -> Outcome:
    """Judge an answer with a 2xx status that was read.

    Args:
        answer: What came.
        ending: How its transport ended. A client may leave because it has all it
            wants (it closes after [DONE]) or because it got an error: such an answer is
            judged by what came.
        found: What signals found it to be: REFUSED, INVALID, EMPTY or DEGENERATE.
        is_stream: Whether it came as a stream of events.
        choices: How many were asked for; 1 when that is not known.

    """
    if answer.has_error or answer.is_garbled:
        return Outcome.STREAM_ERROR
    if (
        ending is _WHOLE
        and not found
        and not answer.has_refusal
        and answer.content_events
        and answer.is_terminated
        and choices == 1
        and _has_stopped(answer)
    ):
        return _COMPLETE  # as most do
    is_all = not is_stream or (answer.is_terminated and answer.is_finished)
    is_all &= not _lacks_some(answer, choices)
    if ending is not _WHOLE and not (ending is Ending.LEFT and is_stream and is_all):
        is_cut = ending is Ending.CUT
        return Outcome.TRUNCATED if is_cut else Outcome.CLIENT_CANCELLED
    if not is_all:
        return Outcome.TRUNCATED
    return _of_content(answer, found)


def _has_stopped(answer: Answer) -> bool:
    """Whether the only choice stopped of itself."""
    finishes = answer.finishes
    return len(finishes) == 1 and finishes.get(0) is _STOP


def _lacks_some(answer: Answer, choices: int) -> bool:
    """Whether some choices are missing; where none is there, the answer is empty."""
    return 0 < len(answer.finishes) < choices and not answer.has_gaps


def _of_content(answer: Answer, found: Collection[Outcome]) -> Outcome:
    seen = {_OUTCOMES[why] for why in answer.finishes.values() if why in _OUTCOMES}
    if answer.has_refusal:
        seen.add(Outcome.REFUSED)
    if not (answer.has_content or answer.has_gaps):
        seen.add(Outcome.EMPTY)
    seen.update(found)
    if not seen:
        return _COMPLETE
    return next(outcome for outcome in _ORDER if outcome in seen)
