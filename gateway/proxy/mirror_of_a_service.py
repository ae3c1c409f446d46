"""How the requests of one service are copied, from where to where, and those that will be."""

from typing import NamedTuple

from gateway.domain.units import Share
from gateway.proxy.pairs import Books, ClientsHalf, Pair
from gateway.proxy.routes import Route, Target
from gateway.proxy.who import Sender
from gateway.routing.headers import HeaderTests


class Mirror(NamedTuple):
    """How the requests of one service are copied, under one routing table.

    Attributes:
        rules: What headers must be, and the chance then; the first that fits counts.
        source: The version whose requests are copied.
        target: The other one, as copies see it: its pools, and a tally for copies.
        books: The budget in them outlives the table.
        control: Has a part of the requests copied to *source* itself, where a judge will
            see both answers side by side: what it makes of those is noise.

    """

    rules: tuple[tuple[HeaderTests, Share], ...]
    source: Target
    target: Target
    books: Books
    control: "Mirror | None" = None


class Original(NamedTuple):
    """A request that is to be copied when its body is whole.

    Attributes:
        mirror: Of its service.
        route: Of its service.
        seen: The client's exchange.
        peer: Who sent it.
        key: Its sticky key; None without one.
        pair: Takes both halves.
        pieces: Of its body, more as they arrive.

    """

    mirror: Mirror
    route: Route
    seen: ClientsHalf
    peer: Sender
    key: bytes | None
    pair: Pair
    pieces: list[bytes]


def way_of(route: Route, mirror: Mirror) -> tuple[str, str, str]:
    """Say what is copied from where to where: it outlives a table, as routes do not."""
    source, target = mirror.source.version, mirror.target.version
    return route.service.name, source.name, target.name


def skip(mirror: Mirror, why: str) -> None:
    """Count a request that was drawn and is not copied, by why."""
    skipped = mirror.target.tally.skipped
    skipped[why] = skipped.get(why, 0) + 1
