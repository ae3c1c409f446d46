"""What the analysis reads of one recorded exchange; handoff.evidence.Record is one.

And of a key that came, before anything of it is over: handoff.evidence.Arrival.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from gateway.domain.segment import MOST_SEGMENTS


class Came(Protocol):
    """A key's first exchange in an epoch or a window, as far as its worker knows.

    Each attribute means what handoff.evidence.Arrival says of it.
    """

    @property
    def fingerprint(self) -> int:
        """64 bits that stand for the sticky key."""

    @property
    def arrived(self) -> float:
        """When its version was chosen; monotonic clock."""

    @property
    def window(self) -> int:
        """Which slice of time it arrived in."""

    @property
    def is_candidate(self) -> bool:
        """Which version was chosen."""


class Exchange(Protocol):
    """One exchange that was assigned by a coin. Unknown is None.

    Each attribute means what handoff.evidence.Record says of it.
    """

    @property
    def fingerprint(self) -> int:
        """64 bits that stand for the sticky key, or for a request without one."""

    @property
    def bucket(self) -> int | None:
        """Where the key lands; None without a key."""

    @property
    def is_candidate(self) -> bool:
        """Where it was assigned to, whoever answered it."""

    @property
    def arrived(self) -> float:
        """When its version was chosen; monotonic clock."""

    @property
    def nth(self) -> int:
        """Of this key since the weight changed, in its worker; 1 the first to arrive."""

    @property
    def window(self) -> int:
        """Which slice of time it arrived in."""

    @property
    def nth_in_window(self) -> int:
        """As nth, within the window."""

    @property
    def outcome(self) -> str:
        """An outcome's value, or observe.OVERDUE."""

    @property
    def duration(self) -> float:
        """Seconds."""

    @property
    def is_stream(self) -> bool:
        """Whether a stream was asked for."""

    @property
    def first_content(self) -> float | None:
        """Seconds to the first content of a stream; None of any other."""

    @property
    def per_token(self) -> float | None:
        """Seconds per output token after the first."""

    @property
    def input_tokens(self) -> int | None:
        """As reported."""

    @property
    def output_tokens(self) -> int | None:
        """As reported."""

    @property
    def cost(self) -> float | None:
        """USD."""

    @property
    def is_late(self) -> bool:
        """The version's deadline passed before there was anything."""

    @property
    def values(self) -> Sequence[tuple[int, float]]:
        """Signals that were measured, by their place among the names."""

    @property
    def cell(self) -> bytes:
        """Number of each segment's value."""

    @property
    def firsts(self) -> int:
        """Of which segments' values it is its key's first, in four sets; see firsts_of."""

    @property
    def draw(self) -> int | None:
        """What an evaluator's share of the keys is compared with; None: not known."""


ALL_PLACES: Final = (1 << MOST_SEGMENTS) - 1


class Firsts(NamedTuple):
    """Of which segments' values an exchange is its key's first in its worker.

    Sets of segments, a bit for each by its place.

    Attributes:
        in_epoch: Since the weight changed.
        in_window: In the window.
        washed: Since the weight changed, of those after the washout.
        washed_in_window: In the window, of those after the washout.

    """

    in_epoch: int
    in_window: int
    washed: int
    washed_in_window: int


def firsts_of(exchange: Exchange) -> Firsts:
    """Read Exchange.firsts."""
    packed = exchange.firsts
    return Firsts(
        packed & ALL_PLACES,
        packed >> MOST_SEGMENTS & ALL_PLACES,
        packed >> 2 * MOST_SEGMENTS & ALL_PLACES,
        packed >> 3 * MOST_SEGMENTS,
    )


class MirroredPair(Protocol):
    """A request that both versions got; handoff.evidence.PairRecord is one."""

    @property
    def baseline(self) -> Exchange | None:
        """The baseline's half; None: not known."""

    @property
    def candidate(self) -> Exchange | None:
        """The candidate's half; None: not known."""

    @property
    def is_stopped(self) -> bool:
        """Whether a half is missing because the worker stopped."""
