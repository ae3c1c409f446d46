"""Whether a request may be sent to a second server, whose answer nobody sees.

Not when more comes of it than an answer, or when only one server can give it: tools that
a server runs, a conversation or files it keeps, an answer it stores. What a request
means is told by the names of its members, in all dialects alike; who is not sure is not
copied.

Sources: the OpenAI API reference (chat completions; responses, whose `store` is true
when left out), the Anthropic Messages API (container, mcp_servers), and Triton's
extension of KServe v2 for sequences (sequence_id).
"""

from typing import Final

import msgspec

from gateway.answers.dialect import Dialect
from gateway.answers.json_reader import UNREADABLE, is_filled

_EFFECTS: Final = frozenset({
    # Tools: the server runs some, and a call may be meant to be carried out.
    "tools",
    "functions",
    "mcp_servers",
    "web_search_options",
    # State that lives on one server, and state that is left behind there.
    "previous_response_id",
    "conversation",
    "container",
    "store",
    "background",
})
_KEPT_UNLESS_TOLD: Final = frozenset({"openai_responses"})
_SEQUENCE: Final = "sequence_id"
_REFERENCES: Final = (b'"file_id"', b'"item_reference"')
"""To what was uploaded, or said, on one server before; wherever they stand in a text."""

_members_of: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def may_be_copied(dialect: Dialect, body: bytes) -> bool:
    """Tell whether nothing but an answer comes of a request.

    Args:
        dialect: How it is read.
        body: As the client sent it. What is no JSON object may not be copied.

    """
    try:
        members = _members_of(body)
        inner = _members_of(members.get("parameters", b"{}"))
    except UNREADABLE:
        return False
    if any(name in _EFFECTS and is_filled(value) for name, value in members.items()):
        return False
    if dialect.name in _KEPT_UNLESS_TOLD and not _says_no(members.get("store")):
        return False
    if _SEQUENCE in inner and is_filled(inner[_SEQUENCE]):
        return False
    return not any(reference in body for reference in _REFERENCES)


def _says_no(value: msgspec.Raw | None) -> bool:
    return value is not None and bytes(value) == b"false"
