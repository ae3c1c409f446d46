"""What can happen to a file: each trouble is named, with a way out."""

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.domain.errors import StoreUnavailable
from gateway.domain.ticket_key import TicketKey
from gateway.domain.units import Share
from gateway.state.journal import BEGUN, BLOCK, Draft, chained
from gateway.state.store import Change, KeptEvidence, KeptRollout, Weight
from gateway.state.stores.sqlite import SqliteStore
from gateway.state.tables.journal import prune_blocks, read_entries
from gateway.state.tables.schema import raise_schema

CHAT = Weight(
    service="chat",
    candidate="v2",
    share=Share(1),
    configured_share=Share(1),
    salt="chat",
    revision=1,
    change=Change(by="ci", reason="x" * 500, at=0.0),
)
KEY = TicketKey(number=1, secret=b"k" * 32, made_at=1.5)
NOTE = Draft(at=0.5, service="chat", kind="promoted", body=b"{}")
AS_VERSION_1_WROTE_IT = """
    CREATE TABLE gateway (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER);
    INSERT INTO gateway VALUES (1, 41);
    CREATE TABLE weight (
        service TEXT PRIMARY KEY, candidate TEXT, share INTEGER NOT NULL,
        configured_share INTEGER NOT NULL, salt TEXT NOT NULL,
        revision INTEGER NOT NULL, changed_by TEXT NOT NULL,
        reason TEXT NOT NULL, changed_at REAL NOT NULL);
    INSERT INTO weight VALUES ('chat', 'v2', 1, 1, 'chat', 1, 'ci', 'why', 0.0);
    PRAGMA user_version = 1;
"""
AS_VERSION_2_ADDED = """
    CREATE TABLE ticket_key (
        number INTEGER PRIMARY KEY, secret BLOB NOT NULL, made_at REAL NOT NULL);
    INSERT INTO ticket_key VALUES
        (1, CAST('kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk' AS BLOB), 1.5);
    PRAGMA user_version = 2;
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the state file is to be."""
    return tmp_path / "state.db"


async def _trouble(store: SqliteStore) -> str:
    with pytest.raises(StoreUnavailable) as caught:
        await store.open()
    await store.close()
    return str(caught.value)


async def test_a_file_that_is_no_database_is_to_be_moved_away(path: Path) -> None:
    """Somebody's other file is not overwritten."""
    _overwrite(path, b"something else, and long enough to look like a header" * 9)

    assert "Move it away" in await _trouble(SqliteStore(str(path)))


async def test_a_database_with_torn_pages_is_to_be_moved_away(path: Path) -> None:
    """The check at opening sees pages nobody would read today."""
    store = SqliteStore(str(path))
    await store.open()
    weights = [replace(CHAT, service=f"s{number}") for number in range(50)]
    await store.save(weights, expected={}, epoch=1)
    await store.close()
    _tear(path)

    assert "Move it away" in await _trouble(SqliteStore(str(path)))


async def test_a_folder_that_is_not_there_is_to_be_made(tmp_path: Path) -> None:
    """The remedy says which step is missing."""
    trouble = await _trouble(SqliteStore(str(tmp_path / "none" / "state.db")))

    assert "Create its folder" in trouble


async def test_a_second_gateway_on_the_same_file_is_told(path: Path) -> None:
    """Two gateways never share one file by accident."""
    first = SqliteStore(str(path))
    await first.open()

    trouble = await _trouble(SqliteStore(str(path), connect=_impatient))

    assert "locked by another process" in trouble
    await first.close()


