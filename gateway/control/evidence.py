"""Units of evidence, counted once however many workers saw them.

What is concluded from them is not concluded here: this keeps the count that screens show,
and drops what was heard before.
"""

from collections.abc import Callable, Collection
from typing import Final

import msgspec

from gateway.handoff.evidence import Block, Evidence

MOST_KEYS: Final = 200_000
"""Keys of one service that are known under one weight."""

_FULL: Final = 1 << 32
_LOW: Final = 0xFFFFFFFF


class _Units(msgspec.Struct):
    """The units of one service under the weight in force.

    Attributes:
        revision: Of the split.
        seen: Fingerprints that were counted.
        limit: Keys whose low bits are below are counted: fewer where there are very many.

    """

    revision: int
    seen: set[int] = msgspec.field(default_factory=set)
    limit: int = _FULL


class UnitCounts(msgspec.Struct):
    """What is known of a version's evidence.

    Attributes:
        units: Counted since this controller started.
        newest: When the last one was heard of; monotonic clock.

    """

    units: int = 0
    newest: float = 0.0


class EvidenceBook:
    """Takes the workers' records.

    Args:
        now: Monotonic clock in seconds.

    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._heard: dict[int, tuple[int, int]] = {}
        self._units: dict[str, _Units] = {}
        self.counts: dict[tuple[str, str], UnitCounts] = {}
        """By service and version."""

    def take(self, message: Evidence) -> None:
        """Take a message, unless it was heard before."""
        pid, sequence = self._heard.get(message.worker, (0, 0))
        if pid == message.pid and message.sequence <= sequence:
            return
        self._heard[message.worker] = (message.pid, message.sequence)
        for block in message.blocks:
            self._take(block)

    def ages(self) -> dict[str, float]:
        """Tell how old the newest evidence of each service is, in seconds."""
        now, ages = self._now(), dict[str, float]()
        for (service, _version), counts in self.counts.items():
            age = now - counts.newest
            ages[service] = min(age, ages.get(service, age))
        return ages

    def units(self, service: str, version: str) -> int:
        """Give how many units of a version were counted since this controller started."""
        counts = self.counts.get((service, version))
        return 0 if counts is None else counts.units

    def age(self, service: str) -> float | None:
        """Tell how old a service's newest evidence is, in seconds; None: there is none."""
        return self.ages().get(service)

    def forget_all_but(self, versions: Collection[tuple[str, str]]) -> None:
        """Drop what is known of versions that are not served any more."""
        for name in self._units.keys() - {service for service, _version in versions}:
            del self._units[name]
        for key in self.counts.keys() - set(versions):
            del self.counts[key]

    def _take(self, block: Block) -> None:
        known = self._units.get(block.service)
        if known is None or known.revision < block.revision:
            self._units[block.service] = known = _Units(block.revision)
        elif known.revision > block.revision:
            return  # of a weight that is not in force any more
        for record in block.records:
            fingerprint = record.fingerprint
            if fingerprint & _LOW >= known.limit or fingerprint in known.seen:
                continue
            known.seen.add(fingerprint)
            key = (block.service, block.versions[record.is_candidate])
            counts = self.counts.setdefault(key, UnitCounts())
            counts.units += 1
            counts.newest = self._now()
        if len(known.seen) > MOST_KEYS:
            known.limit //= 2
            known.seen = {each for each in known.seen if each & _LOW < known.limit}
