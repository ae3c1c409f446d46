"""Socket: a judge watches a rollout and says when to take the candidate back.

To add one: write judges/<name>.py and list it in judges/__init__.py. A judge sees every
second of the traffic and may look as often as its documents say.
"""

from typing import Protocol

from loadtest.detection.traffic import SECONDS, Slice


class Judge(Protocol):
    """Watches one rollout, from its beginning."""

    def condemns(self, second: Slice) -> bool:
        """See one more second; say whether the candidate has to go."""


class Tally:
    """Requests of both versions and their failures, added up.

    Attributes:
        seconds: That it has seen.
        baseline: Requests.
        baseline_failed: Of them.
        candidate: Requests.
        candidate_failed: Of them.

    """

    __slots__ = (
        "baseline",
        "baseline_failed",
        "candidate",
        "candidate_failed",
        "seconds",
    )

    def __init__(self) -> None:
        self.seconds = 0
        self.baseline = self.baseline_failed = 0
        self.candidate = self.candidate_failed = 0

    def add(self, second: Slice) -> None:
        """Add a second."""
        self.seconds += 1
        self.baseline += second.baseline[0]
        self.baseline_failed += second.baseline[1]
        self.candidate += second.candidate[0]
        self.candidate_failed += second.candidate[1]


class Minutes:
    """Cuts the seconds into minutes, as scraped metrics do."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open = Tally()

    def add(self, second: Slice) -> Tally | None:
        """Add a second; give the minute that it ended, if it did."""
        self._open.add(second)
        if self._open.seconds < SECONDS:
            return None
        ended, self._open = self._open, Tally()
        return ended
