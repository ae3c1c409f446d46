"""What an endpoint is told about the trace a request belongs to."""

import re
from dataclasses import replace

from tests.flows.scripted import answering, get, ok
from tests.flows.stage import Stage, service, table, version

TRACE = b"4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = b"00f067aa0ba902b7"


async def test_a_clients_trace_goes_on_through_the_gateway(stage: Stage) -> None:
    """With a step between, whatever the case of the header's name."""
    upstream = await answering(ok())
    stage.serve_one(upstream)
    client = await stage.client()

    value = b"00-%b-%b-01" % (TRACE, PARENT)
    await client.ask(get(b"/", b"TraceParent: " + value, b"Tracestate: a=1"))

    (request,) = upstream.requests
    version, trace, parent, flags = request["traceparent"].split("-")
    assert (version, trace, flags) == ("00", TRACE.decode(), "01")
    assert parent != PARENT.decode()
    assert request["tracestate"] == "a=1"


async def asked_without_a_valid_parent(
    stage: Stage, traces: float | None
) -> list[dict[str, str]]:
    """Give the heads of three requests: with no parent, with two, with a broken one."""
    upstream = await answering(ok())
    first = table(service(version("v1", upstream)))
    stage.serve(replace(first, traces=traces), upstream)
    client = await stage.client()

    value = b"traceparent: 00-%b-%b-01" % (TRACE, PARENT)
    await client.ask(get())
    await client.ask(get(b"/", value, value, b"tracestate: a=1"))
    await client.ask(get(b"/", value[:-3] + b"-0", b"tracestate: a=1"))
    return [dict(request.fields) for request in upstream.requests]


async def test_a_trace_begins_where_there_is_none_and_some_are_recorded(
    stage: Stage,
) -> None:
    """Also where there are two, or one that is not valid; no state is kept then."""
    heads = await asked_without_a_valid_parent(stage, 0.0)

    values = [head["traceparent"] for head in heads]
    assert all(re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", v) for v in values)
    assert len({value[3:35] for value in values} - {TRACE.decode()}) == 3
    assert not any("tracestate" in head for head in heads)


async def test_no_trace_begins_where_none_is_recorded(stage: Stage) -> None:
    """A parent that says "not recorded" would silence the model server's own traces."""
    heads = await asked_without_a_valid_parent(stage, None)

    assert not any("traceparent" in head or "tracestate" in head for head in heads)
