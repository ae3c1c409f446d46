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
    sticky: {sticky}
{reading}"""

# What all inspected runs have in common; price and usage make tokens and cost be counted.
_READ = """
    signals: {names: [refusal, repetition, json_validity]}
"""
_SAMPLED = (
    _READ
    + """
    evaluators:
      - {name: judge, kind: http, url: "http://127.0.0.1:9/", scores: [toxicity],
         sample: 0.1, per_minute: 1}
"""
)
_NOT_READ = """
    dialect: plain
"""


_BY_USER = "[{header: x-user-id}]"
_BY_REQUEST = "[]"  # of a user's requests the first alone would be sampled


def _preparation(
    reading: str, sticky: str = _BY_USER
) -> Callable[[Site, str], Sequence[str]]:
    def prepare(site: Site, program: str) -> Sequence[str]:
        path = site.folder / "gateway.yaml"
        first, second = site.upstreams[:2]
        path.write_text(
            _CONFIGURATION.format(
                listen=site.listen,
                admin=site.admin,
                first=first,
                second=second,
                sticky=sticky,
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

SLUICEGATE_KEYLESS = Peer(
    name="sluicegate-keyless",
    program="sluicegate",
    variable="LOADTEST_SLUICEGATE",
    prepare=_preparation(_READ, _BY_REQUEST),
    worker_mark=WORKER_MARK,
)
"""Each request on its own: what `sluicegate-sampled` is compared with."""

SLUICEGATE_SAMPLED = Peer(
    name="sluicegate-sampled",
    program="sluicegate",
    variable="LOADTEST_SLUICEGATE",
    prepare=_preparation(_SAMPLED, _BY_REQUEST),
    worker_mark=WORKER_MARK,
)
"""A tenth of the requests is sampled for an evaluator that hardly judges."""
