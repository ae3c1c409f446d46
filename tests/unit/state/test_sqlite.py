"""What can happen to a file: each trouble is named, with a way out."""

import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.domain.errors import StoreUnavailable
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
    await store.close()


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
    connection.execute("PRAGMA max_page_count = 8")
    return connection
