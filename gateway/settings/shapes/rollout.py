"""The shape of `services.NAME.rollout`: how a candidate takes over."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Final

from pydantic import (
    AfterValidator,
    Field,
    JsonValue,
    PlainValidator,
    PrivateAttr,
    model_validator,
)

from gateway.domain.rollout import (
    DEFAULT_STEPS,
    Advance,
    MirrorLimits,
    OnRollback,
    RolloutPlan,
    SetWeight,
    Strategy,
)
from gateway.domain.segment import Segment
from gateway.domain.units import Share, percent_from_share
from gateway.settings import names, quantities, ramp, required, rules, several
from gateway.settings.guards import Measured
from gateway.settings.problem import Finding, Wrong, raise_all
from gateway.settings.shapes.guard import AnalysisShape
from gateway.settings.shapes.shape import (
    Duration,
    NotEmpty,
    Percent,
    Shape,
    YesNo,
    schema,
)
from gateway.settings.shapes.steps import StepShape
from gateway.settings.signals import few

_PLAN: Final = RolloutPlan()
_MIRROR: Final = MirrorLimits()
_MOST_COPIES: Final = 10_000
_MOST_TOKENS: Final = 1_000_000_000
_MOST_CONTROLS: Final = 50
_MOSTLY_PAIRS: Final = "The others tell what the candidate is like."
_STRATEGIES: Final = tuple(Strategy)
_ADVANCES: Final = tuple(Advance)
_ON_ROLLBACK: Final = tuple(OnRollback)
_USUAL_STEPS: Final[list[JsonValue]] = [
    {"setWeight": percent_from_share(step.share)}
    for step in DEFAULT_STEPS
    if isinstance(step, SetWeight)
]


class MirrorShape(Shape):
    """`rollout.mirror`."""

    concurrency: Annotated[
        int,
        PlainValidator(quantities.count(1, _MOST_COPIES)),
        schema(type="integer", minimum=1, maximum=_MOST_COPIES),
    ] = Field(
        default=_MIRROR.concurrency,
        description="Copies that run at once, in each worker.",
    )
    tokens_per_minute: (
        Annotated[
            int,
            PlainValidator(quantities.count(1, _MOST_TOKENS)),
            schema(type="integer", minimum=1, maximum=_MOST_TOKENS),
        ]
        | None
    ) = Field(
        default=_MIRROR.tokens_per_minute,
        description="Tokens of the copies and their answers, in each worker; null: no "
        "limit.",
    )
    control: Annotated[
        Share,
        PlainValidator(quantities.percent_up_to(_MOST_CONTROLS, _MOSTLY_PAIRS)),
        schema(type="number", minimum=0, maximum=_MOST_CONTROLS, multipleOf=0.001),
    ] = Field(
        default=_MIRROR.control,
        description="The percent of the copies that go to the baseline again, where a "
        "judge compares both answers: what it makes of those is noise.",
    )
    reverse: Percent = Field(
        default=_PLAN.reverse_mirror,
        description="After the last step, the percent of the candidate's requests that "
        "is copied to the baseline, to compare with.",
    )


class RolloutShape(Shape):
    """`services.NAME.rollout`."""

    later: ClassVar = {
        "webhooks": "Remove it; the journal has every change.",
        "approvals": "Remove it; write `- pause: {}` where somebody has to agree.",
    }

    strategy: Annotated[
        str,
        PlainValidator(names.choice("strategy", _STRATEGIES)),
        schema(enum=list(_STRATEGIES)),
    ] = Field(
        default=_PLAN.strategy.value,
        description="canary: by steps; blue_green: at once, after a preview; ab: at one "
        "weight, for comparison.",
    )
    autostart: YesNo = Field(
        default=_PLAN.autostart,
        description="Whether it begins by itself, once for each definition of the "
        "candidate.",
    )
    advance: Annotated[
        str,
        PlainValidator(names.choice("way to advance", _ADVANCES)),
        schema(enum=list(_ADVANCES)),
    ] = Field(
        default=_PLAN.advance.value,
        description="What ends a step that sets a weight: evidence, or the time of the "
        "pause behind it.",
    )
    steps: Annotated[
        list[StepShape], NotEmpty, AfterValidator(few(ramp.MOST_STEPS))
    ] = Field(
        default=[],
        description="In order, as Argo Rollouts has them. Left out: by strategy.",
        json_schema_extra={"maxItems": ramp.MOST_STEPS, "default": _USUAL_STEPS},
    )
    mirror: MirrorShape = Field(
        default=MirrorShape(),
        description="What copied requests may cost, and whether they go back.",
    )
    analysis: AnalysisShape = Field(
        default=AnalysisShape(),
        description="What must be known before a step passes, and how sure to be.",
    )
    on_rollback: Annotated[
        str,
        PlainValidator(names.choice("on_rollback", _ON_ROLLBACK)),
        schema(enum=list(_ON_ROLLBACK)),
    ] = Field(
        default=_PLAN.on_rollback.value,
        description="Conversations on a candidate that is taken back: immediate, they "
        "move with their next request; drain, they may end there.",
    )
    drain_timeout: Duration = Field(
        default=_PLAN.drain_timeout,
        description="For how long at most, where they drain.",
    )
    rollback_steps: Annotated[list[Percent], AfterValidator(few(ramp.MOST_STEPS))] = (
        Field(default=[], description="Weights on the way down; none: 0 at once.")
    )

    _plan: RolloutPlan = PrivateAttr()

    @model_validator(mode="after")
    def _leads_on(self) -> "RolloutShape":
        strategy = Strategy(self.strategy)
        self._plan = RolloutPlan(
            strategy=strategy,
            autostart=self.autostart,
            advance=Advance(self.advance),
            steps=tuple(each.step for each in self.steps) or ramp.USUAL_STEPS[strategy],
            mirror=MirrorLimits(
                concurrency=self.mirror.concurrency,
                tokens_per_minute=self.mirror.tokens_per_minute,
                control=self.mirror.control,
            ),
            reverse_mirror=self.mirror.reverse,
            analysis=self.analysis.plan(),
            on_rollback=OnRollback(self.on_rollback),
            drain_timeout=self.drain_timeout,
            rollback_steps=tuple(self.rollback_steps),
        )
        raise_all(ramp.misfits(self._plan))
        return self

    def plan_for(
        self,
        measured: Measured,
        segments: Sequence[Segment],
        candidates: tuple[str, ...] = (),
    ) -> RolloutPlan:
        """Give the domain's value, for a service that measures and slices like this.

        Args:
            measured: See Measured.
            segments: Of the service.
            candidates: Where there are several.

        Raises:
            Wrong: With metrics and segments that the service does not have.

        """
        drafts = [each.draft for each in self.analysis.metrics]
        findings: list[Finding] = []
        analysis = self._plan.analysis
        try:
            metrics = rules.completed(drafts, measured)
            analysis = replace(analysis, metrics=metrics)
        except Wrong as error:
            findings += [each.below("metrics") for each in error.findings]
        try:
            needed = required.resolved(self.analysis.require_segments, segments)
            analysis = replace(analysis, require_segments=needed)
        except Wrong as error:
            findings += [each.below("require_segments") for each in error.findings]
        raise_all(finding.below("rollout", "analysis") for finding in findings)
        plan = replace(self._plan, analysis=analysis)
        if candidates:
            plan = several.in_lanes(plan, candidates, has_steps=bool(self.steps))
            raise_all(each.below("rollout") for each in several.crowded(plan))
        return plan
