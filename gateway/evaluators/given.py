"""What scorers other than models are given of an exchange, and the check of what they give."""

from collections.abc import Mapping
from typing import Final

from gateway.domain.evaluation import Evaluator, Score
from gateway.handoff.samples import Texts

_FROM_HERE: Final = 0.5
_LONGEST_NAME: Final = 40


def what_is_scored(evaluator: Evaluator) -> str:
    """Name the scores, in what form each is, and the model: a part of an identity."""
    names = "+".join(score.name + score.form for score in evaluator.scores)
    return f"{names} {evaluator.model}" if evaluator.model else names


def as_document(texts: Texts) -> dict[str, object]:
    """Give the texts as JSON can write them: without lone surrogates."""
    return {
        "prompt": _plain(texts.prompt),
        "context": [_plain(passage) for passage in texts.context],
        "answer": _plain(texts.answer),
        "reference": _plain(texts.reference),
        "cut": texts.is_cut,
    }


def _plain(text: str | None) -> str | None:
    return None if text is None else text.encode("utf-8", "replace").decode()


def checked(given: object, scores: tuple[Score, ...]) -> dict[str, float | None]:
    """Check that what came back is what was asked for: these names, 0 to 1 or null.

    A flag may come as a probability: it is raised from a half on.

    Raises:
        ValueError: Says what is wrong.

    """
    if not isinstance(given, Mapping):
        raise ValueError("no object of scores")  # ruff: ignore[type-check-without-type-error]: a reply, no argument
    wanted = {score.name: score for score in scores}
    if {*given} != {*wanted}:
        odd = next(iter({*given} ^ {*wanted}))
        raise ValueError(f"missing or unasked: {str(odd)[:_LONGEST_NAME]!r}")
    return {name: _checked(given[name], score) for name, score in wanted.items()}


def _checked(value: object, score: Score) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f"{score.name} is no number")  # ruff: ignore[type-check-without-type-error]: as above
    if not 0 <= value <= 1:  # nor is NaN
        raise ValueError(f"{score.name} is not from 0 to 1")
    return float(value >= _FROM_HERE) if score.is_flag else float(value)
