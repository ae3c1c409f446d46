"""The default store: one SQLite file beside the gateway.

WAL with synchronous=FULL: a commit that returned survives a power cut. The file is
locked for as long as it is open, so that two gateways never share one by accident. It
holds secrets (the keys of request ids), so that a new one is for our user alone.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from gateway.domain.errors import RevisionConflict, StoreUnavailable
from gateway.domain.ticket_key import TicketKey
from gateway.domain.units import Share
from gateway.state.store import Change, Kept, Weight
from gateway.state.thread import OneThread

T = TypeVar("T")

_STEPS: Final = (  # each leads from one schema version to the next, from 0 on
    (
        "CREATE TABLE gateway (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER)",
        "INSERT INTO gateway VALUES (1, 0)",
        """CREATE TABLE weight (
            service TEXT PRIMARY KEY, candidate TEXT, share INTEGER NOT NULL,
            configured_share INTEGER NOT NULL, salt TEXT NOT NULL,
            revision INTEGER NOT NULL, changed_by TEXT NOT NULL,
            reason TEXT NOT NULL, changed_at REAL NOT NULL)""",
    ),
    (
        """CREATE TABLE ticket_key (
            number INTEGER PRIMARY KEY, secret BLOB NOT NULL, made_at REAL NOT NULL)""",
    ),
)
_SCHEMA_VERSION: Final = len(_STEPS)
_WITHOUT_SECRETS: Final = 1  # schema versions up to this one hold none
_OURS_ALONE: Final = 0o600

_READ: Final = (
    "SELECT service, candidate, share, configured_share, salt, revision,"
    " changed_by, reason, changed_at FROM weight"
)
_WRITE: Final = "INSERT OR REPLACE INTO weight VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_READ_KEYS: Final = "SELECT number, secret, made_at FROM ticket_key"
_WRITE_KEY: Final = "INSERT INTO ticket_key VALUES (?, ?, ?)"

_LOCK_WAIT_S: Final = 1.0
_DEADLINE_S: Final = 2.0
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
        self, weights: Sequence[Weight], *, expected: Mapping[str, int], epoch: int
    ) -> None:
        """Keep all or none in one transaction (Store)."""
        await self._call(lambda: self._save(weights, expected, epoch))

    async def save_ticket_keys(self, keys: Sequence[TicketKey]) -> None:
        """Keep these and no others, in one transaction (Store)."""
        await self._call(lambda: self._save_ticket_keys(keys))

    async def close(self) -> None:
        """Close the file and end the thread (Store)."""
        with contextlib.suppress(StoreUnavailable):
            await self._call(self._close)
        self._thread.stop()

    async def _call(self, work: Callable[[], T]) -> T:
        try:
            return await self._thread.call(work, deadline_s=self._deadline_s)
        except sqlite3.Error as error:
            raise self._unavailable(error) from error
        except TimeoutError as error:
            raise StoreUnavailable(
                f"The state file {self._path} gave no answer in {self._deadline_s} s.",
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
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version > _SCHEMA_VERSION:
            raise StoreUnavailable(
                f"The state file {self._path} has schema {version}, this gateway"
                f" knows {_SCHEMA_VERSION}.",
                remedy="Run the newer gateway that wrote it, or name another file.",
            )
        if version <= _WITHOUT_SECRETS:
            _keep_for_ourselves(self._path)
        _prepare(connection)
        if version < _SCHEMA_VERSION:
            _raise_schema(connection, version)
        return _read(connection)

    def _save(
        self, weights: Sequence[Weight], expected: Mapping[str, int], epoch: int
    ) -> None:
        with _transaction(self._opened()) as connection:
            for weight in weights:
                _demand_revision(
                    connection, weight.service, expected.get(weight.service, 0)
                )
            connection.executemany(_WRITE, [_row(weight) for weight in weights])
            connection.execute("UPDATE gateway SET epoch = max(epoch, ?)", (epoch,))

    def _save_ticket_keys(self, keys: Sequence[TicketKey]) -> None:
        rows = [(key.number, key.secret, key.made_at) for key in keys]
        with _transaction(self._opened()) as connection:
            connection.execute("DELETE FROM ticket_key")
            connection.executemany(_WRITE_KEY, rows)

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


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        error = sqlite3.DatabaseError(verdict)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def _keep_for_ourselves(path: str) -> None:
    """Take the file from all but our user; SQLite makes its log after its likeness."""
    for part in (path, f"{path}-wal"):
        with contextlib.suppress(
            OSError
        ):  # not ours to change: its owner answers for it
            Path(part).chmod(_OURS_ALONE)


def _raise_schema(connection: sqlite3.Connection, version: int) -> None:
    with _transaction(connection):
        for step in _STEPS[version:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Generator[sqlite3.Connection]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk may have rolled back already
            connection.execute("ROLLBACK")
        raise


def _demand_revision(
    connection: sqlite3.Connection, service: str, expected: int
) -> None:
    query = "SELECT revision FROM weight WHERE service = ?"
    row = connection.execute(query, (service,)).fetchone()
    revision = row[0] if row is not None else 0
    if revision != expected:
        raise RevisionConflict(
            f"{service} is at revision {revision} in the store, not {expected}.",
            remedy="Read the service again and decide anew.",
        )


def _read(connection: sqlite3.Connection) -> Kept:
    epoch = connection.execute("SELECT epoch FROM gateway").fetchone()[0]
    rows = connection.execute(_READ).fetchall()
    keys = connection.execute(_READ_KEYS).fetchall()
    return Kept(
        epoch=epoch,
        weights={row[0]: _weight(row) for row in rows},
        ticket_keys=tuple(
            TicketKey(number=number, secret=secret, made_at=made_at)
            for number, secret, made_at in keys
        ),
    )


def _row(weight: Weight) -> tuple[str | int | float | None, ...]:
    return (
        weight.service,
        weight.candidate,
        weight.share,
        weight.configured_share,
        weight.salt,
        weight.revision,
        weight.change.by,
        weight.change.reason,
        weight.change.at,
    )


def _weight(
    row: tuple[str, str | None, int, int, str, int, str, str, float],
) -> Weight:
    service, candidate, share, configured, salt, revision, by, reason, at = row
    return Weight(
        service=service,
        candidate=candidate,
        share=Share(share),
        configured_share=Share(configured),
        salt=salt,
        revision=revision,
        change=Change(by=by, reason=reason, at=at),
    )
