"""Blocks that come while what was known before them is read, to be counted behind it."""

from collections import deque
from typing import Final

from gateway.handoff.evidence import Block

MOST_HELD: Final = 20_000
"""Records of one service: seconds of heavy traffic, a few MB. Behind that the oldest blocks
go, whole, whatever they say."""

_Came = tuple[Block, int]


class HeldBlocks:
    """Blocks by service, in the order in which they came, with their workers."""

    def __init__(self) -> None:
        self._blocks: dict[str, deque[_Came]] = {}
        self._records: dict[str, int] = {}
        self._sampled: dict[str, float] = {}

    def thin_out(self, service: str, sampled: float) -> None:
        """Note that a worker told of a part of the keys only, 0 to 1."""
        self._sampled[service] = min(sampled, self.sampled(service))

    def sampled(self, service: str) -> float:
        """Give the part of the keys that has been told of whenever they came, 0 to 1."""
        return self._sampled.get(service, 1.0)

    def add(self, block: Block, worker: int) -> None:
        """Hold a block from a worker, by its process id."""
        blocks = self._blocks.setdefault(block.service, deque())
        blocks.append((block, worker))
        held = self._records.get(block.service, 0) + _size(block)
        while held > MOST_HELD:
            self._sampled[block.service] = 0.0
            held -= _size(blocks.popleft()[0])
        self._records[block.service] = held

    def give(self, service: str) -> deque[_Came]:
        """Give those of a service, and let go of them."""
        self._records.pop(service, None)
        self._sampled.pop(service, None)
        return self._blocks.pop(service, deque())


def _size(block: Block) -> int:
    return len(block.records) + len(block.pairs)
