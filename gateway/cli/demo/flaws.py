"""What goes wrong in the candidate's answers, and when. The status is 200 every time.

Which answer is flawed is decided by counting, not by dice, so that every performance
shows the same. Each flaw has the name of the outcome that a gateway should find.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.domain.outcome import Outcome

STREAM_CYCLE: Final = 25
WHOLE_CYCLE: Final = 10

_IN_STREAMS: Final[Mapping[int, Outcome]] = MappingProxyType({
    4: Outcome.REFUSED,
    9: Outcome.STREAM_ERROR,
    13: Outcome.DEGENERATE,
    17: Outcome.TRUNCATED,
    21: Outcome.LENGTH,
})
_IN_WHOLE_ANSWERS: Final[Mapping[int, Outcome]] = MappingProxyType({5: Outcome.REFUSED})
_UNDER_LOAD: Final = frozenset({Outcome.STREAM_ERROR, Outcome.TRUNCATED})
_CALM: Final = 8
"""Answers at a time; with more than these the candidate is under load."""


def flaw(number: int, *, is_stream: bool, at_a_time: int) -> Outcome:
    """Tell how the candidate's next answer shall come out.

    Args:
        number: How many streams, or whole answers, came before this one.
        is_stream: Which of the two it is.
        at_a_time: Answers that the server gives at this moment, with this one.

    Returns:
        COMPLETE for most of them.

    """
    if is_stream:
        found = _IN_STREAMS.get(number % STREAM_CYCLE, Outcome.COMPLETE)
    else:
        found = _IN_WHOLE_ANSWERS.get(number % WHOLE_CYCLE, Outcome.COMPLETE)
    if found in _UNDER_LOAD and at_a_time <= _CALM:
        return Outcome.COMPLETE
    return found


def words_of(outcome: Outcome, answer: str) -> list[str]:
    """Give the words of an answer that is *answer* where nothing goes wrong."""
    words = answer.split()
    match outcome:
        case Outcome.REFUSED:
            return ["I'm", "sorry,", "but", "I", "can't", "help", "with", "that."]
        case Outcome.DEGENERATE:
            return [*words[:2], *(["open", "it", "a", "little,", "then"] * 6)]
        case Outcome.LENGTH | Outcome.STREAM_ERROR | Outcome.TRUNCATED:
            return words[: len(words) // 2]
        case _:
            return words
