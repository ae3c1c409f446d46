"""What `sluicegate check` prints of a configuration that is valid."""

import io
import json

import pytest
from rich.console import Console

from gateway.cli.understood import as_document, as_tables
from gateway.domain.deployment import Address, Admin, Deployment, Role, Token
from gateway.domain.service import Endpoint, Service, Version
from gateway.domain.units import Share

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
