"""The command: a model server that misbehaves on command, on one loopback port.

    python -m loadtest.upstreams.model_server --port 9001 --name v1 \
        --behave first_token=0.2,rate=50,error=0.1

GET /health, /v1/models, /_stats, /_behave; DELETE /_stats; POST /_behave; any other
POST is answered in its path's dialect, or as a chat completion. README.md lists the
behaviours.
"""

import argparse
import asyncio
import signal

import uvloop

from loadtest.dice import shares
from loadtest.upstreams.behaviour import Behaviour, BehaviourError, parse
from loadtest.upstreams.connection import Connection
from loadtest.upstreams.desk import Desk

_BACKLOG = 4096


async def serve(host: str, port: int, desk: Desk) -> None:
    """Serve until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(
        lambda: Connection(desk, loop), host, port, backlog=_BACKLOG
    )
    try:
        await stop.wait()
    finally:
        server.close()


def _behaviour(text: str) -> Behaviour:
    try:
        return parse(text)
    except BehaviourError as mistake:
        raise argparse.ArgumentTypeError(str(mistake)) from mistake


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--name", default="v1", help="model name and x-served-by")
    parser.add_argument("--seed", type=int, default=0, help="of the error dice")
    parser.add_argument("--behave", type=_behaviour, default=Behaviour())
    asked = parser.parse_args()
    desk = Desk(asked.name, asked.behave, shares(asked.seed))
    uvloop.run(serve(asked.host, asked.port, desk))


if __name__ == "__main__":
    main()
