"""Services: how they are split, and setting their weights."""

from typing import cast

from aiohttp import web

from gateway.admin.auth import caller
from gateway.admin.body import demand_json, json_object, revision_expected
from gateway.admin.errors import json_response
from gateway.admin.judging import evaluators_view
from gateway.admin.lanes import lanes_view, newest_change, split_view
from gateway.admin.ports import Ports
from gateway.admin.receipt import longest_reason, receipt_view
from gateway.admin.statistics import Json
from gateway.admin.view import segments_view, service_view, sums_view
from gateway.telemetry.traffic import Traffic


class Services:
    """The handlers under /api/v1/services, and /api/v1/reload.

    Args:
        ports: See Ports.

    """

    def __init__(self, ports: Ports) -> None:
        self._gate = ports.gate
        self._traffic = ports.traffic
        self._slices = ports.slices
        self._feedback = ports.feedback.of
        self._evidence = ports.evidence
        self._rollouts = ports.rollouts
        self._judging = ports.judging
        self._warnings = ports.warnings

    async def show_all(self, _request: web.Request) -> web.Response:
        """GET /api/v1/services; without the slices, which may be many."""
        table, traffic = self._gate.table, self._traffic()
        services = [self._view(name, traffic) for name in table.by_name()]
        return json_response({
            "epoch": table.epoch,
            "services": services,
            "warnings": self._warnings(),
        })

    async def show(self, request: web.Request) -> web.Response:
        """GET /api/v1/services/{service}."""
        name = request.match_info["service"]
        service = self._gate.lanes(name)[0].service
        view = self._view(name, self._traffic())
        segments = segments_view(service, self._slices(service.known_as))
        versions = cast("dict[str, Json]", view["versions"])
        for version, shown in segments.items():
            versions[version]["segments"] = shown
        return json_response(view, headers={"ETag": f'"{view["revision"]}"'})

    def _view(self, name: str, traffic: Traffic) -> Json:
        """Show a service; or one lane of it, with the versions of the whole."""
        asked = self._gate.lanes(name)
        known_as = asked[0].service.known_as
        whole = self._gate.lanes(known_as)
        view = service_view(
            whole,
            epoch=self._gate.table.epoch,
            change=newest_change(asked, self._gate),
            traffic=traffic,
            feedback=self._feedback,
            evidence=self._evidence,
        )
        for version, shown in cast("dict[str, Json]", view["versions"]).items():
            shown["scores"] = sums_view(self._judging.scores(known_as, version))
        return {
            **view,
            "evaluators": evaluators_view(asked[0].service, self._judging, traffic),
            **lanes_view(asked, self._gate, self._rollouts),
        }

    async def set_weights(self, request: web.Request) -> web.Response:
        """PUT /api/v1/services/{service}/weights."""
        name = request.match_info["service"]
        receipt = await self._rollouts.set_weights(
            name,
            await json_object(request),
            revision=revision_expected(request),
            by=caller(),
            reason=longest_reason(request.query.get("reason", "")),
        )
        document: Json = {
            "service": name,
            **split_view(receipt.table, name),
            **receipt_view(receipt),
        }
        return json_response(document, headers={"ETag": f'"{document["revision"]}"'})

    async def reload(self, request: web.Request) -> web.Response:
        """POST /api/v1/reload."""
        demand_json(request)
        receipt = await self._rollouts.reload()
        table = receipt.table
        services = {name: split_view(table, name) for name in table.by_name()}
        return json_response({"services": services, **receipt_view(receipt)})
