"""Which version a request gets where its server's state may decide: pins, and drains.

An override goes first, then what the request names, then all as for others.
"""

from typing import Final

from gateway.proxy.keys import keyed
from gateway.proxy.observe import Observation
from gateway.proxy.peer import Peer
from gateway.proxy.pins import (
    DRAINED,
    FOLLOWED,
    NOTHING_NAMED,
    Learning,
    Pinning,
    Pins,
    origin_of,
)
from gateway.proxy.plane import Plane
from gateway.proxy.request_body import RequestBody
from gateway.proxy.routes import Route, Target
from gateway.routing.sticky import Wait
from gateway.wire.request_head import RequestHead

_SENT_BACK: Final = frozenset({FOLLOWED, DRAINED})
_POST: Final = b"POST"


class ChoiceByState:
    """One request's choice.

    Args:
        plane: Of the worker.
        route: Of the service.
        pins: Of the service.
        head: Of the request.
        body: Of the request.
        peer: Who sent it.

    """

    __slots__ = (
        "_body",
        "_fixed",
        "_head",
        "_key",
        "_peer",
        "_pinning",
        "_pins",
        "_plane",
        "_route",
        "_why",
    )

    def __init__(
        self,
        plane: Plane,
        route: Route,
        pins: Pins,
        head: RequestHead,
        body: RequestBody,
        peer: Peer,
    ) -> None:
        self._plane, self._route, self._pins = plane, route, pins
        self._head, self._body, self._peer = head, body, peer
        self._pinning = NOTHING_NAMED
        self._fixed: Target | None = None
        self._key: bytes | None = None
        self._why = ""

    def choose(self) -> Observation | None:
        """Choose; None while the body may still name a state, or the key.

        Raises:
            Refused: An override names no version.

        """
        route, head, body = self._route, self._head, self._body
        pinning = self._asked()
        if isinstance(pinning, Wait):
            return None
        self._pinning, self._why = pinning, pinning.why
        self._fixed = route.fixed_target(head, self._peer.client)
        cookie = None
        if self._fixed is None:
            found = keyed(route, head, body, self._peer)
            if isinstance(found, Wait):
                return None
            self._key, cookie = found
            if route.lanes:
                self._route = route.in_lane(self._key)
        target, is_counting = self._target(), True
        is_free = self._is_free(target)
        guard = self._route.guard
        if is_free and guard is not None and guard.is_diverting:
            target, is_counting = self._route.directed(target, self._plane.wheel.now)
        seen = self._observed(target, is_counting=is_counting)
        seen.cookie = cookie
        if is_free and target.standby is not None:
            seen.standby = target.standby
            seen.pieces = body.share_copy(route.json_limit)
        if self._why:
            target.tally.pin(self._why)
        self._learn(seen)
        return seen

    def _asked(self) -> Pinning | Wait:
        naming = self._pins.naming[self._head.path]
        if naming is None:
            return NOTHING_NAMED
        limit, now = self._route.json_limit, self._plane.unix_s
        return self._pins.asked(naming, self._head, self._body, limit, now)

    def _target(self) -> Target:
        route, key, named = self._route, self._key, self._pinning.version
        if named is not None:
            if not route.is_overridden(self._head, self._peer.client):
                return route.named(named)
            self._why = ""
        if self._fixed is not None:
            return self._fixed
        if self._pins.is_draining and key is not None:
            drained = self._pins.drained(key, self._plane.unix_s)
            if drained is not None:
                self._why = DRAINED
                return route.named(drained)
        return route.target_for(key)

    def _is_free(self, target: Target) -> bool:
        """Whether another may answer: no state is held there, and nobody named it."""
        if self._why == FOLLOWED:
            return False
        return target.standby is None or not (
            self._fixed is target
            and self._route.is_overridden(self._head, self._peer.client)
        )

    def _observed(self, target: Target, *, is_counting: bool) -> Observation:
        """Begin to notice it; what a coin has decided may be evidence, and be copied."""
        plane, route, key = self._plane, self._route, self._key
        is_sent_back = self._why in _SENT_BACK
        mirroring = plane.mirroring
        if mirroring is None or is_sent_back or self._fixed is not None:
            seen = Observation(target, route, self._head, self._body, key)
        else:
            seen = mirroring.observe(
                target, route, self._head, self._body, key, self._peer
            )
        now = plane.wheel.now
        is_tossed = route.is_tossing and self._fixed is None and is_counting
        if is_tossed and self._may_count(target):
            seen.was_tossed(plane.units, now)
        if target.awaiting is not None:
            target.awaiting.began(seen, now)
        return seen

    def _may_count(self, target: Target) -> bool:
        """Whether a coin has decided of it, be it earlier.

        What is pinned counts only where its conversation began with the same key under
        the same split: on either side it would be where it is, and count. What began
        before is left out on both sides, also where its coin happens to agree.
        """
        if not self._why:
            return True
        is_own = self._pinning.origin == origin_of(self._route.split, self._key) != 0
        return (
            self._why == FOLLOWED
            and is_own
            and target is self._route.target_for(self._key)
        )

    def _learn(self, seen: Observation) -> None:
        """Be ready for what the answer makes, and for a drain."""
        pins, key, now = self._pins, self._key, self._plane.unix_s
        naming = pins.naming[self._head.path]
        if naming is not None and naming.is_made and self._head.method == _POST:
            origin = self._pinning.origin
            if not self._why and self._fixed is None:
                origin = origin_of(self._route.split, key)
            version = seen.target.version.name
            seen.learning = Learning(pins, version, origin, now)
        if pins.notes_keys and key is not None and not self._why:
            pins.note_key(key, seen.target.version.name, now)
