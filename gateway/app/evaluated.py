"""What judges said, as a collector is told of it: how a score becomes an event."""

from typing import Final

from gateway.domain.evaluated import UNKNOWN_ERROR, Evaluated
from gateway.domain.evaluation import Score
from gateway.domain.rollout import Worse
from gateway.evaluators.desk import Failed, Given

_HALF: Final = 0.5
_LONGEST_SAID: Final = 2_000  # characters of reasons; 4,096 events may wait


def told_given(given: Given, now: float) -> Evaluated:
    """Tell of a score that was given; of reasons only where texts may be kept."""
    service, score = given.service, given.score
    may_keep = service.sampling.keep_worst > 0
    return Evaluated(
        service=service.known_as,
        version=given.version,
        evaluator=given.evaluator.name,
        score=score.name,
        at=now,
        value=given.value,
        label=_label(score, given.value) if score.is_flag else None,
        said=given.said[:_LONGEST_SAID] if may_keep else None,
        trace=given.trace,
        span=given.span,
    )


def told_failed(failed: Failed, score: Score, now: float) -> Evaluated:
    """Tell of one of the scores that a judge failed to give."""
    return Evaluated(
        service=failed.service.known_as,
        version=failed.version,
        evaluator=failed.evaluator.name,
        score=score.name,
        at=now,
        error=UNKNOWN_ERROR if failed.why is None else failed.why.value,
        trace=failed.trace,
        span=failed.span,
    )


def _label(score: Score, value: float) -> str:
    """Say in a word what a flag means: 1 is what it is named for, good or bad."""
    is_raised = value >= _HALF
    return "fail" if is_raised is (score.worse is Worse.HIGHER) else "pass"
