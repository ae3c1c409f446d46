"""Relevance in its cheap form: the cosine between question and answer, 0 at least.

A right answer is near its question, but so is a wrong one about the same thing, and one
that evades: it finds answers that are off the subject, no others. With
all-MiniLM-L6-v2 answers on the subject got 0.23 to 0.80, off the subject 0.00 to 0.10.

By an OpenAI-compatible /embeddings, all texts in one call, or without a URL by a model
that is installed (the extra `local-judge`), in a process of its own.
"""

import time
from collections.abc import Sequence
from math import isfinite, sqrt
from typing import Final, NamedTuple, Protocol

import msgspec
import orjson

from gateway.domain.errors import BadConfiguration
from gateway.domain.evaluation import Evaluator
from gateway.evaluators.chat import Usage, used_of
from gateway.evaluators.comparing import compared
from gateway.evaluators.evaluator import (
    UNLIMITED,
    Allowance,
    Judge,
    JudgeFailed,
    Used,
    Verdict,
    Why,
)
from gateway.evaluators.given import checked
from gateway.evaluators.local_process import LocalProcess
from gateway.evaluators.server import USUAL_PATHS, Server, place_on_server
from gateway.handoff.samples import Texts

LONGEST: Final = 8_000
"""Bytes of each text: no more tokens than the 8,191 that OpenAI's models take."""

RELEVANCE: Final = "relevance"
_END: Final = 4
"""Of a text that is longer, a fourth is its end: a question may stand there."""

_MOST_BYTES: Final = 4 * 1024**3
_LONGEST_VECTOR: Final = 16_384


def embedding(evaluator: Evaluator) -> Judge:
    """Make the judge of *evaluator*.

    Raises:
        BadConfiguration: It is to give another score.

    """
    unknown = [score.name for score in evaluator.scores if score.name != RELEVANCE]
    if unknown:
        raise BadConfiguration(
            f"{evaluator.name}: embeddings do not give {', '.join(unknown)}.",
            remedy=f"They give {RELEVANCE}.",
        )
    source: Vectors = Remote(evaluator) if evaluator.url else Local(evaluator)
    return EmbeddingJudge(evaluator, source)


class Embedded(NamedTuple):
    """Vectors of some texts, and what they took."""

    vectors: list[list[float]]
    used: Used


