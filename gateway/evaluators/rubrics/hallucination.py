"""Does the answer contradict the passages: contradicted contexts / contexts.

DeepEval's definition, so not 1 - faithfulness: what the passages say nothing of is no
contradiction. As a flag, which is the default: whether any passage is contradicted.
"""

from typing import Final

from gateway.evaluators.rubric import EachPassage, Needs, Rubric, bad, share_of

HALLUCINATION: Final = Rubric(
    score=bad("hallucination"),
    version=1,
    needs=frozenset({Needs.CONTEXT}),
    asks=(
        "For each passage say whether the answer contradicts it. It contradicts when both "
        "cannot be true: another number, name, date, cause or outcome, or a claimed fact "
        "the passage denies. That the answer leaves something out, or says more than the "
        "passage, is no contradiction. Judge by the passage, not by what you know."
    ),
    form=EachPassage(("agrees", "contradicts")),
    count=share_of("contradicts", of_none=0.0),
    flag_from=0.001,
    compares="contradicts the passages less",
)
