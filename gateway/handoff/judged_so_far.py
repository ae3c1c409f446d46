"""What judges have done so far, for the next controller: counters must not go down."""

import msgspec

from gateway.analysis.sums import Feedback


class EvaluatorTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What one evaluator has done.

    Attributes:
        results: Samples by what became of them.
        failures: Of those that failed, by why.
        input: Tokens it read.
        output: Tokens it wrote.
        cost: USD.
        seconds: Spent waiting for verdicts, together.
        cut: Samples of which it was shown a part, for the whole was too long.

    """

    results: dict[str, int] = {}
    failures: dict[str, int] = {}
    input: int = 0
    output: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    cut: int = 0


class JudgedSoFar(msgspec.Struct, frozen=True, kw_only=True):
    """What all judges have done, and have said.

    Attributes:
        evaluators: By service and evaluator.
        scores: Sums of what was said.
        served: USD that each service's versions had cost before anything was judged.

    """

    evaluators: dict[str, dict[str, EvaluatorTotals]] = {}
    scores: Feedback = {}
    served: dict[str, float] = {}
