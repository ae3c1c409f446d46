"""What can happen to a file: each trouble is named, with a way out."""

import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.domain.errors import StoreUnavailable
from gateway.domain.ticket_key import TicketKey
from gateway.domain.units import Share
from gateway.state.store import Change, Weight
from gateway.state.stores.sqlite import SqliteStore

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
