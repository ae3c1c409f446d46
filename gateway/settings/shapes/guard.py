"""The shapes of what guards a rollout: `rollout.analysis`."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field, PlainValidator, model_validator

from gateway.domain.rollout import (
    AnalysisPlan,
    CountedBy,
    MetricRule,
    OnFailure,
    Statistic,
    Worse,
)
from gateway.domain.units import Seconds
from gateway.settings import names, quantities, required
from gateway.settings.problem import Finding, raise_all, shown, wrong
from gateway.settings.rules import Draft
from gateway.settings.shapes.shape import (
    Duration,
    Percent,
    Shape,
    Wait,
    YesNo,
    schema,
)
from gateway.settings.signals import few

_ANALYSIS: Final = AnalysisPlan()
_RULE: Final = MetricRule(signal="")
_MOST_METRICS: Final = 64
_MOST_UNITS: Final = 1_000_000
_MOST_WASHED_OUT: Final = 10
_MOST_EXCHANGES: Final = _ANALYSIS.closes_exchanges  # workers record no more of a key
_SHORTEST_WINDOW: Final = 10
_WIDEST: Final = 100
_LEAST_IMPORTANT: Final = 0.001
_MOST_IMPORTANT: Final = 1000
_BY: Final = tuple(CountedBy)
_STATISTICS: Final = tuple(Statistic)
_WORSE: Final = tuple(Worse)
_ON_FAILURE: Final = tuple(OnFailure)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise wrong(f"found {shown(value)}.", "Write the name of a signal: error_rate.")


def _limit(value: object) -> float | str:
    """Leave a limit as it is written: its unit is its signal's."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    raise wrong(f"found {shown(value)}.", "Write a number, or a duration such as 30s.")


def _window(value: object) -> Seconds | None:
    if value == "auto":
        return None
    seconds = quantities.duration(value)
    if seconds < _SHORTEST_WINDOW:
        raise wrong(
            f"found {shown(value)}: each window has its own part of alpha.",
            f"Write auto, or at least {_SHORTEST_WINDOW} seconds.",
        )
    return seconds


_Limit = Annotated[
    float | str,
    PlainValidator(_limit),
    schema(
        anyOf=[
            {"type": "number", "minimum": 0},
            {"type": "string", "pattern": f"^{quantities.DURATION_PATTERN}$"},
        ]
    ),
]
_Chance = Annotated[
    float,
    PlainValidator(quantities.chance),
    schema(type="number", minimum=quantities.RAREST, maximum=quantities.LIKELIEST),
]
_Statistic = Annotated[
    str,
    PlainValidator(names.choice("statistic", _STATISTICS)),
    schema(enum=list(_STATISTICS)),
]
_Direction = Annotated[
    str, PlainValidator(names.choice("direction", _WORSE)), schema(enum=list(_WORSE))
]
_OnFailure = Annotated[
    str,
    PlainValidator(names.choice("action", _ON_FAILURE)),
    schema(enum=list(_ON_FAILURE)),
]
_Required = Annotated[
    required.RequiredSegment,
    PlainValidator(required.required_segment),
    schema(
        anyOf=[
            {"type": "string"},
            {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "minProperties": 1,
                "maxProperties": 1,
            },
        ]
    ),
]


def _whole(lowest: int, highest: int) -> tuple[PlainValidator, object]:
    return (
        PlainValidator(quantities.count(lowest, highest)),
        schema(type="integer", minimum=lowest, maximum=highest),
    )


class MarginShape(Shape):
    """`margin`."""

    relative: Annotated[
        float,
        PlainValidator(quantities.number(0, _WIDEST)),
        schema(type="number", minimum=0, maximum=_WIDEST),
    ] = Field(
        default=0.0, description="Part of the baseline's: 0.25 is a quarter worse."
    )
    absolute: _Limit = Field(
        default=0.0,
        description="Added to that, in the metric's unit: 0.005 is half a point of a "
        "rate.",
    )


class MetricShape(Shape):
    """An entry of `metrics`."""

    signal: Annotated[str, PlainValidator(_text), schema(type="string")] = Field(
        description="What is compared: error_rate, duration, cost, the name of an "
        "outcome or a signal, feedback:NAME.",
        examples=["error_rate"],
    )
    statistic: _Statistic | None = Field(
        default=None, description="What of it; null: as its kind has it."
    )
    worse: _Direction | None = Field(
        default=None, description="Which way is bad news; null: as the signal has it."
    )
    importance: Annotated[
        float,
        PlainValidator(quantities.number(_LEAST_IMPORTANT, _MOST_IMPORTANT)),
        schema(type="number", minimum=_LEAST_IMPORTANT, maximum=_MOST_IMPORTANT),
    ] = Field(
        default=_RULE.importance,
        description="Its weight when the chance of a false rollback is shared out.",
    )
    margin: MarginShape | None = Field(
        default=None,
        description="How much worse a candidate may be, to pass; null: by the ladder.",
    )
    on_failure: _OnFailure = Field(
        default=_RULE.on_failure.value, description="What is done when it regresses."
    )
    ceiling: _Limit | None = Field(
        default=None,
        description="Limit of the statistic in its unit, whatever the baseline does.",
    )

    @property
    def draft(self) -> Draft:
        """Give what was written, for completion."""
        return Draft(
            signal=self.signal,
            statistic=None if self.statistic is None else Statistic(self.statistic),
            worse=None if self.worse is None else Worse(self.worse),
            importance=self.importance,
            relative=None if self.margin is None else self.margin.relative,
            absolute=None if self.margin is None else self.margin.absolute,
            on_failure=OnFailure(self.on_failure),
            ceiling=self.ceiling,
        )


