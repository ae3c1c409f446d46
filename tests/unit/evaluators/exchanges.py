"""Exchanges to be judged, and who judges them."""

from typing import Any

from gateway.domain.evaluation import Evaluator, EvaluatorKind
from gateway.evaluators.rubrics import RUBRICS
from gateway.handoff.samples import Texts

PROMPT = "When does the shop open?"
CONTEXT = ("The shop opens at nine on weekdays.", "It is closed on Sundays.")
ANSWER = "The shop opens at nine."
REFERENCE = "At nine, on weekdays."


def exchange(answer: str | None = ANSWER, **others: Any) -> Texts:
    """Give a whole exchange, with what is said here in place of the usual."""
    usual: dict[str, Any] = {
        "prompt": PROMPT,
        "context": CONTEXT,
        "reference": REFERENCE,
        "is_cut": False,
    }
    return Texts(answer=answer, **{**usual, **others})


def llm(url: str, *scores: str, **others: Any) -> Evaluator:
    """Describe a model that judges by rubrics."""
    return Evaluator(
        name="judge",
        kind=EvaluatorKind.LLM_JUDGE,
        scores=tuple(RUBRICS[name].score for name in scores or RUBRICS),
        url=f"{url}/v1",
        model="a-model",
        **others,
    )
