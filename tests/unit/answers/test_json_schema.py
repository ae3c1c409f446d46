"""Schemas come from clients: none of them may fetch, run, recurse or blow up."""

import json
import time
from typing import Any

import pytest

from gateway.answers.json_schema import HEAVIEST, LARGEST, MOST_WORK, fits, is_checkable


def fit(schema: Any, value: object, characters: int = 100) -> bool | None:
    return fits(json.dumps(schema).encode(), value, characters)


def doubled(times: int, keyword: str = "allOf") -> dict[str, Any]:
    """Each definition stands twice in the one before: 2 ** times in all."""
    definitions: dict[str, Any] = {
        f"d{place}": {keyword: [{"$ref": f"#/$defs/d{place + 1}"}] * 2}
        for place in range(times)
    }
    definitions[f"d{times}"] = {"type": "string"}
    return {"$defs": definitions, "$ref": "#/$defs/d0"}


def nested(levels: int) -> object:
    value: object = {}
    for _ in range(levels):
        value = {"a": value}
    return value


def test_values_fit_or_do_not() -> None:
    assert fit({"type": "string", "maxLength": 2}, "ab") is True
    assert fit({"type": "string", "maxLength": 2}, "abc") is False


def test_a_catastrophic_pattern_is_matched_in_linear_time() -> None:
    """A backtracking engine would take 2 ** 4,000 steps."""
    assert fit({"pattern": "^(a+)+$"}, "a" * 4_000 + "!") is False
    assert fit({"pattern": "^(a+)+$"}, "a" * 4_000) is True


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"$ref": "file:///etc/hostname"},
        {"$ref": "other.json"},
        {"$id": "http://127.0.0.1:9/x", "$ref": "other.json"},
        {"$schema": "http://127.0.0.1:9/meta", "type": "string"},
        {"properties": {"a": {"$id": "http://127.0.0.1:9/x"}}},
    ],
)
def test_nothing_is_fetched(schema: dict[str, Any]) -> None:
    assert fit(schema, "x") is None


@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf"])
def test_references_that_double_are_weighed_before_they_are_compiled(
    keyword: str,
) -> None:
    assert fit(doubled(4, keyword), 1) is False
    assert fit(doubled(40, keyword), 1) is None


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
    ],
)  # fmt: skip
def test_references_in_a_circle_end(schema: dict[str, Any]) -> None:
    assert fit(schema, "x") is True


def test_a_recursive_schema_does_not_try_every_way_through_a_deep_value() -> None:
    """Two ways at each of 60 levels."""
    ways = [
        {"properties": {"a": {"$ref": "#/$defs/n"}}, "required": [name]}
        for name in ("y", "z")
    ]

    assert (
        fit({"$defs": {"n": {"anyOf": ways}}, "$ref": "#/$defs/n"}, nested(60)) is False
    )


def test_a_tree_is_checked_to_its_leaves() -> None:
    tree = {"properties": {"a": {"$ref": "#"}, "b": {"type": "integer"}}}

    assert fit(tree, {"a": {"a": {"b": 1}}}) is True
    assert fit(tree, {"a": {"a": {"b": "1"}}}) is False


def test_a_deep_a_large_and_a_heavy_schema_are_not_checked() -> None:
    assert fit(nested(900), {}) is None
    assert fits(b'{"title": "' + b"x" * LARGEST + b'"}', 1, 1) is None
    assert fit({"enum": list(range(HEAVIEST))}, 1) is None
    assert fit({"patternProperties": {f"a{n}": True for n in range(200)}}, {}) is None


def test_a_tree_with_many_kinds_of_nodes_is_not_too_heavy() -> None:
    """What is defined is weighed where it is referred to, not once more."""
    kinds = [
        {"properties": {"a": {"$ref": "#/$defs/n"}, "k": {"const": kind}}}
        for kind in range(40)
    ]

    assert fit({"$defs": {"n": {"anyOf": kinds}}, "$ref": "#/$defs/n"}, {"k": 39})


