"""What only connections with TLS can do wrong, on both sides of the gateway."""

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from gateway.domain.deployment import ClientLimits
from gateway.domain.units import Seconds
from tests.certificates import Authority, believing, listener, read_pair
from tests.flows.scripted import (
    Client,
    Ended,
    Upstream,
    Wire,
    answering,
    encryption,
    get,
    ok,
)
from tests.flows.stage import Stage, service, table, until, version

SIZE = 4_000_000
"""More than the client's side takes, and less than both sides do."""

IMPATIENT = ClientLimits(head_timeout=Seconds(0.3))


def raw_client(stage: Stage) -> socket.socket:
    """Connect without TLS."""
    made = socket.create_connection(("127.0.0.1", stage.gateway.port))
    made.setblocking(False)
    return made


async def test_a_handshake_that_does_not_go_on_is_given_up_and_was_counted(
    stage: Stage, encrypted: Authority
) -> None:
    upstream = await answering(ok())
    stage.serve(table(service(version("v1", upstream)), limits=IMPATIENT), upstream)
    silent = raw_client(stage)

    assert await until(lambda: stage.gateway.clients() == 1)
    loop = asyncio.get_running_loop()
    assert not await asyncio.wait_for(loop.sock_recv(silent, 1), 5.0)
    silent.close()

    assert await until(lambda: stage.gateway.clients() == 0)
    assert (await (await stage.client()).ask(get())).status == 200


async def test_half_a_handshake_is_a_connection_of_its_address(
    stage: Stage, encrypted: Authority
) -> None:
    upstream = await answering(ok())
    limits = ClientLimits(connections_per_client=2)
    stage.serve(table(service(version("v1", upstream)), limits=limits), upstream)
    silent = [raw_client(stage) for _ in range(3)]

    assert await until(lambda: stage.gateway.refused() == {429: 1})
    for each in silent:
        each.close()
    assert await until(lambda: stage.gateway.clients() == 0)
    first, second = await stage.client(), await stage.client()
    assert [(await each.ask(get())).status for each in (first, second)] == [200, 200]


async def test_a_client_that_speaks_no_tls_is_closed(
    stage: Stage, encrypted: Authority
) -> None:
    stage.serve_one(await answering(ok()))
    plain = raw_client(stage)
    loop = asyncio.get_running_loop()

    await loop.sock_sendall(plain, get())
    try:
        told = await asyncio.wait_for(loop.sock_recv(plain, 100), 5.0)
    except ConnectionError:
        told = b""
    plain.close()

    assert b"HTTP" not in told
    assert await until(lambda: stage.gateway.clients() == 0)


