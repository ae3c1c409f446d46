"""The script of the demo: how long each weight stays, and what is said about it."""

from dataclasses import dataclass, replace
from typing import Final

BASELINE: Final = "v1"
CANDIDATE: Final = "v2"
SERVICE: Final = "chat"
ROLES: Final = {CANDIDATE: "candidate", BASELINE: "baseline"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One weight, for a while.

    Attributes:
        weight: The candidate's, in percent.
        seconds: How long the visitors stay in it, counted from the weight in force.
        title: A few words.
        caption: What there is to see; two lines at 80 columns.

    """

    weight: float
    seconds: float
    title: str
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The chapters, and how lively it is.

    Attributes:
        chapters: In order; the weight rises in all but the last.
        users: How many different users come.
        per_second: How many requests they send in a second, all together.

    """

    chapters: tuple[Chapter, ...]
    users: int
    per_second: float

    @property
    def seconds(self) -> float:
        """How long all chapters take together."""
        return sum(chapter.seconds for chapter in self.chapters)


FULL: Final = Script(
    users=300,
    per_second=100.0,
    chapters=(
        Chapter(
            weight=10,
            seconds=7.0,
            title="One user in ten meets the candidate",
            caption="A hash of the user's name picks the version, the same one each time. "
            "The\ngateway reads every answer as it passes, and tells what it was.",
        ),
        Chapter(
            weight=50,
            seconds=7.0,
            title="The gate opens: half of the users",
            caption="One PUT moved the weight while requests ran; users move to v2 only. "
            "v2 is\nquicker, cheaper, and under load it breaks off inside its 200s.",
        ),
        Chapter(
            weight=0,
            seconds=5.5,
            title="The gate closes: everybody back to the baseline",
            caption="Status codes alone would never tell. The next request of every user "
            "goes\nto v1 again; streams that v2 had begun finish where they are.",
        ),
    ),
)

FAST: Final = replace(
    FULL,
    users=60,
    chapters=tuple(replace(chapter, seconds=1.0) for chapter in FULL.chapters),
)
"""The same within a few seconds, for tests."""
