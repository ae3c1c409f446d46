"""What every store owes, held against the registry: a new plug is tested by being listed."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.domain.deployment import StateAddress, StateKind
from gateway.domain.errors import RevisionConflict
from gateway.domain.ticket_key import KEY_BYTES, TicketKey
from gateway.domain.units import Share
from gateway.state.journal import BEGUN, BLOCK, Draft, chained, first_break
from gateway.state.store import (
    MOST_ENTRIES,
    Change,
    KeptEvidence,
    KeptRollout,
    Store,
    Weight,
)
from gateway.state.stores import STORES, store_at

CHAT = Weight(
    service="chat",
    candidate="v2",
    share=Share(12_345),
    configured_share=Share(10_000),
    salt="chat",
    revision=1,
    change=Change(by="ci", reason='because; it\'s "time"', at=1_700_000_000.25),
)
CODE = replace(CHAT, service="code", candidate=None)
KEYS = (
    TicketKey(number=0, secret=bytes(KEY_BYTES), made_at=0.5),
    TicketKey(number=65_535, secret=b"\xff\x00'" * 8, made_at=1_700_000_000.25),
)
STANDING = KeptRollout(service="chat", standing=b'{"phase":"idle"}', version=1)
EVIDENCE = KeptEvidence(
    service="chat",
    attempt=3,
    trial=b"\x00trial",
    book=b"book'",
    keys={0: b"\x00", 1: b"\x00'one", 2**63: b"half", 2**64 - 1: b"last"},
    is_new=True,
)
BEGUN_DRAFT = Draft(at=1.5, service="chat", kind=BEGUN, body=b'{"attempt":1}')
BLOCK_DRAFT = Draft(at=1_700_000_000.25, service="chat", kind=BLOCK, body=b"[1,2]")
DECIDED_DRAFT = Draft(at=7, service="chat", kind="rolled_back", body=b"{}")


@pytest.fixture(params=STORES, ids=lambda kind: kind.value)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Each store of the registry, closed afterwards."""
    kind: StateKind = request.param
    made = store_at(StateAddress(kind=kind, path=str(tmp_path / "state.db")))
    yield made
    await made.close()


async def test_a_fresh_store_keeps_nothing(store: Store) -> None:
    """No epoch, no weights, no keys."""
    kept = await store.open()

    assert (kept.epoch, dict(kept.weights), kept.ticket_keys) == (0, {}, ())


async def test_what_is_saved_is_found_again_exactly(store: Store) -> None:
    """Every field comes back, None and quotes included."""
    await store.open()
    await store.save([CHAT, CODE], expected={}, epoch=7)
    await store.close()

    kept = await store.open()

    assert kept.epoch == 7
    assert kept.weights == {"chat": CHAT, "code": CODE}


async def test_a_revision_that_is_not_the_expected_one_saves_nothing(
    store: Store,
) -> None:
    """All or nothing, the epoch included."""
    await store.open()
    await store.save([CHAT], expected={}, epoch=1)

    with pytest.raises(RevisionConflict):
        await store.save([CODE, replace(CHAT, revision=2)], expected={}, epoch=9)

    kept = await store.open()
    assert kept.weights == {"chat": CHAT}
    assert kept.epoch == 1


async def test_the_expected_revision_is_replaced(store: Store) -> None:
    """Revisions may skip; they only have to be the expected ones."""
    await store.open()
    await store.save([CHAT], expected={}, epoch=1)
    newer = replace(CHAT, share=Share(0), revision=5)

    await store.save([newer], expected={"chat": 1}, epoch=2)

    assert (await store.open()).weights == {"chat": newer}


async def test_the_epoch_never_falls(store: Store) -> None:
    """A late save does not take it back."""
    await store.open()
    await store.save([], expected={}, epoch=9)
    await store.save([], expected={}, epoch=3)

    assert (await store.open()).epoch == 9


async def test_opening_twice_does_no_harm(store: Store) -> None:
    """A retry opens what may be open already."""
    await store.open()
    await store.save([CHAT], expected={}, epoch=1)
    await store.open()

    await store.save([replace(CHAT, revision=2)], expected={"chat": 1}, epoch=2)

    assert (await store.open()).weights["chat"].revision == 2


async def test_keys_that_are_saved_are_found_again_exactly(store: Store) -> None:
    """Every byte of a secret counts; weights are not touched."""
    await store.open()
    await store.save([CHAT], expected={}, epoch=7)
    await store.save_ticket_keys(KEYS)
    await store.close()

    kept = await store.open()

    assert sorted(kept.ticket_keys, key=lambda key: key.number) == list(KEYS)
    assert (kept.epoch, kept.weights) == (7, {"chat": CHAT})


