"""A rollout: its plan, as the configuration has it, and where it stands.

Names of steps are those of Argo Rollouts, so that a plan pastes in unchanged. Frozen
values (steps are tagged, so that JSON tells them apart); delivery/ moves from one standing to the next, analysis/ says what is known.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from gateway.domain.lane import largest_share
from gateway.domain.units import Seconds, Share


class Strategy(StrEnum):
    """How a candidate takes over."""

    CANARY = "canary"
    BLUE_GREEN = "blue_green"
    AB = "ab"


class Advance(StrEnum):
    """What ends a step that sets a weight: proof, or the time of the pause behind it."""

    EVIDENCE = "evidence"
    TIME = "time"


class OnFailure(StrEnum):
    """What is done when a metric regresses."""

    ROLLBACK = "rollback"
    PAUSE = "pause"
    WARN = "warn"


class CountedBy(StrEnum):
    """What a unit of evidence is: a sticky key, or each request."""

    KEY = "key"
    REQUEST = "request"


class OnRollback(StrEnum):
    """What becomes of conversations on a candidate that is taken back."""

    IMMEDIATE = "immediate"
    DRAIN = "drain"


class Statistic(StrEnum):
    """What of a signal is compared."""

    RATE = "rate"  # of a flag
    MEAN = "mean"  # of a score from 0 to 1
    DISTRIBUTION = "distribution"  # of a positive amount, shift and tails
    P50 = "p50"
    P95 = "p95"
    P99 = "p99"


class Worse(StrEnum):
    """Which way is bad news."""

    HIGHER = "higher"
    LOWER = "lower"


class SetWeight(msgspec.Struct, frozen=True, kw_only=True, tag="setWeight"):
    """Give the candidate this weight, and hold until it is proven or time is up."""

    share: Share


class Pause(msgspec.Struct, frozen=True, kw_only=True, tag="pause"):
    """Wait; with no duration until somebody resumes or promotes."""

    duration: Seconds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderMatch:
    """What a request header must be; exactly one of the three is set.

    Attributes:
        name: Lower case.
        exact: The whole value.
        prefix: How it begins.
        regex: A regular expression that fits the whole value (answers.patterns' subset).

    """

    name: str
    exact: str | None = None
    prefix: str | None = None
    regex: str | None = None


class SetHeaderRoute(msgspec.Struct, frozen=True, kw_only=True, tag="setHeaderRoute"):
    """Send requests that match to the candidate, whatever the weight.

    Attributes:
        name: Unique within a plan; a later step of this name replaces the route.
        match: All must fit; none: the route is removed.

    """

    name: str
    match: tuple[HeaderMatch, ...] = ()


class SetMirrorRoute(msgspec.Struct, frozen=True, kw_only=True, tag="setMirrorRoute"):
    """Copy part of the baseline's requests to the candidate, whose answers nobody sees.

    Attributes:
        name: Unique within a plan; a later step of this name replaces the route.
        share: Of the baseline's requests; 0: the route is removed.
        match: Only requests that fit all; none: any.

    """

    name: str
    share: Share
    match: tuple[HeaderMatch, ...] = ()


class Analyse(msgspec.Struct, frozen=True, kw_only=True, tag="analysis"):
    """Hold until every metric is proven, or for this long without a regression."""

    duration: Seconds | None = None


Step: TypeAlias = SetWeight | Pause | SetHeaderRoute | SetMirrorRoute | Analyse


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """How much worse than the baseline a candidate may be, to pass.

    Attributes:
        relative: 0.25: a quarter more (or less, where less is worse).
        absolute: Added to that, in the metric's own unit; 0.005 is half a point of a rate.

    """

    relative: float = 0.0
    absolute: float = 0.0


FEEDBACK: Final = "feedback:"
"""Before the name of feedback, where signals are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRule:
    """A metric that guards a rollout.

    Attributes:
        signal: error_rate, client_error_rate, cancel_rate, the name of an outcome,
            duration, time_to_first_token, time_per_output_token, cost, input_tokens,
            output_tokens, the name of a signal, or feedback:NAME.
        statistic: None: as the signal's kind has it.
        worse: None: as the signal has it.
        importance: Its weight when alpha is shared out; more than 0.
        margin: None: the ladder of analysis/design.py.
        on_failure: See OnFailure.
        ceiling: Absolute limit of the statistic, in its own unit; outside alpha.

    """

    signal: str
    statistic: Statistic | None = None
    worse: Worse | None = None
    importance: float = 1.0
    margin: Margin | None = None
    on_failure: OnFailure = OnFailure.ROLLBACK
    ceiling: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisPlan:
    """What must be known before a step passes, and how sure we want to be.

    Attributes:
        alpha: Chance of a false rollback over the whole rollout.
        beta: Chance that a step passes a candidate worse than its margin.
        unit: What counts once.
        washout: Exchanges of a key after a change of the weight that are no evidence of
            durations, tokens or cost.
        warmup: The same for requests without a key.
        window: After how long a key counts once more; None: 10 minutes, or a 200th of
            the longest the plan may take, whichever is more.
        closes_after: How long a key's exchanges are added up for promotion.
        closes_exchanges: And how many of them; at most proxy.units.RECORDED.
        grace: How long exchanges that still run then are waited for: until it is over
            nothing of the key is counted for promotion.
        minimum_units: Of the candidate, before any step may pass.
        dwell: Least time in a step that sets a weight.
        step_timeout: Then it pauses, inconclusive.
        bake: How long the baseline keeps `holdback` after the last step.
        holdback: The baseline's weight then.
        watch: How long a blue-green switch is watched.
        strict: Narrower margins on the last step that compares.
        metrics: In order; none: the default ones.
        require_segments: (segment, value) that need minimum_units too.

    """

    alpha: float = 0.01
    beta: float = 0.05
    unit: CountedBy = CountedBy.KEY
    washout: int = 1
    warmup: Seconds = Seconds(0.0)
    window: Seconds | None = None
    closes_after: Seconds = Seconds(600.0)
    closes_exchanges: int = 20
    grace: Seconds = Seconds(35.0)
    minimum_units: int = 30
    dwell: Seconds = Seconds(60.0)
    step_timeout: Seconds = Seconds(86_400.0)
    bake: Seconds = Seconds(3600.0)
    holdback: Share = Share(5_000)
    watch: Seconds = Seconds(600.0)
    strict: bool = False
    metrics: tuple[MetricRule, ...] = ()
    require_segments: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorLimits:
    """What mirroring may cost.

    Attributes:
        concurrency: Copies that run at once, of one worker.
        tokens_per_minute: Input and output of the copies, of one worker; None: no limit.
        control: Part of what will be compared that is copied to the baseline again.

    """

    concurrency: int = 16
    tokens_per_minute: int | None = 100_000
    control: Share = Share(10_000)


DEFAULT_STEPS: tuple[Step, ...] = tuple(
    SetWeight(share=Share(share)) for share in (5_000, 25_000, 50_000, 100_000)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutPlan:
    """What a service's `rollout` says.

    Attributes:
        strategy: See Strategy.
        autostart: Begin by itself, once for each definition of the candidate.
        advance: See Advance.
        steps: In order, one or more.
        mirror: See MirrorLimits.
        reverse_mirror: Part of the candidate's requests to copy back, after the last step.
        analysis: See AnalysisPlan.
        on_rollback: See OnRollback.
        drain_timeout: How long conversations may finish on the candidate.
        rollback_steps: Weights on the way down; none: 0 at once.
        lanes: All candidates of the service, where there are several: each has a lane of
            its own (domain.lane). Weights here are of the whole service all the same;
            `analysis.alpha` is this candidate's part.

    """

    strategy: Strategy = Strategy.CANARY
    autostart: bool = False
    advance: Advance = Advance.EVIDENCE
    steps: tuple[Step, ...] = DEFAULT_STEPS
    mirror: MirrorLimits = MirrorLimits()
    reverse_mirror: Share = Share(0)
    analysis: AnalysisPlan = AnalysisPlan()
    on_rollback: OnRollback = OnRollback.IMMEDIATE
    drain_timeout: Seconds = Seconds(600.0)
    rollback_steps: tuple[Share, ...] = ()
    lanes: tuple[str, ...] = ()

    @property
    def ways(self) -> int:
        """Into how many lanes the service's keys are cut; 1: into none."""
        return len(self.lanes) or 1

    @property
    def most(self) -> Share:
        """All that the candidate can have of the service: of its lane all."""
        return largest_share(self.ways)


class Phase(StrEnum):
    """Where a rollout stands. The last three are terminal."""

    IDLE = "idle"
    PROGRESSING = "progressing"
    PAUSED = "paused"
    BAKING = "baking"
    ROLLING_BACK = "rolling_back"
    """On the way down by `rollback_steps`: decided, and nothing raises a weight now."""
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    ABORTED = "aborted"


class PauseReason(StrEnum):
    """Why it is paused."""

    STEP = "step"
    OPERATOR = "operator"
    INCONCLUSIVE = "inconclusive"
    NO_DATA = "no_data"
    WAITING_FOR_APPROVAL = "waiting_for_approval"
    INTEGRITY = "integrity"
    METRIC = "metric"
    """A metric whose on_failure is pause has regressed, or a ceiling was passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a service's rollout stands. No clock: time is what was counted in ticks.

    Attributes:
        phase: See Phase.
        pause: Why, when paused; else None.
        attempt: 0 before the first start; grows with each start and retry.
        baseline: The version that was the baseline when it began; "" before.
        filed: The baseline that the configuration named then: another one where what
            was promoted before serves; "" before.
        against: Hash of what the baseline was defined as then; "" where nobody said.
        candidate: The version under release; "" before.
        definition: Hash of what the candidate was defined as at its start.
        plan: The plan, frozen at start; None before.
        plan_hash: Of it, for the journal.
        salt: What sticky keys are hashed with, fresh for each attempt.
        step: Index of the current step; the number of steps after the last.
        stage: How many weights, and mirrors of a candidate without weight, were begun
            with in this attempt, by steps and at last by the bake: what is proven is
            proven afresh in each. 0: nothing has begun yet.
        in_step: Seconds in it, not counting pauses that are not in the plan.
        waited: Seconds of in_step that count for step_timeout: since the step could have
            ended, or since somebody resumed.
        in_phase: Seconds in this phase.
        share: The candidate's weight as the rollout wants it.
        header_routes: In force.
        mirror_routes: In force.
        reverse_mirror: Of the candidate's requests, which part is copied to the baseline.
        is_killed: The kill switch is on, whatever the phase.
        serves: After a promotion: the version that serves as baseline; None before.
        ends_in: While rolling back: the phase it ends in; else None.
        void: Why nothing can be proven any more in this attempt; None: it can.
        examinations: How many were begun in this attempt: the first, and one each time
            that its evidence was lost or could not be read. Each spends of its alpha.
        told: What was answered once in this attempt and is not answered again: failed
            metrics that pause or warn.
        outlived: Versions that served before one that was promoted, in order: what
            their servers hold may still be asked for.
        drain_left: Seconds for which what began on the candidate may still go on there,
            after a rollback that drains; 0: for none.
        cause: The last thing that happened to it, in a sentence or two.

    """

    phase: Phase = Phase.IDLE
    pause: PauseReason | None = None
    attempt: int = 0
    baseline: str = ""
    filed: str = ""
    against: str = ""
    candidate: str = ""
    definition: str = ""
    plan: RolloutPlan | None = None
    plan_hash: str = ""
    salt: str = ""
    step: int = 0
    stage: int = 0
    in_step: Seconds = Seconds(0.0)
    waited: Seconds = Seconds(0.0)
    in_phase: Seconds = Seconds(0.0)
    share: Share = Share(0)
    header_routes: tuple[SetHeaderRoute, ...] = ()
    mirror_routes: tuple[SetMirrorRoute, ...] = ()
    reverse_mirror: Share = Share(0)
    is_killed: bool = False
    serves: str | None = None
    ends_in: Phase | None = None
    void: str | None = None
    examinations: int = 1
    told: tuple[str, ...] = ()
    outlived: tuple[str, ...] = ()
    drain_left: Seconds = Seconds(0.0)
    cause: str = ""


TERMINAL = frozenset({Phase.PROMOTED, Phase.ROLLED_BACK, Phase.ABORTED})
