"""What a scorer gives is taken as it was asked for, or not at all."""

from typing import Any

import pytest

from gateway.domain.evaluation import Score
from gateway.evaluators.given import as_document, checked
from gateway.evaluators.rubrics import RUBRICS
from tests.unit.evaluators.exchanges import exchange

SCORES = (Score(name="relevance"), RUBRICS["hallucination"].score)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"relevance": 0, "hallucination": 1},
            {"relevance": 0.0, "hallucination": 1.0},
        ),
        (
            {"relevance": 0.3, "hallucination": 0.5},
            {"relevance": 0.3, "hallucination": 1},
        ),
        (
            {"relevance": None, "hallucination": 0.49},
            {"relevance": None, "hallucination": 0},
        ),
    ],
)
def test_numbers_are_taken_and_flags_rounded(given: object, expected: object) -> None:
    assert checked(given, SCORES) == expected


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        {},
        {"relevance": 1.0},
        {"relevance": 1.0, "hallucination": 1.0, "charm": 1.0},
        {"relevance": 1.0, "halucination": 1.0},
        *(
            {"relevance": odd, "hallucination": 1.0}
            for odd in (
                -0.1,
                1.1,
                float("nan"),
                float("inf"),
                "0.5",
                True,
                [0.5],
                10**400,
            )
        ),
    ],
)
def test_anything_else_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match=r"[a-z]"):
        checked(given, SCORES)


def test_no_lone_surrogate_reaches_a_scorer() -> None:
    assert as_document(exchange("\ud800a"))["answer"] == "?a"
