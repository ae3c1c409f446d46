"""The script of the demo: two releases, and what is said about them."""

from dataclasses import dataclass, replace
from typing import Final

SERVICE: Final = "chat"
OLD: Final = "v1"
GOOD: Final = "v2"
BAD: Final = "v3"
VERSIONS: Final = (OLD, GOOD, BAD)

SEGMENT: Final = "prompt"
EDGE: Final = "2KiB"
SHORT: Final = f"<{EDGE}"
LONG: Final = f">={EDGE}"
"""The gateway's names of short and of long prompts."""

JUDGE: Final = "judge"
SCORE: Final = "hallucination"
JUDGED: Final = f"{JUDGE}:{SCORE}"
"""What the judge says: whether an answer contradicts a passage it was given."""

METRICS: Final = ("error_rate", "duration", "time_to_first_token", JUDGED)
"""What guards each release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One release.

    Attributes:
        baseline: The version that serves before.
        candidate: The version that is released.
        ends_in: The phase that its rollout must end in.
        title: A few words.
        caption: What there is to see; two lines at 80 columns.
        ended: The same, when it has ended as it must.
        patience_s: After so many seconds without an end it is given up.

    """

    baseline: str
    candidate: str
    ends_in: str
    title: str
    caption: str
    ended: str
    patience_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The acts, and how lively it is.

    Attributes:
        acts: In order.
        steps: Weights of the plan, in percent.
        users: How many different users come, in turn.
        per_second: How many conversations they begin in a second, all together.
        sample: For which part of the users answers are judged.
        before_s: How long everybody talks to the baseline before the first act.
        after_s: How long the end of an act is looked at.
        usual_s: About how long all of it takes.

    """

    acts: tuple[Act, ...]
    steps: tuple[float, ...]
    users: int
    per_second: float
    sample: float
    before_s: float
    after_s: float
    usual_s: float


FULL: Final = Script(
    steps=(5, 25, 50, 100),
    users=10_000,
    per_second=260.0,
    sample=1.0,
    before_s=2.0,
    after_s=4.0,
    usual_s=85.0,
    acts=(
        Act(
            baseline=OLD,
            candidate=GOOD,
            ends_in="promoted",
            title="A good candidate climbs by evidence",
            caption="v2 is quicker. Nobody moves its weight: a step passes when every "
            "metric is\nproven to be no worse than its margin, at odds of 20 to 1.",
            ended="v2 serves everybody. Not because time went by without an alarm, but\n"
            "because at each weight it was proven to be good enough for the next.",
            patience_s=180.0,
        ),
        Act(
            baseline=GOOD,
            candidate=BAD,
            ends_in="rolled_back",
            title="A candidate that is wrong, and does not look it",
            caption="v3 is as quick as v2, never fails and writes as well. But with a long\n"
            "context, one in sixteen, it contradicts it. Only who reads can tell.",
            ended="A judge reads along, beside the traffic. By what it found in long\n"
            "contexts v3 was taken back by the gateway itself; no figure showed it.",
            patience_s=120.0,
        ),
    ),
)

FAST: Final = replace(FULL, steps=(25, 100), before_s=0.3, after_s=1.0, usual_s=30.0)
"""The same by fewer steps, for tests; the statistics are no other."""
