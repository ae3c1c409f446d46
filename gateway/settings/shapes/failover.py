"""The shapes of what protects clients from a candidate that fails: `failover`, `guard`."""

from typing import Annotated, Final

from pydantic import Field, PlainValidator, model_validator

from gateway.domain.failover import Budget, Failover, Guard, Why
from gateway.domain.service import Service
from gateway.settings.problem import shown, wrong
from gateway.settings.quantities import count, number
from gateway.settings.shapes.shape import (
    Duration,
    Part,
    Shape,
    Size,
    YesNo,
    schema,
)

_SERVICE: Final = Service(name="", versions=(), baseline="")
_DEFAULTS: Final = Failover()
_GUARD: Final = Guard()
_WHYS: Final = tuple(why.value for why in Why)
_MOST_PER_SECOND: Final = 1_000_000
_MOST_FAILURES: Final = 1_000


def _why(value: object) -> str:
    """Read what a version may fail with; 502 is a number in YAML, and means the same."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if (is_number or isinstance(value, str)) and str(value) in _WHYS:
        return str(value)
    raise wrong(f"found {shown(value)}.", f"Name some of: {', '.join(_WHYS)}.")


_Why = Annotated[str, PlainValidator(_why), schema(enum=[*_WHYS, 502, 503])]
_PerSecond = Annotated[
    float,
    PlainValidator(number(0, _MOST_PER_SECOND)),
    schema(type="number", minimum=0, maximum=_MOST_PER_SECOND),
]


class FailoverBudgetShape(Shape):
    """`failover.budget`."""

    ratio: Part = Field(
        default=_DEFAULTS.budget.ratio,
        description="Part of the service's requests of the last ten seconds.",
    )
    min_per_second: _PerSecond = Field(
        default=_DEFAULTS.budget.min_per_second,
        description="So many besides, however few requests there are.",
    )


class FailoverShape(Shape):
    """`failover`."""

    on: list[_Why] = Field(
        default=[why.value for why in _DEFAULTS.on],
        description="With what a candidate may fail, before any content, so that the "
        "baseline answers instead; []: with nothing.",
    )
    hold: Size = Field(
        default=_DEFAULTS.hold,
        description="Bytes of a candidate's stream that are held back until it has "
        "content, where `on` has error_event.",
    )
    budget: FailoverBudgetShape = Field(
        default=FailoverBudgetShape(),
        description="How many requests the baseline may answer in a candidate's place.",
    )
    repeat: YesNo = Field(
        default=_SERVICE.repeat,
        description="Whether any request, also a POST, is sent again when it may have "
        "been acted on: to the same version when a reused connection died before the "
        "answer began, and to the baseline.",
    )

    @property
    def rule(self) -> Failover:
        """When the baseline answers."""
        return Failover(
            on=tuple(dict.fromkeys(map(Why, self.on))),
            hold=self.hold,
            budget=Budget(
                ratio=self.budget.ratio, min_per_second=self.budget.min_per_second
            ),
        )


_Count = Annotated[
    int,
    PlainValidator(count(1, _MOST_FAILURES)),
    schema(type="integer", minimum=1, maximum=_MOST_FAILURES),
]


class GuardShape(Shape):
    """`guard`, when it is on."""

    failures: _Count = Field(
        default=_GUARD.failures,
        description="So many of a candidate's requests in a row failed before any content,",
    )
    keys: _Count = Field(
        default=_GUARD.keys, description="from so many sticky keys at least,"
    )
    within: Duration = Field(
        default=_GUARD.within,
        description="in so short a time, in which the baseline has answered.",
    )

    @model_validator(mode="after")
    def _can_trip(self) -> "GuardShape":
        if self.keys > self.failures:
            what = f"{self.keys} keys are more than {self.failures} failures can have."
            raise wrong(what, "Write at most as many keys as failures.")
        return self

    @property
    def rule(self) -> Guard:
        """When a worker diverts."""
        return Guard(failures=self.failures, keys=self.keys, within=self.within)


def off_is_none(value: object) -> object:
    """Read `off`; leave what is to be read as GuardShape."""
    if value is False or value == "off":
        return None
    if isinstance(value, dict | GuardShape):
        return value
    raise wrong(f"found {shown(value)}.", "Write off, or {failures: 5, keys: 3}.")
