"""The gateway's own errors, in the shape each family of dialects has for them."""

import json

import pytest

from gateway.answers.dialects import FAMILIES
from gateway.domain.errors import GatewayError, Refused, UpstreamFailed, UpstreamFull
from gateway.proxy.refuse import error_answer, shape_of

FAILED = UpstreamFailed("It failed.", remedy="Look at it.")
FULL = UpstreamFull("All is busy.", remedy="Wait.")
WRONG = Refused(400, "This is wrong.", remedy="Correct it.")
TEXT = "It failed. Look at it."


def _told(shape: str, error: GatewayError = FAILED) -> dict[str, object]:
    answer = error_answer(error, b"r-1", b"", close=False, bodiless=False, shape=shape)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-length: %d" % len(body) in head
    told: dict[str, object] = json.loads(body)
    return told


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        (
            "openai",
            {
                "error": {
                    "type": "upstream_error",
                    "message": TEXT,
                    "param": None,
                    "code": None,
                    "request_id": "r-1",
                }
            },
        ),
        (
            "anthropic",
            {
                "type": "error",
                "error": {"type": "api_error", "message": TEXT},
                "request_id": "r-1",
            },
        ),
        ("ollama", {"error": TEXT, "request_id": "r-1"}),
        ("kserve", {"error": TEXT, "request_id": "r-1"}),
        (
            "tgi",
            {"error": TEXT, "error_type": "upstream_error", "request_id": "r-1"},
        ),
        (
            "plain",
            {
                "error": {
                    "type": "upstream_error",
                    "message": TEXT,
                    "request_id": "r-1",
                }
            },
        ),
    ],
)
def test_an_error_has_the_shape_of_its_dialect(
    shape: str, told: dict[str, object]
) -> None:
    assert _told(shape) == told


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_tells_the_message_and_the_request(family: str) -> None:
    """A family that is new too, for its clients read some message."""
    told = json.dumps(_told(family))
    assert TEXT in told
    assert "r-1" in told


@pytest.mark.parametrize(
    ("error", "kind"), [(FULL, "overloaded_error"), (WRONG, "invalid_request_error")]
)
def test_anthropics_clients_are_told_types_they_know(
    error: GatewayError, kind: str
) -> None:
    told = _told("anthropic", error)["error"]
    assert isinstance(told, dict)
    assert told["type"] == kind


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        (b"/v1/chat/completions", "openai"),
        (b"/v1/messages", "anthropic"),
        (b"/api/chat", "ollama"),
        (b"/v2/models/m/infer", "kserve"),
        (b"/generate_stream", "tgi"),
        (b"/other", "plain"),
        (b"", "plain"),
    ],
)
def test_where_no_service_was_found_the_path_tells_the_shape(
    path: bytes, shape: str
) -> None:
    assert shape_of(None, path) == shape
