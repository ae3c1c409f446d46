"""A function of the user's own package judges, in a process of its own.

Called as `function({"prompt": …, "context": […], "answer": …, "reference": …})`, it gives
`{"score": 0.3}`: each score that is configured, from 0 to 1, or None. It may take as long
as the evaluator's deadline, and 2 GiB of memory.
"""

import time
from typing import Final

from gateway.domain.evaluation import Evaluator
from gateway.evaluators.comparing import scored_alone
from gateway.evaluators.evaluator import (
    UNLIMITED,
    Allowance,
    Judge,
    JudgeFailed,
    Used,
    Verdict,
    Why,
)
from gateway.evaluators.given import as_document, checked, what_is_scored
from gateway.evaluators.local_process import LocalProcess
from gateway.handoff.samples import Texts

_MOST_BYTES: Final = 2 * 1024**3


def python(evaluator: Evaluator) -> Judge:
    """Make the judge of *evaluator*."""
    return PythonScorer(evaluator)


class PythonScorer:
    """See the module."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._scores = evaluator.scores
        self._entry = evaluator.entry
        self._process = LocalProcess(
            evaluator.entry,
            seconds=evaluator.deadline,
            most_bytes=_MOST_BYTES,
            monotonic=time.monotonic,
        )
        self.identity = f"python {what_is_scored(evaluator)} by {evaluator.entry}"

    def most(self, texts: Texts, other: str | None = None) -> Used:
        """See Judge: a function takes no tokens."""
        return Used()

    async def judge(self, texts: Texts, allowance: Allowance = UNLIMITED) -> Verdict:
        """See Judge."""
        if not texts.answer:
            return Verdict(scores=dict.fromkeys(score.name for score in self._scores))
        given = await self._process.call(as_document(texts))
        try:
            return Verdict(scores=checked(given, self._scores))
        except ValueError as error:
            told = f"{self._entry} gave no scores: {error}."
            raise JudgeFailed(Why.GARBAGE, told) from None

    async def compare(
        self,
        texts: Texts,
        other: str,
        *,
        is_swapped: bool,
        allowance: Allowance = UNLIMITED,
    ) -> Verdict:
        """See Judge: each answer is scored for itself."""
        return await scored_alone(self.judge, self._scores, texts, other)

    async def close(self) -> None:
        """See Judge."""
        await self._process.close()