async def test_keys_that_are_not_saved_again_are_gone(store: Store) -> None:
    """A secret that is not needed is not kept; one may change under its number."""
    await store.open()
    await store.save_ticket_keys(KEYS)
    newer = replace(KEYS[0], secret=b"n" * KEY_BYTES)

    await store.save_ticket_keys([newer])

    assert (await store.open()).ticket_keys == (newer,)


async def test_closing_what_was_never_opened_does_no_harm(store: Store) -> None:
    """The way out is the same after a failed start."""
    await store.close()


async def test_a_change_is_kept_whole_with_its_entry(store: Store) -> None:
    """Weight, standing and what the journal says of it come back together."""
    entries = chained(None, [BEGUN_DRAFT, BLOCK_DRAFT])
    await store.open()
    await store.save([CHAT], expected={}, epoch=3, rollouts=[STANDING], entries=entries)
    await store.close()

    kept = await store.open()

    assert kept.weights == {"chat": CHAT}
    assert kept.rollouts == {"chat": STANDING}
    assert kept.last_entry == entries[-1]
    assert await store.entries(None) == entries


async def test_another_version_than_expected_keeps_nothing(store: Store) -> None:
    """Neither the weight nor the epoch nor the entry."""
    await store.open()
    await store.save([CHAT], expected={}, epoch=1, rollouts=[STANDING])

    with pytest.raises(RevisionConflict, match="version 1 in the store, not 4"):
        await store.save(
            [replace(CHAT, revision=2)],
            expected={"chat": 1},
            epoch=9,
            rollouts=[replace(STANDING, version=5)],
            expected_versions={"chat": 4},
            entries=chained(None, [BLOCK_DRAFT]),
        )

    kept = await store.open()
    assert (kept.epoch, kept.weights) == (1, {"chat": CHAT})
    assert (kept.rollouts, kept.last_entry) == ({"chat": STANDING}, None)


async def test_the_expected_version_is_replaced(store: Store) -> None:
    """Versions may skip; others stay as they are."""
    other = replace(STANDING, service="code")
    await store.open()
    await store.save([], expected={}, epoch=0, rollouts=[STANDING, other])
    newer = replace(STANDING, standing=b'{"phase":"paused"}', version=7)

    await store.save(
        [], expected={}, epoch=0, rollouts=[newer], expected_versions={"chat": 1}
    )

    assert (await store.open()).rollouts == {"chat": newer, "code": other}


async def test_an_entry_that_does_not_follow_the_last_is_refused(store: Store) -> None:
    """Two writers cannot both continue the chain; and nothing is torn."""
    first, second, third = chained(None, [BLOCK_DRAFT] * 3)
    await store.open()
    await store.append([first])

    for wrong in ([third], [first], [second, replace(third, at=0.0)]):
        with pytest.raises(RevisionConflict, match="which ends at 1"):
            await store.append(wrong)
    with pytest.raises(RevisionConflict):
        await store.save([CHAT], expected={}, epoch=1, entries=[third])

    assert (await store.open()).weights == {}
    assert await store.entries(None) == [first]


async def test_with_a_services_journal_comes_that_of_its_lanes(store: Store) -> None:
    """In order, page by page; a lane's own is read alone, and no name is mistaken."""
    drafts = [
        replace(BLOCK_DRAFT, service=service)
        for service in ("chat:A", "chat", "chats", "chat:B", None, "chat.x", "chat:A")
    ]
    entries = chained(None, drafts)
    await store.open()
    await store.append(entries)

    asked = [*await store.entries("chat", limit=2)]
    asked += await store.entries("chat", after=asked[-1].seq)

    assert asked == [entries[n] for n in (0, 1, 3, 6)]
    assert await store.entries("chat:A") == [entries[0], entries[6]]


async def test_the_journal_is_read_in_pages_and_by_service(store: Store) -> None:
    """Oldest first; the whole gateway's own entries are in the whole only."""
    drafts = [
        replace(BLOCK_DRAFT, service=service)
        for service in ("chat", None, "code", "chat", "chat")
    ]
    entries = chained(None, drafts)
    await store.open()
    await store.append(entries)

    assert await store.entries(None, after=1, limit=2) == entries[1:3]
    assert await store.entries("chat", after=1) == entries[3:]
    assert await store.entries("chat", limit=2) == [entries[0], entries[3]]
    assert await store.entries("none") == []
    assert await store.entries(None, after=5) == []
    assert await store.entries(None, limit=0) == []


async def test_no_call_gives_more_entries_than_the_bound(store: Store) -> None:
    """Whatever is asked for."""
    await store.open()
    await store.append(chained(None, [BLOCK_DRAFT] * (MOST_ENTRIES + 1)))

    assert len(await store.entries(None, limit=10**9)) == MOST_ENTRIES
    assert len(await store.entries(None)) == MOST_ENTRIES
    assert await store.entries(None, limit=-1) == []


