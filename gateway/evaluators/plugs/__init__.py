"""The evaluators there are, by the kind the configuration names."""

from collections.abc import Callable, Mapping
from typing import Final

from gateway.domain.evaluation import Evaluator, EvaluatorKind
from gateway.evaluators.evaluator import Judge
from gateway.evaluators.plugs.embedding import embedding
from gateway.evaluators.plugs.http import http
from gateway.evaluators.plugs.llm_judge import llm_judge
from gateway.evaluators.plugs.python import python

EVALUATORS: Final[Mapping[EvaluatorKind, Callable[[Evaluator], Judge]]] = {
    EvaluatorKind.LLM_JUDGE: llm_judge,
    EvaluatorKind.EMBEDDING: embedding,
    EvaluatorKind.HTTP: http,
    EvaluatorKind.PYTHON: python,
}


def judge_of(evaluator: Evaluator) -> Judge:
    """Make the judge of *evaluator*; it connects, or starts a process, when it is used.

    Raises:
        BadConfiguration: Its kind cannot give one of its scores.

    """
    return EVALUATORS[evaluator.kind](evaluator)
