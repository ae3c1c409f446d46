"""Ours, three times: as configured by default, reading nothing, and reading all.

The supervisor, the controller and the one worker are all charged.
"""

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
      v1: {{endpoints: [http://127.0.0.1:{first}]{price}}}
      v2: {{endpoints: [http://127.0.0.1:{second}]{price}}}
    baseline: v1
    candidate: v2
    weights: {{v2: 50}}
    sticky: [{{header: x-user-id}}]
{more}"""
_PRICE = ", price: {input: 0.15, cached_input: 0.07, output: 0.60}"
_READ_NOTHING = "    dialect: plain\n    signals: {names: []}\n"
_READ_ALL = "    signals: {names: [refusal, repetition, json_validity], sample: 1.0}\n"


def _preparation(
    price: str = "", more: str = ""
) -> Callable[[Site, str], Sequence[str]]:
    def prepare(site: Site, program: str) -> Sequence[str]:
        path = site.folder / "gateway.yaml"
        text = _CONFIGURATION.format(
            listen=site.listen,
            admin=site.admin,
            first=site.upstreams[0],
            second=site.upstreams[1],
            price=price,
            more=more,
        )
        path.write_text(text)
        return [program, "serve", path.name]  # it runs in the site's folder

    return prepare


def _peer(name: str, prepare: Callable[[Site, str], Sequence[str]]) -> Peer:
    return Peer(
        name=name,
        program="sluicegate",
        variable="LOADTEST_SLUICEGATE",
        prepare=prepare,
        worker_mark=WORKER_MARK,
    )


SLUICEGATE = _peer("sluicegate", _preparation())
SLUICEGATE_PLAIN = _peer("sluicegate-plain", _preparation(more=_READ_NOTHING))
SLUICEGATE_INSPECTED = _peer(
    "sluicegate-inspected", _preparation(price=_PRICE, more=_READ_ALL)
)
