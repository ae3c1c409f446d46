"""Any document gives a Deployment or a BadConfiguration, and never anything else."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.deployment import Deployment
from gateway.settings.load import load_document
from gateway.settings.problem import RejectedDocument
from gateway.settings.yaml_document import parse_yaml

FULL = """
listen: [{address: 127.0.0.1:8080}]
workers: auto
state: sqlite:state.db
trusted_proxies: [10.0.0.0/8]
admin: {listen: "127.0.0.1:8081", tokens: [{name: a, role: app, env: KEY}]}
limits: {head: 1KiB, idle: 5s}
access_log: ./access.log
telemetry: {otlp: {endpoint: "http://o:4318", headers: {a: {env: KEY}}, traces: 0.5}}
services:
  chat:
    match: {hosts: [a.example], paths: [/v1/]}
    sticky: [{header: a}, {json: /b}, client_ip, {cookie: c}]
    override: {from: [10.0.0.0/8]}
    failover: {'on': [connect, 502], hold: 1KiB, budget: {ratio: 0.1}, repeat: true}
    guard: {failures: 4, keys: 2, within: 5s}
    context: {json: /documents}
    signals: {names: [refusal, {name: x, header: a}, {name: y, json: /b}], sample: 0.5}
    segments:
      - {name: a, by: request_bytes, edges: [1, 2]}
      - {name: b, by: {header: x}, values: [y]}
      - {name: c, by: prompt, patterns: {d: "e|f"}}
    feedback: {deadline: 1h, signals: [z]}
    versions:
      v1:
        endpoints: [http://a/b]
        path_rewrite: {from: /a, to: /b}
        set_headers: {a: {env: KEY}}
        set_json: {/a: 1}
        timeouts: {connect: 1s}
        deadlines: {first_token: 1s}
        limits: {pending: 1}
        price: {input: 1, output: 2}
      v2: {endpoints: ["http://b"]}
    baseline: v1
    candidate: v2
    rollout:
      strategy: canary
      autostart: false
      steps:
        - setHeaderRoute: {name: a, match: [{headerName: b, headerValue: {regex: c}}]}
        - setMirrorRoute: {name: a, percentage: 1, match: [{headers: {d: {exact: e}}}]}
        - setWeight: 5
        - pause: {duration: 10m}
        - analysis: {duration: 1h}
        - setMirrorRoute: {name: a}
        - setWeight: 50
      mirror: {concurrency: 1, tokens_per_minute: null}
      analysis:
        alpha: 0.05
        window: auto
        closes: {after: 1m, exchanges: 2}
        metrics:
          - {signal: error_rate, importance: 3, margin: {relative: 1, absolute: 0.1}}
          - {signal: duration, statistic: p95, margin: {absolute: 50ms, relative: 1}, ceiling: 9s}
          - {signal: x, statistic: rate, worse: lower, on_failure: warn}
          - {signal: "feedback:z", worse: higher}
        require_segments: [a, {b: y}]
      rollback_steps: [20, 5]
  fixed:
    versions: {v1: {endpoints: ["http://a"]}, v2: {endpoints: ["http://b"]}}
    baseline: v1
    weights: {v2: 10}
"""

WORDS = st.sampled_from([
    *("listen", "admin", "services", "chat", "versions", "v1", "endpoints", "rollout"),
    *("http://[", "http://a:99999", "//", "[::1]:1", "1.2.3.4/99", "1e400", "٣", "\0"),
    *("setWeight", "pause", "duration", "p95", "rate", "a", "feedback:", "canary"),
    *("sqlite:\0", "/~", "env", "file", "from", "off", "auto", "9d", "1.0000001B"),
])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | WORDS
    | st.text(max_size=8)
)
VALUES = st.recursive(
    SCALARS | st.binary(max_size=2) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(WORDS | SCALARS, inner, max_size=3)
    ),
    max_leaves=8,
)


def _check(document: Any) -> None:
    try:
        deployment = load_document(
            document, source="any", environment={"KEY": "k" * 16}, cores=2
        )
    except RejectedDocument as error:
        assert error.problems
        assert str(error).encode()
    else:
        assert isinstance(deployment, Deployment)


def _places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
    return [place] + [
        found for key, item in inner for found in _places(item, (*place, key))
    ]


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_whatever_is_given_is_taken_or_refused(document: Any) -> None:
    """Also what is no mapping at all."""
    _check(document)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_stands_in_the_wrong_place_is_taken_or_refused(
    data: st.DataObject,
) -> None:
    """A valid document, with something else at one or two of its places."""
    document = yaml.safe_load(FULL)
    for _ in range(data.draw(st.integers(1, 2))):
        *outer, key = data.draw(st.sampled_from(_places(document)[1:]))
        parent = document
        for step in outer:
            parent = parent[step]
        parent[key] = data.draw(VALUES)

    _check(document)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab:-[]{}&*!<|>'\"#%@ \n\t?,0x_.~", max_size=40))
def test_whatever_text_is_given_is_yaml_or_refused(text: str) -> None:
    """The parser's own errors never come through."""
    try:
        parse_yaml(text, source="any")
    except RejectedDocument as error:
        assert str(error).startswith("any: ")


def test_the_document_that_is_changed_here_is_valid() -> None:
    """Else the test above it would prove little."""
    document = parse_yaml(FULL, source="full")
    assert isinstance(document, dict)

    deployment = load_document(
        document, source="full", environment={"KEY": "k" * 16}, cores=2
    )

    assert deployment.state.path == str(Path("state.db"))
