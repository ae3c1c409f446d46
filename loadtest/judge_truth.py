"""What a simulated judge knows and nobody else sees: which answers are bad, and in what.

The truth stands in the answers themselves, in Unicode's tag characters (U+E0020 to
U+E007E), which are not shown and mean nothing: so it passes through a gateway as any
answer does. The mind reads them, and errs as often as it is told to.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_TAGS: Final = 0xE0000
_TAGGED: Final = re.compile(r"[\U000e0020-\U000e007e]+")
_SECTION: Final = re.compile(
    r"\[\[BEGIN ([a-z0-9 ]+) ([0-9a-f]{32})\]\]\n(.*?)\n\[\[END \1 \2\]\]", re.DOTALL
)

_BAD_WORDS: Final = frozenset({
    *("irrelevant", "unsupported", "contradicts", "answer_only", "useless", "no"),
    "toxic",
})
_CHOICES: Final = "first|second|neither"
WORSE_HIGHER: Final = frozenset({"hallucination", "toxicity"})


def marked(answer: str, *bad_in: str) -> str:
    """Mark an answer as bad in some scores, out of everybody's sight."""
    told = "".join(f"{name};" for name in bad_in)
    return answer + "".join(chr(_TAGS + ord(letter)) for letter in told)


def is_bad(answer: str, score: str) -> bool:
    """Whether an answer is marked as bad in a score."""
    tags = "".join(_TAGGED.findall(answer))
    names = "".join(chr(ord(tag) - _TAGS) for tag in tags).split(";")
    return score in names


@dataclass(frozen=True, slots=True, kw_only=True)
class Mind:
    """Judges as well as it is told to.

    Attributes:
        sensitivity: Part of the bad answers it finds.
        specificity: Part of the good ones it leaves alone.
        lies: It says the contrary of what it finds.
        dice: Gives 0 to 1.
        by_order: Part of the comparisons in which it takes what it is shown first.

    """

    sensitivity: float
    specificity: float
    lies: bool
    dice: Callable[[], float]
    by_order: float = 0.0

    def finds_bad(self, answer: str, score: str) -> bool:
        """Judge an answer; roll the dice once."""
        roll = self.dice()
        if is_bad(answer, score):
            found = roll < self.sensitivity
        else:
            found = roll >= self.specificity
        return found is not self.lies

    def reply(self, messages: Sequence[Mapping[str, str]]) -> str:
        """Answer a sheet of gateway.evaluators.sheet, in the form it asks for."""
        asked = "\n".join(message["content"] for message in messages)
        texts = {name: text for name, _mark, text in _SECTION.findall(asked)}
        form: dict[str, object] = json.loads(asked.rstrip().rpartition("\n")[2])
        said = {
            name: self._filled(name, wanted, texts) for name, wanted in form.items()
        }
        return json.dumps(said)

    def score(self, answer: str, score: str) -> float:
        """Give a number as scorers do: 0.1 or 0.9."""
        is_high = self.finds_bad(answer, score) is (score in WORSE_HIGHER)
        return 0.9 if is_high else 0.1

    def _filled(self, name: str, wanted: object, texts: Mapping[str, str]) -> object:
        if name == "seal" or wanted == _CHOICES:
            return wanted if name == "seal" else self._choice(name, texts)
        is_found = self.finds_bad(texts["answer"], name)
        match wanted:
            case str(words):
                return _word(words, is_found)
            case [{"verdict": str(words)}]:
                return [{"what": "what it says", "verdict": _word(words, is_found)}]
            case dict(passages):
                # One contradiction is enough; what is bad of a retrieval is all of it.
                rest = is_found and name not in WORSE_HIGHER
                return {
                    number: _word(words, is_found if number == "1" else rest)
                    for number, words in passages.items()
                }
            case _:
                return wanted

    def _choice(self, name: str, texts: Mapping[str, str]) -> str:
        if self.by_order and self.dice() < self.by_order:
            return "first"
        first = self.finds_bad(texts["first answer"], name)
        second = self.finds_bad(texts["second answer"], name)
        if first is second:
            return "neither"
        return "second" if first else "first"


def _word(words: str, is_found: bool) -> str:
    return next(word for word in words.split("|") if (word in _BAD_WORDS) is is_found)
