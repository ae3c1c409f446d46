"""Every rubric there is, by the name of its score."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.evaluators.rubric import Rubric
from gateway.evaluators.rubrics.answer_in_context import ANSWER_IN_CONTEXT
from gateway.evaluators.rubrics.context_precision import CONTEXT_PRECISION
from gateway.evaluators.rubrics.context_relevance import CONTEXT_RELEVANCE
from gateway.evaluators.rubrics.correctness import CORRECTNESS
from gateway.evaluators.rubrics.faithfulness import FAITHFULNESS
from gateway.evaluators.rubrics.hallucination import HALLUCINATION
from gateway.evaluators.rubrics.relevance import RELEVANCE
from gateway.evaluators.rubrics.toxicity import TOXICITY

RUBRICS: Final[Mapping[str, Rubric]] = MappingProxyType({
    rubric.name: rubric
    for rubric in (
        RELEVANCE,
        FAITHFULNESS,
        HALLUCINATION,
        CORRECTNESS,
        CONTEXT_RELEVANCE,
        CONTEXT_PRECISION,
        ANSWER_IN_CONTEXT,
        TOXICITY,
    )
})
