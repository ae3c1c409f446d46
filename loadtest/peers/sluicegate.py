"""Ours. The supervisor, the controller and the one worker are all charged."""

from collections.abc import Callable, Sequence

from loadtest.peers.peer import Peer, Site

WORKER_MARK = "gateway.app.worker"
CONTROLLER_MARK = "gateway.app.controller"

_CONFIGURATION = """
listen: 127.0.0.1:{listen}
admin: {{listen: 127.0.0.1:{admin}}}
services:
  chat:
    versions:
      v1:
        endpoints: [http://127.0.0.1:{first}]
        price: {{input: 0.15, output: 0.60}}
      v2:
        endpoints: [http://127.0.0.1:{second}]
        price: {{input: 0.15, output: 0.60}}
    baseline: v1
    candidate: v2
    weights: {{v2: 50}}
    sticky: [{{header: x-user-id}}]
{reading}"""

# What all inspected runs have in common; price and usage make tokens and cost be counted.
_READ = """
    signals: {names: [refusal, repetition, json_validity]}
"""
_NOT_READ = """
    dialect: plain
"""


def _preparation(reading: str) -> Callable[[Site, str], Sequence[str]]:
    def prepare(site: Site, program: str) -> Sequence[str]:
        path = site.folder / "gateway.yaml"
        first, second = site.upstreams[:2]
        path.write_text(
            _CONFIGURATION.format(
                listen=site.listen,
                admin=site.admin,
                first=first,
                second=second,
                reading=reading,
            )
        )
        # It runs in the site's folder; the code of its own environment, not this tree's.
        return ["env", "-u", "PYTHONPATH", program, "serve", path.name]

    return prepare


SLUICEGATE = Peer(
    name="sluicegate",
    program="sluicegate",
    variable="LOADTEST_SLUICEGATE",
    prepare=_preparation(_READ),
    worker_mark=WORKER_MARK,
)
"""As it is used: outcome, tokens, cost and cheap signals are read from every answer."""

SLUICEGATE_UNREAD = Peer(
    name="sluicegate-unread",
    program="sluicegate",
    variable="LOADTEST_SLUICEGATE",
    prepare=_preparation(_NOT_READ),
    worker_mark=WORKER_MARK,
)
"""Splitting and counting alone: what the reading costs is the difference."""

SLUICEGATE_COMPILED = Peer(
    name="sluicegate-compiled",
    program="sluicegate-compiled",
    variable="LOADTEST_SLUICEGATE_COMPILED",
    prepare=_preparation(_READ),
    worker_mark=WORKER_MARK,
)
"""The same as `sluicegate`, installed elsewhere with SLUICEGATE_COMPILE=1."""
