"""The end of the answer loops.

Either one unit of 1 to 200 characters stands there at least four times in a row, over
60 characters or more; or more than half of the four-word sequences of the last 2,000
characters have been there before ("seq-rep-4", Welleck et al. 2020, arXiv 1908.04319:
about 0.01 in human text, 0.4 to 0.7 in degenerate decoding). The second rule counts
words, and so sees nothing where a script has no spaces.

It is no judgement on taste: a table's rule of 60 dashes at the very end is a loop too.
"""

from typing import Final

from gateway.answers.answer import Answer
from gateway.answers.asked import Asked
from gateway.answers.signal import Kind, Signal, Worse
from gateway.domain.outcome import Outcome

_LONGEST_UNIT: Final = 200
_LEAST_TIMES: Final = 4
_LEAST_CHARACTERS: Final = 60

# The last characters of a loop stand one unit before as well. 44 is the most that must:
# a unit of 15, four times, leaves 45.
_PROBE: Final = 44

_LOOKED_AT: Final = 2_000
_SHORT_PROBE: Final = 14  # about two words and a half; twice in a text is no loop
_LEAST_SEEN: Final = 4
_LEAST_SEQUENCES: Final = 40
_MOST_SHARE: Final = 0.5


def _ends_in_a_loop(text: str) -> bool:
    """Whether a unit repeats at the end; at most 200 comparisons."""
    length = len(text)
    probe = text[-_PROBE:]
    first = max(0, length - _PROBE - _LONGEST_UNIT)
    found = text.rfind(probe, first, length - 1)
    while found >= 0:
        unit = length - _PROBE - found
        span = max(_LEAST_CHARACTERS, unit * _LEAST_TIMES)
        if span <= length and text[-span + unit :] == text[-span:-unit]:
            return True
        found = text.rfind(probe, first, found + _PROBE - 1)
    return False


def _repeats_words(text: str) -> bool:
    words = text.split()
    sequences = list(zip(words, words[1:], words[2:], words[3:], strict=False))
    if len(sequences) < _LEAST_SEQUENCES:
        return False
    return 1 - len(set(sequences)) / len(sequences) > _MOST_SHARE


def _measure(asked: Asked, answer: Answer) -> float | None:
    kept = answer.text.kept
    if not kept:
        return None
    if len(kept) < _LEAST_CHARACTERS:
        return 0.0
    end = kept[-_LOOKED_AT:]
    if _ends_in_a_loop(end):
        return 1.0
    # What loops has the words near its end in it several times; other text has not.
    probe = end[-_PROBE : _SHORT_PROBE - _PROBE]
    if end.count(probe) < _LEAST_SEEN:
        return 0.0
    return 1.0 if _repeats_words(end) else 0.0


REPETITION: Final = Signal(
    name="repetition",
    kind=Kind.FLAG,
    worse=Worse.HIGHER,
    measure=_measure,
    verdict=(1.0, Outcome.DEGENERATE),
)
