"""Which version a request gets, and what of its body that version changes."""

from gateway.answers.usage_injection import UsageStrip, to_ask_for_usage
from gateway.domain.errors import Refused
from gateway.proxy.heads import cookie_line
from gateway.proxy.observe import Observation
from gateway.proxy.peer import Peer
from gateway.proxy.plane import Plane
from gateway.proxy.request_body import RequestBody, Settings
from gateway.proxy.routes import Route
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
    fixed = route.fixed_target(head, peer.client)
    if fixed is not None:
        seen = Observation(fixed, route, head, body, None)
        if fixed.awaiting is not None:
            fixed.awaiting.began(seen, plane.wheel.now)
        return seen
    key: bytes | None = head.fields.get(route.sticky.header)
    cookie = None
    if not key:
        sought = _sought(route, head, body, peer)
        if sought is None:
            return None
        key, cookie = sought
    if route.lanes:
        route = route.in_lane(key)
    target, mirroring = route.target_for(key), plane.mirroring
    seen = (
        Observation(target, route, head, body, key)
        if mirroring is None
        else mirroring.observe(target, route, head, body, key, peer)
    )
    seen.cookie = cookie
    if route.split.is_coin:
        seen.was_tossed(plane.units, plane.wheel.now)
    if target.awaiting is not None:
        target.awaiting.began(seen, plane.wheel.now)
    return seen


def _sought(
    route: Route, head: RequestHead, body: RequestBody, peer: Peer
) -> tuple[bytes | None, bytes | None] | None:
    """Seek the key elsewhere than in the first header, or make one for a browser.

    Returns:
        The key, and the header line that gives it to a browser; None for each that there
        is not. None while the body may still have it.

    """
    found = route.sticky.find_key(
        head.fields,
        lambda: peer.client(head),
        lambda: body.readable(route.json_limit),
    )
    if isinstance(found, Wait):
        return None
    if found is not None:
        return found or route.key_for_cookie(head), None
    key = route.key_for_cookie(head)
    return key, None if key is None else cookie_line(route.cookie, key)


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