async def test_a_newer_schema_is_left_alone(path: Path) -> None:
    """A downgrade loses nothing: not a byte is changed."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = _content(path)

    assert "schema 99" in await _trouble(SqliteStore(str(path)))
    assert _content(path) == before


async def test_a_file_of_the_first_schema_keeps_what_it_kept(path: Path) -> None:
    """And takes keys from then on."""
    _write_version_1(path)
    store = SqliteStore(str(path))

    kept = await store.open()
    await store.save_ticket_keys([KEY])
    await store.close()
    again = await SqliteStore(str(path)).open()

    assert (kept.epoch, kept.ticket_keys) == (41, ())
    assert kept.weights == {
        "chat": replace(CHAT, change=Change(by="ci", reason="why", at=0.0))
    }
    assert (again.epoch, again.weights, again.ticket_keys) == (41, kept.weights, (KEY,))


async def test_a_migration_that_fails_leaves_the_old_schema(path: Path) -> None:
    """All of it or none, so that the older gateway still reads it."""
    _write_version_1(path)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE ticket_key (in_the_way)")
    connection.close()

    await _trouble(SqliteStore(str(path)))

    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    connection.close()


@pytest.mark.parametrize("is_old", [False, True])
async def test_nobody_else_may_read_the_keys(path: Path, is_old: bool) -> None:
    """Not in the file and not in its log."""
    if is_old:
        _write_version_1(path)
        _allow_all(path)
    store = SqliteStore(str(path))

    await store.open()
    await store.save_ticket_keys([KEY])

    modes = {name: _mode(path.with_name(name)) for name in ("state.db", "state.db-wal")}
    await store.close()
    assert set(modes.values()) == {0o600}


async def test_who_opens_the_file_to_others_later_is_let(path: Path) -> None:
    """Whoever makes backups, for one."""
    store = SqliteStore(str(path))
    await store.open()
    await store.close()
    _allow_all(path)

    await store.open()
    await store.close()

    assert _mode(path) == 0o644


async def test_a_full_disk_keeps_what_was_kept_and_recovers(path: Path) -> None:
    """The failed transaction leaves no trace."""
    store = SqliteStore(str(path), connect=_cramped)
    await store.open()
    await store.save([CHAT], expected={}, epoch=1)
    many = [replace(CHAT, service=f"s{number}") for number in range(200)]

    with pytest.raises(StoreUnavailable, match="disk is full"):
        await store.save(many, expected={}, epoch=2)

    await store.save([replace(CHAT, revision=2)], expected={"chat": 1}, epoch=2)
    kept = await store.open()
    assert [weight.revision for weight in kept.weights.values()] == [2]
    await store.close()


async def test_a_disk_that_hangs_is_given_up_at_the_deadline(path: Path) -> None:
    """The event loop goes on; the thread is left behind."""
    awake = threading.Event()

    def hang(name: str) -> sqlite3.Connection:
        awake.wait()
        return _impatient(name)

    store = SqliteStore(str(path), connect=hang, deadline_s=0.01)

    with pytest.raises(StoreUnavailable, match="no answer"):
        await store.open()
    with pytest.raises(StoreUnavailable, match="no answer"):
        await store.open()
    awake.set()


async def test_a_store_that_is_not_open_says_so(path: Path) -> None:
    """No silent loss."""
    store = SqliteStore(str(path))

    with pytest.raises(StoreUnavailable, match="not open"):
        await store.save([], expected={}, epoch=1)
    with pytest.raises(StoreUnavailable, match="not open"):
        await store.save_ticket_keys([])
    await store.close()


def _write_version_1(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(AS_VERSION_1_WROTE_IT)
    connection.close()


def _allow_all(path: Path) -> None:
    path.chmod(0o644)


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def _content(path: Path) -> bytes:
    return path.read_bytes()


def _overwrite(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _tear(path: Path) -> None:
    whole = _content(path)
    _overwrite(path, whole[:8192] + b"\xff" * (len(whole) - 8192))


def _impatient(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=0, isolation_level=None)


def _cramped(path: str) -> sqlite3.Connection:
    connection = _impatient(path)
    connection.execute("PRAGMA max_page_count = 24")
    return connection


async def test_a_file_of_the_second_schema_keeps_what_it_kept(path: Path) -> None:
    """The last release's: weights and keys stay, rollouts and a journal come."""
    _write_version_2(path)
    store = SqliteStore(str(path))

    kept = await store.open()
    rollout = KeptRollout(service="chat", standing=b"{}", version=1)
    entries = chained(None, [NOTE])
    await store.save([], expected={}, epoch=0, rollouts=[rollout], entries=entries)
    await store.close()
    again = await SqliteStore(str(path)).open()

    assert (kept.epoch, kept.ticket_keys) == (41, (KEY,))
    assert (kept.rollouts, kept.attempts, kept.last_entry) == ({}, {}, None)
    assert again.weights == kept.weights
    assert list(again.weights) == ["chat"]
    assert (again.rollouts, again.last_entry) == ({"chat": rollout}, entries[0])


