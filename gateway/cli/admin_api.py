"""Talks to a running gateway's admin API: one request, one answer, a deadline.

http.client and not aiohttp: it starts at once, and follows no proxy variables, which
would lead a request for loopback astray.
"""

import http.client
import json
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

from gateway.domain.errors import BadConfiguration, GatewayError, Side

DEFAULT_URL: Final = "http://127.0.0.1:8081"

_VISIBLE: Final = re.compile(r"[\x21-\x7e]*")
_DEADLINE_S: Final = 10.0
_FIRST_ERROR: Final = 400
_EXCERPT: Final = 200


class AdminUnreachable(GatewayError):
    """Nothing answers at the admin address, or not in time."""

    side = Side.OPERATOR
    status = 503
    type = "admin_unreachable"
    may_retry = True


class AdminRefused(GatewayError):
    """The gateway answered, with an error; the message is its own."""

    side = Side.OPERATOR
    type = "admin_refused"

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message, remedy="")
        self.status = status

    def __str__(self) -> str:
        """Give the gateway's words, as they came."""
        return self.what


class AdminApi:
    """The admin API of one gateway.

    Args:
        url: Where it listens, http or https; a bare host:port means http.
        token: Bearer token; None or empty sends none.
        ca: File of the authorities that are believed, for https; None: the system's.

    Raises:
        BadConfiguration: The URL is none, the token cannot be sent, or the file cannot
            be used.

    """

    def __init__(
        self, url: str, token: str | None = None, ca: Path | None = None
    ) -> None:
        self.url = url if "://" in url else f"http://{url}"
        self._token = token
        _demand_sendable(
            token or "",
            "SLUICEGATE_TOKEN holds blanks, control characters or letters outside"
            " ASCII, which no token has.",
            remedy="Set it to the secret alone, as admin.tokens has it.",
        )
        parts = _parts(self.url)
        self._tls = _verifying(ca) if parts.scheme == "https" else None
        self._address = parts.netloc.rpartition("@")[2]
        self._prefix = parts.path.rstrip("/")

    def services(self) -> object:
        """Everything about every service."""
        return self._ask("GET", "/api/v1/services")

    def service(self, name: str) -> object:
        """Everything about one service."""
        return self._ask("GET", f"/api/v1/services/{quote(name, safe='')}")

    def examples(self, name: str) -> object:
        """Give the answers of a service that scored worst."""
        return self._ask("GET", f"/api/v1/services/{quote(name, safe='')}/examples")

    def set_weights(
        self,
        name: str,
        weights: Mapping[str, float],
        *,
        revision: str | None = None,
        reason: str = "",
    ) -> object:
        """Set weights in percent, only if *revision* is still current when given.

        Raises:
            BadConfiguration: The revision is none.

        """
        headers = {"If-Match": revision} if revision is not None else {}
        _demand_sendable(
            revision or "",
            f"--if-match {revision!r:.40}: not a revision.",
            remedy="Give the number that `sluicegate weights SERVICE` shows.",
        )
        query = f"?reason={quote(reason, safe='')}" if reason else ""
        path = f"/api/v1/services/{quote(name, safe='')}/weights{query}"
        return self._ask("PUT", path, dict(weights), headers)

    def act(
        self, name: str, action: str, *, reason: str = "", full: bool = False
    ) -> object:
        """Do something to a service's rollout."""
        body = {"reason": reason, **({"full": True} if full else {})}
        path = f"/api/v1/services/{quote(name, safe='')}/{quote(action, safe='')}"
        return self._ask("POST", path, body)

    def analysis(self, name: str) -> object:
        """Everything that is known of a service's rollout."""
        return self._ask("GET", f"/api/v1/services/{quote(name, safe='')}/analysis")

    def journal(
        self, service: str | None, *, after: int, limit: int, raw: bool = False
    ) -> object:
        """Entries of the journal behind number *after*, the oldest first.

        With *raw*, bodies as the texts that their hashes are of.
        """
        which = "" if service is None else f"&service={quote(service, safe='')}"
        which += "&raw=true" if raw else ""
        return self._ask("GET", f"/api/v1/journal?after={after}&limit={limit}{which}")

    def reload(self) -> object:
        """Make the gateway read its configuration again."""
        return self._ask("POST", "/api/v1/reload")

    def _ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> object:
        connection = self._connection()
        sent = None if body is None else json.dumps(body).encode()
        try:
            connection.request(
                method, self._prefix + path, sent, self._headers(headers or {})
            )
            answer = connection.getresponse()
            received = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()
        return _judge(answer.status, received)

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is not None:
            return http.client.HTTPSConnection(
                self._address, timeout=_DEADLINE_S, context=self._tls
            )
        return http.client.HTTPConnection(self._address, timeout=_DEADLINE_S)

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return {**headers, **more}

    def _unreachable(self, error: Exception) -> AdminUnreachable:
        strerror = error.strerror if isinstance(error, OSError) else None
        reason = strerror or str(error) or type(error).__name__
        remedy = (
            "Start one with `sluicegate serve`, or name the right address with "
            "--admin or SLUICEGATE_ADMIN."
        )
        if isinstance(error, ssl.SSLCertVerificationError):
            reason = error.verify_message
            remedy = (
                "Name the file of the authority of its certificate with --ca or"
                " SLUICEGATE_CA, and it by a name of its certificate with --admin."
            )
        elif isinstance(
            error, ssl.SSLError | ConnectionError | http.client.HTTPException
        ):
            other = "http" if self._tls is not None else "https"
            remedy += f" If it is right, write {other}:// before it."
        return AdminUnreachable(
            f"No gateway answers at {self.url} ({reason}).", remedy=remedy
        )


def _verifying(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise BadConfiguration(
            f"--ca {ca}: not a file of authorities ({error.strerror or error}).",
            remedy="Name a PEM file: a line of it is -----BEGIN CERTIFICATE-----.",
        ) from None


def _demand_sendable(value: str, what: str, *, remedy: str) -> None:
    """Refuse what http.client would stumble over in a header."""
    if not _VISIBLE.fullmatch(value):
        raise BadConfiguration(what, remedy=remedy)


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0:
            return parts
    except ValueError:
        pass
    raise BadConfiguration(
        f"--admin {url}: not a URL of an admin API.",
        remedy=f"Write it like {DEFAULT_URL}.",
    )


def _judge(status: int, received: bytes) -> object:
    try:
        answer: object = json.loads(received) if received else None
    except ValueError:
        answer = None
        if status < _FIRST_ERROR:
            raise _not_ours(status, received) from None
    if status >= _FIRST_ERROR:
        raise AdminRefused(status, _message(status, answer, received))
    return answer


def _message(status: int, answer: object, received: bytes) -> str:
    match answer:
        case {"error": {"message": str(message)}} | {"message": str(message)}:
            return message
        case _:
            excerpt = received[:_EXCERPT].decode(errors="replace").strip()
            return f"The admin API answered {status}: {excerpt or 'nothing more'}."


def _not_ours(status: int, received: bytes) -> AdminRefused:
    excerpt = received[:_EXCERPT].decode(errors="replace").strip()
    return AdminRefused(
        status,
        f"What answers there speaks no JSON: {excerpt!r}. "
        "Name the admin address, not the data address.",
    )
