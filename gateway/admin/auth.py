"""Who may do what here.

With tokens, a request must carry one. Without, the listener is on loopback and
everything local is allowed; then a browser is the danger, and what it can be tricked
into is refused: other Host names (DNS rebinding), other Origins, and other content
types than JSON (which a page may send without asking).
"""

import hmac
import ipaddress
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.admin.ports import Gate
from gateway.domain.deployment import Role, Token
from gateway.domain.errors import Refused

_CALLER: Final = ContextVar[str]("caller")  # each request runs in a task of its own
_LOCAL_CALLER: Final = "local"
_OPEN_PATHS: Final = frozenset({"/healthz", "/readyz"})
_READING: Final = frozenset({"GET", "HEAD"})
_READERS: Final = frozenset({Role.VIEWER, Role.OPERATOR})
_OPERATORS: Final = frozenset({Role.OPERATOR})
_APPS: Final = frozenset({Role.APP, Role.OPERATOR})
_APP_PATHS: Final = frozenset({"/api/v1/feedback"})
_TEXTS: Final = frozenset({"/api/v1/services/{service}/examples"})
"""Where texts of users are read."""

_SCHEME: Final = "bearer "


def guard(gate: Gate) -> Middleware:
    """Make the middleware that lets requests pass or refuses them.

    Args:
        gate: Knows the tokens; asked every time, since a reload may change them.

    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not gate.tokens:
            _demand_local(request)
            _CALLER.set(_LOCAL_CALLER)
        elif request.path not in _OPEN_PATHS:
            token = _authenticated(request, gate.tokens)
            _demand_role(request, token)
            _CALLER.set(token.name)
        return await handler(request)

    return middleware


def caller() -> str:
    """Give the name of whoever asks, for the record of changes."""
    return _CALLER.get()


def _authenticated(request: web.Request, tokens: Sequence[Token]) -> Token:
    written = request.headers.get("Authorization", "")
    if not written.lower().startswith(_SCHEME):
        raise Refused(
            401,
            "This needs a token.",
            remedy="Send `Authorization: Bearer TOKEN` (SLUICEGATE_TOKEN).",
        )
    secret = written[len(_SCHEME) :].strip().encode(errors="surrogateescape")
    found = None
    for token in tokens:  # all of them, so that time tells nothing
        if hmac.compare_digest(token.secret.encode(), secret):
            found = token
    if found is None:
        raise Refused(
            401, "Nobody has this token.", remedy="Look at admin.tokens in the file."
        )
    return found


def _demand_role(request: web.Request, token: Token) -> None:
    allowed = _allowed(request)
    if token.role not in allowed:
        others = sorted(role.value for role in allowed - _OPERATORS)
        raise Refused(
            403,
            f"The role {token.role.value} may not {request.method} {request.path}.",
            remedy=f"Use a token with the role {' or '.join(['operator', *others])}.",
        )


def _allowed(request: web.Request) -> frozenset[Role]:
    if request.method in _READING:
        resource = request.match_info.route.resource
        has_texts = resource is not None and resource.canonical in _TEXTS
        return _OPERATORS if has_texts else _READERS
    return _APPS if request.path in _APP_PATHS else _OPERATORS


def _demand_local(request: web.Request) -> None:
    host = request.headers.get("Host", "")
    if not _is_loopback(host):
        raise Refused(
            403,
            f"The admin API has no tokens and is not known as {host!r:.80}.",
            remedy="Ask for it as 127.0.0.1 or localhost, or configure admin.tokens.",
        )
    if request.method in _READING:
        return
    origin = request.headers.get("Origin")
    if origin is not None and _place(origin) != host:
        raise Refused(
            403,
            f"A page of {origin!r:.80} may change nothing here.",
            remedy="Configure admin.tokens and send one.",
        )


def _place(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