async def test_reading_what_is_kept_takes_no_room_on_the_disk(path: Path) -> None:
    """A full one has none for the index that several processes share (state.db-shm)."""
    store = SqliteStore(str(path))
    await store.open()
    await store.save([CHAT], expected={}, epoch=1)
    await store.open()
    await store.save([], expected={}, epoch=2)

    names = {found.name for found in _files_beside(path)}
    await store.close()

    assert names == {"state.db", "state.db-wal"}


async def test_a_full_disk_keeps_the_evidence_that_was_kept(path: Path) -> None:
    """All of it or none; and the file is not harmed."""
    store = SqliteStore(str(path), connect=_cramped)
    evidence = KeptEvidence(
        service="chat", attempt=1, trial=b"t", book=b"b", keys={1: b"x"}, is_new=True
    )
    large = replace(evidence, keys=dict.fromkeys(range(9_000), b"y"), is_new=False)
    await store.open()
    await store.save_evidence(evidence)

    with pytest.raises(StoreUnavailable, match="disk is full"):
        await store.save_evidence(large, entries=chained(None, [NOTE]))

    kept = await store.open()
    assert kept.last_entry is None
    assert await store.evidence("chat") == replace(evidence, is_new=False)
    await store.append(chained(None, [NOTE]))
    await store.close()


async def test_marks_that_change_all_the_time_take_few_rows_and_little_room(
    path: Path,
) -> None:
    """Whatever the number of saves: each run is longer than the newer ones together."""
    store = SqliteStore(str(path))
    evidence = KeptEvidence(
        service="chat", attempt=1, trial=b"", book=b"", keys={}, is_new=True
    )
    await store.open()
    await store.save_evidence(evidence)
    for turn in range(300):
        keys = {(turn * 31 + place) % 1000: b"%d" % turn for place in range(20)}
        await store.save_evidence(replace(evidence, keys=keys, is_new=False))
    await store.close()

    lengths = _lengths_of_runs(path)

    assert len(lengths) <= 7
    assert sum(lengths) <= 2 * 1000


async def test_what_is_forgotten_takes_no_room_for_ever(path: Path) -> None:
    """A hundred come and go with each save."""
    store = SqliteStore(str(path))
    evidence = KeptEvidence(service="chat", attempt=1, trial=b"", book=b"", keys={})
    await store.open()
    for turn in range(300):
        come = {turn * 100 + place: b"here" for place in range(100)}
        go = {each - 100: b"" for each in come} if turn else {}
        keys = come | go
        await store.save_evidence(replace(evidence, keys=keys, is_new=not turn))
    kept = await store.evidence("chat")
    await store.close()

    assert kept is not None
    assert len(kept.keys) == 100
    assert sum(_lengths_of_runs(path)) <= 1000


@pytest.mark.parametrize(
    ("service", "index"),
    [(None, "INTEGER PRIMARY KEY"), ("chat", "INDEX entry_of_service")],
)
def test_a_page_of_the_journal_is_found_by_an_index(
    path: Path, service: str | None, index: str
) -> None:
    """And in its order: nothing is sorted, and nothing read past, in a million rows."""
    plan = _plan_of(path, lambda connection: read_entries(connection, service, 5, 10))

    assert len(plan) == 2
    assert f"SEARCH entry USING {index}" in plan[0]
    assert "SEARCH body USING INTEGER PRIMARY KEY" in plan[1]


