"""A model server that misbehaves: what the client sees, and what is counted."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.end_to_end.faults import (
    JSON_MODE,
    SCHEMA,
    TOOLS,
    USAGE,
    Fault,
    Ledger,
    ask,
    impatient,
)
from tests.end_to_end.running import ModelServer, running_gateway
from tests.flows.scripted import Client

Models = tuple[ModelServer, ModelServer]

TOLD = {"input": 12, "cached_input": 4, "output": 4}
COUNTED = {"output_estimated": 4}
WHOLE = {"input": 12, "cached_input": 4, "output": 10}

MESSAGES = "/v1/messages"
RESPONSES = "/v1/responses"
COMPLETIONS = "/v1/completions"
GENERATE = "/generate_stream"
INFER = "/v2/models/m/infer"
TRITON = "/v2/models/m/generate"

FAILS = "error=1,error_in_200"


@pytest.fixture(scope="module")
def ledger(
    _running_models: Models, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ledger]:
    """Give one running gateway for all tests of this file, and its counts."""
    document = impatient(_running_models[0])
    with running_gateway(document, tmp_path_factory.mktemp("faults")) as gateway:
        ledger = Ledger(gateway)
        yield ledger
        ledger.close()


@pytest.fixture
def server(models: Models) -> ModelServer:
    """Give the model server behind it."""
    return models[0]


STREAMS = [
    Fault(name="well_behaved", wish="events=6", tokens=COUNTED),
    Fault(name="with_usage", wish="events=6", more=USAGE, tokens=TOLD),
    Fault(name="slow_first_token", wish="events=6,first_token=0.5", tokens=COUNTED),
    Fault(
        name="head_then_slow",
        wish="events=6,first_token=0.3,early_head",
        tokens=COUNTED,
    ),
    Fault(
        name="usage_on_a_chunk_with_choices",
        wish="events=6,usage=misplaced",
        tokens=TOLD,
    ),
    Fault(name="running_totals", wish="events=6,usage=running", tokens=TOLD),
    Fault(
        name="running_totals_and_usage",
        wish="events=6,usage=running",
        more=USAGE,
        tokens=TOLD,
    ),
    Fault(
        name="lines_end_in_crlf", wish="events=6,crlf,comment", more=USAGE, tokens=TOLD
    ),
    Fault(
        name="in_pieces_of_13_bytes", wish="events=6,split=13", more=USAGE, tokens=TOLD
    ),
    Fault(
        name="gzip_though_identity_was_asked",
        wish="events=6,gzip",
        more=USAGE,
        tokens=TOLD,
    ),
    Fault(
        name="gzip_of_one_huge_event",
        wish="events=6,gzip,big_event=10MB",
        more=USAGE,
    ),
    Fault(
        name="one_event_of_10_MB",
        wish="events=6,big_event=10MB",
        more=USAGE,
        tokens=TOLD,
    ),
    Fault(
        name="nothing_but_one_event_of_10_MB",
        wish="events=3,big_event=10MB",
        more=USAGE,
        tokens={"input": 12, "cached_input": 4, "output": 1},
    ),
    Fault(
        name="json_that_is_partly_too_long_to_be_read",
        wish="events=4,big_event=2MB",
        more=JSON_MODE | USAGE,
        tokens={"input": 12, "cached_input": 4, "output": 2},
    ),
    Fault(
        name="cut",
        wish="events=6,cut=3",
        outcome="truncated",
        tokens={"output_estimated": 2},
        is_cut=True,
    ),
    Fault(
        name="cut_before_the_first_event",
        wish="events=6,cut=0",
        outcome="truncated",
        is_cut=True,
    ),
    Fault(
        name="cut_before_the_end_mark",
        wish="events=6,cut=9",
        outcome="truncated",
        tokens=COUNTED,
        is_cut=True,
    ),
    Fault(
        name="no_finish_reason",
        wish="events=6,no_finish",
        outcome="truncated",
        tokens=COUNTED,
    ),
    Fault(
        name="no_end_mark",
        wish="events=6,no_done",
        outcome="truncated",
        tokens=COUNTED,
    ),
    Fault(name="a_role_and_the_end", wish="events=1", outcome="truncated"),
    Fault(name="a_role_and_a_reason", wish="events=2", outcome="empty"),
    Fault(name="only_roles", wish="events=6,role_only", outcome="empty"),
    Fault(name="empty_texts", wish="events=6,says=empty", outcome="empty"),
    Fault(
        name="error_then_done",
        wish="events=6,error=1,error_in_200,error_after=3",
        outcome="stream_error",
        tokens={"output_estimated": 2},
    ),
    Fault(
        name="error_without_done",
        wish="events=6,error=1,error_in_200,error_after=3,no_done",
        outcome="stream_error",
        tokens={"output_estimated": 2},
    ),
    Fault(
        name="error_before_any_event",
        wish="events=6,error=1,error_in_200,error_after=0",
        outcome="stream_error",
    ),
    Fault(
        name="garbage",
        wish="events=6,garbage=3",
        outcome="stream_error",
        tokens=COUNTED,
    ),
    Fault(
        name="no_utf8",
        wish="events=6,bad_utf8=2",
        outcome="stream_error",
        tokens={"output_estimated": 3},
    ),
    Fault(name="loop", wish="events=40,says=loop", outcome="degenerate"),
    Fault(name="refusal_in_words", wish="events=6,refusal", outcome="refused"),
    Fault(name="refusal_of_its_own", wish="events=6,declines", outcome="refused"),
    Fault(name="length", wish="events=6,finish=length", outcome="length"),
    Fault(
        name="content_filter",
        wish="events=6,finish=content_filter",
        outcome="content_filter",
    ),
    Fault(name="json", wish="says=json", more=JSON_MODE),
    Fault(
        name="broken_json",
        wish="says=broken_json",
        more=JSON_MODE,
        outcome="invalid",
    ),
    Fault(name="no_json_at_all", more=JSON_MODE, outcome="invalid"),
    Fault(name="no_json_and_none_wanted", wish="says=broken_json"),
    Fault(name="json_that_fits", wish="says=json", more=SCHEMA),
    Fault(
        name="json_of_another_schema",
        wish="says=misfit_json",
        more=SCHEMA,
        outcome="invalid",
    ),
    Fault(name="tool_call", wish="tool=valid", more=TOOLS),
    Fault(
        name="tool_call_without_its_last_bracket",
        wish="tool=invalid",
        more=TOOLS,
        outcome="invalid",
    ),
    Fault(
        name="tool_call_that_does_not_fit",
        wish="tool=misfit",
        more=TOOLS,
        outcome="invalid",
    ),
    Fault(
        name="tool_that_was_not_offered",
        wish="tool=unknown",
        more=TOOLS,
        outcome="invalid",
    ),
]

WHOLES = [
    Fault(name="well_behaved", tokens=WHOLE),
    Fault(name="gzip_though_identity_was_asked", wish="gzip", tokens=WHOLE),
    Fault(name="no_usage", wish="usage=never"),
    Fault(name="error_in_200", wish="error=1,error_in_200", outcome="stream_error"),
    Fault(
        name="error_in_200_gzip",
        wish="error=1,error_in_200,gzip",
        outcome="stream_error",
    ),
    Fault(name="cut", wish="cut=1", outcome="truncated", is_cut=True),
    Fault(name="null_text", wish="role_only", outcome="empty", tokens=WHOLE),
    Fault(name="empty_text", wish="says=empty", outcome="empty", tokens=WHOLE),
    Fault(name="loop", wish="says=loop,text_bytes=400", outcome="degenerate"),
    Fault(name="refusal_in_words", wish="refusal,text_bytes=60", outcome="refused"),
    Fault(name="refusal_of_its_own", wish="declines", outcome="refused"),
    Fault(name="length", wish="finish=length", outcome="length"),
    Fault(
        name="content_filter", wish="finish=content_filter", outcome="content_filter"
    ),
    Fault(name="json_that_fits", wish="says=json", more=SCHEMA),
    Fault(
        name="broken_json", wish="says=broken_json", more=JSON_MODE, outcome="invalid"
    ),
    Fault(name="tool_call", wish="tool=valid", more=TOOLS),
    Fault(name="bad_tool_call", wish="tool=invalid", more=TOOLS, outcome="invalid"),
    Fault(name="longer_than_is_read", wish="huge=3MB"),
    Fault(name="server_error", wish="error=1", outcome="upstream_error", status=500),
    Fault(name="overload", wish="status=429", outcome="upstream_error", status=429),
    Fault(name="no_such_model", wish="status=404", outcome="client_error", status=404),
]

OTHER_DIALECTS = [
    Fault(
        name="anthropic_error",
        wish="events=6,error=1,error_in_200,error_after=5",
        outcome="stream_error",
        tokens={"input": 12, "cached_input": 4, "output_estimated": 2},
        path=MESSAGES,
    ),
    Fault(
        name="anthropic_garbage",
        wish="events=6,garbage=5",
        outcome="stream_error",
        tokens=TOLD,
        path=MESSAGES,
    ),
    Fault(name="anthropic_no_end", wish="no_done", outcome="truncated", path=MESSAGES),
    Fault(
        name="anthropic_cut",
        wish="cut=5",
        outcome="truncated",
        is_cut=True,
        path=MESSAGES,
    ),
    Fault(name="anthropic_refusal", wish="declines", outcome="refused", path=MESSAGES),
    Fault(
        name="anthropic_length",
        wish="events=6,finish=length",
        outcome="length",
        tokens=TOLD,
        path=MESSAGES,
    ),
    Fault(
        name="responses_failed",
        wish="events=6,error=1,error_in_200,error_after=6",
        outcome="stream_error",
        tokens={"output_estimated": 2},
        path=RESPONSES,
    ),
    Fault(name="responses_no_end", wish="no_done", outcome="truncated", path=RESPONSES),
    Fault(
        name="responses_incomplete",
        wish="events=6,finish=length",
        outcome="length",
        tokens=TOLD,
        path=RESPONSES,
    ),
    Fault(name="responses_refusal", wish="declines", outcome="refused", path=RESPONSES),
    Fault(
        name="completions",
        wish="events=6",
        more=USAGE,
        tokens=TOLD,
        path=COMPLETIONS,
    ),
    Fault(
        name="completions_error",
        wish=f"events=6,{FAILS},error_after=2",
        outcome="stream_error",
        tokens={"output_estimated": 2},
        path=COMPLETIONS,
    ),
    Fault(
        name="completions_cut",
        wish="events=6,cut=2",
        outcome="truncated",
        tokens={"output_estimated": 2},
        is_cut=True,
        path=COMPLETIONS,
    ),
    Fault(name="completions_whole", tokens=WHOLE, streamed=False, path=COMPLETIONS),
    Fault(
        name="tgi",
        wish="events=6",
        tokens={"input": 12, "output": 4},
        path=GENERATE,
    ),
    Fault(
        name="tgi_error",
        wish=f"events=6,{FAILS},error_after=2",
        outcome="stream_error",
        tokens={"output_estimated": 2},
        path=GENERATE,
    ),
    Fault(
        name="tgi_cut",
        wish="events=6,cut=2",
        outcome="truncated",
        tokens={"output_estimated": 2},
        is_cut=True,
        path=GENERATE,
    ),
    Fault(
        name="tgi_no_end",
        wish="events=6,no_done",
        outcome="truncated",
        tokens={"output_estimated": 4},
        path=GENERATE,
    ),
    Fault(name="tgi_whole_by_auto_is_not_read", streamed=False, path="/generate"),
    Fault(name="kserve", streamed=False, path=INFER),
    Fault(
        name="kserve_no_outputs",
        wish="says=empty",
        outcome="empty",
        streamed=False,
        path=INFER,
    ),
    Fault(
        name="kserve_error",
        wish=FAILS,
        outcome="stream_error",
        streamed=False,
        path=INFER,
    ),
    Fault(
        name="kserve_cut",
        wish="cut=1",
        outcome="truncated",
        is_cut=True,
        streamed=False,
        path=INFER,
    ),
    Fault(
        name="generate",
        tokens={"input": 12, "output": 10},
        streamed=False,
        path=TRITON,
    ),
    Fault(
        name="generate_stream",
        wish="events=6",
        tokens={"input": 12, "output": 4},
        path=f"{TRITON}_stream",
    ),
    Fault(
        name="generate_untold",
        wish="events=6,usage=never",
        tokens=COUNTED,
        path=f"{TRITON}_stream",
    ),
    Fault(
        name="generate_error",
        wish=f"events=6,{FAILS},error_after=2",
        outcome="stream_error",
        tokens={"input": 12, "output": 2},
        path=f"{TRITON}_stream",
    ),
    Fault(
        name="generate_cut",
        wish="events=6,cut=2",
        outcome="truncated",
        tokens={"input": 12, "output": 2},
        is_cut=True,
        path=f"{TRITON}_stream",
    ),
    Fault(
        name="generate_refused",
        wish="error=1",
        outcome="upstream_error",
        streamed=False,
        status=500,
        path=TRITON,
    ),
]


@pytest.mark.parametrize("fault", STREAMS, ids=str)
async def test_a_stream_passes_as_it_is_and_is_judged_by_what_came(
    ledger: Ledger, server: ModelServer, fault: Fault
) -> None:
    await passes_and_is_judged(ledger, server, fault)


@pytest.mark.parametrize("fault", WHOLES, ids=str)
async def test_a_whole_answer_passes_as_it_is_and_is_judged_by_what_came(
    ledger: Ledger, server: ModelServer, fault: Fault
) -> None:
    await passes_and_is_judged(ledger, server, replace(fault, streamed=False))


@pytest.mark.parametrize("fault", OTHER_DIALECTS, ids=str)
async def test_an_answer_in_another_dialect_is_judged_by_its_own_rules(
    ledger: Ledger, server: ModelServer, fault: Fault
) -> None:
    await passes_and_is_judged(ledger, server, fault)


async def passes_and_is_judged(
    ledger: Ledger, server: ModelServer, fault: Fault
) -> None:
    """Compare what a client is sent with what the server sends, and the counts."""
    sent = await ask(server.port, fault.request())
    with ledger.counts(fault.outcome, fault.tokens or None):
        got = await ask(ledger.gateway.data, fault.request())
    if fault.is_cut and fault.streamed:
        says_so(got.body, sent.body)
    else:
        assert got.body == sent.body
    assert got.is_cut == sent.is_cut == fault.is_cut
    assert got.status == sent.status == fault.status
    for name in ("content-type", "content-encoding"):
        assert got.values(name) == sent.values(name)


def says_so(got: bytes, sent: bytes) -> None:
    """Demand that what a client got is what was sent, and one event that tells why."""
    assert got.startswith(sent)
    *name, data = got[len(sent) :].removesuffix(b"\n\n").split(b"\n")
    assert name in ([], [b"event: error"])
    told = json.loads(data.removeprefix(b"data: "))
    assert "The model server of version" in str(told.get("error", told))


# Silence. Asked directly, such a server would keep a client for ever.


@pytest.mark.parametrize("events", [0, 3])
async def test_a_stream_that_stalls_is_cut_and_counted_as_truncated(
    ledger: Ledger, server: ModelServer, events: int
) -> None:
    said = await ask(server.port, Fault(name="", wish=f"cut={events}").request())
    with ledger.counts("truncated"):
        got = await ask(
            ledger.gateway.data, Fault(name="", wish=f"stall={events}").request()
        )
    assert got.is_cut
    says_so(got.body, said.body)
    assert server.stats()["open_connections"] <= 2  # this one's, and an idle one


async def test_a_server_that_never_answers_is_given_up(
    ledger: Ledger, server: ModelServer
) -> None:
    with ledger.counts("upstream_error", {}):
        got = await ask(ledger.gateway.data, Fault(name="", wish="hang").request())
    assert got.status == 504
    assert server.stats()["cancelled"] == 1


async def test_a_reset_reaches_the_client_as_a_cut(
    ledger: Ledger, server: ModelServer
) -> None:
    whole = await ask(server.port, Fault(name="", wish="cut=4").request())
    with ledger.counts("truncated"):
        got = await ask(
            ledger.gateway.data, Fault(name="", wish="cut=4,reset").request()
        )
    assert got.is_cut
    passed, _, _ = got.body.partition(b'data: {"error"')
    assert whole.body.startswith(passed)  # a reset may overtake what was sent


async def test_an_endpoint_that_was_cut_short_serves_the_next_request(
    ledger: Ledger, server: ModelServer
) -> None:
    client = await Client.connect(ledger.gateway.data)
    for wish in ("events=6", "events=6,error=1,error_in_200", "events=6"):
        outcome = "stream_error" if "error" in wish else "complete"
        with ledger.counts(outcome):
            got = await client.ask(Fault(name="", wish=wish).request())
        assert not got.is_cut
    client.close()
    assert server.stats()["requests"] == 3
