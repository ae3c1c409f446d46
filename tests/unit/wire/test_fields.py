"""Trailers that may pass."""

from gateway.wire.fields import trailer_block


def test_trailers_pass_unless_they_would_change_what_the_message_is() -> None:
    block = trailer_block([
        (b"X-Checksum", b"1"),
        (b"Content-Length", b"0"),
        (b"Host", b"evil"),
        (b"Authorization", b"x"),
        (b"X-Sluicegate-Version", b"v2"),
    ])

    assert block == b"X-Checksum: 1\r\n"
