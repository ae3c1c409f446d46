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
            caption="A hash of the user's name picks the version, so a user who comes "
            "back\nmeets the same one, on every worker, with nothing stored anywhere.",
        ),
        Chapter(
            weight=50,
            seconds=7.0,
            title="The gate opens: half of the users",
            caption="One PUT to the admin API moved the weight while requests ran. "
            "Users move\nfrom v1 to v2 only; whoever had met v2 already stays there.",
        ),
        Chapter(
            weight=0,
            seconds=5.5,
            title="The gate closes: everybody back to the baseline",
            caption="The next request of every user goes to v1 again. Streams that v2 "
            "had begun\nfinish where they are: no client sees that anything happened.",
        ),
    ),
)

FAST: Final = replace(
    FULL,
    users=60,
    chapters=tuple(replace(chapter, seconds=1.0) for chapter in FULL.chapters),
)
"""The same within a few seconds, for tests."""
