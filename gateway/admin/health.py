"""Alive, ready, and the numbers: what probes and scrapers ask.

Ready means that traffic flows. A gateway that is degraded (its store is lost, say)
is ready still, because taking it out of service would only harm; it says so in
`degraded`, and an alert belongs there.
"""

from typing import Final

from aiohttp import web

from gateway.admin.errors import json_response
from gateway.admin.ports import Ports

_READY: Final = 200
_NOT_READY: Final = 503


class Health:
    """The handlers of /healthz, /readyz and /metrics.

    Args:
        ports: See Ports.

    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def alive(self, _request: web.Request) -> web.Response:
        """GET /healthz: this process answers."""
        return json_response({"alive": True})

    async def ready(self, _request: web.Request) -> web.Response:
        """GET /readyz: 200 while a worker has a table in force, else 503."""
        condition = self._ports.condition()
        document = {
            "ready": not condition.reasons,
            "reasons": condition.reasons,
            "degraded": condition.degraded,
            "workers": {
                "configured": condition.workers,
                "connected": condition.connected,
                "in_force": condition.in_force,
            },
            "epoch": condition.epoch,
            "taking_up": condition.taking_up,
        }
        return json_response(
            document, status=_NOT_READY if condition.reasons else _READY
        )

    async def metrics(self, request: web.Request) -> web.Response:
        """GET /metrics: Prometheus or OpenMetrics text, as the scraper prefers."""
        body, content_type = self._ports.exposition(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})