async def test_what_old_blocks_said_gives_its_room_back(path: Path) -> None:
    """What stays of a block is small; the file grows no further."""
    store = SqliteStore(str(path))
    begun = replace(NOTE, kind=BEGUN)
    blocks = [replace(NOTE, kind=BLOCK, body=b"x" * 5000)] * 1000
    entries = chained(None, [begun, *blocks, begun])
    await store.open()
    await store.append(entries)
    assert await store.prune("chat", attempts=1, limit=1000) == 1000
    await store.close()

    assert _bytes_in_use(path) < 1000 * 200 + 40 * 4096


def test_old_blocks_are_found_by_an_index(path: Path) -> None:
    """A service's journal is not read to prune it."""
    plan = _plan_of(path, lambda connection: prune_blocks(connection, "chat", 20, 10))

    assert any("INDEX block_of_service" in line for line in plan)
    assert any("INDEX begun_of_service" in line for line in plan)
    assert not any("SCAN" in line or "SORT" in line for line in plan)


async def test_a_journal_damaged_in_its_middle_is_found_when_it_is_read(
    path: Path,
) -> None:
    """Opening does not read it all; reading says what is wrong, and what to do."""
    store = SqliteStore(str(path))
    await store.open()
    await store.append(chained(None, [replace(NOTE, body=b"x" * 3000)] * 50))
    await store.close()
    _tear_at(path, 20)

    await store.open()
    with pytest.raises(StoreUnavailable, match="damaged"):
        await store.entries(None)
    await store.close()


async def test_what_was_written_behind_a_deadline_is_found_at_the_next_opening(
    path: Path,
) -> None:
    """Nothing is promised of a call that took too long: it may be kept."""
    awake = threading.Event()
    store = SqliteStore(
        str(path), connect=lambda name: _drowsy(name, awake), deadline_s=0.2
    )
    await store.open()
    entries = chained(None, [NOTE])

    with pytest.raises(StoreUnavailable, match="no answer"):
        await store.append(entries)
    awake.set()

    assert (await store.open()).last_entry == entries[0]
    await store.close()


def _write_version_2(path: Path) -> None:
    _write_version_1(path)
    connection = sqlite3.connect(path)
    connection.executescript(AS_VERSION_2_ADDED)
    connection.close()


def _plan_of(path: Path, work: Callable[[sqlite3.Connection], object]) -> list[str]:
    """Give SQLite's plan of the last statement that *work* runs."""
    connection = _impatient(str(path))
    raise_schema(connection, 0)
    told: list[str] = []
    connection.set_trace_callback(told.append)
    work(connection)
    connection.set_trace_callback(None)
    plan = connection.execute(f"EXPLAIN QUERY PLAN {told[-1]}").fetchall()
    connection.close()
    return [row[3] for row in plan]


def _files_beside(path: Path) -> list[Path]:
    return list(path.parent.iterdir())


def _bytes_in_use(path: Path) -> int:
    connection = _impatient(str(path))
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    free = connection.execute("PRAGMA freelist_count").fetchone()[0]
    connection.close()
    return int(pages - free) * 4096


def _lengths_of_runs(path: Path) -> list[int]:
    connection = _impatient(str(path))
    rows = connection.execute("SELECT count FROM marks ORDER BY run").fetchall()
    connection.close()
    return [length for (length,) in rows]


def _tear_at(path: Path, page: int) -> None:
    whole = _content(path)
    place = page * 4096
    _overwrite(path, whole[:place] + b"\xff" * 4096 + whole[place + 4096 :])


def _drowsy(path: str, awake: threading.Event) -> sqlite3.Connection:
    connection = _impatient(path)

    def hear(statement: str) -> None:
        if statement.startswith("INSERT INTO entry"):
            awake.wait()

    connection.set_trace_callback(hear)
    return connection
