"""Which version a request must go to, because its server holds what the request names.

What a server keeps (a response, a conversation) another one cannot go on from. So a request
that names such a thing goes to the version that made it, whatever its key's bucket says;
but never to one that was taken back: a rollback always wins. Why so, and what of this may
be evidence: decisions/0019-pins-and-drains.md.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import mmh3

from gateway.answers.held_state import Naming, made_in, named_in, naming_of
from gateway.answers.reading import Reading
from gateway.domain.service import DialectChoice
from gateway.handoff.held_states import Held, HeldStates, code_of, id_of
from gateway.handoff.routing_table import RoutedService
from gateway.proxy.request_body import RequestBody
from gateway.proxy.units import Split
from gateway.routing.sticky import Wait
from gateway.wire.fields import Memo
from gateway.wire.request_head import RequestHead

FOLLOWED: Final = "followed"
"""It went to the version that holds what it named."""

DRAINED: Final = "drained"
"""It went to a candidate that was taken back, on which its conversation had begun."""

TAKEN_BACK: Final = "taken_back"
"""What it named is held by a version that gets nothing now; it went where its key goes."""

UNKNOWN: Final = "unknown"
"""Nobody knows who holds what it named; it went where its key goes."""

_READS: Final = frozenset({DialectChoice.AUTO, DialectChoice.OPENAI})
_STATE: Final = b"state"
_KEY: Final = b"key"
_NOBODY: Final = 0
_ORIGIN_SEED: Final = 0x0417
_LONGEST_ANSWER: Final = 1024 * 1024
_POST: Final = b"POST"


class Pinning(NamedTuple):
    """What the state that a request names comes to.

    Attributes:
        version: Where it must go; None: where its key says.
        origin: What its conversation began under; 0: nothing that is known.
        why: FOLLOWED, TAKEN_BACK or UNKNOWN; "" where it names none.

    """

    version: str | None
    origin: int
    why: str


NOTHING_NAMED: Final = Pinning(None, 0, "")


class Learning:
    """Takes from one answer under which id its server keeps it.

    Args:
        pins: Of the service.
        version: That answers.
        origin: What the conversation began under; 0: no evidence of anything.
        unix_s: Wall clock.

    """

    __slots__ = (
        "_is_over",
        "_origin",
        "_parts",
        "_pins",
        "_size",
        "_unix_s",
        "_version",
    )

    def __init__(self, pins: "Pins", version: str, origin: int, unix_s: int) -> None:
        self._pins = pins
        self._version = version
        self._origin = origin
        self._parts: list[bytes] = []
        self._size = 0
        self._unix_s = unix_s
        self._is_over = False

    def of_another(self, version: str) -> "Learning":
        """Give what takes the same from the answer of another version."""
        return Learning(self._pins, version, _NOBODY, self._unix_s)

    def stop(self) -> None:
        """Learn nothing: it is no answer that is kept."""
        self._is_over = True
        self._parts = []

    def passed(
        self, parts: list[bytes], reading: Reading | None, *, ended: bool
    ) -> None:
        """Look at bytes before the client has them: its next request may name the id.

        Args:
            parts: Of the answer's body, as they came.
            reading: Reads the same; None where nobody does.
            ended: Whether no more will come.

        """
        if self._is_over:
            return
        if reading is not None and reading.is_stream:
            self._note(reading.answer.state)
            return
        self._parts += parts
        self._size += sum(map(len, parts))
        if self._size > _LONGEST_ANSWER:
            self.stop()
        elif ended:
            self._note(made_in(b"".join(self._parts)))
            self.stop()

    def _note(self, name: bytes | None) -> None:
        if name is not None:
            self._is_over = True
            self._pins.note(name, self._version, self._origin, self._unix_s)


class Pins:
    """Who holds what, for one service under one routing table.

    Args:
        held: Shared by all workers.
        lanes: The service as it is routed; several where it has several candidates,
            which are alike but for these.

    Attributes:
        naming: What a path says of state; None where it has nothing to do with any.
        is_draining: Keys that a candidate has served go on there.
        notes_keys: They are to be known, for there may be a drain.
        knows_keys: One of the two.

    """

    __slots__ = (
        "_draining",
        "_followed",
        "_held",
        "_noted",
        "_service",
        "_versions",
        "is_draining",
        "knows_keys",
        "naming",
        "notes_keys",
    )

    def __init__(self, held: HeldStates, lanes: Sequence[RoutedService]) -> None:
        service = lanes[0].service
        self._held = held
        self._service = service.known_as
        self._versions = {
            code_of(self._service, version.name): version.name
            for lane in lanes
            for version in lane.service.versions
        }
        self._followed = followed(lanes)
        self._draining = _candidates(lane for lane in lanes if lane.is_draining)
        self._noted = _candidates(lane for lane in lanes if lane.notes_keys)
        reads = service.dialect in _READS
        self.naming: Memo[Naming | None] = Memo(naming_of if reads else _no_state)
        self.is_draining = bool(self._draining)
        self.notes_keys = bool(self._noted)
        self.knows_keys = self.is_draining or self.notes_keys

    def asked(
        self,
        naming: Naming,
        head: RequestHead,
        body: RequestBody,
        limit: int,
        unix_s: int,
    ) -> Pinning | Wait:
        """Tell where the state that a request names lies; or wait for its body.

        Args:
            naming: What its path says.
            head: Of the request.
            body: Of the request.
            limit: Bytes of it that may be held.
            unix_s: Wall clock.

        """
        found = NOTHING_NAMED
        if naming.name:
            found = self._pinning(naming.name, unix_s)
        if found.why == FOLLOWED or not naming.is_body_asked or head.method != _POST:
            return found
        text = body.readable(limit)
        if isinstance(text, Wait):
            return text
        name = named_in(text) if isinstance(text, bytes) else None
        return found if name is None else self._pinning(name, unix_s)

    def _pinning(self, name: bytes, unix_s: int) -> Pinning:
        held = self._held.find(id_of(self._service, _STATE, name), unix_s)
        version = None if held is None else self._versions.get(held.code)
        if held is None or version is None:
            return Pinning(None, 0, UNKNOWN)
        if version not in self._followed:
            return Pinning(None, 0, TAKEN_BACK)
        return Pinning(version, held.origin, FOLLOWED)

    def note(self, name: bytes, version: str, origin: int, unix_s: int) -> None:
        """Note which version made an id."""
        held = Held(code_of(self._service, version), origin)
        self._held.keep(id_of(self._service, _STATE, name), held, unix_s)

    # Keys, where a rollback drains.

    def drained(self, key: bytes, unix_s: int) -> str | None:
        """Give the version taken back on which *key* may go on; None: on none."""
        found = self._held.find(id_of(self._service, _KEY, key), unix_s)
        version = None if found is None else self._versions.get(found.code)
        return version if version in self._draining else None

    def note_key(self, key: bytes, version: str, unix_s: int) -> None:
        """Note which version serves *key*: of others than may drain only that it is one."""
        place = id_of(self._service, _KEY, key)
        found = self._held.find(place, unix_s)
        before = _NOBODY if found is None else found.code
        now = code_of(self._service, version) if version in self._noted else _NOBODY
        if now != before:
            self._held.keep(place, Held(now, 0), unix_s)


def origin_of(split: Split, key: bytes | None) -> int:
    """Give what stands for a key under a split, for what begins with both; 0: no key."""
    if key is None:
        return 0
    text = b"%d\0%b\0%b" % (split.revision, split.service.encode(), key)
    return mmh3.hash64(text, _ORIGIN_SEED, signed=False)[0] or 1


def _candidates(lanes: Iterable[RoutedService]) -> frozenset[str]:
    names = (lane.service.candidate for lane in lanes)
    return frozenset(name for name in names if name is not None)


def followed(lanes: Sequence[RoutedService]) -> frozenset[str]:
    """Give the versions that what they hold may be asked for.

    A candidate only while it has traffic, or drains: a rollback always wins.
    """
    service = lanes[0].service
    defined = {version.name for lane in lanes for version in lane.service.versions}
    before = {name for lane in lanes for name in lane.outlived}
    candidates = _candidates(lanes)
    up = _candidates(lane for lane in lanes if lane.is_draining or _has_traffic(lane))
    return (frozenset(defined & before) - candidates) | up | {service.baseline}


def _has_traffic(lane: RoutedService) -> bool:
    return lane.share > 0 or any(route.match for route in lane.header_routes)


def pins_of(held: HeldStates, *lanes: RoutedService) -> Pins | None:
    """Give a service's pins; None where there is one version, so that nothing is moved."""
    is_single = len(lanes) == 1 and len(lanes[0].service.versions) == 1
    return None if is_single else Pins(held, lanes)


def _no_state(_path: bytes) -> Naming | None:
    return None
