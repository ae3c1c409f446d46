"""Faults put into the controller's own work: it logs them and goes on."""

import asyncio
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.app.controller import Controller
from gateway.app.reading import read_deployment
from gateway.app.start import ControllerStart
from gateway.control.aggregate import Aggregate
from gateway.control.publish import Publisher
from gateway.control.switchboard import Switchboard
from gateway.domain.errors import BadConfiguration
from gateway.handoff.link import Applied, Hello, Link

PATIENCE_S = 4.0


@pytest.fixture
def start(tmp_path: Path) -> Iterator[ControllerStart]:
    """Give what a supervisor would, for a controller that is not served."""
    with tempfile.TemporaryFile() as table, socket.socket() as unused:
        yield ControllerStart(
            config_path=str(tmp_path / "gateway.yaml"),
            document=None,
            admin_fd=unused.fileno(),
            link_fd=unused.fileno(),
            table_fd=table.fileno(),
            lifeline_fd=unused.fileno(),
            data_addresses=[],
        )


async def test_a_fault_in_a_reload_is_logged_and_the_next_reload_is_obeyed(
    start: ControllerStart,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    controller = Controller(start)
    begun = asyncio.Semaphore(0)

    async def reload() -> None:
        await asyncio.sleep(0)
        begun.release()
        raise ZeroDivisionError

    monkeypatch.setattr(controller._gate, "reload", reload)
    async with asyncio.TaskGroup() as tasks:
        obeying = tasks.create_task(controller._obey())
        for _ in range(2):
            controller._wished.set()
            async with asyncio.timeout(PATIENCE_S):
                await begun.acquire()
        assert not obeying.done()
        obeying.cancel()

    assert "ZeroDivisionError" in caplog.text
    assert "A reload failed; the controller goes on" in caplog.text


def test_a_fault_over_a_workers_message_leaves_its_link_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = Publisher(lambda _table: None)
    board = Switchboard(
        publisher,
        Aggregate(),
        lambda _evidence: None,
        lambda _spans: None,
        lambda _samples: None,
    )
    link = Link(board.received, board.lost)

    def fail(*_anything: object) -> None:
        raise ZeroDivisionError

    board.received(link, Hello(worker=0, pid=1, table=None))
    monkeypatch.setattr(publisher, "applied", fail)
    board.received(link, Applied(epoch=1))
    monkeypatch.setattr(publisher, "lost", fail)
    board.lost(link)

    assert caplog.text.count("the controller goes on") == 2


async def test_a_file_that_cannot_be_read_in_time_is_refused_with_a_remedy(
    start: ControllerStart,
) -> None:
    assert start.config_path is not None
    os.mkfifo(start.config_path)

    with pytest.raises(BadConfiguration, match=r"in 0\.05 s\. Look at the disk"):
        await read_deployment(start, deadline_s=0.05)

    descriptor = os.open(start.config_path, os.O_RDWR)  # let the thread go
    os.close(descriptor)


def test_what_is_read_next_does_not_wait_for_what_hung(start: ControllerStart) -> None:
    """The thread that hangs is left behind."""
    assert start.config_path is not None
    path = Path(start.config_path)
    os.mkfifo(path)
    with pytest.raises(BadConfiguration):
        asyncio.run(read_deployment(start, deadline_s=0.05))
    hung = path.rename(path.with_suffix(".hung"))
    path.write_text(
        "listen: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\nservices:\n"
        "  chat: {baseline: v1, versions: {v1: {endpoints: [http://127.0.0.1:1]}}}\n"
    )

    deployment = asyncio.run(read_deployment(start))

    assert [service.name for service in deployment.services] == ["chat"]
    os.close(os.open(hung, os.O_RDWR))
