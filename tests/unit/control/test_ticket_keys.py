"""A key signs for a week, reads for thirty days more, and outlives what it can."""

from collections.abc import Sequence

from gateway.control.durable import Durable
from gateway.control.ticket_keys import TURNED_AFTER_S, KeyRing
from gateway.domain.deployment import StateAddress, StateKind
from gateway.domain.errors import StoreUnavailable
from gateway.domain.ticket_key import KEY_BYTES, TICKET_LASTS_S, TicketKey
from gateway.handoff.ticket import Ticket, TicketMaker, read, route_code
from gateway.state.stores.memory import MemoryStore

ADDRESS = StateAddress(kind=StateKind.MEMORY)
LONG_AGO = 1_700_000_000.0


class _Store(MemoryStore):
    """Counts what it saves; can be broken."""

    def __init__(self) -> None:
        super().__init__()
        self.is_broken = False
        self.saves = 0

    async def save_ticket_keys(self, keys: Sequence[TicketKey]) -> None:
        if self.is_broken:
            raise StoreUnavailable("Broken.", remedy="Mend it.")
        self.saves += 1
        await super().save_ticket_keys(keys)


class _Scene:
    """A ring, a store and a clock."""

    def __init__(self) -> None:
        self.now = LONG_AGO
        self.store = _Store()
        self.durable = Durable(lambda _address: self.store)
        self.ring = KeyRing(self.durable, lambda: self.now)

    async def kept(self) -> tuple[TicketKey, ...]:
        return (await self.store.open()).ticket_keys


def test_the_first_turn_makes_a_key_and_the_next_does_not() -> None:
    scene = _Scene()

    assert scene.ring.turn()
    first = scene.ring.current
    scene.now += TURNED_AFTER_S - 1

    assert not scene.ring.turn()
    assert scene.ring.current is first
    assert len(first.secret) == KEY_BYTES


def test_after_a_week_there_is_a_new_key_and_the_old_one_still_reads() -> None:
    scene = _Scene()
    scene.ring.turn()
    first = scene.ring.current
    scene.now += TURNED_AFTER_S

    assert scene.ring.turn()

    assert scene.ring.current.secret != first.secret
    assert scene.ring.keys[first.number] is first


def test_every_id_reads_as_long_as_it_is_accepted() -> None:
    """Also one that was made at the last moment of its key."""
    scene = _Scene()
    scene.ring.turn()
    key, issued = scene.ring.current, int(scene.now + TURNED_AFTER_S)
    text = TicketMaker(key, route=route_code("a", "b"), segments=0, epoch=1).make(
        issued, 1
    )
    while scene.now < issued + TICKET_LASTS_S:
        scene.now += 3600
        scene.ring.turn()

    assert isinstance(read(text, scene.ring.keys, issued + TICKET_LASTS_S), Ticket)
    scene.now += 10 * TURNED_AFTER_S
    scene.ring.turn()
    assert key.number not in scene.ring.keys


async def test_what_is_kept_is_used_again_and_not_written_again() -> None:
    scene = _Scene()
    await scene.durable.attach(ADDRESS)
    scene.ring.turn()
    await scene.ring.keep()
    again = KeyRing(scene.durable, lambda: scene.now)

    again.adopt(await scene.kept(), kept=True)
    assert not again.turn()
    await again.keep()

    assert again.current == scene.ring.current
    assert scene.store.saves == 1


async def test_a_key_made_without_the_store_is_kept_when_it_is_back() -> None:
    scene = _Scene()
    await scene.durable.attach(ADDRESS)
    scene.ring.turn()
    await scene.ring.keep()
    before = scene.ring.current
    scene.now += 60
    lonely = KeyRing(scene.durable, lambda: scene.now)
    scene.store.is_broken = True
    lonely.turn()
    await lonely.keep()
    scene.store.is_broken = False
    returned = await scene.durable._reopen()
    assert returned is not None

    lonely.adopt(returned.ticket_keys, kept=True)
    await lonely.keep()

    assert set(await scene.kept()) == {before, lonely.current}
    assert lonely.current is not before


def test_a_key_from_the_future_does_not_sign_for_ever() -> None:
    """A clock that ran ahead was set right."""
    scene = _Scene()
    scene.ring.adopt([TicketKey(number=1, secret=b"f" * 32, made_at=LONG_AGO * 2)])
    scene.now += TURNED_AFTER_S

    assert scene.ring.turn()
    assert scene.ring.current.number != 1


def test_starts_without_a_store_do_not_pile_up_keys() -> None:
    scene = _Scene()
    many = [
        TicketKey(number=n, secret=b"k" * 32, made_at=LONG_AGO - n) for n in range(999)
    ]

    scene.ring.adopt(many)

    assert len(scene.ring.keys) == 64
    assert scene.ring.current.number == 0
