"""Whose texts are judged, and what is told of them: decided on arrival, by a hash.

Where a service has no evaluators there is no Sampler, and nothing is hashed, read or kept.
"""

import re
from collections import deque
from collections.abc import Callable
from math import ceil
from typing import Final, NamedTuple

import mmh3

from gateway.answers.asked import LONGEST_PASSAGE, MOST_PASSAGES, Asked, texts_in
from gateway.answers.reading import Reading
from gateway.domain.evaluation import DRAWS
from gateway.domain.outcome import ERRORS, Outcome
from gateway.domain.service import Service
from gateway.handoff.samples import Texts
from gateway.proxy.units import Unit
from gateway.routing.json_pointer import JsonText, split_pointer

CONTEXT: Final = 4
"""All passages of a request together may be so many times as long as one text."""

CUT: Final = " … "
"""Stands where something was left out."""

_SEED: Final = 0x6C0D
"""Of the draw's hash: it must agree neither with the split's nor with the signals'."""

_TAIL: Final = 5  # of a text that is cut, a fifth is its end
_WORD: Final = re.compile(r"[!-~]*+(?:[ \t][0-9()+.-]++){0,8}+")
"""What may be half a secret, at a cut: a word, and a number written with blanks."""

_BEHIND: Final = 3
"""Words behind the name of a secret in which it may stand: `Authorization: Bearer …`."""

_ANY_WORD: Final = re.compile(r"\S+")
_NAME: Final = re.compile(r"[:=]|--|bearer", re.IGNORECASE)
_GOES_ON: Final = re.compile(r"[:=]|[0-9()+./-]+$")
_DIGIT: Final = re.compile(r"[0-9]")

_UNSAID: Final = ERRORS | {Outcome.CLIENT_ERROR, Outcome.CLIENT_CANCELLED}
"""Outcomes of which there is no answer to judge."""

NO_TEXTS: Final = Texts(
    prompt=None, context=(), reference=None, answer=None, is_cut=False
)
"""What is told of an exchange without an answer. Never changed."""


class Drawn(NamedTuple):
    """An exchange that is sampled. See handoff.samples.Sample."""

    draw: int
    fingerprint: int
    is_evidence: bool


class Sampler:
    """Chooses exchanges of one service, and takes down their texts.

    Args:
        service: Has evaluators.
        dice: Gives a number from 0 to 1, for exchanges without a key.

    """

    __slots__ = ("_dice", "_limit", "_longest", "_reference", "_together")

    def __init__(self, service: Service, dice: Callable[[], float]) -> None:
        self._dice = dice
        judges = service.evaluators
        self._limit: int = ceil(max(each.sample for each in judges) * DRAWS)
        together = [each.sample for each in judges if each.compares]
        self._together: int = ceil(max(together, default=0.0) * DRAWS)
        sampling = service.sampling
        self._longest: int = sampling.longest
        place = sampling.reference
        self._reference: tuple[str, ...] | None = (
            None if place is None else split_pointer(place)
        )

    def first(
        self,
        unit: Unit,
        reading: Reading | None,
        key: bytes | None,
        *,
        has_slices: bool = False,
    ) -> Drawn | None:
        """Draw for an exchange that a coin decided; None: it is not sampled.

        Args:
            unit: Of a key's exchanges only the first can be evidence of what was said.
            reading: Reads it.
            key: Its sticky key: the same one always draws the same.
            has_slices: It may be its key's first in a slice, which its body may have yet
                to tell: see Observation.claim_slices.

        """
        if unit.nth > 1 and unit.nth_in_window > 1 and not has_slices:
            return None
        return self._drawn(reading, key, unit.fingerprint, is_evidence=True)

    def copied(
        self, unit: Unit, reading: Reading | None, key: bytes | None
    ) -> Drawn | None:
        """Draw for an exchange that may be mirrored; as `first`, for any of a key's."""
        return self._drawn(reading, key, unit.fingerprint, is_evidence=False)

    def _drawn(
        self,
        reading: Reading | None,
        key: bytes | None,
        fingerprint: int,
        *,
        is_evidence: bool,
    ) -> Drawn | None:
        if reading is None or not reading.dialect.is_text:
            return None
        if key is None:
            draw = int(self._dice() * DRAWS)
        else:
            draw = mmh3.hash(key, _SEED, False)
        return Drawn(draw, fingerprint, is_evidence) if draw < self._limit else None

    def is_compared(self, drawn: Drawn) -> bool:
        """Whether somebody will see both answers to a mirrored request side by side."""
        return drawn.draw < self._together

    def reference_in(self, request: bytes) -> str | None:
        """Give the right answer, where a request carries one; bounded."""
        if self._reference is None:
            return None
        found = texts_in(JsonText(request).raw(self._reference))
        return found[0][:LONGEST_PASSAGE] or None if found else None

    def texts(self, reading: Reading, outcome: Outcome) -> Texts:
        """Take down what was asked and said; of a failure nothing."""
        scissors = _Scissors(self._longest)
        said = scissors.said(reading, outcome)
        if said is None:
            return NO_TEXTS
        asked = reading.asked
        return Texts(
            prompt=scissors.prompt(asked),
            context=scissors.context(asked.context),
            reference=scissors.passage(asked.reference),
            answer=said,
            is_cut=scissors.have_cut,
        )


