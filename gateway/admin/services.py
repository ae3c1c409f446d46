"""Services: how they are split, and setting their weights."""

from typing import cast

from aiohttp import web

from gateway.admin.auth import caller
from gateway.admin.body import demand_json, json_object, revision_expected
from gateway.admin.errors import json_response
from gateway.admin.ports import Ports
from gateway.admin.receipt import longest_reason, receipt_view
from gateway.admin.rollout_view import rollout_view
from gateway.admin.statistics import Json
from gateway.admin.view import segments_view, service_view
from gateway.handoff.routing_table import RoutedService
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

    async def show_all(self, _request: web.Request) -> web.Response:
        """GET /api/v1/services; without the slices, which may be many."""
        table, traffic = self._gate.table, self._traffic()
        services = [self._view(routed, traffic) for routed in table.services]
        return json_response({"epoch": table.epoch, "services": services})

    async def show(self, request: web.Request) -> web.Response:
        """GET /api/v1/services/{service}."""
        name = request.match_info["service"]
        routed = self._gate.routed(name)
        view = self._view(routed, self._traffic())
        segments = segments_view(routed.service, self._slices(name))
        versions = cast("dict[str, Json]", view["versions"])
        for version, shown in segments.items():
            versions[version]["segments"] = shown
        return json_response(view, headers={"ETag": f'"{routed.revision}"'})

    def _view(self, routed: RoutedService, traffic: Traffic) -> Json:
        name = routed.service.name
        view = service_view(
            routed,
            epoch=self._gate.table.epoch,
            change=self._gate.change(name),
            traffic=traffic,
            feedback=self._feedback,
            evidence=self._evidence,
        )
        protection = self._rollouts.protection(name)
        view["protection"] = protection
        view["rollout"] = rollout_view(
            self._rollouts.standing(name), protection, self._rollouts.shortage(name)
        )
        return view

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
        routed = next(r for r in receipt.table.services if r.service.name == name)
        document: Json = {
            "service": name,
            "weights": routed.percents(),
            "revision": routed.revision,
            **receipt_view(receipt),
        }
        return json_response(document, headers={"ETag": f'"{routed.revision}"'})

    async def reload(self, request: web.Request) -> web.Response:
        """POST /api/v1/reload."""
        demand_json(request)
        receipt = await self._rollouts.reload()
        services = {
            routed.service.name: {
                "weights": routed.percents(),
                "revision": routed.revision,
            }
            for routed in receipt.table.services
        }
        return json_response({"services": services, **receipt_view(receipt)})
