"""Trailers that may pass."""

import pytest

from gateway.wire.fields import CONNECTIONS, trailer_block


def test_trailers_pass_unless_they_would_change_what_the_message_is() -> None:
    block = trailer_block([
        (b"X-Checksum", b"1"),
        (b"Content-Length", b"0"),
        (b"Host", b"evil"),
        (b"Authorization", b"x"),
        (b"X-Sluicegate-Version", b"v2"),
        (b"X_Forwarded_For", b"10.0.0.1"),
    ])

    assert block == b"X-Checksum: 1\r\n"


@pytest.mark.parametrize(
    ("connection", "keeps"),
    [
        (b"keep-alive", True),
        (b"Close", False),
        (b"x-hop, close", False),
        (b"closed", True),
    ],
)
def test_a_connection_goes_on_unless_it_is_said_to_close(
    connection: bytes, keeps: bool
) -> None:
    assert CONNECTIONS[connection][1] is keeps
