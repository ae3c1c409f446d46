"""Why there is no connection, in words: all of it for the log, and less for clients."""

import socket
import ssl

import pytest

from gateway.proxy.upstream_tls import UnusableFiles, reason, told

INSIDE = "llm-7.inside.test"


def _mismatch() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, f"not valid for '{INSIDE}'")
    error.verify_message = (
        f"Hostname mismatch, certificate is not valid for '{INSIDE}'."
    )
    return error


@pytest.mark.parametrize(
    ("error", "for_clients"),
    [
        (_mismatch(), "TLS: its certificate cannot be believed"),
        (ssl.SSLError(1, f"alert by {INSIDE}"), "TLS"),
        (UnusableFiles(f"/etc/{INSIDE}.key cannot be read"), "TLS"),
        (socket.gaierror(-2, f"{INSIDE} is not known"), "its name leads nowhere"),
        (
            ConnectionRefusedError(111, f"Connect call failed {INSIDE}"),
            "Connection refused",
        ),
        (OSError(f"Multiple exceptions: {INSIDE}"), "it takes no connection"),
        (UnicodeError(f"label of {INSIDE} too long"), "it takes no connection"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_clients_are_told_why_and_no_name_address_or_path(
    error: Exception, for_clients: str
) -> None:
    assert INSIDE in reason(error)
    assert told(error) == for_clients
