"""Processes that die, are stopped, or start again, while clients are being served."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from loadtest.load.http_client import Answer, Client, chat_request, connect
from loadtest.load.traffic import End, Exchange, Traffic
from tests.end_to_end.running import (
    BOTH,
    COMMAND,
    PATIENCE_S,
    Gateway,
    ModelServer,
    are_gone,
    configuration,
    not_ok,
    running_gateway,
    tell,
    until,
    until_soon,
)

Models = tuple[ModelServer, ModelServer]

POSTS, STREAMS = 8, 6
NOTICED_S = 0.5  # a client writes into a dead connection at most so long
USERS = [f"user-{number}" for number in range(60)]


def urls(models: Models) -> list[str]:
    """Give the endpoints of v1 and v2."""
    return [server.url for server in models]


@asynccontextmanager
async def traffic_on(
    gateway: Gateway, *, posts: int = POSTS, streams: int = STREAMS
) -> AsyncGenerator[list[Exchange]]:
    """Keep clients busy during the block and a moment before and after it."""
    traffic = Traffic(gateway.data, posts=posts, streams=streams)
    async with asyncio.TaskGroup() as tasks:
        traffic.start(tasks)
        await asyncio.sleep(0.3)
        try:
            yield traffic.exchanges
            await asyncio.sleep(0.3)
        finally:
            traffic.stop()


async def ask(port: int, request: bytes) -> Answer:
    """Make one request on a connection of its own."""
    async with asyncio.timeout(PATIENCE_S):
        client = await connect(port)
        try:
            return await client.exchange(request)
        finally:
            client.close()


async def begin_stream(port: int, wish: str) -> tuple[Client, asyncio.Future[Answer]]:
    """Begin a stream; return when its first event is here."""
    client = await connect(port)
    whole = client.expect()
    await client.send(chat_request("streamer", streamed=True, wish=wish))
    await until_soon("begun", lambda: client.received_bytes() > 0)
    return client, whole


async def until_end(whole: asyncio.Future[Answer]) -> Answer:
    """Wait for a stream's end, be it good or bad."""
    async with asyncio.timeout(PATIENCE_S):
        return await whole


