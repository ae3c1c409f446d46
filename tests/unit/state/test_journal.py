"""Nobody changes, removes, adds or swaps an entry without the chain saying which."""

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.state.journal import (
    BEGUN,
    BLOCK,
    Draft,
    Entry,
    chained,
    first_break,
    prunable,
    without_body,
)

DRAFTS = [
    Draft(at=1_700_000_000.25, service="chat", kind=BEGUN, body=b'{"attempt":1}'),
    Draft(at=1_700_000_005, service="chat", kind=BLOCK, body=b"[1]"),
    Draft(at=1_700_000_010, service=None, kind="reloaded", body=b"{}"),
    Draft(at=1_700_000_015, service="chat", kind=BLOCK, body=b"[2]"),
    Draft(at=1_700_000_020, service="chat", kind="rolled_back", body=b'{"why":"x"}'),
]
ENTRIES = chained(None, DRAFTS)


def test_what_was_chained_holds() -> None:
    assert [entry.seq for entry in ENTRIES] == [1, 2, 3, 4, 5]
    assert first_break(ENTRIES) is None
    assert first_break([]) is None


def test_the_chain_is_checked_with_nothing_but_sha256() -> None:
    """As the module says, for whoever has no gateway at hand."""
    before = "00" * 32
    for entry in ENTRIES:
        assert entry.body is not None
        digest = hashlib.sha256(entry.body).hexdigest()
        fields = [before, entry.seq, entry.at, entry.service, entry.kind, digest]
        text = json.dumps(fields, separators=(",", ":"))
        before = hashlib.sha256(text.encode()).hexdigest()
        assert entry.hash.hex() == before


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize(
    "changed",
    [
        {"seq": 9},
        {"at": 0.0},
        {"service": "code"},
        {"kind": "promoted"},
        {"body": b"[]"},
        {"digest": bytes(32)},
        {"hash": bytes(32)},
        {"body": b"[]", "digest": hashlib.sha256(b"[]").digest()},
    ],
    ids=lambda changed: "+".join(changed),
)
def test_an_entry_that_was_changed_is_named(
    place: int, changed: dict[str, object]
) -> None:
    entries = list(ENTRIES)
    entries[place] = replace(entries[place], **changed)  # type: ignore[arg-type]

    assert first_break(entries) == entries[place]


@pytest.mark.parametrize("place", range(4))
def test_the_entry_behind_a_missing_one_is_named(place: int) -> None:
    entries = [*ENTRIES[:place], *ENTRIES[place + 1 :]]

    assert first_break(entries) == ENTRIES[place + 1]


@pytest.mark.parametrize("place", range(4))
def test_entries_that_were_swapped_are_named(place: int) -> None:
    entries = list(ENTRIES)
    entries[place : place + 2] = reversed(entries[place : place + 2])

    assert first_break(entries) == ENTRIES[place + 1]


def test_an_entry_rewritten_with_its_own_hash_breaks_the_next() -> None:
    """Who forges one has to forge all that follow, up to a hash somebody wrote down."""
    forged = chained(ENTRIES[1], [replace(DRAFTS[2], body=b'{"forged":1}')])

    assert first_break([*ENTRIES[:2], *forged, *ENTRIES[3:]]) == ENTRIES[3]


def test_a_part_is_checked_from_the_entry_before_it() -> None:
    assert first_break(ENTRIES[2:], previous=ENTRIES[1]) is None
    assert first_break(ENTRIES[2:]) == ENTRIES[2]
    assert first_break(ENTRIES[2:], previous=ENTRIES[0]) == ENTRIES[2]


def test_blocks_may_lose_their_bodies_and_nothing_else() -> None:
    pruned = [_pruned(entry) for entry in ENTRIES]

    assert first_break(pruned) is None
    assert first_break([without_body(ENTRIES[0]), *ENTRIES[1:]]) is not None
    wrong = replace(pruned[1], digest=bytes(32))
    assert first_break([pruned[0], wrong, *pruned[2:]]) == wrong


def test_only_blocks_of_attempts_before_the_last_ones_may_go() -> None:
    entries = chained(None, [*DRAFTS, *DRAFTS, *DRAFTS])
    ours = [entry for entry in entries if entry.service == "chat"]

    assert [entry.seq for entry in prunable(ours, attempts=2)] == [2, 4]
    assert [entry.seq for entry in prunable(ours, attempts=1)] == [2, 4, 7, 9]
    assert prunable(ours, attempts=3) == []
    assert prunable([], attempts=1) == []


@given(
    st.lists(
        st.builds(
            Draft,
            at=st.floats(0, 4e9),
            service=st.none() | st.text(max_size=5),
            kind=st.sampled_from([BLOCK, BEGUN, "x"]) | st.text(max_size=5),
            body=st.binary(max_size=9),
        ),
        max_size=9,
    ),
    st.integers(0, 9),
)
def test_chaining_in_parts_is_chaining_at_once(drafts: list[Draft], at: int) -> None:
    """However it was sent."""
    whole = chained(None, drafts)
    front = chained(None, drafts[:at])

    assert front + chained(front[-1] if front else None, drafts[at:]) == whole
    assert first_break(whole) is None


def _pruned(entry: Entry) -> Entry:
    return without_body(entry) if entry.kind == BLOCK else entry
