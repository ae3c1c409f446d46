"""What one request may ask of the gateway, and what it is told when it asks more."""

from gateway.domain.deployment import ClientLimits
from gateway.domain.errors import Refused
from gateway.wire.fields import RawField
from gateway.wire.request_head import RequestHead


def check_length(target: bytes, raw: list[RawField], limits: ClientLimits) -> None:
    """Refuse a head that is larger than the limit."""
    if len(target) > limits.head:
        raise target_too_long(limits.head)
    if sum(len(name) + len(value) + 4 for name, value in raw) > limits.head:
        raise head_too_large(limits.head)


def check_upgrade(head: RequestHead, allowed: frozenset[bytes]) -> None:
    """Refuse the upgrade that clients cannot do without; others may be ignored.

    Args:
        head: Asks for one.
        allowed: Protocols that the service passes on.

    Raises:
        Refused: 501, the service does not pass on what is asked for.

    """
    if head.upgrade in allowed:
        return
    if head.upgrade == b"websocket":
        raise Refused(
            501,
            "This service passes no upgrades to WebSocket on.",
            remedy="Use HTTP requests or server-sent events, or add websocket to the "
            "service's `upgrades`.",
        )
    head.upgrade = None  # RFC 9110 section 7.8: it is answered as if nothing was asked


def too_large(limit: int) -> Refused:
    """Say that the body is too large."""
    return Refused(
        413,
        f"The request body is larger than {limit} bytes.",
        remedy="Send less, or raise limits.body.",
    )


def target_too_long(limit: int) -> Refused:
    """Say that the target is too long."""
    return Refused(
        414,
        f"The request target is longer than {limit} bytes.",
        remedy="Send a shorter one, or raise limits.head.",
    )


def head_too_large(limit: int) -> Refused:
    """Say that the headers are too large."""
    return Refused(
        431,
        f"The request's headers are larger than {limit} bytes.",
        remedy="Send fewer or shorter ones, or raise limits.head.",
    )


def too_many_headers(limit: int) -> Refused:
    """Say that the headers, or the trailers, are too many."""
    return Refused(
        431,
        f"The request has more than {limit} headers.",
        remedy="Send fewer, or raise limits.headers.",
    )


def too_slow() -> Refused:
    """Say that the request came too slowly."""
    return Refused(
        408,
        "The request did not arrive in time.",
        remedy="Send it again, faster.",
    )
