"""Socket: an evaluator reads what was asked and said, and gives named scores.

To add one: write evaluators/plugs/<kind>.py with one function that makes a Judge of its
configuration, and list it in evaluators/plugs/__init__.py. tests/contracts then hold it to
the rules, and config/README.md must name it.

A judge is blind: nothing it is given tells the version. It may take its time and may fail,
and says so by JudgeFailed: a failure is no score, and what it says of a version is tested
apart. What it reads was written by strangers: no text can be an instruction to it.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Protocol

import msgspec

from gateway.domain.errors import GatewayError, Side
from gateway.handoff.samples import Texts


class Why(StrEnum):
    """Why there is no score."""

    UNREACHABLE = "unreachable"  # no connection, a 5xx, a 429
    REFUSED = "refused"  # any other 4xx: it will not judge this, or not us
    GARBAGE = "garbage"  # no verdict in what it said, nor when asked once more
    DEADLINE = "deadline"
    DIED = "died"  # the process of a local one


class JudgeFailed(GatewayError):
    """There is no verdict.

    Attributes:
        why: See Why.
        used: What it took all the same.

    """

    side = Side.UPSTREAM

    def __init__(self, why: Why, what: str, used: "Used | None" = None) -> None:
        super().__init__(what, remedy="Look at the evaluator's server.")
        self.why = why
        self.used = Used() if used is None else used


class Used(msgspec.Struct, frozen=True, gc=False):
    """What judging took: tokens as reported by the server, or else an upper bound.

    Attributes:
        input: Tokens read.
        output: Tokens written.

    """

    input: int = 0
    output: int = 0

    def __add__(self, other: "Used") -> "Used":
        return Used(self.input + other.input, self.output + other.output)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge made of one answer, or of two.

    Attributes:
        scores: By name, 0.0 to 1.0; None: this answer says nothing about that (no
            context to be faithful to, no reference).
        used: See Used.
        said: Its reasons, for people; "" when it gives none.
        is_cut: It was shown less than it was given, for the length.
        is_swapped: Of a comparison: the second answer was shown first; None: it is none.

    """

    scores: Mapping[str, float | None]
    used: Used = Used()
    said: str = ""
    is_cut: bool = False
    is_swapped: bool | None = None


class Allowance(Protocol):
    """What a judgement may take beyond the most of asking once."""

    async def more(self, most: Used) -> bool:
        """Whether it may take so much more; then it is set aside for it."""


class _Unlimited:
    async def more(self, most: Used) -> bool:
        return True


UNLIMITED: Final[Allowance] = _Unlimited()


class Judge(Protocol):
    """An evaluator at work. Made once for each configuration of it; closed at its end.

    Attributes:
        identity: What decides how it judges (rubric's version and hash, model, …), for
            the journal: with another one, scores do not compare.

    """

    identity: str

    def most(self, texts: Texts, other: str | None = None) -> Used:
        """Give an upper bound of what asking about this once may take.

        Of two answers: of comparing them, and of judging each where that leaves out a score.
        """

    async def judge(self, texts: Texts, allowance: Allowance = UNLIMITED) -> Verdict:
        """Score an answer; ask *allowance* before asking once more.

        Raises:
            JudgeFailed: There is no verdict.

        """

    async def compare(
        self,
        texts: Texts,
        other: str,
        *,
        is_swapped: bool,
        allowance: Allowance = UNLIMITED,
    ) -> Verdict:
        """Say how *other* compares with `texts.answer`, as answers to the same request.

        Args:
            texts: Of the request, and one answer.
            other: The other answer.
            is_swapped: Show *other* first; whoever asks tosses a coin.
            allowance: As in `judge`.

        Returns:
            Of each score it can compare: 1.0 *other* is better, 0.5 neither, 0.0 worse.

        Raises:
            JudgeFailed: There is no verdict.

        """

    async def close(self) -> None:
        """Let go of connections and processes."""
