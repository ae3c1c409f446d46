"""The scorer contract: whoever takes our JSON and gives scores can be an evaluator.

HHEM, LettuceDetect, a toxicity model, a team's own service: README.md has the contract
and a server in twenty lines. What comes back is checked to the letter: a scorer that
gives something else is broken, and a broken one must not move traffic.
"""

import secrets
import time
from typing import Final

import msgspec
import orjson

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
from gateway.evaluators.server import Server, place_on_server
from gateway.handoff.samples import Texts

_ID_BYTES: Final = 8
_LONGEST_REASON: Final = 2_000


def http(evaluator: Evaluator) -> Judge:
    """Make the judge of *evaluator*."""
    return HttpScorer(evaluator)


class _Scored(msgspec.Struct):
    scores: dict[str, object]
    reason: str = ""


_SCORED: Final = msgspec.json.Decoder(_Scored)


class HttpScorer:
    """See the module."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._scores = evaluator.scores
        self._server = Server(
            evaluator.url, evaluator.headers, evaluator.deadline, time.monotonic
        )
        self.identity = f"http {what_is_scored(evaluator)} at {self._server.host}{place_on_server(evaluator.url)}"

    def most(self, texts: Texts, other: str | None = None) -> Used:
        """See Judge: a scorer reports no tokens."""
        return Used()

    async def judge(self, texts: Texts, allowance: Allowance = UNLIMITED) -> Verdict:
        """See Judge."""
        if not texts.answer:
            return Verdict(scores=dict.fromkeys(score.name for score in self._scores))
        posted = await self._server.post(self._body(texts), Used())
        if posted.complaint is not None:
            raise posted.failure
        try:
            scored = _SCORED.decode(posted.body)
            scores = checked(scored.scores, self._scores)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            told = f"{self._server.host} gave no scores: {error}."
            raise JudgeFailed(Why.GARBAGE, told) from None
        return Verdict(scores=scores, said=scored.reason[:_LONGEST_REASON])

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
        await self._server.close()

    def _body(self, texts: Texts) -> bytes:
        return orjson.dumps({
            "id": secrets.token_hex(_ID_BYTES),
            "scores": [score.name for score in self._scores],
            **as_document(texts),
        })
