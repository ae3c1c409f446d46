"""What can happen to a rollout, and what the machine answers.

Nothing here has a clock: time passes by Ticked alone. Who did it and in which words is
for the journal, which control/ writes.
"""

from dataclasses import dataclass
from typing import TypeAlias

from gateway.domain.rollout import RolloutPlan, Standing
from gateway.domain.units import Seconds, Share
from gateway.domain.verdict import Assessment, Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A rollout begins: by hand, or by autostart.

    The candidate has no weight yet: the first tick that finds its endpoints healthy
    enters the first step.

    Attributes:
        plan: Frozen for this attempt.
        plan_hash: Of it.
        baseline: The version that serves.
        candidate: The version under release.
        definition: Hash of what the candidate is defined as.
        salt: Fresh: no other attempt had it.
        filed: The baseline that the configuration names; "": the same.
        against: Hash of what the baseline is defined as; "": not said.

    """

    plan: RolloutPlan
    plan_hash: str
    baseline: str
    candidate: str
    definition: str
    salt: str
    filed: str = ""
    against: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """The same candidate once more: from the first step, with fresh coins and evidence.

    Attributes:
        plan: As the configuration has it now; frozen for this attempt.
        plan_hash: Of it.
        definition: Of the candidate, as it is now.
        salt: Fresh: no other attempt had it.
        baseline: The version that serves now; "": as before.
        filed: See Started; "": as before.
        against: See Started.

    """

    plan: RolloutPlan
    plan_hash: str
    definition: str
    salt: str
    baseline: str = ""
    filed: str = ""
    against: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """Time passed, and this is known by now.

    Attributes:
        elapsed: Seconds since the last tick of this process; 0 at its first.
        attempt: Standing.attempt that the assessment is of. Another one is not read.
        stage: Standing.stage that it is of: units, and what is proven, are counted since
            that stage began. Of another stage only what regressed is read, and what
            makes it void.
        assessment: The empty one while nothing can be assessed: it holds.
        is_healthy: Whether the candidate has a healthy endpoint; a weight rises only
            then.

    """

    elapsed: Seconds
    attempt: int
    stage: int
    assessment: Assessment = Assessment()
    is_healthy: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """Somebody paused it; the weight stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """Somebody resumed it: a pause of the plan is over, any other goes back to its step.

    Attributes:
        is_healthy: See Ticked.

    """

    is_healthy: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """Somebody says that this step is passed, whatever is proven.

    Attributes:
        is_full: Not only the step but all that is left, and the bake: 100 % at once.
            The one way up that asks for no health either: where the baseline is down
            there is nothing to wait for.
        is_healthy: See Ticked.

    """

    is_full: bool = False
    is_healthy: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Aborted:
    """Somebody gave it up. A second one cuts `rollback_steps` short.

    Attributes:
        because: What happened that ends it, in a sentence; "": somebody wants it so.

    """

    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """Everything to the baseline, now, whatever is going on; after a promotion too.

    Attributes:
        baseline: The version that serves now, for the words; "": that of the attempt.

    """

    baseline: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unkilled:
    """The kill switch goes off; the weight stays 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightSet:
    """Somebody set the candidate's weight by hand.

    Attributes:
        share: The weight.

    """

    share: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Redefined:
    """The configuration now defines the baseline or the candidate as something else.

    Attributes:
        version: Which of them.
        definition: Hash of what it is now.

    """

    version: str
    definition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeChanged:
    """What guards this rollout is not judged any more as it was when it began.

    Attributes:
        said: What has changed, in a sentence.

    """

    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateGone:
    """The configuration no longer names this candidate, or has no rollout any more.

    Attributes:
        because: What it says instead, in a sentence; "": just that.

    """

    because: str = ""


def outdone_by(candidate: str) -> Aborted:
    """Give what the promotion of another candidate is to the rollouts beside it."""
    return Aborted(because=f"{candidate} was promoted in its place.")


Event: TypeAlias = (
    Started
    | Retried
    | Ticked
    | Paused
    | Resumed
    | Promoted
    | Aborted
    | Killed
    | Unkilled
    | WeightSet
    | Redefined
    | JudgeChanged
    | CandidateGone
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What an event came to.

    Attributes:
        standing: Where the rollout stands now.
        cause: What happened and why, in a sentence or two, with the numbers; "" when
            nothing happened but time.
        raises: It gives the candidate more than it had: what raises is kept durably
            before it is published; everything else is published first.
        findings: What it was decided by, the worst first; none: not by evidence.

    """

    standing: Standing
    cause: str = ""
    raises: bool = False
    findings: tuple[Finding, ...] = ()
