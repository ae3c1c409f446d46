"""A wire between a client and a server that remembers what came back over it."""

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress

import httptools


class Answers:
    """Takes what a server sends apart (httptools)."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take bytes as they came."""
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        """Begin a body."""
        self.bodies.append(b"")

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body, without the framing of its chunks."""
        self.bodies[-1] += body


class Recorder:
    """Listens on a port of its own and passes everything on, both ways.

    Attributes:
        port: Where clients connect.
        bodies: The bodies of the answers that came back, without their framing.

    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._answers: list[Answers] = []
        self._loop = asyncio.new_event_loop()
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.port = 0

    @property
    def bodies(self) -> list[bytes]:
        """Give the bodies so far, in order of the connections."""
        return [body for answers in self._answers for body in answers.bodies]

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        assert self._is_ready.wait(10)

    def stop(self) -> None:
        """Close everything."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._is_ready.set()
        await self._stopping.wait()
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connect(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        far_reader, far_writer = await asyncio.open_connection(
            "127.0.0.1", self._target
        )
        answers = Answers()
        self._answers.append(answers)
        # Cancelled at the block's end; asyncio would tell that as a failure.
        with suppress(asyncio.CancelledError):
            await asyncio.gather(
                _pass_on(reader, far_writer, None),
                _pass_on(far_reader, writer, answers),
            )
        writer.transport.abort()
        far_writer.transport.abort()


async def _pass_on(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    answers: Answers | None,
) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            if answers is not None:
                answers.feed(data)
            writer.write(data)
            await writer.drain()
        writer.write_eof()


@contextmanager
def recording(port: int) -> Generator[Recorder]:
    """Record what a server on *port* sends, for the length of the block."""
    recorder = Recorder(port)
    recorder.start()
    try:
        yield recorder
    finally:
        recorder.stop()
