"""Posts JSON to a judge's server: bounded, blind to redirects, patient when told to be."""

import asyncio
from collections.abc import Callable, Collection
from hashlib import sha256
from io import BytesIO
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import aiohttp

from gateway.evaluators.evaluator import JudgeFailed, Used, Why

LARGEST: Final = 1024 * 1024
"""Bytes of an answer that are read."""

LONGEST_PAUSE: Final = 60.0
_USUAL_PAUSE: Final = 1.0
_CONNECT_S: Final = 10.0
_OK: Final = 200
_TOO_MANY: Final = 429
_BROKEN: Final = 500
_ASKS_FOR_PATIENCE: Final = frozenset({_TOO_MANY, 503, 529})
_MENDABLE: Final = frozenset({400, 422, _BROKEN})
"""What may be about the form of a request: llama-cpp-python answers 500 to one."""

_LONGEST_COMPLAINT: Final = 16_384
_HASH_DIGITS: Final = 8

USUAL_PATHS: Final = frozenset({"", "/v1"})
"""Of OpenAI-compatible servers. Another one may name the model: /openai/deployments/NAME."""


def place_on_server(url: str, usual: Collection[str] = ()) -> str:
    """Tell places on a server apart, and show none: there may be a secret in it.

    Args:
        url: All of it.
        usual: Paths that need not be told.

    """
    parts = urlsplit(url)
    if parts.path.rstrip("/") in usual:
        return ""
    place = f"{parts.path}?{parts.query}"
    return f" sha256:{sha256(place.encode()).hexdigest()[:_HASH_DIGITS]}"


class Pause:
    """How long a server wants to be left alone. Times are of one monotonic clock."""

    def __init__(self) -> None:
        self._until = 0.0

    def ask(self, now: float, retry_after: str | None) -> None:
        """Begin a pause; *retry_after* is the header (RFC 9110, 10.2.3), in seconds.

        Dates and nonsense are taken for a second: the next refusal says it again.
        """
        is_number = retry_after is not None and retry_after.strip().isdecimal()
        wanted = float(retry_after or 0) if is_number else _USUAL_PAUSE
        self._until = max(self._until, now + min(wanted, LONGEST_PAUSE))

    def left(self, now: float) -> float:
        """Give the seconds until it is over, 0 or more."""
        return max(0.0, self._until - now)


class Posted(NamedTuple):
    """What a server answered.

    Attributes:
        body: All of it.
        complaint: What it does not like of the request, in lower case; None: it was a 200.
        failure: To be raised where there is a complaint and nothing to be done about it.

    """

    body: bytes
    complaint: str | None
    failure: JudgeFailed


class Server:
    """See the module. Connects when it is first used.

    Args:
        url: All of it.
        headers: Sent along; they may be secret and appear in no message.
        timeout: Seconds for each call; a caller may be less patient.
        monotonic: The clock of pauses, seconds.

    """

    def __init__(
        self,
        url: str,
        headers: tuple[tuple[str, str], ...],
        timeout: float,
        monotonic: Callable[[], float],
    ) -> None:
        self.host = urlsplit(url).netloc.rpartition("@")[2]
        self._url = url
        self._headers = {**dict(headers), "Content-Type": "application/json"}
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=_CONNECT_S)
        self._now = monotonic
        self._pause = Pause()
        self._session: aiohttp.ClientSession | None = None

    async def post(self, body: bytes, risk: Used) -> Posted:
        """Post *body*, after a pause that the server has asked for.

        Args:
            body: JSON.
            risk: What the call may have taken when it fails on the way.

        Raises:
            JudgeFailed: There is no answer, nor a complaint of the request's form.

        """
        if left := self._pause.left(self._now()):
            await asyncio.sleep(left)
        try:
            async with self._opened().post(
                self._url,
                data=BytesIO(body),
                headers=self._headers,
                allow_redirects=False,
            ) as answer:
                self._demand_served(answer, risk)
                content = await self._read(answer, risk)
        except aiohttp.ClientConnectorError as error:
            raise self._failed("cannot be reached", error, Used()) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._failed("gave no whole answer", error, risk) from None
        failure = self._failure(answer.status, risk)
        if answer.status == _OK:
            return Posted(content, None, failure)
        complaint = content[:_LONGEST_COMPLAINT].decode(errors="replace").lower()
        return Posted(content, complaint, failure)

    async def close(self) -> None:
        """Close its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout,
                auto_decompress=False,  # a small answer must not become a large one
                headers={"Accept-Encoding": "identity", "User-Agent": "sluicegate"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _demand_served(self, answer: aiohttp.ClientResponse, risk: Used) -> None:
        """Raise JudgeFailed for what is neither an answer nor can be mended."""
        status = answer.status
        if status == _OK or status in _MENDABLE:
            return
        if status in _ASKS_FOR_PATIENCE:
            self._pause.ask(self._now(), answer.headers.get("Retry-After"))
        raise self._failure(status, risk)

    def _failure(self, status: int, risk: Used) -> JudgeFailed:
        """Say what a status means that is no success."""
        told = f"{self.host} answered {status}."
        if status == _TOO_MANY:
            return JudgeFailed(Why.UNREACHABLE, told)
        if status >= _BROKEN:
            return JudgeFailed(Why.UNREACHABLE, told, risk)
        return JudgeFailed(Why.REFUSED, told)

    async def _read(self, answer: aiohttp.ClientResponse, risk: Used) -> bytes:
        parts, size = list[bytes](), 0
        async for part in answer.content.iter_any():
            parts.append(part)
            size += len(part)
            if size > LARGEST:
                told = f"{self.host} answered more than {LARGEST} bytes."
                raise JudgeFailed(Why.GARBAGE, told, risk)
        return b"".join(parts)

    def _failed(self, what: str, error: Exception, used: Used) -> JudgeFailed:
        told = f"{self.host} {what} ({type(error).__name__})."
        return JudgeFailed(Why.UNREACHABLE, told, used)
