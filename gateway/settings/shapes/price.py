"""The shape of `price`: three numbers, or the name of the model that has them."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Final, Literal, TypeVar

from pydantic import (
    BeforeValidator,
    Field,
    JsonValue,
    PlainValidator,
    ValidationInfo,
)

from gateway.settings.prices import BY_NUMBERS, known_provider, price_of
from gateway.settings.problem import Wrong, raise_all, shown, text_of, unknown, wrong
from gateway.settings.quantities import DEAREST, price
from gateway.settings.shapes.shape import Shape, schema

_AUTO: Final = "auto"
_MODEL: Final = "/model"  # where every API of a provider has its model
_NAMED: Final = ("model", "provider")
_NUMBERS: Final = ("input", "cached_input", "output")
_REMEDY: Final = (
    f"Write {BY_NUMBERS}; {{model: gpt-4o-mini}}; or auto, for the model that set_json "
    "sets."
)
T = TypeVar("T")

_Number = Annotated[
    float,
    PlainValidator(price),
    schema(type="number", minimum=0, maximum=DEAREST),
]


class PriceShape(Shape):
    """`price`, in USD per million tokens."""

    input: _Number = Field(description="Tokens of the request.", examples=[0.15])
    cached_input: _Number | None = Field(
        default=None,
        description="Tokens of the request that the server had cached; null: as input.",
    )
    output: _Number = Field(description="Tokens of the answer.", examples=[0.60])


_ByName = Annotated[
    dict[str, str],
    schema(
        type="object",
        properties={
            "model": {
                "type": "string",
                "minLength": 1,
                "description": "As its provider calls it; looked up when the "
                "configuration is read.",
            },
            "provider": {
                "type": "string",
                "minLength": 1,
                "description": "Whose price it is; without one, one is found.",
            },
        },
        required=["model"],
        additionalProperties=False,
    ),
]


def _in_numbers(value: object, info: ValidationInfo) -> object:
    """Look up what is written as a name; numbers pass as they are. Raises Wrong."""
    if value is None or isinstance(value, PriceShape):
        return value
    if value == _AUTO:
        return _of_set_model(info.data.get("set_json"))
    if not isinstance(value, dict):
        raise wrong(f"found {shown(value)}.", _REMEDY)
    by_numbers = any(key in value for key in _NUMBERS)
    if by_numbers and any(key in value for key in _NAMED):
        raise wrong("found numbers beside the name of a model.", _REMEDY)
    return value if by_numbers or not value else _of_name(value)


def _of_set_model(set_json: dict[str, JsonValue] | None) -> object:
    if set_json is None:
        return None  # it is wrong itself, which is said there
    model = set_json.get(_MODEL)
    if not isinstance(model, str):
        raise wrong(
            f"found auto, but set_json of this version sets no name at {_MODEL}.",
            "Write set_json: {/model: gpt-4o-mini} beside it, or the name here: "
            "{model: gpt-4o-mini}.",
        )
    return asdict(price_of(model))


def _of_name(value: dict[str, object]) -> object:
    raise_all(
        unknown("key", key, (*_NUMBERS, *_NAMED)) for key in value if key not in _NAMED
    )
    if "model" not in value:
        raise wrong("missing.", "Add it, such as `model: gpt-4o-mini`.", at=("model",))
    given = value.get("provider")
    provider = None if given is None else _below("provider", _provider, given)
    return _below("model", lambda name: _price(name, provider), value["model"])


def _provider(value: object) -> str:
    return known_provider(text_of(value, "Write the name of a provider: openai."))


def _price(value: object, provider: str | None) -> object:
    model = text_of(value, "Write the name of a model: gpt-4o-mini.")
    return asdict(price_of(model, provider=provider))


def _below(key: str, read: Callable[[object], T], value: object) -> T:
    try:
        return read(value)
    except Wrong as error:
        raise Wrong(*(finding.below(key) for finding in error.findings)) from None


PriceOrName = Annotated[
    PriceShape | None,
    BeforeValidator(
        _in_numbers,
        json_schema_input_type=PriceShape | _ByName | Literal["auto"] | None,
    ),
]
