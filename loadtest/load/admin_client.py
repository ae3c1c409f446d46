"""The two calls of the gateway's admin API that the load tests make."""

import asyncio
import json
import os
from http import HTTPStatus

from loadtest.load.http_client import Answer, Client, connect, request_bytes

_DEADLINE_S = 10.0


class AdminError(Exception):
    """The admin API did not do what it was asked to."""


class AdminClient:
    """Keeps one connection; opens a new one when that is gone."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._client: Client | None = None
        token = os.environ.get("SLUICEGATE_TOKEN")
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    async def set_weight(self, version: str, percent: float) -> None:
        """Give a version its share; raise AdminError."""
        body = json.dumps({version: percent}).encode()
        answer = await self._call("PUT", "/api/v1/services/chat/weights", body)
        if answer is None or answer.status != HTTPStatus.OK:
            said = "nothing" if answer is None else answer.body.decode(errors="replace")
            message = f"PUT weights {version}={percent} was answered with {said}."
            raise AdminError(message)

    async def is_alive(self) -> bool:
        """Whether the controller answers for the service at this moment."""
        answer = await self._call("GET", "/api/v1/services/chat", b"")
        return answer is not None and answer.status == HTTPStatus.OK

    async def _call(self, method: str, path: str, body: bytes) -> Answer | None:
        try:
            async with asyncio.timeout(_DEADLINE_S):
                if self._client is None or not self._client.open:
                    self._client = await connect(self._port)
                request = request_bytes(method, path, body, self._headers)
                return await self._client.exchange(request)
        except OSError:  # a TimeoutError is one too
            self._client = None
            return None