async def test_a_client_without_a_certificate_of_the_right_authority_is_refused(
    stage: Stage, encrypted: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = encrypted.issue("listener")
    other = Authority(tmp_path, "others")
    tls = listener(tmp_path, {**pair, "client_ca": str(encrypted.file)})
    monkeypatch.setattr(encryption, "listener", tls)
    stage.serve_one(await answering(ok()))

    for issuer, is_served in ((None, False), (other, False), (encrypted, True)):
        context = encrypted.trusting()
        if issuer is not None:
            own = issuer.issue("client")
            context.load_cert_chain(own["certificate"], own["key"])
        monkeypatch.setattr(encryption, "client", context)
        assert await _is_served(stage) is is_served


async def _is_served(stage: Stage) -> bool:
    try:
        return (await (await stage.client()).ask(get())).status == 200
    except (OSError, Ended):
        return False


async def test_new_settings_are_for_new_connections_and_the_old_ones_stay(
    stage: Stage, encrypted: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = await answering(ok())
    stage.serve_one(upstream)
    stays = await stage.client()
    assert (await stays.ask(get())).status == 200

    newer = Authority(tmp_path, "newer")
    monkeypatch.setattr(
        encryption, "listener", listener(tmp_path, newer.issue("newer-server"))
    )
    stage.gateway.use(table(service(version("v1", upstream)), epoch=2))

    assert (await stays.ask(get())).status == 200
    with pytest.raises(ssl.SSLCertVerificationError):
        await stage.client()
    monkeypatch.setattr(encryption, "client", newer.trusting())
    assert (await (await stage.client()).ask(get())).status == 200


async def test_a_file_that_was_spoiled_since_it_was_checked_changes_nothing(
    stage: Stage, encrypted: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = await answering(ok())
    stage.serve_one(upstream)
    tls = listener(tmp_path, encrypted.issue("renewed"))
    (tmp_path / "renewed.key").write_text("nothing")
    monkeypatch.setattr(encryption, "listener", tls)
    stage.gateway.use(table(service(version("v1", upstream)), epoch=2))

    assert (await (await stage.client()).ask(get())).status == 200


@pytest.mark.parametrize("is_proper", [True, False])
async def test_a_body_that_ends_with_its_connection_needs_a_proper_end(
    stage: Stage, encrypted: Authority, is_proper: bool
) -> None:
    """Whoever stands between could cut it: RFC 9112, section 9.8."""

    async def script(wire: Wire) -> None:
        await upstream.read(wire)
        await wire.send(b"HTTP/1.1 200 OK\r\n\r\nbody")
        if not is_proper:
            await asyncio.sleep(0.05)
            raw: socket.socket = wire.writer.get_extra_info("socket")
            with socket.socket(fileno=socket.dup(raw.fileno())) as duplicate:
                duplicate.shutdown(socket.SHUT_WR)
            await asyncio.sleep(0.2)

    upstream = await Upstream(script).start()
    stage.serve_one(upstream)
    answer = await (await stage.client()).ask(get())

    assert answer.body == b"body"
    assert answer.is_cut is not is_proper


def closing_endpoint(listening: socket.socket, context: ssl.SSLContext) -> None:
    """Answer one request, and close at once behind what the kernel has taken."""
    connection = context.wrap_socket(listening.accept()[0], server_side=True)
    assert connection.recv(65_536)
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    connection.sendall(head % SIZE + bytes(SIZE))
    connection.shutdown(socket.SHUT_WR)
    connection.close()


async def test_a_slow_reader_gets_the_end_of_an_answer_whose_endpoint_has_closed(
    stage: Stage, encrypted: Authority
) -> None:
    assert encryption.server is not None
    with socket.create_server(("127.0.0.1", 0)) as listening:
        task = asyncio.to_thread(closing_endpoint, listening, encryption.server)
        upstream = Upstream(lambda _wire: asyncio.sleep(0))
        upstream.port = listening.getsockname()[1]
        stage.serve(table(service(version("v1", upstream))))
        client = await stage.client(receive_buffer=4096)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(get())
        await task
        await asyncio.sleep(0.1)
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]

        answer = await client.answer()

    assert not answer.is_cut
    assert len(answer.body) == SIZE


async def test_a_client_that_leaves_its_stalled_upload_is_noticed(
    stage: Stage, encrypted: Authority
) -> None:
    async def script(wire: Wire) -> None:
        await upstream.read_head(wire)
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(30)

    upstream = await Upstream(script).start()
    stage.serve_one(upstream)
    client: Client = await stage.client()
    size = 30_000_000
    await client.send(
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size
    )
    client.writer.write(bytes(size // 2))
    await asyncio.sleep(0.3)
    client.reset()

    assert await until(lambda: stage.gateway.outcomes() == {"client_cancelled": 1})


async def test_an_endpoint_that_asks_for_a_certificate_gets_the_configured_one(
    stage: Stage, encrypted: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = encrypted.serving(encrypted.issue("endpoint"))
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(encrypted.file)
    monkeypatch.setattr(encryption, "server", server)
    own = read_pair(tmp_path, encrypted.issue("ours"))
    monkeypatch.setattr(
        encryption, "to_endpoints", believing(encrypted, certificate=own)
    )
    stage.serve_one(await answering(ok()))

    assert (await (await stage.client()).ask(get())).status == 200


@pytest.mark.parametrize(
    ("settings", "status"),
    [({}, 502), ({"verify": False}, 200), ({"server_name": "model.example.com"}, 200)],
)
async def test_an_endpoint_proves_the_name_that_is_wanted(
    stage: Stage,
    encrypted: Authority,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    settings: dict[str, object],
    status: int,
) -> None:
    pair = encrypted.issue("named", "model.example.com")
    monkeypatch.setattr(encryption, "server", encrypted.serving(pair))
    monkeypatch.setattr(encryption, "to_endpoints", believing(encrypted, **settings))
    stage.serve_one(await answering(ok()))

    answer = await (await stage.client()).ask(get())

    assert answer.status == status
    if status == 502:
        assert b"its certificate cannot be believed" in answer.body
        assert b"server_name" not in answer.body  # that is for the log
        assert "tls.server_name" in caplog.text
