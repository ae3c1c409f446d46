"""A client that reads at a rate: the proxy must wait for it, not hoard for it."""

import asyncio

from loadtest.load.http_client import Client


class SlowReader(Client):
    """Reads `rate` bytes a second on average, in bursts of one socket read."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self._rate = rate
        self._started_s: float | None = None
        self._received = 0

    def on_body(self, body: bytes) -> None:
        """Take a piece, and stop reading until it is due."""
        super().on_body(body)
        now = self._loop.time()
        if self._started_s is None:
            self._started_s = now
        self._received += len(body)
        ahead_s = self._started_s + self._received / self._rate - now
        if ahead_s > 0 and self._transport.is_reading():
            self._transport.pause_reading()
            self._loop.call_later(ahead_s, self._read_on)

    def _read_on(self) -> None:
        if self.open:
            self._transport.resume_reading()


async def connect_slowly(port: int, rate: float) -> SlowReader:
    """Open a connection whose answers are read at `rate` bytes a second."""
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(
        lambda: SlowReader(rate), "127.0.0.1", port
    )
    return client
