"""What the visitors met, counted from what came over the wire. No I/O, no clock.

A visit counts for the version that the gateway's header names; what the answer's own
body claims is held against it. When the weight moved, the journal says; a visit is
settled only when the journal was read later than it happened.
"""

import math
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

SETTLED_S: Final = 0.5
"""What is asked so soon after a move counts for no weight."""


class Ending(Enum):
    """How one visit ended, as the visitor saw it."""

    WHOLE = "whole"
    BROKEN = "broken"  # an error came in place of its end
    CUT = "cut"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request and what came back; times in seconds of one clock.

    Attributes:
        user: Number of the user, from 0.
        sent_at: When it was sent.
        met_at: When the head of the answer came, or the failure.
        ended_at: When the last byte came.
        version: What the gateway's header says; None without one.
        claim: What the body says; None when it says nothing.
        ending: Whether the answer was whole.
        streamed: Whether an event stream was asked for.

    """

    user: int
    sent_at: float
    met_at: float
    ended_at: float
    version: str | None
    claim: str | None
    ending: Ending
    streamed: bool


@dataclass(slots=True, kw_only=True)
class Stretch:
    """The time between two moves of the weight.

    Attributes:
        began_at: When the move was decided.
        weight: The candidate's from then on, in percent.
        candidate: Its name.
        is_fall: Whether it was lower than before.
        met: The users who came in it, by number: the version that they met.

    """

    began_at: float
    weight: float
    candidate: str
    is_fall: bool = False
    met: dict[int, str] = field(default_factory=dict)

    @property
    def users(self) -> int:
        """How many different users met the candidate."""
        return sum(1 for met in self.met.values() if met == self.candidate)

    @property
    def share(self) -> float | None:
        """Percent of the users who came that met the candidate; None before the first."""
        return 100.0 * self.users / len(self.met) if self.met else None


_CREDIBLE_SIGMAS: Final = 4.5


def is_credible(wanted: float, met: int, users: int) -> bool:
    """Whether *met* of *users* can be the work of a fair hash aiming at *wanted*.

    Within four and a half standard deviations of a binomial: a right gateway fails
    this once in a hundred thousand demos. At 0 and at 100 percent nobody may stray.
    """
    share = wanted / 100.0
    spread = math.sqrt(users * share * (1.0 - share))
    return abs(met - users * share) <= _CREDIBLE_SIGMAS * spread


class Ledger:
    """All visits so far.

    Attributes:
        stretches: By the journal, in order.
        endings: How many visits ended how.
        by_version: How many each version answered.
        streams: How many visits asked for a stream.
        disagreed: Answers from another version than the header says.
        moved_back: Moves of users away from the candidate while its weight did not fall.
        outlived: Answers that ran when their version's weight fell, and ended whole.
        late: How long after that it was still asked, in seconds; None: not at all.

    """

    def __init__(self) -> None:
        self.stretches: list[Stretch] = []
        self.endings: Counter[Ending] = Counter()
        self.by_version: Counter[str] = Counter()
        self.streams = 0
        self.disagreed = 0
        self.moved_back = 0
        self.outlived = 0
        self.late: float | None = None
        self._homes: dict[tuple[int, str], str] = {}
        self._open: list[Visit] = []

    @property
    def requests(self) -> int:
        """How many visits there were."""
        return self.endings.total()

    @property
    def failed(self) -> int:
        """How many visits got no answer with status 200."""
        return self.endings[Ending.FAILED]

    @property
    def cut(self) -> int:
        """How many answers began and were not whole."""
        return self.endings[Ending.CUT] + self.endings[Ending.BROKEN]

    def record(self, visit: Visit) -> None:
        """Count one visit; of one user, in the order in which they were made."""
        self.endings[visit.ending] += 1
        self.streams += visit.streamed
        if visit.version is None:
            self.disagreed += visit.ending is not Ending.FAILED
            return
        self.by_version[visit.version] += 1
        if visit.claim is not None or visit.ending is Ending.WHOLE:
            self.disagreed += visit.claim != visit.version
        self._open.append(visit)

    def settle(self, until: float) -> None:
        """Settle what had ended before *until*, up to when the stretches are known."""
        ripe = [visit for visit in self._open if visit.ended_at < until]
        self._open = [visit for visit in self._open if visit.ended_at >= until]
        for visit in ripe:
            self._settle(visit)

    def problems(self) -> list[str]:
        """Say what must not have happened; empty when all went well."""
        counted = (
            ("requests that failed", self.failed),
            ("answers that were cut", self.cut),
            ("users who moved back while the weight rose", self.moved_back),
            ("answers from another version than the header says", self.disagreed),
        )
        return [
            *(f"There were {what}: {number}." for what, number in counted if number),
            *(
                f"At {one.weight:g} % {one.users} of {len(one.met)} users met "
                f"{one.candidate}, which chance cannot explain."
                for one in self.stretches
                if not is_credible(one.weight, one.users, len(one.met))
            ),
        ]

    def _settle(self, visit: Visit) -> None:
        assert visit.version is not None  # ruff: ignore[assert]: see record
        began = [one for one in self.stretches if one.began_at <= visit.met_at]
        if not began:
            return
        now = began[-1]
        if visit.sent_at >= now.began_at + SETTLED_S:
            now.met[visit.user] = visit.version
        if now.is_fall:
            self._settle_after_fall(visit, now)
        else:
            self._settle_home(visit, visit.version, now.candidate)
            following = self.stretches[len(began) :]
            if following and following[0].is_fall:
                is_running = visit.ended_at >= following[0].began_at
                is_moved = visit.version == now.candidate and is_running
                self.outlived += is_moved and visit.ending is Ending.WHOLE

    def _settle_home(self, visit: Visit, version: str, candidate: str) -> None:
        """See that nobody leaves the candidate of a release that goes up."""
        home = self._homes.get((visit.user, candidate))
        self._homes[visit.user, candidate] = version
        self.moved_back += home == candidate != version

    def _settle_after_fall(self, visit: Visit, fall: Stretch) -> None:
        """See how long the candidate was still asked."""
        waited = visit.sent_at - fall.began_at
        if visit.version == fall.candidate and waited > 0:
            self.late = max(self.late or 0.0, waited)
