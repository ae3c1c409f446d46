"""Who passes, and how If-Match and bodies are read."""

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.admin.auth import caller, guard
from gateway.admin.body import json_object, revision_expected
from gateway.admin.ports import Gate
from gateway.domain.deployment import Role, Token
from gateway.domain.errors import Refused

TOKENS = (
    Token(name="eyes", role=Role.VIEWER, secret="see"),
    Token(name="app", role=Role.APP, secret="tell"),
    Token(name="hands", role=Role.OPERATOR, secret="do"),
)


async def _pass(
    method: str,
    path: str,
    headers: dict[str, str],
    tokens: tuple[Token, ...] = TOKENS,
) -> int | str:
    async def who(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0)
        return web.Response(text=caller() if path.startswith("/api") else "open")

    gate = cast("Gate", SimpleNamespace(tokens=tokens))
    try:
        answer = await guard(gate)(
            make_mocked_request(method, path, headers=headers), who
        )
    except Refused as refused:
        return refused.status
    return str(cast("web.Response", answer).text)


@pytest.mark.parametrize(
    ("method", "secret", "result"),
    [
        ("GET", "see", "eyes"),
        ("GET", "do", "hands"),
        ("PUT", "do", "hands"),
        ("PUT", "see", 403),
        ("GET", "tell", 403),
        ("POST", "tell", 403),
        ("GET", "sé", 401),
        ("GET", "", 401),
    ],
)
async def test_a_role_may_do_its_own(
    method: str, secret: str, result: int | str
) -> None:
    """Viewers read, operators do all, apps nothing here."""
    headers = {"Authorization": f"Bearer {secret}"}

    assert await _pass(method, "/api/v1/services", headers) == result


@pytest.mark.parametrize(
    ("method", "secret", "result"),
    [
        ("POST", "tell", "app"),
        ("POST", "do", "hands"),
        ("POST", "see", 403),
        ("GET", "tell", 403),
        ("PUT", "do", "hands"),
    ],
)
async def test_an_app_gives_feedback_and_does_nothing_else(
    method: str, secret: str, result: int | str
) -> None:
    """The one thing its role is for."""
    headers = {"Authorization": f"Bearer {secret}"}

    assert await _pass(method, "/api/v1/feedback", headers) == result


async def test_each_token_is_compared_whichever_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Time tells neither how much of a secret was right nor whose it is."""
    compared: list[bytes] = []

    def compare(ours: bytes, theirs: bytes) -> bool:
        compared.append(ours)
        return ours == theirs

    monkeypatch.setattr("gateway.admin.auth.hmac.compare_digest", compare)
    for secret in ("see", "do", "sea"):
        await _pass("GET", "/metrics", {"Authorization": f"Bearer {secret}"})

    assert compared == [token.secret.encode() for token in TOKENS] * 3


@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": "token=do"},
        {"Authorization": "Basic ZG86ZG8="},
        {"X-Forwarded-For": "127.0.0.1", "X-Real-Ip": "127.0.0.1"},
        {"Host": "127.0.0.1:8081", "Origin": "http://127.0.0.1:8081"},
    ],
)
async def test_nothing_but_a_token_opens_where_there_are_tokens(
    headers: dict[str, str],
) -> None:
    """Nothing that a browser sends by itself, and no claim to be local."""
    assert await _pass("POST", "/api/v1/reload", headers) == 401


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 30_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"v2": ' + b"9" * 60_000 + b"}",
        b'{"v2": 1e99999}',
        b'{"v2": NaN}',
        b'{"\xff": 1}',
    ],
    ids=["arrays", "objects", "digits", "exponent", "no number", "no text"],
)
async def test_hostile_json_is_refused_and_harms_nothing(body: bytes) -> None:
    """As deep and as long as a body may be."""

    async def read() -> bytes:
        await asyncio.sleep(0)
        return body

    posted = SimpleNamespace(
        read=read, content_type="application/json", headers={}, body_exists=True
    )
    with pytest.raises(Refused) as refused:
        await json_object(cast("web.Request", posted))

    assert refused.value.status == 400


async def test_health_needs_no_token() -> None:
    """Probes carry no secrets; everything else is closed."""
    assert await _pass("GET", "/readyz", {}) == "open"
    assert await _pass("GET", "/metrics", {}) == 401


@pytest.mark.parametrize(
    ("host", "passes"),
    [
        ("127.0.0.1:8081", True),
        ("localhost:8081", True),
        ("[::1]:8081", True),
        ("LOCALHOST", True),
        ("evil.test:8081", False),
        ("127.0.0.1.evil.test", False),
        ("localhost.evil.test", False),
        ("10.0.0.1", False),
        ("", False),
        ("[", False),
    ],
)
async def test_without_tokens_only_loopback_names_pass(host: str, passes: bool) -> None:
    """A rebound DNS name is not ours."""
    result = await _pass("GET", "/api/v1/services", {"Host": host}, ())

    assert result == ("local" if passes else 403)


@pytest.mark.parametrize(
    ("origin", "result"),
    [
        ("http://127.0.0.1:8081", "local"),
        ("http://evil.test", 403),
        ("http://127.0.0.1:9999", 403),
        ("null", 403),
        ("http://[", 403),
    ],
)
async def test_without_tokens_a_foreign_page_changes_nothing(
    origin: str, result: int | str
) -> None:
    """Another port of this machine is foreign too."""
    headers = {"Host": "127.0.0.1:8081", "Origin": origin}

    assert await _pass("POST", "/api/v1/reload", headers, ()) == result


@pytest.mark.parametrize("written", ["7", '"7"', 'W/"7"', " 7 "])
def test_a_revision_is_read_quoted_or_not(written: str) -> None:
    """As an ETag, or as people type it."""
    request = make_mocked_request("PUT", "/", headers={"If-Match": written})

    assert revision_expected(request) == 7


def test_a_star_expects_nothing() -> None:
    """RFC 9110, section 13.1.1."""
    request = make_mocked_request("PUT", "/", headers={"If-Match": "*"})

    assert revision_expected(request) is None


@pytest.mark.parametrize("written", ["seven", "-1", '"7", "8"', "", "1" * 30])
def test_what_is_no_revision_is_refused(written: str) -> None:
    """Better than to ignore it."""
    request = make_mocked_request("PUT", "/", headers={"If-Match": written})

    with pytest.raises(Refused):
        revision_expected(request)
