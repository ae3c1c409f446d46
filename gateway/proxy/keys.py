"""The sticky key of a request: found in it, or issued to a browser that brought none."""

from gateway.proxy.heads import cookie_line
from gateway.proxy.peer import Peer
from gateway.proxy.request_body import RequestBody
from gateway.proxy.routes import Route
from gateway.routing.sticky import Wait
from gateway.wire.request_head import RequestHead


def keyed(
    route: Route, head: RequestHead, body: RequestBody, peer: Peer
) -> tuple[bytes | None, bytes | None] | Wait:
    """Give the key, and the header line that issues it where it is new; or wait.

    None stands for no key, and for no line.
    """
    found = route.sticky.find_key(
        head.fields,
        lambda: peer.client(head),
        lambda: body.readable(route.json_limit),
    )
    if isinstance(found, Wait):
        return found
    if found is not None:
        return found, None
    key = route.key_for_cookie(head)
    return key, None if key is None else cookie_line(route.cookie, key)
