"""The shape of a service: `services.NAME`."""

from typing import Annotated, ClassVar, Final, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    PrivateAttr,
    model_validator,
)

from gateway.domain.evaluation import Evaluator
from gateway.domain.rollout import RolloutPlan
from gateway.domain.segment import MOST_SEGMENTS
from gateway.domain.service import (
    DEFAULT_STICKY,
    DEFAULT_UNSPLIT,
    DialectChoice,
    Service,
    StickySource,
)
from gateway.settings import names, several
from gateway.settings.addresses import network
from gateway.settings.evaluators import MOST as MOST_EVALUATORS
from gateway.settings.evaluators import in_plain, too_late
from gateway.settings.guards import Measured, scores_of
from gateway.settings.problem import raise_all, shown, wrong
from gateway.settings.provable import unprovable
from gateway.settings.roles import Roles, assign_roles, unruly
from gateway.settings.shapes.answers import (
    ContextShape,
    FeedbackShape,
    SignalsShape,
)
from gateway.settings.shapes.evaluator import EvaluatorShape
from gateway.settings.shapes.evaluator import told_apart as told_apart_judges
from gateway.settings.shapes.failover import FailoverShape, GuardShape, off_is_none
from gateway.settings.shapes.rollout import RolloutShape
from gateway.settings.shapes.samples import SamplesShape
from gateway.settings.shapes.segment import SegmentShape, told_apart
from gateway.settings.shapes.shape import (
    Name,
    NotEmpty,
    PathPrefix,
    Percent,
    Shape,
    Size,
    YesNo,
    schema,
    text_schema,
)
from gateway.settings.shapes.version import VersionShape
from gateway.settings.sticky import as_written, sticky_order, sticky_source
from gateway.settings.upgrades import upgrade

_DEFAULTS: Final = Service(name="", versions=(), baseline="")


def _off_is_none(value: object) -> object:
    if value is False or value == "off":
        return None
    if isinstance(value, dict | OverrideShape):
        return value
    raise wrong(
        f"found {shown(value)}.", "Write off, or {from: [10.0.0.0/8]} for who may."
    )


_Network = Annotated[str, PlainValidator(network), schema(type="string")]
_HostPattern = Annotated[str, PlainValidator(names.host_pattern), schema(type="string")]
_Source = Annotated[
    StickySource,
    PlainValidator(sticky_source),
    schema(
        anyOf=[
            {"const": "client_ip"},
            *(
                {
                    "type": "object",
                    "properties": {kind: {"type": "string", "pattern": pattern}},
                    "required": [kind],
                    "additionalProperties": False,
                }
                for kind, pattern in (
                    ("header", f"^{names.FIELD_NAME_PATTERN}$"),
                    ("json", f"^{names.POINTER_PATTERN}$"),
                    ("cookie", f"^{names.FIELD_NAME_PATTERN}$"),
                )
            ),
        ]
    ),
]
_OverrideHeader = Annotated[
    str, PlainValidator(names.header_name), text_schema(names.FIELD_NAME_PATTERN)
]


_Protocol = Annotated[
    str, PlainValidator(upgrade), schema(type="string", examples=["websocket"])
]


class MatchShape(Shape):
    """`match`."""

    later: ClassVar = {
        "headers": "Remove it; tell services apart by `hosts` and `paths`.",
        "models": "Remove it; tell services apart by `hosts` and `paths`.",
    }

    hosts: list[_HostPattern] = Field(
        default=[],
        description="Hosts, without port; *.example.com for all below. None: every.",
    )
    paths: list[PathPrefix] = Field(
        default=[],
        description="Path prefixes: /v1/ is all below it, /v1 also itself. None: every.",
    )


class OverrideShape(Shape):
    """`override`, when it is on."""

    header: _OverrideHeader = Field(
        default="x-sluicegate-version",
        description="The request header that names the version wanted.",
    )
    senders: Annotated[list[_Network], NotEmpty] = Field(
        alias="from",
        description="Networks whose requests may say so.",
        examples=[["10.0.0.0/8"]],
    )


