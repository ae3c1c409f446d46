"""What was written last is read back whole, or what was written before it."""

import os
import tempfile
from dataclasses import replace

from gateway.domain.deployment import (
    AccessLog,
    AccessLogKind,
    Address,
    Admin,
    Deployment,
    Otlp,
    Role,
    Telemetry,
    Token,
)
from gateway.domain.price import Price
from gateway.domain.segment import Segment, SegmentBy
from gateway.domain.service import (
    Deadlines,
    DialectChoice,
    Endpoint,
    Feedback,
    ReportedSignal,
    ReportPlace,
    Service,
    Signals,
    UsageRule,
    Version,
)
from gateway.domain.units import Bytes, Seconds, Share
from gateway.handoff.last_table import (
    Last,
    read_last,
    read_last_table,
    write_last,
)
from gateway.handoff.observations import Counted
from gateway.handoff.routing_table import RoutedService, RoutingTable

LOOPBACK = Address(host="127.0.0.1", port=1)
CHAT = Service(
    name="chat",
    versions=(
        Version(name="v1", endpoints=(Endpoint(url="http://h:1", host="h", port=1),)),
    ),
    baseline="v1",
)
DEPLOYMENT = Deployment(
    listen=(LOOPBACK,),
    admin=Admin(
        listen=LOOPBACK, tokens=(Token(name="ci", role=Role.OPERATOR, secret="do"),)
    ),
    services=(CHAT,),
)
ROUTED = RoutedService(service=CHAT, share=Share(0), salt="chat", revision=1)


def _last(epoch: int, proxies: int = 0) -> Last:
    table = RoutingTable(epoch=epoch, services=(ROUTED,))
    table = replace(table, trusted_proxies=("10.0.0.0/8",) * proxies)
    return Last(table=table, deployment=DEPLOYMENT, counted=Counted(refused={404: 2}))


SHORT, LONG = _last(1), _last(2, proxies=99)


def test_what_was_written_is_read_back_also_when_it_shrinks() -> None:
    with tempfile.TemporaryFile() as file:
        for last in (SHORT, LONG, SHORT, SHORT, LONG):
            write_last(file.fileno(), last)
            assert read_last(file.fileno()) == last
            assert read_last_table(file.fileno()) == last.table


def test_an_empty_file_has_nothing() -> None:
    with tempfile.TemporaryFile() as file:
        assert read_last(file.fileno()) is None
        assert read_last_table(file.fileno()) is None


def test_a_half_written_first_is_none() -> None:
    with tempfile.TemporaryFile() as file:
        write_last(file.fileno(), LONG)
        os.pwrite(file.fileno(), b"\0" * 40, 100)
        assert read_last_table(file.fileno()) is None
        os.ftruncate(file.fileno(), 50)
        assert read_last(file.fileno()) is None


def test_whoever_is_killed_while_it_writes_leaves_the_one_before() -> None:
    with tempfile.TemporaryFile() as file:
        for last in (SHORT, LONG):
            write_last(file.fileno(), last)
        os.ftruncate(file.fileno(), os.fstat(file.fileno()).st_size - 1)
        assert read_last(file.fileno()) == SHORT
        write_last(file.fileno(), LONG)
        assert read_last(file.fileno()) == LONG


def test_all_that_answers_are_read_by_is_read_back() -> None:
    read = replace(
        CHAT,
        versions=(
            replace(
                CHAT.versions[0],
                price=Price(input=0.15, output=1.0, cached_input=0.07),
                deadlines=Deadlines(first_token=Seconds(30.0)),
            ),
        ),
        dialect=DialectChoice.ANTHROPIC,
        usage=UsageRule.INJECT,
        context="/documents",
        signals=Signals(
            names=("refusal",),
            reported=(ReportedSignal(name="x", place=ReportPlace.JSON, key="/x"),),
            sample=0.5,
        ),
        feedback=Feedback(signals=("thumbs_up",)),
        segments=(
            Segment(name="size", by=SegmentBy.REQUEST_BYTES, edges=(Bytes(1024),)),
            Segment(name="topic", by=SegmentBy.PROMPT, patterns=(("a", "b|c"),)),
        ),
    )
    last = Last(
        table=RoutingTable(epoch=1, services=(replace(ROUTED, service=read),)),
        deployment=replace(
            DEPLOYMENT,
            services=(read,),
            access_log=AccessLog(kind=AccessLogKind.FILE, path="a.log"),
            telemetry=Telemetry(
                otlp=Otlp(endpoint="http://o", headers=(("a", "b"),), traces=1.0)
            ),
        ),
        counted=Counted(),
    )

    with tempfile.TemporaryFile() as file:
        write_last(file.fileno(), last)

        assert read_last(file.fileno()) == last
