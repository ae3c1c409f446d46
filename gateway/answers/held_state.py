"""What a server keeps under an id: where requests name it, and answers give it.

A response is gone on from by `previous_response_id`, a conversation by `conversation`, and
both are asked for by path: /v1/responses/ID, /v1/conversations/ID/items. Source: the OpenAI
API reference, responses and conversations, which others implement too.

What else servers keep (files, vector stores, containers, items by `item_reference`) is not
told apart here.
"""

import re
from typing import Final, NamedTuple

import msgspec

from gateway.answers.json_reader import NO_JSON, JsonReader, Leaf, value_of

LONGEST_ID: Final = 128
"""Characters of an id; what is longer is no id."""

_RESPONSES: Final = b"responses"
_PATH: Final = re.compile(
    rb"/(responses|conversations)(?:/([^/]{1,%d})(?:/.*)?)?/?" % LONGEST_ID
)
_NAMES: Final = (b'"previous_response_id"', b'"conversation"')


class Naming(NamedTuple):
    """What a path says of state.

    Attributes:
        name: The id in it; b"" when there is none.
        is_body_asked: Whether a request's body may name state.
        is_made: Whether something new is kept after a POST, under an id in the answer.

    """

    name: bytes
    is_body_asked: bool
    is_made: bool


def naming_of(path: bytes) -> Naming | None:
    """Tell what a path says of state; None: it has nothing to do with any.

    Args:
        path: Of a request, without its query.

    """
    start = max(path.rfind(b"/responses"), path.rfind(b"/conversations"))
    found = None if start < 0 else _PATH.fullmatch(path, start)
    if found is None:
        return None
    is_response = found[1] == _RESPONSES
    name = found[2] or b""
    return Naming(name, is_body_asked=is_response, is_made=not name)


class _Named(msgspec.Struct, gc=False):
    previous_response_id: Leaf = None
    conversation: msgspec.Raw = NO_JSON


class _Made(msgspec.Struct, gc=False):
    id: Leaf = None


_REQUESTS: Final = JsonReader(_Named)
_ANSWERS: Final = JsonReader(_Made)


def named_in(body: bytes) -> bytes | None:
    """Give the id of the state that a request goes on from; None when it names none.

    Args:
        body: The whole of it. What is no JSON object names nothing.

    """
    if not any(name in body for name in _NAMES):
        return None
    asked = _REQUESTS.one(body)
    return (
        None
        if asked is None
        else state_of(asked.previous_response_id, asked.conversation)
    )


def state_of(previous: object, conversation: msgspec.Raw) -> bytes | None:
    """Give the id of what a request names: a response, or else a conversation."""
    named = value_of(conversation)
    found = named.get("id") if isinstance(named, dict) else named
    return id_in(previous) or id_in(found)


def made_in(body: bytes) -> bytes | None:
    """Give the id under which a whole answer is kept; None when it has none."""
    made = _ANSWERS.one(body)
    return None if made is None else id_in(made.id)


def id_in(found: object) -> bytes | None:
    """Give what may be an id; None of anything else."""
    if not isinstance(found, str) or not 0 < len(found) <= LONGEST_ID:
        return None
    return found.encode("utf-8", "surrogatepass")
