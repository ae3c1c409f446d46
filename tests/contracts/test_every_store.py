"""What every store owes, held against the registry: a new plug is tested by being listed."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.domain.deployment import StateAddress, StateKind
from gateway.domain.errors import RevisionConflict
from gateway.domain.ticket_key import KEY_BYTES, TicketKey
from gateway.domain.units import Share
from gateway.state.store import Change, Store, Weight
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
