"""Units of evidence, counted once however many workers saw them: for screens alone.

What decides is a rollout's unit book, which knows its keys exactly. This counts while no
rollout is on as well, and needs no more than 2 MB a service for it: whether a key was heard
of is asked of a Bloom filter (Bloom, CACM 13(7), 1970, method 2), in which two keys in a
thousand may seem to be known already.
"""

from collections.abc import Callable, Collection
from typing import Final

import msgspec

from gateway.domain.lane import service_of
from gateway.handoff.evidence import Block, Evidence, PairRecord, Record
from gateway.handoff.heard import Heard

MOST_KEYS: Final = 100_000
"""Keys in one filter; then another begins, and the one before is asked too."""

_BITS: Final = 23
_BYTES: Final = 1 << (_BITS - 3)
_PLACE: Final = (1 << _BITS) - 1
_WHOLE: Final = (1 << 64) - 1
_FIRST: Final = 64 - _BITS
_SECOND: Final = _FIRST - _BITS

# Odd constants of splitmix64 (Steele, Lea and Flood, OOPSLA 2014): they spread keys and
# weights over all 64 bits, of which the highest are the best.
_STEP: Final = 0x9E3779B97F4A7C15
_MIX: Final = 0xBF58476D1CE4E5B9


class _Heard:
    """The keys of one service that were heard of, each under its weight."""

    __slots__ = ("_before", "_count", "_now")

    def __init__(self) -> None:
        self._now = bytearray(_BYTES)
        self._before = bytearray()
        self._count = 0

    def is_new(self, fingerprint: int, revision: int) -> bool:
        """Note a key under a weight; whether it was not heard of before."""
        mixed = (fingerprint + revision * _STEP) * _MIX & _WHOLE
        first, second = mixed >> _FIRST, mixed >> _SECOND & _PLACE
        if _has(self._now, first, second) or _has(self._before, first, second):
            return False
        if self._count >= MOST_KEYS:
            self._before, self._now = self._now, bytearray(_BYTES)
            self._count = 0
        self._now[first >> 3] |= 1 << (first & 7)
        self._now[second >> 3] |= 1 << (second & 7)
        self._count += 1
        return True


def _has(bits: bytearray, first: int, second: int) -> bool:
    if not bits or not bits[first >> 3] >> (first & 7) & 1:
        return False
    return bool(bits[second >> 3] >> (second & 7) & 1)


class UnitCounts(msgspec.Struct):
    """What is known of a version's evidence.

    Attributes:
        units: Counted since this controller started.
        pairs: Mirrored ones, whole, since then: each is a unit of both versions.
        newest: When the last of either was heard of; monotonic clock.

    """

    units: int = 0
    pairs: int = 0
    newest: float = 0.0


class EvidenceBook:
    """Takes the workers' records.

    Args:
        now: Monotonic clock in seconds.

    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._heard = Heard()
        self._keys: dict[str, _Heard] = {}
        self.counts: dict[tuple[str, str], UnitCounts] = {}
        """By service, whatever the lane, and version."""

    def take(self, message: Evidence) -> bool:
        """Take a message; whether it was not heard before."""
        if not self._heard.is_new(message.worker, message.pid, message.sequence):
            return False
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

    def pairs(self, service: str, version: str) -> int:
        """Give how many mirrored pairs there were since this controller started."""
        counts = self.counts.get((service, version))
        return 0 if counts is None else counts.pairs

    def age(self, service: str) -> float | None:
        """Tell how old a service's newest evidence is, in seconds; None: there is none."""
        return self.ages().get(service)

    def forget_all_but(self, versions: Collection[tuple[str, str]]) -> None:
        """Drop what is known of versions that are not served any more."""
        served = {service for service, _version in versions}
        for name in [each for each in self._keys if service_of(each) not in served]:
            del self._keys[name]
        for key in self.counts.keys() - set(versions):
            del self.counts[key]

    def _take(self, block: Block) -> None:
        for record in block.records:
            if self._is_unit(block, record):
                counts = self._counts(block, is_candidate=record.is_candidate)
                counts.units += 1
                counts.newest = self._now()
        whole = sum(map(_is_whole, block.pairs))
        for is_candidate in (False, True) if block.pairs else ():
            counts = self._counts(block, is_candidate=is_candidate)
            counts.pairs += whole
            counts.newest = self._now()

    def _is_unit(self, block: Block, record: Record) -> bool:
        """Whether a record is the first of its key, or has none."""
        if record.bucket is None:
            return True
        if record.nth != 1:
            return False
        if block.service not in self._keys:
            self._keys[block.service] = _Heard()
        return self._keys[block.service].is_new(record.fingerprint, block.revision)

    def _counts(self, block: Block, *, is_candidate: bool) -> UnitCounts:
        key = (service_of(block.service), block.versions[is_candidate])
        return self.counts.setdefault(key, UnitCounts())


def _is_whole(pair: PairRecord) -> bool:
    return pair.baseline is not None and pair.candidate is not None