async def test_old_blocks_lose_their_bodies_and_the_chain_holds(store: Store) -> None:
    """Those of the last attempts keep theirs, decisions keep theirs, others too."""
    other = replace(BLOCK_DRAFT, service="code")
    attempt = [BEGUN_DRAFT, BLOCK_DRAFT, BLOCK_DRAFT, DECIDED_DRAFT, other]
    entries = chained(None, attempt * 3)
    await store.open()
    await store.append(entries)

    counts = [await store.prune("chat", attempts=2, limit=1) for _ in range(3)]

    found = await store.entries(None)
    assert counts == [1, 1, 0]
    assert [entry.seq for entry in found if entry.body is None] == [2, 3]
    assert first_break(found) is None
    assert await store.prune("chat", attempts=4, limit=100) == 0
    assert await store.prune("chat", attempts=1, limit=100) == 2
    assert await store.prune("code", attempts=1, limit=100) == 0
    await store.append(chained(found[-1], [BLOCK_DRAFT]))


async def test_evidence_that_is_saved_is_found_again_exactly(store: Store) -> None:
    """With every key, from the lowest fingerprint to the highest."""
    await store.open()
    assert await store.evidence("chat") is None

    await store.save_evidence(EVIDENCE)
    await store.save_evidence(replace(EVIDENCE, service="code", keys={}))
    await store.close()

    kept = await store.open()
    assert kept.attempts == {"chat": 3, "code": 3}
    assert await store.evidence("chat") == replace(EVIDENCE, is_new=False)
    code = replace(EVIDENCE, service="code", keys={}, is_new=False)
    assert await store.evidence("code") == code


async def test_keys_that_have_changed_replace_those_that_were(store: Store) -> None:
    """Many times over: the last mark of each key counts, and none is lost."""
    await store.open()
    await store.save_evidence(EVIDENCE)
    expected = dict(EVIDENCE.keys)
    for turn in range(50):
        changed = {key % 97: b"%d" % turn for key in range(turn, turn * turn, 7)}
        expected |= changed
        await store.save_evidence(
            replace(EVIDENCE, trial=b"%d" % turn, keys=changed, is_new=False)
        )

    found = await store.evidence("chat")

    assert found is not None
    assert (found.trial, found.keys) == (b"49", expected)


async def test_an_empty_mark_is_of_a_key_that_is_forgotten(store: Store) -> None:
    """At once, though the store may still have to clean up; and a key may come back."""
    await store.open()
    await store.save_evidence(replace(EVIDENCE, keys=dict.fromkeys(range(50), b"m")))
    for changed in ({1: b"", 7: b""}, {7: b"again"}, {99: b""}):
        await store.save_evidence(replace(EVIDENCE, keys=changed, is_new=False))

    kept = await store.evidence("chat")

    assert kept is not None
    assert sorted(kept.keys) == [0, *range(2, 50)]
    assert kept.keys[7] == b"again"


async def test_new_evidence_drops_what_was_there(store: Store) -> None:
    """Of another attempt, or of this one when it is saved whole."""
    await store.open()
    await store.save_evidence(EVIDENCE)

    await store.save_evidence(replace(EVIDENCE, attempt=4, keys={5: b"five"}))

    found = await store.evidence("chat")
    assert found is not None
    assert (found.attempt, found.keys) == (4, {5: b"five"})
    assert (await store.open()).attempts == {"chat": 4}


async def test_what_has_changed_is_not_added_to_another_attempt(store: Store) -> None:
    """Or to nothing; the entry that came with it is not written either."""
    changed = replace(EVIDENCE, is_new=False)
    entries = chained(None, [BLOCK_DRAFT])
    await store.open()

    with pytest.raises(RevisionConflict, match="Save it whole"):
        await store.save_evidence(changed, entries=entries)
    await store.save_evidence(EVIDENCE)
    with pytest.raises(RevisionConflict, match=r"attempt 4 .* attempt 3"):
        await store.save_evidence(replace(changed, attempt=4), entries=entries)
    with pytest.raises(RevisionConflict):
        await store.save_evidence(replace(changed, trial=b"x"), entries=entries * 2)

    assert await store.entries(None) == []
    assert await store.evidence("chat") == changed


async def test_a_block_is_written_with_its_evidence(store: Store) -> None:
    """In one transaction: what is replayed is what is known."""
    entries = chained(None, [BLOCK_DRAFT])
    await store.open()

    await store.save_evidence(EVIDENCE, entries=entries)

    assert (await store.open()).last_entry == entries[0]
