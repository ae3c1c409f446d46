"""Is what was retrieved about what was asked: relevant passages / passages.

By passage. RAGAS and DeepEval count sentences of passages, which takes a judge many more
tokens; the mean over exchanges orders two retrievers in the same way.
"""

from typing import Final

from gateway.evaluators.rubric import EachPassage, Needs, Rubric, good, share_of

CONTEXT_RELEVANCE: Final = Rubric(
    score=good("context_relevance"),
    version=1,
    needs=frozenset({Needs.PROMPT, Needs.CONTEXT}),
    asks=(
        "For each passage say whether it has information that helps to answer the "
        "question. Sharing its words or its topic is not enough. Leave the answer out of "
        "account."
    ),
    form=EachPassage(("relevant", "irrelevant")),
    count=share_of("relevant", of_none=0.0),
    flag_from=0.5,
    compares=None,
)
