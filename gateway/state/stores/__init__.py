"""The stores there are, by the kind the configuration names."""

from collections.abc import Callable, Mapping
from typing import Final

from gateway.domain.deployment import StateAddress, StateKind
from gateway.state.store import Store
from gateway.state.stores.memory import MemoryStore
from gateway.state.stores.sqlite import SqliteStore

STORES: Final[Mapping[StateKind, Callable[[StateAddress], Store]]] = {
    StateKind.MEMORY: lambda _address: MemoryStore(),
    StateKind.SQLITE: lambda address: SqliteStore(address.path),
}


def store_at(address: StateAddress) -> Store:
    """Make the store at *address*; it is opened later."""
    return STORES[address.kind](address)
