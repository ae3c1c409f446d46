"""Does the answer say what the right answer says: F1 over facts.

As RAGAS' answer correctness, its factual part: facts in both are true positives, those
of the answer alone false positives, those of the reference alone false negatives.
"""

from collections.abc import Sequence
from typing import Final

from gateway.evaluators.rubric import (
    MOST_ITEMS,
    Items,
    Needs,
    Rubric,
    Unreadable,
    good,
)


def _f1(verdicts: Sequence[str]) -> float:
    if not verdicts:
        raise Unreadable("no facts, though there is a reference")
    both = verdicts.count("both")
    return both / (both + (len(verdicts) - both) / 2)


CORRECTNESS: Final = Rubric(
    score=good("correctness"),
    version=1,
    needs=frozenset({Needs.REFERENCE}),
    asks=(
        f"List up to {MOST_ITEMS} facts that the answer or the reference states and that "
        "matter to the question, each once and in at most ten words. Say both when both "
        "state it, in whatever words; answer_only when the reference does not state it or "
        "denies it; reference_only when the answer does not state it or denies it. Take "
        "the reference as true."
    ),
    form=Items(("both", "answer_only", "reference_only")),
    count=_f1,
    flag_from=0.5,
    compares="agrees more completely with the reference",
)
