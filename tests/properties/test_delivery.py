"""Whatever happens to a rollout, in whatever order, the promises hold."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from gateway.control.standings import effective, share_of
from gateway.control.weights import routed
from gateway.delivery.causes import odds
from gateway.delivery.events import (
    Aborted,
    CandidateGone,
    Event,
    JudgeChanged,
    Killed,
    Moved,
    Paused,
    Promoted,
    Redefined,
    Resumed,
    Retried,
    Started,
    Ticked,
    Unkilled,
    WeightSet,
)
from gateway.delivery.exposure import has_any
from gateway.delivery.machine import COMMANDS, KILLED, TABLE, answer, possible, where
from gateway.delivery.steps import steps_of
from gateway.domain.errors import NotAllowedNow
from gateway.domain.rollout import (
    Advance,
    Analyse,
    AnalysisPlan,
    HeaderMatch,
    OnFailure,
    OnRollback,
    Pause,
    PauseReason,
    Phase,
    RolloutPlan,
    SetHeaderRoute,
    SetMirrorRoute,
    SetWeight,
    Standing,
    Strategy,
)
from gateway.domain.service import Endpoint, Service, Version
from gateway.domain.units import BUCKETS, Seconds, Share
from gateway.domain.verdict import Assessment, Finding, Verdict
from gateway.handoff.routing_table import RoutedService
from gateway.proxy.pins import followed
from gateway.state.store import Change, Weight

ON = {Phase.PROGRESSING, Phase.PAUSED, Phase.BAKING}
BY_HAND_UP = (Promoted, Resumed, WeightSet)

shares = st.integers(0, BUCKETS).map(Share)
lengths = st.sampled_from([0.0, 1.0, 60.0, 100.0]).map(Seconds)
matches = st.sampled_from([(), (HeaderMatch(name="x-staff", exact="1"),)])
steps = st.one_of(
    st.builds(SetWeight, share=st.one_of(st.just(Share(BUCKETS)), shares)),
    st.builds(Pause, duration=st.none() | lengths),
    st.builds(SetHeaderRoute, name=st.sampled_from("ab"), match=matches),
    st.builds(
        SetMirrorRoute,
        name=st.sampled_from("ab"),
        share=st.sampled_from([Share(0), Share(500), Share(9_000)]),
    ),
    st.builds(Analyse, duration=st.none() | lengths),
)
plans = st.builds(
    RolloutPlan,
    strategy=st.sampled_from(Strategy),
    advance=st.sampled_from(Advance),
    steps=st.lists(steps, min_size=1, max_size=5).map(tuple),
    analysis=st.builds(
        AnalysisPlan,
        dwell=lengths,
        bake=lengths,
        watch=lengths,
        step_timeout=st.sampled_from([Seconds(50.0), Seconds(1e5)]),
        holdback=st.sampled_from([Share(0), Share(5_000), Share(60_000)]),
        minimum_units=st.sampled_from([0, 30]),
    ),
    reverse_mirror=st.sampled_from([Share(0), Share(10_000)]),
    rollback_steps=st.lists(shares, max_size=3).map(tuple),
    on_rollback=st.sampled_from(OnRollback),
    drain_timeout=st.sampled_from([Seconds(1.0), Seconds(150.0)]),
)
findings = st.builds(
    Finding,
    metric=st.sampled_from(["error_rate", "duration"]),
    segment=st.sampled_from([None, ("tenant", "a")]),
    on_failure=st.sampled_from(OnFailure),
    verdict=st.just(Verdict.REGRESSED),
    log_e=st.floats(7.0, 5000.0),
    log_threshold=st.just(7.0),
    is_ceiling=st.booleans(),
)
quiet = st.builds(
    Assessment,
    proven=st.booleans(),
    baseline_units=st.sampled_from([0, 500]),
    candidate_units=st.sampled_from([0, 10, 500]),
    short_segments=st.sampled_from([(), (("tenant", "a"),)]),
    units_needed=st.sampled_from([None, 100]),
)
noisy = st.builds(
    replace,
    quiet,
    regressed=st.lists(findings, max_size=2).map(tuple),
    integrity=st.sampled_from([None, None, "The split is not as tossed."]),
)


class Rollouts(RuleBasedStateMachine):
    """Everything that can happen to the rollouts of one service."""

    def __init__(self) -> None:
        super().__init__()
        self.standing = Standing()
        self.salts = 0

    @initialize(plan=plans)
    def starts(self, plan: RolloutPlan) -> None:
        """Begin, so that most runs see more than an idle service."""
        self.start(plan)

    @rule(plan=plans)
    def start(self, plan: RolloutPlan) -> None:
        self.salts += 1
        self.happens(
            Started(
                plan=plan,
                plan_hash="h",
                baseline=self.standing.serves or "v1",
                candidate=f"v{self.salts + 1}",
                definition=f"d{self.salts}",
                salt=str(self.salts),
            )
        )

    @rule(plan=plans)
    def retry(self, plan: RolloutPlan) -> None:
        self.salts += 1
        salt = str(self.salts)
        self.happens(Retried(plan=plan, plan_hash="h", definition="d", salt=salt))

    @rule(elapsed=lengths, known=quiet, is_healthy=st.sampled_from([True, True, False]))
    def time_passes(
        self, elapsed: Seconds, known: Assessment, *, is_healthy: bool
    ) -> None:
        self.ticks(elapsed, known, is_healthy=is_healthy)

    @rule(known=noisy)
    def bad_news_come(self, known: Assessment) -> None:
        self.ticks(Seconds(0.25), known, is_healthy=True)

    @rule(is_healthy=st.sampled_from([True, True, False]))
    def all_is_proven(self, *, is_healthy: bool) -> None:
        """Let it go on, so that runs reach its end."""
        known = Assessment(proven=True, baseline_units=500, candidate_units=500)
        self.ticks(Seconds(100.0), known, is_healthy=is_healthy)

    @rule(event=st.sampled_from([Paused(), Resumed(), Resumed(is_healthy=False)]))
    def it_is_held_or_let_go(self, event: Event) -> None:
        self.happens(event)

    @rule(
        event=st.sampled_from([
            Promoted(),
            Promoted(is_healthy=False),
            Promoted(is_full=True),
        ])
    )
    def it_is_promoted(self, event: Event) -> None:
        self.happens(event)

    @rule(event=st.sampled_from([Aborted(), Killed(), CandidateGone()]))
    def it_is_ended(self, event: Event) -> None:
        self.happens(event)

    @precondition(lambda self: self.standing.is_killed)
    @rule()
    def the_kill_ends(self) -> None:
        self.happens(Unkilled())

    @rule(share=shares)
    def the_weight_is_set(self, share: Share) -> None:
        self.happens(WeightSet(share=share))

    @rule(version=st.sampled_from(["v1", "v2", "v9"]))
    def something_is_redefined(self, version: str) -> None:
        self.happens(Redefined(version=version, definition="other"))

    @rule()
    def a_judge_changes(self) -> None:
        self.happens(JudgeChanged(said="The judge is another one."))

    def ticks(self, elapsed: Seconds, known: Assessment, *, is_healthy: bool) -> None:
        self.happens(
            Ticked(
                elapsed=elapsed,
                attempt=self.standing.attempt,
                stage=self.standing.stage,
                assessment=known,
                is_healthy=is_healthy,
            )
        )

    def happens(self, event: Event) -> None:
        """Let it happen, and hold the answer against the promises."""
        before = self.standing
        try:
            moved = answer(before, event)
        except NotAllowedNow as refused:
            assert refused.status == 409
            assert ", ".join(possible(before)) in str(refused)
            self.is_refused_rightly(before, event)
            return
        self.standing = moved.standing
        self.went_as_the_table_says(before, event)
        self.went_down_at_once(before, event, moved)
        self.went_up_rightly(before, event, moved)
        self.began_to_drain_rightly(before, event)
        self.said_why(before, moved)

    def is_refused_rightly(self, before: Standing, event: Event) -> None:
        is_ill = isinstance(event, Promoted | Resumed) and not event.is_healthy
        assert is_ill or COMMANDS[type(event)] not in possible(before)

    def went_as_the_table_says(self, before: Standing, event: Event) -> None:
        row = TABLE.get((where(before), type(event)))
        to = row.to if row is not None else ()
        assert where(self.standing) in {where(before), *to}

    def went_down_at_once(self, before: Standing, event: Event, moved: Moved) -> None:
        after = moved.standing
        if after.share < before.share:
            assert not moved.raises
        is_down = isinstance(event, Aborted | Killed | CandidateGone)
        if before.phase in ON and (is_down or _rolls_back(event)):
            assert after.phase not in ON
            assert after.share < before.share or after.share == 0
            assert not after.header_routes
            assert not after.mirror_routes
            assert not after.reverse_mirror
        if isinstance(event, Killed):
            assert not has_any(after)

    def went_up_rightly(self, before: Standing, event: Event, moved: Moved) -> None:
        after = moved.standing
        if after.share <= before.share:
            return
        assert moved.raises
        assert isinstance(event, (*BY_HAND_UP, Ticked))
        assert not before.is_killed
        if isinstance(event, Ticked):
            assert event.is_healthy
            assert before.void is None
            assert before.phase in ON
        if isinstance(event, Ticked) and after.phase is Phase.PROMOTED:
            assert before.phase is Phase.BAKING or not _bakes(before)

    def began_to_drain_rightly(self, before: Standing, event: Event) -> None:
        """Only what is taken back now leaves something; and it only ever gets less."""
        after = self.standing
        if after.drain_left <= before.drain_left:
            return
        assert before.phase in {*ON, Phase.ROLLING_BACK}
        assert isinstance(event, Aborted | Ticked)
        assert after.plan is not None
        assert after.plan.on_rollback is OnRollback.DRAIN
        assert before.share or before.header_routes

    def said_why(self, before: Standing, moved: Moved) -> None:
        """Whoever publishes and journals may go by the cause alone."""
        if moved.cause:
            assert moved.standing.cause == moved.cause
        else:
            assert _without_time(moved.standing) == _without_time(before)
            assert not moved.raises

    @precondition(lambda self: self.standing.phase is Phase.IDLE)
    @invariant()
    def an_idle_service_has_no_routes(self) -> None:
        assert not self.standing.header_routes
        assert not self.standing.mirror_routes

    @invariant()
    def no_ended_rollout_has_traffic(self) -> None:
        if self.standing.phase in {Phase.ROLLED_BACK, Phase.ABORTED}:
            assert not has_any(self.standing)
        if where(self.standing) == KILLED:
            assert not has_any(self.standing)
            assert self.standing.phase not in {*ON, Phase.PROMOTED, Phase.ROLLING_BACK}

    @invariant()
    def a_drain_ends_in_time(self) -> None:
        """Whatever else happens; and a kill leaves nothing to drain."""
        standing = self.standing
        if not standing.drain_left:
            return
        assert standing.phase in {Phase.ROLLED_BACK, Phase.ABORTED}
        assert not standing.is_killed
        assert standing.plan is not None
        drained = standing.in_phase + standing.drain_left
        assert drained <= standing.plan.drain_timeout + 1e-6

    @invariant()
    def no_state_is_followed_to_what_was_taken_back(self) -> None:
        """Look at what workers get: at most a drain, and no new conversation in it."""
        standing = self.standing
        ended = standing.phase in {Phase.ROLLED_BACK, Phase.ABORTED}
        if not (ended or standing.is_killed) or not standing.candidate:
            return
        table = _table_of(standing)
        assert table.share == 0
        assert not table.notes_keys
        assert table.is_draining == (standing.drain_left > 0)
        if not standing.drain_left:
            assert standing.candidate not in followed([table])

    @invariant()
    def what_served_before_is_followed_after_a_promotion(self) -> None:
        standing = self.standing
        if standing.phase is Phase.PROMOTED:
            both = {standing.baseline, standing.candidate}
            assert both <= followed([_table_of(standing)])

    @invariant()
    def copies_go_back_only_after_the_last_step_of_what_is_on(self) -> None:
        standing = self.standing
        if standing.reverse_mirror:
            assert standing.phase in ON
            assert standing.plan is not None
            assert standing.reverse_mirror == standing.plan.reverse_mirror
            assert standing.step == len(steps_of(standing.plan))
            assert not standing.mirror_routes
            assert not standing.is_killed

    @invariant()
    def what_it_stands_for_is_whole(self) -> None:
        standing = self.standing
        assert 0 <= standing.share <= BUCKETS
        assert (standing.pause is not None) == (standing.phase is Phase.PAUSED)
        assert (standing.ends_in is not None) == (standing.phase is Phase.ROLLING_BACK)
        assert (standing.phase is not Phase.PROMOTED) or standing.share == BUCKETS
        assert standing.waited <= standing.in_step
        if standing.plan is not None:
            assert 0 <= standing.step <= len(steps_of(standing.plan))
        if standing.void is not None and standing.phase in ON:
            assert standing.pause is PauseReason.INTEGRITY

    @invariant()
    def a_restart_loses_nothing(self) -> None:
        kept = msgspec.json.encode(self.standing)
        assert msgspec.json.decode(kept, type=Standing) == self.standing


def _without_time(standing: Standing) -> Standing:
    none = Seconds(0.0)
    return replace(standing, in_step=none, waited=none, in_phase=none, drain_left=none)


def _table_of(standing: Standing) -> RoutedService:
    """Give what workers get of the service."""
    places = (Endpoint(url="http://m", host="m", port=80, base_path=""),)
    service = Service(
        name="chat",
        versions=tuple(
            Version(name=name, endpoints=places)
            for name in dict.fromkeys((standing.baseline, standing.candidate))
        ),
        baseline=standing.baseline,
        candidate=standing.candidate,
    )
    weight = Weight(
        service="chat",
        candidate=standing.candidate,
        share=share_of(standing),
        configured_share=Share(0),
        salt=standing.salt,
        revision=1,
        change=Change(by="", reason="", at=0.0),
    )
    known = replace(standing, definition="")  # nobody has defined it otherwise since
    return routed(effective(service, known), weight, known)


def _rolls_back(event: Event) -> bool:
    return isinstance(event, Ticked) and any(
        finding.on_failure is OnFailure.ROLLBACK and not finding.is_ceiling
        for finding in event.assessment.regressed
    )


def _bakes(standing: Standing) -> bool:
    plan = standing.plan
    assert plan is not None
    is_watched = plan.strategy is Strategy.BLUE_GREEN
    return bool(plan.analysis.watch if is_watched else plan.analysis.bake)


TestRollouts = Rollouts.TestCase
TestRollouts.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None
)


@given(known=st.floats())
def test_any_wealth_can_be_written(known: float) -> None:
    assert odds(known).endswith(" : 1")


@pytest.mark.parametrize("phase", [Phase.ROLLED_BACK, Phase.ABORTED, Phase.PROMOTED])
def test_a_terminal_phase_is_left_by_few(phase: Phase) -> None:
    leaving = {
        event for (place, event), row in TABLE.items() if place == phase and row.to
    }

    allowed = {Started, Retried, Killed}
    if phase is Phase.PROMOTED:
        allowed = {Started, Killed, CandidateGone}
    assert leaving == allowed
