"""Rollouts: what operators do to them, what is known of them, and what was decided."""

from typing import Final

from aiohttp import web

from gateway.admin.auth import caller
from gateway.admin.body import demand_json, json_object
from gateway.admin.errors import json_response
from gateway.admin.lanes import acted_view, joined
from gateway.admin.ports import Ports
from gateway.admin.receipt import longest_reason
from gateway.admin.rollout_view import analysis_view, entry_view, rollout_view
from gateway.admin.statistics import Json
from gateway.domain.errors import Refused

ACTIONS: Final = (
    "start", "pause", "resume", "promote", "abort", "retry", "kill", "unkill",
)  # fmt: skip
_MOST_ENTRIES: Final = 1000
_USUAL_ENTRIES: Final = 100
_KNOWN: Final = {"reason": str, "full": bool}
_EXAMPLE: Final = '{"reason": "why", "full": true}'


class Rollouts:
    """The handlers of a rollout's actions, its analysis, and the journal.

    Args:
        ports: See Ports.

    """

    def __init__(self, ports: Ports) -> None:
        self._gate = ports.gate
        self._rollouts = ports.rollouts

    async def act(self, request: web.Request) -> web.Response:
        """POST /api/v1/services/{service}/{action}."""
        name, action = request.match_info["service"], request.match_info["action"]
        lanes = self._gate.lanes(name)
        if action not in ACTIONS:
            raise Refused(
                404,
                f"A rollout has no action '{action:.40}'.",
                remedy=f"There is: {', '.join(ACTIONS)}.",
            )
        said = await _said(request)
        reason, full = str(said.get("reason", "")), said.get("full") is True
        act = self._rollouts.act_in_lanes if len(lanes) > 1 else self._rollouts.act
        acted = await act(name, action, by=caller(), reason=reason, full=full)
        return json_response(acted_view(name, acted))

    async def analysis(self, request: web.Request) -> web.Response:
        """GET /api/v1/services/{service}/analysis."""
        name = request.match_info["service"]
        lanes = self._gate.lanes(name)
        views = [await self._analysis(lane.service.name) for lane in lanes]
        return json_response(views[0] if len(views) == 1 else joined(name, views))

    async def _analysis(self, name: str) -> Json:
        examined = await self._rollouts.examined(name)
        standing = self._rollouts.standing(name)
        return {
            "service": name,
            "rollout": rollout_view(
                standing,
                self._rollouts.protection(name),
                self._rollouts.shortage(name),
            ),
            **analysis_view(examined),
        }

    async def journal(self, request: web.Request) -> web.Response:
        """GET /api/v1/journal?service=&after=&limit=, the oldest first."""
        service = request.query.get("service") or None
        entries = await self._rollouts.journal(
            service,
            after=_number(request, "after", 0),
            limit=min(_number(request, "limit", _USUAL_ENTRIES), _MOST_ENTRIES),
        )
        if service is not None and not entries:
            await self._demand_known(service)
        is_raw = request.query.get("raw") == "true"
        views = [entry_view(entry, is_raw=is_raw) for entry in entries]
        return json_response({"entries": views})

    async def _demand_known(self, service: str) -> None:
        """Refuse a name that nobody knows; of what is served no more there are entries."""
        if not await self._rollouts.journal(service, after=0, limit=1):
            self._gate.lanes(service)


async def _said(request: web.Request) -> dict[str, object]:
    if not request.body_exists:
        demand_json(request)
        return {}
    said = await json_object(request, example=_EXAMPLE)
    for key, value in said.items():
        if not isinstance(value, _KNOWN.get(key, ())):
            raise Refused(
                422,
                f"The body's {key!r:.40} is {value!r:.40}, which is not understood.",
                remedy=f"Send {_EXAMPLE}, each only if needed.",
            )
    longest_reason(str(said.get("reason", "")))
    return said


def _number(request: web.Request, name: str, otherwise: int) -> int:
    written = request.query.get(name, "")
    if not written:
        return otherwise
    if not (written.isascii() and written.isdigit()) or len(written) > len("9" * 15):
        raise Refused(
            400,
            f"{name} is {written!r:.40}, which is no number.",
            remedy="Send a whole number, 0 or more.",
        )
    return int(written)
