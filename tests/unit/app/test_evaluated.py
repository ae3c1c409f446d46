"""How a score, or its failure, is told to a collector."""

from dataclasses import replace

import pytest

from gateway.app.evaluated import told_failed, told_given
from gateway.domain.evaluated import UNKNOWN_ERROR
from gateway.domain.evaluation import Evaluator, EvaluatorKind, Sampling, Score
from gateway.domain.rollout import Worse
from gateway.domain.service import Service
from gateway.evaluators.desk import Failed, Given
from gateway.evaluators.evaluator import Why
from gateway.handoff.samples import Texts

RELEVANCE = Score(name="relevance")
HALLUCINATION = Score(name="hallucination", is_flag=True, worse=Worse.HIGHER)
ANSWERED = Score(name="answer_in_context", is_flag=True)
JUDGE = Evaluator(name="judge", kind=EvaluatorKind.LLM_JUDGE, scores=(RELEVANCE,))
LANE = Service(name="chat:v2", versions=(), baseline="v1", evaluators=(JUDGE,))
SECRET = Texts(prompt="hush", context=(), reference=None, answer="hush", is_cut=False)


def given(
    service: Service = LANE, score: Score = RELEVANCE, value: float = 0.5
) -> Given:
    return Given(
        service=service,
        evaluator=JUDGE,
        score=score,
        version="v2",
        value=value,
        said="Because. " * 1000,
        texts=SECRET,
        trace="a" * 32,
        span="b" * 16,
    )


def test_a_score_is_told_by_the_name_people_know_the_service_by() -> None:
    """A lane is part of its service."""
    told = told_given(given(), 7.0)

    assert (told.service, told.version, told.evaluator) == ("chat", "v2", "judge")
    assert (told.score, told.value, told.at) == ("relevance", 0.5, 7.0)
    assert (told.trace, told.span) == ("a" * 32, "b" * 16)
    assert told.label is told.error is None


def test_reasons_are_told_only_where_texts_may_be_kept() -> None:
    """And then not at any length; what was asked and said never is."""
    keeping = replace(LANE, sampling=Sampling(keep_worst=1))

    assert told_given(given(), 7.0).said is None
    said = told_given(given(keeping), 7.0).said
    assert said is not None
    assert len(said) == 2_000
    assert "hush" not in repr(told_given(given(keeping), 7.0))


@pytest.mark.parametrize(
    ("score", "value", "label"),
    [
        (HALLUCINATION, 1.0, "fail"),
        (HALLUCINATION, 0.0, "pass"),
        (ANSWERED, 1.0, "pass"),
        (ANSWERED, 0.0, "fail"),
        (RELEVANCE, 0.0, None),
    ],
)
def test_a_flag_is_told_in_a_word_too(
    score: Score, value: float, label: str | None
) -> None:
    """Raised is good or bad by what it is named for; a score has no bound of its own."""
    assert told_given(given(score=score, value=value), 7.0).label == label


@pytest.mark.parametrize(
    ("why", "error"), [(Why.DEADLINE, "deadline"), (None, UNKNOWN_ERROR)]
)
def test_a_failure_has_its_reason_and_no_value(why: Why | None, error: str) -> None:
    failed = Failed(
        service=LANE, evaluator=JUDGE, version="v2", why=why, trace=None, span=None
    )
    told = told_failed(failed, RELEVANCE, 7.0)

    assert (told.error, told.value, told.score) == (error, None, "relevance")
