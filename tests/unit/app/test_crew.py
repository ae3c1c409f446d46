"""Workers are told how things are, whether they read at once or not."""

import asyncio
import socket
from collections.abc import Iterator

import msgspec
import pytest

from gateway.app import crew as module
from gateway.app.bound import Bound
from gateway.app.crew import Crew, Member
from gateway.app.obeying import Obeying
from gateway.app.orders import Answered, Setup, Step, Wanted
from gateway.app.start import WorkerStart
from gateway.domain.deployment import Address

ANY = Address(host="127.0.0.1", port=0)
START = WorkerStart(
    link_path="", table_fd=0, lifeline_fd=0, states_fd=0, health_fd=0, workers=2
)


@pytest.fixture
def crew() -> Iterator[Crew]:
    """Give two workers and a listener."""
    bound = Bound([ANY])
    made = Crew(bound, START)
    yield made
    for member in made.members:
        member.ended()
    bound.close()


def start(member: Member) -> socket.socket:
    """Let it start; give the end of the line that its process has."""
    argument, fds = member.start()
    told = msgspec.json.decode(argument, type=WorkerStart)
    assert told.setup_fd in fds
    line = socket.socket(fileno=told.setup_fd)
    theirs = line.dup()
    line.detach()
    member.begun()
    theirs.setblocking(False)
    return theirs


def hear(line: socket.socket) -> tuple[Setup, list[int]]:
    """Read what a worker is told."""
    text, fds, _flags, _address = socket.recv_fds(line, 65_536, 253)
    for fd in fds:
        socket.socket(fileno=fd).close()
    return msgspec.json.decode(text, type=Setup), fds


def test_those_that_are_too_many_are_told_and_keep_their_numbers(crew: Crew) -> None:
    second = crew.members[1]
    with start(second) as line:
        assert crew.resize(1) == []
        crew.tell()
        setup, fds = hear(line)
        assert (setup.is_retired, setup.workers, len(fds)) == (True, 1, 1)
        assert not second.is_wanted

        new = crew.resize(3)
        assert [member.number for member in new] == [2, 3], "1 still runs"
        crew.left(second)
        assert [member.number for member in crew.resize(4)] == [1]


def test_one_that_has_not_started_is_started_with_what_counts_then(crew: Crew) -> None:
    crew.tell()
    crew.resize(5)

    argument, _fds = crew.members[0].start()

    assert msgspec.json.decode(argument, type=WorkerStart).workers == 5


async def test_one_that_does_not_read_is_told_later(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = crew.members[0]
    told = asyncio.Event()
    with start(member) as line:
        asyncio.get_running_loop().add_reader(line, told.set)
        monkeypatch.setattr(module, "_AGAIN", 0.0)
        with monkeypatch.context() as busy:
            busy.setattr(socket, "send_fds", _fail)
            member.tell()
        crew.resize(7)
        async with asyncio.timeout(10):
            await told.wait()
        assert hear(line)[0].workers == 7
        asyncio.get_running_loop().remove_reader(line)


def _fail(*_anything: object) -> None:
    raise BlockingIOError


def test_what_the_controller_asks_for_is_done_and_answered(crew: Crew) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    kept: list[Member] = []
    obeying = Obeying(ours, crew, kept.append)

    def ask(step: Step, listen: tuple[Address, ...], workers: int) -> Answered:
        asked = Wanted(number=7, step=step, listen=listen, workers=workers)
        theirs.send(msgspec.json.encode(asked))
        obeying.hear()
        return msgspec.json.decode(theirs.recv(65_536), type=Answered)

    with ours, theirs, socket.create_server(("127.0.0.1", 0)) as somebody:
        taken = Address(host="127.0.0.1", port=somebody.getsockname()[1])
        refused = ask(Step.PREPARE, (ANY, taken), 4)
        assert "Address already in use" in refused.refused
        assert ask(Step.TAKE, (), 2) == Answered(number=7)
        assert (len(crew.bound.listening), kept) == (1, [])
        assert ask(Step.PREPARE, (ANY, ANY), 3) == Answered(number=7)
        assert ask(Step.TAKE, (ANY, ANY), 3) == Answered(number=7)
        assert len(crew.bound.listening) == 2
        assert [member.number for member in kept] == [2]
