"""A store that lasts as long as its process: for demos, tests and stateless nodes.

Weights and keys still survive a restart of the controller, because others know them.
"""

from collections.abc import Mapping, Sequence

from gateway.domain.errors import RevisionConflict
from gateway.domain.ticket_key import TicketKey
from gateway.state.store import Kept, Weight


class MemoryStore:
    """Keeps weights in a dictionary and keys in a tuple."""

    def __init__(self) -> None:
        self._weights: dict[str, Weight] = {}
        self._ticket_keys: tuple[TicketKey, ...] = ()
        self._epoch = 0

    async def open(self) -> Kept:
        """Give what is kept (Store)."""
        return Kept(
            epoch=self._epoch,
            weights=dict(self._weights),
            ticket_keys=self._ticket_keys,
        )

    async def save(
        self, weights: Sequence[Weight], *, expected: Mapping[str, int], epoch: int
    ) -> None:
        """Keep all or none (Store)."""
        for weight in weights:
            self._demand_revision(weight.service, expected.get(weight.service, 0))
        self._weights |= {weight.service: weight for weight in weights}
        self._epoch = max(self._epoch, epoch)

    async def save_ticket_keys(self, keys: Sequence[TicketKey]) -> None:
        """Keep these and no others (Store)."""
        self._ticket_keys = tuple(keys)

    async def close(self) -> None:
        """Do nothing: what is kept stays kept (Store)."""

    def _demand_revision(self, service: str, expected: int) -> None:
        kept = self._weights.get(service)
        revision = kept.revision if kept is not None else 0
        if revision != expected:
            raise RevisionConflict(
                f"{service} is at revision {revision} in the store, not {expected}.",
                remedy="Read the service again and decide anew.",
            )
