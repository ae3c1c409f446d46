"""How the file's tables came to be, step by step; and what every transaction owes.

A file of an older release is brought up to date in one transaction when it is opened.
"""

import contextlib
import sqlite3
from collections.abc import Generator
from typing import Final

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
    (
        """CREATE TABLE rollout (
            service TEXT PRIMARY KEY, standing BLOB NOT NULL,
            version INTEGER NOT NULL)""",
        """CREATE TABLE evidence (
            service TEXT PRIMARY KEY, attempt INTEGER NOT NULL,
            trial BLOB NOT NULL, book BLOB NOT NULL)""",
        """CREATE TABLE marks (
            service TEXT NOT NULL, run INTEGER NOT NULL, count INTEGER NOT NULL,
            packed BLOB NOT NULL, PRIMARY KEY (service, run))""",
        """CREATE TABLE entry (
            seq INTEGER PRIMARY KEY, at REAL NOT NULL, service TEXT,
            kind TEXT NOT NULL, digest BLOB NOT NULL, hash BLOB NOT NULL)""",
        "CREATE INDEX entry_of_service ON entry (service, seq)",
        """CREATE INDEX begun_of_service ON entry (service, seq)
            WHERE kind = 'begun'""",
        # Bodies lie apart: where all of a page go, the page is free for others.
        """CREATE TABLE body (
            seq INTEGER PRIMARY KEY, body BLOB NOT NULL, block_of TEXT)""",
        """CREATE INDEX block_of_service ON body (block_of, seq)
            WHERE block_of IS NOT NULL""",
    ),
    (
        """CREATE TABLE purse (
            purse TEXT PRIMARY KEY, hour INTEGER NOT NULL,
            tokens INTEGER NOT NULL, usd REAL NOT NULL)""",
    ),
)
SCHEMA_VERSION: Final = len(_STEPS)

WITHOUT_SECRETS: Final = 1
"""Schema versions up to this one hold no secrets."""

_NOT_CHECKED: Final = {"entry", "body"}
"""The journal may be large, and a check reads the whole table."""

_LOG_IS_CUT_TO: Final = 8 << 20  # bytes, after a large transaction


def version_of(connection: sqlite3.Connection) -> int:
    """Read the schema version of a file; 0 of a new one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def raise_schema(connection: sqlite3.Connection, version: int) -> None:
    """Bring a file of schema *version* up to date, or leave it as it was."""
    if version == SCHEMA_VERSION:
        return
    with transaction(connection):
        for step in _STEPS[version:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def lock(connection: sqlite3.Connection) -> None:
    """Have the file to ourselves; before anything is read of it.

    Its log then needs no index in shared memory, a file of 32 kB that a full disk has no
    room for: what is kept can be read there too (sqlite.org/wal.html, section 8).
    """
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")


def prepare(connection: sqlite3.Connection) -> None:
    """Have every commit that returned survive a power cut."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_IS_CUT_TO}")


def demand_whole(connection: sqlite3.Connection) -> None:
    """Look for damage in every table that is read at a start.

    Raises:
        sqlite3.DatabaseError: There is some.

    """
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    for table in {name for (name,) in names.fetchall()} - _NOT_CHECKED:
        verdict = connection.execute(f"PRAGMA quick_check('{table}')").fetchone()[0]
        if verdict != "ok":
            error = sqlite3.DatabaseError(verdict)
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error


@contextlib.contextmanager
def transaction(
    connection: sqlite3.Connection,
) -> Generator[sqlite3.Connection]:
    """Do all of the block or nothing of it; durable when it is left."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk may have rolled back already
            connection.execute("ROLLBACK")
        raise
