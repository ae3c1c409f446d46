"""Whatever is over HTTP and of no known dialect."""

from gateway.answers.answer import Finish
from gateway.answers.asked import NOTHING
from tests.contracts.transcripts.transcript import SSE, WHOLE, Request, Transcript, sse

TRANSCRIPTS = (
    Transcript(
        name="any_bytes",
        body=b"\x00\xff any",
        framing=WHOLE,
        finishes={0: Finish.STOP},
        content_events=1,
    ),
    Transcript(
        name="any_events",
        body=sse("a", "b"),
        framing=SSE,
        finishes={0: Finish.STOP},
        content_events=2,
    ),
)

REQUESTS = (Request(name="any", body=b'{"model": "m"}', asked=NOTHING),)