class _Scissors:
    """Makes texts as short as they must be.

    Attributes:
        have_cut: Whether anything was left out so far.

    """

    __slots__ = ("_longest", "have_cut")

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self.have_cut = False

    def said(self, reading: Reading, outcome: Outcome) -> str | None:
        """Shorten an answer; None: there is none to judge, or it could not be read."""
        if outcome in _UNSAID or not reading.is_begun or reading.is_unread:
            return None
        text = reading.answer.text
        if text.length <= self._longest:
            return text.kept or None
        return self._ends_of(text.head, text.kept)

    def prompt(self, asked: Asked) -> str | None:
        """Shorten what was asked; of a long one both ends, where the question is."""
        text = asked.prompt
        if text is None or len(text) + len(asked.prompt_end) <= self._longest:
            return text
        return self._ends_of(text, text + asked.prompt_end)

    def passage(self, text: str | None) -> str | None:
        """Shorten what a reader has bounded to LONGEST_PASSAGE."""
        if text is None or len(text) < min(self._longest, LONGEST_PASSAGE):
            return text
        if len(text) < LONGEST_PASSAGE:
            return self._ends_of(text, text) if len(text) > self._longest else text
        self.have_cut = True  # as far as anybody knows
        return _without_last_word(text[: self._longest - len(CUT)]) + CUT

    def context(self, passages: tuple[str, ...]) -> tuple[str, ...]:
        """Shorten passages: the first ones are kept, as they are the nearest."""
        left = CONTEXT * self._longest
        self.have_cut |= len(passages) >= MOST_PASSAGES  # as far as anybody knows
        kept: list[str] = []
        for text in passages:
            passage = self.passage(text) or ""
            left -= len(passage)
            if left < 0:
                self.have_cut = True
                break
            kept.append(passage)
        return tuple(kept)

    def _ends_of(self, beginning: str, end: str) -> str:
        """Keep both ends, and no half of a word there: it may be half a secret."""
        self.have_cut = True
        tail = self._longest // _TAIL
        head = _without_last_word(beginning[: self._longest - tail])
        return head + CUT + _without_first_words(end[-tail:])


def _without_last_word(text: str) -> str:
    """Leave out what may go on behind the cut."""
    found = _WORD.match(text[::-1])
    return text[: len(text) - found.end()] if found is not None else text


def _without_first_words(text: str) -> str:
    """Leave out what may have begun before the cut, or whose name stood there.

    A secret may be known by what is before it alone: its name (`password: …`), or its
    first digits. So some words are left out, and more until none of them is such a thing,
    at the longest half of what there is.
    """
    before = deque[re.Match[str]](maxlen=_BEHIND)
    for place, word in enumerate(_ANY_WORD.finditer(text, 0, len(text) // 2)):
        if place and not _goes_on(before[-1][0], word[0]):
            if "\n" in text[before[-1].end() : word.start()]:
                is_free = before[-1][0][-1] not in ":="
            else:
                is_free = place > _BEHIND and not any(
                    _NAME.search(w[0]) for w in before
                )
            if is_free:
                return text[word.start() :]
        before.append(word)
    return _WORD.sub("", text, count=1)


def _goes_on(last: str, word: str) -> bool:
    """Whether a number, or what has a name, may have begun before this word."""
    return _GOES_ON.match(word) is not None or _DIGIT.search(last) is not None
