"""Which requests may be sent to a second server."""

import pytest

from gateway.answers.dialects import DIALECTS
from gateway.answers.side_effects import may_be_copied

CHAT, RESPONSES, KSERVE = (
    DIALECTS[name] for name in ("openai_chat", "openai_responses", "kserve")
)


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m","messages":[{"role":"user","content":"Hi"}]}',
        b'{"messages":[],"tools":[],"functions":null,"store":false}',
        b'{"messages":[{"role":"user","content":"what are \\"tools\\"?"}]}',
        b' {"prompt":"\xc3\xa9","parameters":{"temperature":1}}',
    ],
)
def test_a_request_for_an_answer_may_be_copied(body: bytes) -> None:
    assert may_be_copied(CHAT, body)


@pytest.mark.parametrize(
    "member",
    [
        b'"tools":[{"type":"function","function":{"name":"pay"}}]',
        b'"tools":[{"type":"web_search"}]',
        b'"functions":[{"name":"pay"}]',
        b'"mcp_servers":[{"url":"https://mcp.example"}]',
        b'"container":"c-1"',
        b'"store":true',
        b'"web_search_options":{"search_context_size":"low"}',
        b'"input":[{"type":"item_reference","id":"i"}]',
        b'"messages":[{"content":[{"type":"file","file":{"file_id":"f"}}]}]',
    ],
)
def test_tools_and_what_one_server_keeps_may_not(member: bytes) -> None:
    assert not may_be_copied(CHAT, b'{"model":"m",%b}' % member)


@pytest.mark.parametrize(
    ("body", "may"),
    [
        (b'{"input":"Hi"}', False),  # stored, where nothing is said
        (b'{"input":"Hi","store":true}', False),
        (b'{"input":"Hi","store":false}', True),
        (b'{"input":"Hi","store":false,"previous_response_id":"r"}', False),
        (b'{"input":"Hi","store":false,"conversation":{"id":"c"}}', False),
        (b'{"input":"Hi","store":false,"background":true}', False),
    ],
)
def test_a_response_may_when_the_server_need_not_keep_it(
    body: bytes, may: bool
) -> None:
    assert may_be_copied(RESPONSES, body) is may


@pytest.mark.parametrize(
    ("parameters", "may"),
    [
        (b"{}", True),
        (b'{"sequence_id":0}', True),
        (b'{"sequence_id":7}', False),
        (b'{"sequence_id":"s"}', False),
        (b"[1]", False),
    ],
)
def test_a_step_of_a_sequence_may_not(parameters: bytes, may: bool) -> None:
    body = b'{"inputs":[],"parameters":%b}' % parameters

    assert may_be_copied(KSERVE, body) is may


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[]", b'{"a":', b"[" * 5000])
def test_what_cannot_be_read_may_not(body: bytes) -> None:
    assert not may_be_copied(CHAT, body)
