"""What a judge is worth, by arithmetic that can be checked by hand."""

from collections.abc import Sequence

import pytest

from gateway.domain.evaluation import Score
from gateway.domain.rollout import Worse
from gateway.evaluators.evaluator import JudgeFailed, Verdict, Why
from gateway.evaluators.labelled import Example, Tried
from gateway.evaluators.quality import Part, Quality, quality_of
from gateway.evaluators.rubrics import RUBRICS
from tests.unit.evaluators.exchanges import exchange

HALLUCINATION = RUBRICS["hallucination"].score
RELEVANCE = RUBRICS["relevance"].score
LOST = "lost"


def tried(label: float, said: float | str | None, score: str) -> Tried:
    example = Example(1, exchange(), {score: label})
    if isinstance(said, str):
        return Tried(example, None, JudgeFailed(Why.GARBAGE, "It was."), 0.1)
    return Tried(example, Verdict(scores={score: said}), None, 0.1)


def quality(
    score: Score,
    pairs: Sequence[tuple[float, float | str | None]],
    threshold: float = 0.5,
) -> Quality:
    return quality_of(score, [tried(*pair, score.name) for pair in pairs], threshold)


def test_bad_ones_found_and_good_ones_left_alone_are_counted_apart() -> None:
    found = quality(
        HALLUCINATION, [(1, 1)] * 8 + [(1, 0)] * 2 + [(0, 0)] * 27 + [(0, 1)] * 3
    )

    assert found.sensitivity == Part(8, 10)
    assert found.specificity == Part(27, 30)
    assert found.agreement == Part(35, 40)
    assert found.j == pytest.approx(0.7)
    assert found.units_factor() == pytest.approx(1 / 0.49)
    # By chance: 10/40 * 11/40 + 30/40 * 29/40 = 0.6125.
    assert found.kappa == pytest.approx((0.875 - 0.6125) / (1 - 0.6125))


def test_a_detector_at_049_needs_four_times_the_units() -> None:
    found = quality(
        HALLUCINATION, [(1, 1)] * 70 + [(1, 0)] * 30 + [(0, 0)] * 79 + [(0, 1)] * 21
    )

    assert found.j == pytest.approx(0.49)
    assert found.units_factor() == pytest.approx(4.16, abs=0.01)


def test_where_bad_answers_are_rare_false_alarms_cost_more() -> None:
    found = quality(
        HALLUCINATION, [(1, 1)] * 8 + [(1, 0)] * 2 + [(0, 0)] * 9 + [(0, 1)]
    )

    # Of 5 % bad ones 0.05 * 0.8 + 0.95 * 0.1 = 13.5 % are seen.
    expected = 0.135 * 0.865 / (0.05 * 0.95) / 0.49
    assert found.units_factor_at(0.05) == pytest.approx(expected)
    assert expected > 2 * (found.units_factor() or 9)


def test_of_a_score_where_less_is_worse_bad_is_below_the_threshold() -> None:
    pairs: Sequence[tuple[float, float | str | None]] = [
        (0.2, 0.3),
        (0.9, 0.6),
        (0.9, 0.8),
    ]

    assert quality(RELEVANCE, pairs).agreement == Part(3, 3)
    assert quality(RELEVANCE, pairs, 0.7).specificity == Part(1, 2)
    assert RELEVANCE.worse is Worse.LOWER


def test_failures_and_silence_are_no_verdicts() -> None:
    found = quality(HALLUCINATION, [(1, LOST), (1, None), (1, 1)])

    assert (found.labelled, found.failed, found.silent) == (3, 1, 1)
    assert found.sensitivity == Part(1, 1)


def test_examples_without_a_label_are_left_out() -> None:
    found = quality_of(RELEVANCE, [tried(1, 1, "hallucination")], 0.5)

    assert found.labelled == 0
    assert found.j is found.kappa is found.units_factor() is None


@pytest.mark.parametrize(
    "pairs",
    [
        [(1, 0), (0, 1)],
        [(1, 1), (0, 1)],
        [(1, 1)] * 1 + [(1, 0)] * 9 + [(0, 0)] * 9 + [(0, 1)] * 1,
        [(1, 1)] * 3 + [(1, 0)] * 46 + [(0, 0)] * 46 + [(0, 1)] * 3,
    ],
)
def test_a_judge_that_knows_nothing_cannot_be_helped_by_units(
    pairs: Sequence[tuple[float, float | str | None]],
) -> None:
    found = quality(HALLUCINATION, pairs)

    assert found.units_factor() is None
    assert found.units_factor_at(0.05) is None


@pytest.mark.parametrize(
    ("part", "low", "high"),
    [
        # Newcombe (Statistics in Medicine 1998), table I, and by hand.
        (Part(81, 263), 0.2553, 0.3662),
        (Part(15, 148), 0.0624, 0.1605),
        (Part(0, 20), 0.0, 0.1611),
        (Part(20, 20), 0.8389, 1.0),
    ],
)
def test_intervals_are_wilsons(part: Part, low: float, high: float) -> None:
    assert part.interval == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("found", "left_alone", "is_useless"),
    [
        (Part(50, 100), Part(50, 100), True),  # a coin
        (Part(0, 10), Part(10, 10), True),  # finds nothing
        (Part(2, 10), Part(1, 10), True),  # says the contrary
        (Part(3, 6), Part(3, 6), False),  # few examples: nobody knows
        (Part(70, 100), Part(79, 100), False),
        (Part(0, 0), Part(50, 100), False),  # no bad example
    ],
)
def test_a_judge_is_useless_when_no_more_than_03_of_a_difference_can_show(
    found: Part,
    left_alone: Part,
    is_useless: bool,
) -> None:
    missed = [(1, 0)] * (found.of - found.hits)
    alarms = [(0, 1)] * (left_alone.of - left_alone.hits)
    asked = quality(
        HALLUCINATION,
        [(1, 1)] * found.hits + missed + [(0, 0)] * left_alone.hits + alarms,
    )

    assert asked.is_useless is is_useless


def test_of_no_examples_nothing_is_known() -> None:
    assert Part(0, 0).interval is None
    assert Part(0, 0).rate is None
