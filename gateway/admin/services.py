"""Services: how they are split, and setting their weights."""

from dataclasses import replace

from aiohttp import web

from gateway.admin.auth import caller
from gateway.admin.body import demand_json, json_object, revision_expected
from gateway.admin.errors import json_response
from gateway.admin.ports import Ports, Receipt
from gateway.admin.statistics import Json
from gateway.admin.view import service_view
from gateway.domain.errors import Refused
from gateway.handoff.routing_table import RoutedService
from gateway.telemetry.traffic import Traffic

_LONGEST_REASON = 500


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

    async def show_all(self, _request: web.Request) -> web.Response:
        """GET /api/v1/services; without the slices, which may be many."""
        table, traffic = self._gate.table, self._traffic()
        services = [self._view(routed, traffic) for routed in table.services]
        return json_response({"epoch": table.epoch, "services": services})

    async def show(self, request: web.Request) -> web.Response:
        """GET /api/v1/services/{service}."""
        name = request.match_info["service"]
        routed = self._gate.routed(name)
        traffic = replace(self._traffic(), slices=self._slices(name))
        view = self._view(routed, traffic)
        return json_response(view, headers={"ETag": f'"{routed.revision}"'})

    def _view(self, routed: RoutedService, traffic: Traffic) -> Json:
        return service_view(
            routed,
            epoch=self._gate.table.epoch,
            change=self._gate.change(routed.service.name),
            traffic=traffic,
            feedback=self._feedback,
            evidence=self._evidence,
        )

    async def set_weights(self, request: web.Request) -> web.Response:
        """PUT /api/v1/services/{service}/weights."""
        name = request.match_info["service"]
        receipt = await self._gate.set_weights(
            name,
            await json_object(request),
            revision=revision_expected(request),
            by=caller(),
            reason=_reason(request),
        )
        routed = next(r for r in receipt.table.services if r.service.name == name)
        document: Json = {
            "service": name,
            "weights": routed.percents(),
            "revision": routed.revision,
            **_receipt(receipt),
        }
        return json_response(document, headers={"ETag": f'"{routed.revision}"'})

    async def reload(self, request: web.Request) -> web.Response:
        """POST /api/v1/reload."""
        demand_json(request)
        receipt = await self._gate.reload()
        services = {
            routed.service.name: {
                "weights": routed.percents(),
                "revision": routed.revision,
            }
            for routed in receipt.table.services
        }
        return json_response({"services": services, **_receipt(receipt)})


def _receipt(receipt: Receipt) -> Json:
    return {
        "epoch": receipt.table.epoch,
        "workers": {
            "configured": receipt.configured,
            "connected": receipt.connected,
            "in_force": receipt.in_force,
        },
        "durable": receipt.durable,
    }


def _reason(request: web.Request) -> str:
    reason = request.query.get("reason", "")
    if len(reason) > _LONGEST_REASON:
        raise Refused(
            400,
            f"The reason has {len(reason)} characters.",
            remedy=f"Say it in {_LONGEST_REASON}.",
        )
    return reason
