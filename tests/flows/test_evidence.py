"""What the workers hand over of exchanges that a coin assigned."""

import asyncio
from collections.abc import Callable
from time import time as unix_time  # ruff: ignore[banned-api]: ids carry the date

import pytest

from gateway.domain.service import Deadlines
from gateway.domain.ticket_key import TicketKey
from gateway.domain.units import Seconds
from gateway.handoff.evidence import OVERDUE, Record
from gateway.handoff.ticket import Ticket, read
from tests.flows.chat import ask, asked, hanging, whole
from tests.flows.scripted import answering
from tests.flows.stage import Stage, service, table, until, version

SOON = Deadlines(first_token=Seconds(0.05))
NOT_SO_SOON = Deadlines(first_token=Seconds(0.5))
KEY = TicketKey(number=7, secret=b"s" * 32, made_at=0.0)
ALL_BUT_NONE = 99_999
"""A coin, though nearly all it says is the candidate."""


def taking(stage: Stage) -> tuple[list[Record], Callable[[], int]]:
    """Give a list, and what adds to it what was handed over since."""
    taken: list[Record] = []

    def take() -> int:
        taken.extend(r for block in stage.gateway.blocks() for r in block.records)
        return len(taken)

    return taken, take


async def serve_hanging(stage: Stage, deadlines: Deadlines) -> None:
    one, two = await answering(whole()), await hanging()
    chat = service(version("v1", one), version("v2", two, deadlines=deadlines))
    stage.serve(table(chat, share=ALL_BUT_NONE), one, two)


async def test_a_candidate_that_hangs_is_evidence_while_it_hangs(stage: Stage) -> None:
    await serve_hanging(stage, SOON)
    taken, take = taking(stage)
    client = await stage.client()

    await client.send(ask(asked(stream=True), b"X-User-Id: ann"))
    await client.read_head()
    assert await until(take)

    (record,) = taken
    assert stage.gateway.series("v2").in_flight == 1
    assert record.is_candidate
    assert (record.outcome, record.is_late) == (OVERDUE, True)
    client.close()
    assert await until(lambda: not stage.gateway.series("v2").in_flight)
    await asyncio.sleep(0)
    assert take() == 1


async def test_what_hangs_is_evidence_also_under_a_later_table(stage: Stage) -> None:
    """A weight that changes in the meantime saves no candidate."""
    await serve_hanging(stage, NOT_SO_SOON)
    taken, take = taking(stage)
    client = await stage.client()
    await client.send(ask(asked(stream=True), b"X-User-Id: ann"))
    await client.read_head()

    one = await answering(whole())
    chat = service(version("v1", one))
    assert not take()
    stage.gateway.use(table(chat, epoch=2))
    assert await until(take)

    assert [record.outcome for record in taken] == [OVERDUE]
    client.close()
    await one.stop()


@pytest.mark.parametrize("lines", [b"X-User-Id: ann", b""], ids=["key", "no key"])
async def test_an_id_names_the_unit_that_its_exchange_is_recorded_as(
    stage: Stage, lines: bytes
) -> None:
    """So that feedback finds it, also where there is no key."""
    one, two = await answering(whole()), await answering(whole())
    chat = service(version("v1", one), version("v2", two))
    stage.serve(table(chat, share=ALL_BUT_NONE, ticket_key=KEY), one, two)
    taken, take = taking(stage)

    got = await (await stage.client()).ask(ask(asked(), *([lines] if lines else [])))
    assert await until(take)

    ticket = read(
        got["x-sluicegate-request-id"].encode(), {KEY.number: KEY}, unix_time()
    )
    assert isinstance(ticket, Ticket)
    assert ticket.is_evidence
    assert ticket.fingerprint == taken[0].fingerprint != 0
    assert (taken[0].bucket is None) == (not lines)
