"""The shapes of a rollout's steps, spelled as Argo Rollouts spells them."""

from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field, PlainValidator, PrivateAttr, model_validator

from gateway.domain.rollout import (
    Analyse,
    HeaderMatch,
    Pause,
    SetHeaderRoute,
    SetMirrorRoute,
    SetWeight,
    Step,
)
from gateway.domain.units import BUCKETS, Seconds, Share
from gateway.settings import names, quantities
from gateway.settings.problem import Finding, raise_all, wrong
from gateway.settings.segments import uncompiled
from gateway.settings.shapes.shape import (
    Name,
    Percent,
    Shape,
    duration_schema,
    schema,
    text_schema,
)

_LONGEST_VALUE: Final = 1000
_ELSEWHERE: Final = {
    "setCanaryScale": "The gateway starts and stops no servers",
    "experiment": "The gateway starts and stops no servers",
    "replicaProgressThreshold": "The gateway starts and stops no servers",
    "plugin": "The gateway has no plugins of Argo's",
}
"""Steps of Argo Rollouts that mean nothing here, and why."""

_ONE_KEY: Final = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})
_Header = Annotated[
    str, PlainValidator(names.matched_header), text_schema(names.FIELD_NAME_PATTERN)
]
_Value = Annotated[
    str,
    PlainValidator(names.header_text(_LONGEST_VALUE)),
    schema(type="string", minLength=1, maxLength=_LONGEST_VALUE),
]
_PauseDuration = Annotated[
    Seconds, PlainValidator(quantities.pause), duration_schema(quantities.LONGEST)
]


class HeaderValueShape(Shape):
    """`headerValue`: exactly one of three."""

    model_config = _ONE_KEY

    exact: _Value | None = Field(default=None, description="The whole value.")
    prefix: _Value | None = Field(default=None, description="How the value begins.")
    regex: _Value | None = Field(
        default=None,
        description="A regular expression that fits the whole value; repetitions are "
        "bounded: .{0,20}.",
    )

    @model_validator(mode="after")
    def _is_one(self) -> "HeaderValueShape":
        given = self.model_dump(exclude_none=True)
        if len(given) != 1:
            found = ", ".join(given) or "none of them"
            raise wrong(f"found {found}.", "Write one of: exact, prefix, regex.")
        if self.regex is not None:
            raise_all(
                finding.below("regex") for finding in uncompiled(("header", self.regex))
            )
        return self

    def match(self, header: str) -> HeaderMatch:
        """Say what *header* must be."""
        return HeaderMatch(
            name=header, exact=self.exact, prefix=self.prefix, regex=self.regex
        )


class HeaderMatchShape(Shape):
    """An entry of `setHeaderRoute.match`."""

    header: _Header = Field(
        alias="headerName", description="Of the request.", examples=["x-staff"]
    )
    value: HeaderValueShape = Field(
        alias="headerValue",
        description="What it must be: exact, prefix or regex.",
        examples=[{"exact": "1"}],
    )


class HeaderRouteShape(Shape):
    """`setHeaderRoute`."""

    name: Name = Field(
        description="Of the route; a later step of this name replaces it.",
        examples=["staff"],
    )
    match: list[HeaderMatchShape] = Field(
        default=[],
        description="Headers that must all fit; none: the route is removed.",
    )


class MirrorMatchShape(Shape):
    """An entry of `setMirrorRoute.match`."""

    later: ClassVar = {
        "method": "Remove it; choose requests by `headers`.",
        "path": "Remove it; choose requests by `headers`.",
    }

    headers: dict[_Header, HeaderValueShape] = Field(
        default={}, description="What headers must be, by name; all must fit."
    )


class MirrorRouteShape(Shape):
    """`setMirrorRoute`."""

    name: Name = Field(
        description="Of the route; a later step of this name replaces it.",
        examples=["shadow"],
    )
    percentage: Percent | None = Field(
        default=None,
        description="Percent of the baseline's requests that is copied. Left out: all that "
        "fit; with no match either, or 0: the route is removed.",
    )
    match: list[MirrorMatchShape] = Field(
        default=[],
        description="Which requests; one entry, whose headers must all fit.",
        json_schema_extra={"maxItems": 1},
    )

    @model_validator(mode="after")
    def _is_all(self) -> "MirrorRouteShape":
        if len(self.match) > 1:
            raise wrong(
                f"found {len(self.match)} entries, of which any would do.",
                "Write one entry, or a setMirrorRoute for each.",
                at=("match",),
            )
        return self


