"""A store that lasts as long as its process: for demos, tests and stateless nodes.

Weights and keys still survive a restart of the controller, because others know them. The
journal has a bound: its oldest entries go.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from gateway.domain.lane import service_of
from gateway.domain.ticket_key import TicketKey
from gateway.state.journal import Entry, prunable, without_body
from gateway.state.store import (
    MOST_ENTRIES,
    NO_VERSIONS,
    Kept,
    KeptEvidence,
    KeptRollout,
    Weight,
    demand_continued,
    demand_expected,
    demand_same_attempt,
)

_MOST_KEPT: Final = 20_000


class MemoryStore:
    """Keeps everything in dictionaries.

    Args:
        most_entries: Of the journal that are kept.

    """

    def __init__(self, *, most_entries: int = _MOST_KEPT) -> None:
        self._weights: dict[str, Weight] = {}
        self._rollouts: dict[str, KeptRollout] = {}
        self._evidence: dict[str, KeptEvidence] = {}
        self._keys: dict[str, dict[int, bytes]] = {}
        self._entries: dict[int, Entry] = {}  # in order
        self._most_entries = most_entries
        self._ticket_keys: tuple[TicketKey, ...] = ()
        self._epoch = 0

    async def open(self) -> Kept:
        """Give what is kept (Store)."""
        return Kept(
            epoch=self._epoch,
            weights=dict(self._weights),
            ticket_keys=self._ticket_keys,
            rollouts=dict(self._rollouts),
            attempts={name: kept.attempt for name, kept in self._evidence.items()},
            last_entry=self._last_entry(),
        )

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
        """Keep all or nothing (Store)."""
        demand_expected(
            "revision",
            [weight.service for weight in weights],
            expected=expected,
            kept={name: weight.revision for name, weight in self._weights.items()},
        )
        demand_expected(
            "version",
            [rollout.service for rollout in rollouts],
            expected=expected_versions,
            kept={name: rollout.version for name, rollout in self._rollouts.items()},
        )
        self._append(entries)
        self._weights |= {weight.service: weight for weight in weights}
        self._rollouts |= {rollout.service: rollout for rollout in rollouts}
        self._epoch = max(self._epoch, epoch)

    async def save_ticket_keys(self, keys: Sequence[TicketKey]) -> None:
        """Keep these and no others (Store)."""
        self._ticket_keys = tuple(keys)

    async def append(self, entries: Sequence[Entry]) -> None:
        """Write all or none (Store)."""
        self._append(entries)

    async def entries(
        self, service: str | None, *, after: int = 0, limit: int = MOST_ENTRIES
    ) -> list[Entry]:
        """Read the journal (Store)."""
        found = (
            entry
            for entry in self._entries.values()
            if entry.seq > after and _is_about(service, entry.service)
        )
        return list(islice(found, max(0, min(limit, MOST_ENTRIES))))

    async def prune(self, service: str, *, attempts: int, limit: int) -> int:
        """Take out what old blocks said (Store)."""
        ours = [entry for entry in self._entries.values() if entry.service == service]
        old = prunable(ours, attempts=attempts)[:limit]
        self._entries |= {entry.seq: without_body(entry) for entry in old}
        return len(old)

    async def save_evidence(
        self, evidence: KeptEvidence, *, entries: Sequence[Entry] = ()
    ) -> None:
        """Keep all or nothing (Store)."""
        kept = self._evidence.get(evidence.service)
        demand_same_attempt(evidence, kept=kept.attempt if kept is not None else None)
        self._append(entries)
        if evidence.is_new or kept is None:
            self._keys[evidence.service] = {}
        marks = self._keys[evidence.service]
        marks |= evidence.keys
        for fingerprint in [each for each, mark in evidence.keys.items() if not mark]:
            del marks[fingerprint]
        self._evidence[evidence.service] = replace(evidence, keys={}, is_new=False)

    async def evidence(self, service: str) -> KeptEvidence | None:
        """Give what is known (Store)."""
        kept = self._evidence.get(service)
        if kept is None:
            return None
        return replace(kept, keys=dict(self._keys[service]))

    async def close(self) -> None:
        """Do nothing: what is kept stays kept (Store)."""

    def _append(self, entries: Sequence[Entry]) -> None:
        demand_continued(entries, last=self._last_entry())
        self._entries |= {entry.seq: entry for entry in entries}
        too_many = max(0, len(self._entries) - self._most_entries)
        for seq in list(islice(self._entries, too_many)):
            del self._entries[seq]

    def _last_entry(self) -> Entry | None:
        return next(reversed(self._entries.values()), None)


def _is_about(asked: str | None, service: str | None) -> bool:
    if asked is None or service == asked:
        return True
    return service is not None and service_of(service) == asked
