"""The default store: one SQLite file beside the gateway.

WAL with synchronous=FULL: a commit that returned survives a power cut. The file is
locked for as long as it is open, so that two gateways never share one by accident. It
holds secrets (the keys of request ids), so that a new one is for our user alone. What
lies in which table is told in state/tables/.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from gateway.domain.errors import StoreUnavailable
from gateway.domain.ticket_key import TicketKey
from gateway.state.journal import Entry
from gateway.state.store import (
    MOST_ENTRIES,
    NO_VERSIONS,
    Kept,
    KeptEvidence,
    KeptRollout,
    Spent,
    Weight,
)
from gateway.state.tables.evidence import read_attempts, read_evidence, write_evidence
from gateway.state.tables.journal import (
    append_entries,
    prune_blocks,
    read_entries,
    read_last_entry,
)
from gateway.state.tables.purses import read_spent, write_spent
from gateway.state.tables.rollouts import read_rollouts, write_rollouts
from gateway.state.tables.schema import (
    SCHEMA_VERSION,
    WITHOUT_SECRETS,
    demand_whole,
    lock,
    prepare,
    raise_schema,
    transaction,
    version_of,
)
from gateway.state.tables.weights import (
    raise_epoch,
    read_epoch,
    read_ticket_keys,
    read_weights,
    write_ticket_keys,
    write_weights,
)
from gateway.state.thread import OneThread

T = TypeVar("T")

_OURS_ALONE: Final = 0o600
_LOCK_WAIT_S: Final = 1.0
_DEADLINE_S: Final = 2.0
_FOR_WHAT_IS_LARGE: Final = 5  # times as long, for evidence
_PRIMARY_CODE: Final = 0xFF  # sqlite.org/rescode.html: the low byte of a result code

_DAMAGED: Final = (
    "is damaged or no SQLite file",
    "Move it away (the gateway makes a new one), or restore a copy.",
)
_CLOSED: Final = (
    "cannot be opened for writing",
    "Create its folder and let the gateway's user write there.",
)
_LOCKED: Final = (
    "is locked by another process",
    "Stop the other gateway that uses it, or give this one a file of its own.",
)
_TROUBLES: Final[Mapping[int, tuple[str, str]]] = {
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_CANTOPEN: _CLOSED,
    sqlite3.SQLITE_READONLY: _CLOSED,
    sqlite3.SQLITE_PERM: _CLOSED,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_FULL: (
        "cannot grow, its disk is full",
        "Free some space there; the gateway tries again by itself.",
    ),
}
_OTHER_TROUBLE: Final = (
    "cannot be used",
    "Look at its disk; the gateway tries again by itself.",
)


class SqliteStore:
    """Keeps everything in one file.

    Args:
        path: The file; made when it is not there. Its folder must be.
        connect: How the file is opened; tests put a fault in here.

    """

    def __init__(
        self,
        path: str,
        *,
        connect: Callable[[str], sqlite3.Connection] | None = None,
        deadline_s: float = _DEADLINE_S,
    ) -> None:
        self._path = path
        self._connect = connect or _connect
        self._deadline_s = deadline_s
        self._thread = OneThread("state")
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> Kept:
        """Open the file and read it all (Store)."""
        return await self._call(self._open)

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
        """Keep all or nothing in one transaction (Store)."""

        def write(connection: sqlite3.Connection) -> None:
            write_weights(connection, weights, expected)
            write_rollouts(connection, rollouts, expected_versions)
            append_entries(connection, entries)
            raise_epoch(connection, epoch)

        await self._transact(write)

    async def save_ticket_keys(self, keys: Sequence[TicketKey]) -> None:
        """Keep these and no others, in one transaction (Store)."""
        await self._transact(lambda connection: write_ticket_keys(connection, keys))

    async def append(self, entries: Sequence[Entry]) -> None:
        """Write all or none in one transaction (Store)."""
        await self._transact(lambda connection: append_entries(connection, entries))

    async def entries(
        self, service: str | None, *, after: int = 0, limit: int = MOST_ENTRIES
    ) -> list[Entry]:
        """Read the journal by its indexes (Store)."""
        limit = max(0, min(limit, MOST_ENTRIES))
        return await self._call(
            lambda: read_entries(self._opened(), service, after, limit)
        )

    async def prune(self, service: str, *, attempts: int, limit: int) -> int:
        """Take out what old blocks said, in one transaction (Store)."""
        return await self._transact(
            lambda connection: prune_blocks(connection, service, attempts, limit)
        )

    async def save_evidence(
        self, evidence: KeptEvidence, *, entries: Sequence[Entry] = ()
    ) -> None:
        """Keep all or nothing in one transaction (Store)."""

        def write(connection: sqlite3.Connection) -> None:
            write_evidence(connection, evidence)
            append_entries(connection, entries)

        await self._transact(write, is_large=True)

    async def evidence(self, service: str) -> KeptEvidence | None:
        """Read what is known (Store)."""
        return await self._call(
            lambda: read_evidence(self._opened(), service), is_large=True
        )

    async def save_spent(self, spent: Spent) -> None:
        """Keep it in one transaction (Store)."""
        await self._transact(lambda connection: write_spent(connection, spent))

    async def close(self) -> None:
        """Close the file and end the thread (Store)."""
        with contextlib.suppress(StoreUnavailable):
            await self._call(self._close)
        self._thread.stop()

    async def _transact(
        self, write: Callable[[sqlite3.Connection], T], *, is_large: bool = False
    ) -> T:
        def work() -> T:
            with transaction(self._opened()) as connection:
                return write(connection)

        return await self._call(work, is_large=is_large)

    async def _call(self, work: Callable[[], T], *, is_large: bool = False) -> T:
        deadline_s = self._deadline_s * (_FOR_WHAT_IS_LARGE if is_large else 1)
        try:
            return await self._thread.call(work, deadline_s=deadline_s)
        except sqlite3.Error as error:
            raise self._unavailable(error) from error
        except TimeoutError as error:
            raise StoreUnavailable(
                f"The state file {self._path} gave no answer in {deadline_s} s.",
                remedy=_OTHER_TROUBLE[1],
            ) from error

    def _unavailable(self, error: sqlite3.Error) -> StoreUnavailable:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        trouble, remedy = _TROUBLES.get(code & _PRIMARY_CODE, _OTHER_TROUBLE)
        return StoreUnavailable(
            f"The state file {self._path} {trouble} ({error}).", remedy=remedy
        )

    def _open(self) -> Kept:
        self._close()
        connection = self._connect(self._path)
        self._connection = connection
        lock(connection)
        version = version_of(connection)
        if version > SCHEMA_VERSION:
            raise StoreUnavailable(
                f"The state file {self._path} has schema {version}, this gateway"
                f" knows {SCHEMA_VERSION}.",
                remedy="Run the newer gateway that wrote it, or name another file.",
            )
        if version <= WITHOUT_SECRETS:
            _keep_for_ourselves(self._path)
        prepare(connection)
        demand_whole(connection)
        raise_schema(connection, version)
        return Kept(
            epoch=read_epoch(connection),
            weights=read_weights(connection),
            ticket_keys=read_ticket_keys(connection),
            rollouts=read_rollouts(connection),
            attempts=read_attempts(connection),
            last_entry=read_last_entry(connection),
            spent=read_spent(connection),
        )

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreUnavailable(
                f"The state file {self._path} is not open.", remedy=_OTHER_TROUBLE[1]
            )
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _connect(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_LOCK_WAIT_S, isolation_level=None)


def _keep_for_ourselves(path: str) -> None:
    """Take the file from all but our user; SQLite makes its log after its likeness."""
    for part in (path, f"{path}-wal"):
        with contextlib.suppress(
            OSError
        ):  # not ours to change: its owner answers for it
            Path(part).chmod(_OURS_ALONE)
