"""What the server keeps: responses with `"store": true`, and conversations.

Only what is asked for by name: a response that nobody wants kept has the same id each time,
so that answers can be compared byte by byte. Another server knows nothing of any of it.
"""

import json
from typing import Any, Final

from loadtest.upstreams.request import Request
from loadtest.upstreams.speech import json_bytes

RESPONSES: Final = b"/v1/responses"
CONVERSATIONS: Final = b"/v1/conversations"
_MOST: Final = 100_000

Json = dict[str, Any]


class Kept:
    """Ids of one server, the newest."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0
        self._ids: dict[str, None] = {}

    def new(self, prefix: str) -> str:
        """Keep something new; give its id."""
        self._count += 1
        made = f"{prefix}_{self._name}_{self._count:08d}"
        self._ids[made] = None
        if len(self._ids) > _MOST:
            del self._ids[next(iter(self._ids))]
        return made

    def forget(self) -> None:
        """Know nothing any more."""
        self._ids.clear()

    def lacks(self, asked: Json) -> str | None:
        """Give what a request names and nobody knows here; None: all is known."""
        conversation = asked.get("conversation")
        if isinstance(conversation, dict):
            conversation = conversation.get("id")
        for name in (asked.get("previous_response_id"), conversation):
            if name is not None and name not in self._ids:
                return str(name)
        return None

    def answer(self, request: Request) -> tuple[int, bytes] | None:
        """Answer what is about kept things alone; None: it is about more."""
        if (request.method, request.path) == (b"POST", CONVERSATIONS):
            made = {"id": self.new("conv"), "object": "conversation"}
            return 200, json_bytes({**made, "created_at": 0, "metadata": {}})
        for path, kind in ((RESPONSES, "response"), (CONVERSATIONS, "conversation")):
            if request.method == b"GET" and request.path.startswith(path + b"/"):
                name = request.path[len(path) + 1 :].decode().partition("/")[0]
                if name not in self._ids:
                    return 404, unknown(name)
                return 200, json_bytes({"id": name, "object": kind, "output": []})
        return None


def asked_in(request: Request) -> Json:
    """Read a request's body; nothing where it is none of JSON, or a long one."""
    try:
        found = json.loads(bytes(request.body_start))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def unknown(name: str) -> bytes:
    """Make the body of a 404."""
    return json_bytes({
        "error": {
            "message": f"'{name}' not found.",
            "type": "invalid_request_error",
            "param": "previous_response_id",
            "code": "previous_response_not_found",
        }
    })
