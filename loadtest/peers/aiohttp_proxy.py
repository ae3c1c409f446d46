"""The proxy one would write first: aiohttp server, aiohttp client, uvloop.

A script of its own: `aiohttp_proxy.py LISTEN_PORT V1_PORT V2_PORT`.
"""

import hashlib
import sys

import uvloop
from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade"})


class Proxy:
    """Passes each request to one of two upstreams by the hash of its user."""

    def __init__(self, upstreams: tuple[int, int]) -> None:
        self._origins = [f"http://127.0.0.1:{port}" for port in upstreams]
        self._session: ClientSession | None = None

    async def open(self, _: web.Application) -> None:
        """Open the pool of upstream connections."""
        self._session = ClientSession(
            connector=TCPConnector(limit=0),
            timeout=ClientTimeout(total=None),
            auto_decompress=False,
        )

    async def close(self, _: web.Application) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        """Pass one exchange on, chunk by chunk."""
        if self._session is None:
            raise web.HTTPServiceUnavailable
        key = request.headers.get("x-user-id", "").encode()
        origin = self._origins[hashlib.blake2b(key, digest_size=1).digest()[0] % 2]
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in _HOP_BY_HOP
        }
        async with self._session.request(
            request.method,
            origin + request.raw_path,
            headers=headers,
            data=request.content if request.body_exists else None,
            allow_redirects=False,
        ) as answer:
            reply = web.StreamResponse(status=answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    reply.headers.add(name, value)
            await reply.prepare(request)
            async for piece in answer.content.iter_any():
                await reply.write(piece)
            await reply.write_eof()
            return reply


def main() -> None:
    """Read the three ports and serve."""
    listen, first, second = (int(word) for word in sys.argv[1:4])
    proxy = Proxy((first, second))
    application = web.Application(client_max_size=0)
    application.router.add_route("*", "/{path:.*}", proxy.pass_on)
    application.on_startup.append(proxy.open)
    application.on_cleanup.append(proxy.close)
    uvloop.install()
    web.run_app(application, host="127.0.0.1", port=listen, access_log=None)


if __name__ == "__main__":
    main()
