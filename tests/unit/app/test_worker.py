"""A worker survives what goes wrong in its regular tasks."""

import asyncio

import pytest

from gateway.app import worker
from gateway.app.worker import Worker


async def test_what_fails_once_is_logged_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(worker, "_REST", 0.0)
    calls: list[int] = []
    enough = asyncio.Event()

    def act() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError("injected")
        enough.set()

    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        ticking = tasks.create_task(Worker._tick(0.0, act))
        await enough.wait()
        ticking.cancel()

    assert "ZeroDivisionError: injected" in caplog.text
