"""What `sluicegate check` prints of a configuration that is valid."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from gateway.cli.understood import as_document, as_tables
from gateway.domain.deployment import (
    AccessLog,
    AccessLogKind,
    Address,
    Admin,
    Deployment,
    Otlp,
    Role,
    Telemetry,
    Token,
)
from gateway.domain.evaluation import Evaluator, EvaluatorKind, Score
from gateway.domain.price import Price
from gateway.domain.rollout import RolloutPlan, Strategy
from gateway.domain.segment import Segment, SegmentBy
from gateway.domain.service import (
    DialectChoice,
    Endpoint,
    ReportedSignal,
    ReportPlace,
    Service,
    Signals,
    UsageRule,
    Version,
)
from gateway.domain.units import Bytes, Share

SECRET = "do-not-show-this"


def _version(name: str, port: int) -> Version:
    url = f"http://127.0.0.1:{port}"
    endpoint = Endpoint(url=url, host="127.0.0.1", port=port)
    return Version(
        name=name, endpoints=(endpoint,), set_headers=(("authorization", SECRET),)
    )


@pytest.fixture
def deployment() -> Deployment:
    """Give one service, with secrets wherever they can be."""
    chat = Service(
        name="chat",
        versions=(_version("v1", 9001), _version("v2", 9002)),
        baseline="v1",
        candidate="v2",
        configured_share=Share(12_345),
    )
    return Deployment(
        listen=(Address(host="127.0.0.1", port=8080),),
        admin=Admin(
            listen=Address(host="::1", port=8081),
            tokens=(Token(name="ci", role=Role.OPERATOR, secret=SECRET),),
        ),
        services=(chat,),
        telemetry=Telemetry(
            otlp=Otlp(endpoint="http://o:4318", headers=(("api-key", SECRET),))
        ),
    )


def _printed(deployment: Deployment, width: int) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False)
    console.print(as_tables(deployment, source="gateway.yaml"))
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 200])
def test_listeners_versions_weights_and_sticky_sources_are_shown(
    deployment: Deployment, width: int
) -> None:
    """So that a misunderstanding is seen before traffic is."""
    lines = [
        " ".join(line.split()) for line in _printed(deployment, width).splitlines()
    ]
    assert lines[0] == "gateway.yaml is valid."
    assert "data 127.0.0.1:8080" in lines
    assert "admin [::1]:8081, ci (operator)" in lines
    assert "v1 baseline 87.655 % http://127.0.0.1:9001" in lines
    assert "v2 candidate 12.345 % http://127.0.0.1:9002" in lines
    assert (
        "chat, sticky by header x-user-id, json /safety_identifier, json /user" in lines
    )


def test_how_answers_are_read_is_shown(deployment: Deployment) -> None:
    """What is priced, measured and told apart costs nothing to check here."""
    (chat,) = deployment.services
    v1, v2 = chat.versions
    priced = replace(v1, price=Price(input=0.15, output=0.6))
    chat = replace(
        chat,
        versions=(priced, v2),
        dialect=DialectChoice.OPENAI,
        usage=UsageRule.INJECT,
        signals=Signals(
            names=("refusal",),
            reported=(ReportedSignal(name="x", place=ReportPlace.HEADER, key="x"),),
        ),
        segments=(
            Segment(name="size", by=SegmentBy.REQUEST_BYTES, edges=(Bytes(1024),)),
            Segment(name="[b]", by=SegmentBy.HEADER, key="x-a", values=("y",)),
        ),
        evaluators=(
            Evaluator(
                name="judge",
                kind=EvaluatorKind.LLM_JUDGE,
                scores=(Score(name="relevance"), Score(name="toxicity")),
                headers=(("Authorization", f"Bearer {SECRET}"),),
            ),
        ),
    )
    log = AccessLog(kind=AccessLogKind.FILE, path="/var/log/a")
    deployment = replace(deployment, services=(chat,), access_log=log)

    lines = [line.strip() for line in _printed(deployment, 200).splitlines()]

    assert "answers are read as openai, usage asked for; signals: refusal, x" in lines
    assert "v1 costs 0.15 (cached 0.15) in, 0.6 out, USD per million tokens" in lines
    assert "size by request_bytes: other, <1KiB, >=1KiB" in lines
    assert "[b] by header x-a: other, y" in lines
    assert "judge:relevance, judge:toxicity by llm_judge, on 5 % of the keys" in lines
    assert not [line for line in lines if SECRET in line]
    assert "access log  /var/log/a" in lines
    assert "telemetry   to http://o:4318" in lines
    match as_document(deployment):
        case {
            "access_log": "/var/log/a",
            "otlp": "http://o:4318",
            "services": [
                {
                    "dialect": "openai",
                    "usage": "inject",
                    "signals": ["refusal", "x"],
                    "segments": {"[b]": ["other", "y"]},
                    "prices": {"v1": {"output": 0.6, "cached_input": None}},
                    "evaluators": {
                        "judge": {"scores": ["relevance", "toxicity"], "sample": 0.05}
                    },
                }
            ],
        }:
            pass
        case other:
            pytest.fail(f"not what was understood: {other}")


def test_a_plain_service_promises_no_usage_and_no_signals(
    deployment: Deployment,
) -> None:
    """They may be set, and still nothing reads them."""
    (chat,) = deployment.services
    chat = replace(chat, dialect=DialectChoice.PLAIN, usage=UsageRule.INJECT)
    deployment = replace(deployment, services=(chat,))

    printed = _printed(deployment, 80)

    assert "usage and signals: not read" in printed
    assert "refusal" not in printed
    assert "usage asked for" not in printed
    match as_document(deployment):
        case {"services": [{"dialect": "plain", "usage": None, "signals": None}]}:
            pass
        case other:
            pytest.fail(f"not what was understood: {other}")


def test_no_secret_is_shown(deployment: Deployment) -> None:
    """What is printed ends up in logs."""
    assert SECRET not in _printed(deployment, 200)
    assert SECRET not in json.dumps(as_document(deployment))


def test_the_json_says_the_same(deployment: Deployment) -> None:
    """For a pipeline that compares."""
    document = as_document(deployment)
    assert document["listen"] == ["127.0.0.1:8080"]
    match document["services"]:
        case [{"name": "chat", "weights": weights}]:
            assert weights == {"v1": 87.655, "v2": 12.345}
        case other:
            pytest.fail(f"not the service: {other}")


def test_several_candidates_are_shown_as_one_service(deployment: Deployment) -> None:
    [chat] = deployment.services
    plan = RolloutPlan(strategy=Strategy.AB, lanes=("v2", "v3"))
    lanes = tuple(
        replace(
            chat,
            name=f"chat:{name}",
            candidate=name,
            versions=(*chat.versions, _version("v3", 9003)),
            configured_share=Share(0),
            rollout=plan,
        )
        for name in plan.lanes
    )

    document = as_document(replace(deployment, services=lanes))

    services = document["services"]
    assert isinstance(services, list)
    [shown] = services
    assert (shown["name"], shown["candidates"]) == ("chat", ["v2", "v3"])
    assert shown["weights"] == {"v1": 100.0, "v2": 0.0, "v3": 0.0}
