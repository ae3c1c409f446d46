"""Where names lead: all addresses, followed, and kept while the resolver fails.

The resolver is replaced; connections are real.
"""

import asyncio
import socket
from collections.abc import Coroutine

import pytest

from gateway.domain.service import Endpoint
from gateway.proxy import names
from gateway.proxy.names import MOST_ADDRESSES, Found, Names

V4, V6 = socket.AF_INET, socket.AF_INET6
NAME = Endpoint(url="http://models:80", host="models", port=80)


class Resolver:
    """Answers as the test wants, and counts."""

    def __init__(self) -> None:
        self.answer: Found | Exception = []
        self.asked = 0

    async def __call__(self, _host: str, _port: int) -> Found:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    made = Resolver()
    monkeypatch.setattr(names, "look_up", made)
    return made


class Scene:
    """Names, whose work is done when the test says so."""

    def __init__(self, endpoint: Endpoint = NAME, every: float = 30.0) -> None:
        self.endpoint = endpoint
        self.changes = 0
        self._work: list[Coroutine[object, object, None]] = []
        self.names = Names(self._work.append, self._note)
        self.names.use([(endpoint, every, 0.3)])

    def _note(self) -> None:
        self.changes += 1

    async def look_up(self, now: float) -> tuple[str | None, ...]:
        """Do what is due at *now*; give the addresses."""
        self.names.sweep(now)
        while self._work:
            await self._work.pop()
        return self.names.addresses(self.endpoint)

    @property
    def is_asking(self) -> bool:
        return bool(self._work)


FAR = 1e12
"""Later than anything is due."""


async def test_all_addresses_of_a_name_are_known(resolver: Resolver) -> None:
    scene = Scene()
    resolver.answer = [(V4, "10.0.0.2"), (V4, "10.0.0.1"), (V4, "10.0.0.2")]

    assert scene.names.addresses(NAME) == (None,)
    assert await scene.look_up(0.0) == ("10.0.0.1", "10.0.0.2")
    assert scene.changes == 1


async def test_changes_are_followed_and_only_changes_are_told(
    resolver: Resolver,
) -> None:
    scene = Scene()
    resolver.answer = [(V4, "10.0.0.1"), (V4, "10.0.0.2")]
    await scene.look_up(0.0)

    resolver.answer = [(V4, "10.0.0.2"), (V4, "10.0.0.1")]
    await scene.look_up(FAR)
    assert scene.changes == 1
    resolver.answer = [(V4, "10.0.0.3")]

    assert await scene.look_up(FAR) == ("10.0.0.3",)
    assert scene.changes == 2


async def test_a_name_is_not_looked_up_before_it_is_due(resolver: Resolver) -> None:
    scene = Scene(every=30.0)
    resolver.answer = [(V4, "10.0.0.1")]
    now = asyncio.get_running_loop().time()
    await scene.look_up(now)

    await scene.look_up(now + 29.0)
    assert resolver.asked == 1
    await scene.look_up(now + 60.0)
    assert resolver.asked == 2


@pytest.mark.parametrize(
    "error", [OSError("no such name"), UnicodeError("label too long"), TimeoutError()]
)
async def test_the_last_good_answer_outlives_a_resolver_that_fails(
    resolver: Resolver, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene()
    resolver.answer = [(V4, "10.0.0.1")]
    await scene.look_up(0.0)
    resolver.answer = error

    for _ in range(3):
        assert await scene.look_up(FAR) == ("10.0.0.1",)

    assert scene.changes == 1
    assert len([r for r in caplog.records if "cannot be looked up" in r.message]) == 1


async def test_the_number_of_addresses_is_bounded(resolver: Resolver) -> None:
    resolver.answer = [(V4, f"10.0.{n // 256}.{n % 256}") for n in range(1000)]

    assert len(await Scene().look_up(0.0)) == MOST_ADDRESSES


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "fe80::1%eth0"])
async def test_an_address_is_not_looked_up(resolver: Resolver, host: str) -> None:
    scene = Scene(Endpoint(url="http://x", host=host, port=80))

    assert await scene.look_up(0.0) == (None,)
    assert resolver.asked == 0


async def test_of_two_families_the_one_that_takes_connections_is_used(
    resolver: Resolver,
) -> None:
    """As with localhost, whose first address is ::1, and a server on 127.0.0.1 alone."""
    loop = asyncio.get_running_loop()
    async with await loop.create_server(asyncio.Protocol, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        scene = Scene(Endpoint(url="http://models", host="models", port=port))
        resolver.answer = [(V6, "::1"), (V4, "127.0.0.1"), (V4, "127.0.0.2")]

        assert await scene.look_up(0.0) == ("127.0.0.1", "127.0.0.2")


async def test_where_no_family_takes_connections_nothing_is_known_yet(
    resolver: Resolver,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    scene = Scene(Endpoint(url="http://models", host="models", port=port))
    resolver.answer = [(V6, "::1"), (V4, "127.0.0.1")]

    assert await scene.look_up(0.0) == (None,)


async def test_names_that_are_not_wanted_any_more_are_forgotten(
    resolver: Resolver,
) -> None:
    scene = Scene()
    scene.names.use([])

    await scene.look_up(FAR)

    assert resolver.asked == 0


async def test_a_name_that_is_asked_for_is_not_asked_for_twice(
    resolver: Resolver,
) -> None:
    scene = Scene()
    scene.names.sweep(0.0)
    scene.names.sweep(0.0)

    await scene.look_up(0.0)

    assert resolver.asked == 1


async def test_the_systems_own_resolver_is_asked() -> None:
    assert (V4, "127.0.0.1") in await names.look_up("localhost", 80)
