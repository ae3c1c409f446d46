"""The admin API put together: every path there is, in one list."""

from aiohttp import web

from gateway.admin.auth import guard
from gateway.admin.body import LARGEST_BODY
from gateway.admin.errors import errors_as_json
from gateway.admin.feedback import FeedbackDoor
from gateway.admin.health import Health
from gateway.admin.judging import Examples
from gateway.admin.ports import Ports
from gateway.admin.rollouts import Rollouts
from gateway.admin.services import Services


def make_application(ports: Ports) -> web.Application:
    """Make the application; whoever calls this serves it."""
    application = web.Application(
        middlewares=[errors_as_json, guard(ports.gate)], client_max_size=LARGEST_BODY
    )
    health, services, door = Health(ports), Services(ports), FeedbackDoor(ports)
    rollouts, examples = Rollouts(ports), Examples(ports)
    application.add_routes([
        web.get("/healthz", health.alive),
        web.get("/readyz", health.ready),
        web.get("/metrics", health.metrics),
        web.get("/api/v1/services", services.show_all),
        web.get("/api/v1/services/{service}", services.show),
        web.put("/api/v1/services/{service}/weights", services.set_weights),
        web.get("/api/v1/services/{service}/analysis", rollouts.analysis),
        web.get("/api/v1/services/{service}/examples", examples.show),
        web.post("/api/v1/services/{service}/{action}", rollouts.act),
        web.get("/api/v1/journal", rollouts.journal),
        web.post("/api/v1/feedback", door.take),
        web.post("/api/v1/reload", services.reload),
    ])
    return application
