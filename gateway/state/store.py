"""The socket for state stores: what is kept, and what every store owes.

A store keeps, for each service, the weight in force and the configured weight it was
based on; and for the whole gateway one epoch and the keys of its request ids. The plugs
are in stores/.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.domain.ticket_key import TicketKey
from gateway.domain.units import Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Who changed a weight, why and when.

    Attributes:
        by: Name of a token, "configuration", or "local" where no tokens are needed.
        reason: In the words of whoever made it; may be empty.
        at: Unix time in seconds, for display; nothing is computed from it.

    """

    by: str
    reason: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """The weight in force for one service.

    Attributes:
        service: Its name.
        candidate: The version the share belongs to; None when there is only one.
        share: The candidate's weight, in buckets.
        configured_share: What the configuration said when this was set. When it says
            something else now, the configuration wins.
        salt: What sticky keys are salted with.
        revision: Grows with every change; 1 is the first.
        change: The last change.

    """

    service: str
    candidate: str | None
    share: Share
    configured_share: Share
    salt: str
    revision: int
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Everything a store keeps.

    Attributes:
        epoch: The highest it was told.
        weights: By service.
        ticket_keys: As they were saved last, in any order.

    """

    epoch: int
    weights: Mapping[str, Weight]
    ticket_keys: tuple[TicketKey, ...] = ()


class Store(Protocol):
    """Keeps weights and keys durably. One caller at a time; every call has its own deadline."""

    async def open(self) -> Kept:
        """Open or reopen, and read what is kept; a fresh store keeps nothing.

        Raises:
            StoreUnavailable: It cannot be opened or read; says what to do.

        """

    async def save(
        self, weights: Sequence[Weight], *, expected: Mapping[str, int], epoch: int
    ) -> None:
        """Keep all of *weights*, or none of them; durable when this returns.

        Args:
            weights: At most one of each service.
            expected: The revision each of these services has in the store now; a
                service that is not named must not be there yet.
            epoch: Kept when it is higher than the one that is kept.

        Raises:
            RevisionConflict: A service has another revision than expected.
            StoreUnavailable: Nothing is promised: it may be kept or not.

        """

    async def save_ticket_keys(self, keys: Sequence[TicketKey]) -> None:
        """Keep these keys and no others; durable when this returns.

        They are secrets: what they are written to can be read by the gateway's user
        alone.

        Raises:
            StoreUnavailable: Nothing is promised: they may be kept or not.

        """

    async def close(self) -> None:
        """Let go of it; `open` may be called again. Raises nothing."""
