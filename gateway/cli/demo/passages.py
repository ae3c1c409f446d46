"""What the demo's users hand in with their questions, and how to read what it says.

A reference answer is a sentence with a place and a year in it. So whoever compares texts
can tell whether an answer contradicts a passage, by nothing but the two.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

MOST: Final = 9
"""Passages of a long request; a short one has one."""

_PLACES: Final = tuple(
    f"{name} {kind}"
    for kind in ("Lock", "Weir", "Mill")
    for name in ("Alder", "Birch", "Cedar", "Elder", "Hazel", "Linden", "Rowan")
)
_FIRST_YEAR: Final = 1741
_STRIDE: Final = 7
_MORE: Final = (
    "Its keeper writes down the level every morning, before the first boat goes by, and "
    "again at dusk. When the river is high the gates stay open for the night; when it is "
    "low they are shut at noon, and boats wait for one another."
)
_PLACE: Final = re.compile(r"\b[A-Z][a-z]+ (?:Lock|Weir|Mill)\b")
_YEAR: Final = re.compile(r"\b1[78][0-9][0-9]\b")
_END_OF_SENTENCE: Final = re.compile(r"[.;!?]\s|\n")

Facts = dict[str, set[str]]
"""The years that a text gives to each place."""


def question(number: int) -> str:
    """Give the question of conversation *number*."""
    return f"When was {_place(number)} built?"


def passages(number: int, *, is_long: bool) -> list[str]:
    """Give what comes with that question; where it is long, about other places too."""
    if not is_long:
        return [_statement(number)]
    others = range(number + 1, number + MOST)
    found = [f"{_statement(other)} {_MORE}" for other in others]
    return [*found[: MOST // 2], f"{_statement(number)} {_MORE}", *found[MOST // 2 :]]


def place_in(text: str) -> str | None:
    """Give the first place that is named in a text."""
    found = _PLACE.search(text)
    return None if found is None else found[0]


def facts_in(text: str) -> Facts:
    """Read a text, sentence by sentence."""
    facts: Facts = {}
    for sentence in _END_OF_SENTENCE.split(text):
        years = _YEAR.findall(sentence)
        for place in _PLACE.findall(sentence) if years else ():
            facts.setdefault(place, set()).update(years)
    return facts


def year_of(place: str, texts: Iterable[str]) -> str | None:
    """Give the year that one of the texts has for *place*; None: none of them."""
    found = (facts_in(text).get(place, set()) for text in texts)
    return next((year for years in found for year in sorted(years)), None)


def contradicted(answer: str, texts: Sequence[str]) -> Iterator[int]:
    """Give the number of each text, from 0, that has another year for the same place."""
    said = facts_in(answer)
    for number, text in enumerate(texts):
        known = facts_in(text)
        if any(known[place].isdisjoint(said[place]) for place in said.keys() & known):
            yield number


def _place(number: int) -> str:
    return _PLACES[number % len(_PLACES)]


def _statement(number: int) -> str:
    year = _FIRST_YEAR + _STRIDE * (number % len(_PLACES))
    return f"{_place(number)} was built in {year}."
