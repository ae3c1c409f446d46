"""A store that lasts as long as its process: for demos, tests and stateless nodes.

Weights still survive a restart of the controller, because the workers know them.
"""

from collections.abc import Mapping, Sequence

from gateway.domain.errors import RevisionConflict
from gateway.state.store import Kept, Weight


class MemoryStore:
    """Keeps weights in a dictionary."""

    def __init__(self) -> None:
        self._weights: dict[str, Weight] = {}
        self._epoch = 0

    async def open(self) -> Kept:
        """Give what is kept (Store)."""
        return Kept(epoch=self._epoch, weights=dict(self._weights))

    async def save(
        self, weights: Sequence[Weight], *, expected: Mapping[str, int], epoch: int
    ) -> None:
        """Keep all or none (Store)."""
        for weight in weights:
            self._demand_revision(weight.service, expected.get(weight.service, 0))
        self._weights |= {weight.service: weight for weight in weights}
        self._epoch = max(self._epoch, epoch)

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