class PauseShape(Shape):
    """`pause`."""

    duration: _PauseDuration | None = Field(
        default=None, description="How long; null: until somebody resumes or promotes."
    )


class AnalysisStepShape(Shape):
    """`analysis` as a step."""

    later: ClassVar = {
        "templates": "Remove it; what is measured is under `rollout.analysis.metrics`.",
        "args": "Remove it; what is measured is under `rollout.analysis.metrics`.",
    }

    duration: _PauseDuration | None = Field(
        default=None,
        description="After how long without a regression it passes too; null: never.",
    )


class StepShape(Shape):
    """An entry of `rollout.steps`: exactly one key."""

    model_config = _ONE_KEY

    set_weight: Percent | None = Field(
        default=None,
        alias="setWeight",
        description="The candidate's percent of keys, until it is proven or the pause "
        "behind it is over.",
    )
    pause: PauseShape | None = Field(default=None, description="Waits.")
    set_header_route: HeaderRouteShape | None = Field(
        default=None,
        alias="setHeaderRoute",
        description="Sends requests with certain headers to the candidate.",
    )
    set_mirror_route: MirrorRouteShape | None = Field(
        default=None,
        alias="setMirrorRoute",
        description="Copies requests to the candidate, whose answers nobody sees.",
    )
    analysis: AnalysisStepShape | None = Field(
        default=None, description="Holds until every metric is proven, or for a time."
    )

    _step: Step = PrivateAttr()

    @model_validator(mode="before")
    @classmethod
    def _is_a_step(cls, value: object) -> object:
        if isinstance(value, dict):
            raise_all(_foreign(key) for key in value if key in _ELSEWHERE)
        return value

    @model_validator(mode="after")
    def _is_one(self) -> "StepShape":
        given = [
            field.alias or name
            for name, field in type(self).model_fields.items()
            if name in self.model_fields_set
        ]
        if len(given) != 1:
            found = ", ".join(given) or "none of them"
            raise wrong(
                f"found {found}.",
                "Write one key in each step, such as `- setWeight: 5` or `- pause: {}`.",
            )
        step = _step(self)
        if step is None:
            raise wrong(
                "found nothing.",
                "Write its value, as in `setWeight: 5` or `pause: {}`.",
                at=(given[0],),
            )
        self._step = step
        return self

    @property
    def step(self) -> Step:
        """Give the domain's value."""
        return self._step


def _foreign(key: str) -> Finding:
    return Finding(
        what=f"found {key}, a step that means nothing here. {_ELSEWHERE[key]}.",
        remedy="Remove it.",
        at=(key,),
    )


def _step(shape: StepShape) -> Step | None:
    if shape.set_weight is not None:
        return SetWeight(share=shape.set_weight)
    if shape.pause is not None:
        return Pause(duration=shape.pause.duration)
    if shape.analysis is not None:
        return Analyse(duration=shape.analysis.duration)
    return _route(shape)


def _route(shape: StepShape) -> SetHeaderRoute | SetMirrorRoute | None:
    if (route := shape.set_header_route) is not None:
        match = tuple(each.value.match(each.header) for each in route.match)
        return SetHeaderRoute(name=route.name, match=match)
    if (mirror := shape.set_mirror_route) is not None:
        return _mirror(mirror)
    return None


def _mirror(shape: MirrorRouteShape) -> SetMirrorRoute:
    everything = Share(BUCKETS if shape.match else 0)  # as Argo has it
    return SetMirrorRoute(
        name=shape.name,
        share=everything if shape.percentage is None else shape.percentage,
        match=tuple(
            value.match(header)
            for each in shape.match
            for header, value in each.headers.items()
        ),
    )
