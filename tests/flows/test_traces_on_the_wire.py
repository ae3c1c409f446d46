"""What an endpoint is told about the trace a request belongs to."""

import re

from tests.flows.scripted import answering, get, ok
from tests.flows.stage import Stage

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


async def test_a_trace_begins_where_there_is_none(stage: Stage) -> None:
    """Also where there are two, or one that is not valid; no state is kept then."""
    upstream = await answering(ok())
    stage.serve_one(upstream)
    client = await stage.client()

    value = b"traceparent: 00-%b-%b-01" % (TRACE, PARENT)
    await client.ask(get())
    await client.ask(get(b"/", value, value, b"tracestate: a=1"))
    await client.ask(get(b"/", value[:-3] + b"-0", b"tracestate: a=1"))

    values = [request["traceparent"] for request in upstream.requests]
    assert all(re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", v) for v in values)
    assert len({value[3:35] for value in values} - {TRACE.decode()}) == 3
    assert not any("tracestate" in request for request in upstream.requests)
