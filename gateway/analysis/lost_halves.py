"""Mirrored pairs with a missing half: an event of their own, and not a gap.

A half is missing when a version was asked and nobody knows what it answered. Two things
bring that about, and they are kept apart.

The worker stopped. That is nothing that an answer can bring about, so such a pair is no
evidence for or against anybody: left out, and counted. (Which copies still run then depends
on how slow they are; there are as many as `mirror.concurrency` in a worker at most, and
pairs judge no latency.)

The gateway failed in sending or reading it, which answers can bring about. If such pairs
were left out, a candidate could pass by failing where nobody sees it; if they were held
against it, it would be taken back for our own fault. So each bet counts what is worst for
itself: against "not worse" the least difference that the half which is there allows, for
the proof the most. Both stay fair however halves come to be missing (bounds without
assumptions: Manski, Partial Identification of Probability Distributions, 2003, chapter 1).

And more of them than TOLERATED are a breach of integrity, whichever version's halves they
are: that many mean that pairs are not what they are taken for. A product as a ceiling's
(ceiling.py) says so, with a part of the alpha of integrity (shares.INTEGRITY_TESTS).
"""

from math import log
from typing import Final

import msgspec

from gateway.analysis.ceiling import CeilingWealth
from gateway.analysis.design import Design
from gateway.analysis.shares import INTEGRITY_TESTS
from gateway.analysis.trial_process import Restarts

TOLERATED: Final = 0.01
"""Part of the pairs that may lack a half: as much as the narrowest margin of a rate."""


class KeptLost(msgspec.Struct, array_like=True, frozen=True):
    """See LostHalves.

    Attributes:
        wealths: Of its wealth; none: it is new.
        restarts: Restarts.kept.
        pairs: See LostHalves.

    """

    wealths: list[float] = []
    restarts: tuple[int, int] = (0, 0)
    pairs: tuple[int, int, int] = (0, 0, 0)


class LostHalves:
    """An e-process against "no more than TOLERATED of the pairs lack a half".

    Args:
        design: Frozen.

    """

    def __init__(self, design: Design) -> None:
        self._alpha = design.sample_ratio_alpha / INTEGRITY_TESTS
        self._restarts = Restarts(design.restart_share)
        self._wealth = CeilingWealth(TOLERATED)
        self._pairs = [0, 0, 0]

    @property
    def lost(self) -> int:
        """Pairs with a half that was lost in the gateway."""
        return self._pairs[1]

    @property
    def stopped(self) -> int:
        """Pairs with a half that the end of a worker cut off."""
        return self._pairs[2]

    def add(self, pairs: list[int]) -> None:
        """Count pairs; see Counts.pairs."""
        whole, lost, _stopped = pairs
        if whole or lost:
            self._wealth.add(whole + lost, lost)
            self._restarts.counts(whole + lost)
        for kind, count in enumerate(pairs):
            self._pairs[kind] += count

    def block_ends(self) -> None:
        """Split wealth by the prior again if it is time; see Restarts."""
        if self._restarts.counts(0):
            self._wealth.share(self._restarts.part())

    def integrity(self) -> str | None:
        """Say why nothing can be proven by pairs, in a sentence; None: it can."""
        if self._wealth.log_e < -log(self._alpha):
            return None
        known = self._pairs[0] + self.lost
        return (
            f"{self.lost} of {known} mirrored pairs lack a half that the gateway failed to"
            f" send or to read: odds of more than {1 / self._alpha:.0f} : 1 that it is"
            f" more than {TOLERATED:.0%}. The workers' log says what failed."
        )

    def kept(self) -> KeptLost:
        """Give all that must be kept."""
        whole, lost, stopped = self._pairs
        return KeptLost(
            self._wealth.dump(), self._restarts.kept(), (whole, lost, stopped)
        )

    def load(self, kept: KeptLost) -> None:
        """Go on with what was kept."""
        if kept.wealths:
            self._wealth = CeilingWealth.load(TOLERATED, kept.wealths)
        self._restarts.load(kept.restarts)
        self._pairs = [*kept.pairs]
