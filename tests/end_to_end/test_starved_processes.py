"""Processes that run out of what a process needs, and signals that come too early."""

import http.client
import os
import resource
import signal
import time
import urllib.request
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from tests.end_to_end.conftest import Models
from tests.end_to_end.running import (
    PATIENCE_S,
    Gateway,
    call,
    configuration,
    running_gateway,
    until,
)

FILES = resource.RLIMIT_NOFILE
CONNECTIONS = "sluicegate_downstream_connections"


class Client:
    """A client connection that is made at once, and only once."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=PATIENCE_S
        )
        self._connection.connect()
        self._connection.auto_open = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def ask(self) -> http.client.HTTPResponse:
        """Make a request; its answer is small enough to be read later."""
        self._connection.request("GET", "/v1/models")
        return self._connection.getresponse()


def clients_of(gateway: Gateway) -> int:
    """Give how many client connections the workers have."""
    url = f"http://127.0.0.1:{gateway.admin}/metrics"
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        lines = answer.read().decode().splitlines()
    [value] = [line.split()[1] for line in lines if line.startswith(CONNECTIONS)]
    return int(float(value))


@contextmanager
def few_files(pid: int, most: int) -> Generator[None]:
    """Let a running process open no file beyond its first *most*."""
    soft, hard = resource.prlimit(pid, FILES)
    resource.prlimit(pid, FILES, (most, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, FILES, (soft, hard))


def test_a_supervisor_that_can_start_nothing_lives_on_and_heals(
    models: Models, tmp_path: Path
) -> None:
    document = configuration([server.url for server in models], workers=2)
    with running_gateway(document, tmp_path) as gateway:
        first, second = gateway.workers()
        with few_files(gateway.process.pid, 10):
            os.kill(first, signal.SIGKILL)
            until("told", lambda: "worker 0 cannot be started" in gateway.log())
            assert not gateway.has_ended()
            assert gateway.workers() == [second]
            assert call(gateway.data, "GET", "/v1/models")[0] == 200
        until("healed", lambda: gateway.has_new("worker", [first], count=2))
        assert second in gateway.workers()


def test_a_worker_ended_by_a_signal_without_a_name_is_replaced(
    models: Models, tmp_path: Path
) -> None:
    document = configuration([server.url for server in models])
    with running_gateway(document, tmp_path) as gateway:
        workers = gateway.workers()
        os.kill(workers[0], signal.SIGRTMIN + 1)
        until("replaced", lambda: gateway.has_new("worker", workers))
        assert f"signal {signal.SIGRTMIN + 1}" in gateway.log()


def test_a_reload_wished_for_while_the_controller_starts_is_done_then(
    models: Models, tmp_path: Path
) -> None:
    urls = [server.url for server in models]
    with running_gateway(configuration(urls, weight=10), tmp_path) as gateway:
        pid = gateway.controller()
        os.kill(pid, signal.SIGKILL)
        until("replaced", lambda: gateway.has_new("controller", [pid]))
        successor = gateway.controller()
        gateway.write(configuration(urls, weight=35))
        for _ in range(20):
            gateway.tell(signal.SIGHUP)
            time.sleep(0.02)
        until("reloaded", lambda: gateway.candidate_weight() == 35)
        assert gateway.controller() == successor


def test_what_the_gateway_lacks_is_a_503_and_not_the_endpoints_fault(
    models: Models, tmp_path: Path
) -> None:
    document = configuration([server.url for server in models], weight=0)
    with running_gateway(document, tmp_path) as gateway:
        [worker] = gateway.workers()
        with Client(gateway.data) as client:
            until("accepted", lambda: clients_of(gateway) == 1)
            with few_files(worker, 10):
                answer = client.ask()
            assert answer.status == 503
            assert answer.getheader("retry-after") == "1"
            assert b"ulimit -n" in answer.read()
            assert client.ask().status == 200
        assert gateway.workers() == [worker]


def test_a_worker_takes_no_more_clients_than_it_can_serve_and_tells_the_others(
    models: Models, tmp_path: Path
) -> None:
    document = configuration([server.url for server in models])
    with running_gateway(document, tmp_path) as gateway, ExitStack() as stack:
        [worker] = gateway.workers()
        stack.enter_context(few_files(worker, 200))
        clients = [stack.enter_context(Client(gateway.data)) for _ in range(300)]
        statuses = [client.ask().status for client in clients]
        assert statuses == [200] * 68 + [503] * 232
        assert gateway.log().count("Clients are turned away.") == 1
        for client in clients:
            client.close()
        until("let go", lambda: clients_of(gateway) == 0)
        assert stack.enter_context(Client(gateway.data)).ask().status == 200
        assert gateway.workers() == [worker]


def test_all_processes_may_open_as_many_files_as_the_system_lets_them(
    models: Models, tmp_path: Path
) -> None:
    soft, hard = resource.getrlimit(FILES)
    resource.setrlimit(FILES, (min(soft, 512), hard))
    try:
        document = configuration([server.url for server in models])
        with running_gateway(document, tmp_path) as gateway:
            for pid in (gateway.process.pid, gateway.controller(), *gateway.workers()):
                assert resource.prlimit(pid, FILES) == (hard, hard)
    finally:
        resource.setrlimit(FILES, (soft, hard))