def accepts(port: int) -> bool:
    """Tell whether a connection can be made."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def pair(
    _running_models: Models, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """Give a gateway with two workers, for tests that harm no process."""
    document = configuration(urls(_running_models), workers=2)
    with running_gateway(document, tmp_path_factory.mktemp("pair")) as gateway:
        yield gateway


# kill -9.


async def test_a_killed_worker_is_replaced_while_its_sibling_serves(
    models: Models, tmp_path: Path
) -> None:
    document = configuration(urls(models), workers=2)
    with running_gateway(document, tmp_path) as gateway:
        first = gateway.workers()
        async with traffic_on(gateway) as exchanges:
            killed = time.monotonic()
            os.kill(first[0], signal.SIGKILL)
            await until_soon(
                "replaced",
                lambda: (
                    len(gateway.workers()) == 2 and first[0] not in gateway.workers()
                ),
            )
            await asyncio.sleep(NOTICED_S)
        assert first[1] in gateway.workers()
        hurt = not_ok(exchanges)
        # What was in the dead worker is lost; nobody is refused, and nobody waits.
        assert {each.end for each in hurt} <= {End.LOST, End.CUT}
        assert len(hurt) <= POSTS + STREAMS
        assert all(each.begun < killed + NOTICED_S for each in hurt)
        after = [each for each in exchanges if each.begun > killed + NOTICED_S]
        assert len(after) > POSTS + STREAMS


async def test_a_killed_controller_costs_no_request_and_adopts_the_weights(
    models: Models, tmp_path: Path
) -> None:
    document = configuration(urls(models), workers=2, weight=10)
    with running_gateway(document, tmp_path) as gateway:
        revision = gateway.set_weight(35.5)["revision"]
        pid = gateway.controller()
        async with traffic_on(gateway) as exchanges:
            os.kill(pid, signal.SIGKILL)
            await until_soon("replaced", lambda: gateway.has_new("controller", [pid]))
            back_s = await until_soon("administered", gateway.is_administered)
        tell(f"admin API back {back_s * 1e3:.0f} ms after the new controller began")
        assert not not_ok(exchanges)
        assert len(exchanges) > POSTS + STREAMS
        shown = gateway.service()
        assert shown["weights"] == {"v1": 64.5, "v2": 35.5}
        assert shown["revision"] >= revision
        gateway.set_weight(100)
        answers = [
            await ask(gateway.data, chat_request(u, streamed=False)) for u in USERS
        ]
        assert {answer.headers[b"x-served-by"] for answer in answers} == {b"v2"}


async def test_controller_and_worker_killed_together_keep_the_weights(
    models: Models, tmp_path: Path
) -> None:
    document = configuration(urls(models), weight=10)
    with running_gateway(document, tmp_path) as gateway:
        gateway.set_weight(100)
        victims = [gateway.controller(), *gateway.workers()]
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        answer = await ask(gateway.data, chat_request("u", streamed=False))
        assert answer.status == 200, "the connection waited for the next worker"
        assert answer.headers[b"x-served-by"] == b"v2"
        until("replaced", lambda: gateway.has_new("worker", victims))
        until("administered", gateway.is_administered)
        assert gateway.candidate_weight() == 100


async def test_a_worker_starts_on_the_last_table_while_the_controller_hangs(
    models: Models, tmp_path: Path
) -> None:
    document = configuration(urls(models), weight=10)
    with running_gateway(document, tmp_path) as gateway:
        gateway.set_weight(100)
        controller, workers = gateway.controller(), gateway.workers()
        os.kill(controller, signal.SIGSTOP)
        try:
            os.kill(workers[0], signal.SIGKILL)
            began = time.monotonic()
            answer = await ask(gateway.data, chat_request("u", streamed=False))
            tell(f"serves {time.monotonic() - began:.2f} s after the kill")
        finally:
            os.kill(controller, signal.SIGCONT)
        assert answer.status == 200
        assert answer.headers[b"x-served-by"] == b"v2"
        gateway.set_weight(0)
        answer = await ask(gateway.data, chat_request("u", streamed=False))
        assert answer.headers[b"x-served-by"] == b"v1"


async def test_without_its_supervisor_everything_drains_and_ends(
    models: Models, tmp_path: Path
) -> None:
    with running_gateway(configuration(urls(models)), tmp_path) as gateway:
        children = [gateway.controller(), *gateway.workers()]
        client, whole = await begin_stream(gateway.data, "events=20,interval=0.05")
        gateway.tell(signal.SIGKILL)
        answer = await until_end(whole)
        client.close()
        assert answer.complete
        assert b"data: [DONE]" in answer.body
        until("the children end", lambda: are_gone(children))
        # What the supervisor would have removed, its children have: see running_gateway.


# Told to stop.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_told_to_stop_it_refuses_the_new_and_finishes_the_old(
    models: Models, tmp_path: Path, number: signal.Signals
) -> None:
    with running_gateway(configuration(urls(models)), tmp_path) as gateway:
        idle = await connect(gateway.data)
        client, whole = await begin_stream(gateway.data, "events=20,interval=0.05")
        gateway.tell(number)
        await until_soon("new refused", lambda: not accepts(gateway.data))
        await until_soon("idle closed", lambda: not idle.open)
        assert not whole.done()
        assert not gateway.has_ended()
        answer = await until_end(whole)
        client.close()
        assert answer.complete
        assert b"data: [DONE]" in answer.body
        await until_soon("ended", gateway.has_ended)
        assert gateway.end() == 0


async def test_a_stream_longer_than_the_drain_is_cut_then(
    models: Models, tmp_path: Path
) -> None:
    document = configuration(urls(models), drain="1s")
    with running_gateway(document, tmp_path) as gateway:
        client, whole = await begin_stream(gateway.data, "events=5000,interval=0.05")
        gateway.tell(signal.SIGTERM)
        began = time.monotonic()
        answer = await until_end(whole)
        assert time.monotonic() - began > 0.9
        client.close()
        assert not answer.complete
        await until_soon("ended", gateway.has_ended)
        assert gateway.end() == 0


async def test_told_twice_to_stop_it_waits_for_nobody(
    models: Models, tmp_path: Path
) -> None:
    document = configuration(urls(models), drain="1h")
    with running_gateway(document, tmp_path) as gateway:
        client, whole = await begin_stream(gateway.data, "events=5000,interval=0.05")
        gateway.tell(signal.SIGTERM)
        await asyncio.sleep(1.0)
        assert not whole.done()
        assert not gateway.has_ended()
        gateway.tell(signal.SIGTERM)
        answer = await until_end(whole)
        client.close()
        assert not answer.complete
        await until_soon("ended", gateway.has_ended)
        assert gateway.end() == 1, "something had to be killed"


async def test_two_signals_at_once_are_one_wish(models: Models, tmp_path: Path) -> None:
    """GNU timeout signals the process it started, then the whole group."""
    document = configuration(urls(models))
    with running_gateway(document, tmp_path) as gateway:
        client, whole = await begin_stream(gateway.data, "events=20,interval=0.05")
        gateway.tell(signal.SIGTERM)
        await asyncio.sleep(0.05)
        gateway.tell(signal.SIGTERM)
        answer = await until_end(whole)
        client.close()
        assert answer.complete
        await until_soon("ended", gateway.has_ended)
        assert gateway.end() == 0


async def test_stopping_costs_no_request_that_was_answered_in_part(
    models: Models, tmp_path: Path
) -> None:
    """Under load, what had begun is finished; what had not is refused or closed."""
    with running_gateway(configuration(urls(models), workers=2), tmp_path) as gateway:
        traffic = Traffic(gateway.data, posts=POSTS, streams=STREAMS)
        async with asyncio.TaskGroup() as tasks:
            traffic.start(tasks)
            await asyncio.sleep(0.7)
            gateway.tell(signal.SIGTERM)
            await until_soon("ended", gateway.has_ended)
            traffic.stop()
        assert gateway.end() == 0
        ended = {each.end for each in traffic.exchanges}
        assert ended <= {End.OK, End.REFUSED, End.LOST}
        assert not [e for e in traffic.exchanges if e.streamed and e.end is End.CUT]


def test_told_to_stop_while_it_starts_it_stops(models: Models, tmp_path: Path) -> None:
    gateway = Gateway(configuration(urls(models)), tmp_path)
    try:
        until("bound", lambda: any(gateway.temporary.iterdir()))
        gateway.tell(signal.SIGTERM)
        until("ended", gateway.has_ended)
        assert gateway.process.returncode == 0, gateway.log()
        assert not list(gateway.temporary.iterdir())
        assert "Traceback" not in gateway.log(), gateway.log()
    finally:
        orphans = gateway.clear_away()
    assert not orphans


# What survives.


async def versions_by_user(port: int) -> dict[str, str]:
    """Ask for every user once."""
    requests = [chat_request(user, streamed=False) for user in USERS]
    answers = [await ask(port, request) for request in requests]
    assert all(answer.status == 200 for answer in answers)
    return {
        user: answer.headers[b"x-served-by"].decode()
        for user, answer in zip(USERS, answers, strict=True)
    }


async def versions_on_each_worker(gateway: Gateway) -> list[dict[str, str]]:
    """Ask each of the two workers for every user."""
    workers, seen = gateway.workers(), []
    for worker in workers:
        async with only(worker, workers):
            seen.append(await versions_by_user(gateway.data))
    return seen


@asynccontextmanager
async def only(worker: int, workers: Iterable[int]) -> AsyncGenerator[None]:
    """Let one worker alone take connections: the others are stopped meanwhile."""
    others = [pid for pid in workers if pid != worker]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def test_clients_that_come_while_nobody_accepts_wait_in_the_queue(
    models: Models, tmp_path: Path
) -> None:
    """A worker that is busy for a moment turns nobody away: the queue is for thousands."""
    with running_gateway(configuration(urls(models)), tmp_path) as gateway:
        (worker,) = gateway.workers()
        os.kill(worker, signal.SIGSTOP)
        waiting = []
        try:
            for _ in range(400):
                where = ("127.0.0.1", gateway.data)
                waiting.append(socket.create_connection(where, timeout=NOTICED_S))
        finally:
            os.kill(worker, signal.SIGCONT)
        for each in waiting:
            each.settimeout(PATIENCE_S)
            each.sendall(b"GET /v1/models HTTP/1.1\r\nHost: h\r\n\r\n")
        answered = sum(each.recv(12) == b"HTTP/1.1 200" for each in waiting)
        for each in waiting:
            each.close()
    assert answered == len(waiting)


async def test_weights_and_the_versions_of_users_survive_a_restart(
    models: Models, tmp_path: Path
) -> None:
    document = configuration(urls(models), workers=2, state="sqlite:state.db")
    seen: list[dict[str, str]] = []
    with running_gateway(document, tmp_path) as gateway:
        revision = gateway.set_weight(62.125)["revision"]
        seen += await versions_on_each_worker(gateway)
    with running_gateway(document, tmp_path) as gateway:
        shown = gateway.service()
        assert shown["weights"] == {"v1": 37.875, "v2": 62.125}
        assert shown["revision"] == revision
        seen += await versions_on_each_worker(gateway)
    assert len(seen) == 4
    assert all(each == seen[0] for each in seen)
    assert set(seen[0].values()) == set(BOTH)


async def test_after_the_answer_every_worker_obeys_the_new_weights(
    pair: Gateway,
) -> None:
    clients = await clients_of_each_worker(pair)
    took = []
    for turn in range(30):
        percent, version = ((0, b"v1"), (100, b"v2"))[turn % 2]
        began = time.monotonic()
        await asyncio.to_thread(pair.set_weight, percent)
        took.append(time.monotonic() - began)
        async with asyncio.timeout(PATIENCE_S):
            answers = await asyncio.gather(*[
                client.exchange(chat_request(f"u{turn}-{number}", streamed=False))
                for number, client in enumerate(clients)
            ])
        assert {answer.headers[b"x-served-by"] for answer in answers} == {version}
    for client in clients:
        client.close()
    worst, median = max(took), sorted(took)[len(took) // 2]
    tell(f"PUT answered: median {median * 1e3:.1f} ms, worst {worst * 1e3:.1f} ms")
    assert worst < 1


async def test_the_answer_waits_for_the_slowest_worker(pair: Gateway) -> None:
    clients = await clients_of_each_worker(pair)
    await asyncio.to_thread(pair.set_weight, 0)
    slow, _fast = pair.workers()
    async with asyncio.TaskGroup() as tasks:
        os.kill(slow, signal.SIGSTOP)
        try:
            change = tasks.create_task(asyncio.to_thread(pair.set_weight, 100))
            await asyncio.sleep(0.5)
            assert not change.done()
        finally:
            os.kill(slow, signal.SIGCONT)
    async with asyncio.timeout(PATIENCE_S):
        requests = [c.exchange(chat_request("u", streamed=False)) for c in clients]
        answers = await asyncio.gather(*requests)
    assert {answer.headers[b"x-served-by"] for answer in answers} == {b"v2"}
    for client in clients:
        client.close()


async def clients_of_each_worker(gateway: Gateway) -> list[Client]:
    """Give keep-alive connections, three to each worker."""
    clients: list[Client] = []
    workers = gateway.workers()
    assert len(workers) == 2
    for worker in workers:
        async with only(worker, workers):
            clients += [await used_client(gateway.data) for _ in range(3)]
    return clients


async def used_client(port: int) -> Client:
    """Give a keep-alive connection that was answered on, so that a worker has it."""
    client = await connect(port)
    async with asyncio.timeout(PATIENCE_S):
        answer = await client.exchange(chat_request("u", streamed=False))
    assert answer.status == 200
    return client


# Reload.


@pytest.mark.parametrize("weight", [0, 100])
async def test_a_reload_of_a_good_file_is_in_force_and_costs_no_request(
    models: Models, pair: Gateway, weight: float
) -> None:
    async with traffic_on(pair) as exchanges:
        pair.write(configuration(urls(models), workers=2, weight=weight))
        pair.tell(signal.SIGHUP)
        await until_soon("reloaded", lambda: pair.candidate_weight() == weight)
        reloaded = time.monotonic()
    assert not not_ok(exchanges)
    later = {each.version for each in exchanges if each.begun > reloaded}
    assert later == {"v2" if weight else "v1"}


async def test_a_reload_of_a_bad_file_changes_nothing_and_says_why(
    models: Models, pair: Gateway
) -> None:
    before = pair.service()
    async with traffic_on(pair) as exchanges:
        pair.write(configuration(urls(models), workers=2, weight=120))
        pair.tell(signal.SIGHUP)
        await until_soon("refused", lambda: "Reload refused" in pair.log())
    assert not not_ok(exchanges)
    assert "gateway.yaml: services.chat.weights.v2: found 120" in pair.log()
    after = pair.service()
    kept = ("weights", "revision", "epoch", "changed")
    assert {key: after[key] for key in kept} == {key: before[key] for key in kept}


# What cannot start.


def test_an_address_in_use_is_told_in_two_sentences(
    models: Models, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        document = configuration(urls(models)) | {"listen": address}
        gateway = Gateway(document, tmp_path)
        try:
            until("ended", gateway.has_ended)
            assert gateway.process.returncode == 1
            assert gateway.log() == (
                f"Cannot listen on {address}: Address already in use."
                " Stop what uses the address, or configure another one.\n"
            )
            assert not list(gateway.temporary.iterdir())
        finally:
            orphans = gateway.clear_away()
    assert not orphans


def test_a_temporary_folder_too_deep_for_a_socket_is_told_in_two_sentences(
    models: Models, tmp_path: Path
) -> None:
    deep = tmp_path / ("x" * 108)
    deep.mkdir()
    gateway = Gateway(configuration(urls(models)), tmp_path, {"TMPDIR": str(deep)})
    try:
        until("ended", gateway.has_ended)
        assert gateway.process.returncode == 1
        assert "AF_UNIX path too long. Set TMPDIR" in gateway.log()
        assert "Traceback" not in gateway.log()
        assert not list(deep.iterdir())
    finally:
        orphans = gateway.clear_away()
    assert not orphans


def test_a_file_that_cannot_be_used_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("listen: 127.0.0.1:0\n")
    ran = subprocess.run(
        [COMMAND, "serve", str(tmp_path / "bad.yaml")],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ran.returncode == 2
    assert "bad.yaml: services" in ran.stderr
    assert not ran.stdout
