"""Protocols that a request may change its connection to: `services.NAME.upgrades`."""

from gateway.settings.problem import shown, wrong
from gateway.wire.request_head import HTTP_AGAIN, PROTOCOL


def upgrade(value: object) -> str:
    """Read the name of a protocol, as it stands in an Upgrade header.

    Raises:
        Wrong: It is no such name, or HTTP again.

    """
    if not isinstance(value, str) or not PROTOCOL.fullmatch(value.lower().encode()):
        raise wrong(
            f"found {shown(value)}.", "Write a protocol's name, such as websocket."
        )
    if value.lower().encode() in HTTP_AGAIN:
        raise wrong(
            f"found {value}, which would carry requests past the gateway.",
            "Remove it; clients speak HTTP/1.1 with the gateway.",
        )
    return value.lower()
