"""The JSON Schema for editors."""

import json
import re
from collections.abc import Iterator
from typing import Any

from gateway.answers.signals import SIGNALS
from gateway.domain.service import DEFAULT_SIGNALS, DialectChoice
from gateway.settings.schema import json_schema


def _properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for shape in (schema, *schema["$defs"].values()):
        yield from shape.get("properties", {}).items()


def test_every_key_is_described() -> None:
    """An editor shows it beside the cursor."""
    schema: dict[str, Any] = json_schema()

    assert all(entry.get("description") for _, entry in _properties(schema))


def test_unknown_keys_are_errors_in_the_editor_too() -> None:
    """And so are the planned ones, which are not in it."""
    schema: dict[str, Any] = json_schema()
    shapes = [schema, *schema["$defs"].values()]

    assert not [s for s in shapes if "properties" in s and s["additionalProperties"]]
    assert "targeting" not in schema["$defs"]["ServiceShape"]["properties"]
    assert "approvals" not in schema["$defs"]["RolloutShape"]["properties"]
    assert schema["required"] == ["listen", "admin", "services"]


def test_it_speaks_json_and_says_defaults_as_they_are_written() -> None:
    """Every default is one that a file could hold."""
    schema = json.loads(json.dumps(json_schema()))
    service = schema["$defs"]["ServiceShape"]["properties"]

    assert schema["properties"]["state"]["default"] == "sqlite:state.db"
    assert service["sticky"]["default"][0] == {"header": "x-user-id"}
    assert service["override"]["default"] == "off"


def test_its_patterns_accept_what_the_gateway_accepts() -> None:
    """They are the same, anchored."""
    version: dict[str, Any] = json_schema()["$defs"]["TimeoutsShape"]  # type: ignore[index]
    pattern = version["properties"]["connect"]["anyOf"][0]["pattern"]

    assert re.search(pattern, "1h30m")
    assert not re.search(pattern, "1h30")


def test_it_offers_every_dialect_signal_and_way_to_slice() -> None:
    """An editor completes them."""
    shapes: dict[str, Any] = json_schema()["$defs"]  # type: ignore[assignment]
    service, signals = shapes["ServiceShape"], shapes["SignalsShape"]
    segment = shapes["SegmentShape"]["properties"]["by"]

    assert service["properties"]["dialect"]["enum"] == [d.value for d in DialectChoice]
    assert set(signals["properties"]["names"]["items"]["anyOf"][0]["enum"]) >= {
        *SIGNALS,
        *DEFAULT_SIGNALS,
    }
    assert "request_bytes" in segment["anyOf"][0]["enum"]


def test_it_offers_the_steps_of_a_rollout_as_argo_spells_them() -> None:
    """An editor completes them."""
    shapes: dict[str, Any] = json_schema()["$defs"]  # type: ignore[assignment]
    steps = shapes["RolloutShape"]["properties"]["steps"]

    assert steps["default"] == [{"setWeight": n} for n in (5.0, 25.0, 50.0, 100.0)]
    assert list(shapes["StepShape"]["properties"]) == [
        "setWeight",
        "pause",
        "setHeaderRoute",
        "setMirrorRoute",
        "analysis",
    ]


def test_a_price_is_three_numbers_a_name_or_auto() -> None:
    """An editor completes them."""
    shapes: dict[str, Any] = json_schema()["$defs"]  # type: ignore[assignment]
    numbers, named, auto, none = shapes["VersionShape"]["properties"]["price"]["anyOf"]

    assert numbers == {"$ref": "#/$defs/PriceShape"}
    assert named["required"] == ["model"]
    assert set(named["properties"]) == {"model", "provider"}
    assert not named["additionalProperties"]
    assert (auto["const"], none["type"]) == ("auto", "null")
