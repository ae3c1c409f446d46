"""What the visitors met, counted from what came over the wire. No I/O, no clock.

A visit counts for the version that the gateway's header names; what the answer's own
body claims is held against it.

Time is told in *steps*: at step 0 the first chapter's weight is in force, at step 1 it
is being moved, at step 2 the second chapter's is in force, and so on. A visit that was
on its way while the weight moved may meet either version, so it counts for no chapter.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from typing import Final

from gateway.cli.demo.chapters import BASELINE, CANDIDATE


class Ending(Enum):
    """How one visit ended, as the visitor saw it."""

    WHOLE = "whole"
    BROKEN = "broken"  # an error came in place of its end
    CUT = "cut"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request and what came back.

    Attributes:
        user: Number of the user, from 0.
        sent_step: The step in which it was sent.
        met_step: The step in which the head of the answer came, or the failure.
        ended_step: The step in which the last byte came.
        version: What the gateway's header says; None without one.
        claim: What the body says; None when it says nothing.
        ending: Whether the answer was whole.
        streamed: Whether an event stream was asked for.

    """

    user: int
    sent_step: int
    met_step: int
    ended_step: int
    version: str | None
    claim: str | None
    ending: Ending
    streamed: bool

    @property
    def chapter(self) -> int | None:
        """The chapter whose weight it met; None when the weight was moving."""
        stable = self.sent_step == self.met_step and self.sent_step % 2 == 0
        return self.sent_step // 2 if stable else None


@dataclass(slots=True)
class ChapterCount:
    """Who met whom while one weight was in force; `met` has the users seen."""

    requests: int = 0
    failed: int = 0
    met: dict[int, str] = field(default_factory=dict)

    def users(self, version: str) -> int:
        """How many different users met *version*."""
        return sum(1 for met in self.met.values() if met == version)

    def share(self, version: str) -> float | None:
        """Percent of the users seen who met *version*; None before the first."""
        return 100.0 * self.users(version) / len(self.met) if self.met else None


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

    Args:
        weights: The candidate's weight in each chapter.

    """

    def __init__(self, weights: Sequence[float]) -> None:
        self.weights = tuple(weights)
        self._by_version = {BASELINE: 0, CANDIDATE: 0}
        self.chapters = tuple(ChapterCount() for _ in weights)
        self.homes: dict[int, str] = {}
        self.outcomes: Counter[Ending] = Counter()
        self.streams = 0
        self.between = 0
        self.disagreed = 0
        self.moved_on = 0
        self.moved_back = 0
        self.outlived = 0
        falls = [at for at, pair in enumerate(pairwise(weights)) if pair[1] < pair[0]]
        self._fall_step = 2 * falls[0] + 1 if falls else 2 * len(self.weights)

    @property
    def requests(self) -> int:
        """How many visits there were."""
        return self.outcomes.total()

    @property
    def cut(self) -> int:
        """How many answers began and were not whole."""
        return self.outcomes[Ending.CUT]

    @property
    def broken(self) -> int:
        """How many answers had an error inside, and an end mark all the same."""
        return self.outcomes[Ending.BROKEN]

    @property
    def failed(self) -> int:
        """How many visits got no answer with status 200."""
        return self.outcomes[Ending.FAILED]

    def requests_by_version(self) -> dict[str, int]:
        """How many visits each version answered."""
        return dict(self._by_version)

    def record(self, visit: Visit) -> None:
        """Count one visit; of one user, in the order in which they were made."""
        self.outcomes[visit.ending] += 1
        self.streams += visit.streamed
        self._count_chapter(visit)
        if visit.version is None or visit.version not in self._by_version:
            self.disagreed += visit.ending is not Ending.FAILED
            return
        self._by_version[visit.version] += 1
        if visit.claim is not None or visit.ending is Ending.WHOLE:
            self.disagreed += visit.claim != visit.version
        self._count_move(visit, visit.version)

    def problems(self) -> list[str]:
        """Say what must not have happened; empty when all went well."""
        counted = (
            ("requests that failed", self.failed),
            ("users who moved back while the weight rose", self.moved_back),
            ("answers from another version than the header says", self.disagreed),
        )
        found = [f"There were {what}: {number}." for what, number in counted if number]
        unseen = [
            f"At {weight:g} % nobody came."
            for weight, chapter in zip(self.weights, self.chapters, strict=True)
            if not chapter.met
        ]
        return (
            found
            + unseen
            + [
                f"At {weight:g} % {chapter.users(CANDIDATE)} of {len(chapter.met)} users "
                "met the candidate, which chance cannot explain."
                for weight, chapter in zip(self.weights, self.chapters, strict=True)
                if not is_credible(weight, chapter.users(CANDIDATE), len(chapter.met))
            ]
        )

    def _count_chapter(self, visit: Visit) -> None:
        if visit.chapter is None:
            self.between += 1
            return
        chapter = self.chapters[visit.chapter]
        chapter.requests += 1
        chapter.failed += visit.ending is Ending.FAILED
        if visit.version is not None:
            chapter.met[visit.user] = visit.version

    def _count_move(self, visit: Visit, version: str) -> None:
        home = self.homes.get(visit.user)
        self.homes[visit.user] = version
        rising = visit.met_step < self._fall_step
        self.moved_on += rising and (home, version) == (BASELINE, CANDIDATE)
        self.moved_back += rising and (home, version) == (CANDIDATE, BASELINE)
        began_before = version == CANDIDATE and visit.met_step < self._fall_step
        ended_after = visit.ended_step >= self._fall_step
        self.outlived += began_before and ended_after and visit.ending is Ending.WHOLE
