"""Does the answer answer what was asked: relevant statements / statements.

DeepEval's answer relevancy. RAGAS measures another thing under a similar name: the cosine
between the question and questions made up from the answer. An answer that states nothing
answers nothing: 0, and not "unknown", for a version decides by its answers whether it
states something.
"""

from typing import Final

from gateway.evaluators.rubric import MOST_ITEMS, Items, Needs, Rubric, good, share_of

RELEVANCE: Final = Rubric(
    score=good("relevance"),
    version=1,
    needs=frozenset({Needs.PROMPT}),
    asks=(
        f"List up to {MOST_ITEMS} statements the answer makes, each in at most ten words. "
        "A statement is relevant when it answers what the question asks, or is needed to "
        "understand the answer; irrelevant when it is about something else, evades, or "
        "only repeats the question. Whether it is true does not matter here."
    ),
    form=Items(("relevant", "irrelevant")),
    count=share_of("relevant", of_none=0.0),
    flag_from=0.5,
    compares="answers more directly and more completely what the question asks",
)
