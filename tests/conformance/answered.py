"""What a case of an endpoint's answer is, and how it is asked for."""

from dataclasses import dataclass

from tests.conformance.case import get
from tests.conformance.endpoint import EARLY as EARLY_TARGETS

GET = "get"
HEAD = "head"
EXPECT = "expect"
UPGRADE = "upgrade"
EARLY = "early"


@dataclass(frozen=True)
class Answered:
    """An answer, and what must come of it.

    Attributes:
        name: What is odd about it.
        section: RFC and section that say what is right.
        pieces: What the endpoint writes; endpoint.CLOSE ends the connection.
        ours: What the client gets here, and whether its connection goes on.
        nginx: What it gets through nginx, where that is not the same.
        why: Why it is not the same.
        asked: The kind of request that is answered.

    """

    name: str
    section: str
    pieces: tuple[bytes, ...]
    ours: str
    nginx: str | None = None
    why: str = ""
    asked: str = GET

    @property
    def target(self) -> bytes:
        """Where the endpoint gives this answer."""
        path = b"/" + self.name.encode().hex().encode()
        return EARLY_TARGETS + path if self.asked == EARLY else path

    @property
    def request(self) -> bytes:
        """What is sent to get it."""
        line = b" %b HTTP/1.1\r\nHost: h\r\n" % self.target
        return {
            GET: b"GET" + line + b"\r\n",
            HEAD: b"HEAD" + line + b"\r\n",
            EXPECT: b"POST"
            + line
            + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
            UPGRADE: get(
                b"Connection: upgrade", b"Upgrade: websocket", target=self.target
            ),
            EARLY: b"POST" + line + b"Content-Length: 5000\r\n\r\nhello",
        }[self.asked]