class ServiceShape(Shape):
    """`services.NAME`."""

    later: ClassVar = {
        "targeting": "Remove it; `override` lets chosen senders pick a version.",
    }

    match: MatchShape = Field(
        default=MatchShape(),
        description="Which requests belong here; the first service that fits takes it.",
    )
    unsplit: list[PathPrefix] = Field(
        default=list(DEFAULT_UNSPLIT),
        description="Path prefixes that always go to the baseline.",
    )
    dialect: Annotated[
        str,
        PlainValidator(names.choice("dialect", names.DIALECTS)),
        schema(enum=list(names.DIALECTS)),
    ] = Field(
        default=_DEFAULTS.dialect.value,
        description="How answers are read: as the path tells, or always as one API.",
    )
    sticky: Annotated[list[_Source], AfterValidator(sticky_order)] = Field(
        default=list(DEFAULT_STICKY),
        description="Sources of the sticky key; the first that is present wins. None "
        "present: each request is on its own.",
        json_schema_extra={
            "default": [as_written(source) for source in DEFAULT_STICKY]
        },
    )
    json_limit: Size = Field(
        default=_DEFAULTS.json_limit,
        description="How much request body may be held, for json keys, set_json and a "
        "second try.",
    )
    versions: Annotated[dict[Name, VersionShape], NotEmpty] = Field(
        description="What can serve this service, by name.",
        examples=[{"v1": {"endpoints": ["http://127.0.0.1:9001"]}}],
    )
    usage: Annotated[
        str,
        PlainValidator(names.choice("usage", names.USAGE_RULES)),
        schema(enum=list(names.USAGE_RULES)),
    ] = Field(
        default=_DEFAULTS.usage.value,
        description="Token usage of streams: as the client asked, or inject: ask the "
        "upstream for it, and take it out of the answer again.",
    )
    context: ContextShape | None = Field(
        default=None,
        description="Where requests carry retrieved passages; null: where the dialect "
        "has them.",
    )
    segments: Annotated[list[SegmentShape], AfterValidator(told_apart)] = Field(
        default=[],
        description="Slices of the traffic that are looked at one by one.",
        json_schema_extra={"maxItems": MOST_SEGMENTS},
    )
    signals: SignalsShape = Field(
        default=SignalsShape(), description="What is measured in answers."
    )
    feedback: FeedbackShape = Field(
        default=FeedbackShape(),
        description="What is taken of feedback that comes later.",
    )
    evaluators: Annotated[list[EvaluatorShape], AfterValidator(told_apart_judges)] = (
        Field(
            default=[],
            description="Who judges sampled answers, off the data path; none: nobody.",
            json_schema_extra={"maxItems": MOST_EVALUATORS},
        )
    )
    samples: SamplesShape = Field(
        default=SamplesShape(),
        description="What may leave a worker of the texts that are judged.",
    )
    expose: YesNo = Field(
        default=_DEFAULTS.expose,
        description="Whether clients are told the version: x-sluicegate-version.",
    )
    override: Annotated[
        OverrideShape | None,
        BeforeValidator(
            _off_is_none, json_schema_input_type=OverrideShape | Literal["off", False]
        ),
    ] = Field(
        default=None,
        description="Lets chosen senders name the version they want.",
        json_schema_extra={"default": "off"},
    )
    failover: FailoverShape = Field(
        default=FailoverShape(),
        description="When a request is sent again, and to whom.",
    )
    guard: Annotated[
        GuardShape | None,
        BeforeValidator(
            off_is_none, json_schema_input_type=GuardShape | Literal["off", False]
        ),
    ] = Field(
        default=GuardShape(),
        description="When a worker sends a candidate's requests to the baseline on its "
        "own, for a while; off: never.",
    )
    upgrades: list[_Protocol] = Field(
        default=list(_DEFAULTS.upgrades),
        description="Protocols that a request may change its connection to, such as "
        "websocket; then it is a tunnel, of which nothing is read. Others are ignored.",
    )
    baseline: Name | None = Field(
        default=None,
        description="The version that gets every key nobody else gets. Required when "
        "there are several.",
    )
    candidate: Name | None = Field(
        default=None,
        description="The version under release. With two versions, the other one.",
    )
    candidates: list[Name] = Field(
        default=[],
        description="Versions that are compared with the baseline at the same time, with "
        "`strategy: ab`. A single one is the same as `candidate`.",
        json_schema_extra={"maxItems": several.MOST_CANDIDATES},
    )
    weights: dict[Name, Percent] = Field(
        default={},
        description="Percent of keys, by version; the baseline gets the rest.",
    )
    rollout: RolloutShape | None = Field(
        default=None,
        description="How the candidate takes over; null: `weights` and people decide.",
    )

    _roles: Roles = PrivateAttr()
    _plan: RolloutPlan | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _fits_together(self) -> "ServiceShape":
        raise_all(several.beside(self.candidates, self.candidate))
        raise_all(several.misfits(self.candidates, tuple(self.versions), self.baseline))
        first = self.candidates[0] if self.candidates else self.candidate
        self._roles = roles = assign_roles(
            tuple(self.versions), self.baseline, first, self.weights
        )
        judges = self.judges
        if self.dialect == DialectChoice.PLAIN.value:
            raise_all(in_plain(judges))
        if len(self.candidates) > 1:
            strategy = None if self.rollout is None else self.rollout.strategy
            raise_all(several.unled(self.candidates, strategy))
        if self.rollout is not None:
            raise_all(unruly(roles, self.weights))
            self._plan = self.rollout.plan_for(
                self._measured(), [each.segment for each in self.segments], self.lanes
            )
            raise_all(too_late(judges, self._plan))
            raise_all(unprovable(self._plan, self.feedback.deadline))
        return self

    @property
    def lanes(self) -> tuple[str, ...]:
        """The candidates, where there are several."""
        return tuple(self.candidates) if len(self.candidates) > 1 else ()

    def _measured(self) -> Measured:
        roles, entries = self._roles, self.signals.names
        return Measured(
            own=[entry for entry in entries if isinstance(entry, str)],
            reported=[each.name for each in entries if not isinstance(each, str)],
            feedback=self.feedback.signals,
            scores=scores_of(self.judges),
            is_read=self.dialect != DialectChoice.PLAIN.value,
            is_priced=all(
                version.price is not None
                for name, version in self.versions.items()
                if name in {roles.baseline, roles.candidate, *self.candidates}
            ),
        )

    @property
    def judges(self) -> list[Evaluator]:
        """Who judges answers."""
        return [each.evaluator for each in self.evaluators]

    @property
    def plan(self) -> RolloutPlan | None:
        """How the candidate takes over; None: `weights` and people decide."""
        return self._plan

    @property
    def roles(self) -> Roles:
        """Who is baseline, who candidate, at which weight."""
        return self._roles
