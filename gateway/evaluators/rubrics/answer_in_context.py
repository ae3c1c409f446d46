"""Could the question be answered from what was retrieved: 1 or 0.

Of the request alone: it tells a retriever that finds nothing from a model that reads
badly.
"""

from typing import Final

from gateway.domain.evaluation import Score
from gateway.domain.rollout import Worse
from gateway.evaluators.rubric import Needs, One, Rubric, share_of

ANSWER_IN_CONTEXT: Final = Rubric(
    score=Score(name="answer_in_context", is_flag=True, worse=Worse.LOWER),
    version=1,
    needs=frozenset({Needs.PROMPT, Needs.CONTEXT}),
    asks=(
        "Say whether all passages together hold what is needed to answer the question "
        "fully, without any other knowledge. Leave the answer out of account."
    ),
    form=One(("yes", "no")),
    count=share_of("yes", of_none=0.0),
    flag_from=0.5,
    compares=None,
)
