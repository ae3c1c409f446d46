"""Is what the answer claims in the passages: supported claims / claims.

RAGAS (Es et al. 2023, arXiv 2309.15217). A claim that the passages say nothing of counts
against it, which is what sets it apart from hallucination. An answer that claims nothing
is faithful: 1, and not "unknown", for a version decides by its answers whether it claims
something.
"""

from typing import Final

from gateway.evaluators.rubric import MOST_ITEMS, Items, Needs, Rubric, good, share_of

FAITHFULNESS: Final = Rubric(
    score=good("faithfulness"),
    version=1,
    needs=frozenset({Needs.CONTEXT}),
    asks=(
        f"List up to {MOST_ITEMS} factual claims the answer makes, each in at most ten "
        "words. A claim is supported when the passages state it or it follows from them "
        "directly; unsupported when they say otherwise or say nothing of it, however well "
        "known it may be. That something is unknown, or that the passages do not say it, "
        "is no claim. With no claims give an empty list."
    ),
    form=Items(("supported", "unsupported")),
    count=share_of("supported", of_none=1.0),
    flag_from=1.0,
    compares="claims less that the passages do not support",
)
