"""What evaluators give: scores whose meaning is known, and those only their users know."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from gateway.domain.evaluation import EvaluatorKind, Score
from gateway.domain.rollout import Worse
from gateway.settings.names import choice
from gateway.settings.problem import (
    Finding,
    Wrong,
    raise_all,
    shown,
    text_of,
    unknown,
    wrong,
)

NAME_PATTERN: Final = r"[a-z0-9_]{1,64}"
_NAME: Final = re.compile(NAME_PATTERN)
MOST: Final = 16
_FLAG: Final = "flag"
SORTS: Final = (_FLAG, "score")
WORSE: Final = tuple(worse.value for worse in Worse)

KNOWN: Final[Mapping[str, Score]] = MappingProxyType({
    score.name: score
    for score in (
        Score(name="relevance"),
        Score(name="faithfulness"),
        Score(name="hallucination", is_flag=True, worse=Worse.HIGHER),
        Score(name="correctness"),
        Score(name="context_relevance"),
        Score(name="context_precision"),
        Score(name="answer_in_context", is_flag=True),
        Score(name="toxicity", is_flag=True, worse=Worse.HIGHER),
    )
})
"""Scores that mean the same whoever gives them. A language model is asked for these."""

_ONLY: Final[Mapping[EvaluatorKind, tuple[str, ...]]] = MappingProxyType({
    EvaluatorKind.LLM_JUDGE: tuple(KNOWN),
    EvaluatorKind.EMBEDDING: ("relevance",),
})
"""What evaluators of a kind can give; those of the user's own: anything."""

_KEYS: Final = ("name", "kind", "worse")
_OR_OWN: Final = (
    "Or write {name: politeness, kind: score, worse: lower} for one that only your "
    "scorer knows."
)
_REMEDY: Final = f"Write the name of a score. {_OR_OWN}"


@dataclass(frozen=True, slots=True)
class ScoreEntry:
    """An entry of `scores` as it was written; "": not written. See Score."""

    name: str
    sort: str = ""
    worse: str = ""


def score_entry(value: object) -> ScoreEntry:
    """Read one entry. Raises Wrong."""
    if not isinstance(value, dict):
        return ScoreEntry(_name(value))
    raise_all(unknown("key", key, _KEYS) for key in value if key not in _KEYS)
    if "name" not in value:
        raise wrong("missing.", "Add it, such as `name: politeness`.", at=("name",))
    return ScoreEntry(
        _below("name", _name, value["name"]),
        _below("kind", choice("kind of score", SORTS), value.get("kind")),
        _below("worse", choice("direction", WORSE), value.get("worse")),
    )


def _below(key: str, read: Callable[[object], str], value: object) -> str:
    """Read what is there; "" stands for nothing. Raises Wrong."""
    if value is None:
        return ""
    try:
        return read(value)
    except Wrong as error:
        raise Wrong(*(finding.below(key) for finding in error.findings)) from None


def _name(value: object) -> str:
    text = text_of(value, _REMEDY)
    if not _NAME.fullmatch(text):
        raise wrong(
            f"found the name {shown(text)}.", "Write 1 to 64 of a-z, 0-9 and _."
        )
    return text


def completed(entries: Iterable[ScoreEntry], kind: EvaluatorKind) -> tuple[Score, ...]:
    """Give what an evaluator of *kind* gives.

    Raises:
        Wrong: With all that is wrong with any of them; places begin with its number.

    """
    scores: list[Score] = []
    findings: list[Finding] = []
    for place, entry in enumerate(entries):
        found = [*_unfit(entry, kind), *_again(entry, scores)]
        findings += [finding.below(place) for finding in found]
        if not found:
            scores.append(_score(entry))
    raise_all(findings)
    return tuple(scores)


def _score(entry: ScoreEntry) -> Score:
    known = KNOWN.get(entry.name)
    if known is None:
        is_flag = entry.sort == _FLAG
        return Score(name=entry.name, is_flag=is_flag, worse=Worse(entry.worse))
    return replace(known, is_flag=entry.sort == _FLAG) if entry.sort else known


def _again(entry: ScoreEntry, earlier: list[Score]) -> Iterator[Finding]:
    if any(score.name == entry.name for score in earlier):
        yield Finding(
            what=f"found the score '{entry.name}' again.",
            remedy="Keep one: it is given once.",
        )


def _unfit(entry: ScoreEntry, kind: EvaluatorKind) -> Iterator[Finding]:
    only = _ONLY.get(kind)
    known = KNOWN.get(entry.name)
    if only is not None and entry.name not in only:
        yield unknown(f"score of kind {kind.value}", entry.name, only)
    elif known is None:
        yield from _unsaid(entry)
    elif entry.worse and entry.worse != known.worse:
        yield Finding(
            what=f"found {entry.worse} of '{entry.name}', which is bad news when it is "
            f"{known.worse}.",
            remedy="Remove it, or give what you mean another name.",
            at=("worse",),
        )
    elif kind is EvaluatorKind.EMBEDDING and entry.sort == _FLAG:
        yield Finding(
            what="found a flag of a similarity, which is a score.",
            remedy="Write the name alone.",
            at=("kind",),
        )


def _unsaid(entry: ScoreEntry) -> Iterator[Finding]:
    """Say what is not known of a score that only its scorer knows."""
    if not entry.sort and not entry.worse:
        known = unknown("score", entry.name, KNOWN)
        yield replace(known, remedy=f"{known.remedy} {_OR_OWN}")
        return
    if not entry.sort:
        yield Finding(
            what=f"missing: what '{entry.name}' is, only your scorer knows.",
            remedy="Write `kind: flag` for what is 0 or 1, `kind: score` for 0 to 1.",
            at=("kind",),
        )
    if not entry.worse:
        yield Finding(
            what=f"missing: '{entry.name}' is not bad news by itself.",
            remedy="Write `worse: higher` or `worse: lower`.",
            at=("worse",),
        )
