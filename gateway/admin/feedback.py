"""Feedback over HTTP: one piece, or a list of them with an answer for each."""

import asyncio
from typing import Final

import orjson
from aiohttp import web

from gateway.admin.body import demand_json
from gateway.admin.errors import json_response, kind_of
from gateway.admin.ports import Ports
from gateway.admin.statistics import Json
from gateway.domain.errors import Refused

MOST_AT_ONCE: Final = 1000
_LARGEST_BODY: Final = 512 * 1024
_TURN: Final = 100  # pieces, 3 ms, until others have their turn
_LONGEST_ID: Final = 128
_KEYS: Final = frozenset({"request_id", "signal", "value", "id"})
_EXAMPLE: Final = (
    'Send {"request_id": "…", "signal": "thumbs_up", "value": 1}, or a list of such.'
)


class FeedbackDoor:
    """The handler of /api/v1/feedback.

    Args:
        ports: See Ports.

    """

    def __init__(self, ports: Ports) -> None:
        self._desk = ports.feedback

    async def take(self, request: web.Request) -> web.Response:
        """POST /api/v1/feedback: 200 for a list that was read, whatever is in it."""
        document = await _document(request)
        if not isinstance(document, list):
            return json_response(self._taken(document))
        results: list[Json] = []
        for start in range(0, len(document), _TURN):
            results += map(self._result, document[start : start + _TURN])
            await asyncio.sleep(0)
        refused = sum("error" in result for result in results)
        return json_response({
            "taken": len(results) - refused,
            "refused": refused,
            "results": results,
        })

    def _result(self, piece: object) -> Json:
        try:
            return self._taken(piece)
        except Refused as refusal:
            error = {"type": kind_of(refusal), "message": str(refusal)}
            return {**_named(piece), "status": refusal.status, "error": error}

    def _taken(self, piece: object) -> Json:
        if not isinstance(piece, dict):
            raise Refused(400, "This is no JSON object.", remedy=_EXAMPLE)
        if unknown := piece.keys() - _KEYS:
            raise Refused(400, f"Unknown key {min(unknown)!r:.80}.", remedy=_EXAMPLE)
        request_id, signal = piece.get("request_id"), piece.get("signal")
        value = piece.get("value")
        if not isinstance(request_id, str) or not isinstance(signal, str):
            raise Refused(
                400, "`request_id` and `signal` must be strings.", remedy=_EXAMPLE
            )
        if not isinstance(value, int | float):
            raise Refused(
                400, "`value` must be a number, true or false.", remedy=_EXAMPLE
            )
        result = self._desk.take(request_id, signal, float(value))
        return {**_named(piece), "result": result}


def _named(piece: object) -> Json:
    """Give back the name the sender gave this piece, so that its answer is found."""
    name = piece.get("id") if isinstance(piece, dict) else None
    return {"id": name[:_LONGEST_ID]} if isinstance(name, str) else {}


async def _document(request: web.Request) -> object:
    demand_json(request)
    try:
        body = await request.clone(client_max_size=_LARGEST_BODY).read()
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(
            400, f"The body is not JSON ({error}).", remedy=_EXAMPLE
        ) from error
    except web.HTTPRequestEntityTooLarge as error:
        raise _too_much("The body is too large.") from error
    if isinstance(document, list) and len(document) > MOST_AT_ONCE:
        raise _too_much(f"There are {len(document)} pieces of feedback.")
    return document


def _too_much(what: str) -> Refused:
    remedy = f"Send at most {MOST_AT_ONCE} at once, in {_LARGEST_BODY // 1024} KiB."
    return Refused(413, what, remedy=remedy)
