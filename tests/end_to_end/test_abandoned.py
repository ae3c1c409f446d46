"""Clients that leave, and answers that are too big: what they held is let go of at once."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from loadtest.processes import rss_bytes
from tests.end_to_end.faults import Fault, Ledger, ask, impatient
from tests.end_to_end.running import (
    ModelServer,
    running_gateway,
    tell,
    until,
    until_soon,
)
from tests.flows.scripted import Client

Models = tuple[ModelServer, ModelServer]

MEBI = 1024 * 1024
RELEASED_S = 0.1
TRIES = 3
"""Of several the quickest counts: the others tell what else the machine did."""

ENDLESS = "events=100000,interval=0.02"
NO_ANSWER = "first_token=30"
HEAD_ONLY = "first_token=30,early_head"


@pytest.fixture(scope="module")
def ledger(
    _running_models: Models, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ledger]:
    """Give one running gateway for all tests of this file, and its counts."""
    document = impatient(_running_models[0])
    timeouts = document["services"]["chat"]["versions"]["v1"]["timeouts"]
    timeouts |= {"first_byte": "60s", "idle": "60s"}
    with running_gateway(document, tmp_path_factory.mktemp("abandoned")) as gateway:
        ledger = Ledger(gateway)
        yield ledger
        ledger.close()


@pytest.fixture
def server(models: Models) -> ModelServer:
    """Give the model server behind it."""
    return models[0]


async def leave(
    ledger: Ledger, server: ModelServer, fault: Fault, *, after: bytes, reset: bool
) -> float:
    """Leave once *after* has come; give the seconds until the server was told."""
    asked = server.stats()["requests"]
    client = await Client.connect(ledger.gateway.data)
    await client.send(fault.request())
    if after:
        async with asyncio.timeout(10):
            await client.reader.readuntil(after)
    await until_soon("asked", lambda: server.stats()["requests"] > asked)
    cancelled = server.stats()["cancelled"]
    left = time.monotonic()
    if reset:
        client.reset()
    else:
        client.close()
    await until_soon("released", lambda: server.stats()["cancelled"] > cancelled)
    return float(server.stats()["cancelled_at"]) - left


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
@pytest.mark.parametrize(
    ("fault", "after"),
    [
        pytest.param(Fault(name="", wish=NO_ANSWER), b"", id="before_the_head"),
        pytest.param(
            Fault(name="", wish=HEAD_ONLY), b"\r\n\r\n", id="before_the_first_token"
        ),
        pytest.param(
            Fault(name="", wish=ENDLESS), b"tok0001", id="after_the_first_token"
        ),
        pytest.param(
            Fault(name="", wish=NO_ANSWER, streamed=False), b"", id="not_streamed"
        ),
        pytest.param(
            Fault(name="", wish="huge=1GB,interval=0.05", streamed=False),
            b"xxxx",
            id="not_streamed_half_way",
        ),
        pytest.param(
            Fault(name="", wish=ENDLESS, path="/v1/messages"),
            b"tok0001",
            id="anthropic",
        ),
    ],
)
async def test_who_leaves_is_counted_and_the_model_server_released_at_once(
    ledger: Ledger, server: ModelServer, fault: Fault, after: bytes, reset: bool
) -> None:
    with ledger.counts("client_cancelled", times=TRIES):
        took = [
            await leave(ledger, server, fault, after=after, reset=reset)
            for _ in range(TRIES)
        ]
    tell(f"released after {min(took) * 1e3:.1f} to {max(took) * 1e3:.1f} ms")
    assert min(took) < RELEASED_S
    assert server.stats()["cancelled"] == TRIES


async def test_who_leaves_after_an_error_event_is_judged_by_the_error(
    ledger: Ledger, server: ModelServer
) -> None:
    wish = "events=6,error=1,error_in_200,error_after=2,interval=0.5"
    with ledger.counts("stream_error", {"output_estimated": 1}):
        await leave(
            ledger, server, Fault(name="", wish=wish), after=b'"error"', reset=False
        )


async def test_who_leaves_before_the_end_has_left_though_all_was_said(
    ledger: Ledger, server: ModelServer
) -> None:
    """All but [DONE], which tells an answer from a part of it."""
    wish = "events=4,stall=4,interval=0.01"
    with ledger.counts("client_cancelled"):
        await leave(
            ledger, server, Fault(name="", wish=wish), after=b'"stop"', reset=False
        )


# Memory.


def resident(ledger: Ledger) -> int:
    """Give the memory of the worker, in bytes."""
    return rss_bytes(ledger.gateway.workers())


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        pytest.param(
            Fault(name="", wish="events=6,big_event=10MB"), "complete", id="long_event"
        ),
        pytest.param(
            Fault(name="", wish="events=6,big_event=10MB,gzip"),
            "complete",
            id="bomb",
        ),
        pytest.param(
            Fault(name="", wish="huge=10MB", streamed=False), "complete", id="huge"
        ),
        pytest.param(
            Fault(name="", wish="huge=10MB,cut=100", streamed=False),
            "truncated",
            id="huge_cut",
        ),
        pytest.param(
            Fault(name="", wish="events=3000,garbage=1"), "stream_error", id="garbage"
        ),
        pytest.param(
            Fault(name="", wish="events=2000,cut=1999"), "truncated", id="cut"
        ),
    ],
)
async def test_bad_answers_leave_no_memory_behind(
    ledger: Ledger, server: ModelServer, fault: Fault, outcome: str
) -> None:
    request, times = fault.request(), 12
    with ledger.counts(outcome, times=times // 2):
        for _ in range(times // 2):
            await ask(ledger.gateway.data, request)
    before = resident(ledger)
    with ledger.counts(outcome, times=times):
        for _ in range(times):
            await ask(ledger.gateway.data, request)
    growth = resident(ledger) - before
    tell(f"grew by {growth / MEBI:.2f} MiB in {times} exchanges")
    assert growth < 3 * MEBI


async def test_clients_that_leave_a_huge_event_half_way_leave_no_memory_behind(
    ledger: Ledger, server: ModelServer
) -> None:
    fault = Fault(name="", wish="events=6,big_event=10MB")

    async def abandon(times: int) -> None:
        for _ in range(times):
            # Small, so that the kernel cannot take the whole event off the gateway.
            client = await Client.connect(ledger.gateway.data, receive_buffer=65_536)
            await client.send(fault.request())
            await client.read_exactly(200_000)
            client.reset()
            await asyncio.sleep(0)  # the socket is closed in the loop's next turn

    with ledger.counts("client_cancelled", times=10):
        await abandon(10)
    before = resident(ledger)
    with ledger.counts("client_cancelled", times=20):
        await abandon(20)
    growth = resident(ledger) - before
    tell(f"grew by {growth / MEBI:.2f} MiB")
    assert growth < 3 * MEBI
    until("released", lambda: server.stats()["open_connections"] <= 2)
