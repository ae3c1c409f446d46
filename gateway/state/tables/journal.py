"""The journal: a row for each entry, and one for its body as long as that is kept."""

import sqlite3
from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Final

from gateway.domain.lane import lane_name
from gateway.state.journal import BLOCK, Entry
from gateway.state.store import demand_continued

_READ: Final = (
    "SELECT seq, at, service, kind, digest, hash, body FROM entry LEFT JOIN body"
    " USING (seq)"
)
_LAST: Final = f"{_READ} ORDER BY seq DESC LIMIT 1"
_ALL: Final = f"{_READ} WHERE seq > ? ORDER BY seq LIMIT ?"
_OF_SERVICE: Final = f"{_READ} WHERE service = ? AND seq > ? ORDER BY seq LIMIT ?"
_NEXT_LANE: Final = "SELECT min(service) FROM entry WHERE service > ? AND service < ?"
_WRITE: Final = "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)"
_WRITE_BODY: Final = "INSERT INTO body VALUES (?, ?, ?)"
_PRUNE: Final = """DELETE FROM body WHERE seq IN (
    SELECT seq FROM body
    WHERE block_of = :service AND seq < (
        SELECT seq FROM entry WHERE service = :service AND kind = 'begun'
        ORDER BY seq DESC LIMIT 1 OFFSET :attempts - 1)
    ORDER BY seq LIMIT :limit)"""


def read_last_entry(connection: sqlite3.Connection) -> Entry | None:
    """Read the journal's end; None while it is empty."""
    row = connection.execute(_LAST).fetchone()
    return _entry(row) if row is not None else None


def read_entries(
    connection: sqlite3.Connection, service: str | None, after: int, limit: int
) -> list[Entry]:
    """Read at most *limit* entries behind number *after*; None: of all services.

    With a service's own come those of its lanes, a page of each.
    """
    if service is None:
        return [_entry(row) for row in connection.execute(_ALL, (after, limit))]
    pages = [
        map(_entry, connection.execute(_OF_SERVICE, (name, after, limit)))
        for name in (service, *_lanes_of(connection, service))
    ]
    return list(islice(merge(*pages, key=attrgetter("seq")), limit))


def _lanes_of(connection: sqlite3.Connection, service: str) -> Iterator[str]:
    """Find the names of lanes that a service has or had, each by the index."""
    name = lane_name(service, "")
    end = name[:-1] + chr(ord(name[-1]) + 1)  # what follows all that begin like this
    while (row := connection.execute(_NEXT_LANE, (name, end)).fetchone())[0]:
        name = row[0]
        yield name


def append_entries(connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    """Write entries behind the last.

    Raises:
        RevisionConflict: See store.demand_continued.

    """
    if not entries:
        return
    demand_continued(entries, last=read_last_entry(connection))
    connection.executemany(_WRITE, [_row(entry) for entry in entries])
    connection.executemany(_WRITE_BODY, [_body_row(entry) for entry in entries])


def prune_blocks(
    connection: sqlite3.Connection, service: str, attempts: int, limit: int
) -> int:
    """Take out the bodies of at most *limit* old blocks (Store.prune); say of how many."""
    asked = {"service": service, "attempts": attempts, "limit": limit}
    return connection.execute(_PRUNE, asked).rowcount


def _row(entry: Entry) -> tuple[int | float | str | bytes | None, ...]:
    return (
        entry.seq,
        entry.at,
        entry.service,
        entry.kind,
        entry.digest,
        entry.hash,
    )


def _body_row(entry: Entry) -> tuple[int, bytes | None, str | None]:
    return entry.seq, entry.body, entry.service if entry.kind == BLOCK else None


def _entry(
    row: tuple[int, float, str | None, str, bytes, bytes, bytes | None],
) -> Entry:
    seq, at, service, kind, digest, hash_, body = row
    return Entry(
        seq=seq,
        at=at,
        service=service,
        kind=kind,
        body=body,
        digest=digest,
        hash=hash_,
    )
