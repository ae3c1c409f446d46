"""The socket for state stores: what is kept, and what every store owes.

A store keeps, for each service, the weight in force and the configured weight it was
based on, where its rollout stands, and what is known of the candidate; and for the whole
gateway one epoch, the keys of its request ids, and the journal. The plugs are in stores/.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Protocol

from gateway.domain.errors import RevisionConflict
from gateway.domain.ticket_key import TicketKey
from gateway.domain.units import Share
from gateway.state.journal import Entry, first_break

MOST_ENTRIES: Final = 1000
"""Entries of the journal that one call gives at most."""

NO_VERSIONS: Final[Mapping[str, int]] = MappingProxyType({})


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
class KeptRollout:
    """Where the rollout of one service stands.

    Attributes:
        service: Its name.
        standing: JSON; the store does not look into it.
        version: Grows with every change; 1 is the first.

    """

    service: str
    standing: bytes
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEvidence:
    """What is known of one service's candidate; the store does not look into it.

    Attributes:
        service: Its name.
        attempt: Of its rollout.
        trial: The wealth of every process; empty where the attempt has ended.
        book: What the unit book keeps beside its keys.
        keys: Marks by fingerprint (0 to 2**64 - 1). To save: those that have changed
            since they were saved last, and an empty one for what is to be forgotten; as
            read: all there are.
        is_new: To save: nothing of before is kept, neither another attempt's nor this
            one's. As read: False.

    """

    service: str
    attempt: int
    trial: bytes
    book: bytes
    keys: Mapping[int, bytes]
    is_new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a store keeps, without what may be large: evidence, and the journal.

    Attributes:
        epoch: The highest it was told.
        weights: By service.
        ticket_keys: As they were saved last, in any order.
        rollouts: By service.
        attempts: Of the evidence that is kept, by service; see Store.evidence.
        last_entry: Of the journal; None while it is empty.

    """

    epoch: int
    weights: Mapping[str, Weight]
    ticket_keys: tuple[TicketKey, ...] = ()
    rollouts: Mapping[str, KeptRollout] = field(default_factory=dict)
    attempts: Mapping[str, int] = field(default_factory=dict)
    last_entry: Entry | None = None


class Store(Protocol):
    """Keeps it all durably. One caller at a time; every call has its own deadline."""

    async def open(self) -> Kept:
        """Open or reopen, and read what is kept; a fresh store keeps nothing.

        Raises:
            StoreUnavailable: It cannot be opened or read; says what to do.

        """

    async def save(
        self,
        weights: Sequence[Weight],
        *,
        expected: Mapping[str, int],
        epoch: int,
        rollouts: Sequence[KeptRollout] = (),
        expected_versions: Mapping[str, int] = NO_VERSIONS,
        entries: Sequence[Entry] = (),
    ) -> None:
        """Keep all of this, or nothing of it; durable when this returns.

        Args:
            weights: At most one of each service.
            expected: The revision each of these services has in the store now; a
                service that is not named must not be there yet.
            epoch: Kept when it is higher than the one that is kept.
            rollouts: At most one of each service.
            expected_versions: As *expected*, of the rollouts.
            entries: See `append`.

        Raises:
            RevisionConflict: A service has another revision, its rollout another
                version or the journal another end than expected.
            StoreUnavailable: Nothing is promised: it may be kept or not.

        """

    async def save_ticket_keys(self, keys: Sequence[TicketKey]) -> None:
        """Keep these keys and no others; durable when this returns.

        They are secrets: what they are written to can be read by the gateway's user
        alone.

        Raises:
            StoreUnavailable: Nothing is promised: they may be kept or not.

        """

    async def append(self, entries: Sequence[Entry]) -> None:
        """Write all of *entries* behind the journal's last, or none; durable then.

        Raises:
            RevisionConflict: The first does not follow the last that is kept, or one
                does not follow the one before it.
            StoreUnavailable: Nothing is promised: they may be kept or not.

        """

    async def entries(
        self, service: str | None, *, after: int = 0, limit: int = MOST_ENTRIES
    ) -> list[Entry]:
        """Read the journal, oldest first.

        Args:
            service: Only what is about this one, with all its lanes (domain.lane); None:
                everything.
            after: Only what has a higher number.
            limit: How many at most, and never more than MOST_ENTRIES.

        Raises:
            StoreUnavailable: They cannot be read.

        """

    async def prune(self, service: str, *, attempts: int, limit: int) -> int:
        """Take out what blocks of old attempts said; the chain stays whole.

        Args:
            service: Its name.
            attempts: How many of its last attempts keep theirs, a running one among
                them; one or more. An attempt begins with an entry of kind BEGUN.
            limit: How many blocks at most, so that no call takes long.

        Returns:
            How many it took out; call again while it is *limit*.

        Raises:
            StoreUnavailable: Nothing is promised: they may be taken out or not.

        """

    async def save_evidence(
        self, evidence: KeptEvidence, *, entries: Sequence[Entry] = ()
    ) -> None:
        """Keep all of this, or nothing of it; durable when this returns.

        Args:
            evidence: See KeptEvidence.
            entries: See `append`.

        Raises:
            RevisionConflict: It is not new, and what is kept is of another attempt or
                nothing; or the journal has another end than expected.
            StoreUnavailable: Nothing is promised: it may be kept or not.

        """

    async def evidence(self, service: str) -> KeptEvidence | None:
        """Read what is known of a service's candidate; None: nothing was kept.

        Raises:
            StoreUnavailable: It cannot be read.

        """

    async def close(self) -> None:
        """Let go of it; `open` may be called again. Raises nothing."""


def demand_expected(
    what: str,
    services: Iterable[str],
    *,
    expected: Mapping[str, int],
    kept: Mapping[str, int],
) -> None:
    """Compare and swap: demand that what is kept is what the caller has seen.

    Args:
        what: "revision" or "version", for the message.
        services: Those that are to be replaced.
        expected: What the caller has seen of each; nothing of those not named.
        kept: What there is of each; nothing of those not named.

    Raises:
        RevisionConflict: One is not as expected.

    """
    for service in services:
        wanted, found = expected.get(service, 0), kept.get(service, 0)
        if wanted != found:
            raise RevisionConflict(
                f"{service} is at {what} {found} in the store, not {wanted}.",
                remedy="Read the service again and decide anew.",
            )


def demand_continued(entries: Sequence[Entry], *, last: Entry | None) -> None:
    """Demand that *entries* continue a journal that ends with *last*.

    Raises:
        RevisionConflict: One of them does not follow the one before it.

    """
    if (broken := first_break(entries, previous=last)) is not None:
        end = last.seq if last is not None else 0
        raise RevisionConflict(
            f"Entry {broken.seq} does not continue the journal, which ends at {end}.",
            remedy="Read the journal's last entry again and write behind it.",
        )


def demand_same_attempt(evidence: KeptEvidence, *, kept: int | None) -> None:
    """Demand that what has changed since is added to what it was changed from.

    Args:
        evidence: To be saved.
        kept: The attempt whose evidence is kept; None: there is none.

    Raises:
        RevisionConflict: It is not new, and of another attempt than is kept.

    """
    if not evidence.is_new and kept != evidence.attempt:
        raise RevisionConflict(
            f"Evidence of attempt {evidence.attempt} of {evidence.service} cannot be"
            f" added to that of attempt {kept}.",
            remedy="Save it whole, as new.",
        )
