"""How a server is treated: patiently when it asks for it, and never without bounds."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from gateway.evaluators.evaluator import JudgeFailed, Used, Why
from gateway.evaluators.server import LARGEST, LONGEST_PAUSE, Pause, Server
from loadtest.judge_server import Behaviour, JudgeServer, judging


@asynccontextmanager
async def listening(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncGenerator[str]:
    """Answer every request in this way, for the length of the block."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("retry_after", "expected"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        (None, 1.0),
        ("-5", 1.0),
        ("soon", 1.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 1.0),
        ("86400", LONGEST_PAUSE),
        ("9" * 500, LONGEST_PAUSE),
        ("٣", 3.0),
    ],
)
def test_a_pause_is_as_long_as_it_was_asked_for(
    retry_after: str | None, expected: float
) -> None:
    pause = Pause()

    pause.ask(100.0, retry_after)

    assert pause.left(100.0) == expected
    assert not pause.left(100.0 + expected)


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    pause = Pause()
    pause.ask(100.0, "10")

    pause.ask(101.0, "1")

    assert pause.left(102.0) == pytest.approx(8)


@pytest.fixture
async def judge() -> AsyncIterator[JudgeServer]:
    """Give a server that wants to be left alone for five seconds."""
    async with judging(Behaviour(status=429, retry_after="5")) as made:
        yield made


async def test_no_call_is_made_during_a_pause(
    judge: JudgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept = list[float]()
    awake = asyncio.sleep

    def sleep(seconds: float) -> Awaitable[None]:
        slept.append(seconds)
        return awake(0)

    server = Server(f"{judge.url}/score", (), 5.0, lambda: 50.0)
    with pytest.raises(JudgeFailed) as caught:
        await server.post(b"{}", Used(5, 5))
    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(JudgeFailed):
        await server.post(b"{}", Used(5, 5))

    assert caught.value.why is Why.UNREACHABLE
    assert caught.value.used == Used()
    assert 5.0 in slept
    await server.close()


@pytest.mark.parametrize(
    ("how", "used"),
    [(Behaviour(status=502), Used(5, 5)), (Behaviour(status=403), Used())],
    ids=["it may have worked", "it has not"],
)
async def test_a_failed_call_is_charged_where_it_may_have_taken_tokens(
    judge: JudgeServer, how: Behaviour, used: Used
) -> None:
    judge.how = how
    server = Server(f"{judge.url}/score", (), 5.0, lambda: 50.0)

    with pytest.raises(JudgeFailed) as caught:
        await server.post(b"{}", Used(5, 5))

    assert caught.value.used == used
    await server.close()


async def test_an_answer_without_end_is_not_read_to_it() -> None:
    async def flood(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(b"x" * 2**16)

    async with listening(flood) as url:
        server = Server(url, (), 5.0, lambda: 50.0)
        with pytest.raises(JudgeFailed, match=str(LARGEST)) as caught:
            await server.post(b"{}", Used(5, 5))
        await server.close()

    assert caught.value.why is Why.GARBAGE


async def test_a_redirect_is_not_followed_and_no_cookie_is_kept() -> None:
    seen = []

    async def elsewhere(request: web.Request) -> web.Response:
        await request.read()
        seen.append((request.path, dict(request.cookies)))
        answer = web.Response(status=307, headers={"Location": "/elsewhere"})
        answer.set_cookie("session", "1")
        return answer

    async with listening(elsewhere) as url:
        server = Server(url, (), 5.0, lambda: 50.0)
        for _ in range(2):
            with pytest.raises(JudgeFailed):
                await server.post(b"{}", Used())
        await server.close()

    assert seen == [("/", {}), ("/", {})]
