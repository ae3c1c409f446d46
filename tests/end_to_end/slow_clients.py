"""Clients that take their time, in a process of their own: run with `python -m`.

    python -m tests.end_to_end.slow_clients KIND PORT COUNT

`head` sends a request's head byte by byte, `body` a body, `reader` takes its answer so.
Says `ready` when all are connected, then, when its input ends, how many still are.
`server` serves answers that no socket's buffer holds; it says its port.
"""

import asyncio
import json
import select
import socket
import sys
import time
from contextlib import suppress
from typing import Final

_HEAD: Final = b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n"
_STARTS: Final = {
    "head": _HEAD + b"X-Slow: ",
    "body": _HEAD + b"Content-Type: application/json\r\nContent-Length: 9999\r\n\r\n{",
    "reader": b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n",
}
_GAP_S: Final = 0.5
_BUFFER: Final = 4096
_PIECE: Final = bytes(65536)
_PIECES: Final = 200
_BIG: Final = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (65536 * _PIECES)


def _connect(kind: str, port: int) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    client.connect(("127.0.0.1", port))
    client.sendall(_STARTS[kind])
    client.setblocking(False)
    return client


def _goes_on(kind: str, client: socket.socket) -> bool:
    """Do the least there is to do; False when the gateway has had enough."""
    with suppress(BlockingIOError):
        try:
            if kind == "reader":
                return bool(client.recv(1))
            if client.recv(_BUFFER):  # an answer, which can only be a refusal
                return False
        except BlockingIOError:
            client.send(b"a")
        except OSError:
            return False
        else:
            return False
    return True


def main(kind: str, port: int, count: int) -> None:
    """Be that many slow clients until the input ends."""
    clients = [_connect(kind, port) for _ in range(count)]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    gone = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        began = time.monotonic()
        left = []
        for client in clients:
            try:
                goes_on = _goes_on(kind, client)
            except OSError:
                goes_on = False
            if goes_on:
                left.append(client)
            else:
                client.close()
        gone, clients = gone + len(clients) - len(left), left
        time.sleep(max(0.0, _GAP_S - (time.monotonic() - began)))
    sys.stdout.write(json.dumps({"left": len(clients), "gone": gone}) + "\n")


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_BIG)
        for _ in range(_PIECES):
            writer.write(_PIECE)
            await writer.drain()
    writer.close()


async def server() -> None:
    """Serve big answers until killed."""
    made = await asyncio.start_server(_serve, "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{made.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await made.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "server":
        asyncio.run(server())
    else:
        main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
