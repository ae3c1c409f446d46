"""Serves the demo's pretended servers: on loopback, on ports the system chooses."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

PATH: Final = "/v1/chat/completions"

Complete = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(complete: Complete) -> AsyncGenerator[str]:
    """Answer POST /v1/chat/completions with *complete*; give the URL before its path."""
    app = web.Application()
    app.router.add_post(PATH, complete)
    runner = web.AppRunner(app)
    try:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, shutdown_timeout=1.0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def tokens(text: str) -> int:
    """Count tokens; here a word is one."""
    return len(text.split())


def usage(asked: int, answered: int) -> dict[str, int]:
    """Report them as OpenAI's servers do."""
    return {
        "prompt_tokens": asked,
        "completion_tokens": answered,
        "total_tokens": asked + answered,
    }
