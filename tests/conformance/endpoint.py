"""A model server that keeps what it is sent, read strictly, and answers as it is told."""

import socket
import struct
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress

from tests.conformance.strict import Garbled, Incomplete, Read, Seen, read_request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
AFTER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nafter"

CLOSE = b"CLOSE"
"""In place of a piece of an answer: the connection ends here."""

RESET = b"RESET"
"""In place of a piece of an answer: the connection is reset here."""

_LINGER = struct.pack("ii", 1, 0)
_PATIENCE_S = 30.0

EARLY = b"/early"
"""Targets that begin so are answered before their bodies are read."""

Answers = Mapping[bytes, Sequence[bytes]]
"""Pieces of the answer by target; every other target gets OK, /after gets AFTER."""


class Endpoint:
    """Listens on a port of its own, with a thread for each connection.

    Attributes:
        port: Where it listens.
        garbled: What came that is no request.

    """

    def __init__(self, answers: Answers) -> None:
        self._answers = {b"/after": [AFTER], **answers}
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = int(self._listening.getsockname()[1])
        self._seen: list[Seen] = []
        self.garbled: list[object] = []
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def take(self) -> list[Seen]:
        """Give the whole requests since the last time."""
        seen, self._seen = self._seen, []
        return seen

    def stop(self) -> None:
        """Close everything."""
        self._listening.close()
        for each in tuple(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                connection.settimeout(_PATIENCE_S)
                self._open.add(connection)
                threading.Thread(
                    target=self._serve, args=(connection,), daemon=True
                ).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            try:
                self._converse(connection, stream.read)
            except Garbled as garbled:
                self.garbled.append(garbled.args)
            except (OSError, Incomplete):
                pass
        self._open.discard(connection)

    def _converse(self, connection: socket.socket, read: Read) -> None:
        """Answer one request after the other."""

        def answer_early(seen: Seen) -> None:
            if _is_early(seen) and not self._answer(connection, seen):
                raise Incomplete(seen)

        while (seen := read_request(read, answer_early)) is not None:
            self._seen.append(seen)
            if not (_is_early(seen) or self._answer(connection, seen)):
                break

    def _answer(self, connection: socket.socket, seen: Seen) -> bool:
        """Answer; False when the connection ends with it."""
        method, target = seen.first.split(b" ")
        for piece in self._answers.get(target, [OK]):
            if piece == RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
            if piece in {CLOSE, RESET}:
                return False
            if method == b"HEAD" and piece in {OK, AFTER}:
                piece = piece[: piece.index(b"\r\n\r\n") + 4]
            connection.sendall(piece)
        return True


def _is_early(seen: Seen) -> bool:
    return seen.first.split(b" ")[1].startswith(EARLY)


@contextmanager
def endpoint(answers: Answers) -> Generator[Endpoint]:
    """Run one for the length of the block."""
    running = Endpoint(answers)
    try:
        yield running
    finally:
        running.stop()