class Vectors(Protocol):
    """Turns texts into vectors.

    Attributes:
        identity: What decides what comes out.

    """

    identity: str

    def most(self, texts: Sequence[str]) -> Used:
        """Give an upper bound of what it may take."""

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Give a vector for each text; raise JudgeFailed."""

    async def close(self) -> None:
        """Let go of connections and processes."""


class EmbeddingJudge:
    """See the module."""

    def __init__(self, evaluator: Evaluator, source: Vectors) -> None:
        self._scores = evaluator.scores
        self._source = source
        self.identity = f"embedding {RELEVANCE} {source.identity}"

    def most(self, texts: Texts, other: str | None = None) -> Used:
        """See Judge."""
        wanted = _wanted(texts, (texts.answer, other))
        return self._source.most(wanted) if wanted else Used()

    async def judge(self, texts: Texts, allowance: Allowance = UNLIMITED) -> Verdict:
        """See Judge."""
        (scores,), used = await self._scored(texts, (texts.answer,))
        return Verdict(scores=scores, used=used)

    async def compare(
        self,
        texts: Texts,
        other: str,
        *,
        is_swapped: bool,
        allowance: Allowance = UNLIMITED,
    ) -> Verdict:
        """See Judge: both answers in one call, each scored for itself."""
        (one, two), used = await self._scored(texts, (texts.answer, other))
        return Verdict(scores=compared(self._scores, one, two), used=used)

    async def close(self) -> None:
        """See Judge."""
        await self._source.close()

    async def _scored(
        self, texts: Texts, answers: Sequence[str | None]
    ) -> tuple[list[dict[str, float | None]], Used]:
        """Score answers to the same question, all in one call."""
        wanted = _wanted(texts, answers)
        if not wanted:
            return [{RELEVANCE: None} for _ in answers], Used()
        vectors, used = await self._source.embed(wanted)
        known = dict(zip(wanted, vectors, strict=True))
        question = known[_cut(texts.prompt)]
        scores = [
            {RELEVANCE: _near(question, known[_cut(answer)]) if answer else None}
            for answer in answers
        ]
        return [checked(each, self._scores) for each in scores], used


def _wanted(texts: Texts, answers: Sequence[str | None]) -> list[str]:
    """Give the texts that are needed, each once; none when nothing can be said."""
    if not texts.prompt or not any(answers):
        return []
    needed = (texts.prompt, *filter(None, answers))
    return list(dict.fromkeys(map(_cut, needed)))


def _cut(text: str | None) -> str:
    whole = (text or "").encode("utf-8", "replace")
    if len(whole) <= LONGEST:
        return whole.decode()
    end = LONGEST // _END
    ends = (whole[: LONGEST - end], whole[-end:])
    return "".join(part.decode(errors="ignore") for part in ends)


def _near(one: Sequence[float], other: Sequence[float]) -> float:
    lengths = sqrt(sum(a * a for a in one)) * sqrt(sum(b * b for b in other))
    if not lengths:
        return 0.0
    cosine = sum(a * b for a, b in zip(one, other, strict=True)) / lengths
    return min(1.0, max(0.0, cosine))


class Remote:
    """An OpenAI-compatible /embeddings."""

    def __init__(self, evaluator: Evaluator) -> None:
        url = evaluator.url.rstrip("/") + "/embeddings"
        self._server = Server(
            url, evaluator.headers, evaluator.deadline, time.monotonic
        )
        self._model = evaluator.model
        place = place_on_server(evaluator.url, USUAL_PATHS)
        self.identity = f"{evaluator.model} at {self._server.host}{place}"

    def most(self, texts: Sequence[str]) -> Used:
        """See Vectors: no token is less than a byte."""
        return Used(len(self._body(texts)), 0)

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """See Vectors."""
        most = self.most(texts)
        posted = await self._server.post(self._body(texts), most)
        if posted.complaint is not None:
            raise posted.failure
        try:
            answer = _ANSWERS.decode(posted.body)
            vectors = _in_order(answer.data, len(texts))
        except (msgspec.DecodeError, ValueError, RecursionError):
            told = f"{self._server.host} gave no embeddings."
            raise JudgeFailed(Why.GARBAGE, told, most) from None
        return Embedded(vectors, used_of(answer.usage, most))

    async def close(self) -> None:
        """See Vectors."""
        await self._server.close()

    def _body(self, texts: Sequence[str]) -> bytes:
        return orjson.dumps({"model": self._model, "input": [*texts]})


class _One(msgspec.Struct, gc=False):
    embedding: list[float]
    index: int


class _Answer(msgspec.Struct, gc=False):
    data: list[_One]
    usage: Usage | None = None


_ANSWERS: Final = msgspec.json.Decoder(_Answer)


def _in_order(data: Sequence[_One], wanted: int) -> list[list[float]]:
    by_index = {one.index: one.embedding for one in data}
    return _usable([by_index.get(index) for index in range(wanted)], wanted)


class Local:
    """A model that is installed here, in a process of its own."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._model = evaluator.model
        self._process = LocalProcess(
            "gateway.evaluators.local_embedding:embed",
            seconds=evaluator.deadline,
            most_bytes=_MOST_BYTES,
            monotonic=time.monotonic,
        )
        self.identity = f"{evaluator.model}, local"

    def most(self, texts: Sequence[str]) -> Used:
        """See Vectors: it takes no tokens."""
        return Used()

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """See Vectors."""
        given = await self._process.call({"model": self._model, "texts": [*texts]})
        try:
            vectors = _usable(msgspec.convert(given, list[list[float]]), len(texts))
        except (msgspec.ValidationError, ValueError):
            told = f"{self._model} gave no embeddings."
            raise JudgeFailed(Why.GARBAGE, told) from None
        return Embedded(vectors, Used())

    async def close(self) -> None:
        """See Vectors."""
        await self._process.close()


def _usable(vectors: Sequence[list[float] | None], wanted: int) -> list[list[float]]:
    """Demand so many vectors of one length, of finite numbers; raise ValueError."""
    found = [vector for vector in vectors if vector]
    lengths = {len(vector) for vector in found}
    if (
        not len(found) == len(vectors) == wanted
        or len(lengths) != 1
        or max(lengths) > _LONGEST_VECTOR
    ):
        raise ValueError("missing, empty or uneven vectors")
    if not all(isfinite(part) for vector in found for part in vector):
        raise ValueError("numbers that are none")
    return found
