"""Inputs that once broke a promise, by target; they stay tests."""

FOUND: dict[str, tuple[bytes, ...]] = {
    "request_stream": (
        # The LF was read into the method of a request that came whole, in one read.
        b"\x00\nHEAD /a HTTP/1.1\r\nHost: h\r\n\r\n",
        # A second coding was not looked at.
        b"\x00POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "answer_stream": (
        # The body of an interim answer was passed on as the beginning of the next one.
        b"\x00\x00HTTP/1.1 150 X\r\nContent-Length: 4\r\n\r\nevil"
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ),
}
