"""Sub-socket: a rubric is one thing a language model is asked about an answer.

To add one: write rubrics/<name>.py with one constant, list it in rubrics/__init__.py.
tests/contracts/test_every_rubric.py then holds it to the rules, and README.md must name it.

A model is never asked for a number where one can be counted: it lists claims, or goes
through the passages, with a verdict for each out of a few words, and the rubric does the
arithmetic. Numbers that models give are rough, cluster at 0.8, and differ by model.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from gateway.domain.evaluation import Score
from gateway.domain.rollout import Worse
from gateway.handoff.samples import Texts

MOST_ITEMS: Final = 8
"""What a model is asked to list at most: each takes some twenty tokens of its reply."""

_MOST_READ: Final = 64
_LONGEST_WHAT: Final = 500
_NOTHING_YET: Final = "..."
"""In the form that is shown, where a model writes down what its verdict is about."""


class Unreadable(ValueError):
    """What a model said is no verdict of this rubric."""


class Needs(Enum):
    """What a request must have, besides an answer, for a rubric to say anything."""

    PROMPT = auto()
    CONTEXT = auto()
    REFERENCE = auto()


class Form(Protocol):
    """How a model is to write down its verdicts, and how they are read."""

    @property
    def verdicts(self) -> tuple[str, ...]:
        """The words it may choose from."""

    def schema(self, passages: int) -> dict[str, object]:
        """Give it as a JSON Schema, of the part that OpenAI's strict mode takes."""

    def example(self, passages: int) -> object:
        """Give it as an example that says nothing of what is right."""

    def read(self, said: object, passages: int) -> list[str]:
        """Take the verdicts out of a reply.

        Raises:
            Unreadable: They are not there, or not all of them.

        """


@dataclass(frozen=True, slots=True)
class Items:
    """A list: what it is about, in a few words, and then the verdict."""

    verdicts: tuple[str, ...]

    def schema(self, passages: int) -> dict[str, object]:
        """See Form."""
        item = strict_object({
            "what": {"type": "string"},
            "verdict": _words(self.verdicts),
        })
        return {"type": "array", "items": item, "maxItems": MOST_ITEMS}

    def example(self, passages: int) -> object:
        """See Form."""
        return [{"what": _NOTHING_YET, "verdict": "|".join(self.verdicts)}]

    def read(self, said: object, passages: int) -> list[str]:
        """See Form."""
        if not isinstance(said, list) or len(said) > _MOST_READ:
            raise Unreadable("no list of items, or one too long")
        return [self._verdict(item) for item in said]

    def _verdict(self, item: object) -> str:
        match item:
            case {"what": str(what), "verdict": str(verdict), **rest} if not rest:
                # Small models repeat the form, with the first word: nothing was judged.
                is_named = len(what) <= _LONGEST_WHAT and what != _NOTHING_YET
                if is_named and verdict in self.verdicts:
                    return verdict
        raise Unreadable("an item that is none")


@dataclass(frozen=True, slots=True)
class EachPassage:
    """One verdict for each passage, under its number: none can be left out, or come twice."""

    verdicts: tuple[str, ...]

    def schema(self, passages: int) -> dict[str, object]:
        """See Form."""
        return strict_object(dict.fromkeys(_numbers(passages), _words(self.verdicts)))

    def example(self, passages: int) -> object:
        """See Form."""
        return dict.fromkeys(_numbers(passages), "|".join(self.verdicts))

    def read(self, said: object, passages: int) -> list[str]:
        """See Form."""
        if not isinstance(said, dict) or {*said} != {*_numbers(passages)}:
            raise Unreadable("not a verdict for each passage")
        found = [said[number] for number in _numbers(passages)]
        if not all(isinstance(verdict, str) for verdict in found):
            raise Unreadable("a verdict that is none")
        if not {*found} <= {*self.verdicts}:
            raise Unreadable("an unknown verdict")
        return found


@dataclass(frozen=True, slots=True)
class One:
    """A single verdict."""

    verdicts: tuple[str, ...]

    def schema(self, passages: int) -> dict[str, object]:
        """See Form."""
        return _words(self.verdicts)

    def example(self, passages: int) -> object:
        """See Form."""
        return "|".join(self.verdicts)

    def read(self, said: object, passages: int) -> list[str]:
        """See Form."""
        if isinstance(said, str) and said in self.verdicts:
            return [said]
        raise Unreadable("an unknown verdict")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rubric:
    """What is asked, and what the verdicts amount to.

    Attributes:
        score: Its name, and what it is where a configuration does not say otherwise.
        version: Raised with every change of what is asked or counted.
        needs: See Needs.
        reads_too: What is shown where it is there, and not needed.
        asks: What the model is told to do.
        form: See Form.
        count: Gives 0.0 to 1.0 for verdicts in their order.
        flag_from: As a flag, it is 1 from here on.
        compares: What makes one of two answers the better one; None: it says nothing of
            answers, but of what the request carried.

    """

    score: Score
    version: int
    needs: frozenset[Needs]
    asks: str
    form: Form
    count: Callable[[Sequence[str]], float]
    flag_from: float
    compares: str | None
    reads_too: frozenset[Needs] = frozenset()

    @property
    def name(self) -> str:
        """The score's."""
        return self.score.name

    def can_judge(self, texts: Texts) -> bool:
        """Whether there is what it needs."""
        return bool(texts.answer) and all(_HAS[need](texts) for need in self.needs)

    def value(self, said: object, passages: int, *, is_flag: bool) -> float:
        """Count what a model said.

        Raises:
            Unreadable: It is no verdict.

        """
        value = self.count(self.form.read(said, passages))
        return float(value >= self.flag_from) if is_flag else value


_HAS: Final[Mapping[Needs, Callable[[Texts], bool]]] = {
    Needs.PROMPT: lambda texts: bool(texts.prompt),
    Needs.CONTEXT: lambda texts: any(texts.context),
    Needs.REFERENCE: lambda texts: bool(texts.reference),
}


def strict_object(properties: Mapping[str, object]) -> dict[str, object]:
    """Give the schema of an object that has just these members."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [*properties],
        "additionalProperties": False,
    }


def good(name: str) -> Score:
    """Describe a score of which more is better."""
    return Score(name=name, worse=Worse.LOWER)


def bad(name: str) -> Score:
    """Describe a flag that should not be raised."""
    return Score(name=name, is_flag=True, worse=Worse.HIGHER)


def share_of(word: str, *, of_none: float) -> Callable[[Sequence[str]], float]:
    """Count by the share of one verdict; *of_none*: what it is where there are none."""

    def share(verdicts: Sequence[str]) -> float:
        return verdicts.count(word) / len(verdicts) if verdicts else of_none

    return share


def _words(verdicts: tuple[str, ...]) -> dict[str, object]:
    return {"type": "string", "enum": [*verdicts]}


def _numbers(passages: int) -> list[str]:
    return [str(number) for number in range(1, passages + 1)]
