"""How a judge is asked about a sample, and what its verdicts come to.

Two answers to one request are compared side by side, in an order that a coin chooses; what
a judge does not compare, it judges one by one.
"""

from random import Random
from typing import Final

import msgspec

from gateway.domain.evaluation import Evaluator, Score
from gateway.domain.outcome import ERRORS, Outcome
from gateway.domain.rollout import Worse
from gateway.evaluators.evaluator import (
    UNLIMITED,
    Allowance,
    Judge,
    JudgeFailed,
    Used,
    Verdict,
)
from gateway.handoff.samples import Sample, Texts

Values = tuple[float | None, float | None]
"""Of the answer, or of the baseline's; and of the candidate's where it is a pair."""

_FAILED: Final = frozenset(outcome.value for outcome in ERRORS)
_NOBODYS: Final = frozenset({
    Outcome.CLIENT_CANCELLED.value,
    Outcome.CLIENT_ERROR.value,
})
"""Outcomes that say nothing of what the version would have said."""

_HALVES: Final = 2


def can_be_judged(sample: Sample) -> bool:
    """Whether there is an answer to judge, or there are two to compare."""
    is_answer = _is_answer(sample.texts.answer, sample.outcome)
    if sample.other_outcome is None:
        return is_answer
    return is_answer and _is_answer(sample.other, sample.other_outcome)


def most_of(judge: Judge, sample: Sample) -> Used:
    """Give an upper bound of what asking about a sample once may take."""
    other = sample.other
    if other is None:
        return judge.most(sample.texts)
    return judge.most(sample.texts, other)


async def ask(
    judge: Judge, sample: Sample, dice: Random, allowance: Allowance = UNLIMITED
) -> list[Verdict]:
    """Ask about a sample, for `most_of`, and for what *allowance* allows beyond that.

    Returns:
        One verdict; of a pair the comparison, and behind it one of each answer where the
        comparison leaves a score out.

    Raises:
        JudgeFailed: There is no verdict; `used` is of all that was asked.

    """
    other = sample.other
    if other is None:
        return [await judge.judge(sample.texts, allowance)]
    verdicts: list[Verdict] = []
    try:
        is_swapped = dice.random() < 1 / _HALVES
        compared = await judge.compare(
            sample.texts, other, is_swapped=is_swapped, allowance=allowance
        )
        verdicts.append(msgspec.structs.replace(compared, is_swapped=is_swapped))
        if not compared.scores or None in compared.scores.values():
            halves = (sample.texts, _with(sample.texts, other))
            verdicts += [await judge.judge(half, allowance) for half in halves]
    except JudgeFailed as error:
        used = sum((verdict.used for verdict in verdicts), error.used)
        raise JudgeFailed(error.why, error.what, used) from error
    return verdicts


def alone(sample: Sample, verdicts: list[Verdict]) -> list[Verdict]:
    """Give those verdicts that are on one answer alone, the client's first."""
    return verdicts if sample.other_outcome is None else verdicts[1:]


def values_of(score: Score, sample: Sample, verdicts: list[Verdict]) -> Values:
    """Give what verdicts come to, in one score; None: nothing.

    An answer that failed has the worst value, but no event of a flag of which more is worse;
    one that its client left has none. So it is in a pair, or else a candidate would be proven by
    those of its answers that did not fail.
    """
    if sample.other_outcome is not None:
        is_no_event = score.is_flag and score.worse is Worse.HIGHER
        if verdicts or is_no_event:
            return _compared(score, verdicts)
        return _with_failures(score, sample, sample.other_outcome)
    if verdicts:
        return verdicts[0].scores.get(score.name), None
    return (_worst(score) if sample.outcome in _FAILED else None), None


def order_of(
    evaluator: Evaluator, score: Score, verdicts: list[Verdict]
) -> bool | None:
    """Tell whether the second answer was shown first; None: no two were, in this score."""
    if not (evaluator.compares and verdicts):
        return None
    is_said = verdicts[0].scores.get(score.name) is not None
    return verdicts[0].is_swapped if is_said else None


def _compared(score: Score, verdicts: list[Verdict]) -> Values:
    """Give the halves' values; what a judge prefers has the better one, 0 or 1."""
    if not verdicts:
        return None, None
    better = verdicts[0].scores.get(score.name)
    if better is not None:
        is_more = score.worse is Worse.LOWER
        return (1.0 - better, better) if is_more else (better, 1.0 - better)
    halves = [verdict.scores.get(score.name) for verdict in verdicts[1:]]
    if len(halves) < _HALVES or None in halves:
        return None, None
    return halves[0], halves[1]


def _with_failures(score: Score, sample: Sample, other: str) -> Values:
    """Give the values of a pair with a half that failed: the one that did not is better.

    None where neither did, or where the client left. Texts are not looked at: of such a
    pair none are told.
    """
    halves = sample.outcome, other
    if _FAILED.isdisjoint(halves) or not _NOBODYS.isdisjoint(halves):
        return None, None
    worst = _worst(score)
    baseline, candidate = (worst if h in _FAILED else 1.0 - worst for h in halves)
    return baseline, candidate


def _is_answer(text: str | None, outcome: str) -> bool:
    return bool(text) and outcome not in _FAILED and outcome not in _NOBODYS


def _worst(score: Score) -> float:
    return 1.0 if score.worse is Worse.HIGHER and not score.is_flag else 0.0


def _with(texts: Texts, answer: str) -> Texts:
    return msgspec.structs.replace(texts, answer=answer)
