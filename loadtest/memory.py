"""Memory of the data path: huge bodies, a thousand streams, ten thousand idle clients.

    python -m loadtest.memory --peer sluicegate

Each scenario meets a proxy started afresh. What is watched is the worker's RSS.
"""

import argparse
import asyncio
import json
import resource
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import uvloop

from loadtest.load.http_client import Answer, chat_request, connect, request_bytes
from loadtest.load.slow_reader import connect_slowly
from loadtest.peers import PEERS
from loadtest.processes import StartError
from loadtest.report import machine
from loadtest.stage import (
    Cores,
    Performer,
    add_stage_options,
    cores_asked,
    model_servers,
    on_stage,
    program_of,
)
from loadtest.watch import Watch, Watched

_RESULTS = Path(__file__).with_name("results")
_MEBI = 1024 * 1024
_PIECE = b"x" * 65_536
_SPARE_FILES = 500
_BATCH = 100
_STREAM_EVENT_S = 0.5
_HOLD_S = 2.0
_DEADLINE_S = 300.0
_MOST_CONNECTIONS = 20_000

Work: TypeAlias = Callable[[Performer, argparse.Namespace], Awaitable[None]]


class ScenarioError(Exception):
    """The proxy did not do what the scenario needs, so its memory says nothing."""


def _demand(answer: Answer, what: str) -> None:
    if answer.status != HTTPStatus.OK or not answer.complete:
        message = f"{what}: status {answer.status}, complete {answer.complete}."
        raise ScenarioError(message)


async def _upload(performer: Performer, asked: argparse.Namespace) -> None:
    """Send a huge body to an upstream that reads it slowly."""
    start, end = b'{"model":"m","input":"', b'"}'
    total = asked.body_mib * _MEBI
    headers = {"x-user-id": "u", "x-misbehave": f"read_rate={asked.rate_mib}MB"}
    head = request_bytes("POST", "/v1/embeddings", start, headers, body_bytes=total)
    client = await connect(performer.port)
    answer = client.expect()
    await client.send(head)
    left = total - len(start) - len(end)
    while left > 0 and client.open:
        await client.send(_PIECE[:left])
        left -= len(_PIECE)
    await client.send(end)
    _demand(await answer, "upload")
    client.close()


async def _download(performer: Performer, asked: argparse.Namespace) -> None:
    """Read a huge answer slowly from an upstream that writes at full speed."""
    client = await connect_slowly(performer.port, asked.rate_mib * _MEBI)
    wish = f"huge={asked.body_mib}MB"
    answer = await client.exchange(chat_request("u", streamed=False, wish=wish))
    _demand(answer, "download")
    client.close()


async def _streams(performer: Performer, asked: argparse.Namespace) -> None:
    """Hold many event streams open, each with two events a second."""
    events = int(asked.stream_seconds / _STREAM_EVENT_S)
    wish = f"events={events},interval={_STREAM_EVENT_S}"
    async with asyncio.TaskGroup() as tasks:
        for number in range(asked.streams):
            tasks.create_task(_one_stream(performer.port, f"user-{number}", wish))
            if number % _BATCH == 0:
                await asyncio.sleep(_STREAM_EVENT_S * _BATCH / asked.streams)


async def _one_stream(port: int, user: str, wish: str) -> None:
    client = await connect(port)
    _demand(await client.exchange(chat_request(user, streamed=True, wish=wish)), user)
    client.close()


async def _idle(performer: Performer, asked: argparse.Namespace) -> None:
    """Keep many connections open after one request on each."""
    clients = []
    for number in range(asked.connections):
        client = await connect(performer.port)
        request = chat_request(f"user-{number}", streamed=False)
        _demand(await client.exchange(request), f"connection {number}")
        clients.append(client)
    await asyncio.sleep(_HOLD_S)
    still_open = sum(client.open for client in clients)
    for client in clients:
        client.close()
    if still_open < len(clients):
        message = f"only {still_open} of {len(clients)} connections stayed open."
        raise ScenarioError(message)


_SCENARIOS: Mapping[str, Work] = {
    "upload": _upload,
    "download": _download,
    "streams": _streams,
    "idle": _idle,
}


async def _watch(
    performer: Performer, work: Work, asked: argparse.Namespace
) -> Watched:
    async with asyncio.timeout(_DEADLINE_S):
        for number in range(_BATCH):
            await _one_stream(performer.port, f"user-{number}", "events=3")
        return await Watch(performer).over(work(performer, asked))


def _run(work: Work, cores: Cores, asked: argparse.Namespace) -> Watched:
    peer = PEERS[asked.peer]
    program = program_of(peer, asked)
    if program is None:
        message = f"{peer.program} is not installed. Give --{peer.program} PATH."
        raise SystemExit(message)
    with (
        TemporaryDirectory(prefix="loadtest-") as name,
        model_servers(Path(name), "", cores.load) as upstreams,
        on_stage(peer, program, upstreams, Path(name), cores.proxy) as performer,
    ):
        return uvloop.run(_watch(performer, work, asked))


def _raise_file_limit(wanted: int) -> int:
    """Raise the limit for us and our children; give how many connections fit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(wanted, hard - _SPARE_FILES, _MOST_CONNECTIONS)


def _line(name: str, seen: Watched) -> str:
    return (
        f"{name:<10} {seen.before_mib:9.1f} {seen.peak_mib:9.1f} {seen.growth_mib:9.1f}"
        f" {seen.after_mib:9.1f} {seen.seconds:8.1f} {seen.cpu_s:8.2f}"
    )


def _read_command_line() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", default="sluicegate", choices=list(PEERS))
    parser.add_argument("--only", default=",".join(_SCENARIOS), help="scenarios")
    parser.add_argument("--body-mib", type=int, default=1024)
    parser.add_argument("--rate-mib", type=int, default=24, help="slow reader, per s")
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--stream-seconds", type=float, default=15.0)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--results", type=Path, default=_RESULTS, metavar="FOLDER")
    add_stage_options(parser)
    return parser.parse_args()


def main() -> None:
    """Read the command line, run each scenario, print and write the figures."""
    asked = _read_command_line()
    cores = cores_asked(asked)
    asked.connections = _raise_file_limit(asked.connections)
    print(f"{asked.peer}: RSS in MiB; {asked.body_mib} MiB bodies, {asked.streams} ")
    print(f"streams, {asked.connections} idle connections")
    print("scenario      before      peak    growth     after  seconds    cpu s")
    seen, failed = {}, {}
    for name in asked.only.split(","):
        try:
            seen[name] = _run(_SCENARIOS[name], cores, asked)
            print(_line(name, seen[name]), flush=True)
        except* (ScenarioError, StartError, OSError) as why:
            failed[name] = "; ".join(str(each) for each in why.exceptions[:3])
            print(f"{name:<10} failed: {failed[name]}")
    figures = {name: asdict(found) for name, found in seen.items()}
    record = {"machine": machine(), "peer": asked.peer, "seen": figures}
    record |= {"failed": failed}
    asked.results.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=1)
    (asked.results / f"memory_{asked.peer}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