class ClosesShape(Shape):
    """`closes`."""

    after: Duration = Field(
        default=_ANALYSIS.closes_after,
        description="How long the exchanges of a key are added up for promotion.",
    )
    exchanges: Annotated[int, *_whole(1, _MOST_EXCHANGES)] = Field(
        default=_ANALYSIS.closes_exchanges, description="And how many of them."
    )
    grace: Wait = Field(
        default=_ANALYSIS.grace,
        description="How long exchanges that still run then are waited for.",
    )


class AnalysisShape(Shape):
    """`rollout.analysis`."""

    alpha: _Chance = Field(
        default=_ANALYSIS.alpha,
        description="Chance of a false rollback, over the whole rollout.",
    )
    beta: _Chance = Field(
        default=_ANALYSIS.beta,
        description="Chance that a step passes a candidate worse than its margin.",
    )
    unit: Annotated[
        str, PlainValidator(names.choice("unit", _BY)), schema(enum=list(_BY))
    ] = Field(
        default=_ANALYSIS.unit.value,
        description="What counts once: a sticky key, or each request.",
    )
    washout: Annotated[int, *_whole(0, _MOST_WASHED_OUT)] = Field(
        default=_ANALYSIS.washout,
        description="Exchanges of a key after a change of the weight that are no "
        "evidence of durations, tokens or cost.",
    )
    warmup: Wait = Field(
        default=_ANALYSIS.warmup, description="The same for requests without a key."
    )
    window: Annotated[
        Seconds | None,
        PlainValidator(_window),
        schema(
            anyOf=[
                {"const": "auto"},
                {"type": "string", "pattern": f"^{quantities.DURATION_PATTERN}$"},
                {"type": "number", "minimum": _SHORTEST_WINDOW},
            ]
        ),
    ] = Field(
        default=_ANALYSIS.window,
        description="After how long a key counts once more; auto: 10m, or a 200th of "
        "the longest the plan may take.",
        json_schema_extra={"default": "auto"},
    )
    closes: ClosesShape = Field(
        default=ClosesShape(),
        description="When a key's exchanges are added up, for promotion.",
    )
    minimum_units: Annotated[int, *_whole(1, _MOST_UNITS)] = Field(
        default=_ANALYSIS.minimum_units,
        description="Units of the candidate before any step may pass.",
    )
    dwell: Wait = Field(
        default=_ANALYSIS.dwell, description="Least time in a step that sets a weight."
    )
    step_timeout: Duration = Field(
        default=_ANALYSIS.step_timeout,
        description="A step that is not proven by then pauses, inconclusive.",
    )
    bake: Wait = Field(
        default=_ANALYSIS.bake,
        description="How long after the last step the baseline keeps `holdback`.",
    )
    holdback: Percent = Field(
        default=_ANALYSIS.holdback, description="The baseline's percent in that time."
    )
    watch: Wait = Field(
        default=_ANALYSIS.watch, description="How long a blue-green switch is watched."
    )
    strict: YesNo = Field(
        default=_ANALYSIS.strict,
        description="Whether the last step that compares has narrower margins.",
    )
    metrics: Annotated[list[MetricShape], AfterValidator(few(_MOST_METRICS))] = Field(
        default=[],
        description="What guards the rollout; none: the default metrics.",
        json_schema_extra={"maxItems": _MOST_METRICS},
    )
    require_segments: list[_Required] = Field(
        default=[],
        description="Segments that need `minimum_units` too: a name for all that it "
        "tells apart, or {name: value}.",
    )

    @model_validator(mode="after")
    def _fits(self) -> "AnalysisShape":
        raise_all(
            Finding(
                what=f"found {seconds:g} seconds, and a step lasts "
                f"{self.step_timeout:g} at most (step_timeout).",
                remedy="Write less, or a longer step_timeout.",
                at=at,
            )
            for at, seconds in (
                (("dwell",), self.dwell),
                (("closes", "after"), self.closes.after),
                (("closes", "grace"), self.closes.grace),
            )
            if seconds >= self.step_timeout
        )
        return self

    def plan(self) -> AnalysisPlan:
        """Give the domain's value, but for metrics and segments."""
        return AnalysisPlan(
            alpha=self.alpha,
            beta=self.beta,
            unit=CountedBy(self.unit),
            washout=self.washout,
            warmup=self.warmup,
            window=self.window,
            closes_after=self.closes.after,
            closes_exchanges=self.closes.exchanges,
            grace=self.closes.grace,
            minimum_units=self.minimum_units,
            dwell=self.dwell,
            step_timeout=self.step_timeout,
            bake=self.bake,
            holdback=self.holdback,
            watch=self.watch,
            strict=self.strict,
        )
