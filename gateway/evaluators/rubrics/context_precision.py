"""Do the useful passages come first: precision@k, weighted by rank.

The mean, over the ranks k with a useful passage, of useful passages up to k / k: average
precision, as RAGAS (context precision) and DeepEval (contextual precision) define it. A
passage is useful that the reference rests on, or the answer where there is no reference.
None useful: 0.
"""

from collections.abc import Sequence
from typing import Final

from gateway.evaluators.rubric import EachPassage, Needs, Rubric, good


def _average_precision(verdicts: Sequence[str]) -> float:
    useful, total = 0, 0.0
    for rank, verdict in enumerate(verdicts, 1):
        if verdict == "useful":
            useful += 1
            total += useful / rank
    return total / useful if useful else 0.0


CONTEXT_PRECISION: Final = Rubric(
    score=good("context_precision"),
    version=1,
    needs=frozenset({Needs.PROMPT, Needs.CONTEXT}),
    reads_too=frozenset({Needs.REFERENCE}),
    asks=(
        "For each passage say whether it was useful for arriving at the reference, or at "
        "the answer where there is no reference: whether that states something found in "
        "the passage."
    ),
    form=EachPassage(("useful", "useless")),
    count=_average_precision,
    flag_from=0.5,
    compares=None,
)
