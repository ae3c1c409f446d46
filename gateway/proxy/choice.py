"""Which version a request gets, and what of its body that version changes."""

from gateway.answers.usage_injection import UsageStrip, to_ask_for_usage
from gateway.domain.errors import Refused
from gateway.proxy.choice_by_state import ChoiceByState
from gateway.proxy.keys import keyed
from gateway.proxy.observe import Observation
from gateway.proxy.peer import Peer
from gateway.proxy.plane import Plane
from gateway.proxy.request_body import RequestBody, Settings
from gateway.proxy.routes import Route, Target
from gateway.proxy.units import Units
from gateway.routing.sticky import Wait
from gateway.wire.request_head import RequestHead


def choose(
    plane: Plane, route: Route, head: RequestHead, body: RequestBody, peer: Peer
) -> Observation | None:
    """Choose the version of a request; None while its body may still decide.

    Raises:
        Refused: An override names no version.

    """
    pins = route.pins
    if pins is not None and (pins.knows_keys or pins.naming[head.path] is not None):
        return ChoiceByState(plane, route, pins, head, body, peer).choose()
    fixed = route.fixed_target(head, peer.client)
    if fixed is not None and fixed.standby is None:  # as nearly always
        return _begun(plane, route, Observation(fixed, route, head, body, None), False)
    if fixed is not None:
        return _fixed(plane, route, fixed, head, body, peer)
    key: bytes | None = head.fields.get(route.sticky.header)
    cookie = None
    if not key:
        found = keyed(route, head, body, peer)
        if isinstance(found, Wait):
            return None
        key, cookie = found
    if route.lanes:
        route = route.in_lane(key)
    target, is_counting = route.target_for(key), route.is_tossing
    if route.guard is not None and route.guard.is_diverting:
        target, is_open = route.directed(target, plane.wheel.now)
        is_counting &= is_open
    mirroring = plane.mirroring
    seen = (
        Observation(target, route, head, body, key)
        if mirroring is None
        else mirroring.observe(target, route, head, body, key, peer)
    )
    seen.cookie = cookie
    return _begun(plane, route, seen, is_counting)


def _begun(
    plane: Plane, route: Route, seen: Observation, is_counting: bool
) -> Observation:
    """Let another stand by for it, let it be evidence, and await its first content."""
    target = seen.target
    if target.standby is not None:
        seen.standby = target.standby
        seen.pieces = seen.body.share_copy(route.json_limit)
    if is_counting:
        seen.was_tossed(plane.units, plane.wheel.now)
    if target.awaiting is not None:
        target.awaiting.began(seen, plane.wheel.now)
    return seen


def _fixed(
    plane: Plane,
    route: Route,
    fixed: Target,
    head: RequestHead,
    body: RequestBody,
    peer: Peer,
) -> Observation:
    """Notice what no key decides; what an override names is meant, and no other."""
    is_meant = route.is_overridden(head, peer.client)
    if not is_meant and route.guard is not None and route.guard.is_diverting:
        fixed, _ = route.directed(fixed, plane.wheel.now)
    seen = _begun(plane, route, Observation(fixed, route, head, body, None), False)
    if is_meant:
        seen.standby = None
    return seen


def prepare(seen: Observation, limit: int, units: Units) -> bool:
    """Make a version's changes to the body; False while it must yet become whole.

    Args:
        seen: The exchange.
        limit: Bytes of the body that may be held.
        units: Of the worker.

    Raises:
        Refused: 415, 413 or 400: this body cannot take the version's settings.

    """
    settings = seen.target.set_json
    body = seen.body
    if seen.awaits_slices:
        if body.readable(limit) is Wait.FOR_BODY:
            return False
        seen.claim_slices(units)
    if settings and not body.set_json(settings, limit):
        return False
    if seen.asks_for_usage():
        text = body.readable(limit)
        if text is Wait.FOR_BODY:
            return False
        if isinstance(text, bytes):
            _ask_for_usage(seen, to_ask_for_usage(text), limit)
    return True


def _ask_for_usage(seen: Observation, settings: Settings, limit: int) -> None:
    """Ask for usage in the stream, where the body can take it."""
    if not settings:
        return
    try:
        seen.body.set_json(settings, limit)
    except Refused:
        return  # the client's request is passed on as it is
    seen.strip = UsageStrip()
