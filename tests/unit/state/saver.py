"""Saves once and says how far it is: a process that is there to be killed.

Arguments: the file, what to save (`change` or `evidence`), the beginning of the statement
of which to tell, and `go on` when it shall not stop there and wait for its end.
"""

import asyncio
import sqlite3
import sys
import threading

from gateway.domain.units import Share
from gateway.state.journal import BLOCK, Draft, Entry, chained
from gateway.state.store import Change, KeptEvidence, KeptRollout, Weight
from gateway.state.stores.sqlite import SqliteStore


def weight(revision: int) -> Weight:
    """Give a weight that tells its revision."""
    return Weight(
        service="chat",
        candidate="v2",
        share=Share(revision),
        configured_share=Share(0),
        salt="chat",
        revision=revision,
        change=Change(by="analyzer", reason="why", at=0.0),
    )


def standing(version: int) -> KeptRollout:
    """Give a standing that tells its version."""
    return KeptRollout(service="chat", standing=b"%d" % version, version=version)


def evidence(turn: int, keys: int) -> KeptEvidence:
    """Give evidence of which every part tells its turn."""
    mark = b"%d" % turn
    return KeptEvidence(
        service="chat",
        attempt=1,
        trial=mark * 100_000,
        book=mark,
        keys=dict.fromkeys(range(turn, turn + keys), mark),
        is_new=turn == 1,
    )


def entry(turn: int, previous: Entry | None) -> list[Entry]:
    """Give one entry that tells its turn."""
    draft = Draft(at=0.0, service="chat", kind=BLOCK, body=b"%d" % turn)
    return chained(previous, [draft])


async def save_change(store: SqliteStore, turn: int, previous: Entry | None) -> None:
    """Save a weight, a standing and an entry."""
    await store.save(
        [weight(turn)],
        expected={"chat": turn - 1},
        epoch=turn,
        rollouts=[standing(turn)],
        expected_versions={"chat": turn - 1},
        entries=entry(turn, previous),
    )


async def save_evidence(store: SqliteStore, turn: int, previous: Entry | None) -> None:
    """Save evidence and an entry."""
    await store.save_evidence(evidence(turn, 50_000), entries=entry(turn, previous))


SAVES = {"change": save_change, "evidence": save_evidence}


async def _save(path: str, what: str, statement: str, *, goes_on: bool) -> None:
    store = SqliteStore(path, connect=_watched)
    last = (await store.open()).last_entry
    _watch.append((statement, goes_on))
    await SAVES[what](store, 2, last)


def _watched(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.set_trace_callback(_hear)
    return connection


def _hear(statement: str) -> None:
    for beginning, goes_on in _watch:
        if statement.startswith(beginning):
            sys.stdout.write(f"{beginning}\n")
            sys.stdout.flush()
            if not goes_on:
                threading.Event().wait()


_watch: list[tuple[str, bool]] = []
if __name__ == "__main__":
    asyncio.run(_save(*sys.argv[1:4], goes_on=sys.argv[4:] == ["go on"]))
