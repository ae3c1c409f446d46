"""One thread for calls that block, so that the event loop never does.

A daemon thread and not an executor: an executor's threads are waited for when the
process ends, and a disk that hangs would keep it from ending.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class OneThread:
    """Runs calls one after another; a call that outlives its deadline blocks the next."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def call(self, work: Callable[[], T], *, deadline_s: float) -> T:
        """Run *work* in the thread and give its result.

        Raises:
            TimeoutError: It did not finish in time. If it had begun it goes on, and
                its result is dropped; if it had not, it never begins.

        """
        self._start()
        outcome: Future[T] = Future()
        self._calls.put(lambda: _run(work, outcome))
        async with asyncio.timeout(deadline_s):
            return await asyncio.wrap_future(outcome)

    def stop(self) -> None:
        """End the thread after the calls it has; it is started again by the next."""
        if self._thread is not None:
            self._calls.put(None)
            self._thread = None

    def _start(self) -> None:
        if self._thread is None:
            self._calls = SimpleQueue()
            self._thread = threading.Thread(
                target=_serve, args=(self._calls,), name=self._name, daemon=True
            )
            self._thread.start()


def _serve(calls: "SimpleQueue[Callable[[], None] | None]") -> None:
    while (call := calls.get()) is not None:
        call()


def _run(work: Callable[[], T], outcome: "Future[T]") -> None:
    if not outcome.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except Exception as error:  # ruff: ignore[blind-except]: handed to the caller, whatever it is
        outcome.set_exception(error)
    else:
        outcome.set_result(result)
