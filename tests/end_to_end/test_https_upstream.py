"""Model servers behind TLS: verified, or not spoken to."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from loadtest.load.http_client import Answer, chat_request, connect
from tests.end_to_end.running import PATIENCE_S, Gateway, configuration, running_gateway

NAME = "localhost"
ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n"
)
BODY = b'{"ok":true}'


@pytest.fixture
def authority() -> trustme.CA:
    """Make an authority that nobody knows."""
    return trustme.CA()


@asynccontextmanager
async def tls_upstream(authority: trustme.CA) -> AsyncGenerator[int]:
    """Serve HTTPS as `localhost`; give the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(NAME).configure_cert(context)
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        async for length in _requests(reader):
            await reader.readexactly(length)
            writer.write(ANSWER + BODY)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.05)  # what was aborted is let go of


async def _requests(reader: asyncio.StreamReader) -> AsyncIterator[int]:
    """Give the length of each request's body, after its head."""
    while head := await _head(reader):
        fields = head.lower().split(b"\r\n")
        [length] = [f for f in fields if f.startswith(b"content-length:")]
        yield int(length.partition(b":")[2])


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


async def ask(gateway: Gateway) -> Answer:
    """Make one request."""
    async with asyncio.timeout(PATIENCE_S):
        client = await connect(gateway.data)
        try:
            return await client.exchange(chat_request("u", streamed=False))
        finally:
            client.close()


@asynccontextmanager
async def gateway_to(
    url: str, folder: Path, environ: dict[str, str] | None = None
) -> AsyncGenerator[Gateway]:
    """Run a gateway with one version, beside the upstream in this process."""
    running = running_gateway(configuration([url]), folder, environ)
    gateway = await asyncio.to_thread(running.__enter__)
    try:
        yield gateway
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)


async def test_an_upstream_of_a_known_authority_is_spoken_to(
    authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    environ = {"SSL_CERT_FILE": str(tmp_path / "ca.pem")}
    async with (
        tls_upstream(authority) as port,
        gateway_to(f"https://{NAME}:{port}", tmp_path, environ) as gateway,
    ):
        for _again in range(2):
            answer = await ask(gateway)
            assert (answer.status, bytes(answer.body)) == (200, BODY)


async def test_an_upstream_of_an_unknown_authority_is_a_502_that_says_so(
    authority: trustme.CA, tmp_path: Path
) -> None:
    async with (
        tls_upstream(authority) as port,
        gateway_to(f"https://{NAME}:{port}", tmp_path) as gateway,
    ):
        answer = await ask(gateway)
        assert answer.status == 502
        assert b"TLS: its certificate cannot be believed" in answer.body
        assert NAME.encode() not in answer.body
        said = gateway.log()
        assert f"https://{NAME}:{port}" in said
        assert "TLS: unable to get local issuer certificate" in said


async def test_an_upstream_with_another_name_is_a_502(
    authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    environ = {"SSL_CERT_FILE": str(tmp_path / "ca.pem")}
    async with (
        tls_upstream(authority) as port,
        gateway_to(f"https://127.0.0.1:{port}", tmp_path, environ) as gateway,
    ):
        answer = await ask(gateway)
        assert answer.status == 502
        assert b"TLS: its certificate cannot be believed" in answer.body
        assert "not valid for" in gateway.log()
