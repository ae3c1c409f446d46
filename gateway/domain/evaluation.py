"""What judges sampled answers, off the data path: evaluators and the scores they give.

Frozen values, made from the configuration. A score is a metric like any other, under the
name `EVALUATOR:SCORE`, so that two judges may have opinions on the same thing.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.domain.price import Price
from gateway.domain.rollout import Worse
from gateway.domain.units import Bytes, Seconds

GIVES: Final = ":"
"""Between an evaluator's name and a score's, where signals are named."""


class EvaluatorKind(StrEnum):
    """How an evaluator is asked."""

    LLM_JUDGE = "llm_judge"  # an OpenAI-compatible /v1/chat/completions
    EMBEDDING = "embedding"  # an OpenAI-compatible /v1/embeddings, or a local model
    HTTP = "http"  # the scorer contract: our JSON in, scores out
    PYTHON = "python"  # an entry point of the user's own package


DRAWS: Final = 1 << 32
"""How many draws there are: 0 and up, below this."""

NOT_DRAWN: Final = DRAWS
"""Stands for the draw of what no evaluator will see a sample of, whatever its share."""


def is_in_sample(draw: int, sample: float) -> bool:
    """Whether a draw is in a sample of this share, above 0.0 to 1.0, of all keys."""
    return draw < sample * DRAWS


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One number an evaluator gives to an answer.

    Attributes:
        name: Lower case, digits, underscores; relevance, hallucination, …
        is_flag: 0 or 1, and compared as a rate; else from 0 to 1, compared by its mean.
        worse: Which way is bad news.

    """

    name: str
    is_flag: bool = False
    worse: Worse = Worse.LOWER

    @property
    def form(self) -> str:
        """Say in a word what its numbers mean, behind its name; "": a number."""
        return "(flag)" if self.is_flag else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What an evaluator may use in each hour of the clock; None: no limit.

    Attributes:
        tokens_per_hour: Input and output.
        usd_per_hour: By the evaluator's price.

    """

    tokens_per_hour: int | None = None
    usd_per_hour: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluator:
    """Something that judges sampled answers of one service.

    Attributes:
        name: Unique within its service; never `feedback`.
        kind: See EvaluatorKind.
        scores: What it gives, one or more.
        url: Of its server, up to and without `/chat/completions` or `/embeddings`; the
            whole address of an HTTP scorer; "" for a local one.
        model: As its server knows it; of a local embedding, the package it comes from.
        headers: (name, value) pairs sent along; secrets resolved.
        entry: Of PYTHON: `package.module:function`.
        sample: For which part of the keys, above 0.0 to 1.0; the same keys on both
            versions, and those of a smaller sample are among those of a larger one.
        deadline: From an answer's end until its score counts no more, queue included.
        concurrency: Judgements that run at once.
        per_minute: How many may begin in a minute; None: no limit.
        budget: See Budget.
        price: Of its tokens; None: unknown, and then no budget in USD.
        max_tokens: What a judge may write for one verdict.
        canaries: Path of labelled examples it is tried on every now and then; None: none.

    """

    name: str
    kind: EvaluatorKind
    scores: tuple[Score, ...]
    url: str = ""
    model: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    entry: str = ""
    sample: float = 0.05
    deadline: Seconds = Seconds(60.0)
    concurrency: int = 4
    per_minute: int | None = None
    budget: Budget = Budget()
    price: Price | None = None
    max_tokens: int = 512
    canaries: str | None = None

    @property
    def compares(self) -> bool:
        """Whether it sees both answers to a request at once, and not one by one."""
        return self.kind is EvaluatorKind.LLM_JUDGE

    def signal(self, score: str) -> str:
        """Name one of its scores among the signals of the service."""
        return f"{self.name}{GIVES}{score}"


DEFAULT_REDACTED: Final = ("private_key", "api_key", "email", "credit_card")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """What may leave a worker of the texts that pass through it.

    Attributes:
        redact: Names of built-in patterns (answers.redaction) whose findings no judge
            sees.
        patterns: (name, regular expression) pairs of the user's own, behind them.
        longest: Characters that are sent of each prompt, passage and answer.
        queued: Bytes that wait to be sent, of one worker; what is beyond is dropped.
        per_second: Bytes that are sent in a second, of one worker.
        keep_worst: Examples that are kept of each version and score, for people to look
            at; 0: no text is kept anywhere.
        reference: JSON pointer (RFC 6901) to the right answer in a request, where an
            application knows it; None: nobody does.

    """

    redact: tuple[str, ...] = DEFAULT_REDACTED
    patterns: tuple[tuple[str, str], ...] = ()
    longest: int = 16 * 1024
    queued: Bytes = Bytes(4 * 1024 * 1024)
    per_second: Bytes = Bytes(1024 * 1024)
    keep_worst: int = 0
    reference: str | None = None
