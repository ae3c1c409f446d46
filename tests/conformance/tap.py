"""A wire to a server that keeps what is sent over it, by connection."""

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress


class Tap:
    """Listens on a port of its own and passes everything on, both ways."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = int(self._listening.getsockname()[1])
        self._sent: list[bytearray] = []
        self._ends: list[socket.socket] = []
        self._spawn(self._accept)

    @staticmethod
    def _spawn(run: object, *args: object) -> None:
        threading.Thread(target=run, args=args, daemon=True).start()  # type: ignore[arg-type]

    @property
    def sent(self) -> list[bytes]:
        """Give all that was sent to the server, by connection."""
        return [bytes(stream) for stream in self._sent]

    def stop(self) -> None:
        """Close everything."""
        self._listening.close()
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._ends += near, far
                self._sent.append(bytearray())
                self._spawn(_pump, near, far, self._sent[-1])
                self._spawn(_pump, far, near, None)


def _pump(source: socket.socket, sink: socket.socket, kept: bytearray | None) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            if kept is not None:
                kept += data
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def tapping(target: int) -> Generator[Tap]:
    """Run one for the length of the block."""
    tap = Tap(target)
    try:
        yield tap
    finally:
        tap.stop()
