"""Units of evidence, counted once however many workers saw them.

What is concluded from them is not concluded here: this keeps the count that screens show,
and drops what was heard before.
"""

from collections.abc import Callable, Collection
from typing import Final

import msgspec

from gateway.domain.lane import service_of
from gateway.handoff.evidence import Block, Evidence

MOST_KEYS: Final = 200_000
"""Keys of one service that are known under one weight."""

_FULL: Final = 1 << 32
_LOW: Final = 0xFFFFFFFF


MOST_REVISIONS: Final = 8
"""Weights of one service whose units are known: what runs long ends under a later one."""


class _Units(msgspec.Struct):
    """The units of one service under one weight.

    Attributes:
        seen: Fingerprints that were counted.
        limit: Keys whose low bits are below are counted: fewer where there are very many.

    """

    seen: set[int] = msgspec.field(default_factory=set)
    limit: int = _FULL

    def is_new(self, fingerprint: int) -> bool:
        """Note a key; whether it is in the sample and was not seen before."""
        if fingerprint & _LOW >= self.limit or fingerprint in self.seen:
            return False
        self.seen.add(fingerprint)
        return True

    def bound(self) -> None:
        """Let go of half of the keys where there are too many."""
        if len(self.seen) > MOST_KEYS:
            self.limit //= 2
            self.seen = {each for each in self.seen if each & _LOW < self.limit}


class UnitCounts(msgspec.Struct):
    """What is known of a version's evidence.

    Attributes:
        units: Counted since this controller started.
        newest: When the last one, or a mirrored pair, was heard of; monotonic clock.

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
        self._units: dict[str, dict[int, _Units]] = {}
        self.sampled: dict[int, float] = {}
        """By worker: the part of the keys it records."""
        self.counts: dict[tuple[str, str], UnitCounts] = {}
        """By service, whatever the lane, and version."""

    def take(self, message: Evidence) -> bool:
        """Take a message; whether it was not heard before."""
        pid, sequence = self._heard.get(message.worker, (0, 0))
        if pid == message.pid and message.sequence <= sequence:
            return False
        self._heard[message.worker] = (message.pid, message.sequence)
        self.sampled[message.worker] = message.sampled
        for block in message.blocks:
            self._take(block)
        return True

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
        served = {service for service, _version in versions}
        for name in [each for each in self._units if service_of(each) not in served]:
            del self._units[name]
        for key in self.counts.keys() - set(versions):
            del self.counts[key]

    def _take(self, block: Block) -> None:
        known = self._under(block.service, block.revision)
        if known is None:
            return
        for record in block.records:
            if record.bucket is not None and not known.is_new(record.fingerprint):
                continue
            key = (service_of(block.service), block.versions[record.is_candidate])
            counts = self.counts.setdefault(key, UnitCounts())
            counts.units += 1
            counts.newest = self._now()
        if block.pairs:  # no units of clients', but evidence all the same
            key = (service_of(block.service), block.versions[True])
            self.counts.setdefault(key, UnitCounts()).newest = self._now()
        known.bound()

    def _under(self, service: str, revision: int) -> _Units | None:
        """Give the units of one weight; None of one that is long gone."""
        weights = self._units.setdefault(service, {})
        if revision not in weights:
            if len(weights) >= MOST_REVISIONS and revision < min(weights):
                return None
            weights[revision] = _Units()
            if len(weights) > MOST_REVISIONS:
                del weights[min(weights)]
        return weights[revision]