def test_what_is_only_called_a_definition_is_weighed() -> None:
    """A property may be named $defs, and be heavy."""
    assert fit({"properties": {"$defs": doubled(40)["$defs"]["d0"]}}, {}) is None
    heavy = {"properties": {"$defs": {"enum": list(range(HEAVIEST))}}}
    assert fit(heavy, {}) is None


def test_a_reference_through_a_document_within_the_document_is_not_followed() -> None:
    """There, `#` means another place."""
    inner = {"$id": "http://127.0.0.1:9/x", "properties": {"y": {"$ref": "#"}}}

    assert fit({"$defs": {"x": inner}, "$ref": "#/$defs/x/properties/y"}, 1) is None


def test_divisions_that_take_long_are_not_made() -> None:
    assert fit({"multipleOf": 0.01}, 0.03) is True
    assert fit({"multipleOf": 1e-308}, 3) is None
    assert fit({"allOf": [{"multipleOf": n} for n in range(2, 40)]}, 3) is None
    assert fit({"properties": {"multipleOf": {"type": "string"}}}, {}) is True


def test_the_work_of_schema_and_value_together_is_bounded() -> None:
    schema = json.dumps({"enum": list(range(HEAVIEST // 2))}).encode()

    assert is_checkable(schema, MOST_WORK // HEAVIEST)
    assert not is_checkable(schema, 3 * MOST_WORK // HEAVIEST)


FEW = "[" + ",".join("[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14]" for _ in range(100)) + "]"
NUMBERS = "[" + "1," * 2_000 + "1]"
LETTERS = '"' + "ab" * 2_000 + '"'


@pytest.mark.parametrize(
    ("one", "text"),
    [
        ({"items": {"uniqueItems": True}}, FEW),
        ({"uniqueItems": True}, FEW),
        ({"items": {"multipleOf": 0.01}}, NUMBERS),
        ({"pattern": "(a|b)*a(a|b){60}c"}, LETTERS),
    ],
    ids=["few items, unique", "many items, unique", "divided", "matched"],
)
def test_the_dearest_check_takes_no_longer_than_a_budget_of_signals(
    one: dict[str, Any], text: str
) -> None:
    """As often as the bounds allow; ten times what it should take is still a bound."""
    value = json.loads(text)
    schemas = [json.dumps({"allOf": [one] * n}).encode() for n in range(60, 0, -1)]
    schema = next(each for each in schemas if is_checkable(each, len(text)))
    fits(schema, value, len(text))  # compiled only once

    began = time.thread_time()
    fits(schema, value, len(text))

    assert time.thread_time() - began < 0.02


@pytest.mark.parametrize("dear", [{"uniqueItems": True}, {"multipleOf": 2}])
def test_what_takes_long_weighs_more(dear: dict[str, Any]) -> None:
    """450 arrays of 15 items, all unique, took 215 ms (measured)."""
    assert fit({"allOf": [dear] * 10}, [2]) is not None
    assert fit({"allOf": [dear] * 20}, [2]) is None


@pytest.mark.parametrize(
    "schema",
    [b"", b"[]", b"true", b"{", b"\xff", b'{"type": "nope"}', b'{"pattern": "("}'],
)
def test_what_is_no_schema_is_unknown(schema: bytes) -> None:
    assert fits(schema, {}, 2) is None


@pytest.mark.parametrize("value", [10**400, "\ud800", nested(500), [1.5, None, True]])
def test_any_value_is_answered(value: object) -> None:
    assert fit({"type": "object"}, value) in {True, False, None}
    assert fit({"minimum": 3}, value) in {True, False, None}


def test_escapes_in_references_are_read() -> None:
    schema = {"$defs": {"a/b": {"type": "string"}}, "$ref": "#/$defs/a~1b"}

    assert fit(schema, "x") is True
    assert fit(schema, 1) is False


def test_a_property_may_have_any_name() -> None:
    schema = {"properties": {"$ref": {"type": "string"}, "id": {"type": "string"}}}

    assert fit(schema, {"id": "x"}) is True
    assert fit(schema, {"id": 1}) is False
