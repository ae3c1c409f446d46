"""kill -9 in the middle of a save, of a real process: all of it is there, or nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.state.journal import first_break
from gateway.state.stores.sqlite import SqliteStore
from tests.unit.state.saver import SAVES, evidence, standing, weight

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "statement", ["INSERT OR REPLACE INTO rollout", "INSERT INTO entry", "COMMIT"]
)
async def test_a_change_that_was_cut_short_leaves_what_was(
    tmp_path: Path, statement: str
) -> None:
    """Between any two of its tables, and before it is committed."""
    path = tmp_path / "state.db"
    await _saved_once(path, "change")

    _kill_at(path, "change", statement)

    assert await _turn_of_change(path) == 1


@pytest.mark.parametrize(
    "statement", ["INSERT INTO marks", "INSERT INTO entry", "COMMIT"]
)
async def test_evidence_that_was_cut_short_leaves_what_was(
    tmp_path: Path, statement: str
) -> None:
    """No key without its trial, no block without its key."""
    path = tmp_path / "state.db"
    await _saved_once(path, "evidence")

    _kill_at(path, "evidence", statement)

    assert await _turn_of_evidence(path) == 1


@pytest.mark.parametrize("_again", range(4))
async def test_evidence_killed_while_it_is_committed_is_all_or_nothing(
    tmp_path: Path, _again: int
) -> None:
    """Wherever in its pages the end found it."""
    path = tmp_path / "state.db"
    await _saved_once(path, "evidence")

    _kill_at(path, "evidence", "COMMIT", "go on")

    assert await _turn_of_evidence(path) in {1, 2}


async def _saved_once(path: Path, what: str) -> None:
    store = SqliteStore(str(path))
    await store.open()
    await SAVES[what](store, 1, None)
    await store.close()


def _kill_at(path: Path, what: str, statement: str, *how: str) -> None:
    command = [sys.executable, "-m", "tests.unit.state.saver", str(path)]
    with subprocess.Popen(
        [*command, what, statement, *how], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as saver:
        assert saver.stdout is not None
        assert saver.stdout.readline() == f"{statement}\n"
        saver.kill()


async def _turn_of_change(path: Path) -> int:
    store = SqliteStore(str(path))
    kept = await store.open()
    entries = await store.entries(None)
    await store.close()
    turn = kept.epoch
    assert kept.weights == {"chat": weight(turn)}
    assert kept.rollouts == {"chat": standing(turn)}
    assert [entry.body for entry in entries] == [b"1", b"2"][:turn]
    assert first_break(entries) is None
    return turn


async def _turn_of_evidence(path: Path) -> int:
    store = SqliteStore(str(path))
    await store.open()
    found = await store.evidence("chat")
    entries = await store.entries(None)
    await store.close()
    assert found is not None
    turn = int(found.book)
    expected = evidence(turn, 50_000)
    assert found.trial == expected.trial
    assert found.keys == {**evidence(1, 50_000).keys, **expected.keys}
    assert [entry.body for entry in entries] == [b"1", b"2"][:turn]
    assert first_break(entries) is None
    return turn
