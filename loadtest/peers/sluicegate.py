"""Ours. The supervisor, the controller and the one worker are all charged."""

from collections.abc import Sequence

from loadtest.peers.peer import Peer, Site

WORKER_MARK = "gateway.app.worker"
CONTROLLER_MARK = "gateway.app.controller"

_CONFIGURATION = """
listen: 127.0.0.1:{listen}
admin: {{listen: 127.0.0.1:{admin}}}
services:
  chat:
    versions:
      v1: {{endpoints: [http://127.0.0.1:{first}]}}
      v2: {{endpoints: [http://127.0.0.1:{second}]}}
    baseline: v1
    candidate: v2
    weights: {{v2: 50}}
    sticky: [{{header: x-user-id}}]
"""


def _prepare(site: Site, program: str) -> Sequence[str]:
    path = site.folder / "gateway.yaml"
    first, second = site.upstreams[:2]
    path.write_text(
        _CONFIGURATION.format(
            listen=site.listen, admin=site.admin, first=first, second=second
        )
    )
    return [program, "serve", path.name]  # it runs in the site's folder


SLUICEGATE = Peer(
    name="sluicegate",
    program="sluicegate",
    variable="LOADTEST_SLUICEGATE",
    prepare=_prepare,
    worker_mark=WORKER_MARK,
)
