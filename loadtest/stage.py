"""Sets the stage of a run: upstreams on the load core, one proxy on the other.

Every peer is started afresh for each run, so that only one proxy is alive at a time
and the spread between rounds includes what differs from start to start.
"""

import argparse
import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtest.peers import BY_NAME_ONLY, PEERS
from loadtest.peers.peer import Peer, Site
from loadtest.processes import (
    Started,
    StartError,
    find_program,
    free_ports,
    running,
    those_marked,
    wait_until_answering,
)
from loadtest.upstreams.nginx_upstream import configuration

_UPSTREAM_PATIENCE_S = 10.0
_BY_PATH = (
    "envoy",
    "haproxy",
    "nginx",
    "sluicegate",
    "sluicegate-compiled",
    "vllm-router",
)


@dataclass(frozen=True, slots=True)
class Cores:
    """Where things run; the load core also carries the upstreams."""

    proxy: int
    load: int


@dataclass(frozen=True, slots=True)
class Performer:
    """A proxy on the stage, or nothing but the upstream (`started` None)."""

    name: str
    port: int
    admin: int
    upstreams: tuple[int, int]
    started: Started | None
    worker_mark: str | None

    def pids(self) -> list[int]:
        """Give all processes of the proxy."""
        return [] if self.started is None else self.started.tree()

    def worker_pids(self) -> list[int]:
        """Give the processes of the data path; all, for peers of one kind."""
        pids = self.pids()
        return (
            pids if self.worker_mark is None else those_marked(pids, self.worker_mark)
        )


def two_cores() -> Cores:
    """Choose the first and the last core that this process may use."""
    usable = sorted(os.sched_getaffinity(0))
    return Cores(proxy=usable[-1], load=usable[0])


def add_stage_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that all commands share: cores and paths of programs."""
    cores = two_cores()
    parser.add_argument("--proxy-core", type=int, default=cores.proxy)
    parser.add_argument("--load-core", type=int, default=cores.load)
    for program in _BY_PATH:
        parser.add_argument(f"--{program}", metavar="PATH", help="of the program")


def cores_asked(asked: argparse.Namespace) -> Cores:
    """Read the two cores, and move this process and its children to the load's.

    From here on SIGTERM ends this process by way of its `with` blocks, which stop
    what it has started.
    """
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    os.sched_setaffinity(0, {asked.load_core})
    return Cores(proxy=asked.proxy_core, load=asked.load_core)


def program_of(peer: Peer, asked: argparse.Namespace) -> str | None:
    """Find the program of a peer; None when it is not installed."""
    given = getattr(asked, peer.program.replace("-", "_"), None)
    return find_program(peer.program, given, peer.variable)


def choose_peers(asked: argparse.Namespace) -> tuple[dict[str, str], dict[str, str]]:
    """Find the programs of the peers asked for; and say which are not installed."""
    all_peers = [name for name in PEERS if name not in BY_NAME_ONLY]
    names = all_peers if asked.peers == "all" else asked.peers.split(",")
    programs, missing = {}, {}
    for name in names:
        if name not in PEERS:
            message = f"unknown peer {name!r}. Known: {', '.join(PEERS)}."
            raise SystemExit(message)
        program = program_of(PEERS[name], asked)
        if program is None:
            missing[name] = f"{PEERS[name].program} is not installed"
            print(f"{name:<22} skipped: {missing[name]}")
        else:
            programs[name] = program
    return programs, missing


@contextmanager
def fixed_answers(
    folder: Path, body_bytes: int, core: int | None
) -> Generator[tuple[int, int]]:
    """Run nginx as v1 and v2, with one fixed JSON answer each; give the ports."""
    program = find_program("nginx", None, "LOADTEST_NGINX")
    if program is None:
        message = "nginx, the upstream, is not installed. Install nginx-light."
        raise StartError(message)
    first, second = free_ports(2)
    path = folder / "upstream.conf"
    path.write_text(configuration([first, second], body_bytes, folder))
    command = [program, "-p", str(folder), "-e", "stderr", "-c", str(path)]
    with running("upstream", command, core, folder) as started:
        wait_until_answering(started, first, _UPSTREAM_PATIENCE_S)
        yield first, second


@contextmanager
def model_server(
    folder: Path, name: str, behave: str, core: int | None
) -> Generator[int]:
    """Run one misbehaving model server; give its port."""
    port = free_ports(1)[0]
    command = [sys.executable, "-m", "loadtest.upstreams.model_server"]
    command += ["--port", str(port), "--name", name, "--behave", behave]
    with running(f"model-{name}", command, core, folder) as started:
        wait_until_answering(started, port, _UPSTREAM_PATIENCE_S)
        yield port


@contextmanager
def model_servers(
    folder: Path, behave: str, core: int | None
) -> Generator[tuple[int, int]]:
    """Run v1 and v2; give their ports."""
    with (
        model_server(folder, "v1", behave, core) as first,
        model_server(folder, "v2", behave, core) as second,
    ):
        yield first, second


@contextmanager
def on_stage(
    peer: Peer,
    program: str,
    upstreams: tuple[int, int],
    folder: Path,
    core: int | None,
) -> Generator[Performer]:
    """Start a peer in front of the upstreams; raise StartError."""
    listen, admin = free_ports(2)
    command = peer.prepare(Site(folder, listen, admin, upstreams), program)
    with running(peer.name, command, core, folder) as started:
        wait_until_answering(started, listen, peer.patience_s)
        yield Performer(peer.name, listen, admin, upstreams, started, peer.worker_mark)


def direct(upstreams: tuple[int, int]) -> Performer:
    """Make the performer that is no proxy at all: the baseline of latencies."""
    return Performer("direct", upstreams[0], 0, upstreams, None, None)
