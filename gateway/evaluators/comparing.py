"""Compares two answers by what each was given, where a judge cannot see both at once."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec

from gateway.domain.evaluation import Score
from gateway.domain.rollout import Worse
from gateway.evaluators.evaluator import Verdict
from gateway.handoff.samples import Texts

TIE: Final = 0.01
"""Scores nearer than this do not differ."""

BETTER, SAME, WORSE = 1.0, 0.5, 0.0


def compared(
    scores: tuple[Score, ...],
    one: Mapping[str, float | None],
    other: Mapping[str, float | None],
) -> dict[str, float | None]:
    """Say of each score how *other* does against *one*; None where one of them has none."""
    return {
        score.name: _against(one.get(score.name), other.get(score.name), score.worse)
        for score in scores
    }


async def scored_alone(
    judge: Callable[[Texts], Awaitable[Verdict]],
    scores: tuple[Score, ...],
    texts: Texts,
    other: str,
) -> Verdict:
    """Have each answer judged for itself, one after the other, and compare.

    Args:
        judge: Judges one.
        scores: That it gives.
        texts: The exchange, with the one answer.
        other: The other answer.

    Raises:
        JudgeFailed: It failed on one of them.

    """
    one = await judge(texts)
    two = await judge(msgspec.structs.replace(texts, answer=other))
    return Verdict(scores=compared(scores, one.scores, two.scores))


def _against(one: float | None, other: float | None, worse: Worse) -> float | None:
    if one is None or other is None:
        return None
    gain = other - one if worse is Worse.LOWER else one - other
    if abs(gain) < TIE:
        return SAME
    return BETTER if gain > 0 else WORSE
